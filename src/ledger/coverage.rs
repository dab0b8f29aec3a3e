//! How far the topics were read.

use std::collections::HashMap;

use super::place::Place;
use crate::record::{PartitionRead, TopicPartition};

/// How far each partition was read, and what that says of a record that was not seen.
pub(super) struct Coverage<'a> {
    reads: HashMap<TopicPartition, &'a PartitionRead>,
}

impl<'a> Coverage<'a> {
    pub(super) fn new(reads: &'a [PartitionRead]) -> Self {
        Self { reads: reads.iter().map(|read| (read.at, read)).collect() }
    }

    /// Whether everything in the topic was read.
    pub(super) fn topic_is_complete(&self, topic: u16) -> bool {
        let mut of_topic = self.reads.values().filter(|read| read.at.topic == topic).peekable();
        of_topic.peek().is_some() && of_topic.all(|read| read.is_complete() && read.log_start <= read.from)
    }

    /// Whether a record that was acked somewhere in the topic and not seen is proven absent.
    pub(super) fn proves_absence_in(&self, topic: u16) -> bool {
        let compacted = self.reads.values().any(|read| read.at.topic == topic && read.compacted);
        self.topic_is_complete(topic) && !compacted
    }

    /// Whether a record that was acked at `place` and not seen is proven absent.
    pub(super) fn proves_absence(&self, place: Place) -> bool {
        let Some(read) = self.reads.get(&place.at) else {
            // The ack names a partition that the topic does not have.
            return self.topic_is_complete(place.at.topic);
        };
        let reached = read.is_complete() || (read.error.is_none() && place.offset < read.to);
        let deleted_meanwhile = place.offset < read.log_start && place.offset >= read.from;
        let compacted_meanwhile = read.compacted && place.offset < read.to;
        reached && !deleted_meanwhile && !compacted_meanwhile
    }
}
