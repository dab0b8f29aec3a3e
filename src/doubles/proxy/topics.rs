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

/// The topics that are known.
#[derive(Debug, Default)]
pub(super) struct Topics {
    partitions: RwLock<HashMap<String, i32>>,
    /// The longest batch that each takes, in bytes.
    limits: Mutex<HashMap<String, usize>>,
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

    /// The longest batch that a topic takes, asked of Kafka once.
    pub(super) async fn limit(&self, topic: &str, admin: &Admin) -> Option<usize> {
        let known = self.limits.lock().unwrap_or_else(PoisonError::into_inner).get(topic).copied();
        if known.is_some() {
            return known;
        }
        let settings = timeout(PATIENCE, admin.settings(topic)).await.ok()?.ok()?;
        let limit = settings.into_iter().find(|setting| setting.name == "max.message.bytes")?.value?;
        let limit = limit.parse().ok()?;
        self.limits.lock().unwrap_or_else(PoisonError::into_inner).insert(topic.to_owned(), limit);
        Some(limit)
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
