//! Consumer groups, as the classic protocol has them: members, generations, committed offsets.
//!
//! `group`, `member`, `rebalance` and `offsets` are the state, pure; `membership`, `commits` and `listing` each answer a family of
//! requests. Time passes for a group whenever somebody asks it something; who waits looks again when it is due.

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
use std::time::Instant;

use kafka_protocol::ResponseError;
use tokio::sync::Notify;

pub(super) use self::commits::{commit, fetch};
use self::group::Group;
pub(super) use self::listing::{delete, describe, list};
pub(super) use self::membership::{Client, heartbeat, join, leave, sync};
use super::asked::Asked;
use super::cluster::{Cluster, Node};

/// All groups of the cluster.
#[derive(Debug, Default)]
pub(super) struct Groups {
    groups: Mutex<BTreeMap<String, Group>>,
    changed: Notify,
}

impl Groups {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Group>> {
        self.groups.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks a group, which is there from the first question on, and as long as it has anything to keep.
    fn ask<T>(&self, id: &str, now: Instant, question: impl FnOnce(&mut Group) -> T) -> T {
        let mut groups = self.lock();
        let group = groups.entry(id.to_owned()).or_default();
        let before = group.changes();
        group.tick(now);
        let answer = question(group);
        let changed = group.changes() != before;
        if group.is_nothing() {
            groups.remove(id);
        }
        if changed {
            self.changed.notify_waiters();
        }
        answer
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
        let mut groups = self.lock();
        groups.values_mut().for_each(|group| group.offsets.forget(topic));
        groups.retain(|_, group| !group.is_nothing());
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
