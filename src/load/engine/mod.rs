//! The loop of one load thread: begins what is due, waits for what comes first, takes what has come.
//!
//! Everything that it needs is its own: its part of each stream's schedule, its connections, its poller and its
//! measurements. In the steady state it neither locks nor allocates.

mod connect;
mod exchange;
mod multiplex;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::Duration;

use super::audit::{Auditor, Usage};
use super::clock::{Clock, Nanos, micros, nanos};
use super::http2::{Happened, Http2};
use super::lane::Lane;
use super::message::Message;
use super::phases::Phases;
use super::place::{Exchange, Place, State};
use super::poller::{Poller, Ready};
use super::recorder::{Recorder, Shares};
use super::report::ThreadReport;
use super::request::Request;
use super::sink::Sink;
use super::stop::Stop;
use super::token::{Token, TokenReader};
use super::{LoadError, LoadPlan, StreamPlan, threads_of};
use crate::record::{Expected, RecordAnswer, Validity, expectation};
use crate::scenario::Protocol;

use multiplex::Joint;

/// How long a load that was stopped waits for the answers to what is in flight.
const STOPPED_DRAIN: Duration = Duration::from_secs(2);

/// What all threads of a load share; nothing of it changes while they run.
pub(super) struct Shared<'a> {
    pub(super) plan: &'a LoadPlan,
    pub(super) phases: &'a Phases,
    pub(super) clock: Clock,
    pub(super) start: Nanos,
    /// When the last schedule ends.
    pub(super) end: Nanos,
    pub(super) stop: &'a Stop,
    pub(super) threads: usize,
}

/// One load thread.
pub(super) struct Engine<'a, S> {
    shared: &'a Shared<'a>,
    thread: usize,
    poller: Poller,
    lanes: Vec<Lane>,
    places: Vec<Place>,
    recorder: Recorder,
    sink: S,
    /// Lanes by when they are to be looked at.
    queue: BinaryHeap<Reverse<(Nanos, usize)>>,
    /// No place's deadline comes before this.
    timeouts_from: Nanos,
    in_flight: u64,
    /// The stage of each lane: its upcoming request, composed before it is due.
    stages: Vec<Stage>,
    /// Connections that several places share.
    joints: Vec<Joint>,
    http2: Http2,
    happened: Vec<Happened>,
    answers: Vec<RecordAnswer>,
    auditor: Auditor,
    began: (Nanos, Usage),
    /// The thread's report as it stood when the schedule ended.
    at_end: Option<ThreadReport>,
    stopped_at: Option<Nanos>,
}

/// A lane's token, and its next request made ready.
#[derive(Debug, Default)]
struct Stage {
    token: Option<TokenReader>,
    composed: Vec<u8>,
    /// Which request `composed` holds, and by which token.
    holds: Option<(u64, u64)>,
}

/// What a thread leaves behind.
pub(super) struct Finished {
    pub(super) recorder: Recorder,
    pub(super) thread: ThreadReport,
    pub(super) closed: bool,
    pub(super) stopped_at: Option<Nanos>,
}

impl<'a, S: Sink> Engine<'a, S> {
    /// Prepares the part of thread number `thread`. Must be called on that thread.
    pub(super) fn new(shared: &'a Shared<'a>, thread: usize, sink: S) -> Result<Self, LoadError> {
        let poller = Poller::new().map_err(LoadError::Poller)?;
        shared.stop.register(poller.waker());
        let mut lanes = Vec::new();
        let mut places = Vec::new();
        let mut stages = Vec::new();
        let mut joints: Vec<Joint> = Vec::new();
        for (producer, plan) in (0_u16..).zip(&shared.plan.streams) {
            let threads = threads_of(shared.threads, plan.connections.count);
            if thread >= threads {
                continue;
            }
            let message = Message::new(producer, plan, shared.plan.catalogue.run());
            let mut lane = Lane::new(producer, plan, message, shared.start, (thread, threads));
            for _ in (thread..usize::from(plan.connections.count)).step_by(threads) {
                let first = places.len();
                let (joint, streams) = match plan.protocol {
                    Protocol::Http1 => (None, 1),
                    Protocol::Http2 => (Some(joints.len()), plan.connections.streams),
                };
                places.extend((0..streams).map(|_| Place::new(lanes.len(), joint)));
                lane.shut.extend(first..places.len());
                if joint.is_some() {
                    joints.push(Joint::new((first..places.len()).collect()));
                }
            }
            lanes.push(lane);
            let token =
                plan.token.and_then(|index| shared.plan.tokens.get(index)).cloned().map(TokenReader::new);
            stages.push(Stage { token, ..Stage::default() });
        }
        let mut auditor = Auditor::new();
        let usage = auditor.usage();
        let partners = shared.plan.streams.iter().map(|stream| stream.partner + 1).max().unwrap_or(0);
        Ok(Self {
            thread,
            poller,
            lanes,
            places,
            recorder: Recorder::new(
                thread,
                (shared.phases.names.len(), partners, shared.phases.entries()),
                usage,
            ),
            sink,
            queue: BinaryHeap::new(),
            timeouts_from: Nanos::MAX,
            in_flight: 0,
            stages,
            http2: Http2::new(joints.len(), shared.clock),
            joints,
            happened: Vec::new(),
            answers: Vec::new(),
            auditor,
            began: (shared.clock.now(), usage),
            at_end: None,
            stopped_at: None,
            shared,
        })
    }

    /// Sends its part of the load, to its end.
    pub(super) fn run(mut self) -> Result<Finished, LoadError> {
        self.open_ahead();
        for lane in 0..self.lanes.len() {
            self.enqueue(lane);
        }
        let drained = self.shared.end.saturating_add(nanos(self.shared.plan.drain));
        let mut give_up = drained;
        let mut second_ends = self.shared.start + nanos(Duration::from_secs(1));
        let mut ready: Vec<Ready> = Vec::new();
        loop {
            let now = self.shared.clock.now();
            if self.stopped_at.is_none() && self.shared.stop.is_asked() {
                self.stopped_at = Some(now);
                give_up = drained.min(now + nanos(STOPPED_DRAIN));
            }
            if now >= second_ends {
                self.finish_seconds(now);
                second_ends = self.second_of(now).1;
            }
            if now >= self.shared.end && self.at_end.is_none() {
                self.at_end = Some(self.thread_report(now));
            }
            self.launch_due();
            self.run_joints();
            if now >= give_up || self.is_done() {
                break;
            }
            self.sink.idle();
            let next = if self.stopped_at.is_none() { self.stage_and_next_due() } else { Nanos::MAX };
            let until = next.min(self.timeouts_from).min(second_ends).min(give_up);
            self.poller.wait(Some(until), &self.shared.clock).map_err(LoadError::Poller)?;
            ready.clear();
            ready.extend(self.poller.ready());
            for event in &ready {
                self.on_ready(*event);
            }
            let now = self.shared.clock.now();
            if now >= self.timeouts_from {
                self.time_out(now);
            }
        }
        Ok(self.close())
    }

    fn plan(&self, lane: usize) -> &'a StreamPlan {
        &self.shared.plan.streams[usize::from(self.lanes[lane].producer)]
    }

    /// Has the lane looked at when its next attempt is due.
    fn enqueue(&mut self, lane: usize) {
        let due = self.lanes[lane].next_due();
        if due < self.lanes[lane].queued {
            self.lanes[lane].queued = due;
            self.queue.push(Reverse((due, lane)));
        }
    }

    /// Begins all that is due.
    fn launch_due(&mut self) {
        if self.stopped_at.is_some() {
            return;
        }
        // What falls due meanwhile has its turn after the poller, so that nothing can keep the loop here.
        let now = self.shared.clock.now();
        while let Some(Reverse((due, lane))) = self.queue.peek().copied() {
            if due > now {
                return;
            }
            self.queue.pop();
            if self.lanes[lane].queued == due {
                self.lanes[lane].queued = Nanos::MAX;
            }
            self.launch(lane, now);
        }
    }

    /// Begins what is due in one lane at `now`, as far as connections are free, and has the lane looked at again when
    /// more is due. Where all connections are taken, the next that becomes free brings it back.
    fn launch(&mut self, lane: usize, now: Nanos) {
        if self.stopped_at.is_some() {
            return;
        }
        loop {
            if self.lanes[lane].next_due() > now {
                self.enqueue(lane);
                return;
            }
            let idle = self.lanes[lane].idle.pop_front();
            let Some(slot) = idle.or_else(|| self.lanes[lane].shut.pop()) else { return };
            if !self.shared.stop.may_send(now.saturating_sub(self.shared.start)) {
                self.release(slot);
                return;
            }
            let plan = self.plan(lane);
            let Some(request) = self.lanes[lane].take(plan, now) else {
                self.release(slot);
                self.enqueue(lane);
                return;
            };
            if !self.may_begin(lane, &request) {
                self.release(slot);
                return;
            }
            self.begin(slot, request, now);
        }
    }

    /// Whether a request has been reserved, or can be.
    fn may_begin(&mut self, lane: usize, request: &Request) -> bool {
        let lane = &mut self.lanes[lane];
        if request.attempt > 1 || request.index < lane.reserved {
            return true;
        }
        match self.sink.reserve(lane.producer, request.index) {
            Some(reserved) => lane.reserved = reserved,
            None => return false,
        }
        true
    }

    /// Gives back what was reserved and is not going to be begun soon: what was not begun within the last second, and all
    /// of it in the end.
    fn give_back(&mut self, at_end: bool) {
        for lane in &mut self.lanes {
            let (begun_to, before) = lane.begun_to;
            lane.begun_to.1 = begun_to;
            let soon = begun_to.saturating_sub(before);
            if lane.reserved > begun_to && (at_end || lane.reserved - begun_to > soon) {
                lane.reserved = self.sink.give_back(lane.producer, begun_to);
            }
        }
    }

    /// Whether a request that is due then is measured: with the token that it would be sent with then it must be accepted
    /// for certain. That must not depend on how late it is sent and answered.
    fn counts(&mut self, lane: usize, due: Nanos) -> bool {
        let plan = self.plan(lane);
        let token = self.stages[lane].token.as_mut().map(|reader| reader.current().validity);
        expected(plan, micros(due), micros(due), token) == Expected::Accept
    }

    /// Where the figures of a request belong.
    fn shares(&self, lane: usize, request: &Request) -> Shares {
        let shares = self.shared.phases.shares(self.lanes[lane].producer, request.phase);
        Shares { measured: shares.measured && request.counts, ..shares }
    }

    /// Gives a place that was taken for nothing back to its lane.
    fn release(&mut self, slot: usize) {
        let lane = &mut self.lanes[self.places[slot].lane];
        match self.places[slot].state {
            State::Idle => lane.idle.push_front(slot),
            _ => lane.shut.push(slot),
        }
    }

    /// Begins an attempt at a place that is idle or shut.
    fn begin(&mut self, slot: usize, mut request: Request, now: Nanos) {
        let lane = self.places[slot].lane;
        if request.attempt == 1 {
            self.lanes[lane].begun_to.0 = request.index + 1;
            request.counts = self.counts(lane, request.due);
            let shares = self.shares(lane, &request);
            self.recorder.scheduled(shares);
        }
        self.recorder.begun(request.attempt > 1);
        self.in_flight += 1;
        let token = self.compose(slot, &request);
        let place = &mut self.places[slot];
        place.exchange = Some(Exchange { request, written: None, begun: now, token });
        place.reopened = false;
        let plan = self.plan(lane);
        let worn_out =
            plan.connections.life.is_some_and(|life| now >= self.places[slot].opened + nanos(life));
        let idle = self.places[slot].state == State::Idle;
        if idle && self.places[slot].joint.is_some() {
            self.send_joint(slot);
        } else if idle && !worn_out {
            self.write(slot);
        } else {
            self.open(slot);
        }
    }

    /// Puts the request into the place's buffer, from the lane's stage if it is ready there.
    fn compose(&mut self, slot: usize, request: &Request) -> Option<Arc<Token>> {
        let place = &mut self.places[slot];
        let stage = &mut self.stages[place.lane];
        let token = stage.token.as_mut().map(|reader| reader.current().clone());
        if place.joint.is_some() {
            // Composed by the protocol's own code.
            return token;
        }
        let serial = token.as_ref().map_or(0, |token| token.serial);
        if request.attempt == 1 && stage.holds == Some((request.index, serial)) {
            std::mem::swap(&mut place.out, &mut stage.composed);
            stage.holds = None;
        } else {
            let secret = token.as_ref().map(|token| &token.secret);
            let message = &mut self.lanes[place.lane].message;
            message.compose(&self.shared.plan.catalogue, request, secret, &mut place.out);
        }
        token
    }

    /// When the next attempt is due; its lane's request is composed by then.
    fn stage_and_next_due(&mut self) -> Nanos {
        let Some(Reverse((due, lane))) = self.queue.peek().copied() else { return Nanos::MAX };
        let stage = &mut self.stages[lane];
        let lane = &mut self.lanes[lane];
        if let Some(request) = lane.upcoming().copied().filter(|request| request.due == due) {
            let token = stage.token.as_mut().map(|reader| reader.current().clone());
            let holds = Some((request.index, token.as_ref().map_or(0, |token| token.serial)));
            if stage.holds != holds {
                let secret = token.as_ref().map(|token| &token.secret);
                lane.message.compose(&self.shared.plan.catalogue, &request, secret, &mut stage.composed);
                stage.holds = holds;
            }
        }
        due
    }

    /// The number of the second at `now`, and when it ends.
    fn second_of(&self, now: Nanos) -> (u32, Nanos) {
        let second = nanos(Duration::from_secs(1));
        let number = now.saturating_sub(self.shared.start) / second;
        (u32::try_from(number).unwrap_or(u32::MAX), self.shared.start + (number + 1) * second)
    }

    /// Reports the second that has passed.
    fn finish_seconds(&mut self, now: Nanos) {
        self.give_back(false);
        let waiting = (0..self.lanes.len()).map(|lane| self.lanes[lane].waiting(self.plan(lane), now)).sum();
        let oldest_us = self.oldest(now).map_or(0, micros);
        let usage = self.auditor.usage();
        let (next_second, _) = self.second_of(now);
        let interval = self.recorder.finish_second(usage);
        interval.seconds = next_second.saturating_sub(interval.second).max(1);
        interval.oldest_us = oldest_us;
        interval.in_flight = self.in_flight;
        interval.waiting = waiting;
        let spent = std::mem::take(&mut self.recorder.interval);
        let next = self.sink.second(spent);
        self.recorder.begin_second(self.thread, next_second, next);
    }

    /// How long the measured request has been due that is under way for longest.
    fn oldest(&self, now: Nanos) -> Option<Nanos> {
        let under_way =
            self.places.iter().filter_map(|place| Some((place.lane, &place.exchange.as_ref()?.request)));
        let measured = under_way.filter(|(lane, request)| self.shares(*lane, request).measured);
        measured.map(|(_, request)| now.saturating_sub(request.due)).max()
    }

    fn thread_report(&mut self, now: Nanos) -> ThreadReport {
        let (began, usage) = self.began;
        let used = self.auditor.usage().since(usage);
        // A thread that has nothing to send before the others do was idle, not busy.
        let ran = Duration::from_nanos(now.max(self.shared.end).saturating_sub(began).max(1)).as_secs_f64();
        ThreadReport {
            cpu_share: used.cpu.as_secs_f64() / ran,
            run_queue_share: used.run_queue.map(|waited| waited.as_secs_f64() / ran),
        }
    }

    /// Whether nothing is under way and nothing is left to be begun.
    fn is_done(&self) -> bool {
        self.in_flight == 0 && (self.stopped_at.is_some() || self.lanes.iter().all(Lane::is_exhausted))
    }
}

/// What an attempt must meet with that was written and answered at these times.
fn expected(plan: &StreamPlan, written_us: u64, answered_us: u64, token: Option<Validity>) -> Expected {
    expectation(written_us, answered_us, token, micros(nanos(plan.grace)), plan.expectation)
}
