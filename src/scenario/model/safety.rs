//! What keeps a load from doing harm.

use std::time::Duration;

/// What a run may send at most.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BudgetSpec {
    /// Produce requests, every attempt counted.
    pub requests: u64,
    /// Produce requests a second.
    pub rate: f64,
    /// How long they may be sent.
    pub duration: Duration,
}

/// Answers of which too many stop the load.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StopRule {
    /// Which.
    pub on: Statuses,
    /// Of how many of all answers, in percent, they may be.
    pub percent: f64,
}

/// Statuses of answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Statuses {
    /// This one.
    One(u16),
    /// All of a hundred: 4 or 5.
    Class(u16),
}

impl Statuses {
    /// Whether this status is among them.
    #[must_use]
    pub fn contains(self, status: u16) -> bool {
        match self {
            Self::One(this) => this == status,
            Self::Class(hundred) => status / 100 == hundred,
        }
    }
}

impl std::fmt::Display for Statuses {
    /// `429` or `5xx`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::One(status) => write!(f, "{status}"),
            Self::Class(hundred) => write!(f, "{hundred}xx"),
        }
    }
}

impl StopRule {
    /// What holds wherever load may leave this machine and the scenario says nothing else.
    pub const USUAL: [Self; 2] =
        [Self { on: Statuses::One(429), percent: 1.0 }, Self { on: Statuses::Class(5), percent: 5.0 }];
}
