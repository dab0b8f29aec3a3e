//! The figures of several results beside each other.

use super::super::figures::{attempts, dispositions, elapsed_us, flags, float, quantiles, requests, times};
use super::super::text::grouped;
use crate::result::{Memory, Quantiles, RunResult};
use crate::stats::{bytes_text, time_text};

/// A figure by result.
#[derive(Debug, Clone, PartialEq)]
pub struct FigureRow {
    /// What it belongs to: `requests`, `records`, `latency`, …; the rows of a group stand together.
    pub group: &'static str,
    /// Its name within the group, for instance `sent` or `p99`.
    pub name: &'static str,
    /// What its values count.
    pub unit: Unit,
    /// `None` where it is not known.
    pub values: Vec<Option<f64>>,
    /// By how many per cent each differs from the first; `None` for the first, and where there is nothing to divide.
    pub differences: Vec<Option<f64>>,
}

/// What a figure counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Things.
    Count,
    /// Microseconds.
    Micros,
    /// Things a second.
    PerSecond,
    /// Bytes.
    Bytes,
    /// A part of a whole, 0 to 1.
    Share,
}

impl Unit {
    /// A value of it as people read it.
    #[must_use]
    pub fn text(self, value: f64) -> String {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "figures are not negative"
        )]
        let whole = value.round() as u64;
        match self {
            Self::Count => grouped(whole),
            Self::Micros => time_text(whole),
            Self::PerSecond => format!("{value:.1}/s"),
            Self::Bytes => bytes_text(whole),
            Self::Share => format!("{:.1} %", value * 100.0),
        }
    }
}

impl FigureRow {
    fn new(group: &'static str, name: &'static str, unit: Unit, values: Vec<Option<f64>>) -> Self {
        // Histograms begin at a microsecond: a time of one is none.
        let nothing = if unit == Unit::Micros { 1.0 } else { 0.0 };
        let first = values.first().copied().flatten().filter(|first| *first > nothing);
        let differs = |value: &Option<f64>| Some((((*value)? - first?) / first?) * 100.0);
        let differences =
            values.iter().enumerate().map(|(index, value)| differs(value).filter(|_| index > 0)).collect();
        Self { group, name, unit, values, differences }
    }

    /// Group and name, as people read them.
    #[must_use]
    pub fn label(&self) -> String {
        let name = if self.name == "p999" { "p99.9" } else { self.name };
        [self.group, name]
            .iter()
            .filter(|part| !part.is_empty())
            .copied()
            .collect::<Vec<_>>()
            .join(" ")
            .replace('_', " ")
    }

    /// The values as people read them, each after the first with its difference to that.
    #[must_use]
    pub fn texts(&self) -> Vec<String> {
        let text = |(value, difference): (&Option<f64>, &Option<f64>)| {
            let Some(value) = value.map(|value| self.unit.text(value)) else { return "—".into() };
            match difference {
                Some(0.0) => format!("{value} (same)"),
                Some(difference) => format!("{value} ({difference:+.1} %)"),
                None => value,
            }
        };
        self.values.iter().zip(&self.differences).map(text).collect()
    }

    /// Whether there is anything in it but zeros.
    #[must_use]
    pub fn says_something(&self) -> bool {
        self.values.iter().flatten().any(|value| *value > 0.0)
    }
}

/// All figures of these results.
pub(super) fn rows(results: &[&RunResult]) -> Vec<FigureRow> {
    let mut rows = Vec::new();
    counts(&mut rows, results, "requests", |result| requests(&result.requests).to_vec());
    counts(&mut rows, results, "attempts", |result| attempts(&result.attempts).to_vec());
    counts(&mut rows, results, "records", |result| {
        [&dispositions(&result.records)[..], &flags(&result.records)[..]].concat()
    });
    let mut add = |group, name, unit, of: &dyn Fn(&RunResult) -> Option<f64>| {
        let values: Vec<Option<f64>> = results.iter().map(|result| of(result)).collect();
        if values.iter().any(Option::is_some) {
            rows.push(FigureRow::new(group, name, unit, values));
        }
    };
    let groups = results.first().map(|result| times(result).map(|(name, _)| name));
    for (time, group) in groups.into_iter().flatten().enumerate() {
        for (place, (name, ..)) in quantiles(Quantiles::default()).into_iter().enumerate() {
            add(group, name, Unit::Micros, &|result| {
                let (_, known) = times(result)[time];
                Some(float(quantiles(known?)[place].2))
            });
        }
    }
    // Of a run that was killed, nothing of what sent the load is known.
    let known = |result: &RunResult, value: f64| result.recovery.is_none().then_some(value);
    add("rate", "achieved", Unit::PerSecond, &|result| known(result, result.rate.achieved_per_s));
    add("rate", "target", Unit::PerSecond, &|result| {
        known(result, result.rate.target_per_s).filter(|target| *target > 0.0)
    });
    add("generator", "cpu_share", Unit::Share, &|result| known(result, result.generator.cpu_share));
    add("generator", "run_queue_share", Unit::Share, &|result| result.generator.run_queue_share);
    add("generator", "unsent", Unit::Count, &|result| known(result, float(result.generator.unsent)));
    add("generator", "socket_errors", Unit::Count, &|result| {
        known(result, float(result.generator.socket_errors))
    });
    add("generator", "backlog_peak", Unit::Count, &|result| {
        known(result, float(result.generator.backlog_peak))
    });
    add("memory", "peak", Unit::Bytes, &|result| {
        result.memory.map(|Memory { peak_bytes, .. }| float(peak_bytes))
    });
    add("run", "elapsed", Unit::Micros, &|result| elapsed_us(result).map(float));
    rows
}

fn counts(
    rows: &mut Vec<FigureRow>,
    results: &[&RunResult],
    group: &'static str,
    of: impl Fn(&RunResult) -> Vec<(&'static str, u64)>,
) {
    let counts: Vec<Vec<(&'static str, u64)>> = results.iter().map(|result| of(result)).collect();
    let Some(first) = counts.first() else { return };
    for (place, (name, _)) in first.iter().enumerate() {
        let values = counts.iter().map(|counts| Some(float(counts[place].1))).collect();
        rows.push(FigureRow::new(group, name, Unit::Count, values));
    }
}
