//! Topics that a run has created in somebody else's Kafka, and taking them away again.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::consumer::Consumer as _;
use rdkafka::error::KafkaError;

use super::Stack;
use crate::kafka::{Access, Asker, Listener, describe};
use crate::scenario::{KafkaSpec, Scenario};

/// How long Kafka may take for each question.
const ASK: Duration = Duration::from_secs(10);

/// The topics that the run has created. Dropped before anything has been settled, those that are to be deleted and are
/// still empty go.
#[derive(Debug, Default)]
pub(super) struct Created {
    access: Access,
    /// Topics with their numbers of partitions.
    topics: Vec<(String, i32)>,
    /// Whether they are to be deleted.
    delete: bool,
}

impl Created {
    pub(super) fn new(scenario: &Scenario, access: &Access) -> Self {
        let delete = matches!(scenario.stack.kafka, KafkaSpec::External { delete_topics: true, .. });
        Self { access: access.clone(), topics: Vec::new(), delete }
    }

    /// Notes that the run has created a topic.
    pub(super) fn add(&mut self, topic: &str, partitions: i32) {
        self.topics.push((topic.to_owned(), partitions));
    }

    fn names(&self) -> String {
        self.topics.iter().map(|(name, _)| format!("`{name}`")).collect::<Vec<_>>().join(", ")
    }

    /// Whether nothing is in them but what stood there at these ends, from the very first record on. Blocks.
    fn are_as_read(&self, whole: &BTreeMap<String, BTreeMap<i32, i64>>) -> bool {
        let Ok(asker) = self.access.asker("landfall-admin", &[]) else { return false };
        self.topics.iter().all(|(name, partitions)| {
            (0..*partitions).all(|partition| {
                let read = whole.get(name).and_then(|ends| ends.get(&partition));
                let now = asker.fetch_watermarks(name, partition, ASK);
                matches!((read, now), (Some(read), Ok((_, end))) if *read == end)
            })
        })
    }

    /// Deletes all of them, and says what came of it. Blocks.
    fn remove(&mut self) -> String {
        let names = self.names();
        let topics = std::mem::take(&mut self.topics);
        let topics: Vec<&str> = topics.iter().map(|(name, _)| name.as_str()).collect();
        match delete(&self.access, &topics) {
            Ok(()) => format!("the topics that the run has created were deleted: {names}"),
            Err(reason) => format!(
                "the topics that the run has created could not all be deleted: {reason}; see to {names}"
            ),
        }
    }
}

impl Drop for Created {
    fn drop(&mut self) {
        if !self.delete || self.topics.is_empty() {
            return;
        }
        let Ok(asker) = self.access.asker("landfall-admin", &[]) else { return };
        let until = Instant::now() + ASK;
        self.topics
            .retain(|(name, partitions)| Instant::now() < until && is_empty(&asker, name, *partitions));
        if !self.topics.is_empty() {
            let told = self.remove();
            tracing::info!(told, "topics");
        }
    }
}

/// Whether nothing has ever been written to a topic.
fn is_empty(asker: &Asker, topic: &str, partitions: i32) -> bool {
    (0..partitions).all(|partition| matches!(asker.fetch_watermarks(topic, partition, ASK), Ok((_, 0))))
}

fn delete(access: &Access, topics: &[&str]) -> Result<(), String> {
    let client = access.client("landfall-admin", &[]).create_with_context(Listener::default());
    let admin: AdminClient<Listener> = client.map_err(|error: KafkaError| describe(&error))?;
    let options = AdminOptions::new().operation_timeout(Some(ASK)).request_timeout(Some(ASK));
    let deleted = futures_executor::block_on(admin.delete_topics(topics, &options));
    for topic in deleted.map_err(|error| describe(&error))? {
        topic.map_err(|(topic, code)| format!("`{topic}`: {code}"))?;
    }
    Ok(())
}

/// What a run knows of the records in its topics, once it has settled them.
#[derive(Debug, Clone)]
pub struct Found {
    /// Records that are nobody's of the run.
    pub foreign: u64,
    /// Whether some topics could not be read.
    pub unread: bool,
    /// Where each partition ended of the topics of which every record is known, by topic.
    pub whole: BTreeMap<String, BTreeMap<i32, i64>>,
}

impl Stack {
    /// Deletes the topics that the run has created, where the scenario says so and nobody else's records are in them, and
    /// says what becomes of them; nothing where the run has created none. Blocks.
    pub fn clean_up(&mut self, found: Found) -> Option<String> {
        let created = &mut self.created;
        if created.topics.is_empty() {
            return None;
        }
        let names = created.names();
        let Found { foreign, unread, whole } = found;
        let kept = if !created.delete {
            format!(
                "the run has created the topics {names}, and they stay; `stack.kafka.delete_topics: created` deletes them"
            )
        } else if foreign > 0 {
            format!(
                "the topics {names}, which the run has created, stay: {foreign} records of somebody else's are among theirs"
            )
        } else if unread {
            format!(
                "the topics {names}, which the run has created, stay: not all could be read, so it is not known whose records are in them"
            )
        } else if !created.are_as_read(&whole) {
            format!(
                "the topics {names}, which the run has created, stay: something was written to them that the run has not read"
            )
        } else {
            return Some(created.remove());
        };
        created.topics.clear();
        Some(kept)
    }
}
