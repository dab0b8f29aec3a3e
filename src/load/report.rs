//! What the load reports: each second while it runs, and the whole in the end.

use std::time::Duration;

use crate::record::Class;
use crate::result::Attempts;
use crate::stats::Times;

/// Attempts by what became of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally([u64; Class::ALL.len()]);

impl Tally {
    /// Counts one attempt.
    pub fn add(&mut self, class: Class) {
        self.0[class as usize] += 1;
    }

    /// How many ended so.
    #[must_use]
    pub fn of(&self, class: Class) -> u64 {
        self.0[class as usize]
    }

    /// All of them.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// The counts by name, so many of them of retries.
    #[must_use]
    pub fn counts(&self, retries: u64) -> Attempts {
        Attempts {
            total: self.total(),
            accepted: self.of(Class::Accepted),
            refused: self.of(Class::Refused),
            failed: self.of(Class::Failed),
            reset: self.of(Class::Reset),
            timed_out: self.of(Class::TimedOut),
            malformed: self.of(Class::Malformed),
            retries,
        }
    }

    /// Adds another tally.
    pub fn merge(&mut self, other: &Self) {
        for (count, more) in self.0.iter_mut().zip(other.0) {
            *count += more;
        }
    }
}

/// Answers by their status, as far as it says that something is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerTally {
    total: u64,
    /// Of the statuses from 400 to 599.
    wrong: [u32; 200],
}

impl Default for AnswerTally {
    fn default() -> Self {
        Self { total: 0, wrong: [0; 200] }
    }
}

impl AnswerTally {
    /// The first status that says that something is wrong.
    const FIRST: u16 = 400;

    /// Counts one answer.
    pub fn add(&mut self, status: u16) {
        self.total += 1;
        let place = status.checked_sub(Self::FIRST).map(usize::from);
        if let Some(count) = place.and_then(|place| self.wrong.get_mut(place)) {
            *count += 1;
        }
    }

    /// All of them.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.total
    }

    /// How many have a status, from 400 to 599, of which this holds.
    pub fn count(&self, holds: impl Fn(u16) -> bool) -> u64 {
        let counts = (Self::FIRST..).zip(&self.wrong);
        counts.filter(|(status, _)| holds(*status)).map(|(_, count)| u64::from(*count)).sum()
    }

    /// Adds another tally.
    pub fn merge(&mut self, other: &Self) {
        self.total += other.total;
        for (count, more) in self.wrong.iter_mut().zip(other.wrong) {
            *count += more;
        }
    }
}

/// One second of one load thread.
#[derive(Debug, Clone, Default)]
pub struct Interval {
    /// Number of the thread, from 0.
    pub thread: usize,
    /// Number of the second since the schedules' start, from 0.
    pub second: u32,
    /// How many seconds it holds: more than one where the thread was kept from reporting.
    pub seconds: u32,
    /// Times of the measured requests that ended in it.
    pub times: Times,
    /// All attempts that ended in it, warm-up and those to be refused included.
    pub attempts: Tally,
    /// All answers that came in it.
    pub answers: AnswerTally,
    /// Retries begun in it.
    pub retries: u64,
    /// Requests begun in it, of all workloads.
    pub begun: u64,
    /// Requests that wait for a connection at its end: due, and not begun.
    pub waiting: u64,
    /// Requests that are under way at its end.
    pub in_flight: u64,
    /// How long the measured request has been due, in microseconds, that is under way for longest at its end; 0 where none
    /// is.
    pub oldest_us: u64,
    /// Connections opened in it.
    pub opened: u64,
    /// Connections that could not be opened or broke in it.
    pub socket_errors: u64,
    /// CPU time that the thread used in it.
    pub cpu: Duration,
    /// Time for which the thread could have run and had no CPU, where the system tells.
    pub run_queue: Option<Duration>,
}

/// One part of the measured load: a phase, a partner, or all. Figures are of requests that must be accepted.
#[derive(Debug, Clone, Default)]
pub struct Share {
    /// Their times.
    pub times: Times,
    /// How many of the latencies are ages only.
    pub censored: u64,
    /// Requests of which every record was acked.
    pub accepted: u64,
    /// Of those that had a due time, as many as were in time: of each stream and phase, its accepted requests times its
    /// length over the time until the last of its requests was sent, where that is longer. A system that falls behind
    /// delays sendings, while a late answer alone is latency, not rate.
    pub kept: f64,
    /// Requests that the schedule holds; closed workers have none.
    pub scheduled: u64,
    /// The longest measured time among them.
    pub scheduled_for: Duration,
}

impl Share {
    /// Requests a second that the schedule asked for.
    #[must_use]
    pub fn target_per_s(&self) -> f64 {
        per_second(self.scheduled, self.scheduled_for)
    }

    /// Requests a second that were accepted and kept their schedule. Beside a schedule, what closed workers have sent
    /// does not count.
    #[must_use]
    pub fn achieved_per_s(&self) -> f64 {
        if self.scheduled == 0 {
            return per_second(self.accepted, self.scheduled_for);
        }
        let time = self.scheduled_for.as_secs_f64();
        if time > 0.0 { self.kept / time } else { 0.0 }
    }

    /// Adds another thread's part of the same share.
    pub fn merge(&mut self, other: &Self) {
        self.times.merge(&other.times);
        self.censored += other.censored;
        self.accepted += other.accepted;
        self.kept += other.kept;
        self.scheduled += other.scheduled;
        self.scheduled_for = self.scheduled_for.max(other.scheduled_for);
    }
}

fn per_second(count: u64, time: Duration) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "no run has 2^53 requests")]
    let count = count as f64;
    if time.is_zero() { 0.0 } else { count / time.as_secs_f64() }
}

/// What one load thread did: the generator confesses.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ThreadReport {
    /// CPU time over the time from the thread's start to the schedule's end, 0 to 1.
    pub cpu_share: f64,
    /// Time for which it could have run and had no CPU, over the same time; `None` where the system does not tell.
    pub run_queue_share: Option<f64>,
}

/// The figures of a load.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Everything that was measured.
    pub overall: Share,
    /// By phase, in the order of their first appearance. Phases of the same name in several workloads are one.
    /// Those of warming up stand here too, unmeasured: only their counts are kept.
    pub phases: Vec<(String, Share)>,
    /// By partner, in the scenario's order; only those whose requests must be accepted.
    pub partners: Vec<(usize, Share)>,
    /// All attempts by what became of them.
    pub attempts: Tally,
    /// Of these, retries.
    pub retries: u64,
    /// Requests due that were never begun.
    pub unsent: u64,
    /// Connections that could not be opened or broke.
    pub socket_errors: u64,
    /// Of these, those that failed for want of something on this machine: file descriptors, ports, memory.
    pub local_errors: u64,
    /// The last of these, in words.
    pub local_error: Option<String>,
    /// Whether load was closed: its workers wait for answers before they send again, so its latencies do not count
    /// the time for which a system in trouble keeps requests from being sent.
    pub closed: bool,
    /// Each load thread.
    pub threads: Vec<ThreadReport>,
    /// Whether the load was stopped before its schedule's end.
    pub interrupted: bool,
}

/// How a stream kept the schedule of one of its phases.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Punctuality {
    /// Requests of which every record was acked.
    pub(super) accepted: u64,
    /// From the phase's start to when the last of its requests was sent first, or to the end of draining where some were
    /// never begun.
    pub(super) sent_after: Duration,
}

impl Punctuality {
    /// Adds another thread's part.
    pub(super) fn merge(&mut self, other: Self) {
        self.accepted += other.accepted;
        self.sent_after = self.sent_after.max(other.sent_after);
    }

    /// As many of the accepted requests as were in time, of a phase of this length.
    pub(super) fn kept(self, length: Duration) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "no run has 2^53 requests")]
        let accepted = self.accepted as f64;
        if self.sent_after > length { accepted * length.div_duration_f64(self.sent_after) } else { accepted }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn late_sendings_lower_the_rate_and_early_ones_do_not_raise_it() {
        let second = Duration::from_secs(1);
        let share = |sent_after| Share {
            accepted: 500,
            kept: Punctuality { accepted: 400, sent_after }.kept(second),
            scheduled: 400,
            scheduled_for: second,
            ..Share::default()
        };
        let close = |a: f64, b: f64| (a - b).abs() < 1e-9;
        assert!(close(share(Duration::from_millis(999)).achieved_per_s(), 400.0));
        assert!(close(share(2 * second).achieved_per_s(), 200.0));
        let closed = Share { scheduled: 0, ..share(Duration::ZERO) };
        assert!(close(closed.achieved_per_s(), 500.0));
        assert!(close(Share::default().achieved_per_s(), 0.0));
    }

    #[test]
    fn a_long_stream_does_not_hide_that_a_short_one_fell_behind() {
        let short = Punctuality { accepted: 200, sent_after: Duration::from_secs(10) };
        let long = Punctuality { accepted: 14, sent_after: Duration::from_secs(13) };
        let (two, fourteen) = (Duration::from_secs(2), Duration::from_secs(14));
        let share = Share {
            kept: short.kept(two) + long.kept(fourteen),
            scheduled: 214,
            scheduled_for: fourteen,
            ..Share::default()
        };
        assert!(share.achieved_per_s() / share.target_per_s() < 0.26);
    }
}
