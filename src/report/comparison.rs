//! Results beside each other: the plain data of it, which every report that shows several renders.

mod figures;
mod text;

use std::collections::BTreeSet;

pub use figures::{FigureRow, Unit};
pub use text::comparison;

use super::Named;
use crate::result::{BoxReport, CheckResult, Machine, RunResult, Timeline, Verdict};
use crate::stats::bytes_text;

/// What must be said wherever single runs are compared.
pub const NOISE: &str = "Each column is a single run: how much of a difference is noise, two runs do not tell. Repeat them \
                         before you believe it.";

/// Results beside each other. Each list of values has a place for each result, in their order.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// The results.
    pub columns: Vec<Column>,
    /// Their figures; those of which no result has one are left out.
    pub figures: Vec<FigureRow>,
    /// Their checks.
    pub checks: Vec<CheckRow>,
    /// What was found.
    pub findings: Vec<FindingRow>,
    /// What differs in what was run, and where.
    pub differences: Vec<Difference>,
    /// Why figures do not say what they seem to say; sentences.
    pub warnings: Vec<String>,
}

/// A result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Id of the run.
    pub run: String,
    /// When it began, RFC 3339.
    pub started: String,
    /// Its verdict.
    pub verdict: Verdict,
    /// Why it did not go to its end, if it did not.
    pub incomplete: Option<String>,
    /// The sentences behind the verdict.
    pub reasons: Vec<String>,
}

/// A rule, and what it came to by result. Rules of one metric with different limits are different rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckRow {
    /// The metric.
    pub name: String,
    /// The limit with its comparison.
    pub limit: String,
    /// `None` of a result without this rule.
    pub results: Vec<Option<Checked>>,
}

/// What a rule came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// Whether it holds.
    pub verdict: Verdict,
    /// The value, as people read it.
    pub seen: String,
}

/// A kind of finding, and how often it was found by result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindingRow {
    /// The metric that counts it.
    pub kind: String,
    /// What it means.
    pub meaning: String,
    /// How often.
    pub counts: Vec<u64>,
}

/// Which part of what was run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disclosure {
    /// The scenario and what it names: content, seed.
    Scenario,
    /// The path: which boxes, and whose.
    Path,
    /// Versions of what took part.
    Version,
    /// Where it ran.
    Machine,
}

/// Something in which what was run differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What it belongs to.
    pub part: Disclosure,
    /// What it is, for instance `seed`.
    pub what: String,
    /// What it was; `None` where there was none.
    pub values: Vec<Option<String>>,
}

impl Comparison {
    /// Compares results with the first of them.
    #[must_use]
    pub fn of(results: &[Named<'_>]) -> Self {
        let column = |Named { name, result }: &Named<'_>| Column {
            name: (*name).to_owned(),
            run: result.run.clone(),
            started: result.started.clone(),
            verdict: result.verdict,
            incomplete: result.incomplete.clone(),
            reasons: result.reasons.clone(),
        };
        let of: Vec<&RunResult> = results.iter().map(|named| named.result).collect();
        let differences = differences(&of);
        Self {
            columns: results.iter().map(column).collect(),
            figures: figures::rows(&of),
            checks: checks(&of),
            findings: findings(&of),
            warnings: warnings(results),
            differences,
        }
    }
}

/// Things by their first appearance, each once.
fn once<T: PartialEq>(things: impl Iterator<Item = T>) -> Vec<T> {
    let mut seen = Vec::new();
    for thing in things {
        if !seen.contains(&thing) {
            seen.push(thing);
        }
    }
    seen
}

fn checks(results: &[&RunResult]) -> Vec<CheckRow> {
    let rules = results.iter().flat_map(|result| &result.checks);
    let row = |(name, limit): (&String, &String)| {
        let checked = |check: &CheckResult| Checked { verdict: check.verdict, seen: check.seen.clone() };
        let this = |check: &&CheckResult| check.name == *name && check.limit == *limit;
        CheckRow {
            name: name.clone(),
            limit: limit.clone(),
            results: results.iter().map(|result| result.checks.iter().find(this).map(checked)).collect(),
        }
    };
    once(rules.map(|check| (&check.name, &check.limit))).into_iter().map(row).collect()
}

fn findings(results: &[&RunResult]) -> Vec<FindingRow> {
    let kinds = once(results.iter().flat_map(|result| &result.findings).map(|finding| &finding.kind));
    let row = |kind: &String| {
        let of = |result: &&RunResult| {
            let of_kind = result.findings.iter().filter(|finding| finding.kind == *kind);
            of_kind.fold(0, |sum: u64, finding| sum.saturating_add(finding.count))
        };
        let meaning =
            results.iter().flat_map(|result| &result.findings).find(|finding| finding.kind == *kind);
        FindingRow {
            kind: kind.clone(),
            meaning: meaning.map(|finding| finding.meaning.clone()).unwrap_or_default(),
            counts: results.iter().map(of).collect(),
        }
    };
    kinds.into_iter().map(row).collect()
}

/// What differs in what was run.
fn differences(results: &[&RunResult]) -> Vec<Difference> {
    let mut all: Vec<Difference> = Vec::new();
    let mut add = |part, what: &str, of: &dyn Fn(&RunResult) -> Option<String>| {
        all.push(Difference {
            part,
            what: what.into(),
            values: results.iter().map(|result| of(result)).collect(),
        });
    };
    add(Disclosure::Scenario, "scenario", &|result| Some(result.scenario.name.clone()));
    add(Disclosure::Scenario, "scenario's hash", &|result| Some(result.scenario.hash.clone()));
    add(Disclosure::Scenario, "seed", &|result| Some(result.scenario.seed.to_string()));
    add(Disclosure::Scenario, "--set", &|result| {
        let sets = &result.scenario.sets;
        (!sets.is_empty()).then(|| sets.join(" "))
    });
    let payloads: BTreeSet<&String> =
        results.iter().flat_map(|result| &result.scenario.payloads).map(|file| &file.path).collect();
    for path in payloads {
        add(Disclosure::Scenario, &format!("SHA-256 of {path}"), &|result| {
            let file = result.scenario.payloads.iter().find(|file| file.path == *path)?;
            Some(file.sha256.clone())
        });
    }
    let part = |BoxReport { name, kind, .. }: &BoxReport| format!("{name} ({kind})");
    add(Disclosure::Path, "path", &|result| {
        Some(result.boxes.iter().map(part).collect::<Vec<_>>().join(" · "))
    });
    let versions: BTreeSet<&String> = results.iter().flat_map(|result| result.versions.keys()).collect();
    for of in versions {
        add(Disclosure::Version, of, &|result| result.versions.get(of).cloned());
    }
    add(Disclosure::Machine, "system", &|result| Some(result.machine.system.clone()));
    add(Disclosure::Machine, "architecture", &|result| Some(result.machine.architecture.clone()));
    add(Disclosure::Machine, "processor", &|result| result.machine.processor.clone());
    add(Disclosure::Machine, "CPUs", &|result| Some(result.machine.cpus.to_string()));
    add(Disclosure::Machine, "memory", &|result| result.machine.memory_bytes.map(bytes_text));
    add(Disclosure::Machine, "load threads", &|result| {
        result.recovery.is_none().then(|| result.generator.threads.to_string())
    });
    all.retain(|difference| difference.values.iter().any(|value| *value != difference.values[0]));
    all
}

fn warnings(results: &[Named<'_>]) -> Vec<String> {
    let mut warnings = Vec::new();
    for Named { name, result } in results {
        if result.recovery.is_some() {
            warnings.push(format!(
                "`{name}` was killed and settled from its journal: no times of it are known, and its counts are those of a \
                 part of the load"
            ));
        } else if let Some(reason) = &result.incomplete {
            warnings.push(format!(
                "`{name}` did not go to its end ({reason}): its counts and times are those of a part of the load"
            ));
        }
        if result.generator.closed {
            warnings.push(format!(
                "the load of `{name}` was closed: its latencies leave out the waiting that a stalled system causes, so they \
                 compare with nothing but the same closed load"
            ));
        }
        for limit in &result.generator.exceeded {
            warnings.push(format!("times of `{name}` {}: {}", limit.effect(), limit.sentence));
        }
    }
    let step =
        |named: &Named<'_>| named.result.timeline.as_ref().map(|timeline: &Timeline| timeline.stretch_s);
    if results
        .windows(2)
        .any(|pair| step(&pair[0]).zip(step(&pair[1])).is_some_and(|(one, other)| one != other))
    {
        warnings.push(
            "over time, figures of one are of longer stretches than those of another, which smooths them"
                .into(),
        );
    }
    for (index, one) in results.iter().enumerate() {
        for two in results[..index].iter().filter(|two| two.result.run == one.result.run) {
            warnings.push(format!("`{}` and `{}` are the same run", two.name, one.name));
        }
    }
    if results.windows(2).any(|pair| pair[0].result.scenario.hash != pair[1].result.scenario.hash) {
        warnings.push("what was run is not the same scenario throughout: see what differs".into());
    }
    if results.windows(2).any(|pair| !same_machine(&pair[0].result.machine, &pair[1].result.machine)) {
        warnings.push("the runs were not on the same machine: see what differs".into());
    }
    warnings
}

/// Whether two machines are the same, as far as both tell.
fn same_machine(one: &Machine, other: &Machine) -> bool {
    let processor = one.processor.is_none() || other.processor.is_none() || one.processor == other.processor;
    let aside = |machine: &Machine| Machine { processor: None, ..machine.clone() };
    processor && aside(one) == aside(other)
}

#[cfg(test)]
mod tests;
