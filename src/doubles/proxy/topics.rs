//! What the proxy's Kafka client knows of topics, as Java's remembers it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use tokio::time::timeout;

use super::admin::Admin;

/// For how long a topic stays in mind that nobody uses (Java's `metadata.max.idle.ms`).
const IDLE: Duration = Duration::from_mins(5);
/// How long Kafka may take to tell a topic's settings, before a request goes on without them.
const PATIENCE: Duration = Duration::from_secs(1);

/// What a topic asks of batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rules {
    /// The longest that it takes, in bytes.
    pub(super) limit: usize,
    /// Whether every record needs a key.
    pub(super) compacted: bool,
}

/// The topics that are known.
#[derive(Debug, Default)]
pub(super) struct Topics {
    partitions: RwLock<HashMap<String, i32>>,
    rules: Mutex<HashMap<String, Rules>>,
    /// When each illegal name was last refused.
    invalid: Mutex<HashMap<String, Instant>>,
}

impl Topics {
    /// Whether a record can be handed over at once.
    pub(super) fn knows(&self, topic: &str, partition: Option<i32>) -> bool {
        self.partitions(topic).is_some_and(|count| partition.is_none_or(|partition| partition < count))
    }

    pub(super) fn partitions(&self, topic: &str) -> Option<i32> {
        self.partitions.read().unwrap_or_else(PoisonError::into_inner).get(topic).copied()
    }

    pub(super) fn learn(&self, topic: &str, count: i32) {
        self.partitions.write().unwrap_or_else(PoisonError::into_inner).insert(topic.to_owned(), count);
    }

    /// What a topic asks of batches, asked of Kafka once.
    pub(super) async fn rules(&self, topic: &str, admin: &Admin) -> Option<Rules> {
        let known = self.rules.lock().unwrap_or_else(PoisonError::into_inner).get(topic).copied();
        if known.is_some() {
            return known;
        }
        let settings = timeout(PATIENCE, admin.settings(topic)).await.ok()?.ok()?;
        let value = |name: &str| settings.iter().find(|setting| setting.name == name)?.value.as_deref();
        let limit = value("max.message.bytes")?.parse().ok()?;
        let compacted = value("cleanup.policy")?.contains("compact");
        let rules = Rules { limit, compacted };
        self.rules.lock().unwrap_or_else(PoisonError::into_inner).insert(topic.to_owned(), rules);
        Some(rules)
    }

    /// Java's words for an illegal name: longer when it first hears of it.
    pub(super) fn invalid(&self, topic: &str) -> String {
        let mut invalid = self.invalid.lock().unwrap_or_else(PoisonError::into_inner);
        invalid.retain(|_, since| since.elapsed() < IDLE);
        match invalid.insert(topic.to_owned(), Instant::now()) {
            Some(_) => topic.to_owned(),
            None => format!("Invalid topics: [{topic}]"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_illegal_name_is_explained_once() {
        let topics = Topics::default();
        assert_eq!(topics.invalid("a b"), "Invalid topics: [a b]");
        assert_eq!(topics.invalid("a b"), "a b");
        assert_eq!(topics.invalid("a:b"), "Invalid topics: [a:b]");
    }

    #[test]
    fn partitions_are_known_up_to_their_count() {
        let topics = Topics::default();
        assert!(!topics.knows("t", None));
        topics.learn("t", 3);
        assert!(topics.knows("t", None) && topics.knows("t", Some(2)) && !topics.knows("t", Some(3)));
    }
}
