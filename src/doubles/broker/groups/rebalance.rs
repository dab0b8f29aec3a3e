//! What begins a rebalance of a group, and what ends it.
//!
//! Pure: times come in as arguments. The rules are those of Kafka's `GroupCoordinator`, but that the first
//! rebalance waits for nobody (`group.initial.rebalance.delay.ms` is 0, as in Kafka's own `server.properties`).

use std::time::{Duration, Instant};

use super::group::{Group, State};
use super::member::{Member, vote};

/// What a rebalance takes at least where not everybody comes, so that nothing turns in circles.
const LEAST_PATIENCE: Duration = Duration::from_secs(1);

impl Group {
    /// Lets time pass: who was silent for too long is gone, and what took too long is over.
    pub(super) fn tick(&mut self, now: Instant) {
        self.told.retain(|_, until| *until > now);
        let before = self.members.len();
        self.members.retain(|_, member| member.expires().is_none_or(|at| at > now));
        if self.members.len() < before {
            self.somebody_is_gone(now);
        }
        if let State::Completing(until) = self.state
            && until <= now
        {
            self.members.retain(|_, member| member.syncs);
            self.prepare(now);
        }
        self.settle(now);
    }

    /// When [`Self::tick`] has something to do next, if nobody comes before.
    pub(super) fn next_tick(&self) -> Option<Instant> {
        let state = match self.state {
            State::Preparing(until) | State::Completing(until) => Some(until),
            State::Empty | State::Stable => None,
        };
        let members = self.members.values().filter_map(Member::expires);
        members.chain(self.told.values().copied()).chain(state).min()
    }

    /// A member will not come again.
    pub(super) fn somebody_is_gone(&mut self, now: Instant) {
        self.changes += 1;
        if matches!(self.state, State::Completing(_) | State::Stable) {
            self.prepare(now);
        }
    }

    /// Begins a rebalance.
    pub(super) fn prepare(&mut self, now: Instant) {
        for member in self.members.values_mut() {
            member.syncs = false;
        }
        self.state = State::Preparing(now + self.patience());
        self.changes += 1;
    }

    /// The longest time that a member may take.
    fn patience(&self) -> Duration {
        self.members.values().map(|member| member.rebalance).max().unwrap_or_default().max(LEAST_PATIENCE)
    }

    /// Ends the rebalance if everybody is there, or has had the time.
    pub(super) fn settle(&mut self, now: Instant) {
        let State::Preparing(until) = self.state else { return };
        let everybody = self.members.values().all(|member| member.joins) && self.told.is_empty();
        if !everybody && now < until {
            return;
        }
        self.changes += 1;
        // Static members are expected back until their session ends.
        self.members.retain(|_, member| member.joins || member.instance.is_some());
        if self.members.is_empty() {
            self.state = State::Empty;
            self.generation = self.generation.wrapping_add(1) & i32::MAX;
            self.protocol.clear();
            self.leader.clear();
            return;
        }
        let joins = |id: &String| self.members.get(id).is_some_and(|member| member.joins);
        let leader = Some(&self.leader)
            .filter(|leader| joins(leader))
            .or_else(|| self.members.iter().find(|(_, member)| member.joins).map(|(id, _)| id));
        let Some(leader) = leader.cloned() else {
            self.state = State::Preparing(now + self.patience());
            return;
        };
        self.leader = leader;
        self.protocol = vote(&self.members).unwrap_or_default();
        self.generation = self.generation.wrapping_add(1) & i32::MAX;
        for member in self.members.values_mut().filter(|member| member.joins) {
            (member.joins, member.heard) = (false, now);
        }
        self.state = State::Completing(now + self.patience());
    }
}
