//! All topics of a cluster, read as they grow.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::{Offset, Timestamp, TopicPartitionList};

use super::VerifyError;
use crate::kafka::Access;

/// How long Kafka has to answer.
const ASK: Duration = Duration::from_secs(10);
/// How long one poll waits.
const POLL: Duration = Duration::from_millis(50);

/// The first offset of each partition, and the one behind its last.
type Ends = BTreeMap<(String, i32), (i64, i64)>;

/// A record, as it stands in its topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TailRecord {
    /// Topic.
    pub topic: String,
    /// Partition.
    pub partition: i32,
    /// Offset.
    pub offset: i64,
    /// Key; `None`: null.
    pub key: Option<Vec<u8>>,
    /// Value; `None`: null.
    pub value: Option<Vec<u8>>,
    /// Headers in their order; a value that is `None` is null.
    pub headers: Vec<(String, Option<Vec<u8>>)>,
    /// Milliseconds since 1970, where it has a timestamp.
    pub timestamp: Option<i64>,
    /// Whether the timestamp is the broker's.
    pub append_time: bool,
}

/// Reads topics, also those that are created meanwhile; none that is internal (whose name begins with two underscores).
pub struct Tail {
    kafka: Access,
    /// The topics that are read; `None`: all.
    only: Option<BTreeSet<String>>,
    consumer: BaseConsumer,
    /// Asks where topics end: over the other's connection it would have to wait for its fetches.
    asker: BaseConsumer,
    /// Of each partition, the first offset that has not been read.
    next: BTreeMap<(String, i32), i64>,
}

impl Tail {
    /// Begins where the topics end now: of those of `only`, where it is there. Blocks.
    ///
    /// # Errors
    /// [`VerifyError`], where the cluster does not answer.
    pub fn start(kafka: Access, only: Option<BTreeSet<String>>) -> Result<Self, VerifyError> {
        let mut tail = Self::new(kafka, only)?;
        for ((topic, partition), (_, high)) in tail.ends()? {
            tail.follow(&topic, partition, high)?;
        }
        Ok(tail)
    }

    /// All that stands in these topics now. Blocks.
    ///
    /// # Errors
    /// As [`Tail::read`]; also where one of them is not seen within ten seconds: nobody knows then what stands in it.
    pub fn whole(kafka: Access, topics: &[String]) -> Result<Vec<TailRecord>, VerifyError> {
        Self::whole_with(kafka, topics, &[])
    }

    /// The same, and what stands in those of `others` that are there. Blocks.
    ///
    /// # Errors
    /// As [`Tail::whole`].
    pub fn whole_with(
        kafka: Access,
        topics: &[String],
        others: &[String],
    ) -> Result<Vec<TailRecord>, VerifyError> {
        let mut tail = Self::new(kafka, Some(topics.iter().chain(others).cloned().collect()))?;
        let deadline = Instant::now() + ASK;
        loop {
            let seen = tail.topics()?;
            let unseen =
                topics.iter().find(|topic| seen.get(*topic).is_none_or(|partitions| *partitions == 0));
            match unseen {
                None => return tail.read(),
                Some(topic) if Instant::now() >= deadline => return Err(tail.unread(topic)),
                Some(_) => std::thread::sleep(POLL),
            }
        }
    }

    fn new(kafka: Access, only: Option<BTreeSet<String>>) -> Result<Self, VerifyError> {
        let settings = [
            ("group.id", "landfall-tail"),
            ("enable.auto.commit", "false"),
            ("isolation.level", "read_committed"),
            ("check.crcs", "true"),
            ("auto.offset.reset", "error"),
            ("enable.partition.eof", "true"),
            ("fetch.wait.max.ms", "50"),
            ("fetch.queue.backoff.ms", "10"),
        ];
        let client = |name| kafka.client(name, &settings).create().map_err(VerifyError::Client);
        let (consumer, asker) = (client("landfall-tail")?, client("landfall-tail-asker")?);
        Ok(Self { kafka, only, consumer, asker, next: BTreeMap::new() })
    }

    /// The cluster's id, if it tells one. Blocks.
    #[must_use]
    pub fn cluster_id(&self) -> Option<String> {
        self.asker.client().fetch_cluster_id(ASK)
    }

    /// The topics that are read and are there, and their numbers of partitions. Blocks.
    ///
    /// # Errors
    /// [`VerifyError::Unreachable`].
    pub fn topics(&self) -> Result<BTreeMap<String, usize>, VerifyError> {
        let mut topics = self.every_topic()?;
        if let Some(only) = &self.only {
            topics.retain(|name, _| only.contains(name));
        }
        Ok(topics)
    }

    /// All topics but Kafka's own, and their numbers of partitions. Blocks.
    ///
    /// # Errors
    /// [`VerifyError::Unreachable`].
    pub fn every_topic(&self) -> Result<BTreeMap<String, usize>, VerifyError> {
        let metadata = self.asker.fetch_metadata(None, ASK).map_err(|source| self.unreachable(source))?;
        let own = metadata.topics().iter().filter(|topic| !topic.name().starts_with("__"));
        Ok(own.map(|topic| (topic.name().to_owned(), topic.partitions().len())).collect())
    }

    /// What has been written since the last reading, up to where the topics end now. Blocks.
    ///
    /// # Errors
    /// [`VerifyError`], where the cluster does not answer, or does not give what it says that it has.
    pub fn read(&mut self) -> Result<Vec<TailRecord>, VerifyError> {
        let mut missing: BTreeMap<(String, i32), i64> = BTreeMap::new();
        for ((topic, partition), (low, high)) in self.ends()? {
            let at = (topic, partition);
            if !self.next.contains_key(&at) {
                self.follow(&at.0, partition, low)?;
            }
            if self.next.get(&at).is_some_and(|next| *next < high) {
                missing.insert(at, high);
            }
        }
        let deadline = Instant::now() + ASK;
        let mut records = Vec::new();
        while let Some(((topic, _), _)) = missing.first_key_value() {
            if Instant::now() >= deadline {
                return Err(self.unread(topic));
            }
            match self.consumer.poll(POLL) {
                Some(Ok(message)) => {
                    let record = read(&message);
                    let at = (record.topic.clone(), record.partition);
                    let next = record.offset + 1;
                    if missing.get(&at).is_some_and(|end| next >= *end) {
                        missing.remove(&at);
                    }
                    self.next.insert(at, next);
                    records.push(record);
                }
                // What lies before the end and is not given are markers of transactions, or compacted away.
                Some(Err(KafkaError::PartitionEOF(_))) | None => {
                    let read = self.consumer.position().map_err(|source| self.unreachable(source))?;
                    for element in read.elements() {
                        let at = (element.topic().to_owned(), element.partition());
                        if let (Offset::Offset(next), Some(end)) = (element.offset(), missing.get(&at))
                            && next >= *end
                        {
                            missing.remove(&at);
                            self.next.insert(at, next);
                        }
                    }
                }
                Some(Err(source)) => return Err(self.unreachable(source)),
            }
        }
        Ok(records)
    }

    /// Where every partition begins and ends.
    fn ends(&self) -> Result<Ends, VerifyError> {
        let mut ends = Ends::new();
        for (topic, partitions) in self.topics()? {
            for partition in (0_i32..).take(partitions) {
                let end = self.asker.fetch_watermarks(&topic, partition, ASK);
                ends.insert((topic.clone(), partition), end.map_err(|source| self.unreachable(source))?);
            }
        }
        Ok(ends)
    }

    /// Reads a partition from here on.
    fn follow(&mut self, topic: &str, partition: i32, from: i64) -> Result<(), VerifyError> {
        let mut added = TopicPartitionList::new();
        added.add_partition_offset(topic, partition, Offset::Offset(from)).map_err(VerifyError::Client)?;
        self.consumer.incremental_assign(&added).map_err(VerifyError::Client)?;
        self.next.insert((topic.to_owned(), partition), from);
        Ok(())
    }

    fn unread(&self, topic: &str) -> VerifyError {
        VerifyError::Unread { bootstrap: self.kafka.bootstrap.clone(), topic: topic.to_owned() }
    }

    fn unreachable(&self, source: KafkaError) -> VerifyError {
        VerifyError::Unreachable { bootstrap: self.kafka.bootstrap.clone(), source: source.into() }
    }
}

fn read(message: &BorrowedMessage<'_>) -> TailRecord {
    let headers = message.headers().map(|headers| {
        let each = headers.iter();
        each.map(|header| (header.key.to_owned(), header.value.map(<[u8]>::to_vec))).collect()
    });
    let (timestamp, append_time) = match message.timestamp() {
        Timestamp::NotAvailable => (None, false),
        Timestamp::CreateTime(at) => (Some(at), false),
        Timestamp::LogAppendTime(at) => (Some(at), true),
    };
    TailRecord {
        topic: message.topic().to_owned(),
        partition: message.partition(),
        offset: message.offset(),
        key: message.key().map(<[u8]>::to_vec),
        value: message.payload().map(<[u8]>::to_vec),
        headers: headers.unwrap_or_default(),
        timestamp,
        append_time,
    }
}
