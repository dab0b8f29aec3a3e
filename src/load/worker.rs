//! Workers: one a connection. A worker that is free takes the next request of its workload, waits until it
//! is due, and sends it. So each request goes to the connection that is free first, and no queue is needed.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::connection::{Connection, Exchange, Outcome};
use super::http::{produce_path, produce_request, read_answer, request_id};
use super::measure::{CpuShare, LoadReport, micros};
use super::target::Target;
use super::timer::Timer;
use super::token::LiveToken;
use super::{LoadError, LoadEvent, LoadPlan};
use crate::record::{
    Answer, Answers, Catalogue, Content, End, Format, RecordAnswer, RecordId, RequestId, Sent, UNANSWERED,
};
use crate::scenario::{Connections, RetryOn, Timeouts};
use crate::schedule::{Arrival, Cursor, Retry, Schedule, Sizes};
use crate::wire::produce::request_body;

/// How long an interrupted load waits for the answers to what is in flight.
const INTERRUPTED_DRAIN: Duration = Duration::from_secs(2);

/// What must happen to a workload's requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expectation {
    /// They must be accepted, and are measured.
    Accept,
    /// They must be refused, and are not measured.
    Refuse,
}

/// One stream of requests.
#[derive(Debug, Clone)]
pub struct WorkloadPlan {
    /// Where requests go.
    pub target: Target,
    /// Topic name.
    pub topic: String,
    /// Partition that the path names.
    pub partition: Option<i32>,
    /// Request format.
    pub format: Format,
    /// Seed of sizes and waits; the schedule has it already.
    pub seed: u64,
    /// Records in each request.
    pub sizes: Sizes,
    /// When requests are due.
    pub schedule: Schedule,
    /// Whether and when a request that failed is tried again.
    pub retry: Option<Retry>,
    /// What a further attempt follows on; of no meaning without `retry`.
    pub retry_on: Vec<RetryOn>,
    /// Connections.
    pub connections: Connections,
    /// How long an attempt may take.
    pub timeouts: Timeouts,
    /// Index into the plan's tokens.
    pub token: Option<usize>,
    /// What must happen to the requests.
    pub expectation: Expectation,
}

/// What the workers of one workload share.
struct Workload {
    producer: u16,
    plan: WorkloadPlan,
    path: String,
    token: Option<LiveToken>,
    /// Requests that no worker has taken.
    next: RefCell<Next>,
    /// Requests that a worker has in hand, and since when; all past their due time.
    in_hand: RefCell<Vec<(Request, Instant)>>,
}

/// The next request of a workload.
struct Next {
    cursor: Cursor,
    /// Sequence of its first record: as many as all requests before it hold.
    first_sequence: u64,
}

/// A request: what it is and what it holds.
#[derive(Debug, Clone, Copy)]
struct Request {
    arrival: Arrival,
    first_sequence: u64,
    records: u32,
}

impl Workload {
    /// The next request, which is whoever's who asks.
    fn take(&self) -> Option<Request> {
        let mut next = self.next.borrow_mut();
        let arrival = next.cursor.next()?;
        let records = self.plan.sizes.at(self.plan.seed, arrival.index);
        let first_sequence = next.first_sequence;
        next.first_sequence += u64::from(records);
        Some(Request { arrival, first_sequence, records })
    }

    /// Whether requests of this phase enter the report.
    fn measures(&self, phase: u16) -> bool {
        self.plan.expectation == Expectation::Accept
            && self.plan.schedule.phases().get(usize::from(phase)).is_some_and(|phase| phase.measured)
    }

    /// Number, start and end of each phase that enters the report.
    fn measured(&self) -> impl Iterator<Item = (u16, Duration, Duration)> {
        let schedule = &self.plan.schedule;
        let measured = (0..).zip(schedule.phases()).filter(|(number, _)| self.measures(*number));
        measured.map(|(number, phase)| {
            let start = schedule.start(number);
            (number, start, start + phase.duration)
        })
    }

    /// How much of the time up to the end of the last phase that is measured belongs to others.
    fn unmeasured(&self) -> Duration {
        let end = self.measured().map(|(_, _, end)| end).last().unwrap_or_default();
        let measured = self.measured().map(|(_, start, end)| end.saturating_sub(start));
        end.saturating_sub(measured.sum())
    }

    fn sent(&self, request: Request, written_us: u64) -> Sent {
        Sent {
            request: RequestId { producer: self.producer, index: request.arrival.index },
            attempt: 1,
            first_sequence: request.first_sequence,
            records: request.records,
            written_us,
        }
    }
}

/// What all workers share.
struct Shared {
    catalogue: Catalogue,
    sink: Box<dyn Fn(LoadEvent)>,
    origin: Instant,
    start: Instant,
    report: RefCell<LoadReport>,
}

impl Shared {
    fn since_origin(&self, at: Instant) -> u64 {
        micros(self.origin, at)
    }

    fn emit(&self, event: LoadEvent) {
        (self.sink)(event);
    }
}

/// Runs all workloads to their end.
pub(super) async fn run_all(
    plan: LoadPlan,
    sink: Box<dyn Fn(LoadEvent)>,
    mut stop: watch::Receiver<bool>,
) -> Result<LoadReport, LoadError> {
    let tokens: Vec<LiveToken> = plan.tokens.into_iter().map(LiveToken::start).collect();
    let shared = Rc::new(Shared {
        catalogue: plan.catalogue,
        sink,
        origin: plan.origin,
        start: plan.start,
        report: RefCell::default(),
    });
    let workloads: Vec<Rc<Workload>> = (0_u16..)
        .zip(plan.workloads)
        .map(|(producer, plan)| {
            Rc::new(Workload {
                producer,
                path: produce_path(&plan.target, &plan.topic, plan.partition),
                token: plan.token.and_then(|index| tokens.get(index).cloned()),
                next: RefCell::new(Next { cursor: plan.schedule.cursor(), first_sequence: 0 }),
                in_hand: RefCell::default(),
                plan,
            })
        })
        .collect();
    let last_due = workloads.iter().map(|w| w.plan.schedule.duration()).max().unwrap_or_default();
    let cpu_share = CpuShare::watch(shared.start + last_due);
    let mut workers = JoinSet::new();
    for workload in &workloads {
        for _ in 0..workload.plan.connections.count {
            let timer = Timer::new().map_err(LoadError::Timer)?;
            workers.spawn_local(work(shared.clone(), workload.clone(), timer, stop.clone()));
        }
    }
    let drained = tokio::time::Instant::from_std(shared.start + last_due + plan.drain);
    let all = async {
        while let Some(ended) = workers.join_next().await {
            ended.map_err(|_| LoadError::Worker)?;
        }
        Ok(())
    };
    tokio::pin!(all);
    let stopped_at = tokio::select! {
        ended = &mut all => {
            ended?;
            None
        }
        () = tokio::time::sleep_until(drained) => None,
        _ = stop.wait_for(|stop| *stop) => {
            let now = Instant::now();
            if let Ok(ended) = tokio::time::timeout(INTERRUPTED_DRAIN, &mut all).await {
                ended?;
            }
            Some(now)
        }
    };
    let end = Instant::now();
    for workload in &workloads {
        close(&shared, workload, stopped_at, end);
    }
    let mut report = shared.report.replace(LoadReport::default());
    report.interrupted = stopped_at.is_some();
    report.cpu_share = cpu_share.until_now();
    Ok(report)
}

/// Enters what never began and what was never answered, at its age when waiting ended. Where the load was stopped,
/// what was due after that belongs to no schedule any more.
fn close(shared: &Shared, workload: &Workload, stopped_at: Option<Instant>, end: Instant) {
    let due = |arrival: &Arrival| shared.start + arrival.due;
    let last = stopped_at.unwrap_or(end);
    let rest = workload.next.borrow().cursor.clone();
    let unsent: Vec<Arrival> = rest.take_while(|arrival| due(arrival) <= last).collect();
    let unanswered = workload.in_hand.take();
    let mut report = shared.report.borrow_mut();
    report.unsent += unsent.len() as u64;
    let open = unsent.iter().chain(unanswered.iter().map(|(request, _)| &request.arrival));
    for arrival in open.filter(|arrival| workload.measures(arrival.phase)) {
        report.latency.record(micros(due(arrival), end));
        report.censored += 1;
    }
    if unsent.iter().any(|arrival| workload.measures(arrival.phase)) {
        let after = end.saturating_duration_since(shared.start).saturating_sub(workload.unmeasured());
        report.sent_after = report.sent_after.max(after);
    }
    let ran = stopped_at.map_or(Duration::MAX, |at| at.saturating_duration_since(shared.start));
    let mut scheduled_for = Duration::ZERO;
    for (phase, start, end) in workload.measured() {
        report.scheduled += workload.plan.schedule.due_before(phase, ran);
        scheduled_for += end.min(ran).saturating_sub(start);
    }
    report.scheduled_for = report.scheduled_for.max(scheduled_for);
    for (request, since) in unanswered {
        // Whether it was written is not known, so it counts as sent: its records may land.
        shared.emit(LoadEvent::Sent(workload.sent(request, shared.since_origin(since))));
        shared.emit(LoadEvent::Answer(Answer {
            request: RequestId { producer: workload.producer, index: request.arrival.index },
            attempt: 1,
            answered_us: UNANSWERED,
            end: End::TimedOut,
            note: Some("no answer when draining ended".into()),
            answers: Answers::All(RecordAnswer::Unknown),
        }));
    }
}

/// A worker's life: take, wait, send, until the schedule is done or the load is stopped.
async fn work(shared: Rc<Shared>, workload: Rc<Workload>, timer: Timer, mut stop: watch::Receiver<bool>) {
    let mut connection = Connection::new(workload.plan.target.clone());
    // If it does not open, the first request will try again and tell.
    let _ = connection.ensure_open().await;
    let mut free = Instant::now();
    while !*stop.borrow() {
        let Some(request) = workload.take() else { return };
        let body = body(&shared.catalogue, &workload, request);
        let due = shared.start + request.arrival.due;
        tokio::select! {
            biased;
            () = timer.sleep_until(due) => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
        if Instant::now() < due {
            // Stopped before it was due.
            return;
        }
        workload.in_hand.borrow_mut().push((request, Instant::now()));
        free = send(&shared, &workload, &mut connection, request, due, free, body).await;
        let index = request.arrival.index;
        workload.in_hand.borrow_mut().retain(|(other, _)| other.arrival.index != index);
    }
}

/// Sends a request and reports it; returns when the connection was free again.
async fn send(
    shared: &Shared,
    workload: &Workload,
    connection: &mut Connection,
    request: Request,
    due: Instant,
    free: Instant,
    body: Bytes,
) -> Instant {
    let plan = &workload.plan;
    let records = request.records;
    let request_of = RequestId { producer: workload.producer, index: request.arrival.index };
    let token = workload.token.as_ref().map(LiveToken::current);
    let id = request_id(shared.catalogue.run(), request_of, 1);
    // A connection that turns out to be closed before a byte was written is no attempt yet, and is opened
    // once more. Opening it is the system's time, as waiting for a free one is.
    let mut free = free;
    let mut retried = false;
    let exchange = loop {
        let broken =
            |reason| Exchange { written: None, ended: Instant::now(), outcome: Outcome::Broken(reason) };
        let exchange = match connection.ensure_open().await {
            Err(reason) => broken(reason),
            Ok(opened) => {
                if opened {
                    free = Instant::now();
                }
                match produce_request(
                    &plan.target,
                    &workload.path,
                    plan.format,
                    token.as_ref(),
                    &id,
                    body.clone(),
                ) {
                    Ok(request) => connection.exchange(request, plan.timeouts.whole).await,
                    Err(reason) => broken(reason),
                }
            }
        };
        if !matches!(exchange.outcome, Outcome::Broken(_)) {
            break exchange;
        }
        shared.report.borrow_mut().socket_errors += 1;
        if exchange.written.is_some() || retried {
            break exchange;
        }
        retried = true;
    };
    let written = exchange.written.unwrap_or(exchange.ended);
    shared.emit(LoadEvent::Sent(workload.sent(request, shared.since_origin(written))));
    let (end, answers, note) = match &exchange.outcome {
        Outcome::Response { status, headers, body } => {
            let error_type = headers.get("x-amzn-errortype").and_then(|value| value.to_str().ok());
            let (answers, note) = read_answer(*status, error_type, body, records, token.as_ref());
            (End::Status(*status), answers, note)
        }
        Outcome::TimedOut => (End::TimedOut, Answers::All(RecordAnswer::Unknown), None),
        Outcome::Broken(reason) => (End::Broken, Answers::All(RecordAnswer::Unknown), Some(reason.clone())),
    };
    let accepted = answers.count(records, RecordAnswer::is_acked) == records;
    let answered_us = shared.since_origin(exchange.ended);
    shared.emit(LoadEvent::Answer(Answer {
        request: request_of,
        attempt: 1,
        answered_us,
        end,
        note,
        answers,
    }));
    if workload.measures(request.arrival.phase) {
        let after =
            |at: Instant| at.saturating_duration_since(shared.start).saturating_sub(workload.unmeasured());
        let mut report = shared.report.borrow_mut();
        report.accepted += u64::from(accepted);
        report.latency.record(micros(due, exchange.ended));
        if let Some(written) = exchange.written {
            report.service.record(micros(written, exchange.ended));
            report.blocked.record(micros(due, free));
            report.generator_lag.record(micros(due.max(free), written));
            report.sent_after = report.sent_after.max(after(written));
        } else {
            // Never written: all of the time went into waiting for a connection.
            report.blocked.record(micros(due, exchange.ended));
            report.sent_after = report.sent_after.max(after(exchange.ended));
        }
    }
    exchange.ended
}

/// The body of a request: a function of the run, the workload and the request alone.
fn body(catalogue: &Catalogue, workload: &Workload, request: Request) -> Bytes {
    let from = request.first_sequence;
    let contents: Vec<Content> = (from..from + u64::from(request.records))
        .filter_map(|sequence| catalogue.content(RecordId { producer: workload.producer, sequence }))
        .collect();
    let pairs = contents.iter().map(|content| (content.key.as_deref(), content.value.as_deref()));
    Bytes::from(request_body(pairs, workload.plan.format == Format::Binary))
}
