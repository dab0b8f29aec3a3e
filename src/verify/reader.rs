//! The reader itself: one consumer and one thread for each topic.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::Message;
use rdkafka::{Offset, TopicPartitionList};

use super::{ASK, Baseline, ReaderConfig, VerifyError, client};
use crate::record::{Landed, PartitionRead, TopicPartition};

/// How long one poll waits.
const POLL: Duration = Duration::from_millis(50);
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
}

/// Why a partition cannot be read at the moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadError {
    /// In words.
    pub message: String,
    /// Whether Kafka itself is out of reach, rather than refusing.
    pub unreachable: bool,
}

type Shared = Arc<Mutex<BTreeMap<TopicPartition, Progress>>>;

/// A running reader. Dropped, it stops.
pub struct Reader {
    progress: Shared,
    topics: Vec<ReadTopic>,
    forbidden: BTreeMap<u16, String>,
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
                    (*at, Progress { from: *from, next: *from, at_end_since: None, error: None })
                })
                .collect(),
        ));
        let mut reader = Self {
            progress,
            topics: Vec::new(),
            forbidden: baseline.forbidden.clone(),
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

    /// Asks Kafka where each partition begins and ends now. Blocks. Partitions that Kafka gives no answer for
    /// are left out.
    #[must_use]
    pub fn watermarks(&self) -> BTreeMap<TopicPartition, (i64, i64)> {
        let partitions: Vec<TopicPartition> = lock(&self.progress).keys().copied().collect();
        partitions
            .into_iter()
            .filter_map(|at| {
                let topic = self.topics.get(usize::from(at.topic))?;
                let (low, high) = topic.consumer.fetch_watermarks(&topic.name, at.partition, ASK).ok()?;
                Some((at, (low, high)))
            })
            .collect()
    }

    /// Whether everything up to these watermarks has been read, or cannot be because Kafka refuses it.
    #[must_use]
    pub fn has_read_what_it_may(&self, watermarks: &BTreeMap<TopicPartition, (i64, i64)>) -> bool {
        let now = Instant::now();
        lock(&self.progress).iter().all(|(at, progress)| {
            let refused = progress.error.as_ref().is_some_and(|error| !error.unreachable);
            refused || watermarks.get(at).is_some_and(|(_, high)| reached(progress, *high, now))
        })
    }

    /// Stops reading and tells how far it came, measured by `watermarks`.
    #[must_use]
    pub fn finish(mut self, watermarks: &BTreeMap<TopicPartition, (i64, i64)>) -> Vec<PartitionRead> {
        self.halt();
        let now = Instant::now();
        lock(&self.progress)
            .iter()
            .map(|(at, progress)| {
                let known = watermarks.get(at);
                let (log_start, high_watermark) = known.copied().unwrap_or((0, i64::MAX));
                let complete = reached(progress, high_watermark, now);
                let forbidden = self.forbidden.get(&at.topic).cloned();
                let error = progress.error.as_ref().map(|error| error.message.clone());
                PartitionRead {
                    at: *at,
                    from: progress.from,
                    to: if complete { high_watermark.max(progress.next) } else { progress.next },
                    high_watermark,
                    log_start,
                    error: forbidden
                        .or_else(|| error.filter(|_| !complete))
                        .or_else(|| known.is_none().then(|| "Kafka does not tell where it ends".into())),
                }
            })
            .collect()
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

/// Whether a partition has been read up to `high`: its next offset is there, or it has stood at its end for so
/// long that nothing readable lies between.
fn reached(progress: &Progress, high: i64, now: Instant) -> bool {
    progress.next >= high
        || (high < i64::MAX
            && progress
                .at_end_since
                .is_some_and(|since| now.saturating_duration_since(since) >= GAP_PATIENCE))
}

fn lock(
    progress: &Mutex<BTreeMap<TopicPartition, Progress>>,
) -> MutexGuard<'_, BTreeMap<TopicPartition, Progress>> {
    progress.lock().unwrap_or_else(PoisonError::into_inner)
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
                    sink(Landed {
                        at,
                        offset,
                        key: message.key().map(Bytes::copy_from_slice),
                        value: message.payload().map(Bytes::copy_from_slice),
                        readable_us: u64::try_from(readable).unwrap_or(u64::MAX),
                    });
                    // After the sink: who sees this progress has been told of the record.
                    if let Some(progress) = lock(&self.progress).get_mut(&at) {
                        progress.next = progress.next.max(offset + 1);
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
        let unreachable = matches!(
            code,
            Some(
                Code::AllBrokersDown | Code::BrokerTransportFailure | Code::Resolve | Code::OperationTimedOut
            )
        );
        let message = match code {
            Some(Code::TopicAuthorizationFailed) => "not authorised to read the topic".to_owned(),
            _ => error.to_string(),
        };
        for (_, progress) in lock(&self.progress).iter_mut().filter(|(at, _)| at.topic == self.topic) {
            progress.error = Some(ReadError { message: message.clone(), unreachable });
            progress.at_end_since = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_below_the_watermark_counts_only_after_a_while() {
        let now = Instant::now();
        let at = |next, at_end_since| Progress { from: 0, next, at_end_since, error: None };
        assert!(reached(&at(10, None), 10, now));
        assert!(!reached(&at(9, None), 10, now));
        assert!(!reached(&at(9, Some(now)), 10, now));
        assert!(reached(&at(9, Some(now)), 10, now + GAP_PATIENCE));
        assert!(!reached(&at(9, Some(now)), i64::MAX, now + GAP_PATIENCE));
    }
}
