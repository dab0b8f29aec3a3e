//! Opening connections, and what comes of those that break.

use std::io;
use std::time::Duration;

use super::super::clock::{Nanos, nanos};
use super::super::place::State;
use super::super::poller::Ready;
use super::super::sink::Sink;
use super::super::transport::Transport;
use super::Engine;
use super::multiplex::FIRST;
use crate::record::End;

impl<S: Sink> Engine<'_, S> {
    /// Opens all connections before they are needed. It is no harm if one fails: whoever needs it tries again, and tells.
    pub(super) fn open_ahead(&mut self) {
        for lane in 0..self.lanes.len() {
            for slot in std::mem::take(&mut self.lanes[lane].shut) {
                self.open(slot);
            }
        }
    }

    /// Begins to connect; the place's attempt, if it has one, is written when that is done.
    pub(super) fn open(&mut self, slot: usize) {
        if let Some(connection) = self.places[slot].joint {
            self.open_joint(connection, slot);
            return;
        }
        self.places[slot].address = 0;
        self.try_address(slot);
    }

    /// Has the connection opened anew for an attempt of which nothing has been written.
    pub(super) fn reopen(&mut self, slot: usize) {
        self.shut(slot);
        self.places[slot].reopened = true;
        self.open(slot);
    }

    fn try_address(&mut self, slot: usize) {
        let plan = self.plan(self.places[slot].lane);
        let now = self.shared.clock.now();
        let address = self.places[slot].address;
        let Some(address) = plan.target.addresses.get(address).copied() else {
            self.not_opened(slot, &io::ErrorKind::AddrNotAvailable.into());
            return;
        };
        let deadline = now + nanos(plan.timeouts.connect);
        let opened = Transport::connect(address, plan.target.tls.as_ref()).and_then(|transport| {
            let place = &mut self.places[slot];
            let transport = place.open(transport);
            self.poller.register(transport.socket(), slot)
        });
        match opened {
            Ok(()) => self.set_deadline(slot, deadline),
            Err(error) => self.try_next(slot, &error),
        }
    }

    /// The target's next address after one that failed, or the end of trying.
    pub(super) fn try_next(&mut self, slot: usize, error: &io::Error) {
        let addresses = self.plan(self.places[slot].lane).target.addresses.len();
        self.places[slot].address += 1;
        if self.places[slot].address < addresses {
            self.try_address(slot);
        } else {
            self.not_opened(slot, error);
        }
    }

    /// A connection could not be opened.
    fn not_opened(&mut self, slot: usize, error: &io::Error) {
        self.recorder.socket_error(error);
        self.shut(slot);
        if self.places[slot].exchange.is_some() {
            self.fail(slot, End::Reset, Some(format!("cannot connect: {error}")));
        } else {
            self.give_back_shut(slot);
        }
    }

    /// Goes on with a connection that is being opened.
    fn on_opening(&mut self, slot: usize) {
        let Some(transport) = self.places[slot].transport() else { return };
        match transport.open() {
            Ok(false) => {}
            Ok(true) => {
                let now = self.shared.clock.now();
                self.recorder.interval.opened += 1;
                let place = &mut self.places[slot];
                (place.opened, place.free, place.deadline) = (now, now, Nanos::MAX);
                if place.exchange.is_some() {
                    self.write(slot);
                } else {
                    self.give_back_idle(slot);
                }
            }
            Err(error) => self.try_next(slot, &error),
        }
    }

    /// A connection without an attempt is ready for something: as a rule it was closed by the other side.
    fn on_idle(&mut self, slot: usize) {
        if self.places[slot].is_still_open() {
            return;
        }
        let lane = self.places[slot].lane;
        let served = self.places[slot].served;
        self.lanes[lane].idle.retain(|idle| *idle != slot);
        self.shut(slot);
        if served > 0 && self.stopped_at.is_none() {
            self.open(slot);
        } else {
            // One that is closed before it was of any use is not opened again until it is needed.
            self.give_back_shut(slot);
        }
    }

    pub(super) fn on_ready(&mut self, event: Ready) {
        if event.slot >= FIRST {
            self.on_joint_ready(event.slot - FIRST, event);
            return;
        }
        let Some(place) = self.places.get(event.slot) else { return };
        match place.state {
            State::Shut => {}
            State::Opening => {
                self.on_opening(event.slot);
                // The news that it has closed already comes once, and perhaps with this event.
                match self.places[event.slot].state {
                    State::Idle if event.closed => self.on_idle(event.slot),
                    State::Busy if event.closed => self.read(event.slot, true),
                    _ => {}
                }
            }
            State::Idle => {
                if event.readable || event.closed {
                    self.on_idle(event.slot);
                }
            }
            State::Busy => {
                // An answer that came before the request had been written whole is read first: writing may find that
                // the other side has closed, which ends everything.
                if event.readable || event.closed {
                    self.read(event.slot, event.closed);
                }
                let place = &self.places[event.slot];
                if event.writable
                    && place.state == State::Busy
                    && place.exchange.is_some()
                    && !place.has_left()
                {
                    self.write(event.slot);
                }
            }
        }
    }

    /// An open connection that carries nothing goes back to its lane, which may have something for it.
    pub(super) fn give_back_idle(&mut self, slot: usize) {
        let place = &mut self.places[slot];
        place.state = State::Idle;
        place.deadline = Nanos::MAX;
        let lane = place.lane;
        self.lanes[lane].idle.push_back(slot);
        let now = self.shared.clock.now();
        self.launch(lane, now);
    }

    /// So does one that is not open. A stream needs only that its shared connection is.
    pub(super) fn give_back_shut(&mut self, slot: usize) {
        let place = &mut self.places[slot];
        let lane = place.lane;
        if place.joint.is_some_and(|connection| self.http2.is_open(connection)) {
            place.free = self.shared.clock.now();
            self.give_back_idle(slot);
            return;
        }
        self.lanes[lane].shut.push(slot);
        self.enqueue(lane);
    }

    pub(super) fn shut(&mut self, slot: usize) {
        let place = &mut self.places[slot];
        place.shut();
        place.deadline = Nanos::MAX;
        if place.joint.is_some() {
            self.http2.stir();
        }
    }

    pub(super) fn set_deadline(&mut self, slot: usize, deadline: Nanos) {
        self.places[slot].deadline = deadline;
        self.timeouts_from = self.timeouts_from.min(deadline);
    }

    /// Gives up what has taken too long.
    pub(super) fn time_out(&mut self, now: Nanos) {
        for slot in 0..self.places.len() {
            if self.places[slot].deadline > now {
                continue;
            }
            if self.places[slot].state == State::Opening {
                self.opening_timed_out(slot);
                continue;
            }
            let timeouts = self.plan(self.places[slot].lane).timeouts;
            let limit = if self.places[slot].answering { timeouts.whole } else { timeouts.first_byte };
            self.shut(slot);
            self.fail(slot, End::TimedOut, Some(format!("no whole answer within {}", seconds(limit))));
        }
        self.timeouts_from = self.places.iter().map(|place| place.deadline).min().unwrap_or(Nanos::MAX);
    }

    /// A connection was not opened in time: the target's next address is tried, if there is one.
    fn opening_timed_out(&mut self, slot: usize) {
        let plan = self.plan(self.places[slot].lane);
        let error = io::Error::from(io::ErrorKind::TimedOut);
        if let Some(connection) = self.places[slot].joint {
            // None of those that wait for it will have it.
            self.joint_ended(connection, Some(&error));
            return;
        }
        if self.places[slot].address + 1 < plan.target.addresses.len() {
            self.try_next(slot, &error);
            return;
        }
        self.recorder.socket_error(&error);
        self.shut(slot);
        if self.places[slot].exchange.is_some() {
            let within = seconds(plan.timeouts.connect);
            self.fail(slot, End::TimedOut, Some(format!("no connection within {within}")));
        } else {
            self.give_back_shut(slot);
        }
    }
}

fn seconds(limit: Duration) -> String {
    format!("{} s", limit.as_secs_f64())
}
