//! Watching the load: one thread merges what the load threads report each second, writes the log of intervals, shows
//! the figures to people and to Prometheus, and ends the load where a rule of `abort_when` strikes.

mod history;
mod merge;
mod view;

use std::fs::File;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use super::collect::Counts;
use super::hlog;
use super::outbox::Outbox;
use super::timeline::Timeline;
use crate::app::machine::resident_bytes;
use crate::judge::{AbortWatch, AnswerWatch, Figures};
use crate::load::{Interval, Stop, Tally};
use crate::record::Class;
use crate::report::{LastSecond, Progress, SoFar, Stage, TimeQuantiles};
use crate::result::{self, Memory};
use crate::scenario::{AbortRule, Statuses, StopRule};
use crate::stats::{Times, time_text};

use history::History;
use merge::{Merge, Second};
pub use view::Live;
use view::View;

/// How often live views are brought up to date.
const TICK: Duration = Duration::from_millis(250);
/// Messages that may wait for the monitor: many seconds of many threads.
const WAITING: usize = 1024;
/// Intervals of one load thread that are kept for use again.
const SPARE: usize = 4;

enum Message {
    /// A load thread will report seconds.
    Joined(usize),
    /// A second of a thread, and where its box goes back to.
    Interval(Box<Interval>, SyncSender<Box<Interval>>),
    /// A load thread has reported all.
    Left(usize),
    /// The load has ended; for what may still land is waited no longer than this.
    Settle(Duration),
    End,
}

/// Where one load thread's seconds go. Never waits.
pub(super) struct Intervals {
    thread: usize,
    messages: Outbox<Message>,
    home: SyncSender<Box<Interval>>,
    spare: Receiver<Box<Interval>>,
}

impl Intervals {
    fn new(thread: usize, messages: SyncSender<Message>) -> Self {
        let mut messages = Outbox::new(messages);
        messages.send(Message::Joined(thread));
        let (home, spare) = sync_channel(SPARE);
        Self { thread, messages, home, spare }
    }

    /// Hands a second on, and gives one to fill next.
    pub(super) fn send(&mut self, interval: Box<Interval>) -> Box<Interval> {
        self.messages.send(Message::Interval(interval, self.home.clone()));
        self.spare.try_recv().unwrap_or_default()
    }

    /// For tests: to a monitor that does not listen.
    #[cfg(test)]
    pub(super) fn unheard(thread: usize) -> (Self, impl Sized) {
        let (messages, received) = sync_channel(WAITING);
        (Self::new(thread, messages), received)
    }
}

impl Drop for Intervals {
    fn drop(&mut self) {
        self.messages.send(Message::Left(self.thread));
    }
}

/// The figures of a run under way, for whoever asks.
#[derive(Debug, Clone, Default)]
pub(super) struct Board(Arc<Mutex<Progress>>);

impl Board {
    pub(super) fn read(&self) -> Progress {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn write(&self, progress: &Progress) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone_from(progress);
    }
}

/// What the monitor needs.
pub(super) struct Setup {
    /// The scenario's name.
    pub(super) name: String,
    /// The run id.
    pub(super) run: String,
    pub(super) timeline: Timeline,
    /// How long answers are waited for after the last request was due.
    pub(super) drain: Duration,
    pub(super) rules: Vec<AbortRule>,
    pub(super) stop_on: Vec<StopRule>,
    /// The file of the log of intervals.
    pub(super) log: File,
    /// When the schedules begin.
    pub(super) start: Instant,
    pub(super) counts: Arc<Counts>,
    pub(super) board: Board,
    pub(super) live: Live,
    /// Ends the load.
    pub(super) stop: Stop,
}

/// What came of watching.
#[derive(Debug, Clone)]
pub(super) struct Watched {
    /// The rule of `abort_when` that struck, with what was seen.
    pub(super) strike: Option<String>,
    /// The rule of `stop_on` that struck, with what was seen.
    pub(super) stopped_on: Option<String>,
    /// The most requests that waited for a connection at a second's end.
    pub(super) backlog_peak: u64,
    /// Why the log of intervals could not be written to its end, if so.
    pub(super) log_failed: Option<String>,
    /// The load over time.
    pub(super) history: result::Timeline,
    /// Memory of this process.
    pub(super) memory: Option<Memory>,
    /// When the schedules began, by the calendar.
    pub(super) start: SystemTime,
}

/// The thread that watches.
pub(super) struct Monitor {
    messages: SyncSender<Message>,
    thread: Option<JoinHandle<Watched>>,
}

impl Monitor {
    pub(super) fn start(setup: Setup) -> std::io::Result<Self> {
        let (messages, received) = sync_channel(WAITING);
        let start = SystemTime::now() + setup.start.saturating_duration_since(Instant::now());
        let thread = std::thread::Builder::new()
            .name("monitor".into())
            .spawn(move || watch(setup, start, &received))?;
        Ok(Self { messages, thread: Some(thread) })
    }

    /// Where the seconds of the load thread of a number go.
    pub(super) fn intervals(&self) -> impl Fn(usize) -> Intervals + Send + 'static {
        let messages = self.messages.clone();
        move |thread| Intervals::new(thread, messages.clone())
    }

    /// Tells that the load has ended, and how long is waited at most for what may still land.
    pub(super) fn settles(&self, grace: Duration) {
        // The thread ends only after this.
        let _ = self.messages.send(Message::Settle(grace));
    }

    /// Ends watching, once all that was reported has been looked at. `None` if the thread failed.
    pub(super) fn finish(mut self) -> Option<Watched> {
        let _ = self.messages.send(Message::End);
        self.thread.take()?.join().ok()
    }
}

impl Drop for Monitor {
    /// A run that fails leaves no screen behind.
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take() {
            let _ = self.messages.send(Message::End);
            let _ = thread.join();
        }
    }
}

fn watch(setup: Setup, start: SystemTime, received: &Receiver<Message>) -> Watched {
    let Setup { name, run, timeline, drain, rules, stop_on, log, start: begin, counts, board, live, stop } =
        setup;
    let mut watcher = Watcher {
        progress: Progress { name, run, length: timeline.length(), ..Progress::default() },
        history: History::new(timeline.length() + drain),
        times: Times::default(),
        tally: Tally::default(),
        backlog_peak: 0,
        rules: AbortWatch::new(&rules),
        strike: None,
        stop_on: AnswerWatch::new(&stop_on),
        stopped_on: None,
        under_way: Vec::new(),
        timeline,
        begin,
        counts,
        board,
        view: View::new(live),
        stop,
        memory: resident_bytes().map(|bytes| Memory { start_bytes: bytes, peak_bytes: bytes }),
    };
    hlog::intervals(log, start, |mut log| {
        let mut merge = Merge::default();
        let mut next_tick = Instant::now();
        let mut ended = false;
        while !ended {
            match received.recv_timeout(next_tick.saturating_duration_since(Instant::now())) {
                Ok(Message::Joined(thread)) => merge.join(thread),
                Ok(Message::Interval(interval, home)) => {
                    merge.add(&interval);
                    // Where its thread has ended or has spare ones enough, it goes.
                    let _ = home.try_send(interval);
                }
                Ok(Message::Left(thread)) => merge.leave(thread),
                Ok(Message::Settle(grace)) => watcher.settles(grace),
                Ok(Message::End) | Err(RecvTimeoutError::Disconnected) => ended = true,
                Err(RecvTimeoutError::Timeout) => {}
            }
            while let Some(second) = merge.complete() {
                log.second(second.number, &second.times);
                watcher.second(&second);
                merge.give_back(second);
            }
            let now = Instant::now();
            if now >= next_tick || ended {
                next_tick = now + TICK;
                watcher.tick(now);
            }
        }
        watcher.view.close();
        Watched {
            strike: watcher.strike,
            stopped_on: watcher.stopped_on,
            backlog_peak: watcher.backlog_peak,
            log_failed: log.failed(),
            history: watcher.history.finish(&watcher.timeline),
            memory: watcher.memory,
            start,
        }
    })
}

struct Watcher {
    progress: Progress,
    history: History,
    times: Times,
    tally: Tally,
    backlog_peak: u64,
    rules: AbortWatch,
    strike: Option<String>,
    stop_on: AnswerWatch,
    stopped_on: Option<String>,
    /// The names of the phases under way, when it was last looked.
    under_way: Vec<String>,
    timeline: Timeline,
    begin: Instant,
    counts: Arc<Counts>,
    board: Board,
    view: View,
    stop: Stop,
    memory: Option<Memory>,
}

impl Watcher {
    /// The load has ended, and for what may still land is waited no longer than this.
    fn settles(&mut self, grace: Duration) {
        let progress = &mut self.progress;
        progress.stage = Stage::Settle;
        // Nothing is under way any more.
        progress.last = LastSecond::default();
        progress.settled_by = (!grace.is_zero()).then(|| progress.elapsed + grace);
    }

    /// Takes a complete second.
    fn second(&mut self, second: &Second) {
        self.history.second(second, &self.timeline);
        self.times.merge(&second.times);
        self.tally.merge(&second.attempts);
        self.backlog_peak = self.backlog_peak.max(second.waiting);
        self.progress.last = LastSecond {
            due: self.timeline.due_in(second.number),
            begun: second.begun,
            accepted: second.attempts.of(Class::Accepted),
            in_flight: second.in_flight,
            oldest_us: second.oldest_us,
            waiting: second.waiting,
            times: TimeQuantiles::of(&second.times),
            cpu_share: second.cpu.as_secs_f64(),
            run_queue_share: second.run_queue.map(|time| time.as_secs_f64()),
        };
        let so_far = &mut self.progress.so_far;
        *so_far = SoFar {
            begun: so_far.begun + second.begun,
            attempts: Class::ALL.map(|class| self.tally.of(class)),
            retries: so_far.retries + second.retries,
            opened: so_far.opened + second.opened,
            socket_errors: so_far.socket_errors + second.socket_errors,
            times: TimeQuantiles::of(&self.times),
            ..*so_far
        };
        self.tell(second);
        let figures = Figures {
            times: &second.times,
            oldest_us: second.oldest_us,
            outcomes: self.progress.so_far.attempts,
            socket_errors: self.progress.so_far.socket_errors,
        };
        if self.strike.is_none()
            && let Some(strike) = self.rules.second(&figures)
        {
            tracing::warn!(rule = ?strike, "abort_when strikes, the load is stopped");
            self.strike = Some(strike);
            self.stop.stop();
        }
        let with = |on: Statuses| second.answers.count(|status| on.contains(status));
        let stopped_on = self.stop_on.second(second.answers.total(), with);
        if self.stopped_on.is_none()
            && let Some(seen) = stopped_on
        {
            tracing::warn!(rule = ?seen, "stop_on strikes, the load is stopped");
            self.stopped_on = Some(seen);
            self.stop.stop();
        }
    }

    /// Writes a second to the log of what happened.
    fn tell(&self, second: &Second) {
        let last = &self.progress.last;
        let (latency, lag) = (last.times.latency, last.times.generator_lag);
        tracing::info!(
            second = second.number,
            due = %format_args!("{:.0}", last.due),
            begun = last.begun,
            ended = second.attempts.total(),
            accepted = last.accepted,
            retries = second.retries,
            in_flight = last.in_flight,
            waiting = last.waiting,
            p50 = %time_text(latency.p50),
            p99 = %time_text(latency.p99),
            lag_p99 = %time_text(lag.p99),
            cpu = %format_args!("{:.2}", last.cpu_share),
            "second"
        );
        if second.socket_errors > 0 {
            tracing::warn!(
                second = second.number,
                lost = second.socket_errors,
                opened = second.opened,
                "connections could not be opened or broke"
            );
        }
    }

    /// Brings the views up to date.
    fn tick(&mut self, now: Instant) {
        if let (Some(memory), Some(bytes)) = (&mut self.memory, resident_bytes()) {
            memory.peak_bytes = memory.peak_bytes.max(bytes);
        }
        let progress = &mut self.progress;
        progress.elapsed = now.saturating_duration_since(self.begin);
        if progress.stage == Stage::Load && progress.elapsed >= progress.length {
            progress.stage = Stage::Drain;
        }
        progress.phases = match progress.stage {
            Stage::Load if now >= self.begin => self.timeline.phases_at(progress.elapsed),
            _ => Vec::new(),
        };
        let under_way: Vec<String> = progress.phases.iter().map(|phase| phase.name.clone()).collect();
        for name in self.under_way.iter().filter(|name| !under_way.contains(name)) {
            tracing::info!(phase = ?name, "phase ended");
        }
        for name in under_way.iter().filter(|name| !self.under_way.contains(name)) {
            tracing::info!(phase = ?name, measured = self.timeline.is_measured(name), "phase began");
        }
        self.under_way = under_way;
        (progress.so_far.sent, progress.so_far.acked, progress.so_far.landed) = self.counts.read();
        self.board.write(progress);
        self.view.show(progress);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{Check, Comparison, Limit};

    struct Bench {
        monitor: Monitor,
        board: Board,
        stop: Stop,
        folder: tempfile::TempDir,
    }

    fn bench(rules: Vec<AbortRule>) -> Bench {
        let folder = tempfile::tempdir().unwrap();
        let board = Board::default();
        let stop = Stop::default();
        let monitor = Monitor::start(Setup {
            name: "s".into(),
            run: "r".into(),
            timeline: Timeline::default(),
            drain: Duration::ZERO,
            rules,
            stop_on: Vec::new(),
            log: File::create(folder.path().join("intervals.hlog")).unwrap(),
            start: Instant::now(),
            counts: Arc::default(),
            board: board.clone(),
            live: Live::Off,
            stop: stop.clone(),
        });
        Bench { monitor: monitor.unwrap(), board, stop, folder }
    }

    fn interval(thread: usize, second: u32, class: Class, micros: u64) -> Box<Interval> {
        let mut interval = Interval { thread, second, begun: 1, waiting: 5, ..Interval::default() };
        interval.attempts.add(class);
        interval.times.latency.record(micros);
        Box::new(interval)
    }

    #[test]
    fn seconds_of_several_threads_become_figures_of_the_run() {
        let Bench { monitor, board, stop, folder } = bench(Vec::new());
        let (mut first, mut other) = (monitor.intervals()(0), monitor.intervals()(1));
        for second in 0..3 {
            first.send(interval(0, second, Class::Accepted, 1_000));
            other.send(interval(1, second, Class::Failed, 3_000));
        }
        drop((first, other));
        let watched = monitor.finish().unwrap();
        let progress = board.read();
        assert_eq!(progress.so_far.attempts, [3, 0, 3, 0, 0, 0]);
        assert_eq!((progress.so_far.begun, progress.last.begun), (6, 2));
        assert_eq!((progress.so_far.times.latency.count, progress.last.times.latency.count), (6, 2));
        assert_eq!((watched.backlog_peak, watched.strike, watched.log_failed), (10, None, None));
        assert!(!stop.is_asked());
        let log = std::fs::read_to_string(folder.path().join("intervals.hlog")).unwrap();
        assert_eq!(log.lines().filter(|line| line.starts_with("Tag=latency,")).count(), 3);
    }

    #[test]
    fn boxes_come_back() {
        let Bench { monitor, board, .. } = bench(Vec::new());
        let mut intervals = monitor.intervals()(0);
        let mut next = Box::<Interval>::default();
        let mut seen = std::collections::HashSet::new();
        for second in 0..50 {
            seen.insert(std::ptr::from_ref(&*next).addr());
            *next = *interval(0, second, Class::Accepted, 1);
            next = intervals.send(next);
            while board.read().so_far.begun < u64::from(second) {
                std::thread::yield_now();
            }
        }
        assert!(seen.len() <= SPARE + 2, "{}", seen.len());
    }

    #[test]
    fn a_rule_that_strikes_stops_the_load() {
        let condition = Check {
            text: "requests.failed > 1".into(),
            metric: "requests.failed".into(),
            comparison: Comparison::Greater,
            limit: Limit::Count(1),
        };
        let rule = AbortRule { text: condition.text.clone(), condition, seconds: 1 };
        let Bench { monitor, stop, .. } = bench(vec![rule]);
        let mut intervals = monitor.intervals()(0);
        for second in 0..4 {
            intervals.send(interval(0, second, Class::Failed, 1));
        }
        drop(intervals);
        let watched = monitor.finish().unwrap();
        assert_eq!(watched.strike.as_deref(), Some("requests.failed > 1 (seen 2)"));
        assert!(stop.is_asked());
    }
}
