//! A request of a schedule, as the load thread knows it.

use super::clock::Nanos;

/// A request, from its due time on, through all its attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) index: u64,
    pub(super) first_sequence: u64,
    pub(super) records: u32,
    /// Place of its phase in the stream's schedule.
    pub(super) phase: u16,
    /// When it was due.
    pub(super) due: Nanos,
    /// Whether its figures count, as far as that depends on its token.
    pub(super) counts: bool,
    /// Number of the attempt, from 1.
    pub(super) attempt: u32,
    /// When this attempt is due.
    pub(super) attempt_due: Nanos,
}

impl Ord for Request {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.attempt_due, self.index).cmp(&(other.attempt_due, other.index))
    }
}

impl PartialOrd for Request {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
