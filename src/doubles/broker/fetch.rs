//! Fetch: stored batches as they are, at once or when enough of them are there.

use std::sync::Arc;
use std::time::{Duration, Instant};

use kafka_protocol::ResponseError;
use kafka_protocol::messages::FetchRequest;
use kafka_protocol::messages::fetch_request::FetchPartition;
use tokio::sync::Notify;

use super::asked::Asked;
use super::fetch_frame::{Answer, PartitionAnswer, TopicAnswer};
use super::log::OutOfRange;
use super::partition::Partition;

/// Most that one answer holds, as Kafka's default for `fetch.max.bytes` of the broker.
const MAX_BYTES: usize = 55 * 1024 * 1024;

/// Answers a fetch, after `max_wait_ms` at the latest, and earlier when `min_bytes` are there or when
/// a partition has an error to tell.
///
/// No fetch sessions are made (KIP-227 leaves that to the broker): each request names all its partitions.
pub(super) async fn answer(asked: &Asked, request: FetchRequest) -> Answer {
    if request.session_id != 0 && request.session_epoch > 0 {
        let error = ResponseError::FetchSessionIdNotFound.code();
        return Answer { error, read_committed: false, topics: Vec::new() };
    }
    let denied = denied(asked, &request);
    let min_bytes = usize::try_from(request.min_bytes).unwrap_or(0);
    let wait = Duration::from_millis(u64::try_from(request.max_wait_ms).unwrap_or(0));
    // Nothing that could be appended would end the wait.
    let nothing_wanted = request.topics.iter().all(|topic| topic.partitions.is_empty());
    let wait = if nothing_wanted { Duration::ZERO } else { wait };
    let deadline = tokio::time::Instant::now() + wait;
    let waiter = Arc::new(Notify::new());
    loop {
        // Before reading, so that an append between reading and waiting is not missed.
        watch(asked, &request, &waiter);
        let mut reading = Reading::new(&request);
        let answer = reading.all(asked, &request, &denied);
        if reading.errors || reading.bytes >= min_bytes || wait.is_zero() {
            return answer;
        }
        if tokio::time::timeout_at(deadline, waiter.notified()).await.is_err() {
            let mut last = Reading::new(&request);
            return last.all(asked, &request, &denied);
        }
    }
}

/// For each partition of the request, in its order: whether reading it is denied this time.
fn denied(asked: &Asked, request: &FetchRequest) -> Vec<bool> {
    let now = Instant::now();
    let partitions =
        request.topics.iter().flat_map(|topic| topic.partitions.iter().map(|_| topic.topic.as_str()));
    partitions.map(|topic| asked.cluster.faults.deny_read(topic, now)).collect()
}

fn watch(asked: &Asked, request: &FetchRequest, waiter: &Arc<Notify>) {
    if request.max_wait_ms <= 0 {
        return;
    }
    for topic in &request.topics {
        for wanted in &topic.partitions {
            if let Ok((_, partition)) =
                asked.cluster.led_partition(&topic.topic, wanted.partition, asked.node)
            {
                partition.wake_at_append(waiter);
            }
        }
    }
}

/// One pass over the partitions of a request.
struct Reading {
    left: usize,
    bytes: usize,
    errors: bool,
}

impl Reading {
    fn new(request: &FetchRequest) -> Self {
        let left = usize::try_from(request.max_bytes).unwrap_or(0).min(MAX_BYTES);
        Self { left, bytes: 0, errors: false }
    }

    fn all(&mut self, asked: &Asked, request: &FetchRequest, denied: &[bool]) -> Answer {
        let mut denied = denied.iter().copied();
        let topics = request.topics.iter().map(|topic| {
            let partitions = topic.partitions.iter().map(|wanted| {
                if denied.next().unwrap_or(false) {
                    self.errors = true;
                    return PartitionAnswer::error(wanted.partition, ResponseError::TopicAuthorizationFailed);
                }
                self.one(asked, &topic.topic, wanted)
            });
            let partitions = partitions.collect();
            TopicAnswer { name: topic.topic.clone(), partitions }
        });
        let topics = topics.collect();
        Answer { error: 0, read_committed: request.isolation_level != 0, topics }
    }

    fn one(&mut self, asked: &Asked, topic: &str, wanted: &FetchPartition) -> PartitionAnswer {
        let index = wanted.partition;
        let partition = match asked.cluster.led_partition(topic, index, asked.node) {
            Ok((_, partition)) => partition,
            Err(refusal) => {
                self.errors = true;
                let mut answer = PartitionAnswer::error(index, refusal.error);
                if refusal.error == ResponseError::NotLeaderOrFollower {
                    answer.leader =
                        asked.cluster.leader_of(topic, index).map(|leader| (leader.id, leader.epoch));
                }
                return answer;
            }
        };
        if let Err(refusal) = partition.check_epoch(wanted.current_leader_epoch) {
            self.errors = true;
            return PartitionAnswer::error(index, refusal.error);
        }
        self.read(&partition, wanted).unwrap_or_else(|OutOfRange| {
            self.errors = true;
            PartitionAnswer::error(index, ResponseError::OffsetOutOfRange)
        })
    }

    /// The first partition that has something gives one batch at least, whatever the limits (KIP-74).
    fn read(
        &mut self,
        partition: &Partition,
        wanted: &FetchPartition,
    ) -> Result<PartitionAnswer, OutOfRange> {
        let limit = usize::try_from(wanted.partition_max_bytes).unwrap_or(0).min(self.left);
        let found = partition.read(wanted.fetch_offset, limit, self.bytes == 0)?;
        let length: usize = found.batches.iter().map(bytes::Bytes::len).sum();
        self.bytes += length;
        self.left = self.left.saturating_sub(length);
        Ok(PartitionAnswer {
            index: wanted.partition,
            error: 0,
            high_watermark: found.end,
            log_start: found.start,
            leader: None,
            records: found.batches,
        })
    }
}
