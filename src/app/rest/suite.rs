//! Trying the cases: all are sent, some at once, then the topics are read, and only then is anything judged.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::stream;
use jiff::Timestamp;
use tokio::sync::watch;

use super::error::RestError;
use super::place::Place;
use super::{Options, Plan};
use crate::app::golden::{Against, golden_record, send, signalled};
use crate::app::run::Interrupt;
use crate::conform::golden::{GoldenRecord, GoldenRequest, GoldenResponse, topic_of};
use crate::conform::rest::{Assessment, Requirement, Requires, RestCase, Seen, Standard, assess};
use crate::result::CaseOutcome;
use crate::verify::TailRecord;

/// How far clocks may be apart where a timestamp must be that of the request.
const CLOCKS: i64 = 60_000;

/// How long a record may take to appear after its answer.
const LATE: Duration = Duration::from_secs(2);
/// How often it is looked for it.
const LOOK: Duration = Duration::from_millis(200);

/// The records that landed, by topic; `None`: nobody can look.
type Landed = Option<BTreeMap<String, Vec<TailRecord>>>;

/// What became of a case.
pub(super) enum Outcome {
    /// It was tried.
    Tried(Box<Tried>),
    /// It was not, for this reason.
    Untried(String),
    /// It was not, for want of this.
    Missing(Vec<String>),
}

/// A case that was tried.
pub(super) struct Tried {
    pub(super) request: GoldenRequest,
    /// The answer, or why there is none.
    pub(super) answer: Result<GoldenResponse, String>,
    /// What stands in its topic; `None`: nobody could look.
    pub(super) landed: Option<Vec<GoldenRecord>>,
    pub(super) assessment: Assessment,
    pub(super) took: Duration,
}

/// A case that has been sent.
struct Sent {
    request: GoldenRequest,
    answer: Result<GoldenResponse, String>,
    between: (i64, i64),
    took: Duration,
}

impl Sent {
    fn seen<'a>(&'a self, landed: Option<&'a [GoldenRecord]>, topic: &'a str, cluster: &'a str) -> Seen<'a> {
        Seen {
            answer: self.answer.as_ref().ok(),
            landed,
            topic,
            names_topic: topic_of(&self.request).as_deref() == Some(topic),
            cluster,
            between: self.between,
        }
    }
}

/// Tries every case, in any order; the outcomes are in the order of the plan.
pub(super) async fn run(
    plan: &Plan,
    options: &Options,
    place: &Place,
    mut interrupt: watch::Receiver<Option<Interrupt>>,
    mut each: impl FnMut(usize, usize),
) -> Result<Vec<Outcome>, RestError> {
    let of = plan.cases.len();
    let standard = Standard { profile: plan.profile.as_ref(), version: &plan.version };
    let stop = AtomicBool::new(false);
    let mut in_turn: Vec<usize> = (0..of).collect();
    // Those that wait for long begin first, so that nobody waits for them alone in the end.
    in_turn.sort_by_key(|index| !plan.cases[*index].1.slow);
    let sending = in_turn.into_iter().map(|index| {
        let (stop, (requirement, case)) = (&stop, &plan.cases[index]);
        async move {
            if stop.load(Relaxed) || !wanting(plan, options, requirement, case).is_empty() {
                return (index, None);
            }
            let topic = &place.topics[index];
            let sent = one(case, topic, place, options.patience()).await;
            if options.fail_fast {
                // Without what landed: what does not even answer as it must has failed whatever lands.
                let seen = sent.seen(None, topic, place.cluster_id());
                let failed = assess(case, requirement.level, standard, &seen).outcome == CaseOutcome::Failed;
                stop.fetch_or(failed, Relaxed);
            }
            (index, Some(sent))
        }
    });
    let mut all: Vec<Option<Sent>> = Vec::new();
    all.resize_with(of, || None);
    let mut working = stream::iter(sending).buffer_unordered(options.at_once.max(1));
    let mut done = 0;
    loop {
        let next = tokio::select! {
            signal = signalled(&mut interrupt) => return Err(RestError::Interrupted(signal)),
            next = working.next() => next,
        };
        let Some((index, sent)) = next else { break };
        done += 1;
        each(done, of);
        all[index] = sent;
    }
    drop(working);
    let mut landed = settled(plan, place, &all).await?;
    let outcomes =
        all.into_iter().zip(&plan.cases).zip(&place.topics).map(|((sent, (requirement, case)), topic)| {
            let Some(sent) = sent else {
                let wanting = wanting(plan, options, requirement, case);
                return if wanting.is_empty() {
                    Outcome::Untried("the suite ended at the first failure".into())
                } else {
                    Outcome::Missing(wanting)
                };
            };
            let own: Option<Vec<GoldenRecord>> = landed.as_mut().map(|by_topic| {
                by_topic.remove(topic).unwrap_or_default().into_iter().map(golden_record).collect()
            });
            let seen = sent.seen(own.as_deref(), topic, place.cluster_id());
            let assessment = assess(case, requirement.level, standard, &seen);
            let Sent { request, answer, took, .. } = sent;
            Outcome::Tried(Box::new(Tried { request, answer, landed: own, assessment, took }))
        });
    Ok(outcomes.collect())
}

/// What stands in the topics. It is waited for records that are expected and may be late, and for a moment in any case: what
/// must not land may be late as well.
async fn settled(plan: &Plan, place: &Place, all: &[Option<Sent>]) -> Result<Landed, RestError> {
    let begun = Instant::now();
    tokio::time::sleep(if place.is_own() { Duration::ZERO } else { LATE }).await;
    loop {
        let landed = place.landed().await?;
        let Some(by_topic) = &landed else { return Ok(None) };
        let short = plan.cases.iter().zip(all).zip(&place.topics).any(|(((_, case), sent), topic)| {
            let expected = case.expect.landed.as_ref().map_or(0, Vec::len);
            sent.is_some() && by_topic.get(topic).map_or(0, Vec::len) < expected
        });
        if !short || begun.elapsed() >= 2 * LATE {
            return Ok(landed);
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// What a case needs and the place does not have.
fn wanting(plan: &Plan, options: &Options, requirement: &Requirement, case: &RestCase) -> Vec<String> {
    let auto_create = match options.against {
        Against::Embedded(_) => Some(options.auto_create.unwrap_or_default()),
        Against::Running { .. } => options.auto_create,
    };
    let unmet = case.requires.iter().filter(|required| {
        let wanted = **required == Requires::AutoCreateOn;
        auto_create != Some(wanted)
    });
    let mut wanting: Vec<String> = unmet.map(|required| required.name().to_owned()).collect();
    if plan.profile.as_ref().is_some_and(|profile| profile.lacks.contains(&requirement.api)) {
        wanting.push(requirement.api.name().to_owned());
    }
    wanting
}

/// A case's request with the names of its topic and cluster, and with what a client adds.
pub(super) fn filled(case: &RestCase, topic: &str, cluster: &str) -> GoldenRequest {
    let encoded = hex::encode_upper(topic).into_bytes();
    let encoded: String =
        encoded.chunks(2).flat_map(|pair| ["%", std::str::from_utf8(pair).unwrap_or_default()]).collect();
    let fill = |text: &str| {
        text.replace("{topic}", topic)
            .replace("{topic_percent_encoded}", &encoded)
            .replace("{cluster}", cluster)
    };
    let mut request = case.request.clone();
    request.path = fill(&request.path);
    for (_, value) in &mut request.headers {
        *value = fill(value);
    }
    request
}

async fn one(case: &RestCase, topic: &str, place: &Place, limit: Duration) -> Sent {
    let request = filled(case, topic, place.cluster_id());
    let (begun, from) = (Instant::now(), Timestamp::now().as_millisecond());
    let answer = send(&request, place.endpoint(), limit).await;
    let to = Timestamp::now().as_millisecond();
    Sent { request, answer, between: (from - CLOCKS, to + CLOCKS), took: begun.elapsed() }
}
