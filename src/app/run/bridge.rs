//! The load of single events behind the interface of the load that reports to sinks. It goes when that one comes.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::load::{
    self, Expectation, Interval, LoadError, LoadEvent, LoadPlan, LoadReport, Report, Share, Sink, Tally,
    ThreadReport,
};
use crate::record::{Answer, AnswerView, Class, RecordAnswer, Sent, UNANSWERED};
use crate::schedule::Constant;
use crate::stats::Times;

/// Sends the load from the calling thread, and reports to the sink that `sinks` makes for it.
pub(super) fn run<S: Sink + 'static>(
    plan: LoadPlan,
    mut sinks: impl FnMut(usize) -> S,
    stop: watch::Receiver<bool>,
) -> Result<Report, LoadError> {
    let schedules = plan
        .workloads
        .iter()
        .map(|workload| (workload.schedule, workload.duration, workload.expectation == Expectation::Accept));
    let start_us = u64::try_from(plan.start.saturating_duration_since(plan.origin).as_micros());
    let state = Arc::new(Mutex::new(State {
        sink: sinks(0),
        interval: Box::default(),
        schedules: schedules.collect(),
        start: plan.start,
        start_us: start_us.unwrap_or(0),
        sent: None,
        ended: 0,
        attempts: Tally::default(),
    }));
    let (end, ended) = channel::<()>();
    let ticking = state.clone();
    let ticks = std::thread::spawn(move || {
        for second in 0_u32.. {
            let over = lock(&ticking).start + Duration::from_secs(u64::from(second) + 1);
            let left = over.saturating_duration_since(Instant::now());
            let last = ended.recv_timeout(left) != Err(RecvTimeoutError::Timeout);
            lock(&ticking).second(second);
            if last {
                return;
            }
        }
    });
    let entering = state.clone();
    let report = load::run(plan, move |event| lock(&entering).take(event), stop);
    drop(end);
    let _ = ticks.join();
    let attempts = lock(&state).attempts;
    report.map(|report| converted(report, attempts))
}

struct State<S> {
    sink: S,
    interval: Box<Interval>,
    /// Schedule, duration, and whether it is measured, by producer.
    schedules: Vec<(Constant, Duration, bool)>,
    start: Instant,
    start_us: u64,
    sent: Option<Sent>,
    ended: u64,
    attempts: Tally,
}

impl<S: Sink> State<S> {
    fn take(&mut self, event: LoadEvent) {
        match event {
            LoadEvent::Sent(sent) => self.sent = Some(sent),
            LoadEvent::Answer(answer) => {
                if let Some(sent) = self.sent.take() {
                    self.ended(&sent, answer);
                }
            }
        }
    }

    fn ended(&mut self, sent: &Sent, answer: Answer) {
        let count = |which: fn(RecordAnswer) -> bool| u64::from(answer.answers.count(sent.records, which));
        let (acked, refused) = (count(RecordAnswer::is_acked), count(|a| a == RecordAnswer::Refused));
        let class = Class::of(answer.end, acked, refused, sent.records.into());
        self.ended += 1;
        self.attempts.add(class);
        let interval = &mut self.interval;
        interval.begun += 1;
        interval.attempts.add(class);
        interval.socket_errors += u64::from(class == Class::Reset);
        if let Some((schedule, _, true)) = self.schedules.get(usize::from(sent.request.producer))
            && answer.answered_us != UNANSWERED
        {
            let due = u64::try_from(schedule.due(sent.request.index).as_micros()).unwrap_or(u64::MAX);
            let due = self.start_us.saturating_add(due);
            interval.times.latency.record(answer.answered_us.saturating_sub(due));
            interval.times.service.record(answer.answered_us.saturating_sub(sent.written_us));
        }
        let Answer { answered_us, end, note, answers, .. } = answer;
        self.sink.attempt(sent, AnswerView { answered_us, end, note, answers: answers.as_slice() });
        self.sink.idle();
    }

    fn second(&mut self, second: u32) {
        let ran = self.start.elapsed();
        let due = |(schedule, duration, _): &(Constant, Duration, bool)| schedule.count(ran.min(*duration));
        let due: u64 = self.schedules.iter().map(due).sum();
        self.interval.second = second;
        self.interval.in_flight = due.saturating_sub(self.ended);
        let mut next = self.sink.second(std::mem::take(&mut self.interval));
        let mut times = std::mem::take(&mut next.times);
        times.clear();
        *next = Interval { times, ..Interval::default() };
        self.interval = next;
    }
}

fn converted(report: LoadReport, attempts: Tally) -> Report {
    let LoadReport {
        latency,
        service,
        blocked,
        generator_lag,
        censored,
        unsent,
        socket_errors,
        accepted,
        scheduled,
        scheduled_for,
        sent_after,
        cpu_share,
        interrupted,
    } = report;
    Report {
        overall: Share {
            times: Times { latency, service, blocked, generator_lag },
            censored,
            accepted,
            scheduled,
            scheduled_for,
            sent_after,
        },
        attempts,
        unsent,
        socket_errors,
        threads: vec![ThreadReport { cpu_share, run_queue_share: None }],
        interrupted,
        ..Report::default()
    }
}

fn lock<S>(state: &Mutex<State<S>>) -> std::sync::MutexGuard<'_, State<S>> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
