//! `landfall conform rest`: what a REST proxy's produce side promises, tried case by case.

mod contained;
mod course;
mod error;
mod filled;
mod place;
mod procedures;
mod recorded;
mod shown;
mod suite;
mod surroundings;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use semver::Version;
use tokio::sync::watch;

use self::contained::{Contained, Hands};
pub use self::contained::{SCENARIO, profile_of_adapter, rest_in_containers};
use self::course::Course;
pub use self::error::RestError;
pub use self::recorded::{Fitting, Options as RecordedOptions, recorded};
pub use self::shown::{dry, listed};
use self::suite::Outcome;
use self::surroundings::wanting;
use super::conform::clear;
use super::golden::{Against, text_of};
use super::run::{Interrupt, random_run_id};
use crate::conform::rest::{
    Excuse, ProcedureCase, Profile, Requirement, RestCase, Standard, Standing, catalogue, excuse,
    read_excuses, read_profile, shipped_profile, version,
};
use crate::conform::{Conclusion, Strictness, conclude};
use crate::doubles::fault::Injector;
use crate::report::times;
use crate::result::{CONFORMANCE_SCHEMA, CaseOutcome, CaseReport, Conformance, Verdict};
use crate::scenario::{Pace, ProxyRelease};
use crate::stats::micros;

/// How many times faster than the real ones the embedded proxy's time-outs pass: not as fast as may be, since several cases are
/// tried at once.
pub const TIME_SCALE: u32 = 20;

/// The profile of the embedded proxy: Confluent's of the release that it stands for, and what it cannot do as that does.
#[must_use]
pub fn own_profile(release: ProxyRelease) -> String {
    format!("landfall@{}", release.latest())
}

/// How long an answer is waited for where a fault is shown: longer than the embedded proxy waits for anything.
const TOLD: Duration = Duration::from_secs(12);

/// How the suite is run.
#[derive(Debug, Clone)]
pub struct Options {
    /// Against what.
    pub against: Against,
    /// A profile that ships, with `@VERSION` behind it where another than its own is meant, or a file; `None`: the proxy is
    /// held to what is required.
    pub profile: Option<String>,
    /// Parts of the ids of cases to be tried; empty: all cases.
    pub only: Vec<String>,
    /// How strictly cases are taken.
    pub strictness: Strictness,
    /// A file of failures that are excused.
    pub excuses: Option<PathBuf>,
    /// Whether the first failure ends the suite.
    pub fail_fast: bool,
    /// How long one case may take.
    pub limit: Duration,
    /// How many cases are tried at once.
    pub at_once: usize,
    /// Whether Kafka creates topics that somebody asks for; `None`: it is not known, and landfall's own broker does not.
    pub auto_create: Option<bool>,
    /// Whether the proxy reaches a schema registry; `None`: it is not known. landfall's own has one where a case asks for it.
    pub registry: Option<bool>,
    /// Where the result will be written; what an earlier suite has left there goes.
    pub folder: PathBuf,
}

impl Options {
    /// The fault that the embedded proxy or its broker is told to show.
    fn injector(&self) -> Option<&Injector> {
        let Against::Embedded(embedded) = &self.against else { return None };
        embedded.faults.first().map(AsRef::as_ref)
    }

    /// The same in words.
    fn weakness(&self) -> Option<String> {
        let fault = self.injector()?.fault();
        let pace = match fault.pace {
            Pace::Every(1) => "always".to_owned(),
            Pace::Every(n) => format!("every {n} times"),
            Pace::Rate(rate) => format!("with a probability of {rate}"),
        };
        Some(format!("{} ({pace})", fault.kind.name()))
    }

    /// How long an answer is waited for. Of a proxy that is told to give none it need not be for long.
    fn patience(&self) -> Duration {
        let is_told = self.weakness().is_some();
        if is_told { self.limit.min(TOLD) } else { self.limit }
    }
}

/// What is tried, as files and the catalogue have it: all that can be wrong before anything is started.
struct Wanted {
    excuses: Vec<Excuse>,
    profile: Option<Profile>,
    version: Version,
    cases: Vec<(Requirement, RestCase)>,
    procedures: Vec<(Requirement, ProcedureCase)>,
}

impl Wanted {
    fn read(options: &Options) -> Result<Self, RestError> {
        let excuses = excuses(options.excuses.as_ref())?;
        let (profile, version) = known(options.profile.as_deref())?;
        let (cases, procedures) = selected(&options.only)?;
        Ok(Self { excuses, profile, version, cases, procedures })
    }
}

/// What is tried, and by what it is judged.
struct Plan {
    cases: Vec<(Requirement, RestCase)>,
    procedures: Vec<(Requirement, ProcedureCase)>,
    /// By case, what it needs and no place has.
    wanting: Vec<Vec<String>>,
    profile: Option<Profile>,
    version: Version,
    /// The ids of cases whose failures are excused today: they end no suite.
    may_fail: BTreeSet<String>,
}

impl Plan {
    /// Whether a case has failed, and nothing excuses it.
    fn is_failure(&self, id: &str, outcome: CaseOutcome) -> bool {
        outcome == CaseOutcome::Failed && !self.may_fail.contains(id)
    }

    fn standard(&self) -> Standard<'_> {
        Standard { profile: self.profile.as_ref(), version: &self.version }
    }
}

/// What is tried, how, and by what hands.
#[derive(Clone, Copy)]
struct Trial<'t> {
    plan: &'t Plan,
    options: &'t Options,
    /// What something can be done to boxes with; `None`: they are landfall's own or somebody else's.
    hands: Option<&'t Hands<'t>>,
}

impl<'t> Trial<'t> {
    fn contained(self) -> Option<&'t Contained> {
        self.hands.map(|hands| &hands.contained)
    }
}

/// Cases, and those that take a procedure, each with its requirement.
type Selected = (Vec<(Requirement, RestCase)>, Vec<(Requirement, ProcedureCase)>);

/// Those whose ids contain one of these parts.
fn selected(only: &[String]) -> Result<Selected, RestError> {
    let chosen = |id: &str| only.is_empty() || only.iter().any(|part| id.contains(part));
    let (mut cases, mut procedures) = (Vec::new(), Vec::new());
    for requirement in catalogue()? {
        let own = requirement.procedures.iter().filter(|case| chosen(&case.id));
        procedures.extend(own.map(|case| (requirement.clone(), case.clone())));
        let Standing::Cases(own) = &requirement.standing else { continue };
        cases.extend(
            own.iter().filter(|case| chosen(&case.id)).map(|case| (requirement.clone(), case.clone())),
        );
    }
    if cases.is_empty() && procedures.is_empty() {
        return Err(RestError::NoCase(only.join("`, `")));
    }
    Ok((cases, procedures))
}

/// The profile that is named, and the release.
fn profile(named: &str) -> Result<(Profile, Version), RestError> {
    let (name, release) =
        named.split_once('@').map_or((named, None), |(name, release)| (name, Some(release)));
    let file = PathBuf::from(name);
    let by_file = file.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
    let profile = if by_file { read_profile(name, &text_of(&file)?)? } else { shipped_profile(name)? };
    let version = match release {
        None => profile.default_version.clone(),
        Some(text) => version(text).map_err(|reason| RestError::Version { text: text.to_owned(), reason })?,
    };
    Ok((profile, version))
}

/// The profile that is named, if one is, and the release.
fn known(named: Option<&str>) -> Result<(Option<Profile>, Version), RestError> {
    match named {
        Some(named) => profile(named).map(|(profile, version)| (Some(profile), version)),
        None => Ok((None, Version::new(0, 0, 0))),
    }
}

fn excuses(file: Option<&PathBuf>) -> Result<Vec<Excuse>, RestError> {
    let Some(path) = file else { return Ok(Vec::new()) };
    read_excuses(&text_of(path)?).map_err(|reason| RestError::Excuses { path: path.clone(), reason })
}

/// Tries the produce side of a REST proxy. `each` is told how many cases of how many are done.
///
/// # Errors
/// [`RestError`], where there is no result.
pub async fn rest(
    options: &Options,
    interrupt: watch::Receiver<Option<Interrupt>>,
    each: impl FnMut(usize, usize),
) -> Result<Conformance, RestError> {
    tried(Wanted::read(options)?, options, None, interrupt, each).await
}

/// The same, where something can be done to the boxes.
async fn tried(
    wanted: Wanted,
    options: &Options,
    hands: Option<&Hands<'_>>,
    interrupt: watch::Receiver<Option<Interrupt>>,
    mut each: impl FnMut(usize, usize),
) -> Result<Conformance, RestError> {
    let (started, origin) = (Timestamp::now(), Instant::now());
    let Wanted { excuses, profile, version, cases, procedures } = wanted;
    let contained = hands.map(|hands| &hands.contained);
    let wanting: Vec<Vec<String>> = cases
        .iter()
        .map(|(requirement, case)| wanting(options, contained, profile.as_ref(), requirement, case))
        .collect();
    let today = TimeZone::UTC.to_datetime(started).date();
    let hold = excuses.iter().filter(|excuse| today <= excuse.expires);
    let may_fail = hold.map(|excuse| excuse.case.clone()).collect();
    let plan = Plan { cases, procedures, wanting, profile, version, may_fail };
    let run = random_run_id();
    clear(&options.folder)?;
    let mut course = Course {
        trial: Trial { plan: &plan, options, hands },
        run: run.as_str(),
        interrupt,
        outcomes: suite::before(&plan),
        left: Vec::new(),
        unread: None,
        procedures: procedures::untried(&plan),
        target: String::new(),
    };
    let of = plan.cases.len() + plan.procedures.len();
    let mut done = plan.wanting.iter().filter(|wanting| !wanting.is_empty()).count();
    let mut told = || {
        done += 1;
        each(done, of);
    };
    let ended = course.run(&mut told).await;
    let Course { outcomes, procedures, left, unread, target, .. } = course;
    ended.map_err(|error| error.leaving(&left))?;
    let mut cases: Vec<CaseReport> = plan
        .cases
        .iter()
        .zip(&outcomes)
        .map(|((requirement, case), outcome)| shown::report(requirement, case, outcome, plan.standard()))
        .collect();
    cases.extend(
        plan.procedures
            .iter()
            .zip(&procedures)
            .map(|((requirement, case), outcome)| shown::report_procedure(requirement, case, outcome)),
    );
    let requests = outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Tried(_))).count() as u64
        + procedures.iter().map(shown::requests).sum::<u64>();
    let shown =
        options.injector().map(|fault| format!(" Its fault took effect {}.", times(fault.injected())));
    let banner = format!(
        "landfall sent requests to {target} that are wrong on purpose, to topics of its own whose names begin with landfall-{run}.{}",
        shown.unwrap_or_default()
    );
    let mut conclusion = concluded(&mut cases, &excuses, options.strictness, unread.as_deref(), started);
    let untried = cases.iter().filter(|case| case.outcome == CaseOutcome::NotRun && case.missing.is_empty());
    let untried = untried.count();
    if conclusion.verdict == Verdict::Pass && untried > 0 {
        conclusion.verdict = Verdict::Inconclusive;
        conclusion
            .reasons
            .push(format!("{untried} cases were not tried, though nothing was missing for them"));
    }
    let mut result = Conformance {
        banner,
        run: run.to_string(),
        target,
        flaw: options.weakness(),
        profile: options.profile.clone().unwrap_or_else(|| "none".to_owned()),
        ..conformance(conclusion, cases, options.strictness, (started, origin))
    };
    result.totals.requests = requests;
    result.reasons.extend(left);
    Ok(result)
}

/// Excuses what is excused, and draws the conclusion.
fn concluded(
    cases: &mut [CaseReport],
    excuses: &[Excuse],
    strictness: Strictness,
    unread: Option<&str>,
    started: Timestamp,
) -> Conclusion {
    let today = TimeZone::UTC.to_datetime(started).date();
    let stale = excuse(cases, excuses, today);
    let mut conclusion = conclude(cases, strictness, unread, None);
    if !stale.is_empty() {
        conclusion.verdict = Verdict::Fail;
        conclusion.reasons.extend(stale);
    }
    conclusion
}

/// A result of this suite.
fn conformance(
    conclusion: Conclusion,
    cases: Vec<CaseReport>,
    strictness: Strictness,
    (started, origin): (Timestamp, Instant),
) -> Conformance {
    let Conclusion { verdict, reasons, totals, missing } = conclusion;
    Conformance {
        schema: CONFORMANCE_SCHEMA,
        suite: "rest".to_owned(),
        verdict,
        reasons,
        banner: String::new(),
        landfall: env!("CARGO_PKG_VERSION").to_owned(),
        run: String::new(),
        started: started.to_string(),
        elapsed_us: micros(origin.elapsed()),
        target: String::new(),
        scenario: String::new(),
        profile: String::new(),
        flaw: None,
        strict: strictness.strict,
        require_all: strictness.require_all,
        totals,
        missing,
        notes: Vec::new(),
        boxes: Vec::new(),
        cases,
    }
}
