//! Whether a topic is still the one that was read: the first record of each partition is read once more in the end. Where
//! another stands in its place, the topic was deleted and created again, and has outgrown what had been read of it.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::{Offset, TopicPartitionList};

/// How long one poll waits.
const POLL: Duration = Duration::from_millis(50);
/// How long a topic has to give its marks again.
const PATIENCE: Duration = Duration::from_secs(5);

/// The first record that was read of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    offset: i64,
    digest: u64,
}

impl Mark {
    pub(super) fn of(message: &BorrowedMessage<'_>) -> Self {
        let mut hasher = DefaultHasher::new();
        (message.key(), message.payload(), message.timestamp().to_millis()).hash(&mut hasher);
        Self { offset: message.offset(), digest: hasher.finish() }
    }
}

/// Reads the marks of a topic's partitions once more. Says of each where another record stands now what that means. What
/// cannot be read any more, for instance because it was compacted away, says nothing.
pub(super) fn gone(
    consumer: &BaseConsumer,
    topic: &str,
    marks: &BTreeMap<i32, Mark>,
) -> BTreeMap<i32, String> {
    let mut gone = BTreeMap::new();
    let mut places = TopicPartitionList::new();
    for (partition, mark) in marks {
        if places.add_partition_offset(topic, *partition, Offset::Offset(mark.offset)).is_err() {
            return gone;
        }
    }
    if marks.is_empty() || consumer.assign(&places).is_err() {
        return gone;
    }
    let mut left = marks.clone();
    let began = Instant::now();
    while !left.is_empty() && began.elapsed() < PATIENCE {
        match consumer.poll(POLL) {
            Some(Ok(message)) => {
                let Some(mark) = left.remove(&message.partition()) else { continue };
                if message.offset() == mark.offset && Mark::of(&message) != mark {
                    gone.insert(
                        message.partition(),
                        format!(
                            "another record stands at offset {} than before: the topic was deleted and created again",
                            mark.offset
                        ),
                    );
                }
            }
            Some(Err(KafkaError::PartitionEOF(partition))) => drop(left.remove(&partition)),
            // Who cannot be read now was read before; whether that is enough, others judge.
            Some(Err(_)) | None => {}
        }
    }
    gone
}
