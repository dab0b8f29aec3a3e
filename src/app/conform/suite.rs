//! Trying the cases: group by group, one request after another.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;

use super::landing::Landing;
use super::send::{Ended, Reply, exchange, request};
use super::shown;
use super::sink::Sink;
use super::tokens::Tokens;
use super::{ConformError, Path};
use crate::app::run::{Interrupt, signalled};
use crate::app::token::seconds;
use crate::conform::auth::{GROUPS, Material, good_token};
use crate::conform::{
    Case, Control, Fetches, Grade, KeysTrouble, Need, Observation, Outcome, Probe, Step, judge,
};
use crate::doubles::idp::{Idp, KeysFault};
use crate::ledger::answers::classify;
use crate::load::Target;
use crate::result::{CaseOutcome, CaseReport, Exchange};
use crate::scenario::Flaw;
use crate::stats::micros;
use crate::wire::produce::{ErrorEntity, ProduceFormat};

/// How much the clocks of this machine and the target's may differ, in seconds.
const CLOCKS: u64 = 1;
/// For how long the good token must be good when a group of cases begins, in seconds.
const SPARE: u64 = 60;
/// How often a wait looks whether somebody wants to stop.
const STILL: Duration = Duration::from_millis(50);

/// Which cases are tried.
#[derive(Debug, Clone, Default)]
pub(super) struct Selection {
    /// Parts of ids; empty: all.
    pub(super) only: Vec<String>,
    /// Of those that take seconds only the ones that show this.
    pub(super) quick_but: Option<Flaw>,
}

impl Selection {
    pub(super) fn has(&self, case: &Case) -> bool {
        let named = self.only.is_empty() || self.only.iter().any(|part| case.id.contains(part.as_str()));
        let quick = self.quick_but.is_none_or(|flaw| !case.slow || case.shows.contains(&flaw));
        named && quick
    }
}

/// A path whose authorizer is tried.
pub(super) struct Suite<'p> {
    pub(super) path: &'p Path<'p>,
    pub(super) target: Target,
    pub(super) material: Material,
    pub(super) tokens: Tokens,
    pub(super) sink: Option<Sink>,
    pub(super) landing: Landing,
    /// How long an answer is waited for.
    pub(super) limit: Duration,
}

/// A case that is being tried, or has been and is not judged yet.
struct Tried {
    case: Case,
    observations: Vec<(Probe, Observation)>,
    complaints: Vec<String>,
    /// What turned out to be missing when it was tried, so that nothing is shown.
    unshown: Vec<Need>,
    took: Duration,
}

/// When counting of fetches began, with how many there had been, and requests.
#[derive(Clone, Copy)]
struct Counting {
    fetched: u64,
    sent: usize,
    since: Instant,
}

/// All cases, judged.
pub(in crate::app) struct Outcomes {
    /// In the order of their ids.
    pub(in crate::app) cases: Vec<CaseReport>,
    pub(in crate::app) requests: u64,
    /// Why the topics could not be read, if they could not.
    pub(in crate::app) unread: Option<String>,
    /// Why refusals mean little, if they do: a good token is not accepted any more.
    pub(in crate::app) spoilt: Option<String>,
}

impl Suite<'_> {
    /// Makes sure that the path lets a good token in: without that nothing that it refuses means anything. Learns from the
    /// answer whether the clocks go together.
    ///
    /// # Errors
    /// [`ConformError::Refused`], where the good token is not accepted.
    pub(super) async fn control(&mut self) -> Result<(), ConformError> {
        let probe = good_token(&self.material);
        let bytes = request(&self.target, &probe);
        match exchange(&self.target, &bytes, self.limit).await.0 {
            Ended::Answered(reply) if (200..300).contains(&reply.status) => {
                self.material.clock = clocks_agree(&reply);
                Ok(())
            }
            Ended::Answered(reply) => {
                let body = String::from_utf8_lossy(&reply.body).into_owned();
                let body = shown::without(&body, &probe.secrets);
                Err(ConformError::Refused { reason: format!("{} {body}", reply.status) })
            }
            Ended::Silence => Err(ConformError::Refused { reason: "no answer".to_owned() }),
            Ended::Broken(reason) => Err(ConformError::Refused { reason }),
        }
    }

    /// Tries all cases of the selection, and judges them when what they wrote has been read back. `each` is told how many
    /// groups of how many are done.
    ///
    /// # Errors
    /// [`ConformError::Interrupted`].
    pub(super) async fn run(
        &mut self,
        selection: &Selection,
        interrupt: &watch::Receiver<Option<Interrupt>>,
        mut each: impl FnMut(usize, usize),
    ) -> Result<Outcomes, ConformError> {
        let mut tried = Vec::new();
        for (number, write_down) in GROUPS.iter().enumerate() {
            self.tokens.renew(self.path.stack, &mut self.material, now() + SPARE).await?;
            let mut cases = write_down(&self.material, now());
            for index in 0..cases.len() {
                if !selection.has(&cases[index]) {
                    continue;
                }
                // Tokens have times. A case before this one may have waited.
                if cases[index].slow {
                    self.tokens.renew(self.path.stack, &mut self.material, now() + SPARE).await?;
                    cases = write_down(&self.material, now());
                }
                tried.push(self.attempt(cases[index].clone(), interrupt).await?);
            }
            each(number + 1, GROUPS.len());
        }
        let mut stop = interrupt.clone();
        let landed = tokio::select! {
            landed = self.landing.read(self.path.stack) => landed,
            signal = signalled(&mut stop) => return Err(ConformError::Interrupted(signal)),
        };
        // What was refused since the good token was accepted means little if it is not any more.
        self.tokens.renew(self.path.stack, &mut self.material, now() + SPARE).await?;
        let spoilt = self.control().await.err().map(|error| format!("in the end, {error}"));
        let requests = tried.iter().map(|tried| tried.observations.len() as u64).sum();
        let mut cases: Vec<CaseReport> =
            tried.into_iter().map(|tried| self.report(tried, landed.as_ref().ok())).collect();
        cases.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(Outcomes { cases, requests, unread: landed.err(), spoilt })
    }

    async fn attempt(
        &self,
        case: Case,
        interrupt: &watch::Receiver<Option<Interrupt>>,
    ) -> Result<Tried, ConformError> {
        let begun = Instant::now();
        let mut tried = Tried {
            case,
            observations: Vec::new(),
            complaints: Vec::new(),
            unshown: Vec::new(),
            took: Duration::ZERO,
        };
        let mut counting = self.count(0);
        for place in 0..tried.case.steps.len() {
            if let Some(signal) = *interrupt.borrow() {
                return Err(ConformError::Interrupted(signal));
            }
            match tried.case.steps[place].clone() {
                Step::Send(probe) => {
                    let seen = self.send(&probe).await;
                    tried.observations.push((*probe, seen));
                }
                Step::Do(control) => {
                    self.control_boxes(&control, &mut tried, &mut counting, interrupt).await;
                }
            }
        }
        tried.took = begun.elapsed();
        Ok(tried)
    }

    /// Begins to count fetches of keys, after so many requests.
    fn count(&self, sent: usize) -> Counting {
        let fetched = self.path.stack.idp().map_or(0, Idp::jwks_requests);
        Counting { fetched, sent, since: Instant::now() }
    }

    async fn control_boxes(
        &self,
        control: &Control,
        tried: &mut Tried,
        counting: &mut Counting,
        interrupt: &watch::Receiver<Option<Interrupt>>,
    ) {
        let idp = self.path.stack.idp();
        match control {
            Control::Wait(time) => {
                let end = Instant::now() + *time;
                while Instant::now() < end && interrupt.borrow().is_none() {
                    tokio::time::sleep(STILL.min(end.saturating_duration_since(Instant::now()))).await;
                }
            }
            Control::Publish(keys) => {
                if let Some(idp) = idp {
                    idp.publish(keys.clone());
                }
            }
            Control::Keys(trouble) => {
                if let Some(idp) = idp {
                    idp.set_keys_fault(trouble.map(|trouble| self.fault(trouble)));
                }
            }
            Control::Forget => tried.complaints.extend(self.path.stack.forget_keys().await.err()),
            Control::CountFetches => *counting = self.count(tried.observations.len()),
            Control::FetchesWithinCoolDown => {
                let (before, now) = (*counting, self.count(tried.observations.len()));
                let fetches = Fetches {
                    count: now.fetched.saturating_sub(before.fetched),
                    requests: now.sent - before.sent,
                    copies: self.material.copies,
                    took: now.since - before.since,
                };
                match fetches.within(self.material.rotation.unwrap_or_default().cool_down) {
                    Ok(complaint) => tried.complaints.extend(complaint),
                    Err(need) => tried.unshown.push(need),
                }
            }
        }
    }

    fn fault(&self, trouble: KeysTrouble) -> KeysFault {
        match trouble {
            KeysTrouble::Error => KeysFault::Status(500),
            KeysTrouble::Silence => KeysFault::Hang,
            KeysTrouble::Html => KeysFault::Html,
            KeysTrouble::Empty => KeysFault::Empty,
            KeysTrouble::Huge => KeysFault::Huge,
            KeysTrouble::Redirect => KeysFault::Redirect(format!(
                "{}/elsewhere/jwks",
                self.material.sink.as_deref().unwrap_or_default()
            )),
            KeysTrouble::Drip => KeysFault::Drip,
        }
    }

    async fn send(&self, probe: &Probe) -> Observation {
        let (ended, took) = exchange(&self.target, &request(&self.target, probe), self.limit).await;
        let mut told = None;
        let (outcome, echoed) = match ended {
            Ended::Silence => (Outcome::Silence, false),
            Ended::Broken(reason) => (Outcome::Broken(reason), false),
            Ended::Answered(reply) => {
                if !probe.not_of.is_empty() {
                    let id = reply.header("x-amzn-requestid");
                    told = id.and_then(|id| self.path.stack.told_of_caller(id));
                }
                let body = String::from_utf8_lossy(&reply.body);
                let echoed =
                    [reply.head.as_str(), &body].iter().any(|text| shown::repeats(text, &probe.secrets));
                let outcome = Outcome::Answered {
                    status: reply.status,
                    error_type: reply
                        .header("x-amzn-errortype")
                        .map(|kind| shown::without(kind, &probe.secrets)),
                    acked: acked(&reply),
                    from_behind: is_of_proxy(&reply),
                    excerpt: shown::without(&body, &probe.secrets),
                };
                (outcome, echoed)
            }
        };
        Observation { outcome, took_us: micros(took), echoed, landed: None, calls: Vec::new(), told }
    }

    /// Judges a case, now that it is known what landed and who called where.
    fn report(&self, tried: Tried, landed: Option<&BTreeMap<String, u64>>) -> CaseReport {
        let Tried { case, mut observations, complaints, unshown, took } = tried;
        for (probe, seen) in &mut observations {
            seen.landed = landed.map(|landed| landed.get(&probe.marker).copied().unwrap_or(0));
            if let (Some(sink), Some(trap)) = (&self.sink, &probe.trap) {
                seen.calls = sink.calls(trap);
            }
        }
        let given = |need: &Need| self.gives(*need);
        let missing = case.needs.iter().filter(|need| !given(need)).chain(&unshown);
        let missing: Vec<String> = missing.map(|need| need.name().to_owned()).collect();
        let seen: Vec<Observation> = observations.iter().map(|(_, seen)| seen.clone()).collect();
        let judgement = judge(&case, &seen, complaints);
        let outcome = match judgement.grade {
            _ if case.steps.is_empty() => CaseOutcome::NotRun,
            Grade::Passed if !unshown.is_empty() => CaseOutcome::NotRun,
            Grade::Passed => CaseOutcome::Passed,
            Grade::Warned => CaseOutcome::Warned,
            Grade::Failed => CaseOutcome::Failed,
        };
        CaseReport {
            outcome,
            missing,
            reasons: judgement.reasons,
            notes: judgement.notes,
            exchanges: observations.iter().map(|(probe, seen)| self.exchange(probe, seen)).collect(),
            elapsed_us: micros(took),
            ..untried(&case)
        }
    }

    fn exchange(&self, probe: &Probe, seen: &Observation) -> Exchange {
        let excerpt = match &seen.outcome {
            Outcome::Answered { excerpt, .. } => excerpt.clone(),
            Outcome::Silence | Outcome::Broken(_) => String::new(),
        };
        Exchange {
            what: probe.what.clone(),
            expected: probe.expected.in_words().to_owned(),
            request: shown::request(&self.target.base_path, probe),
            answer: seen.in_words(),
            status: seen.status(),
            excerpt,
            landed: seen.landed,
            took_us: seen.took_us,
        }
    }

    /// Whether the target, or who tries it, has this.
    fn gives(&self, need: Need) -> bool {
        let material = &self.material;
        match need {
            Need::Signer => material.signer.is_some(),
            Need::Clock => material.clock,
            Need::Sink => material.sink.is_some(),
            Need::Rotation => material.rotation.is_some(),
            Need::Cold => material.cold,
            Need::Cache => {
                material.cache.is_some_and(|kept| kept + material.accepts.leeway <= Duration::from_secs(10))
            }
            Need::Client => material.other.is_some(),
            // Known when it has been tried.
            Need::CoolDown => true,
        }
    }
}

/// What is known of a case before it is tried.
pub(super) fn untried(case: &Case) -> CaseReport {
    CaseReport {
        id: case.id.clone(),
        title: case.title.clone(),
        what: case.what.clone(),
        level: case.level.name().to_owned(),
        sources: case.sources.iter().map(|&source| source.to_owned()).collect(),
        outcome: CaseOutcome::NotRun,
        missing: Vec::new(),
        reasons: Vec::new(),
        notes: Vec::new(),
        shows: case.shows.iter().map(|flaw| flaw.name().to_owned()).collect(),
        exchanges: Vec::new(),
        elapsed_us: 0,
    }
}

/// Seconds since 1970.
fn now() -> u64 {
    seconds(SystemTime::now())
}

/// Whether the time in an answer's `Date` is this machine's, within a second.
fn clocks_agree(reply: &Reply) -> bool {
    let date = reply.header("date").and_then(|date| httpdate::parse_http_date(date).ok());
    let theirs = date.and_then(|date| date.duration_since(UNIX_EPOCH).ok());
    theirs.is_some_and(|theirs| theirs.as_secs().abs_diff(now()) <= CLOCKS)
}

/// Whether an answer is the proxy's, which gives its errors a code.
fn is_of_proxy(reply: &Reply) -> bool {
    reply.status >= 400 && serde_json::from_slice::<ErrorEntity>(&reply.body).is_ok()
}

/// Whether an answer says of a request's one record that it was written.
fn acked(reply: &Reply) -> bool {
    let mut answers = Vec::new();
    classify(reply.status, None, &reply.body, 1, ProduceFormat::V2Json, &mut answers);
    answers.iter().all(|answer| answer.is_acked()) && !answers.is_empty()
}
