//! One load thread's measurements: by phase, by partner, and of the second that passes.

use std::time::Duration;

use super::audit::Usage;
use super::clock::{Nanos, micros};
use super::report::{Interval, Punctuality, Share, Tally};
use crate::record::Class;
use crate::stats::Times;

/// Where a request's figures belong.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shares {
    /// Place among the load's phases.
    pub(super) phase: usize,
    /// Place among the load's partners; `None` for those whose requests must be refused.
    pub(super) partner: Option<usize>,
    /// Whether the phase is measured and the requests must be accepted.
    pub(super) measured: bool,
    /// Whether its requests have due times.
    pub(super) scheduled: bool,
    /// Place among all phases of all streams.
    pub(super) entry: usize,
}

/// The times of one attempt, in nanoseconds since the run's origin.
#[derive(Debug, Clone, Copy)]
pub(super) struct AttemptTimes {
    /// When this attempt was due.
    pub(super) due: Nanos,
    /// When the connection was free for it.
    pub(super) free: Nanos,
    /// First byte written; `None` if none was.
    pub(super) written: Option<Nanos>,
    /// Last byte read, or the moment of giving up.
    pub(super) ended: Nanos,
}

impl AttemptTimes {
    /// Enters what the attempt waited, how late landfall was, and how long the other side took.
    fn enter(self, times: &mut Times) {
        let Self { due, free, written, ended } = self;
        // Never written: all of the time went into waiting for a connection.
        times.blocked.record(micros(written.map_or(ended, |_| free).saturating_sub(due)));
        if let Some(written) = written {
            times.service.record(micros(ended.saturating_sub(written)));
            times.generator_lag.record(micros(written.saturating_sub(due.max(free))));
        }
    }
}

/// What one load thread has measured.
#[derive(Debug)]
pub(super) struct Recorder {
    pub(super) interval: Box<Interval>,
    pub(super) phases: Vec<Share>,
    pub(super) partners: Vec<Share>,
    /// By stream and phase, as [`Shares::entry`] numbers them.
    pub(super) punctuality: Vec<Punctuality>,
    pub(super) attempts: Tally,
    pub(super) retries: u64,
    pub(super) unsent: u64,
    pub(super) socket_errors: u64,
    pub(super) local_errors: u64,
    pub(super) local_error: Option<String>,
    /// The usage when the interval began.
    usage: Usage,
}

impl Recorder {
    pub(super) fn new(
        thread: usize,
        (phases, partners, entries): (usize, usize, usize),
        usage: Usage,
    ) -> Self {
        Self {
            interval: Box::new(Interval { thread, ..Interval::default() }),
            phases: vec![Share::default(); phases],
            partners: vec![Share::default(); partners],
            punctuality: vec![Punctuality::default(); entries],
            attempts: Tally::default(),
            retries: 0,
            unsent: 0,
            socket_errors: 0,
            local_errors: 0,
            local_error: None,
            usage,
        }
    }

    /// The shares that a request's figures enter.
    fn each(&mut self, shares: Shares, mut enter: impl FnMut(&mut Share)) {
        enter(&mut self.phases[shares.phase]);
        if let Some(partner) = shares.partner {
            enter(&mut self.partners[partner]);
        }
    }

    /// A request of the schedule.
    pub(super) fn scheduled(&mut self, shares: Shares) {
        if shares.measured && shares.scheduled {
            self.each(shares, |share| share.scheduled += 1);
        }
    }

    /// An attempt was begun.
    pub(super) fn begun(&mut self, retry: bool) {
        self.interval.begun += u64::from(!retry);
        self.interval.retries += u64::from(retry);
        self.retries += u64::from(retry);
    }

    /// An attempt has ended.
    pub(super) fn attempt(&mut self, shares: Shares, class: Class, times: AttemptTimes) {
        self.attempts.add(class);
        self.interval.attempts.add(class);
        if shares.measured {
            times.enter(&mut self.interval.times);
            self.each(shares, |share| times.enter(&mut share.times));
        }
    }

    /// An attempt was answered, with this status.
    pub(super) fn answered(&mut self, status: u16) {
        self.interval.answers.add(status);
    }

    /// A request was sent first, or waited to be, so long after its phase began.
    pub(super) fn sent(&mut self, shares: Shares, after: Duration) {
        if shares.measured {
            let entry = &mut self.punctuality[shares.entry];
            entry.sent_after = entry.sent_after.max(after);
        }
    }

    /// A measured request has come to its end, after all its attempts.
    pub(super) fn request(&mut self, shares: Shares, due: Nanos, ended: Nanos, accepted: bool) {
        if !shares.measured {
            return;
        }
        let latency = micros(ended.saturating_sub(due));
        self.interval.times.latency.record(latency);
        self.each(shares, |share| {
            share.times.latency.record(latency);
            share.accepted += u64::from(accepted);
        });
        if shares.scheduled {
            self.punctuality[shares.entry].accepted += u64::from(accepted);
        }
    }

    /// A request never came to its end: it enters at its age, and so does its last attempt, if that was due.
    pub(super) fn censored(&mut self, shares: Shares, due: Nanos, now: Nanos, attempt: Option<AttemptTimes>) {
        if !shares.measured {
            return;
        }
        let age = micros(now.saturating_sub(due));
        self.each(shares, |share| {
            share.times.latency.record(age);
            share.censored += 1;
            if let Some(attempt) = attempt {
                attempt.enter(&mut share.times);
            }
        });
    }

    /// A connection could not be opened or broke.
    pub(super) fn socket_error(&mut self, error: &std::io::Error) {
        self.socket_errors += 1;
        self.interval.socket_errors += 1;
        if is_local(error) {
            self.local_errors += 1;
            self.local_error = Some(error.to_string());
        }
    }

    /// The second is over: the interval that it filled, with `usage` as the thread's counters now are.
    pub(super) fn finish_second(&mut self, usage: Usage) -> &mut Interval {
        let used = usage.since(self.usage);
        self.usage = usage;
        self.interval.cpu = used.cpu;
        self.interval.run_queue = used.run_queue;
        &mut self.interval
    }

    /// Begins second number `second` in `interval`, whatever that holds.
    pub(super) fn begin_second(&mut self, thread: usize, second: u32, mut interval: Box<Interval>) {
        let mut times = std::mem::take(&mut interval.times);
        times.clear();
        *interval = Interval { thread, second, times, ..Interval::default() };
        self.interval = interval;
    }
}

/// Whether an error is of this machine's making: it has run out of something.
fn is_local(error: &std::io::Error) -> bool {
    use rustix::io::Errno;
    let local = [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM, Errno::ADDRNOTAVAIL];
    error.raw_os_error().is_some_and(|code| local.iter().any(|errno| errno.raw_os_error() == code))
}
