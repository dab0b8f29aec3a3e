//! Workers: one a connection. A worker that is free takes the next request of its workload, waits until it
//! is due, and sends it. So each request goes to the connection that is free first, and no queue is needed.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::connection::{Connection, Exchange, Outcome};
use super::http::{produce_path, produce_request, read_answer, request_id};
use super::measure::{CpuShare, LoadReport, micros};
use super::target::Target;
use super::timer::Timer;
use super::token::{Token, TokenReader};
use super::{LoadError, LoadEvent, LoadPlan};
use crate::record::{
    Answer, Answers, Catalogue, Content, End, Expected, Format, NEVER, RecordAnswer, RecordId, RequestId,
    Sent, UNANSWERED, expectation,
};
use crate::schedule::Constant;
use crate::wire::produce::request_body;

/// How long an interrupted load waits for the answers to what is in flight.
const INTERRUPTED_DRAIN: Duration = Duration::from_secs(2);

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
    /// Records in each request, at least 1.
    pub records_per_request: u32,
    /// When requests are due.
    pub schedule: Constant,
    /// How long requests are due.
    pub duration: Duration,
    /// Connections, at least 1.
    pub connections: u16,
    /// How long an attempt may take.
    pub timeout: Duration,
    /// Index into the plan's tokens.
    pub token: Option<usize>,
    /// How long after its expiry the token may still be accepted.
    pub grace: Duration,
    /// What must happen to the requests while the token is valid; only those that must be accepted are measured.
    pub expectation: Expected,
}

/// What the workers of one workload share.
struct Workload {
    producer: u16,
    plan: WorkloadPlan,
    path: String,
    token: Option<RefCell<TokenReader>>,
    requests: u64,
    /// Requests that were due without a token that was valid for certain, and so are not measured.
    unmeasured: Cell<u64>,
    /// The next request that no worker has taken.
    next: Cell<u64>,
    /// Requests that a worker has in hand, since when, and with which token; all past their due time.
    in_hand: RefCell<Vec<InHand>>,
}

/// A request that a worker has in hand.
#[derive(Debug, Clone)]
struct InHand {
    index: u64,
    since: Instant,
    token: Option<Arc<Token>>,
}

impl Workload {
    fn token(&self) -> Option<Arc<Token>> {
        self.token.as_ref().map(|reader| reader.borrow_mut().current().clone())
    }

    fn sent(&self, index: u64, (written_us, answered_us): (u64, u64), token: Option<&Token>) -> Sent {
        let records = self.plan.records_per_request;
        Sent {
            request: RequestId { producer: self.producer, index },
            attempt: 1,
            first_sequence: index * u64::from(records),
            records,
            written_us,
            expect: self.expected(written_us, answered_us, token),
            token_expires_us: token.map_or(NEVER, |token| token.validity.expired_us),
        }
    }

    fn expected(&self, written_us: u64, answered_us: u64, token: Option<&Token>) -> Expected {
        let grace_us = u64::try_from(self.plan.grace.as_micros()).unwrap_or(u64::MAX);
        expectation(written_us, answered_us, token.map(|t| t.validity), grace_us, self.plan.expectation)
    }

    /// Whether a request that was due then is measured: its token, the one that it was sent with, was valid for certain.
    /// How late it was sent and how long its answer took do not enter, lest slow ones be left out.
    fn is_measured(&self, due_us: u64, token: Option<&Token>) -> bool {
        self.expected(due_us, due_us, token) == Expected::Accept
    }

    /// Counts a request that is not measured.
    fn leaves_out(&self) {
        self.unmeasured.set(self.unmeasured.get() + 1);
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
    let tokens = plan.tokens;
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
                token: plan
                    .token
                    .and_then(|index| tokens.get(index).cloned())
                    .map(|cell| RefCell::new(TokenReader::new(cell))),
                requests: plan.schedule.count(plan.duration),
                unmeasured: Cell::new(0),
                next: Cell::new(0),
                in_hand: RefCell::default(),
                plan,
            })
        })
        .collect();
    let last_due = workloads.iter().map(|w| w.plan.duration).max().unwrap_or_default();
    let cpu_share = CpuShare::watch(shared.start + last_due);
    let mut workers = JoinSet::new();
    for workload in &workloads {
        for _ in 0..workload.plan.connections {
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
    let due = |index| shared.start + workload.plan.schedule.due(index);
    let last = stopped_at.unwrap_or(end);
    let unsent: Vec<u64> =
        (workload.next.get()..workload.requests).take_while(|index| due(*index) <= last).collect();
    let unanswered = workload.in_hand.take();
    let mut report = shared.report.borrow_mut();
    report.unsent += unsent.len() as u64;
    if workload.plan.expectation == Expected::Accept {
        let token = workload.token();
        let unsent = unsent.iter().map(|index| (*index, token.as_deref()));
        let unanswered = unanswered.iter().map(|request| (request.index, request.token.as_deref()));
        let is_measured = |(index, token): &(u64, Option<&Token>)| {
            workload.is_measured(shared.since_origin(due(*index)), *token)
        };
        if unsent.clone().any(|request| is_measured(&request)) {
            report.sent_after = report.sent_after.max(end.saturating_duration_since(shared.start));
        }
        for request in unsent.chain(unanswered) {
            if is_measured(&request) {
                report.latency.record(micros(due(request.0), end));
                report.censored += 1;
            } else {
                workload.leaves_out();
            }
        }
        let (scheduled, scheduled_for) = match stopped_at {
            None => (workload.requests, workload.plan.duration),
            Some(at) => {
                let ran = at.saturating_duration_since(shared.start).min(workload.plan.duration);
                (workload.plan.schedule.count(ran).min(workload.requests), ran)
            }
        };
        report.scheduled += scheduled.saturating_sub(workload.unmeasured.get());
        report.scheduled_for = report.scheduled_for.max(scheduled_for);
    }
    for InHand { index, since, token } in unanswered {
        // Whether it was written is not known, so it counts as sent: its records may land.
        let times = (shared.since_origin(since), UNANSWERED);
        shared.emit(LoadEvent::Sent(workload.sent(index, times, token.as_deref())));
        shared.emit(LoadEvent::Answer(Answer {
            request: RequestId { producer: workload.producer, index },
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
    while workload.next.get() < workload.requests && !*stop.borrow() {
        let index = workload.next.get();
        workload.next.set(index + 1);
        let body = body(&shared.catalogue, &workload, index);
        let due = shared.start + workload.plan.schedule.due(index);
        tokio::select! {
            biased;
            () = timer.sleep_until(due) => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
        if Instant::now() < due {
            // Stopped before it was due.
            return;
        }
        let request = InHand { index, since: Instant::now(), token: workload.token() };
        workload.in_hand.borrow_mut().push(request.clone());
        free = send(&shared, &workload, &mut connection, &request, due, free, body).await;
        workload.in_hand.borrow_mut().retain(|other| other.index != index);
    }
}

/// Sends a request and reports it; returns when the connection was free again.
async fn send(
    shared: &Shared,
    workload: &Workload,
    connection: &mut Connection,
    InHand { index, token, .. }: &InHand,
    due: Instant,
    free: Instant,
    body: Bytes,
) -> Instant {
    let plan = &workload.plan;
    let request = RequestId { producer: workload.producer, index: *index };
    let token = token.as_deref();
    let secret = token.map(|token| &token.secret);
    let id = request_id(shared.catalogue.run(), request, 1);
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
                match produce_request(&plan.target, &workload.path, plan.format, secret, &id, body.clone()) {
                    Ok(request) => connection.exchange(request, plan.timeout).await,
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
    let (written_us, answered_us) = (shared.since_origin(written), shared.since_origin(exchange.ended));
    shared.emit(LoadEvent::Sent(workload.sent(*index, (written_us, answered_us), token)));
    let (end, answers, note) = match &exchange.outcome {
        Outcome::Response { status, headers, body } => {
            let error_type = headers.get("x-amzn-errortype").and_then(|value| value.to_str().ok());
            let (answers, note) = read_answer(*status, error_type, body, plan.records_per_request, secret);
            (End::Status(*status), answers, note)
        }
        Outcome::TimedOut => (End::TimedOut, Answers::All(RecordAnswer::Unknown), None),
        Outcome::Broken(reason) => (End::Reset, Answers::All(RecordAnswer::Unknown), Some(reason.clone())),
    };
    let accepted =
        answers.count(plan.records_per_request, RecordAnswer::is_acked) == plan.records_per_request;
    shared.emit(LoadEvent::Answer(Answer { request, attempt: 1, answered_us, end, note, answers }));
    if workload.is_measured(shared.since_origin(due), token) {
        let mut report = shared.report.borrow_mut();
        report.accepted += u64::from(accepted);
        report.latency.record(micros(due, exchange.ended));
        if let Some(written) = exchange.written {
            report.service.record(micros(written, exchange.ended));
            report.blocked.record(micros(due, free));
            report.generator_lag.record(micros(due.max(free), written));
            report.sent_after = report.sent_after.max(written.saturating_duration_since(shared.start));
        } else {
            // Never written: all of the time went into waiting for a connection.
            report.blocked.record(micros(due, exchange.ended));
            report.sent_after = report.sent_after.max(exchange.ended.saturating_duration_since(shared.start));
        }
    } else {
        workload.leaves_out();
    }
    exchange.ended
}

/// The body of request `index`: a function of the run, the workload and the index alone.
fn body(catalogue: &Catalogue, workload: &Workload, index: u64) -> Bytes {
    let records = u64::from(workload.plan.records_per_request);
    let contents: Vec<Content> = (index * records..(index + 1) * records)
        .filter_map(|sequence| catalogue.content(RecordId { producer: workload.producer, sequence }))
        .collect();
    let pairs = contents.iter().map(|content| (content.key.as_deref(), content.value.as_deref()));
    Bytes::from(request_body(pairs, workload.plan.format == Format::Binary))
}
