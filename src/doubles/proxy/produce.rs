//! Writing the records of a request with librdkafka, and answering for each.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{DeliveryFuture, FutureProducer, FutureRecord, Producer as _};

use super::ProxyConfig;
use super::failure::{Around, Failure, MAX_REQUEST_SIZE};
use super::faults::{Plan, Strike, Subject, Treatment, Whole, plan};
use super::in_hand::InHand;
use super::request::ProduceRecord;
use crate::doubles::fault::{Injector, of_kinds};
use crate::doubles::http::Client;
use crate::scenario::{FaultKind, ProxyRelease};

/// How often a record whose partition is not known yet is tried again.
const RETRY: Duration = Duration::from_millis(100);

pub(super) struct Producer {
    client: FutureProducer,
    release: ProxyRelease,
    max_block: Duration,
    delivery_timeout: Duration,
    injectors: Vec<Arc<Injector>>,
    /// The last position this proxy wrote in each topic: what a fault that writes nothing pretends to follow.
    last: Mutex<HashMap<String, (i32, i64)>>,
    /// Partitions of each topic that was asked about.
    known: Mutex<HashMap<String, i32>>,
    hiding: Vec<Arc<Injector>>,
    /// Whether a fault needs to know what was answered before.
    remembers: bool,
    /// Of each connection, the topic of the last request and where its records stand.
    answered: Mutex<HashMap<SocketAddr, (String, Vec<Position>)>>,
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

/// A produce request as it has been read.
pub(super) struct Call {
    pub(super) topic: String,
    /// The one that the path names.
    pub(super) partition: Option<i32>,
    pub(super) records: Vec<ProduceRecord>,
    pub(super) faults: Faults,
    /// Who waits for the answer.
    pub(super) client: Option<Client>,
}

/// A record on its way, or not.
pub(super) enum Pending {
    Enqueued(DeliveryFuture),
    Failed(KafkaError),
    Dropped,
}

impl Producer {
    /// A producer with the settings that the real proxy's Java client has by default since 7.0: acks from
    /// all replicas, no idempotence unless it is asked for, no lingering, murmur2 partitioning.
    pub(super) fn new(config: &ProxyConfig) -> Result<Self, KafkaError> {
        let size = MAX_REQUEST_SIZE.to_string();
        let delivery_timeout = config.delivery_timeout.as_millis().max(1).to_string();
        let max_block = config.max_block.as_millis().to_string();
        let mut settings = vec![
            ("acks", "all"),
            ("linger.ms", "0"),
            ("partitioner", "murmur2_random"),
            ("max.in.flight.requests.per.connection", "5"),
            ("message.max.bytes", &size),
            ("message.timeout.ms", &delivery_timeout),
            ("topic.metadata.propagation.max.ms", &max_block),
            ("socket.nagle.disable", "true"),
        ];
        if config.idempotence {
            settings.push(("enable.idempotence", "true"));
        }
        let client = config.kafka.client("landfall-proxy", &settings);
        Ok(Self {
            client: client.create()?,
            release: config.release,
            max_block: config.max_block,
            delivery_timeout: config.delivery_timeout,
            injectors: config.injectors.clone(),
            last: Mutex::default(),
            known: Mutex::default(),
            hiding: of_kinds(&config.injectors, &[FaultKind::HideFailure]),
            remembers: !of_kinds(&config.injectors, &[FaultKind::StaleAnswer]).is_empty(),
            answered: Mutex::default(),
        })
    }

    /// The release whose behaviour the proxy shows.
    pub(super) fn release(&self) -> ProxyRelease {
        self.release
    }

    /// What befalls a request.
    pub(super) async fn plan(self: &Arc<Self>, call: &Call) -> Plan {
        if call.faults == Faults::NotHere || self.injectors.is_empty() {
            return Plan { strikes: vec![None; call.records.len()], whole: None };
        }
        let shows = |kind| self.injectors.iter().any(|injector| injector.kind() == kind);
        let partitions =
            if shows(FaultKind::WrongPartition) { self.partitions_of(&call.topic).await } else { None };
        let previous = call.client.as_ref().and_then(|client| {
            let answered = self.answered.lock().unwrap_or_else(PoisonError::into_inner);
            answered.get(&client.address).filter(|(topic, _)| *topic == call.topic).cloned()
        });
        let subject = Subject {
            topic: &call.topic,
            partition: call.partition,
            partitions,
            records: &call.records,
            previous: previous.map(|(_, positions)| positions),
        };
        plan(&self.injectors, &subject, Instant::now())
    }

    /// Begins to write a request's records in their order, as its faults command. Ends when all have been handed to
    /// the client, but that a request which is to be answered late waits here.
    pub(super) async fn begin(self: Arc<Self>, call: Call, plan: Plan) -> InHand {
        let mut pending: Vec<Option<Pending>> = call.records.iter().map(|_| None).collect();
        let mut copies: Vec<Option<Pending>> = call.records.iter().map(|_| None).collect();
        for place in 0..call.records.len() {
            // A swapped record is written when its partner's turn comes.
            let index = order(&plan.strikes, place);
            let treatment = plan.strikes[index].as_ref().map(|strike| &strike.treatment);
            let record = match treatment {
                Some(Treatment::Alter(other)) => other,
                _ => &call.records[index],
            };
            if matches!(treatment, Some(Treatment::Drop)) {
                pending[index] = Some(Pending::Dropped);
                continue;
            }
            pending[index] = Some(self.enqueue(&call, record).await);
            if matches!(treatment, Some(Treatment::Double)) {
                copies[index] = Some(self.enqueue(&call, record).await);
            }
        }
        if let Some((Whole::Delayed(by), _)) = plan.whole {
            tokio::time::sleep(by).await;
        }
        let outcomes = vec![None; call.records.len()];
        InHand { producer: self, call, plan, pending, copies, outcomes, answered: 0, hidden: Vec::new() }
    }

    /// Hands a record to the client. As Java's `send` does, it waits up to `max.block.ms` for buffer space or
    /// for a partition that the topic does not have yet.
    async fn enqueue(&self, call: &Call, record: &ProduceRecord) -> Pending {
        let deadline = Instant::now() + self.max_block;
        loop {
            let message = FutureRecord::<[u8], [u8]> {
                topic: &call.topic,
                partition: record.partition.or(call.partition),
                payload: record.value.as_deref(),
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

    /// What became of the record at `index`.
    pub(super) async fn outcome(
        self: &Arc<Self>,
        call: &Call,
        index: usize,
        pending: Option<Pending>,
    ) -> Outcome {
        let (topic, record) = (call.topic.as_str(), &call.records[index]);
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
            Some(Pending::Dropped) | None => return Ok(self.pretended(topic)),
        };
        let partitions = match error.rdkafka_error_code() {
            Some(Code::UnknownTopic | Code::UnknownTopicOrPartition | Code::UnknownPartition) => {
                self.partitions(topic.to_owned()).await
            }
            _ => None,
        };
        Err(Failure::of(
            &error,
            &Around {
                topic,
                partition: record.partition.or(call.partition),
                record,
                partitions,
                max_block: self.max_block,
                delivery_timeout: self.delivery_timeout,
            },
        ))
    }

    /// Where a record might stand that is nowhere.
    pub(super) fn pretended(&self, topic: &str) -> Position {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner).get(topic).copied();
        let (partition, offset) = last.unwrap_or((0, -1));
        Position { partition, offset: offset + 1, timestamp: None }
    }

    /// The faults that report a failed record as written.
    pub(super) fn hiding(&self) -> &[Arc<Injector>] {
        &self.hiding
    }

    /// Keeps where a request's records stand, for a fault that answers the next of its connection so.
    pub(super) fn remember(&self, call: &Call, positions: Vec<Position>) {
        if let Some(client) = call.client.as_ref().filter(|_| self.remembers) {
            let mut answered = self.answered.lock().unwrap_or_else(PoisonError::into_inner);
            answered.insert(client.address, (call.topic.clone(), positions));
        }
    }

    /// The number of partitions, asked of Kafka once.
    async fn partitions_of(self: &Arc<Self>, topic: &str) -> Option<i32> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(topic).copied();
        if known.is_some() {
            return known;
        }
        let count = i32::try_from(self.partitions(topic.to_owned()).await?).ok()?;
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(topic.to_owned(), count);
        Some(count)
    }

    /// The id of the cluster, asked of Kafka if need be. Blocks.
    pub(super) fn cluster_id(&self, patience: Duration) -> Option<String> {
        self.client.client().fetch_cluster_id(patience)
    }

    /// The number of partitions, if Kafka knows the topic and says so at once. The client blocks while it asks, and who
    /// is asked may be a double in the same process.
    async fn partitions(self: &Arc<Self>, topic: String) -> Option<usize> {
        let producer = self.clone();
        let asked = tokio::task::spawn_blocking(move || {
            let metadata =
                producer.client.client().fetch_metadata(Some(&topic), Duration::from_secs(1)).ok()?;
            metadata.topics().first().map(|topic| topic.partitions().len())
        });
        asked.await.ok().flatten()
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
