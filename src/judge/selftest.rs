//! Judging the tester: what each detector must see in a run whose fault is known, and whether it did.

mod detector;

use std::time::Duration;

pub use self::detector::Detector;
use super::audit::{Audit, lag_spoils};
use super::metric::Metric;
use crate::result::{DetectorReport, Row, RowOutcome, RunResult, Seen, Verdict};
use crate::scenario::{Check, Comparison, Limit};

/// What the 90th percentile of latencies is held against where they are what a run is about.
pub const LATENCY_LIMIT: Duration = Duration::from_millis(150);

/// Whether the figures of a run say that landfall was itself too slow for times to mean anything.
fn was_too_slow(result: &RunResult) -> bool {
    let check = Check {
        text: String::new(),
        metric: "latency.p90".into(),
        comparison: Comparison::Less,
        limit: Limit::Duration(LATENCY_LIMIT),
    };
    let spoilt = Metric::of(result, &check.metric).and_then(|metric| lag_spoils(result, &check, metric));
    spoilt.is_some() || Audit::of(result).is_broken()
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
    /// What the run must come to.
    pub verdict: Verdict,
}

impl Trial {
    /// What came of the run.
    #[must_use]
    pub fn judge(&self, result: &RunResult) -> Row {
        let injected: u64 = result.faults.iter().map(|fault| fault.injected).sum();
        let mut told = Told::default();
        let slow = was_too_slow(result);
        let mut seen = Vec::new();
        for detector in Detector::ALL {
            let count = detector.seen(result);
            let wanted = self.wanted_of(detector);
            let right = wanted.map_or(count == 0, |wanted| wanted.holds(count, injected));
            let text = wanted.map_or_else(|| "0".to_owned(), |wanted| wanted.text(injected));
            let voided = slow && detector.rests_on_times() && detector.checks(result, Verdict::Invalid) > 0;
            if !right && voided {
                told.undecided = true;
                told.reasons.push("landfall was itself too slow for times to mean anything".into());
            } else if !right {
                let reason = format!("{} is {count}, and had to be {text}", detector.name());
                // More than there is to find is an alarm, less is a miss.
                let most = if wanted.is_some() { injected } else { 0 };
                told.wrong(count > most, reason);
            }
            if count > 0 || wanted.is_some_and(|wanted| wanted != Wanted::Perhaps) {
                seen.push(Seen { detector: detector.name().into(), count, wanted: text, right });
            }
        }
        self.judge_verdict(result, slow, &mut told);
        if let Some(incomplete) = &result.incomplete {
            told.wrong(false, format!("the run is incomplete: {incomplete}"));
        }
        let requests = &result.requests;
        if !self.shows_faults() && requests.accepted + requests.refused != requests.sent {
            let (sent, answered) = (requests.sent, requests.accepted + requests.refused);
            told.wrong(true, format!("of {sent} requests, {answered} were accepted or refused"));
        }
        let struck = if self.shows_faults() {
            !result.faults.is_empty() && result.faults.iter().all(|fault| fault.injected > 0)
        } else {
            true
        };
        if !struck {
            told.reasons.push("a fault never took effect".into());
        }
        let outcome = match (struck, told.missed, told.alarmed) {
            (false, ..) => RowOutcome::NeverStruck,
            (true, _, true) => RowOutcome::FalseAlarm,
            (true, true, false) => RowOutcome::Missed,
            (true, false, false) if told.undecided => RowOutcome::Undecided,
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
            reasons: told.reasons,
            elapsed_us: result.elapsed_us,
        }
    }

    /// Holds the verdict against the one that the run must have. A landfall that was too slow may say so instead of
    /// passing, and where times are what the run is about it decides nothing then.
    fn judge_verdict(&self, result: &RunResult, slow: bool, told: &mut Told) {
        let about_times =
            self.wanted.iter().any(|(of, wanted)| of.rests_on_times() && *wanted != Wanted::Perhaps);
        let excused = result.verdict == Verdict::Invalid
            && slow
            && (self.verdict == Verdict::Pass || (about_times && told.undecided));
        if excused {
            told.undecided |= about_times;
        } else if result.verdict != self.verdict {
            let (is, wanted) = (result.verdict.as_str(), self.verdict.as_str());
            let mut reason = format!("the verdict is {is}, and had to be {wanted}");
            if !result.reasons.is_empty() {
                reason = format!("{reason}: {}", result.reasons.join("; "));
            }
            told.wrong(result.verdict > self.verdict, reason);
        }
    }

    fn wanted_of(&self, detector: Detector) -> Option<Wanted> {
        self.wanted.iter().find(|(other, _)| *other == detector).map(|(_, wanted)| *wanted)
    }

    /// Whether a double is told to do something wrong: in some healthy runs, too, something that harms nobody.
    fn shows_faults(&self) -> bool {
        self.box_name.is_some() || self.sets.iter().any(|set| set.starts_with("faults="))
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

/// What is wrong with a run.
#[derive(Debug, Default)]
struct Told {
    missed: bool,
    alarmed: bool,
    undecided: bool,
    reasons: Vec<String>,
}

impl Told {
    /// Something is wrong: an alarm, or a miss.
    fn wrong(&mut self, alarm: bool, reason: String) {
        self.reasons.push(reason);
        if alarm { self.alarmed = true } else { self.missed = true }
    }
}

/// Which detectors have found a fault, each with the rows that show it.
#[must_use]
pub fn justify(rows: &[Row]) -> Vec<DetectorReport> {
    let found = |detector: Detector, row: &Row| {
        row.outcome == RowOutcome::Found
            && row.seen.iter().any(|seen| had_to_find(detector.name(), seen) && seen.count > 0)
    };
    let report = |detector: Detector| DetectorReport {
        name: detector.name().into(),
        meaning: detector.meaning().into(),
        justified_by: rows.iter().filter(|row| found(detector, row)).map(|row| row.name.clone()).collect(),
    };
    Detector::ALL.into_iter().map(report).collect()
}

/// Whether the tester is to be believed: every row is good, and, where `whole` (every fault was shown), every detector
/// has found something. Where all that is wanting are rows in which landfall was too slow to tell, that is inconclusive.
#[must_use]
pub fn belief(rows: &[Row], detectors: &[DetectorReport], whole: bool) -> Verdict {
    let undecided = |row: &&Row| row.outcome == RowOutcome::Undecided;
    // Whether a row that decided nothing was to show that the detector works.
    let asked = |detector: &DetectorReport| {
        rows.iter().filter(undecided).flat_map(|row| &row.seen).any(|seen| had_to_find(&detector.name, seen))
    };
    let unshown = |detector: &DetectorReport| whole && detector.justified_by.is_empty() && !asked(detector);
    if rows.iter().any(|row| !row.outcome.is_good() && !undecided(&row)) || detectors.iter().any(unshown) {
        Verdict::Fail
    } else if rows.is_empty() || rows.iter().any(|row| undecided(&row)) {
        Verdict::Inconclusive
    } else {
        Verdict::Pass
    }
}

/// Whether this is what a detector saw that had to see something.
fn had_to_find(detector: &str, seen: &Seen) -> bool {
    seen.detector == detector && !matches!(seen.wanted.as_str(), "any" | "0")
}

#[cfg(test)]
mod tests;
