//! A partition: its log, its leader and its producers under one lock, and the long polls that wait for it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use bytes::Bytes;
use tokio::sync::Notify;

use super::batch::Header;
use super::leadership::{Leader, Leadership};
use super::log::{Log, OutOfRange};
use super::producers::{Appended, Producers};
use super::refusal::Refusal;
use super::settings::Settings;

/// One partition of a topic.
#[derive(Debug)]
pub(super) struct Partition {
    /// Broker ids of the replicas, the first leader first. They share this one log.
    pub(super) replicas: Vec<i32>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    log: Log,
    leadership: Leadership,
    producers: Producers,
    waiting: Vec<Weak<Notify>>,
}

/// What a read found, with the bounds of the log at that moment.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) batches: Vec<Bytes>,
    pub(super) start: i64,
    pub(super) end: i64,
}

/// Where a batch stands, and where the log begins since.
#[derive(Debug, Clone, Copy)]
pub(super) struct Placed {
    pub(super) appended: Appended,
    pub(super) start: i64,
}

impl Partition {
    /// An empty partition.
    pub(super) fn new(replicas: Vec<i32>) -> Self {
        let state = State {
            log: Log::default(),
            leadership: Leadership::new(replicas.first().copied().unwrap_or(-1)),
            producers: Producers::default(),
            waiting: Vec::new(),
        };
        Self { replicas, state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who leads it now.
    pub(super) fn leader(&self) -> Leader {
        self.state().leadership.leader()
    }

    /// As [`Leadership::led_by`].
    ///
    /// # Errors
    /// `NOT_LEADER_OR_FOLLOWER`.
    pub(super) fn led_by(&self, node: i32) -> Result<(), Refusal> {
        self.state().leadership.led_by(node)
    }

    /// Makes the next of the replicas its leader, in a new epoch.
    pub(super) fn change_leader(&self) {
        let mut state = self.state();
        let now = state.leadership.leader().id;
        let place = self.replicas.iter().position(|id| *id == now).unwrap_or(0);
        let next = self.replicas.iter().cycle().nth(place + 1).copied().unwrap_or(now);
        let end = state.log.end();
        state.leadership.change(next, end);
        wake(&mut state);
    }

    /// Whether a client that knows the leader of epoch `known` (-1: of none in particular) may go on.
    ///
    /// # Errors
    /// As [`Leadership::check`].
    pub(super) fn check_epoch(&self, known: i32) -> Result<(), Refusal> {
        self.state().leadership.check(known)
    }

    /// As [`Leadership::end_of`].
    pub(super) fn end_of_epoch(&self, epoch: i32) -> Option<(i32, i64)> {
        let state = self.state();
        state.leadership.end_of(epoch, state.log.end())
    }

    /// Appends a checked batch on the broker `node`, or finds the copy of it that stands already.
    ///
    /// # Errors
    /// `NOT_LEADER_OR_FOLLOWER`, and as [`Producers::check`].
    pub(super) fn append(
        &self,
        node: i32,
        raw: &[u8],
        header: &Header,
        settings: &Settings,
        now_ms: i64,
    ) -> Result<Placed, Refusal> {
        let mut state = self.state();
        state.leadership.led_by(node)?;
        if let Some(appended) = state.producers.check(header)? {
            return Ok(Placed { appended, start: state.log.start() });
        }
        let append_time = settings.log_append_time.then_some(now_ms);
        let epoch = state.leadership.leader().epoch;
        let base_offset = state.log.append(raw, header, epoch, append_time);
        let appended = Appended { base_offset, append_time_ms: append_time.unwrap_or(-1) };
        state.producers.remember(header, appended);
        if let Some(limit) = settings.retention_bytes {
            state.log.shrink_to(limit);
        }
        let placed = Placed { appended, start: state.log.start() };
        wake(&mut state);
        Ok(placed)
    }

    /// Places a batch on the broker `node` as [`Self::append`] would, and forgets it at once: the leader leads on in
    /// a new epoch, and what comes next gets the same offsets.
    ///
    /// # Errors
    /// `NOT_LEADER_OR_FOLLOWER`.
    pub(super) fn append_and_lose(
        &self,
        node: i32,
        settings: &Settings,
        now_ms: i64,
    ) -> Result<Placed, Refusal> {
        let mut state = self.state();
        state.leadership.led_by(node)?;
        let end = state.log.end();
        state.leadership.change(node, end);
        let append_time_ms = if settings.log_append_time { now_ms } else { -1 };
        let placed =
            Placed { appended: Appended { base_offset: end, append_time_ms }, start: state.log.start() };
        wake(&mut state);
        Ok(placed)
    }

    /// Reads as [`Log::read`] does.
    ///
    /// # Errors
    /// [`OutOfRange`].
    pub(super) fn read(
        &self,
        offset: i64,
        max_bytes: usize,
        at_least_one: bool,
    ) -> Result<Found, OutOfRange> {
        let state = self.state();
        let batches = state.log.read(offset, max_bytes, at_least_one)?;
        Ok(Found { batches, start: state.log.start(), end: state.log.end() })
    }

    /// Log start offset and high watermark.
    pub(super) fn bounds(&self) -> (i64, i64) {
        let state = self.state();
        (state.log.start(), state.log.end())
    }

    /// As [`Log::reaching`].
    pub(super) fn reaching(&self, timestamp: i64, offset: i64) -> Option<Bytes> {
        self.state().log.reaching(timestamp, offset)
    }

    /// As [`Log::latest`].
    pub(super) fn latest(&self) -> Option<(i64, Bytes)> {
        self.state().log.latest()
    }

    /// Has `waiter` notified at the next append, once.
    pub(super) fn wake_at_append(&self, waiter: &Arc<Notify>) {
        let mut state = self.state();
        let waiter = Arc::downgrade(waiter);
        // A long poll comes here again each time another of its partitions wakes it.
        state.waiting.retain(|known| known.strong_count() > 0 && !known.ptr_eq(&waiter));
        state.waiting.push(waiter);
    }

    /// Notifies everybody who waits: the partition is being deleted.
    pub(super) fn wake_all(&self) {
        wake(&mut self.state());
    }
}

fn wake(state: &mut State) {
    for waiter in state.waiting.drain(..).filter_map(|waiter| waiter.upgrade()) {
        waiter.notify_one();
    }
}
