//! The load over time, as results keep it: seconds put together to stretches, so that a day's load takes no more room
//! than ten minutes'.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::assemble::attempts;
use super::Timeline as Schedules;
use super::merge::Second;
use crate::load::Tally;
use crate::result::{Stretch, Timeline, size_of};
use crate::stats::Times;

/// Stretches that a timeline may have.
const MOST: u64 = 720;
/// Lengths that a stretch may have, in seconds; beyond them it is whole minutes.
const LENGTHS: [u32; 10] = [1, 2, 3, 5, 10, 15, 20, 30, 60, 120];

/// What is being put together.
#[derive(Debug)]
pub(super) struct History {
    done: Timeline,
    open: Option<Stretch>,
    /// Times and attempts of the open stretch.
    times: Times,
    attempts: Tally,
    /// One past the last second that was entered, and one past those of the stretches before.
    until: u32,
    done_until: u32,
}

impl History {
    /// Of a load that takes no longer than `length`.
    pub(super) fn new(length: Duration) -> Self {
        let done = Timeline { stretch_s: stretch_s(length), stretches: Vec::new() };
        Self {
            done,
            open: None,
            times: Times::default(),
            attempts: Tally::default(),
            until: 0,
            done_until: 0,
        }
    }

    /// Enters a second; they come in their order.
    pub(super) fn second(&mut self, second: &Second, schedules: &Schedules) {
        let at_s = second.number / self.done.stretch_s * self.done.stretch_s;
        if self.open.as_ref().is_some_and(|open| open.at_s != at_s) {
            self.close(schedules);
        }
        let open = self.open.get_or_insert_with(|| Stretch { at_s, ..Stretch::default() });
        open.begun += second.begun;
        open.attempts.retries += second.retries;
        open.socket_errors += second.socket_errors;
        open.in_flight = open.in_flight.max(second.in_flight);
        open.waiting = open.waiting.max(second.waiting);
        open.cpu_share = open.cpu_share.max(second.cpu.as_secs_f64());
        self.times.merge(&second.times);
        self.attempts.merge(&second.attempts);
        self.until = self.until.max(second.number + second.seconds.max(1));
    }

    fn close(&mut self, schedules: &Schedules) {
        let Some(open) = self.open.take() else { return };
        let times = &self.times;
        let mut sizes: BTreeMap<u16, u64> = BTreeMap::new();
        for (micros, count) in times.latency.recorded() {
            *sizes.entry(size_of(micros)).or_default() += count;
        }
        self.done.stretches.push(Stretch {
            seconds: self.until - open.at_s,
            // What a thread that was kept from reporting has reported at once counts for the seconds that it took.
            due: schedules.due_between(open.at_s.max(self.done_until), self.until),
            attempts: attempts(&self.attempts, open.attempts.retries),
            latency_us: times.latency.quantiles(),
            service_us: times.service.quantiles(),
            blocked_us: times.blocked.quantiles(),
            generator_lag_us: times.generator_lag.quantiles(),
            sizes: sizes.into_iter().collect(),
            ..open
        });
        self.times.clear();
        self.attempts = Tally::default();
        self.done_until = self.until;
    }

    /// The whole.
    pub(super) fn finish(mut self, schedules: &Schedules) -> Timeline {
        self.close(schedules);
        self.done
    }
}

/// How long a stretch is, in seconds.
fn stretch_s(length: Duration) -> u32 {
    let least = length.as_secs().div_ceil(MOST);
    let minutes = u32::try_from(least.div_ceil(60)).unwrap_or(u32::MAX / 60) * 60;
    LENGTHS.into_iter().find(|length| u64::from(*length) >= least).unwrap_or(minutes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Class;

    fn second(number: u32, latencies: &[u64]) -> Second {
        let mut second = Second {
            number,
            begun: 2,
            retries: 1,
            waiting: number.into(),
            cpu: Duration::from_millis(number.into()),
            ..Second::default()
        };
        for micros in latencies {
            second.times.latency.record(*micros);
            second.attempts.add(Class::Accepted);
        }
        second
    }

    #[test]
    fn a_day_takes_no_more_room_than_ten_minutes() {
        let lengths = [0, 635, 721, 3_600, 90_000, 20_000_000];
        assert_eq!(lengths.map(|length| stretch_s(Duration::from_secs(length))), [1, 1, 2, 5, 180, 27_780]);
    }

    #[test]
    fn what_was_reported_at_once_is_of_all_the_seconds_that_it_took() {
        let schedules = Schedules::default();
        let mut history = History::new(Duration::ZERO);
        history.second(&Second { seconds: 3, ..second(0, &[1]) }, &schedules);
        history.second(&second(3, &[1]), &schedules);
        let seen: Vec<_> = history.finish(&schedules).stretches.iter().map(|s| (s.at_s, s.seconds)).collect();
        assert_eq!(seen, [(0, 3), (3, 1)]);
    }

    #[test]
    fn seconds_become_stretches_of_exact_quantiles() {
        let schedules = Schedules::default();
        let mut history = History::new(Duration::from_secs(1_000));
        for number in [0, 1, 4] {
            history.second(&second(number, &[1_000, 2_000 + u64::from(number)]), &schedules);
        }
        let timeline = history.finish(&schedules);
        let seen: Vec<_> = timeline
            .stretches
            .iter()
            .map(|s| {
                (
                    s.at_s + s.seconds,
                    s.begun,
                    s.attempts.accepted,
                    s.attempts.retries,
                    s.waiting,
                    s.latency_us.max,
                )
            })
            .collect();
        assert_eq!(seen, [(2, 4, 4, 2, 1, 2_001), (5, 2, 2, 1, 4, 2_004)]);
        let first = &timeline.stretches[0];
        assert_eq!((first.latency_us.p50, first.latency_us.count), (1_000, 4));
        assert_eq!(first.sizes, [(size_of(1_000), 2), (size_of(2_000), 2)]);
        assert!((first.cpu_share - 0.001).abs() < 1e-9);
    }
}
