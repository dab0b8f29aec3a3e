//! What a scenario would send, and whether it may: its `budget`, held against the schedules before anything is sent.

use std::time::Duration;

use serde::Serialize;

use crate::load::{Allowance, Over};
use crate::scenario::{BudgetSpec, Scenario, duration_text};
use crate::schedule::Schedule;

/// The peak rate is that of the second with the most requests, of all that begin with one of these.
const STEP: Duration = Duration::from_millis(100);
/// Steps of a second.
const STEPS: usize = 10;

/// Why nothing is sent.
#[derive(Debug, thiserror::Error)]
pub enum BudgetError {
    /// A load that may leave this machine without a limit.
    #[error(
        "load may leave this machine, for {}, so the scenario must say what it may send at most, for instance \
         `budget: {{ {} }}`{}",
        .hosts.join(", "), .need.proposal(), .need.unsaid()
    )]
    Missing {
        /// Where to.
        hosts: Vec<String>,
        /// What would be sent.
        need: Need,
    },
    /// More than the budget allows.
    #[error("the scenario may not be run: {}", .0.join("; "))]
    Exceeded(Vec<String>),
}

/// What a scenario would send at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Need {
    /// Requests that are due, without those of closed workloads.
    pub due: u64,
    /// The same with as many further attempts as there may be.
    pub requests: u64,
    /// The most that are due in a second, further attempts aside.
    pub peak_per_s: u64,
    /// How long requests may be sent, in milliseconds: the schedules' length, and with further attempts the time that is
    /// waited for answers after it.
    pub duration_ms: u64,
    /// Whether some workloads send as many as are answered.
    pub closed: bool,
    /// How long requests that have to wait for a connection may be sent, in milliseconds: the time that is waited for answers
    /// is always in it.
    #[serde(skip)]
    longest_ms: u64,
}

impl Need {
    /// What `scenario` with these schedules would send. Walks over all arrivals.
    pub(super) fn of(scenario: &Scenario, schedules: &[Schedule]) -> Self {
        let mut need =
            Self { due: 0, requests: 0, peak_per_s: 0, duration_ms: 0, closed: false, longest_ms: 0 };
        let length = schedules.iter().map(Schedule::duration).max().unwrap_or_default();
        let mut steps = vec![0_u32; usize::try_from(length.as_millis() / STEP.as_millis()).unwrap_or(0) + 1];
        for (workload, schedule) in scenario.workloads.iter().zip(schedules) {
            need.closed |= schedule.is_closed();
            let mut due = 0_u64;
            for arrival in schedule.cursor() {
                due += 1;
                let step = usize::try_from(arrival.due.as_millis() / STEP.as_millis());
                if let Some(count) = step.ok().and_then(|step| steps.get_mut(step)) {
                    *count += 1;
                }
            }
            let attempts = workload.retry.as_ref().map_or(1, |retry| u64::from(retry.times) + 1);
            need.due += due;
            need.requests = need.requests.saturating_add(due.saturating_mul(attempts));
        }
        let mut second = 0_u64;
        for (place, count) in steps.iter().enumerate() {
            second += u64::from(*count);
            if let Some(past) = place.checked_sub(STEPS) {
                second -= u64::from(steps[past]);
            }
            need.peak_per_s = need.peak_per_s.max(second);
        }
        let tried_again = scenario.workloads.iter().any(|workload| workload.retry.is_some());
        let drain = if tried_again { scenario.drain } else { Duration::ZERO };
        need.longest_ms = u64::try_from((length + scenario.drain).as_millis()).unwrap_or(u64::MAX);
        need.duration_ms = u64::try_from((length + drain).as_millis()).unwrap_or(u64::MAX);
        need
    }

    fn duration(&self) -> Duration {
        Duration::from_millis(self.duration_ms)
    }

    /// A budget that ends no run of a path which is only slow: requests that had to wait leave later, and together.
    fn proposal(&self) -> String {
        let number = |number: u64| if number == 0 { "N".to_owned() } else { number.to_string() };
        let duration = duration_text(Duration::from_millis(self.longest_ms));
        format!(
            "requests: {}, rate: {}/s, duration: {duration}",
            number(self.requests),
            number(self.peak_per_s * 2)
        )
    }

    fn unsaid(&self) -> &'static str {
        if self.closed {
            ", with more for its closed workloads, which send as many as are answered"
        } else {
            " (twice the rate of its busiest second, and the time that is waited for answers: what had to wait leaves later, and \
             together)"
        }
    }

    /// What is above the budget, in sentences.
    pub(super) fn beyond(&self, budget: &BudgetSpec) -> Vec<String> {
        let mut beyond = Vec::new();
        let BudgetSpec { requests, rate, duration } = *budget;
        if self.requests > requests {
            let tried = if self.requests > self.due {
                format!(" ({} that are due, and as many further attempts as there may be)", self.due)
            } else {
                String::new()
            };
            beyond.push(format!(
                "it would send up to {} requests{tried}, and `budget.requests` is {requests}; raise it, or send fewer",
                self.requests
            ));
        }
        #[expect(clippy::cast_precision_loss, reason = "no second has 2^53 requests")]
        let peak = self.peak_per_s as f64;
        if peak > rate {
            beyond.push(format!(
                "{} requests are due within a second, and `budget.rate` is {rate}/s; raise it, or send more slowly",
                self.peak_per_s
            ));
        }
        if self.duration() > duration {
            beyond.push(format!(
                "it would send for {}, and `budget.duration` is {}; raise it, or send for less long",
                duration_text(self.duration()),
                duration_text(duration)
            ));
        }
        beyond
    }
}

/// Makes sure that the scenario says what it may send at most, where load may leave this machine, and would not send more.
pub(super) fn check(scenario: &Scenario, schedules: &[Schedule]) -> Result<(), BudgetError> {
    let hosts = scenario.stack.hosts_away();
    if scenario.budget.is_none() && hosts.is_empty() {
        return Ok(());
    }
    let need = Need::of(scenario, schedules);
    let Some(budget) = &scenario.budget else { return Err(BudgetError::Missing { hosts, need }) };
    let beyond = need.beyond(budget);
    if beyond.is_empty() { Ok(()) } else { Err(BudgetError::Exceeded(beyond)) }
}

/// What holds while the load is sent.
pub(super) fn allowance(budget: &BudgetSpec) -> Allowance {
    Allowance::new(budget.requests, budget.rate, budget.duration)
}

/// What was used up, in words.
pub(super) fn told(over: Over, budget: &BudgetSpec) -> String {
    match over {
        Over::Requests => format!("{} requests have been sent, and more were to be", budget.requests),
        Over::Rate => format!("more than {}/s were to be sent", budget.rate),
        Over::Duration => {
            format!("more was to be sent after {}", duration_text(budget.duration))
        }
    }
}
