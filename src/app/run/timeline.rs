//! What is due when: the schedules of all workloads over time, for live views.

use std::ops::Range;
use std::time::Duration;

use crate::report::PhaseNow;
use crate::schedule::Schedule;

/// The schedules of all workloads, from their common start.
#[derive(Debug, Clone, Default)]
pub(super) struct Timeline(Vec<Schedule>);

impl Timeline {
    pub(super) fn new(schedules: &[Schedule]) -> Self {
        Self(schedules.to_vec())
    }

    /// How long requests are due.
    pub(super) fn length(&self) -> Duration {
        self.0.iter().map(Schedule::duration).max().unwrap_or_default()
    }

    /// How many requests are expected to be due in a second. Closed load has none that are due.
    pub(super) fn due_in(&self, second: u32) -> f64 {
        self.due_between(second, second.saturating_add(1))
    }

    /// How many requests are expected to be due from the beginning of a second to that of another.
    pub(super) fn due_between(&self, from: u32, to: u32) -> f64 {
        let before = |second: u32| -> f64 {
            let time = Duration::from_secs(second.into());
            self.0.iter().map(|schedule| schedule.expected_before(time)).sum()
        };
        before(to) - before(from)
    }

    /// The most requests that are expected to be due in a second.
    pub(super) fn peak_per_s(&self) -> f64 {
        let seconds = u32::try_from(self.length().as_secs()).unwrap_or(u32::MAX);
        (0..=seconds).map(|second| self.due_in(second)).fold(0.0, f64::max)
    }

    /// The phases under way, each name once.
    pub(super) fn phases_at(&self, elapsed: Duration) -> Vec<PhaseNow> {
        let mut phases: Vec<PhaseNow> = Vec::new();
        for schedule in &self.0 {
            for (number, phase) in (0..).zip(schedule.phases()) {
                let start = schedule.start(number);
                let end = start + phase.duration;
                if !(start..end).contains(&elapsed) {
                    continue;
                }
                let left = end.saturating_sub(elapsed);
                match phases.iter_mut().find(|other| other.name == phase.name) {
                    Some(other) => other.left = other.left.max(left),
                    None => phases.push(PhaseNow { name: phase.name.clone(), left }),
                }
            }
        }
        phases
    }

    /// When measured phases go on in any workload, in milliseconds after the start; they may overlap.
    pub(super) fn measured(&self) -> Vec<Range<u64>> {
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let of = |schedule: &Schedule| -> Vec<Range<u64>> {
            let phases = (0..).zip(schedule.phases()).filter(|(_, phase)| phase.measured);
            phases
                .map(|(number, phase)| {
                    let start = schedule.start(number);
                    millis(start)..millis(start + phase.duration)
                })
                .collect()
        };
        self.0.iter().flat_map(of).collect()
    }

    /// Whether a phase of this name is measured in any workload.
    pub(super) fn is_measured(&self, name: &str) -> bool {
        self.0.iter().flat_map(Schedule::phases).any(|phase| phase.name == name && phase.measured)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::{Arrivals, Intensity, Phase, Spacing};

    /// A schedule of phases, each with its name, whether it is measured, its seconds and its rate.
    fn schedule(phases: &[(&str, bool, u64, f64)]) -> Schedule {
        let phases = phases.iter().map(|(name, measured, seconds, rate)| {
            let duration = Duration::from_secs(*seconds);
            let intensity = Intensity::constant(*rate, duration);
            let arrivals = Arrivals::Open { intensity, spacing: Spacing::Poisson };
            Phase { name: (*name).into(), measured: *measured, duration, arrivals }
        });
        Schedule::new(7, phases.collect())
    }

    #[test]
    fn what_is_due_is_added_up_until_each_schedule_ends() {
        let timeline =
            Timeline(vec![schedule(&[("main", true, 2, 400.0)]), schedule(&[("main", true, 3, 5.0)])]);
        let due = [0, 1, 2, 3].map(|second| timeline.due_in(second).round());
        assert_eq!(due.map(|due| format!("{due}")), ["405", "405", "5", "0"]);
        assert_eq!(timeline.length(), Duration::from_secs(3));
        assert!((timeline.peak_per_s() - 405.0).abs() < 1e-9);
        assert!(Timeline::default().peak_per_s().abs() < 1e-9);
    }

    #[test]
    fn phases_of_one_name_are_one() {
        let timeline = Timeline(vec![
            schedule(&[("warm", false, 5, 1.0), ("steady", true, 15, 1.0), ("spike", true, 2, 9.0)]),
            schedule(&[("warm", false, 3, 1.0), ("steady", true, 27, 1.0)]),
        ]);
        let names = |at| -> Vec<(String, u64)> {
            let phases = timeline.phases_at(Duration::from_secs(at));
            phases.into_iter().map(|phase| (phase.name, phase.left.as_secs())).collect()
        };
        assert_eq!(names(4), [("warm".to_owned(), 1), ("steady".to_owned(), 26)]);
        assert_eq!(names(5), [("steady".to_owned(), 25)]);
        assert_eq!(names(21), [("spike".to_owned(), 1), ("steady".to_owned(), 9)]);
        assert_eq!(names(30), []);
        assert_eq!(timeline.measured(), [5_000..20_000, 20_000..22_000, 3_000..30_000]);
        assert!(!timeline.is_measured("warm") && timeline.is_measured("spike"));
    }
}
