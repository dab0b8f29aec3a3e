//! The load threads' intervals as seconds of the whole load.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::load::{AnswerTally, Interval, Tally};
use crate::stats::Times;

/// A second of all load threads.
#[derive(Debug, Default)]
pub(super) struct Second {
    /// Its number since the schedules' start, from 0.
    pub(super) number: u32,
    pub(super) times: Times,
    pub(super) attempts: Tally,
    pub(super) answers: AnswerTally,
    pub(super) retries: u64,
    pub(super) begun: u64,
    pub(super) waiting: u64,
    pub(super) in_flight: u64,
    pub(super) oldest_us: u64,
    pub(super) opened: u64,
    pub(super) socket_errors: u64,
    /// How many seconds it holds, of the thread that was kept from reporting for longest.
    pub(super) seconds: u32,
    /// CPU time a second of the busiest thread.
    pub(super) cpu: Duration,
    /// Time without a CPU a second of the thread that waited most, where the system tells.
    pub(super) run_queue: Option<Duration>,
}

impl Second {
    fn clear(&mut self) {
        let mut times = std::mem::take(&mut self.times);
        times.clear();
        *self = Self { times, ..Self::default() };
    }

    fn add(&mut self, interval: &Interval) {
        self.times.merge(&interval.times);
        self.attempts.merge(&interval.attempts);
        self.answers.merge(&interval.answers);
        self.retries += interval.retries;
        self.begun += interval.begun;
        self.waiting += interval.waiting;
        self.in_flight += interval.in_flight;
        self.oldest_us = self.oldest_us.max(interval.oldest_us);
        self.opened += interval.opened;
        self.socket_errors += interval.socket_errors;
        let seconds = interval.seconds.max(1);
        self.seconds = self.seconds.max(seconds);
        self.cpu = self.cpu.max(interval.cpu / seconds);
        self.run_queue = self.run_queue.max(interval.run_queue.map(|time| time / seconds));
    }
}

/// Merges intervals. A second is complete when each thread has reported it, or a later one, or has ended.
#[derive(Debug, Default)]
pub(super) struct Merge {
    open: BTreeMap<u32, Second>,
    /// The second that each running thread will report next.
    threads: BTreeMap<usize, u32>,
    /// The least second that has not been given out.
    next: u32,
    spare: Vec<Second>,
}

impl Merge {
    /// A thread will report.
    pub(super) fn join(&mut self, thread: usize) {
        self.threads.insert(thread, self.next);
    }

    /// A thread has reported all.
    pub(super) fn leave(&mut self, thread: usize) {
        self.threads.remove(&thread);
    }

    /// Enters an interval. What belongs to a second that has been given out counts in the next one.
    pub(super) fn add(&mut self, interval: &Interval) {
        let number = interval.second.max(self.next);
        let second = self.open.entry(number).or_insert_with(|| self.spare.pop().unwrap_or_default());
        second.number = number;
        second.add(interval);
        if let Some(next) = self.threads.get_mut(&interval.thread) {
            *next = number + 1;
        }
    }

    /// The next complete second, if there is one.
    pub(super) fn complete(&mut self) -> Option<Second> {
        let reported = self.threads.values().min().copied().unwrap_or(u32::MAX);
        let first = self.open.first_entry().filter(|entry| *entry.key() < reported)?;
        let second = first.remove();
        self.next = second.number + 1;
        Some(second)
    }

    /// Takes a second back, to be filled again.
    pub(super) fn give_back(&mut self, mut second: Second) {
        second.clear();
        self.spare.push(second);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Class;

    fn interval(thread: usize, second: u32, micros: &[u64]) -> Interval {
        let mut interval = Interval { thread, second, begun: micros.len() as u64, ..Interval::default() };
        for micros in micros {
            interval.times.latency.record(*micros);
            interval.attempts.add(Class::Accepted);
        }
        interval
    }

    fn complete(merge: &mut Merge) -> Vec<(u32, u64)> {
        let mut seen = Vec::new();
        while let Some(second) = merge.complete() {
            seen.push((second.number, second.begun));
            assert_eq!(second.times.latency.count(), second.attempts.total());
            merge.give_back(second);
        }
        seen
    }

    #[test]
    fn a_second_waits_for_the_slowest_thread() {
        let mut merge = Merge::default();
        merge.join(0);
        merge.join(1);
        merge.add(&interval(0, 0, &[1, 2]));
        merge.add(&interval(0, 1, &[3]));
        assert_eq!(complete(&mut merge), []);
        // The other thread skips a second: the first is complete all the same.
        merge.add(&interval(1, 1, &[4]));
        assert_eq!(complete(&mut merge), [(0, 2), (1, 2)]);
        merge.add(&interval(1, 2, &[5]));
        assert_eq!(complete(&mut merge), []);
        merge.leave(0);
        assert_eq!(complete(&mut merge), [(2, 1)]);
    }

    #[test]
    fn what_comes_too_late_is_not_lost() {
        let mut merge = Merge::default();
        merge.join(0);
        merge.add(&interval(0, 0, &[1]));
        assert_eq!(complete(&mut merge), [(0, 1)]);
        merge.join(1);
        merge.add(&interval(1, 0, &[2]));
        merge.add(&interval(0, 1, &[3]));
        assert_eq!(complete(&mut merge), [(1, 2)]);
    }

    #[test]
    fn gauges_add_up_and_shares_are_those_of_the_worst_thread() {
        let mut merge = Merge::default();
        let millis = Duration::from_millis;
        merge.add(&Interval {
            waiting: 3,
            in_flight: 2,
            oldest_us: 70,
            cpu: millis(300),
            run_queue: Some(millis(9)),
            ..interval(0, 0, &[])
        });
        merge.add(&Interval {
            waiting: 4,
            in_flight: 1,
            oldest_us: 90,
            cpu: millis(200),
            ..interval(1, 0, &[])
        });
        let second = merge.complete().unwrap();
        assert_eq!((second.waiting, second.in_flight, second.oldest_us), (7, 3, 90));
        assert_eq!((second.cpu, second.run_queue), (millis(300), Some(millis(9))));
    }
}
