//! One group: its members, its generations, and what each of its members may ask.
//!
//! Pure: times come in as arguments. The rules are those of Kafka's `GroupCoordinator`.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use kafka_protocol::ResponseError;

use super::member::{Join, Joined, Member, all_follow};
use super::offsets::Offsets;

/// How long a member may be silent at least and at most (`group.min.session.timeout.ms` and its counterpart).
const SESSION: std::ops::RangeInclusive<Duration> = Duration::from_secs(6)..=Duration::from_mins(30);

/// Most members of a group, those counted that were told an id (`group.max.size`, for which Kafka has no limit by
/// default).
pub(super) const MAX_MEMBERS: usize = 1_000;

/// Where a group is between two generations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Nobody is in it.
    Empty,
    /// Its members have to join again, until then at the latest.
    Preparing(Instant),
    /// They have, and wait for what the leader assigns them, until then at the latest.
    Completing(Instant),
    /// Everybody has been told.
    Stable,
}

/// A group.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) state: State,
    pub(super) generation: i32,
    kind: String,
    pub(super) protocol: String,
    pub(super) leader: String,
    pub(super) members: BTreeMap<String, Member>,
    /// Ids that were told and have not come again, and until when they may.
    pub(super) told: BTreeMap<String, Instant>,
    /// Goes up with everything that somebody may wait for.
    pub(super) changes: u64,
    pub(super) offsets: Offsets,
}

/// What becomes of a client that joins.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Entered {
    /// It has to come again with this id.
    Told(String),
    /// It is the member of this id, and waits as long as [`Group::joined`] has no answer.
    Waits(String),
    /// It has come back, and nothing changes.
    Back(Joined),
}

impl Default for Group {
    fn default() -> Self {
        Self {
            state: State::Empty,
            generation: 0,
            kind: String::new(),
            protocol: String::new(),
            leader: String::new(),
            members: BTreeMap::new(),
            told: BTreeMap::new(),
            changes: 0,
            offsets: Offsets::default(),
        }
    }
}

impl Group {
    pub(super) fn state(&self) -> State {
        self.state
    }

    /// Protocol type; empty where nobody has ever joined.
    pub(super) fn kind(&self) -> &str {
        &self.kind
    }

    /// The protocol of the generation.
    pub(super) fn protocol(&self) -> &str {
        &self.protocol
    }

    pub(super) fn members(&self) -> &BTreeMap<String, Member> {
        &self.members
    }

    /// A number that has gone up where somebody who waits has something to look at.
    pub(super) fn changes(&self) -> u64 {
        self.changes
    }

    /// Whether nothing would be lost with it.
    pub(super) fn is_nothing(&self) -> bool {
        self.members.is_empty() && self.told.is_empty() && self.offsets.is_empty()
    }

    /// A client asks to be a member.
    ///
    /// # Errors
    /// Those of `JoinGroup`.
    pub(super) fn join(&mut self, join: Join, now: Instant) -> Result<Entered, ResponseError> {
        if !SESSION.contains(&join.session) {
            return Err(ResponseError::InvalidSessionTimeout);
        }
        let fits = self.members.is_empty()
            || (join.kind == self.kind
                && join.protocols.iter().any(|(name, _)| all_follow(&self.members, name)));
        if join.kind.is_empty() || join.protocols.is_empty() || !fits {
            return Err(ResponseError::InconsistentGroupProtocol);
        }
        let same = join.instance.as_deref().and_then(|instance| self.id_of(instance));
        if join.member.is_empty() {
            return match same {
                Some(old) => Ok(self.come_back(&old, join, now)),
                None if self.members.len() + self.told.len() >= MAX_MEMBERS => {
                    Err(ResponseError::GroupMaxSizeReached)
                }
                None if join.twice && join.instance.is_none() => {
                    self.told.insert(join.fresh.clone(), now + join.session);
                    Ok(Entered::Told(join.fresh))
                }
                None => Ok(self.enter(join.fresh.clone(), join, now)),
            };
        }
        if join.instance.is_some() && same.as_deref().is_some_and(|same| same != join.member) {
            return Err(ResponseError::FencedInstanceId);
        }
        if self.told.remove(&join.member).is_some() {
            return Ok(self.enter(join.member.clone(), join, now));
        }
        let id = join.member.clone();
        let leads = self.leader == id;
        let member = self.members.get_mut(&id).ok_or(ResponseError::UnknownMemberId)?;
        let changed = member.protocols != join.protocols;
        match self.state {
            // It has not heard the answer, or asks once more.
            State::Completing(_) if !changed => {}
            State::Stable if !changed && !leads => {}
            State::Preparing(_) => member.update(join, now),
            State::Empty | State::Completing(_) | State::Stable => {
                member.update(join, now);
                self.prepare(now);
            }
        }
        self.settle(now);
        Ok(Entered::Waits(id))
    }

    fn enter(&mut self, id: String, join: Join, now: Instant) -> Entered {
        self.kind.clone_from(&join.kind);
        self.members.insert(id.clone(), Member::new(join, now));
        if !matches!(self.state, State::Preparing(_)) {
            self.prepare(now);
        }
        self.settle(now);
        Entered::Waits(id)
    }

    /// A static member has come back under a new id; the old one is nobody's any more.
    fn come_back(&mut self, old: &str, join: Join, now: Instant) -> Entered {
        let id = join.fresh.clone();
        let Some(mut member) = self.members.remove(old) else { return self.enter(id, join, now) };
        let leader = self.leader.clone();
        if leader == old {
            self.leader.clone_from(&id);
        }
        let changed = member.protocols != join.protocols;
        member.update(join, now);
        self.changes += 1;
        if self.state == State::Stable && !changed {
            member.joins = false;
            self.members.insert(id.clone(), member);
            // Even the leader is told the id that the leader had, so that it assigns nothing anew.
            return Entered::Back(Joined { leader, members: Vec::new(), ..self.told_to(id) });
        }
        self.members.insert(id.clone(), member);
        if !matches!(self.state, State::Preparing(_)) {
            self.prepare(now);
        }
        self.settle(now);
        Entered::Waits(id)
    }

    /// What a member that has joined is told, once its rebalance is over.
    pub(super) fn joined(
        &self,
        (id, instance): (&str, Option<&str>),
    ) -> Option<Result<Joined, ResponseError>> {
        match self.members.get(id) {
            None => Some(Err(self.gone(instance))),
            Some(member) => (!member.joins).then(|| Ok(self.told_to(id.to_owned()))),
        }
    }

    fn told_to(&self, member: String) -> Joined {
        let everybody = self
            .members
            .iter()
            .map(|(id, member)| (id.clone(), member.instance.clone(), member.words(&self.protocol)));
        let members = if member == self.leader { everybody.collect() } else { Vec::new() };
        Joined {
            generation: self.generation,
            kind: self.kind.clone(),
            protocol: self.protocol.clone(),
            leader: self.leader.clone(),
            member,
            members,
        }
    }

    /// A member asks for its assignment, and says the others' where it leads.
    ///
    /// # Errors
    /// Those of `SyncGroup`.
    pub(super) fn sync(
        &mut self,
        (id, instance): (&str, Option<&str>),
        generation: i32,
        mut assignments: BTreeMap<String, Bytes>,
        now: Instant,
    ) -> Result<(), ResponseError> {
        self.of_generation(id, instance, generation, now)?;
        match self.state {
            State::Empty => return Err(ResponseError::UnknownMemberId),
            State::Preparing(_) => return Err(ResponseError::RebalanceInProgress),
            State::Stable => return Ok(()),
            State::Completing(_) => {}
        }
        if let Some(member) = self.members.get_mut(id) {
            member.syncs = true;
        }
        if self.leader == id {
            for (id, member) in &mut self.members {
                member.assignment = assignments.remove(id).unwrap_or_default();
                (member.syncs, member.heard) = (false, now);
            }
            self.state = State::Stable;
            self.changes += 1;
        }
        Ok(())
    }

    /// The assignment of a member that has asked for it, once the leader has said it.
    pub(super) fn synced(
        &self,
        (id, instance): (&str, Option<&str>),
        generation: i32,
    ) -> Option<Result<Bytes, ResponseError>> {
        let Some(member) = self.members.get(id) else { return Some(Err(self.gone(instance))) };
        match self.state {
            State::Stable if self.generation == generation => Some(Ok(member.assignment.clone())),
            State::Completing(_) if self.generation == generation => None,
            _ => Some(Err(ResponseError::RebalanceInProgress)),
        }
    }

    /// A member lives.
    ///
    /// # Errors
    /// Those of `Heartbeat`.
    pub(super) fn heartbeat(
        &mut self,
        (id, instance): (&str, Option<&str>),
        generation: i32,
        now: Instant,
    ) -> Result<(), ResponseError> {
        self.of_generation(id, instance, generation, now)?;
        match self.state {
            State::Preparing(_) => Err(ResponseError::RebalanceInProgress),
            _ => Ok(()),
        }
    }

    /// Whether a member, or somebody who is in no generation (-1), may commit offsets.
    ///
    /// # Errors
    /// Those of `OffsetCommit`.
    pub(super) fn may_commit(
        &mut self,
        (id, instance): (&str, Option<&str>),
        generation: i32,
        now: Instant,
    ) -> Result<(), ResponseError> {
        if generation < 0 && self.members.is_empty() {
            return Ok(());
        }
        self.of_generation(id, instance, generation, now)?;
        match self.state {
            State::Completing(_) => Err(ResponseError::RebalanceInProgress),
            _ => Ok(()),
        }
    }

    /// A member leaves; a static one may say its instance alone.
    ///
    /// # Errors
    /// `UNKNOWN_MEMBER_ID`, `FENCED_INSTANCE_ID`.
    pub(super) fn leave(
        &mut self,
        (id, instance): (&str, Option<&str>),
        now: Instant,
    ) -> Result<(), ResponseError> {
        let known = instance.map(|instance| self.id_of(instance).ok_or(ResponseError::UnknownMemberId));
        let id = match known.transpose()? {
            Some(known) if id.is_empty() || id == known => known,
            Some(_) => return Err(ResponseError::FencedInstanceId),
            None => id.to_owned(),
        };
        if self.told.remove(&id).is_none() {
            self.members.remove(&id).ok_or(ResponseError::UnknownMemberId)?;
            self.somebody_is_gone(now);
        }
        self.settle(now);
        Ok(())
    }

    /// What a member is told that is none any more: where its instance is there, another has taken its place.
    fn gone(&self, instance: Option<&str>) -> ResponseError {
        match instance.and_then(|instance| self.id_of(instance)) {
            Some(_) => ResponseError::FencedInstanceId,
            None => ResponseError::UnknownMemberId,
        }
    }

    fn id_of(&self, instance: &str) -> Option<String> {
        let found = self.members.iter().find(|(_, member)| member.instance.as_deref() == Some(instance));
        found.map(|(id, _)| id.clone())
    }

    /// Hears of a member of this generation.
    fn of_generation(
        &mut self,
        id: &str,
        instance: Option<&str>,
        generation: i32,
        now: Instant,
    ) -> Result<(), ResponseError> {
        if let Some(instance) = instance {
            match self.id_of(instance) {
                None => return Err(ResponseError::UnknownMemberId),
                Some(known) if known != id => return Err(ResponseError::FencedInstanceId),
                Some(_) => {}
            }
        }
        let member = self.members.get_mut(id).ok_or(ResponseError::UnknownMemberId)?;
        if generation != self.generation {
            return Err(ResponseError::IllegalGeneration);
        }
        member.heard = now;
        Ok(())
    }
}
