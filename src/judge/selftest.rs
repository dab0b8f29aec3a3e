//! Judging the tester: what each detector must see in a run whose fault is known, and whether it did.

use crate::result::{CheckResult, DetectorReport, Row, RowOutcome, RunResult, Seen, Verdict};

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
    /// The check of the scenario over latencies does not hold.
    Latency,
    /// The check of the scenario over memory does not hold.
    Memory,
}

impl Detector {
    /// Every detector, in the order in which reports list them.
    pub const ALL: [Self; 20] = [
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
        Self::Latency,
        Self::Memory,
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

    /// Whether the run must fail of it.
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
                | D::TokensFailed
                | D::Latency
                | D::Memory
        )
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
            Self::Latency => ("latency", "the scenario's limit of a latency does not hold"),
            Self::Memory => ("memory", "the scenario's limit of memory does not hold"),
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
            Self::Latency => broken(result, "latency."),
            Self::Memory => broken(result, "memory."),
        }
    }
}

/// How many checks of a family of metrics do not hold.
fn broken(result: &RunResult, family: &str) -> u64 {
    let broken = |check: &&CheckResult| check.name.starts_with(family) && check.verdict == Verdict::Fail;
    result.checks.iter().filter(broken).count() as u64
}

/// Whether landfall says that the latencies of the run mean nothing.
fn voided(result: &RunResult) -> bool {
    let invalid =
        |check: &CheckResult| check.name.starts_with("latency.") && check.verdict == Verdict::Invalid;
    result.checks.iter().any(invalid)
}

/// What a detector must see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// As many as the fault took effect.
    Injected,
    /// Something, however much.
    Some,
    /// Something or nothing: what the fault entails besides.
    Perhaps,
}

impl Wanted {
    fn holds(self, seen: u64, injected: u64) -> bool {
        match self {
            Self::Injected => seen == injected,
            Self::Some => seen > 0,
            Self::Perhaps => true,
        }
    }

    fn text(self, injected: u64) -> String {
        match self {
            Self::Injected => injected.to_string(),
            Self::Some => "more than 0".into(),
            Self::Perhaps => "any".into(),
        }
    }
}

/// What a run is to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trial {
    /// Its name in reports.
    pub name: String,
    /// The fault's box; `None` where the run is healthy.
    pub box_name: Option<String>,
    /// How it differs from the scenario.
    pub sets: Vec<String>,
    /// What each detector must see; nothing, where it is not listed.
    pub wanted: Vec<(Detector, Wanted)>,
}

impl Trial {
    /// What came of the run.
    #[must_use]
    pub fn judge(&self, result: &RunResult) -> Row {
        let injected: u64 = result.faults.iter().map(|fault| fault.injected).sum();
        let (mut seen, mut reasons) = (Vec::new(), Vec::new());
        let (mut missed, mut alarmed, mut undecided) = (false, false, false);
        for detector in Detector::ALL {
            let count = detector.seen(result);
            let wanted = self.wanted.iter().find(|(other, _)| *other == detector).map(|(_, wanted)| *wanted);
            let right = wanted.map_or(count == 0, |wanted| wanted.holds(count, injected));
            let text = wanted.map_or_else(|| "0".to_owned(), |wanted| wanted.text(injected));
            let voided = detector == Detector::Latency && voided(result);
            if !right && voided {
                undecided = true;
                reasons.push("landfall was itself too slow for latencies to mean anything".into());
            } else if !right {
                reasons.push(format!("{} is {count}, and had to be {text}", detector.name()));
                // More than there is to find is an alarm, less is a miss.
                let most = if wanted.is_some() { injected } else { 0 };
                alarmed |= count > most;
                missed |= count <= most;
            }
            if count > 0 || wanted.is_some_and(|wanted| wanted != Wanted::Perhaps) {
                seen.push(Seen { detector: detector.name().into(), count, wanted: text, right });
            }
        }
        let must_fail = self.wanted.iter().any(|(detector, wanted)| {
            detector.fails() && (*wanted != Wanted::Perhaps || detector.seen(result) > 0)
        });
        if must_fail != (result.verdict == Verdict::Fail) && !undecided {
            reasons.push(format!(
                "the verdict is {}: {}",
                result.verdict.as_str(),
                result.reasons.join("; ")
            ));
            if must_fail { missed = true } else { alarmed = true }
        }
        if result.incomplete.is_some() {
            missed = true;
            reasons
                .push(format!("the run is incomplete: {}", result.incomplete.as_deref().unwrap_or_default()));
        }
        let struck = self.box_name.is_none() || injected > 0;
        if !struck {
            reasons.push("the fault never took effect".into());
        }
        let outcome = match (struck, missed, alarmed) {
            (false, ..) => RowOutcome::NeverStruck,
            (true, _, true) => RowOutcome::FalseAlarm,
            (true, true, false) => RowOutcome::Missed,
            (true, false, false) if undecided => RowOutcome::Undecided,
            (true, false, false) if self.wanted.iter().all(|(_, wanted)| *wanted == Wanted::Perhaps) => {
                RowOutcome::Quiet
            }
            (true, false, false) => RowOutcome::Found,
        };
        Row {
            name: self.name.clone(),
            box_name: self.box_name.clone(),
            run: result.run.clone(),
            sets: self.sets.clone(),
            injected,
            seen,
            outcome,
            reasons,
            elapsed_us: result.elapsed_us,
        }
    }

    /// The row of a run that gave no result.
    #[must_use]
    pub fn broken(&self, run: &str, reason: String) -> Row {
        Row {
            name: self.name.clone(),
            box_name: self.box_name.clone(),
            run: run.to_owned(),
            sets: self.sets.clone(),
            injected: 0,
            seen: Vec::new(),
            outcome: RowOutcome::Broken,
            reasons: vec![reason],
            elapsed_us: 0,
        }
    }
}

/// Which detectors have found a fault, each with the rows that show it.
#[must_use]
pub fn justify(rows: &[Row]) -> Vec<DetectorReport> {
    let found = |detector: Detector, row: &Row| {
        row.outcome == RowOutcome::Found
            && row
                .seen
                .iter()
                .any(|seen| seen.detector == detector.name() && seen.count > 0 && seen.wanted != "any")
    };
    let report = |detector: Detector| DetectorReport {
        name: detector.name().into(),
        meaning: detector.meaning().into(),
        justified_by: rows.iter().filter(|row| found(detector, row)).map(|row| row.name.clone()).collect(),
    };
    Detector::ALL.into_iter().map(report).collect()
}

/// Whether the tester is to be believed: every row is good, and, where `whole` (every fault was shown), every detector
/// has found something.
#[must_use]
pub fn is_believed(rows: &[Row], detectors: &[DetectorReport], whole: bool) -> bool {
    !rows.is_empty()
        && rows.iter().all(|row| row.outcome.is_good())
        && (!whole || detectors.iter().all(|detector| !detector.justified_by.is_empty()))
}

#[cfg(test)]
mod tests;
