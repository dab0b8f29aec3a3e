//! Writing the records of a request with librdkafka, and answering for each.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::client::{Client as KafkaClient, DefaultClientContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::future_producer::FutureProducerContext;
use rdkafka::producer::{DeliveryFuture, FutureProducer, FutureRecord, Producer as _};

use super::ProxyConfig;
use super::admin::Admin;
use super::failure::{Around, Failure, FailureKind, MAX_REQUEST_SIZE, OVERSIZED};
use super::faults::{Plan, Strike, Subject, Treatment, Whole, plan};
use super::in_hand::InHand;
use super::metadata::is_legal;
use super::request::ProduceRecord;
use super::size::{batch_size, groups};
use super::topics::Topics;
use crate::doubles::fault::{Injector, of_kinds};
use crate::doubles::http::Client;
use crate::scenario::{FaultKind, ProxyRelease};

/// What librdkafka takes: more than Java's client, which refuses first.
const MAX_MESSAGE: usize = 2 * MAX_REQUEST_SIZE;
/// What a record gets to be written in, however much faster the waits pass: what is written takes the time that it takes.
const LEAST_DELIVERY: Duration = Duration::from_secs(10);
/// How often a record whose partition is not known yet is tried again.
const RETRY: Duration = Duration::from_millis(100);
/// How long Kafka has to answer each time that it is asked for a topic.
const ASK: Duration = Duration::from_secs(1);
/// The least of it.
const LEAST_ASK: Duration = Duration::from_millis(50);

pub(super) struct Producer {
    client: FutureProducer,
    release: ProxyRelease,
    max_block: Duration,
    delivery_timeout: Duration,
    /// How many times faster than told the waits pass.
    scale: u32,
    topics: Topics,
    admin: OnceLock<Admin>,
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
    /// Refused before the client had it.
    Refused(Failure),
    /// In a batch that is refused again and again until its time is up, with so many records.
    Expiring {
        records: usize,
        partition: i32,
        at: Instant,
    },
    Dropped,
}

/// A batch of which nothing will be written, by its records' places.
enum Doom {
    /// It is too large, refused and sent again until its time is up.
    Expires(Vec<usize>),
    /// A record of it has no key, and the topic is compacted.
    Invalid(Vec<usize>),
}

impl Producer {
    /// A producer with the settings that the real proxy's Java client has by default since 7.0: acks from
    /// all replicas, no idempotence unless it is asked for, no lingering, murmur2 partitioning.
    pub(super) fn new(config: &ProxyConfig) -> Result<Self, KafkaError> {
        let size = MAX_MESSAGE.to_string();
        let scale = config.time_scale.max(1);
        let delivery_timeout =
            config.delivery_timeout.min(LEAST_DELIVERY.max(config.delivery_timeout / scale));
        let delivery_timeout = delivery_timeout.as_millis().max(1).to_string();
        let max_block = (config.max_block / scale).as_millis().to_string();
        let mut settings = vec![
            ("acks", if config.release.is_6_2() { "1" } else { "all" }),
            ("linger.ms", "0"),
            ("partitioner", "murmur2_random"),
            ("max.in.flight.requests.per.connection", "5"),
            ("message.max.bytes", &size),
            ("message.timeout.ms", &delivery_timeout),
            ("topic.metadata.propagation.max.ms", &max_block),
            ("socket.nagle.disable", "true"),
            ("reconnect.backoff.ms", "50"),
            ("reconnect.backoff.max.ms", "1000"),
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
            scale,
            topics: Topics::default(),
            admin: OnceLock::new(),
            injectors: config.injectors.clone(),
            last: Mutex::default(),
            known: Mutex::default(),
            hiding: of_kinds(&config.injectors, &[FaultKind::HideFailure]),
            remembers: !of_kinds(&config.injectors, &[FaultKind::StaleAnswer]).is_empty(),
            answered: Mutex::default(),
        })
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
        let doomed = self.doomed(&call).await;
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
            if let Some(doom) = self.doom(&call, index, &doomed) {
                pending[index] = Some(doom);
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

    /// The batches of the request, as Java's client would make them, of which the broker takes nothing since one record
    /// is at fault. Only where it is certain what shares a batch.
    async fn doomed(self: &Arc<Self>, call: &Call) -> Vec<Doom> {
        let records = &call.records;
        let is_keyless = |record: &ProduceRecord| record.key.is_none();
        let is_mixed = records.iter().any(is_keyless) && !records.iter().all(is_keyless);
        if records.len() < 2
            || !is_mixed && records.iter().all(|record| batch_size(record) < OVERSIZED)
            || !is_legal(&call.topic)
        {
            return Vec::new();
        }
        if !self.topics.knows(&call.topic, None)
            && let Some(count) = self.partitions(call.topic.clone(), ASK).await
            && let Some(count) = i32::try_from(count).ok().filter(|count| *count > 0)
        {
            self.topics.learn(&call.topic, count);
        }
        let (Some(admin), Some(partitions)) = (self.admin.get(), self.topics.partitions(&call.topic)) else {
            return Vec::new();
        };
        let Some(rules) = self.topics.rules(&call.topic, admin).await else { return Vec::new() };
        let place = |record: &ProduceRecord| {
            record.partition.or(call.partition).or_else(|| (partitions == 1).then_some(0))
        };
        let dooms = groups(records, place).into_iter().filter_map(|mut members| {
            let any = |members: &[usize], at_fault: &dyn Fn(&ProduceRecord) -> bool| {
                members.iter().any(|index| at_fault(&records[*index]))
            };
            let too_large = |record: &ProduceRecord| {
                let size = batch_size(record);
                size > rules.limit && size <= MAX_REQUEST_SIZE
            };
            if members.len() > 1 && any(&members, &too_large) {
                return Some(Doom::Expires(members));
            }
            if self.release == ProxyRelease::Confluent7_9 && !is_keyless(&records[members[0]]) {
                // Its client was seen to send the first alone.
                members.remove(0);
            }
            (rules.compacted && members.len() > 1 && any(&members, &is_keyless))
                .then_some(Doom::Invalid(members))
        });
        dooms.collect()
    }

    /// What becomes of the record at `index` if it is in one of these batches.
    fn doom(&self, call: &Call, index: usize, dooms: &[Doom]) -> Option<Pending> {
        let partition = call.records[index].partition.or(call.partition).unwrap_or(0);
        dooms.iter().find_map(|doom| match doom {
            Doom::Expires(members) if members.contains(&index) => {
                let at = Instant::now() + self.delivery_timeout / self.scale;
                Some(Pending::Expiring { records: members.len(), partition, at })
            }
            Doom::Invalid(members) if members.contains(&index) => {
                let keyless = members.iter().position(|member| call.records[*member].key.is_none());
                let place = format!("{}-{partition}", call.topic);
                let is_at_fault = call.records[index].key.is_none();
                let failure = Failure::in_compacted(self.release, &place, keyless.unwrap_or(0), is_at_fault);
                Some(Pending::Refused(failure))
            }
            _ => None,
        })
    }

    /// Hands a record to the client. As Java's `send` does, it waits up to `max.block.ms` for buffer space or
    /// for a topic or partition that is not known yet.
    async fn enqueue(self: &Arc<Self>, call: &Call, record: &ProduceRecord) -> Pending {
        let deadline = Instant::now() + self.max_block / self.scale;
        let size = batch_size(record);
        let wanted = record.partition.or(call.partition);
        if !self.topics.knows(&call.topic, wanted)
            && let Err(failure) = self.wait_for(&call.topic, wanted, deadline).await
        {
            return Pending::Refused(failure);
        }
        if size > MAX_REQUEST_SIZE {
            return Pending::Refused(Failure::larger_than_requests(size));
        }
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
                    tokio::time::sleep(RETRY / self.scale).await;
                }
                Err((error, _)) => return Pending::Failed(error),
            }
        }
    }

    /// Waits until the topic has the partition, or any where none is named.
    async fn wait_for(
        self: &Arc<Self>,
        topic: &str,
        wanted: Option<i32>,
        deadline: Instant,
    ) -> Result<(), Failure> {
        if !is_legal(topic) {
            return Err(Failure { kind: FailureKind::InvalidTopic, message: self.topics.invalid(topic) });
        }
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let count = self.partitions(topic.to_owned(), left.min(ASK)).await.filter(|count| *count > 0);
            if let Some(count) = count.and_then(|count| i32::try_from(count).ok()) {
                self.topics.learn(topic, count);
                if wanted.is_none_or(|wanted| wanted < count) {
                    return Ok(());
                }
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let block = self.max_block.as_millis();
                let message = match (wanted, count) {
                    (Some(wanted), Some(count)) if !self.release.is_6_2() => format!(
                        "Partition {wanted} of topic {topic} with partition count {count} is not present in metadata after {block} ms."
                    ),
                    _ => format!("Topic {topic} not present in metadata after {block} ms."),
                };
                return Err(Failure { kind: FailureKind::NotInMetadata, message });
            }
            tokio::time::sleep(RETRY.min(left)).await;
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
        let mut stood = None;
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
                Ok(Err((error, message))) => {
                    let partition = rdkafka::Message::partition(&message);
                    stood = (partition >= 0).then_some(partition);
                    error
                }
                Err(_) => KafkaError::Canceled,
            },
            Some(Pending::Failed(error)) => error,
            Some(Pending::Refused(failure)) => return Err(failure),
            Some(Pending::Expiring { records, partition, at }) => {
                if self.release != ProxyRelease::Confluent7_9 {
                    // These releases' clients never come out of it.
                    std::future::pending::<()>().await;
                }
                tokio::time::sleep_until(at.into()).await;
                return Err(Failure::expired(records, topic, partition, self.delivery_timeout));
            }
            Some(Pending::Dropped) | None => return Ok(self.pretended(topic)),
        };
        let partitions = match error.rdkafka_error_code() {
            Some(Code::UnknownTopic | Code::UnknownTopicOrPartition | Code::UnknownPartition) => {
                self.partitions(topic.to_owned(), ASK).await
            }
            _ => None,
        };
        Err(Failure::of(
            &error,
            &Around {
                topic,
                partition: stood.or(record.partition).or(call.partition),
                record,
                index,
                partitions,
                release: self.release,
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
        let count = i32::try_from(self.partitions(topic.to_owned(), ASK).await?).ok()?;
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(topic.to_owned(), count);
        Some(count)
    }

    /// The client, to ask it about the cluster.
    pub(super) fn client(&self) -> &KafkaClient<FutureProducerContext<DefaultClientContext>> {
        self.client.client()
    }

    /// Lets it ask about topics' settings.
    pub(super) fn ask_with(&self, admin: Admin) {
        // Nobody else has set it.
        let _ = self.admin.set(admin);
    }

    /// The number of partitions, if Kafka knows the topic and says so at once. The client blocks while it asks, and who
    /// is asked may be a double in the same process.
    async fn partitions(self: &Arc<Self>, topic: String, patience: Duration) -> Option<usize> {
        let producer = self.clone();
        let asked = tokio::task::spawn_blocking(move || {
            let metadata =
                producer.client.client().fetch_metadata(Some(&topic), patience.max(LEAST_ASK)).ok()?;
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
