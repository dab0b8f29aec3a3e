//! Writing the records of a request with librdkafka, and answering for each.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::producer::{DeliveryFuture, FutureProducer, FutureRecord, Producer as _};

use super::ProxyConfig;
use super::faults::{Strike, Treatment, plan};
use super::request::ProduceRecord;
use crate::doubles::fault::Injector;
use crate::wire::produce::{ProduceItem, ProduceResponse};

/// Java's `max.request.size`.
const MAX_REQUEST_SIZE: usize = 1_048_576;
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

    /// Writes `records` in their order and answers for each, as its faults command.
    pub(super) async fn produce(
        &self,
        topic: &str,
        path_partition: Option<i32>,
        records: Vec<ProduceRecord>,
        faults: Faults,
    ) -> ProduceResponse {
        let injectors = if faults == Faults::AsPlanned { self.injectors.as_slice() } else { &[] };
        let strikes = plan(injectors, topic, path_partition, &records, Instant::now());
        let mut pending: Vec<Option<Pending>> = records.iter().map(|_| None).collect();
        let mut copies: Vec<Option<Pending>> = records.iter().map(|_| None).collect();
        for place in 0..records.len() {
            // A swapped record is written when its partner's turn comes.
            let index = order(&strikes, place);
            let record = &records[index];
            let partition = record.partition.or(path_partition);
            let treatment = strikes[index].as_ref().map(|strike| &strike.treatment);
            let value = match treatment {
                Some(Treatment::Replace(value)) => value.as_deref(),
                _ => record.value.as_deref(),
            };
            if matches!(treatment, Some(Treatment::Drop)) {
                pending[index] = Some(Pending::Dropped);
                continue;
            }
            pending[index] = Some(self.enqueue(topic, partition, record.key.as_deref(), value).await);
            if matches!(treatment, Some(Treatment::Double)) {
                copies[index] = Some(self.enqueue(topic, partition, record.key.as_deref(), value).await);
            }
        }
        let mut items = Vec::with_capacity(records.len());
        for (record, pending) in records.iter().zip(pending) {
            let item = self.outcome(topic, record.partition.or(path_partition), record, pending).await;
            items.push(item);
        }
        for (index, strike) in strikes.iter().enumerate() {
            let Some(strike) = strike else { continue };
            let copy = match copies[index].take() {
                Some(copy) => Some(self.outcome(topic, None, &records[index], Some(copy)).await),
                None => None,
            };
            take_effect(strike, index, copy.as_ref(), &mut items);
        }
        ProduceResponse { offsets: items, key_schema_id: None, value_schema_id: None }
    }

    /// Hands a record to the client. As Java's `send` does, it waits up to `max.block.ms` for buffer space or
    /// for a partition that the topic does not have yet.
    async fn enqueue(
        &self,
        topic: &str,
        partition: Option<i32>,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
    ) -> Pending {
        let deadline = Instant::now() + self.max_block;
        loop {
            let record = FutureRecord::<[u8], [u8]> {
                topic,
                partition,
                payload: value,
                key,
                timestamp: None,
                headers: None,
            };
            match self.client.send_result(record) {
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
        partition: Option<i32>,
        record: &ProduceRecord,
        pending: Option<Pending>,
    ) -> ProduceItem {
        let error = match pending {
            Some(Pending::Enqueued(delivery)) => match delivery.await {
                Ok(Ok(delivered)) => {
                    let at = (delivered.partition, delivered.offset);
                    self.last.lock().unwrap_or_else(PoisonError::into_inner).insert(topic.to_owned(), at);
                    return acked(at);
                }
                Ok(Err((error, _))) => error,
                Err(_) => KafkaError::Canceled,
            },
            Some(Pending::Failed(error)) => error,
            Some(Pending::Dropped) | None => {
                let last = self.last.lock().unwrap_or_else(PoisonError::into_inner).get(topic).copied();
                let (partition, offset) = last.unwrap_or((0, -1));
                return acked((partition, offset + 1));
            }
        };
        let (code, message) = self.explain(&error, topic, partition, record);
        ProduceItem { partition: None, offset: None, error_code: Some(code), error: Some(message) }
    }

    /// The code and message that the real proxy gives for a record that could not be written.
    fn explain(
        &self,
        error: &KafkaError,
        topic: &str,
        partition: Option<i32>,
        record: &ProduceRecord,
    ) -> (i64, String) {
        let block = self.max_block.as_millis();
        let code = match error {
            KafkaError::MessageProduction(code) => *code,
            other => return (50003, other.to_string()),
        };
        match code {
            Code::InvalidTopic => (50002, format!("Invalid topics: [{topic}]")),
            Code::MessageSizeTooLarge => {
                // What the record would take on the wire in Java's estimate: both parts and their overhead.
                let size =
                    record.key.as_ref().map_or(0, Vec::len) + record.value.as_ref().map_or(0, Vec::len) + 87;
                if size > MAX_REQUEST_SIZE {
                    let text = format!(
                        "The message is {size} bytes when serialized which is larger than {MAX_REQUEST_SIZE}, \
                         which is the value of the max.request.size configuration."
                    );
                    (50002, text)
                } else {
                    let text = "The request included a message larger than the max message size the server will accept.";
                    (50002, text.into())
                }
            }
            Code::UnknownTopic | Code::UnknownTopicOrPartition | Code::UnknownPartition => (
                50003,
                match (self.partitions(topic), partition) {
                    (Some(count), Some(partition)) if count > 0 => format!(
                        "Partition {partition} of topic {topic} with partition count {count} is not present in metadata after {block} ms."
                    ),
                    _ => format!("Topic {topic} not present in metadata after {block} ms."),
                },
            ),
            Code::MessageTimedOut => {
                let timeout = self.delivery_timeout.as_millis();
                let place =
                    partition.map_or_else(|| topic.to_owned(), |partition| format!("{topic}-{partition}"));
                (
                    50003,
                    format!("Expiring 1 record(s) for {place}:{timeout} ms has passed since batch creation"),
                )
            }
            Code::TopicAuthorizationFailed => (40301, format!("Not authorized to access topics: [{topic}]")),
            Code::Authentication | Code::SaslAuthenticationFailed => (40101, "Authentication failed".into()),
            Code::InvalidRecord | Code::InvalidTimestamp | Code::InvalidMessage | Code::PolicyViolation => {
                (50002, error.to_string())
            }
            _ => (50003, error.to_string()),
        }
    }

    /// The number of partitions, if the client knows the topic.
    fn partitions(&self, topic: &str) -> Option<usize> {
        let metadata = self.client.client().fetch_metadata(Some(topic), Duration::from_secs(1)).ok()?;
        metadata.topics().first().map(|topic| topic.partitions().len())
    }
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

/// Bends the answer where the fault lies in it, and counts the fault if it really befell the record.
fn take_effect(strike: &Strike, index: usize, copy: Option<&ProduceItem>, items: &mut [ProduceItem]) {
    let written = items[index].offset.is_some();
    let took_effect = match &strike.treatment {
        Treatment::Drop => true,
        Treatment::Double => written && copy.is_some_and(|copy| copy.offset.is_some()),
        Treatment::Replace(_) => written,
        Treatment::MisreportOffset => {
            items[index].offset = items[index].offset.map(|offset| offset + 1);
            written
        }
        Treatment::SwapWith(other) => {
            let (mine, theirs) = (&items[index], &items[*other]);
            written
                && theirs.offset.is_some()
                && mine.partition == theirs.partition
                && mine.offset > theirs.offset
        }
        Treatment::Swapped => false,
    };
    if took_effect {
        strike.injector.took_effect(1);
    }
}

fn acked((partition, offset): (i32, i64)) -> ProduceItem {
    ProduceItem { partition: Some(partition), offset: Some(offset), error_code: None, error: None }
}
