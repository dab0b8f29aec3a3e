//! A member of a group, what it asks for when it joins, and what it is told.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::Bytes;

/// What a client that joins says of itself.
#[derive(Debug, Clone)]
pub(super) struct Join {
    /// Its id; empty where it has none yet.
    pub(super) member: String,
    /// The name under which it comes back as the same member (KIP-345).
    pub(super) instance: Option<String>,
    /// Id for a member that is new.
    pub(super) fresh: String,
    /// Whether a client without an id is only told one, and has to come again with it (KIP-394).
    pub(super) twice: bool,
    /// Protocol type, for instance `consumer`.
    pub(super) kind: String,
    /// Protocols that it can follow, the best first, with what it has to say for each.
    pub(super) protocols: Vec<(String, Bytes)>,
    /// How long it may be silent.
    pub(super) session: Duration,
    /// How long it may take to come back in a rebalance.
    pub(super) rebalance: Duration,
    pub(super) client_id: String,
    pub(super) client_host: String,
}

/// A member.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) instance: Option<String>,
    pub(super) protocols: Vec<(String, Bytes)>,
    pub(super) assignment: Bytes,
    pub(super) client_id: String,
    pub(super) client_host: String,
    pub(super) session: Duration,
    pub(super) rebalance: Duration,
    /// When it was last heard of.
    pub(super) heard: Instant,
    /// Whether it waits for the rebalance to end.
    pub(super) joins: bool,
    /// Whether it has asked for its assignment in this generation.
    pub(super) syncs: bool,
}

/// What a member of a generation is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Joined {
    pub(super) generation: i32,
    pub(super) kind: String,
    pub(super) protocol: String,
    pub(super) leader: String,
    pub(super) member: String,
    /// Id, instance and words of every member, for the leader; nobody for the others.
    pub(super) members: Vec<(String, Option<String>, Bytes)>,
}

impl Member {
    pub(super) fn new(join: Join, now: Instant) -> Self {
        let Join { instance, protocols, session, rebalance, client_id, client_host, .. } = join;
        Self {
            instance,
            protocols,
            assignment: Bytes::new(),
            client_id,
            client_host,
            session,
            rebalance,
            heard: now,
            joins: true,
            syncs: false,
        }
    }

    /// Takes over what it says of itself now.
    pub(super) fn update(&mut self, join: Join, now: Instant) {
        self.protocols = join.protocols;
        (self.session, self.rebalance) = (join.session, join.rebalance);
        self.heard = now;
        self.joins = true;
    }

    /// When its silence has lasted for too long; `None` while it waits for an answer.
    pub(super) fn expires(&self) -> Option<Instant> {
        (!self.joins && !self.syncs).then(|| self.heard + self.session)
    }

    /// What it says for a protocol.
    pub(super) fn words(&self, protocol: &str) -> Bytes {
        let found = self.protocols.iter().find(|(name, _)| name == protocol);
        found.map(|(_, words)| words.clone()).unwrap_or_default()
    }

    fn follows(&self, protocol: &str) -> bool {
        self.protocols.iter().any(|(name, _)| name == protocol)
    }
}

/// The protocol that every member can follow and most prefer; each prefers the first of its own that all can.
pub(super) fn vote(members: &BTreeMap<String, Member>) -> Option<String> {
    let mut votes: BTreeMap<&str, usize> = BTreeMap::new();
    for member in members.values() {
        let best = member.protocols.iter().map(|(name, _)| name).find(|name| all_follow(members, name))?;
        *votes.entry(best).or_default() += 1;
    }
    let best = votes.iter().max_by_key(|(_, votes)| **votes)?;
    Some((*best.0).to_owned())
}

/// Whether all members can follow a protocol.
pub(super) fn all_follow(members: &BTreeMap<String, Member>, protocol: &str) -> bool {
    members.values().all(|member| member.follows(protocol))
}
