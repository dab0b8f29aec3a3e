//! A lane: one load thread's part of a stream. It knows which request is to be begun next, and which of its
//! connections are free.
//!
//! Of `k` threads, thread `t` has the requests whose index leaves the remainder `t`: so their union is the schedule,
//! and no thread asks another.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::Duration;

use super::StreamPlan;
use super::clock::{Nanos, nanos};
use super::message::Message;
use super::request::Request;
use crate::schedule::{Arrivals, Cursor};

/// One load thread's part of a stream.
pub(super) struct Lane {
    pub(super) producer: u16,
    pub(super) message: Message,
    /// Open connections that carry nothing, the one that has been so for longest first.
    pub(super) idle: VecDeque<usize>,
    /// Connections that are not open.
    pub(super) shut: Vec<usize>,
    /// When the engine will look at it; `Nanos::MAX`: not by itself.
    pub(super) queued: Nanos,
    start: Nanos,
    turns: Turns,
    source: Source,
    /// Index of the first request that may not be begun before it has been reserved.
    pub(super) reserved: u64,
    /// One past the index of the last request begun, now and a second ago.
    pub(super) begun_to: (u64, u64),
    /// Requests begun.
    begun: u64,
    retries: BinaryHeap<Reverse<Request>>,
}

/// Numbers the requests, and finds those of this thread.
#[derive(Debug, Clone)]
struct Turns {
    thread: u64,
    threads: u64,
    /// Index of the next request in the stream, this thread's or not.
    index: u64,
    /// Its first record.
    sequence: u64,
}

/// Where requests come from.
enum Source {
    Open { cursor: Cursor, next: Option<Request> },
    Closed(Closed),
}

/// Workers that send again when they have thought about an answer.
struct Closed {
    /// For each phase: when it ends, and how many of this thread's workers it has, and how long they think.
    phases: Vec<(Nanos, usize, Nanos)>,
    phase: usize,
    /// When each worker that is not waiting for an answer will send.
    tickets: BinaryHeap<Reverse<Nanos>>,
    /// Workers there are, waiting for an answer or not.
    workers: usize,
}

impl Lane {
    /// The part of thread number `thread` of `threads`; the schedule begins at `start`.
    pub(super) fn new(
        producer: u16,
        plan: &StreamPlan,
        message: Message,
        start: Nanos,
        (thread, threads): (usize, usize),
    ) -> Self {
        let schedule = &plan.schedule;
        let closed = schedule.is_closed();
        let source = if closed {
            Source::Closed(Closed::new(plan, start, thread, threads))
        } else {
            Source::Open { cursor: schedule.cursor(), next: None }
        };
        let mut lane = Self {
            producer,
            message,
            idle: VecDeque::new(),
            shut: Vec::new(),
            queued: Nanos::MAX,
            start,
            turns: Turns { thread: thread as u64, threads: threads as u64, index: 0, sequence: 0 },
            source,
            reserved: 0,
            begun_to: (0, 0),
            begun: 0,
            retries: BinaryHeap::new(),
        };
        lane.advance(plan);
        lane
    }

    /// When the next attempt is due, whether or not a connection is free; `Nanos::MAX` where nothing is left or
    /// only an answer can bring more.
    pub(super) fn next_due(&self) -> Nanos {
        let retry = self.retries.peek().map_or(Nanos::MAX, |Reverse(request)| request.attempt_due);
        let fresh = match &self.source {
            Source::Open { next, .. } => next.map_or(Nanos::MAX, |request| request.due),
            Source::Closed(closed) => closed.next_due(),
        };
        retry.min(fresh)
    }

    /// The request that an open schedule has next, so that it can be made ready.
    pub(super) fn upcoming(&self) -> Option<&Request> {
        match &self.source {
            Source::Open { next, .. } => next.as_ref(),
            Source::Closed(_) => None,
        }
    }

    /// Takes the next attempt if it is due.
    pub(super) fn take(&mut self, plan: &StreamPlan, now: Nanos) -> Option<Request> {
        let due = self.next_due();
        if due > now {
            return None;
        }
        if self.retries.peek().is_some_and(|Reverse(request)| request.attempt_due == due) {
            return self.retries.pop().map(|Reverse(request)| request);
        }
        self.begun += 1;
        match &mut self.source {
            Source::Open { next, .. } => {
                let request = next.take();
                self.advance(plan);
                request
            }
            Source::Closed(closed) => {
                let (phase, due) = closed.take(now)?;
                let (index, first_sequence, records) = self.turns.next(plan);
                Some(Request {
                    index,
                    first_sequence,
                    records,
                    phase,
                    due,
                    counts: true,
                    attempt: 1,
                    attempt_due: due,
                })
            }
        }
    }

    /// About how many requests are due and wait for a connection.
    pub(super) fn waiting(&self, plan: &StreamPlan, now: Nanos) -> u64 {
        if self.next_due() > now {
            return 0;
        }
        let since_start = Duration::from_nanos(now.saturating_sub(self.start));
        #[expect(clippy::cast_precision_loss, reason = "no thread has 2^53 requests")]
        let (threads, begun) = (self.turns.threads as f64, self.begun as f64);
        let waiting = plan.schedule.expected_before(since_start) / threads - begun;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a float-to-int cast saturates, and it is at least one"
        )]
        let waiting = waiting.max(1.0) as u64;
        waiting
    }

    /// Another attempt at `request`, at `due`.
    pub(super) fn retry(&mut self, request: Request, due: Nanos) {
        self.retries.push(Reverse(Request { attempt: request.attempt + 1, attempt_due: due, ..request }));
    }

    /// A request has come to its end: a worker of a closed load goes on.
    pub(super) fn ended(&mut self, now: Nanos) {
        if let Source::Closed(closed) = &mut self.source {
            closed.ended(now);
        }
    }

    /// Whether no request is left to be begun, as far as the lane itself can tell.
    pub(super) fn is_exhausted(&self) -> bool {
        self.next_due() == Nanos::MAX
    }

    /// Whether its requests wait for answers before they are made.
    pub(super) fn is_closed(&self) -> bool {
        matches!(self.source, Source::Closed(_))
    }

    /// Drains what is left: attempts that were to be made again, then requests never begun that were due up to
    /// `until`.
    pub(super) fn leftovers(&mut self, plan: &StreamPlan, until: Nanos) -> Vec<Request> {
        let mut left: Vec<Request> =
            std::mem::take(&mut self.retries).into_iter().map(|Reverse(r)| r).collect();
        if matches!(self.source, Source::Open { .. }) {
            while let Some(request) = self.upcoming().copied().filter(|request| request.due <= until) {
                left.push(request);
                self.advance(plan);
            }
        }
        left
    }

    /// Finds the next request of an open schedule that is this thread's.
    fn advance(&mut self, plan: &StreamPlan) {
        let Source::Open { cursor, next } = &mut self.source else { return };
        *next = None;
        for arrival in cursor.by_ref() {
            let (first_sequence, records) = self.turns.pass(plan, arrival.index);
            if arrival.index % self.turns.threads == self.turns.thread {
                let due = self.start + nanos(arrival.due);
                *next = Some(Request {
                    index: arrival.index,
                    first_sequence,
                    records,
                    phase: arrival.phase,
                    due,
                    counts: true,
                    attempt: 1,
                    attempt_due: due,
                });
                return;
            }
        }
    }
}

impl Turns {
    /// Passes the request at `index`, which is the next: its first record, and how many it has.
    fn pass(&mut self, plan: &StreamPlan, index: u64) -> (u64, u32) {
        let records = plan.sizes.at(plan.seed, index);
        let first = self.sequence;
        self.sequence += u64::from(records);
        self.index = index + 1;
        (first, records)
    }

    /// The next request of this thread, where no schedule numbers them.
    fn next(&mut self, plan: &StreamPlan) -> (u64, u64, u32) {
        loop {
            let index = self.index;
            let (first, records) = self.pass(plan, index);
            if index % self.threads == self.thread {
                return (index, first, records);
            }
        }
    }
}

impl Closed {
    fn new(plan: &StreamPlan, start: Nanos, thread: usize, threads: usize) -> Self {
        let mut end = start;
        let phases: Vec<(Nanos, usize, Nanos)> = plan
            .schedule
            .phases()
            .iter()
            .map(|phase| {
                end += nanos(phase.duration);
                match phase.arrivals {
                    Arrivals::Closed { workers, think } => {
                        let mine = (thread..usize::from(workers)).step_by(threads).len();
                        (end, mine, nanos(think))
                    }
                    _ => (end, 0, 0),
                }
            })
            .collect();
        let mut closed = Self { phases, phase: 0, tickets: BinaryHeap::new(), workers: 0 };
        closed.staff(start);
        closed
    }

    /// Brings the workers of the present phase to their number: too many go when they come back.
    fn staff(&mut self, now: Nanos) {
        let wanted = self.phases.get(self.phase).map_or(0, |(_, workers, _)| *workers);
        while self.workers < wanted {
            self.tickets.push(Reverse(now));
            self.workers += 1;
        }
        while self.workers > wanted && self.tickets.pop().is_some() {
            self.workers -= 1;
        }
    }

    /// When a worker is ready, or the next phase brings more of them.
    fn next_due(&self) -> Nanos {
        let ticket = self.tickets.peek().map_or(Nanos::MAX, |Reverse(due)| *due);
        match self.phases.get(self.phase..) {
            Some([(end, ..), _, ..]) => ticket.min(*end),
            _ => ticket,
        }
    }

    /// Goes on to the phase of this time.
    fn go_on(&mut self, now: Nanos) {
        while self.phases.get(self.phase).is_some_and(|(end, ..)| now >= *end) {
            self.phase += 1;
            self.staff(now);
        }
    }

    /// Takes a worker that is ready to send: the phase that its request belongs to, and since when it is ready.
    fn take(&mut self, now: Nanos) -> Option<(u16, Nanos)> {
        self.go_on(now);
        let Reverse(due) = self.tickets.peek().copied().filter(|Reverse(due)| *due <= now)?;
        self.tickets.pop();
        Some((u16::try_from(self.phase).ok()?, due))
    }

    /// A worker has its answer.
    fn ended(&mut self, now: Nanos) {
        self.go_on(now);
        let (wanted, think) =
            self.phases.get(self.phase).map_or((0, 0), |(_, workers, think)| (*workers, *think));
        let last = self.phases.last().map_or(0, |(end, ..)| *end);
        if self.workers > wanted || now + think >= last {
            // Who would come back after the end does not.
            self.workers -= 1;
        } else {
            self.tickets.push(Reverse(now + think));
        }
    }
}
