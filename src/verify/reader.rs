//! The reader itself: one consumer and one thread for each topic.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::{BorrowedMessage, Header, Headers, Message};
use rdkafka::metadata::{MetadataPartition, MetadataTopic};
use rdkafka::{Offset, Timestamp, TopicPartitionList};

use super::mark::{self, Mark};
use super::{Baseline, ReaderConfig, VerifyError, client};
use crate::kafka::describe;
use crate::record::{Landed, PartitionRead, TopicPartition};

/// How long one poll waits.
const POLL: Duration = Duration::from_millis(50);
/// How long Kafka has to say where a partition ends.
const LOOK: Duration = Duration::from_secs(3);
/// How long after its end was reached a partition is held to end there although its high watermark is higher:
/// what lies between are markers of transactions, or compacted away.
const GAP_PATIENCE: Duration = Duration::from_secs(2);

/// How far a partition has been read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// First offset read.
    pub from: i64,
    /// One past the last offset read.
    pub next: i64,
    /// Since when the reader has stood at the partition's end, if it does.
    pub at_end_since: Option<Instant>,
    /// What went wrong last, until reading goes on.
    pub error: Option<ReadError>,
    /// The first record that was read.
    pub(super) mark: Option<Mark>,
}

/// Why a partition cannot be read at the moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadError {
    /// In words.
    pub message: String,
    /// What kind.
    pub kind: ReadErrorKind,
}

/// Kinds of reading errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadErrorKind {
    /// Kafka is out of reach.
    Unreachable,
    /// Kafka refuses, and will go on refusing.
    Refused,
    /// Anything else; it may pass.
    Other,
}

/// Where a partition begins and ends, and since when it is known to end there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    /// First offset that can be read.
    pub log_start: i64,
    /// High watermark.
    pub high_watermark: i64,
    /// When this high watermark was first seen.
    pub since: Instant,
    /// One past the last offset that had been read when Kafka was asked.
    pub read_before: i64,
}

/// The ends of the partitions that Kafka told of.
pub type Ends = BTreeMap<TopicPartition, End>;

type Shared = Arc<Mutex<BTreeMap<TopicPartition, Progress>>>;

/// A running reader. Dropped, it stops.
pub struct Reader {
    progress: Shared,
    topics: Vec<ReadTopic>,
    forbidden: BTreeMap<u16, String>,
    compacted: BTreeSet<u16>,
    ends: Mutex<Ends>,
    stop: Arc<AtomicBool>,
}

struct ReadTopic {
    name: String,
    consumer: Arc<BaseConsumer>,
    thread: Option<JoinHandle<()>>,
}

impl Reader {
    /// Starts reading every topic from its baseline; `sink` is told of each record. Times count from `origin`.
    ///
    /// # Errors
    /// [`VerifyError`] where a client or a thread cannot be had.
    pub fn start<F>(
        config: &ReaderConfig,
        baseline: &Baseline,
        origin: Instant,
        sink: F,
    ) -> Result<Self, VerifyError>
    where
        F: Fn(Landed) + Clone + Send + 'static,
    {
        let progress: Shared = Arc::new(Mutex::new(
            baseline
                .from
                .iter()
                .map(|(at, from)| {
                    (*at, Progress { from: *from, next: *from, at_end_since: None, error: None, mark: None })
                })
                .collect(),
        ));
        let mut reader = Self {
            progress,
            topics: Vec::new(),
            forbidden: baseline.forbidden.clone(),
            compacted: baseline.compacted.clone(),
            ends: Mutex::default(),
            stop: Arc::default(),
        };
        for (place, name) in (0_u16..).zip(&config.topics) {
            let consumer = Arc::new(client(config)?);
            let mut assignment = TopicPartitionList::new();
            for (at, from) in baseline.from.iter().filter(|(at, _)| at.topic == place) {
                assignment
                    .add_partition_offset(name, at.partition, Offset::Offset(*from))
                    .map_err(VerifyError::Client)?;
            }
            consumer.assign(&assignment).map_err(VerifyError::Client)?;
            let task = Task {
                topic: place,
                consumer: consumer.clone(),
                progress: reader.progress.clone(),
                stop: reader.stop.clone(),
                origin,
            };
            let sink = sink.clone();
            let thread = std::thread::Builder::new()
                .name(format!("read-{name}"))
                .spawn(move || task.run(&sink))
                .map_err(VerifyError::Thread)?;
            reader.topics.push(ReadTopic { name: name.clone(), consumer, thread: Some(thread) });
        }
        Ok(reader)
    }

    /// How far each partition has been read.
    #[must_use]
    pub fn progress(&self) -> BTreeMap<TopicPartition, Progress> {
        lock(&self.progress).clone()
    }

    /// Asks Kafka where each partition begins and ends now. Blocks, a few seconds at most for each topic that does
    /// not answer. Partitions that Kafka gives no answer for are left out.
    #[must_use]
    pub fn look(&self) -> Ends {
        self.read_new_partitions();
        let partitions: Vec<TopicPartition> = lock(&self.progress).keys().copied().collect();
        let mut silent: BTreeSet<u16> = BTreeSet::new();
        let mut answered = Ends::new();
        for at in partitions {
            let Some(topic) = self.topics.get(usize::from(at.topic)).filter(|_| !silent.contains(&at.topic))
            else {
                continue;
            };
            let read_before = lock(&self.progress).get(&at).map_or(0, |progress| progress.next);
            let Ok((log_start, high_watermark)) =
                topic.consumer.fetch_watermarks(&topic.name, at.partition, LOOK)
            else {
                silent.insert(at.topic);
                continue;
            };
            let now = Instant::now();
            let mut known = lock(&self.ends);
            let since = known
                .get(&at)
                .filter(|end| end.high_watermark == high_watermark)
                .map_or(now, |end| end.since);
            let end = End { log_start, high_watermark, since, read_before };
            known.insert(at, end);
            answered.insert(at, end);
            self.reached_again(at, now);
        }
        answered
    }

    /// Begins to read partitions that have been added to a topic since the baseline: all that stands there has come
    /// after it.
    fn read_new_partitions(&self) {
        for (place, topic) in
            (0_u16..).zip(&self.topics).filter(|(place, _)| !self.forbidden.contains_key(place))
        {
            let Ok(metadata) = topic.consumer.fetch_metadata(Some(&topic.name), LOOK) else { continue };
            let found = metadata.topics().iter().filter(|found| found.name() == topic.name);
            for partition in found.flat_map(MetadataTopic::partitions).map(MetadataPartition::id) {
                let at = TopicPartition { topic: place, partition };
                if lock(&self.progress).contains_key(&at) {
                    continue;
                }
                // Before the first of its records can come.
                lock(&self.progress)
                    .insert(at, Progress { from: 0, next: 0, at_end_since: None, error: None, mark: None });
                let mut more = TopicPartitionList::new();
                let added = more
                    .add_partition_offset(&topic.name, partition, Offset::Offset(0))
                    .and_then(|()| topic.consumer.incremental_assign(&more));
                if let (Err(error), Some(progress)) = (added, lock(&self.progress).get_mut(&at)) {
                    let message = format!("partition {partition}, which was added: {}", describe(&error));
                    progress.error = Some(ReadError { message, kind: ReadErrorKind::Refused });
                }
                tracing::info!(
                    topic = topic.name,
                    partition,
                    "a partition was added; it is read from its beginning"
                );
            }
        }
    }

    /// Kafka has answered for this partition: if it was out of reach before, what it may have missed meanwhile
    /// gets its time from now on.
    fn reached_again(&self, at: TopicPartition, now: Instant) {
        if let Some(progress) = lock(&self.progress).get_mut(&at)
            && progress.error.as_ref().is_some_and(|error| error.kind == ReadErrorKind::Unreachable)
        {
            progress.error = None;
            progress.at_end_since = progress.at_end_since.map(|_| now);
        }
    }

    /// Whether everything up to these ends has been read, or cannot be because Kafka refuses it.
    #[must_use]
    pub fn has_read_what_it_may(&self, ends: &Ends) -> bool {
        let now = Instant::now();
        lock(&self.progress).iter().all(|(at, progress)| {
            let refused = progress.error.as_ref().is_some_and(|error| error.kind == ReadErrorKind::Refused);
            refused || ends.get(at).is_some_and(|end| reached(progress, end, now))
        })
    }

    /// Stops reading and tells how far it came, measured by `ends`.
    #[must_use]
    pub fn finish(mut self, ends: &Ends) -> Vec<PartitionRead> {
        let now = Instant::now();
        self.halt();
        let gone = self.gone();
        lock(&self.progress)
            .iter()
            .map(|(at, progress)| {
                let end = ends.get(at);
                let gone_back = end.and_then(gone_back).or_else(|| gone.get(at).cloned());
                let complete = gone_back.is_none() && end.is_some_and(|end| reached(progress, end, now));
                let high_watermark = end.map_or(i64::MAX, |end| end.high_watermark);
                let error = progress.error.as_ref().filter(|_| !complete).map(|error| error.message.clone());
                PartitionRead {
                    at: *at,
                    from: progress.from,
                    to: if complete { high_watermark.max(progress.next) } else { progress.next },
                    high_watermark,
                    log_start: end.map_or(0, |end| end.log_start),
                    compacted: self.compacted.contains(&at.topic),
                    error: self
                        .forbidden
                        .get(&at.topic)
                        .cloned()
                        .or(gone_back)
                        .or(error)
                        .or_else(|| end.is_none().then(|| "Kafka does not tell where it ends".into())),
                }
            })
            .collect()
    }

    /// Partitions that are not those any more which were read.
    fn gone(&self) -> BTreeMap<TopicPartition, String> {
        let mut gone = BTreeMap::new();
        for (place, topic) in (0_u16..).zip(&self.topics) {
            let progress = lock(&self.progress);
            let of_topic = progress.iter().filter(|(at, _)| at.topic == place);
            let marks = of_topic.filter_map(|(at, progress)| Some((at.partition, progress.mark?))).collect();
            drop(progress);
            let of_topic = mark::gone(&topic.consumer, &topic.name, &marks);
            let at = |partition| TopicPartition { topic: place, partition };
            gone.extend(of_topic.into_iter().map(|(partition, reason)| (at(partition), reason)));
        }
        gone
    }

    fn halt(&mut self) {
        self.stop.store(true, Ordering::Release);
        for topic in &mut self.topics {
            if let Some(thread) = topic.thread.take() {
                let _ = thread.join();
            }
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.halt();
    }
}

/// Whether a partition has been read up to its end: its next offset is there; or, without an error, it has stood
/// at its end for so long since this end is known that nothing readable can lie between.
fn reached(progress: &Progress, end: &End, now: Instant) -> bool {
    let stood = |since: Instant| now.saturating_duration_since(since.max(end.since)) >= GAP_PATIENCE;
    progress.next >= end.high_watermark
        || (progress.error.is_none() && progress.at_end_since.is_some_and(stood))
}

/// What it means where a partition ends before what has been read of it already: its offsets begin anew, or were given
/// to other records, so nothing can be looked up any more.
fn gone_back(end: &End) -> Option<String> {
    let End { high_watermark: ends, read_before: next, .. } = end;
    (ends < next).then(|| {
        format!(
            "it ends at offset {ends}, and had been read up to {next} already: the topic was deleted and created \
             again, or its log was cut back"
        )
    })
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a reader thread needs.
struct Task {
    topic: u16,
    consumer: Arc<BaseConsumer>,
    progress: Shared,
    stop: Arc<AtomicBool>,
    origin: Instant,
}

impl Task {
    fn run(&self, sink: &impl Fn(Landed)) {
        while !self.stop.load(Ordering::Acquire) {
            match self.consumer.poll(POLL) {
                None => {}
                Some(Ok(message)) => {
                    let now = Instant::now();
                    let at = TopicPartition { topic: self.topic, partition: message.partition() };
                    let offset = message.offset();
                    let readable = now.saturating_duration_since(self.origin).as_micros();
                    // While it waits for the ledger, the partition does not stand at its end.
                    if let Some(progress) = lock(&self.progress).get_mut(&at) {
                        progress.at_end_since = None;
                    }
                    sink(Landed {
                        at,
                        offset,
                        key: message.key().map(Bytes::copy_from_slice),
                        value: message.payload().map(Bytes::copy_from_slice),
                        headers: headers(&message),
                        created_ms: created_ms(message.timestamp()),
                        readable_us: u64::try_from(readable).unwrap_or(u64::MAX),
                    });
                    // After the sink: who sees this progress has been told of the record.
                    if let Some(progress) = lock(&self.progress).get_mut(&at) {
                        progress.mark.get_or_insert_with(|| Mark::of(&message));
                        progress.next = progress.next.max(offset.saturating_add(1));
                        progress.at_end_since = None;
                        progress.error = None;
                    }
                }
                Some(Err(KafkaError::PartitionEOF(partition))) => {
                    let at = TopicPartition { topic: self.topic, partition };
                    if let Some(progress) = lock(&self.progress).get_mut(&at) {
                        progress.at_end_since = Some(Instant::now());
                        progress.error = None;
                    }
                }
                Some(Err(error)) => self.failed(&error),
            }
        }
    }

    fn failed(&self, error: &KafkaError) {
        let code = error.rdkafka_error_code();
        // The reader is in no group; what its rights are there does not matter.
        if matches!(
            code,
            Some(Code::GroupAuthorizationFailed | Code::CoordinatorNotAvailable | Code::NotCoordinator)
        ) {
            return;
        }
        let kind = match code {
            Some(
                Code::AllBrokersDown | Code::BrokerTransportFailure | Code::Resolve | Code::OperationTimedOut,
            ) => ReadErrorKind::Unreachable,
            Some(Code::TopicAuthorizationFailed | Code::AutoOffsetReset | Code::Fatal) => {
                ReadErrorKind::Refused
            }
            _ => ReadErrorKind::Other,
        };
        let message = match code {
            Some(Code::TopicAuthorizationFailed) => "not authorised to read the topic".to_owned(),
            Some(Code::AutoOffsetReset) => {
                "records were deleted before they could be read; let the topic keep more (`retention_bytes`)"
                    .to_owned()
            }
            _ => describe(error),
        };
        // librdkafka does not say which partitions are meant.
        for (_, progress) in lock(&self.progress).iter_mut().filter(|(at, _)| at.topic == self.topic) {
            progress.error = Some(ReadError { message: message.clone(), kind });
        }
    }
}

/// When the record was created, unless the broker has put its own time there.
fn created_ms(timestamp: Timestamp) -> Option<i64> {
    match timestamp {
        Timestamp::CreateTime(ms) => Some(ms),
        Timestamp::LogAppendTime(_) | Timestamp::NotAvailable => None,
    }
}

/// The record's headers, in their order. rdkafka panics at a name that is not UTF-8, which another producer may have
/// written; landfall has sent no such, so it is enough that something differs.
fn headers(message: &BorrowedMessage<'_>) -> Vec<(String, Option<Bytes>)> {
    let Some(headers) = message.headers() else { return Vec::new() };
    let owned = |header: Header<'_, &[u8]>| (header.key.to_owned(), header.value.map(Bytes::copy_from_slice));
    catch_unwind(AssertUnwindSafe(|| headers.iter().map(owned).collect()))
        .unwrap_or_else(|_| vec![("(a name that is not UTF-8)".to_owned(), None)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_below_the_watermark_counts_only_after_a_while() {
        let now = Instant::now();
        let later = now + GAP_PATIENCE;
        let end = |since| End { log_start: 0, high_watermark: 10, since, read_before: 0 };
        let at = |next, at_end_since| Progress { from: 0, next, at_end_since, error: None, mark: None };
        assert!(reached(&at(10, None), &end(now), now));
        assert!(!reached(&at(9, None), &end(now), later));
        assert!(!reached(&at(9, Some(now)), &end(now), now));
        assert!(reached(&at(9, Some(now)), &end(now), later));
        // An old stand at the old end says nothing of a new one.
        assert!(!reached(&at(9, Some(now)), &end(later), later));
        let error = Some(ReadError { message: String::new(), kind: ReadErrorKind::Other });
        assert!(!reached(&Progress { error, ..at(9, Some(now)) }, &end(now), later));
    }
}
