//! A partition: its log and its producers under one lock, and the long polls that wait for it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use bytes::Bytes;
use tokio::sync::Notify;

use super::batch::Header;
use super::log::{Log, OutOfRange};
use super::producers::{Appended, Producers};
use super::refusal::Refusal;
use super::settings::Settings;

/// One partition of a topic.
#[derive(Debug)]
pub(super) struct Partition {
    /// Broker id of the leader.
    pub(super) leader: i32,
    /// Broker ids of the replicas, the leader first. They share this one log.
    pub(super) replicas: Vec<i32>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    log: Log,
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
        Self { leader: replicas.first().copied().unwrap_or(-1), replicas, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends a checked batch, or finds the copy of it that stands already.
    ///
    /// # Errors
    /// As [`Producers::check`].
    pub(super) fn append(
        &self,
        raw: &[u8],
        header: &Header,
        settings: &Settings,
        now_ms: i64,
    ) -> Result<Placed, Refusal> {
        let mut state = self.state();
        if let Some(appended) = state.producers.check(header)? {
            return Ok(Placed { appended, start: state.log.start() });
        }
        let append_time = settings.log_append_time.then_some(now_ms);
        let base_offset = state.log.append(raw, header, append_time);
        let appended = Appended { base_offset, append_time_ms: append_time.unwrap_or(-1) };
        state.producers.remember(header, appended);
        if let Some(limit) = settings.retention_bytes {
            state.log.shrink_to(limit);
        }
        let placed = Placed { appended, start: state.log.start() };
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
