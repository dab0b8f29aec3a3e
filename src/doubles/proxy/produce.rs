//! Writing the records of a request with librdkafka, and answering for each.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{DeliveryFuture, FutureProducer, FutureRecord, Producer as _};

use super::ProxyConfig;
use super::failure::{Around, Failure, MAX_REQUEST_SIZE};
use super::faults::{Strike, Treatment, plan};
use super::request::ProduceRecord;
use crate::doubles::fault::Injector;

/// How often a record whose partition is not known yet is tried again.
const RETRY: Duration = Duration::from_millis(100);

pub(super) struct Producer {
    client: FutureProducer,
    max_block: Duration,
    delivery_timeout: Duration,
    injectors: Vec<Arc<Injector>>,
    /// The last position this proxy wrote in each topic: what a fault that writes nothing pretends to follow.
    last: Mutex<HashMap<String, (i32, i64)>>,
}

/// Whether a request's records may meet the proxy's faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Faults {
    /// As the injectors say.
    AsPlanned,
    /// Not at all: another box's fault has befallen them already.
    NotHere,
}

/// Where a record stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) partition: i32,
    pub(super) offset: i64,
    /// Milliseconds since 1970.
    pub(super) timestamp: Option<i64>,
}

/// What a record is answered with.
pub(super) type Outcome = Result<Position, Failure>;

/// A record on its way, or not.
enum Pending {
    Enqueued(DeliveryFuture),
    Failed(KafkaError),
    Dropped,
}

impl Producer {
    /// A producer with the settings that the real proxy's Java client has by default since 7.0: acks from
    /// all replicas, no idempotence, no lingering, murmur2 partitioning.
    pub(super) fn new(config: &ProxyConfig) -> Result<Self, KafkaError> {
        let size = MAX_REQUEST_SIZE.to_string();
        let delivery_timeout = config.delivery_timeout.as_millis().max(1).to_string();
        let max_block = config.max_block.as_millis().to_string();
        let client = config.kafka.client(
            "landfall-proxy",
            &[
                ("acks", "all"),
                ("linger.ms", "0"),
                ("partitioner", "murmur2_random"),
                ("max.in.flight.requests.per.connection", "5"),
                ("message.max.bytes", &size),
                ("message.timeout.ms", &delivery_timeout),
                ("topic.metadata.propagation.max.ms", &max_block),
                ("socket.nagle.disable", "true"),
            ],
        );
        Ok(Self {
            client: client.create()?,
            max_block: config.max_block,
            delivery_timeout: config.delivery_timeout,
            injectors: config.injectors.clone(),
            last: Mutex::default(),
        })
    }

    /// Begins to write `records` in their order, as its faults command. Ends when all have been handed to the client.
    pub(super) async fn begin(
        self: Arc<Self>,
        topic: String,
        path_partition: Option<i32>,
        records: Vec<ProduceRecord>,
        faults: Faults,
    ) -> InHand {
        let injectors = if faults == Faults::AsPlanned { self.injectors.as_slice() } else { &[] };
        let strikes = plan(injectors, &topic, path_partition, &records, Instant::now());
        let mut pending: Vec<Option<Pending>> = records.iter().map(|_| None).collect();
        let mut copies: Vec<Option<Pending>> = records.iter().map(|_| None).collect();
        for place in 0..records.len() {
            // A swapped record is written when its partner's turn comes.
            let index = order(&strikes, place);
            let record = &records[index];
            let treatment = strikes[index].as_ref().map(|strike| &strike.treatment);
            let value = match treatment {
                Some(Treatment::Replace(value)) => value.as_deref(),
                _ => record.value.as_deref(),
            };
            if matches!(treatment, Some(Treatment::Drop)) {
                pending[index] = Some(Pending::Dropped);
                continue;
            }
            pending[index] = Some(self.enqueue(&topic, path_partition, record, value).await);
            if matches!(treatment, Some(Treatment::Double)) {
                copies[index] = Some(self.enqueue(&topic, path_partition, record, value).await);
            }
        }
        InHand {
            producer: self,
            topic,
            path_partition,
            records,
            strikes,
            pending: pending.into(),
            copies,
            written: Vec::new(),
        }
    }

    /// Hands a record to the client. As Java's `send` does, it waits up to `max.block.ms` for buffer space or
    /// for a partition that the topic does not have yet.
    async fn enqueue(
        &self,
        topic: &str,
        path_partition: Option<i32>,
        record: &ProduceRecord,
        value: Option<&[u8]>,
    ) -> Pending {
        let deadline = Instant::now() + self.max_block;
        loop {
            let message = FutureRecord::<[u8], [u8]> {
                topic,
                partition: record.partition.or(path_partition),
                payload: value,
                key: record.key.as_deref(),
                timestamp: record.timestamp,
                headers: headers(record),
            };
            match self.client.send_result(message) {
                Ok(delivery) => return Pending::Enqueued(delivery),
                Err((KafkaError::MessageProduction(Code::QueueFull | Code::UnknownPartition), _))
                    if Instant::now() + RETRY < deadline =>
                {
                    tokio::time::sleep(RETRY).await;
                }
                Err((error, _)) => return Pending::Failed(error),
            }
        }
    }

    async fn outcome(
        &self,
        topic: &str,
        path_partition: Option<i32>,
        record: &ProduceRecord,
        pending: Option<Pending>,
    ) -> Outcome {
        let error = match pending {
            Some(Pending::Enqueued(delivery)) => match delivery.await {
                Ok(Ok(delivered)) => {
                    let (partition, offset) = (delivered.partition, delivered.offset);
                    self.last
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .insert(topic.to_owned(), (partition, offset));
                    let timestamp = delivered.timestamp.to_millis();
                    return Ok(Position { partition, offset, timestamp });
                }
                Ok(Err((error, _))) => error,
                Err(_) => KafkaError::Canceled,
            },
            Some(Pending::Failed(error)) => error,
            Some(Pending::Dropped) | None => {
                let last = self.last.lock().unwrap_or_else(PoisonError::into_inner).get(topic).copied();
                let (partition, offset) = last.unwrap_or((0, -1));
                return Ok(Position { partition, offset: offset + 1, timestamp: None });
            }
        };
        Err(Failure::of(
            &error,
            &Around {
                topic,
                partition: record.partition.or(path_partition),
                record,
                partitions: self.partitions(topic),
                max_block: self.max_block,
                delivery_timeout: self.delivery_timeout,
            },
        ))
    }

    /// The id of the cluster, asked of Kafka if need be. Blocks.
    pub(super) fn cluster_id(&self, patience: Duration) -> Option<String> {
        self.client.client().fetch_cluster_id(patience)
    }

    /// The number of partitions, if the client knows the topic.
    fn partitions(&self, topic: &str) -> Option<usize> {
        let metadata = self.client.client().fetch_metadata(Some(topic), Duration::from_secs(1)).ok()?;
        metadata.topics().first().map(|topic| topic.partitions().len())
    }
}

/// Records that have been handed to the client, and are answered for one after another.
pub(super) struct InHand {
    producer: Arc<Producer>,
    topic: String,
    path_partition: Option<i32>,
    records: Vec<ProduceRecord>,
    strikes: Vec<Option<Strike>>,
    pending: VecDeque<Option<Pending>>,
    copies: Vec<Option<Pending>>,
    /// Where the records that have been answered for really stand.
    written: Vec<Option<Position>>,
}

impl InHand {
    /// What the next record is answered with, when that is known; `None` after the last.
    pub(super) async fn next(&mut self) -> Option<Outcome> {
        let pending = self.pending.pop_front()?;
        let index = self.written.len();
        let record = &self.records[index];
        let mut outcome = self.producer.outcome(&self.topic, self.path_partition, record, pending).await;
        self.written.push(outcome.as_ref().ok().copied());
        let treatment = self.strikes[index].as_ref().map(|strike| &strike.treatment);
        if let (Some(Treatment::MisreportOffset), Ok(position)) = (treatment, &mut outcome) {
            position.offset += 1;
        }
        Some(outcome)
    }

    /// Ends it, after the last record: counts the faults that really befell one.
    pub(super) async fn finish(mut self) {
        for (index, strike) in self.strikes.iter().enumerate() {
            let Some(strike) = strike else { continue };
            let copied = match self.copies[index].take() {
                Some(copy) => {
                    let record = &self.records[index];
                    self.producer.outcome(&self.topic, None, record, Some(copy)).await.is_ok()
                }
                None => false,
            };
            if took_effect(strike, index, copied, &self.written) {
                strike.injector.took_effect(1);
            }
        }
    }
}

/// The headers as the client takes them; entries of one name stand together, as in the real proxy's multimap.
fn headers(record: &ProduceRecord) -> Option<OwnedHeaders> {
    if record.headers.is_empty() {
        return None;
    }
    let mut names: Vec<&str> = Vec::new();
    for (name, _) in &record.headers {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    let of_name = |name| record.headers.iter().filter(move |(found, _)| found == name);
    let headers = names.into_iter().flat_map(of_name).fold(OwnedHeaders::new(), |headers, (name, value)| {
        headers.insert(Header { key: name, value: value.as_ref() })
    });
    Some(headers)
}

/// Which record is written at this place of the request's order.
fn order(strikes: &[Option<Strike>], place: usize) -> usize {
    let swaps_with = |index: usize| match strikes[index].as_ref().map(|strike| &strike.treatment) {
        Some(Treatment::SwapWith(other)) => Some(*other),
        _ => None,
    };
    if let Some(other) = swaps_with(place) {
        return other;
    }
    (0..place).find(|index| swaps_with(*index) == Some(place)).unwrap_or(place)
}

/// Whether the fault really befell the record at `index`.
fn took_effect(strike: &Strike, index: usize, copied: bool, written: &[Option<Position>]) -> bool {
    let position = |index: usize| written.get(index).copied().flatten();
    match &strike.treatment {
        Treatment::Drop => true,
        Treatment::Double => position(index).is_some() && copied,
        Treatment::Replace(_) | Treatment::MisreportOffset => position(index).is_some(),
        Treatment::SwapWith(other) => {
            let both = position(index).zip(position(*other));
            both.is_some_and(|(mine, theirs)| {
                mine.partition == theirs.partition && mine.offset > theirs.offset
            })
        }
        Treatment::Swapped => false,
    }
}
