//! What a group has committed.

use std::collections::BTreeMap;

/// Longest text beside an offset, as Kafka's default for `offset.metadata.max.bytes`.
pub(super) const MAX_METADATA: usize = 4096;

/// How far a partition has been dealt with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Committed {
    pub(super) offset: i64,
    /// Leader epoch of the record before it; -1 where it is not known.
    pub(super) epoch: i32,
    /// The client's own words.
    pub(super) metadata: String,
}

/// The offsets of a group, by topic and partition.
#[derive(Debug, Default)]
pub(super) struct Offsets(BTreeMap<String, BTreeMap<i32, Committed>>);

impl Offsets {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn commit(&mut self, topic: &str, partition: i32, committed: Committed) {
        self.0.entry(topic.to_owned()).or_default().insert(partition, committed);
    }

    pub(super) fn of(&self, topic: &str, partition: i32) -> Option<&Committed> {
        self.0.get(topic)?.get(&partition)
    }

    /// Every topic with its partitions.
    pub(super) fn all(&self) -> impl Iterator<Item = (&String, &BTreeMap<i32, Committed>)> {
        self.0.iter()
    }

    /// Forgets a topic, which is deleted.
    pub(super) fn forget(&mut self, topic: &str) {
        self.0.remove(topic);
    }
}
