//! When a target counts as healthy (pure).

use std::time::Duration;

/// What is asked of a target to see whether it is well.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Probe {
    /// That it accepts a connection. A target that hangs passes.
    #[default]
    Tcp,
    /// That it answers `GET path` over HTTP/1.1 with a status from 200 to 399.
    Http {
        /// Path, with its query if it has one; begins with `/` and holds visible ASCII only.
        path: String,
    },
}

/// How targets are checked (Elastic Load Balancing, "Health checks for Network Load Balancer target groups").
///
/// Each is checked an interval after it came, and every interval from then on. While targets are checked, it is what the
/// checks say that keeps connections from a dead one: a connection whose target refuses it ends, and is not tried
/// elsewhere. Checks go past the faults of [`ConnectionFault`](super::ConnectionFault).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthCheck {
    /// What is asked.
    pub probe: Probe,
    /// So many checks in a row must pass before a target gets connections, be it new or unhealthy; 0 means 1.
    pub healthy_threshold: u32,
    /// So many checks in a row must fail before it gets no more; 0 means 1.
    pub unhealthy_threshold: u32,
    /// From the beginning of a check to that of the next; divided by the balancer's time scale.
    pub interval: Duration,
    /// A check that takes longer has failed; divided by the balancer's time scale.
    pub timeout: Duration,
}

impl Default for HealthCheck {
    /// Over TCP; 7 in a row either way, every 15 s, within 5 s: a dead target goes on to get connections for up to
    /// 105 s, and a new one gets none for as long.
    fn default() -> Self {
        Self {
            probe: Probe::Tcp,
            healthy_threshold: 7,
            unhealthy_threshold: 7,
            interval: Duration::from_secs(15),
            timeout: Duration::from_secs(5),
        }
    }
}

/// What is known of a target, in the words of AWS (`TargetHealth.State`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// It is new, and has neither passed nor failed checks enough.
    Initial,
    /// It gets connections. Without checks every target in service is.
    Healthy,
    /// It gets none, unless no target is healthy.
    Unhealthy,
    /// It is out of service: killed, or drained to the end.
    Unused,
}

/// A target's checks so far.
#[derive(Debug, Clone, Copy)]
pub(super) struct Record {
    health: Health,
    passed: u32,
    failed: u32,
}

impl Record {
    /// Of a target that has just come.
    pub(super) fn new(checked: bool) -> Self {
        Self { health: if checked { Health::Initial } else { Health::Healthy }, passed: 0, failed: 0 }
    }

    pub(super) fn health(&self) -> Health {
        self.health
    }

    /// Enters one check's result. True if it is this one that made the target unhealthy.
    pub(super) fn enter(&mut self, passed: bool, check: &HealthCheck) -> bool {
        if passed {
            (self.passed, self.failed) = (self.passed.saturating_add(1), 0);
        } else {
            (self.passed, self.failed) = (0, self.failed.saturating_add(1));
        }
        let before = self.health;
        if self.passed >= check.healthy_threshold.max(1) {
            self.health = Health::Healthy;
        } else if self.failed >= check.unhealthy_threshold.max(1) {
            self.health = Health::Unhealthy;
        }
        before != Health::Unhealthy && self.health == Health::Unhealthy
    }
}

#[cfg(test)]
mod tests {
    use super::Health::{Healthy, Initial, Unhealthy};
    use super::*;

    /// The health after each check of `results`: `+` passed, `-` failed.
    fn healths(healthy_threshold: u32, unhealthy_threshold: u32, results: &str) -> Vec<Health> {
        let check = HealthCheck { healthy_threshold, unhealthy_threshold, ..HealthCheck::default() };
        let mut record = Record::new(true);
        assert_eq!(record.health(), Initial);
        let enter = |result| {
            let before = record.health();
            let fell = record.enter(result == '+', &check);
            assert_eq!(fell, before != Unhealthy && record.health() == Unhealthy);
            record.health()
        };
        results.chars().map(enter).collect()
    }

    #[test]
    fn only_results_in_a_row_count() {
        assert_eq!(healths(3, 2, "++-+++"), [Initial, Initial, Initial, Initial, Initial, Healthy]);
        assert_eq!(healths(1, 2, "+-+--+"), [Healthy, Healthy, Healthy, Healthy, Unhealthy, Healthy]);
        assert_eq!(healths(2, 2, "--+-++"), [Initial, Unhealthy, Unhealthy, Unhealthy, Unhealthy, Healthy]);
        assert_eq!(healths(0, 0, "-+"), [Unhealthy, Healthy]);
    }

    #[test]
    fn seven_of_the_default_either_way() {
        let course = healths(7, 7, "++++++++------++++-------");
        assert_eq!(course.iter().filter(|health| **health == Initial).count(), 6);
        assert_eq!(course.iter().filter(|health| **health == Unhealthy).count(), 1);
        assert_eq!(course.last(), Some(&Unhealthy));
    }

    #[test]
    fn without_checks_a_target_is_healthy() {
        assert_eq!(Record::new(false).health(), Healthy);
    }
}
