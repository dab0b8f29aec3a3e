//! Consumer groups, as the classic protocol has them: members, generations, committed offsets.
//!
//! `group`, `member`, `rebalance` and `offsets` are the state, pure; `membership`, `commits` and `listing` each answer a family of
//! requests. Time passes for a group whenever somebody asks it something, and now and then when somebody asks another; who
//! waits looks again when it is due.

mod commits;
mod group;
#[cfg(test)]
mod group_tests;
mod listing;
mod member;
mod membership;
mod offsets;
mod rebalance;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use kafka_protocol::ResponseError;
use tokio::sync::Notify;

pub(super) use self::commits::{commit, fetch};
use self::group::Group;
pub(super) use self::listing::{delete, describe, list};
pub(super) use self::membership::{Client, heartbeat, join, leave, sync};
use super::asked::Asked;
use super::cluster::{Cluster, Node};

/// Most groups that there may be; Kafka has no limit, and this one is there for the memory's sake.
const MAX_GROUPS: usize = 10_000;
/// How often time passes for groups that nobody asks.
const SWEEP: Duration = Duration::from_secs(10);

/// All groups of the cluster.
#[derive(Debug, Default)]
pub(super) struct Groups {
    kept: Mutex<Kept>,
    changed: Notify,
}

/// Groups by their ids, and when time last passed for all of them.
#[derive(Debug, Default)]
struct Kept {
    groups: BTreeMap<String, Group>,
    swept: Option<Instant>,
}

impl Kept {
    /// Lets time pass for all groups if it is due, and tells whether any has changed by that.
    fn sweep(&mut self, now: Instant) -> bool {
        let since = *self.swept.get_or_insert(now);
        if now.saturating_duration_since(since) < SWEEP {
            return false;
        }
        self.swept = Some(now);
        let mut changed = false;
        self.groups.retain(|_, group| {
            let before = group.changes();
            group.tick(now);
            changed |= group.changes() != before;
            !group.is_nothing()
        });
        changed
    }
}

impl Groups {
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks a group, which is there from the first question on, and as long as it has anything to keep.
    fn ask<T>(&self, id: &str, now: Instant, question: impl FnOnce(&mut Group) -> T) -> T {
        let mut kept = self.lock();
        let mut changed = kept.sweep(now);
        let group = kept.groups.entry(id.to_owned()).or_default();
        let before = group.changes();
        group.tick(now);
        let answer = question(group);
        changed |= group.changes() != before;
        if group.is_nothing() {
            kept.groups.remove(id);
        }
        if changed {
            self.changed.notify_waiters();
        }
        answer
    }

    /// Whether a group may be given something to keep: one that is there, or a new one as long as there is room.
    ///
    /// # Errors
    /// `COORDINATOR_LOAD_IN_PROGRESS`, after which clients try again.
    fn admits(&self, id: &str, now: Instant) -> Result<(), ResponseError> {
        let mut kept = self.lock();
        let changed = kept.sweep(now);
        let room = kept.groups.len() < MAX_GROUPS || kept.groups.contains_key(id);
        if changed {
            self.changed.notify_waiters();
        }
        if room { Ok(()) } else { Err(ResponseError::CoordinatorLoadInProgress) }
    }

    /// The ids of all groups.
    fn ids(&self) -> Vec<String> {
        self.lock().groups.keys().cloned().collect()
    }

    /// Looks at a group until there is something to see.
    async fn wait<T>(&self, id: &str, look: impl Fn(&Group) -> Option<T>) -> T {
        loop {
            // Before looking, so that a change between looking and waiting is not missed.
            let changed = self.changed.notified();
            let (seen, next) = self.ask(id, Instant::now(), |group| (look(group), group.next_tick()));
            match (seen, next) {
                (Some(seen), _) => return seen,
                (None, Some(at)) => {
                    let _ = tokio::time::timeout_at(at.into(), changed).await;
                }
                (None, None) => changed.await,
            }
        }
    }

    /// Forgets what has been committed for a topic, which is deleted.
    pub(super) fn forget_topic(&self, topic: &str) {
        let mut kept = self.lock();
        kept.groups.values_mut().for_each(|group| group.offsets.forget(topic));
        kept.groups.retain(|_, group| !group.is_nothing());
    }
}

/// The broker that coordinates a group: always the same for one name, and each for its share of them.
pub(super) fn coordinator(cluster: &Cluster, group: &str) -> Node {
    let sum = group.bytes().fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
    cluster.nodes.get(sum % cluster.nodes.len()).copied().unwrap_or_else(|| cluster.controller())
}

/// Whether the broker that is asked coordinates the group.
fn check(asked: &Asked, group: &str) -> Result<(), ResponseError> {
    if coordinator(&asked.cluster, group).id == asked.node {
        return Ok(());
    }
    Err(ResponseError::NotCoordinator)
}

/// As [`check`], for requests of members, whose group has a name.
fn check_named(asked: &Asked, group: &str) -> Result<(), ResponseError> {
    if group.is_empty() {
        return Err(ResponseError::InvalidGroupId);
    }
    check(asked, group)
}

#[cfg(test)]
mod tests {
    use super::*;
    use offsets::Committed;

    fn commits(groups: &Groups, id: &str, now: Instant) {
        let committed = Committed { offset: 1, epoch: -1, metadata: String::new() };
        groups.ask(id, now, |group| group.offsets.commit("t", 0, committed));
    }

    #[test]
    fn a_group_that_nobody_asks_again_is_swept() {
        let (groups, begun) = (Groups::default(), Instant::now());
        groups.ask("told", begun, |group| group.told.insert("a".into(), begun + Duration::from_secs(6)));
        commits(&groups, "kept", begun);
        assert_eq!(groups.ids(), ["kept", "told"]);
        groups.ask("other", begun + SWEEP / 2, |_| ());
        assert_eq!(groups.ids(), ["kept", "told"]);
        groups.ask("other", begun + SWEEP, |_| ());
        assert_eq!(groups.ids(), ["kept"]);
    }

    #[test]
    fn there_are_no_more_groups_than_there_is_room_for() {
        let (groups, now) = (Groups::default(), Instant::now());
        for number in 0..MAX_GROUPS {
            assert_eq!(groups.admits(&number.to_string(), now), Ok(()));
            commits(&groups, &number.to_string(), now);
        }
        assert_eq!(groups.admits("0", now), Ok(()));
        assert_eq!(groups.admits("x", now), Err(ResponseError::CoordinatorLoadInProgress));
    }
}
