//! What the brokers of a cluster share: who they are, which topics there are, who leads what.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use kafka_protocol::ResponseError;
use uuid::Uuid;

use super::config::{Credentials, KafkaVersion};
use super::faults::Faults;
use super::groups::Groups;
use super::leadership::Leader;
use super::partition::Partition;
use super::refusal::Refusal;
use super::settings::Settings;

/// Most partitions that one request may create, as in Kafka's `ReplicationControlManager`.
const MAX_NEW_PARTITIONS: usize = 10_000;

/// What most clusters have for `default.replication.factor`.
const DEFAULT_REPLICAS: usize = 3;

/// The longest topic name (Kafka's `Topic.MAX_NAME_LENGTH`).
const MAX_NAME: usize = 249;

/// One broker of the cluster.
#[derive(Debug, Clone, Copy)]
pub(super) struct Node {
    /// Broker id, from 1.
    pub(super) id: i32,
    /// Where it listens, as clients are told.
    pub(super) address: SocketAddr,
}

/// The state that all brokers share.
#[derive(Debug)]
pub(super) struct Cluster {
    pub(super) id: String,
    /// In order of their ids; never empty. The first is the controller.
    pub(super) nodes: Vec<Node>,
    /// Partitions of a topic that a client's mention creates; `None`: mentions create nothing.
    pub(super) auto_create: Option<i32>,
    /// Who clients must say that they are; `None`: they are not asked.
    pub(super) sasl: Option<Credentials>,
    /// Whose settings topics have.
    pub(super) version: KafkaVersion,
    pub(super) faults: Faults,
    pub(super) groups: Groups,
    topics: RwLock<BTreeMap<String, Arc<Topic>>>,
    next_producer: AtomicI64,
}

/// A topic.
#[derive(Debug)]
pub(super) struct Topic {
    pub(super) name: String,
    pub(super) id: Uuid,
    pub(super) settings: Settings,
    partitions: RwLock<Vec<Arc<Partition>>>,
    /// Which acknowledgements producers have asked for.
    acks: Mutex<BTreeSet<i16>>,
}

impl Topic {
    /// Notes which acknowledgements a producer asks for (-1: from all replicas in sync).
    pub(super) fn note_acks(&self, acks: i16) {
        self.acks.lock().unwrap_or_else(PoisonError::into_inner).insert(acks);
    }

    /// Those that have been asked for.
    pub(super) fn acks(&self) -> BTreeSet<i16> {
        self.acks.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Its partitions at this moment.
    pub(super) fn partitions(&self) -> RwLockReadGuard<'_, Vec<Arc<Partition>>> {
        self.partitions.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How the partitions of a new topic are laid out.
#[derive(Debug, Clone)]
pub(super) enum Layout {
    /// So many partitions with so many replicas, spread round-robin over the brokers.
    Spread { partitions: i32, replicas: i16 },
    /// The replicas of each partition, its leader first.
    Assigned(Vec<Vec<i32>>),
}

impl Cluster {
    /// A cluster of `nodes` without topics.
    pub(super) fn new(
        nodes: Vec<Node>,
        auto_create: Option<i32>,
        sasl: Option<Credentials>,
        version: KafkaVersion,
        faults: Faults,
    ) -> Self {
        Self {
            id: Uuid::new_v4().simple().to_string(),
            nodes,
            auto_create,
            sasl,
            version,
            faults,
            groups: Groups::default(),
            topics: RwLock::default(),
            next_producer: AtomicI64::new(1),
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, BTreeMap<String, Arc<Topic>>> {
        self.topics.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, BTreeMap<String, Arc<Topic>>> {
        self.topics.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The broker that carries out administration.
    pub(super) fn controller(&self) -> Node {
        *self.nodes.first().expect("a cluster is built with one node at least")
    }

    /// The address of a broker.
    pub(super) fn node(&self, id: i32) -> Option<Node> {
        self.nodes.iter().find(|node| node.id == id).copied()
    }

    /// A producer id that nobody has had.
    pub(super) fn new_producer_id(&self) -> i64 {
        self.next_producer.fetch_add(1, Ordering::Relaxed)
    }

    /// The topic of this name.
    pub(super) fn topic(&self, name: &str) -> Option<Arc<Topic>> {
        self.read().get(name).cloned()
    }

    /// The topic of this id.
    pub(super) fn topic_by_id(&self, id: Uuid) -> Option<Arc<Topic>> {
        self.read().values().find(|topic| topic.id == id).cloned()
    }

    /// Every topic, by name.
    pub(super) fn topics(&self) -> Vec<Arc<Topic>> {
        self.read().values().cloned().collect()
    }

    /// A partition, for a client that takes the broker `node` for its leader.
    ///
    /// # Errors
    /// `UNKNOWN_TOPIC_OR_PARTITION`, `NOT_LEADER_OR_FOLLOWER`.
    pub(super) fn led_partition(
        &self,
        topic: &str,
        index: i32,
        node: i32,
    ) -> Result<(Arc<Topic>, Arc<Partition>), Refusal> {
        let unknown = || Refusal::new(ResponseError::UnknownTopicOrPartition, "no such topic or partition");
        let topic = self.topic(topic).ok_or_else(unknown)?;
        let index = usize::try_from(index).map_err(|_| unknown())?;
        let partition = topic.partitions().get(index).cloned().ok_or_else(unknown)?;
        partition.led_by(node)?;
        Ok((topic, partition))
    }

    /// Who leads a partition; `None` where there is no such partition.
    pub(super) fn leader_of(&self, topic: &str, index: i32) -> Option<Leader> {
        let topic = self.topic(topic)?;
        let partitions = topic.partitions();
        partitions.get(usize::try_from(index).ok()?).map(|partition| partition.leader())
    }

    /// How many replicas a partition has where nobody says it: three, or as many as there are brokers.
    pub(super) fn default_replicas(&self) -> i16 {
        i16::try_from(self.nodes.len().min(DEFAULT_REPLICAS)).unwrap_or(1)
    }

    /// Creates a topic, or with `dry` only finds out whether it could be.
    ///
    /// # Errors
    /// The refusals of `CreateTopics`.
    pub(super) fn create(
        &self,
        name: &str,
        layout: Layout,
        configs: BTreeMap<String, String>,
        dry: bool,
    ) -> Result<Arc<Topic>, Refusal> {
        legal_name(name)?;
        let mut topics = self.write();
        if topics.contains_key(name) {
            return Err(Refusal::new(
                ResponseError::TopicAlreadyExists,
                format!("topic '{name}' already exists"),
            ));
        }
        // Metric names turn dots into underscores, so Kafka keeps two topics from having the same.
        let metric = |name: &str| name.replace('.', "_");
        if let Some(other) = topics.keys().find(|other| metric(other) == metric(name)) {
            return Err(Refusal::new(
                ResponseError::InvalidTopicException,
                format!("topic '{name}' collides with existing topic '{other}'"),
            ));
        }
        let settings = Settings::new(configs, self.version)
            .map_err(|sentence| Refusal::new(ResponseError::InvalidConfig, sentence))?;
        let partitions =
            self.lay_out(layout)?.into_iter().map(|replicas| Arc::new(Partition::new(replicas))).collect();
        let topic = Arc::new(Topic {
            name: name.to_owned(),
            id: Uuid::new_v4(),
            settings,
            partitions: RwLock::new(partitions),
            acks: Mutex::default(),
        });
        if !dry {
            topics.insert(name.to_owned(), topic.clone());
        }
        Ok(topic)
    }

    fn lay_out(&self, layout: Layout) -> Result<Vec<Vec<i32>>, Refusal> {
        match layout {
            Layout::Spread { partitions, replicas } => {
                let count = usize::try_from(partitions).ok().filter(|count| *count > 0).ok_or_else(|| {
                    Refusal::new(ResponseError::InvalidPartitions, "a topic has one partition at least")
                })?;
                let replicas = usize::try_from(replicas)
                    .ok()
                    .filter(|replicas| (1..=self.nodes.len()).contains(replicas))
                    .ok_or_else(|| {
                        Refusal::new(
                            ResponseError::InvalidReplicationFactor,
                            format!(
                                "a replication factor is 1 to the number of brokers, {}",
                                self.nodes.len()
                            ),
                        )
                    })?;
                few_enough(count)?;
                Ok((0..count).map(|index| self.replicas(index, replicas)).collect())
            }
            Layout::Assigned(assigned) => {
                few_enough(assigned.len())?;
                self.known(&assigned)?;
                Ok(assigned)
            }
        }
    }

    /// The brokers that hold partition `index`: the leaders go round, and the replicas follow them.
    fn replicas(&self, index: usize, count: usize) -> Vec<i32> {
        self.nodes.iter().cycle().skip(index % self.nodes.len()).take(count).map(|node| node.id).collect()
    }

    fn known(&self, assigned: &[Vec<i32>]) -> Result<(), Refusal> {
        let good = assigned.iter().all(|replicas| {
            !replicas.is_empty()
                && replicas.iter().all(|id| self.node(*id).is_some())
                && replicas.iter().enumerate().all(|(at, id)| !replicas[..at].contains(id))
        });
        if good && !assigned.is_empty() {
            return Ok(());
        }
        Err(Refusal::new(
            ResponseError::InvalidReplicaAssignment,
            "every partition is assigned to different brokers of this cluster, one at least",
        ))
    }

    /// Gives a topic more partitions, up to `count`.
    ///
    /// # Errors
    /// The refusals of `CreatePartitions`.
    pub(super) fn grow(
        &self,
        name: &str,
        count: i32,
        assigned: Option<Vec<Vec<i32>>>,
        dry: bool,
    ) -> Result<(), Refusal> {
        let topic = self.topic(name).ok_or_else(|| {
            Refusal::new(ResponseError::UnknownTopicOrPartition, format!("there is no topic '{name}'"))
        })?;
        let mut partitions = topic.partitions.write().unwrap_or_else(PoisonError::into_inner);
        let have = partitions.len();
        let more = usize::try_from(count).unwrap_or(0).checked_sub(have).filter(|more| *more > 0);
        let more = more.ok_or_else(|| {
            Refusal::new(
                ResponseError::InvalidPartitions,
                format!("topic '{name}' has {have} partitions, and {count} would not be an increase"),
            )
        })?;
        few_enough(more)?;
        let added = match assigned {
            None => {
                let factor = partitions.first().map_or(1, |partition| partition.replicas.len());
                (have..have + more).map(|index| self.replicas(index, factor)).collect()
            }
            Some(assigned) if assigned.len() == more => {
                self.known(&assigned)?;
                assigned
            }
            Some(assigned) => {
                return Err(Refusal::new(
                    ResponseError::InvalidReplicaAssignment,
                    format!("{} assignments for {more} new partitions", assigned.len()),
                ));
            }
        };
        if !dry {
            partitions.extend(added.into_iter().map(|replicas| Arc::new(Partition::new(replicas))));
        }
        Ok(())
    }

    /// Deletes a topic with all that it holds; `None` where there is none of that name.
    pub(super) fn delete(&self, name: &str) -> Option<Arc<Topic>> {
        let topic = self.write().remove(name)?;
        for partition in topic.partitions().iter() {
            partition.wake_all();
        }
        self.groups.forget_topic(name);
        Some(topic)
    }
}

/// Whether one request may create so many partitions.
///
/// # Errors
/// `POLICY_VIOLATION`.
pub(super) fn few_enough(count: usize) -> Result<(), Refusal> {
    if count <= MAX_NEW_PARTITIONS {
        return Ok(());
    }
    Err(Refusal::new(
        ResponseError::PolicyViolation,
        format!("{count} new partitions are too many at once; {MAX_NEW_PARTITIONS} are allowed"),
    ))
}

/// Whether Kafka allows a topic of this name (its `Topic.validate`).
///
/// # Errors
/// `INVALID_TOPIC_EXCEPTION`.
pub(super) fn legal_name(name: &str) -> Result<(), Refusal> {
    let good = !matches!(name, "" | "." | "..")
        && name.len() <= MAX_NAME
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'));
    if good {
        return Ok(());
    }
    Err(Refusal::new(
        ResponseError::InvalidTopicException,
        format!("a topic name is 1 to {MAX_NAME} of a-z, A-Z, 0-9, '.', '_' and '-', and not '.' or '..'"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster(brokers: i32) -> Cluster {
        let address = SocketAddr::from(([127, 0, 0, 1], 9092));
        Cluster::new(
            (1..=brokers).map(|id| Node { id, address }).collect(),
            None,
            None,
            KafkaVersion::default(),
            Faults::default(),
        )
    }

    fn spread(partitions: i32, replicas: i16) -> Layout {
        Layout::Spread { partitions, replicas }
    }

    #[test]
    fn leaders_go_round_and_replicas_follow() {
        let cluster = cluster(3);
        let topic = cluster.create("t", spread(4, 2), BTreeMap::new(), false).unwrap();
        let replicas: Vec<_> =
            topic.partitions().iter().map(|partition| partition.replicas.clone()).collect();
        assert_eq!(replicas, [[1, 2], [2, 3], [3, 1], [1, 2]]);
        cluster.grow("t", 6, None, false).unwrap();
        let leaders: Vec<_> = topic.partitions().iter().map(|partition| partition.leader().id).collect();
        assert_eq!(leaders, [1, 2, 3, 1, 2, 3]);
        assert_eq!(cluster.led_partition("t", 1, 1).unwrap_err().error, ResponseError::NotLeaderOrFollower);
    }

    #[test]
    fn each_wrong_creation_has_its_error() {
        let cluster = cluster(2);
        cluster.create("a.b", spread(1, 1), BTreeMap::new(), false).unwrap();
        let refused = |name: &str, layout: Layout| {
            cluster.create(name, layout, BTreeMap::new(), true).unwrap_err().error
        };
        assert_eq!(refused("a.b", spread(1, 1)), ResponseError::TopicAlreadyExists);
        assert_eq!(refused("a_b", spread(1, 1)), ResponseError::InvalidTopicException);
        assert_eq!(refused("t", spread(0, 1)), ResponseError::InvalidPartitions);
        assert_eq!(refused("t", spread(1, 3)), ResponseError::InvalidReplicationFactor);
        assert_eq!(refused("t", spread(i32::MAX, 1)), ResponseError::PolicyViolation);
        assert_eq!(refused("t", Layout::Assigned(vec![vec![1, 9]])), ResponseError::InvalidReplicaAssignment);
        assert_eq!(refused("t", Layout::Assigned(vec![vec![1, 1]])), ResponseError::InvalidReplicaAssignment);
        assert_eq!(cluster.grow("a.b", 1, None, false).unwrap_err().error, ResponseError::InvalidPartitions);
        assert!(cluster.create("dry", spread(1, 1), BTreeMap::new(), true).is_ok());
        assert!(cluster.topic("dry").is_none());
    }

    #[test]
    fn names_are_legal_as_in_kafka() {
        for name in ["quakes", "a.b-c_D9", &"x".repeat(249)] {
            assert!(legal_name(name).is_ok(), "{name}");
        }
        for name in ["", ".", "..", "a b", "ä", "a/b", &"x".repeat(250)] {
            assert!(legal_name(name).is_err(), "{name}");
        }
    }
}
