//! Workers: one a connection. A worker that is free takes the next request of its workload, waits until it
//! is due, and sends it. So each request goes to the connection that is free first, and no queue is needed.

use std::cell::{Cell, RefCell};
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
    Answer, Answers, Catalogue, ContentBuf, End, RecordAnswer, RecordId, RequestId, Sent, UNANSWERED,
};
use crate::schedule::Constant;
use crate::wire::produce::{ProduceFormat, RequestBody};

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
    pub format: ProduceFormat,
    /// The cluster's id, which the paths of v3 name; `None` for v2.
    pub cluster_id: Option<String>,
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
    /// What must happen to the requests.
    pub expectation: Expectation,
}

/// What the workers of one workload share.
struct Workload {
    producer: u16,
    plan: WorkloadPlan,
    path: String,
    token: Option<LiveToken>,
    requests: u64,
    /// The next request that no worker has taken.
    next: Cell<u64>,
    /// Requests that a worker has in hand, and since when; all past their due time.
    in_hand: RefCell<Vec<(u64, Instant)>>,
}

impl Workload {
    fn sent(&self, index: u64, written_us: u64) -> Sent {
        let records = self.plan.records_per_request;
        Sent {
            request: RequestId { producer: self.producer, index },
            attempt: 1,
            first_sequence: index * u64::from(records),
            records,
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
                path: produce_path(&plan.target, plan.cluster_id.as_deref(), &plan.topic, plan.partition),
                token: plan.token.and_then(|index| tokens.get(index).cloned()),
                requests: plan.schedule.count(plan.duration),
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
    if workload.plan.expectation == Expectation::Accept {
        for index in unsent.iter().copied().chain(unanswered.iter().map(|(index, _)| *index)) {
            report.latency.record(micros(due(index), end));
            report.censored += 1;
        }
        if !unsent.is_empty() {
            report.sent_after = report.sent_after.max(end.saturating_duration_since(shared.start));
        }
        let (scheduled, scheduled_for) = match stopped_at {
            None => (workload.requests, workload.plan.duration),
            Some(at) => {
                let ran = at.saturating_duration_since(shared.start).min(workload.plan.duration);
                (workload.plan.schedule.count(ran).min(workload.requests), ran)
            }
        };
        report.scheduled += scheduled;
        report.scheduled_for = report.scheduled_for.max(scheduled_for);
    }
    for (index, since) in unanswered {
        // Whether it was written is not known, so it counts as sent: its records may land.
        shared.emit(LoadEvent::Sent(workload.sent(index, shared.since_origin(since))));
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
        workload.in_hand.borrow_mut().push((index, Instant::now()));
        free = send(&shared, &workload, &mut connection, index, due, free, body).await;
        workload.in_hand.borrow_mut().retain(|(other, _)| *other != index);
    }
}

/// Sends request `index` and reports it; returns when the connection was free again.
async fn send(
    shared: &Shared,
    workload: &Workload,
    connection: &mut Connection,
    index: u64,
    due: Instant,
    free: Instant,
    body: Bytes,
) -> Instant {
    let plan = &workload.plan;
    let request = RequestId { producer: workload.producer, index };
    let token = workload.token.as_ref().map(LiveToken::current);
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
                match produce_request(
                    &plan.target,
                    &workload.path,
                    plan.format,
                    token.as_ref(),
                    &id,
                    body.clone(),
                ) {
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
    shared.emit(LoadEvent::Sent(workload.sent(index, shared.since_origin(written))));
    let (end, answers, note) = match &exchange.outcome {
        Outcome::Response { status, headers, body } => {
            let error_type = headers.get("x-amzn-errortype").and_then(|value| value.to_str().ok());
            let (answers, note) =
                read_answer(*status, error_type, body, plan.records_per_request, plan.format, token.as_ref());
            (End::Status(*status), answers, note)
        }
        Outcome::TimedOut => (End::TimedOut, Answers::All(RecordAnswer::Unknown), None),
        Outcome::Broken(reason) => (End::Broken, Answers::All(RecordAnswer::Unknown), Some(reason.clone())),
    };
    let accepted =
        answers.count(plan.records_per_request, RecordAnswer::is_acked) == plan.records_per_request;
    let answered_us = shared.since_origin(exchange.ended);
    shared.emit(LoadEvent::Answer(Answer { request, attempt: 1, answered_us, end, note, answers }));
    if plan.expectation == Expectation::Accept {
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
    }
    exchange.ended
}

/// The body of request `index`: a function of the run, the seed, the workload and the index alone.
fn body(catalogue: &Catalogue, workload: &Workload, index: u64) -> Bytes {
    let plan = &workload.plan;
    let records = u64::from(plan.records_per_request);
    let (mut bytes, mut content) = (Vec::new(), ContentBuf::default());
    let mut body = RequestBody::begin(&mut bytes, plan.format, plan.partition);
    for sequence in index * records..(index + 1) * records {
        if catalogue.content_into(RecordId { producer: workload.producer, sequence }, &mut content) {
            body.push(content.key(), content.value(), content.headers());
        }
    }
    body.end();
    Bytes::from(bytes)
}
