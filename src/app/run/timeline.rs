//! What is due when: the scenario's schedules over time, for live views.

use std::time::Duration;

use crate::report::PhaseNow;
use crate::scenario::Scenario;
use crate::schedule::Constant;

/// The schedules of all workloads, from their common start.
#[derive(Debug, Clone, Default)]
pub(super) struct Timeline {
    schedules: Vec<(Constant, Duration)>,
    spans: Vec<Span>,
}

/// A phase of a workload.
#[derive(Debug, Clone)]
pub(super) struct Span {
    pub(super) name: String,
    /// Whether it is measured, or warms up.
    pub(super) measured: bool,
    pub(super) from: Duration,
    pub(super) to: Duration,
}

impl Timeline {
    /// The schedules that a scenario says.
    pub(super) fn of(scenario: &Scenario) -> Self {
        let schedules =
            scenario.workloads.iter().map(|workload| (Constant::new(workload.rate_per_s), workload.duration));
        Self { schedules: schedules.collect(), spans: Vec::new() }
    }

    /// How long requests are due.
    pub(super) fn length(&self) -> Duration {
        self.schedules.iter().map(|(_, duration)| *duration).max().unwrap_or_default()
    }

    /// Requests due in a second.
    pub(super) fn due_in(&self, second: u32) -> u64 {
        let before = |second: u32| -> u64 {
            let until = Duration::from_secs(second.into());
            self.schedules.iter().map(|(schedule, duration)| schedule.count(until.min(*duration))).sum()
        };
        before(second.saturating_add(1)).saturating_sub(before(second))
    }

    /// The phases under way, each name once.
    pub(super) fn phases_at(&self, elapsed: Duration) -> Vec<PhaseNow> {
        let mut phases: Vec<PhaseNow> = Vec::new();
        for span in self.spans.iter().filter(|span| (span.from..span.to).contains(&elapsed)) {
            let left = span.to.saturating_sub(elapsed);
            match phases.iter_mut().find(|phase| phase.name == span.name) {
                Some(phase) => phase.left = phase.left.max(left),
                None => phases.push(PhaseNow { name: span.name.clone(), left }),
            }
        }
        phases
    }

    /// Whether the phases of this name are measured.
    pub(super) fn is_measured(&self, name: &str) -> bool {
        self.spans.iter().find(|span| span.name == name).is_none_or(|span| span.measured)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_is_added_up_until_each_schedule_ends() {
        let seconds = Duration::from_secs;
        let schedules =
            vec![(Constant::new(400.0), seconds(2)), (Constant::new(5.0), Duration::from_millis(2_500))];
        let timeline = Timeline { schedules, spans: Vec::new() };
        assert_eq!([0, 1, 2, 3].map(|second| timeline.due_in(second)), [405, 405, 3, 0]);
        assert_eq!(timeline.length(), Duration::from_millis(2_500));
    }

    #[test]
    fn phases_of_one_name_are_one() {
        let span = |name: &str, measured, from, to| Span {
            name: name.into(),
            measured,
            from: Duration::from_secs(from),
            to: Duration::from_secs(to),
        };
        let spans = vec![
            span("warm", false, 0, 5),
            span("steady", true, 5, 20),
            span("steady", true, 3, 30),
            span("spike", true, 20, 22),
        ];
        let timeline = Timeline { schedules: Vec::new(), spans };
        let names = |at| -> Vec<(String, u64)> {
            let phases = timeline.phases_at(Duration::from_secs(at));
            phases.into_iter().map(|phase| (phase.name, phase.left.as_secs())).collect()
        };
        assert_eq!(names(4), [("warm".to_owned(), 1), ("steady".to_owned(), 26)]);
        assert_eq!(names(5), [("steady".to_owned(), 25)]);
        assert_eq!(names(21), [("steady".to_owned(), 9), ("spike".to_owned(), 1)]);
        assert_eq!(names(30), []);
        assert!(!timeline.is_measured("warm") && timeline.is_measured("spike"));
    }
}
