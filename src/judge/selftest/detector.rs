//! What of landfall can find a fault.
//!
//! `requests.malformed` is no detector: no double answers with what is no HTTP, so nothing would show that it works. A
//! healthy run in which it is not 0 is told all the same, for its requests do not add up.

use crate::result::{CheckResult, RunResult, Verdict};

/// Something that can find a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detector {
    /// `records.lost`.
    Lost,
    /// `records.leaked`.
    Leaked,
    /// `records.duplicated`.
    Duplicated,
    /// `records.duplicated_beyond_attempts`.
    BeyondAttempts,
    /// `records.corrupted`.
    Corrupted,
    /// `records.misplaced`.
    Misplaced,
    /// `records.reordered`.
    Reordered,
    /// `requests.wrongly_refused`.
    WronglyRefused,
    /// `requests.wrongly_admitted`.
    WronglyAdmitted,
    /// `records.rewritten`.
    Rewritten,
    /// `records.unknown_landed`.
    UnknownLanded,
    /// `records.unpositioned`.
    Unpositioned,
    /// `records.unverifiable`.
    Unverifiable,
    /// `records.foreign`.
    Foreign,
    /// `horizon.unattributed`.
    Unattributed,
    /// `horizon.complete` is false.
    Unread,
    /// `tokens.failed`.
    TokensFailed,
    /// `tokens.unarmed`.
    Unarmed,
    /// `requests.failed`.
    Failed,
    /// `requests.reset`.
    Reset,
    /// `requests.timed_out`.
    TimedOut,
    /// `records.unknown_absent`.
    UnknownAbsent,
    /// `latency.censored`.
    Censored,
    /// The check of the scenario over rates does not hold.
    Rate,
    /// The check of the scenario over latencies does not hold.
    Latency,
    /// The check of the scenario over memory does not hold.
    Memory,
    /// Cases of the authentication suite.
    AuthCases,
    /// Cases of the REST suite.
    RestCases,
}

impl Detector {
    /// Every detector, in the order in which reports list them.
    pub const ALL: [Self; 28] = [
        Self::Lost,
        Self::Leaked,
        Self::Duplicated,
        Self::BeyondAttempts,
        Self::Corrupted,
        Self::Misplaced,
        Self::Reordered,
        Self::WronglyRefused,
        Self::WronglyAdmitted,
        Self::Rewritten,
        Self::UnknownLanded,
        Self::Unpositioned,
        Self::Unverifiable,
        Self::Foreign,
        Self::Unattributed,
        Self::Unread,
        Self::TokensFailed,
        Self::Unarmed,
        Self::Failed,
        Self::Reset,
        Self::TimedOut,
        Self::UnknownAbsent,
        Self::Censored,
        Self::Rate,
        Self::Latency,
        Self::Memory,
        Self::AuthCases,
        Self::RestCases,
    ];

    /// The detector that is a metric of this name.
    #[must_use]
    pub fn of_metric(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|detector| detector.name() == name)
    }

    /// Its name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().0
    }

    /// What it means.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        self.row().1
    }

    /// Whether every run fails of it, whatever the scenario checks.
    #[must_use]
    pub fn fails(self) -> bool {
        use Detector as D;
        matches!(
            self,
            D::Lost
                | D::Leaked
                | D::BeyondAttempts
                | D::Corrupted
                | D::Misplaced
                | D::Reordered
                | D::WronglyRefused
                | D::WronglyAdmitted
        )
    }

    /// Whether a run that does not fail is inconclusive of it.
    #[must_use]
    pub fn leaves_open(self) -> bool {
        matches!(self, Self::Unverifiable | Self::Unattributed | Self::Unread | Self::Unarmed)
    }

    /// Whether it rests on times, which mean nothing where landfall was itself too slow.
    #[must_use]
    pub fn rests_on_times(self) -> bool {
        matches!(self, Self::Latency | Self::Rate)
    }

    /// The family of metrics of whose checks it consists; `None` where it is a figure.
    pub(super) fn family(self) -> Option<&'static str> {
        match self {
            Self::Latency => Some("latency."),
            Self::Rate => Some("rate."),
            Self::Memory => Some("memory."),
            _ => None,
        }
    }

    fn row(self) -> (&'static str, &'static str) {
        match self {
            Self::Lost => ("records.lost", "acknowledged, and not in the topic"),
            Self::Leaked => ("records.leaked", "refused, and in the topic"),
            Self::Duplicated => ("records.duplicated", "in the topic more than once"),
            Self::BeyondAttempts => {
                ("records.duplicated_beyond_attempts", "in the topic more often than it was sent")
            }
            Self::Corrupted => ("records.corrupted", "in the topic with another content"),
            Self::Misplaced => ("records.misplaced", "in the topic, and not where it was acknowledged"),
            Self::Reordered => ("records.reordered", "before an earlier record of its key"),
            Self::WronglyRefused => ("requests.wrongly_refused", "had to be accepted, and was refused"),
            Self::WronglyAdmitted => ("requests.wrongly_admitted", "had to be refused, and was acknowledged"),
            Self::Rewritten => ("records.rewritten", "the same JSON in other bytes"),
            Self::UnknownLanded => {
                ("records.unknown_landed", "in the topic, though its answer left that open")
            }
            Self::Unpositioned => ("records.unpositioned", "acknowledged without a position"),
            Self::Unverifiable => ("records.unverifiable", "acknowledged, and could not be looked up"),
            Self::Foreign => ("records.foreign", "in the topic, and nobody's who is known"),
            Self::Unattributed => {
                ("horizon.unattributed", "in the topic without an identity, and of no acknowledgement")
            }
            Self::Unread => ("horizon.complete", "a topic was not read to its end"),
            Self::TokensFailed => ("tokens.failed", "a token could not be renewed"),
            Self::Unarmed => ("tokens.unarmed", "a partner was without a valid token"),
            Self::Failed => ("requests.failed", "answered with an error, or with several things at once"),
            Self::Reset => ("requests.reset", "the connection broke before the answer"),
            Self::TimedOut => ("requests.timed_out", "no answer within the time-out"),
            Self::UnknownAbsent => {
                ("records.unknown_absent", "not in the topic, and its answer left that open")
            }
            Self::Censored => ("latency.censored", "unanswered when landfall waited no longer"),
            Self::Rate => ("rate", "the scenario's limit of a rate does not hold"),
            Self::Latency => ("latency", "the scenario's limit of a latency does not hold"),
            Self::Memory => ("memory", "the scenario's limit of memory does not hold"),
            Self::AuthCases => {
                ("conform.auth", "cases of the authentication suite that are not as they should be")
            }
            Self::RestCases => ("conform.rest", "cases of the REST suite that are not as they should be"),
        }
    }

    /// What it saw in a run.
    #[must_use]
    pub fn seen(self, result: &RunResult) -> u64 {
        let (records, requests) = (&result.records, &result.requests);
        match self {
            Self::Lost => records.lost,
            Self::Leaked => records.leaked,
            Self::Duplicated => records.duplicated,
            Self::BeyondAttempts => records.duplicated_beyond_attempts,
            Self::Corrupted => records.corrupted,
            Self::Misplaced => records.misplaced,
            Self::Reordered => records.reordered,
            Self::WronglyRefused => requests.wrongly_refused,
            Self::WronglyAdmitted => requests.wrongly_admitted,
            Self::Rewritten => records.rewritten,
            Self::UnknownLanded => records.unknown_landed,
            Self::Unpositioned => records.unpositioned,
            Self::Unverifiable => records.unverifiable,
            Self::Foreign => records.foreign,
            Self::Unattributed => result.horizon.unattributed,
            Self::Unread => u64::from(!result.horizon.complete),
            Self::TokensFailed => result.tokens.failed,
            Self::Unarmed => result.tokens.unarmed,
            Self::Failed => requests.failed,
            Self::Reset => requests.reset,
            Self::TimedOut => requests.timed_out,
            Self::UnknownAbsent => records.unknown_absent,
            Self::Censored => result.latency_us.censored,
            Self::Rate | Self::Latency | Self::Memory => self.checks(result, Verdict::Fail),
            // What a load meets with is no case.
            Self::AuthCases | Self::RestCases => 0,
        }
    }

    /// How many of the checks that it consists of came to this verdict.
    pub(super) fn checks(self, result: &RunResult, verdict: Verdict) -> u64 {
        let Some(family) = self.family() else { return 0 };
        let mine = |check: &&CheckResult| check.name.starts_with(family) && check.verdict == verdict;
        result.checks.iter().filter(mine).count() as u64
    }
}
