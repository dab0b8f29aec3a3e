//! Places that are streams of an HTTP/2 connection: several share one, which opens and ends for all of them.

use std::io;

use super::super::clock::{Nanos, nanos};
use super::super::http2::{Happened, Step};
use super::super::place::State;
use super::super::poller::Ready;
use super::super::sink::Sink;
use super::Engine;
use crate::record::End;

/// Sockets of HTTP/2 connections are registered from this number on.
pub(super) const FIRST: usize = usize::MAX / 2;

/// A connection that several places share.
pub(super) struct Joint {
    pub(super) places: Vec<usize>,
    /// Which of the target's addresses is tried.
    address: usize,
}

impl Joint {
    pub(super) fn new(places: Vec<usize>) -> Self {
        Self { places, address: 0 }
    }
}

impl<S: Sink> Engine<'_, S> {
    /// Has a shared connection opened for a place, unless that is under way.
    pub(super) fn open_joint(&mut self, connection: usize, slot: usize) {
        let plan = self.plan(self.places[slot].lane);
        self.places[slot].state = State::Opening;
        let deadline = self.shared.clock.now() + nanos(plan.timeouts.connect);
        self.set_deadline(slot, deadline);
        if self.http2.is_open(connection) {
            self.joined(slot);
        } else if self.http2.is_shut(connection) {
            self.joints[connection].address = 0;
            self.try_joint_address(connection);
        }
    }

    fn try_joint_address(&mut self, connection: usize) {
        let Some(slot) = self.joints[connection].places.first().copied() else { return };
        let target = &self.plan(self.places[slot].lane).target;
        let Some(address) = target.addresses.get(self.joints[connection].address).copied() else {
            self.joint_ended(connection, Some(&io::ErrorKind::AddrNotAvailable.into()));
            return;
        };
        let opened = self.http2.open(connection, address, target.tls.as_ref());
        let registered =
            opened.and_then(|transport| self.poller.register(transport.socket(), FIRST + connection));
        if let Err(error) = registered {
            self.joint_failed(connection, &error);
        }
    }

    /// A shared connection's socket is ready.
    pub(super) fn on_joint_ready(&mut self, connection: usize, event: Ready) {
        if let Err(error) = self.http2.on_ready(connection, event) {
            self.joint_failed(connection, &error);
        }
    }

    /// A shared connection could not be opened at one of the target's addresses.
    fn joint_failed(&mut self, connection: usize, error: &io::Error) {
        let Some(slot) = self.joints[connection].places.first().copied() else { return };
        let addresses = self.plan(self.places[slot].lane).target.addresses.len();
        self.joints[connection].address += 1;
        if self.joints[connection].address < addresses {
            self.try_joint_address(connection);
        } else {
            self.joint_ended(connection, Some(error));
        }
    }

    /// A shared connection takes no further request, or never came to be; without an error where that was announced.
    pub(super) fn joint_ended(&mut self, connection: usize, error: Option<&io::Error>) {
        if let Some(error) = error {
            self.recorder.socket_error(error);
        }
        self.http2.shut(connection);
        for slot in self.joints[connection].places.clone() {
            let place = &mut self.places[slot];
            match place.state {
                State::Idle => {
                    let lane = place.lane;
                    self.shut(slot);
                    self.lanes[lane].idle.retain(|idle| *idle != slot);
                    self.give_back_shut(slot);
                }
                State::Opening if place.exchange.is_none() => {
                    self.shut(slot);
                    self.give_back_shut(slot);
                }
                State::Opening => {
                    self.shut(slot);
                    let late = error.is_some_and(|error| error.kind() == io::ErrorKind::TimedOut);
                    let end = if late { End::TimedOut } else { End::Reset };
                    let reason =
                        error.map_or_else(|| "closed by the other side".to_owned(), ToString::to_string);
                    self.fail(slot, end, Some(format!("cannot connect: {reason}")));
                }
                State::Busy if place.may_reopen() => self.reopen(slot),
                // The answer to what was sent may still come; if it cannot, that will be told.
                State::Busy | State::Shut => {}
            }
        }
    }

    /// A place's connection is open.
    fn joined(&mut self, slot: usize) {
        let now = self.shared.clock.now();
        let place = &mut self.places[slot];
        (place.opened, place.free, place.deadline) = (now, now, Nanos::MAX);
        if place.exchange.is_some() {
            self.send_joint(slot);
        } else {
            self.give_back_idle(slot);
        }
    }

    /// Sends the place's attempt on its shared connection.
    pub(super) fn send_joint(&mut self, slot: usize) {
        let Some(connection) = self.places[slot].joint else { return };
        let lane = self.places[slot].lane;
        let place = &mut self.places[slot];
        let Some(exchange) = &place.exchange else { return };
        let token = exchange.token.as_ref().map(|token| &token.secret);
        let message = &mut self.lanes[lane].message;
        let request = message.request(&self.shared.plan.catalogue, &exchange.request, token);
        place.state = State::Busy;
        // It counts from when the request is taken to be written. Until then it may wait for a stream.
        place.deadline = Nanos::MAX;
        place.serial += 1;
        let serial = place.serial;
        match request {
            Ok(request) => {
                place.abort = self.http2.send(connection, request, slot, serial);
                if place.abort.is_none() {
                    self.open(slot);
                }
            }
            Err(reason) => {
                self.shut(slot);
                self.fail(slot, End::Reset, Some(reason));
            }
        }
    }

    /// Lets all shared connections move as far as they can, and takes what has come of it.
    pub(super) fn run_joints(&mut self) {
        let mut happened = std::mem::take(&mut self.happened);
        while self.http2.poll(&mut happened) {
            for event in happened.drain(..) {
                match event {
                    Happened::Opened { connection } => {
                        self.recorder.interval.opened += 1;
                        for slot in self.joints[connection].places.clone() {
                            if self.places[slot].state == State::Opening {
                                self.joined(slot);
                            } else if self.places[slot].state == State::Shut {
                                let lane = self.places[slot].lane;
                                self.lanes[lane].shut.retain(|shut| *shut != slot);
                                self.joined(slot);
                            }
                        }
                    }
                    Happened::Ended { connection, error } => self.joint_ended(connection, error.as_ref()),
                    Happened::Moved { slot, serial, to } => self.joint_moved(slot, serial, to),
                }
            }
        }
        self.happened = happened;
    }

    /// Bounds the time to the answer of an attempt that is sent `at` that time, unless that has begun to come already.
    fn expect_answer(&mut self, slot: usize, at: Nanos) {
        if self.places[slot].answering {
            return;
        }
        let timeouts = self.plan(self.places[slot].lane).timeouts;
        self.set_deadline(slot, at + nanos(timeouts.first_byte.min(timeouts.whole)));
    }

    /// An attempt on a shared connection has been sent, or answered.
    fn joint_moved(&mut self, slot: usize, serial: u64, to: Step) {
        let place = &mut self.places[slot];
        if place.serial != serial || place.state != State::Busy {
            // Given up meanwhile.
            return;
        }
        let Some(exchange) = &mut place.exchange else { return };
        let (ended, answer) = match to {
            Step::Taken { at, waited } => {
                if waited {
                    place.free = place.free.max(at);
                }
                self.expect_answer(slot, at);
                return;
            }
            Step::Written(at) => {
                let written = *exchange.written.get_or_insert(at.max(exchange.begun));
                self.expect_answer(slot, written);
                return;
            }
            Step::Head => {
                place.answering = true;
                let begun = exchange.written.unwrap_or(exchange.begun);
                let whole = self.plan(self.places[slot].lane).timeouts.whole;
                self.set_deadline(slot, begun + nanos(whole));
                return;
            }
            Step::Answered { ended, answer } => (ended, answer),
        };
        place.abort = None;
        match answer {
            Ok(answer) => {
                let response = place.take_in(&answer);
                self.answered(slot, &response, ended);
            }
            Err(failed) => {
                if failed.unprocessed && !place.reopened {
                    // It is as if nothing had been written.
                    exchange.written = None;
                }
                if place.may_reopen() {
                    self.reopen(slot);
                    return;
                }
                // Its connection may go on for others; that it has ended is told apart from this.
                self.shut(slot);
                self.fail(slot, End::Reset, Some(failed.reason));
            }
        }
    }
}
