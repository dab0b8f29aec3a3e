//! One attempt: written, answered, told of.

use std::time::{Duration, SystemTime};

use super::super::StreamPlan;
use super::super::answer::{Marks, Untold, read_answer};
use super::super::clock::{Nanos, micros, nanos};
use super::super::lane::Lane;
use super::super::place::{Exchange, Read, State, Wrote};
use super::super::recorder::AttemptTimes;
use super::super::retry::{Ending, asked_wait, wait_before_retry};
use super::super::sink::Sink;
use super::{Engine, Finished, expected};
use crate::record::{Answer, Class, End, Expected, NEVER, Note, RecordAnswer, RequestId, Sent, UNANSWERED};
use crate::wire::http1::Response;

/// How an attempt has ended.
struct Ended {
    /// When its connection had become free for it.
    free: Nanos,
    end: End,
    class: Class,
    note: Option<Note>,
    retry_after: Option<Duration>,
    now: Nanos,
}

impl<S: Sink> Engine<'_, S> {
    /// Writes the attempt's request, or goes on with it.
    pub(super) fn write(&mut self, slot: usize) {
        let now = self.shared.clock.now();
        let place = &mut self.places[slot];
        if place.state != State::Busy {
            place.state = State::Busy;
            place.rewind();
        }
        let wrote = place.write();
        if place.written() > 0
            && let Some(exchange) = &mut place.exchange
            && exchange.written.is_none()
        {
            exchange.written = Some(now);
        }
        let begun = place.exchange.as_ref().and_then(|exchange| exchange.written);
        let (begun_writing, begun) = (begun.is_some(), begun.unwrap_or(now));
        match wrote {
            Ok(Wrote::All | Wrote::Part) => {
                let plan = self.plan(self.places[slot].lane);
                let limit = plan.timeouts.first_byte.min(plan.timeouts.whole);
                self.set_deadline(slot, begun + nanos(limit));
            }
            // Who answers early and closes may have done both by now.
            Err(error) if begun_writing => match self.places[slot].read(true) {
                read @ (Read::Response(_) | Read::Malformed(_)) => self.take_in(slot, read, true),
                _ => self.broke(slot, &error),
            },
            Err(error) => self.broke(slot, &error),
        }
    }

    /// Reads what has come.
    pub(super) fn read(&mut self, slot: usize, closing: bool) {
        let read = self.places[slot].read(closing);
        self.take_in(slot, read, closing);
    }

    fn take_in(&mut self, slot: usize, read: Read, closing: bool) {
        let now = self.shared.clock.now();
        match read {
            Read::More { something } => {
                if something {
                    let plan = self.plan(self.places[slot].lane);
                    let written = self.places[slot].exchange.as_ref().and_then(|exchange| exchange.written);
                    self.set_deadline(slot, written.unwrap_or(now) + nanos(plan.timeouts.whole));
                }
            }
            Read::Response(mut response) => {
                // The news that the other side has closed comes once.
                response.keep_alive &= !closing;
                self.answered(slot, &response, now);
            }
            Read::Ended => {
                let error = std::io::Error::new(
                    std::io::ErrorKind::UnexpectedEof,
                    "closed by the other side before a whole answer",
                );
                self.broke(slot, &error);
            }
            Read::Malformed(malformed) => {
                self.shut(slot);
                self.fail(slot, End::Malformed, Some(malformed.to_string()));
            }
            Read::Broken(error) => self.broke(slot, &error),
        }
    }

    /// The connection broke under an attempt. One that turns out to be closed before a byte was written is no
    /// attempt yet: it is opened once more.
    fn broke(&mut self, slot: usize, error: &std::io::Error) {
        self.recorder.socket_error(error);
        let place = &mut self.places[slot];
        if place.may_reopen() {
            self.reopen(slot);
            return;
        }
        self.shut(slot);
        self.fail(slot, End::Reset, Some(error.to_string()));
    }

    /// A whole response has come.
    pub(super) fn answered(&mut self, slot: usize, response: &Response, now: Nanos) {
        let place = &mut self.places[slot];
        let Some(exchange) = place.exchange.take() else { return };
        let whole = place.joint.is_some() || place.has_written();
        place.served = place.served.saturating_add(1);
        let stream = &self.shared.plan.streams[usize::from(self.lanes[place.lane].producer)];
        let token = exchange.token.as_ref().map(|token| &token.secret);
        let untold = Untold { token, headers: &stream.headers };
        let text = |range: &Option<std::ops::Range<usize>>| {
            let bytes = place.bytes(range.clone()?);
            std::str::from_utf8(bytes).ok()
        };
        let marks = Marks { error_type: text(&response.error_type), ids: response.ids.each_ref().map(text) };
        let retry_after = text(&response.retry_after).and_then(|text| asked_wait(text, SystemTime::now()));
        let (acked, refused, note) = read_answer(
            response.status,
            marks,
            place.bytes(response.body.clone()),
            exchange.request.records,
            stream.format,
            untold,
            &mut self.answers,
        );
        let (served, opened, lane) = (place.served, place.opened, place.lane);
        // When it had become free for this attempt; for the next, it is free now.
        let free = std::mem::replace(&mut place.free, now);
        let end = End::Status(response.status);
        let records = u64::from(exchange.request.records);
        let class = Class::of(end, acked, refused, records);
        self.told(lane, &exchange, Ended { free, end, class, note, retry_after, now });
        let churn = &self.plan(lane).connections;
        let worn_out = churn.requests_each.is_some_and(|most| served >= most)
            || churn.life.is_some_and(|life| now >= opened + nanos(life));
        let joint = self.places[slot].joint;
        let open = joint.is_none_or(|connection| self.http2.is_open(connection));
        if response.keep_alive && whole && !worn_out && open {
            self.places[slot].rewind();
            self.give_back_idle(slot);
        } else {
            self.shut(slot);
            if self.stopped_at.is_none() && !self.lanes[lane].is_exhausted() {
                self.open(slot);
            } else {
                self.give_back_shut(slot);
            }
        }
    }

    /// An attempt ended without a response; its connection is shut.
    pub(super) fn fail(&mut self, slot: usize, end: End, note: Option<String>) {
        let note = note.map(Note::from);
        let now = self.shared.clock.now();
        let place = &mut self.places[slot];
        let Some(exchange) = place.exchange.take() else { return };
        let (lane, free) = (place.lane, place.free);
        self.answers.clear();
        self.answers.push(RecordAnswer::Unknown);
        let class = Class::of(end, 0, 0, u64::from(exchange.request.records));
        self.told(lane, &exchange, Ended { free, end, class, note, retry_after: None, now });
        self.give_back_shut(slot);
    }

    /// Tells of an attempt that has ended, whose answers are in `self.answers`, and decides whether there is another.
    fn told(&mut self, lane: usize, exchange: &Exchange, ended: Ended) {
        let Ended { free, end, class, note, retry_after, now } = ended;
        let (request, written) = (exchange.request, exchange.written);
        self.in_flight -= 1;
        if let (End::Status(status), Some(token), Some(reader)) =
            (end, &exchange.token, &self.stages[lane].token)
        {
            reader.answered(token, status);
        }
        if let End::Status(status) = end {
            self.recorder.answered(status);
        }
        let producer = self.lanes[lane].producer;
        let plan = self.plan(lane);
        let mut sent = sent(plan, producer, exchange, micros(now));
        let ending = Ending { end, class, written: written.is_some(), retry_after };
        let wait = wait_before_retry(plan, &request, ending);
        if wait.is_some() && sent.expect == Expected::Accept {
            // The next attempt decides. Where there is none, because the load ends, nothing is decided.
            sent.expect = Expected::Either;
        }
        sent.again = wait.is_some() && self.stopped_at.is_none();
        let view = Answer { answered_us: micros(now), end, note, answers: &self.answers };
        self.sink.attempt(&sent, view);
        let shares = self.shares(lane, &request);
        let times = AttemptTimes { due: request.attempt_due, free: free.min(now), written, ended: now };
        let after = self.shared.phases.sent_after(producer, request.phase, written.unwrap_or(now));
        self.recorder.attempt(shares, class, times);
        if request.attempt == 1 {
            // A retry is late by what it waits for, which is no lateness of sending.
            self.recorder.sent(shares, after);
        }
        if let Some(wait) = wait.filter(|_| self.stopped_at.is_none()) {
            self.lanes[lane].retry(request, now + nanos(wait));
            self.enqueue(lane);
            return;
        }
        self.recorder.request(shares, request.due, now, class == Class::Accepted);
        self.lanes[lane].ended(now);
        if self.lanes[lane].is_closed() {
            self.enqueue(lane);
        }
    }

    /// Enters what never began and what was never answered, at its age now that waiting has ended. Where the load
    /// was stopped, what was due after that belongs to no schedule any more.
    pub(super) fn close(mut self) -> Finished {
        let end = self.shared.clock.now();
        let until = self.stopped_at.unwrap_or(end);
        for slot in 0..self.places.len() {
            let Some(exchange) = self.places[slot].exchange.take() else { continue };
            let lane = self.places[slot].lane;
            let producer = self.lanes[lane].producer;
            // Whether it was written whole is not known, so it counts as sent: its records may land.
            let sent = sent(self.plan(lane), producer, &exchange, UNANSWERED);
            let note = Some("no answer when draining ended".into());
            let answers = &[RecordAnswer::Unknown];
            self.sink.attempt(&sent, Answer { answered_us: UNANSWERED, end: End::TimedOut, note, answers });
            let shares = self.shares(lane, &exchange.request);
            self.recorder.attempts.add(Class::TimedOut);
            self.recorder.interval.attempts.add(Class::TimedOut);
            let Exchange { request, written, .. } = exchange;
            let free = self.places[slot].free.min(end);
            let times = AttemptTimes { due: request.attempt_due, free, written, ended: end };
            self.recorder.censored(shares, request.due, end, Some(times));
        }
        for lane in 0..self.lanes.len() {
            let plan = self.plan(lane);
            let producer = self.lanes[lane].producer;
            for mut request in self.lanes[lane].leftovers(plan, until) {
                if request.attempt == 1 {
                    request.counts = self.counts(lane, request.due);
                }
                let shares = self.shares(lane, &request);
                if request.attempt == 1 {
                    self.recorder.scheduled(shares);
                    self.recorder.unsent += 1;
                    let after = self.shared.phases.sent_after(producer, request.phase, end);
                    self.recorder.sent(shares, after);
                }
                // It waited for a connection, unless it is a retry whose time has not come.
                let times = AttemptTimes { due: request.attempt_due, free: end, written: None, ended: end };
                let waited = Some(times).filter(|times| times.due < until);
                self.recorder.censored(shares, request.due, end, waited);
            }
        }
        let thread = match self.at_end {
            Some(report) => report,
            None => self.thread_report(end),
        };
        self.finish_seconds(end);
        self.give_back(true);
        self.sink.idle();
        let closed = self.lanes.iter().any(Lane::is_closed);
        Finished { recorder: self.recorder, thread, closed, stopped_at: self.stopped_at }
    }
}

/// What is told of an attempt's sending, now that it has been answered, or never will be.
fn sent(plan: &StreamPlan, producer: u16, exchange: &Exchange, answered_us: u64) -> Sent {
    let Exchange { request, written, begun, token } = exchange;
    let written_us = micros(written.unwrap_or(*begun));
    let token = token.as_ref().map(|token| token.validity);
    Sent {
        request: RequestId { producer, index: request.index },
        attempt: request.attempt,
        first_sequence: request.first_sequence,
        records: request.records,
        written_us,
        expect: expected(plan, written_us, answered_us, token),
        token_expires_us: token.map_or(NEVER, |token| token.expired_us),
        again: false,
    }
}
