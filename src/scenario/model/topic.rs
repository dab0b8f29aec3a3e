//! Topics.

use std::collections::BTreeMap;

/// A topic of the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicSpec {
    /// Name, legal in Kafka.
    pub name: String,
    /// Number of partitions, at least 1.
    pub partitions: i32,
    /// The largest batch of records that the topic takes, in bytes: Kafka's `max.message.bytes`. `None`: as
    /// the cluster has it.
    pub max_message_bytes: Option<u64>,
    /// How many bytes a partition keeps before its oldest records go: Kafka's `retention.bytes`. `None`: as
    /// the cluster has it.
    pub retention_bytes: Option<u64>,
}

impl TopicSpec {
    /// What the scenario sets of the topic's configs, by Kafka's names.
    #[must_use]
    pub fn configs(&self) -> BTreeMap<String, String> {
        let sizes =
            [("max.message.bytes", self.max_message_bytes), ("retention.bytes", self.retention_bytes)];
        let written = |(name, size): (&str, Option<u64>)| Some((name.to_owned(), size?.to_string()));
        sizes.into_iter().filter_map(written).collect()
    }
}
