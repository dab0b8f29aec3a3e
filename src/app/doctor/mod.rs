//! `landfall doctor`: whether this machine can do what a scenario needs, before anything is started.
//!
//! | file | what it holds |
//! |---|---|
//! | `probe` | looking at this machine |
//! | `containers` | asking the container engine |
//! | `clock` | asking others what time it is |
//! | `needs` | what a scenario needs (pure) |
//! | `judgement` | what is made of what was found (pure) |

mod clock;
mod containers;
mod judgement;
mod needs;
mod probe;

use std::path::Path;

use serde::Serialize;

use crate::scenario::Scenario;

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// As it should be.
    Ok,
    /// It may spoil a run, or figures.
    Warning,
    /// A run would not begin.
    Failure,
}

impl Health {
    /// In lower case, as the JSON has it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failure => "failure",
        }
    }
}

/// What was found of one thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnosis {
    /// What was looked at: `engine`, `ports`, …
    pub subject: String,
    /// How it is.
    pub health: Health,
    /// What was found, in a sentence.
    pub says: String,
    /// What to do about it; null where there is nothing to do.
    pub remedy: Option<String>,
}

impl Diagnosis {
    fn ok(subject: &str, says: impl Into<String>) -> Self {
        Self { subject: subject.to_owned(), health: Health::Ok, says: says.into(), remedy: None }
    }

    fn warning(subject: &str, says: impl Into<String>, remedy: impl Into<String>) -> Self {
        let remedy = Some(remedy.into());
        Self { subject: subject.to_owned(), health: Health::Warning, says: says.into(), remedy }
    }

    fn failure(subject: &str, says: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { health: Health::Failure, ..Self::warning(subject, says, remedy) }
    }
}

/// All that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Version of this shape.
    pub schema: u32,
    /// The worst of all.
    pub health: Health,
    /// What was looked at, in this order.
    pub checks: Vec<Diagnosis>,
}

/// Looks at this machine, for `scenario` where there is one; reports would go to `reports`. Nothing is started or changed;
/// hosts that the scenario allows are sent one request each.
pub async fn examine(scenario: Option<&Scenario>, reports: &Path) -> Report {
    let needs = scenario.map(needs::Needs::of).unwrap_or_default();
    let mut checks = Vec::new();
    let root = containers::examine(scenario, &needs, &mut checks).await;
    checks.push(judgement::descriptors(&needs, probe::descriptor_limit()));
    checks.push(judgement::ports(&probe::taken(&needs.ports), needs.ports.len()));
    checks.push(judgement::cpus(&needs, probe::cpus()));
    checks.push(judgement::memory(&needs, probe::available_memory()));
    checks.push(judgement::disk("reports", reports, probe::room(reports)));
    if let Some(root) = root {
        // Where it cannot be seen from here, nothing is said.
        checks.extend(probe::room(&root).map(|room| judgement::disk("images", &root, Some(room))));
    }
    if let Some(scenario) = scenario {
        for (name, skew) in clock::skews(scenario).await {
            checks.push(judgement::clock(&name, &skew));
        }
    }
    let health = checks.iter().map(|check| check.health).max().unwrap_or(Health::Ok);
    Report { schema: 1, health, checks }
}
