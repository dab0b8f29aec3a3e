//! Trying the cases: all are sent, some at once, then the topics are read, and only then is anything judged.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::stream;
use jiff::Timestamp;
use tokio::sync::watch;

use super::error::RestError;
use super::filled::{filled, told_before};
use super::place::{Place, absent};
use super::surroundings::Group;
use super::{Options, Plan, Trial};
use crate::app::golden::{Against, Awaited, golden_record, send, signalled};
use crate::app::run::Interrupt;
use crate::conform::golden::{GoldenRecord, GoldenRequest, GoldenResponse, topic_of};
use crate::conform::rest::{Assessment, Expect, RestCase, Seen, assess, expectation};
use crate::verify::TailRecord;

/// How far clocks may be apart where a timestamp must be that of the request.
const CLOCKS: i64 = 60_000;

/// How long a record may take to appear after its answer.
const LATE: Duration = Duration::from_secs(2);
/// How often it is looked for it.
const LOOK: Duration = Duration::from_millis(200);
/// How long a proxy may take to close a connection.
const CLOSING: Duration = Duration::from_secs(2);
/// How long a connection is looked at that is to stay open, and on which no more is to come.
const STAYING: Duration = Duration::from_millis(300);

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
    /// It was not, for want of this, which turned out when it was its turn.
    Without {
        missing: String,
        /// In a sentence.
        why: String,
    },
}

/// A case that was tried.
pub(super) struct Tried {
    /// Where.
    pub(super) url: String,
    pub(super) request: GoldenRequest,
    /// The answers, or why there are none.
    pub(super) answers: Result<Vec<GoldenResponse>, String>,
    /// What stands in its topic; `None`: nobody could look.
    pub(super) landed: Option<Vec<GoldenRecord>>,
    pub(super) assessment: Assessment,
    pub(super) took: Duration,
}

/// A case that has been sent.
struct Sent {
    request: GoldenRequest,
    answers: Result<Vec<GoldenResponse>, String>,
    closed: Option<bool>,
    /// Where the request before landed, by partition and offset.
    before: BTreeSet<(i64, i64)>,
    /// The topic in which its records land: the case's, or the one that is not there where the path names that.
    own: String,
    /// What the answer to the request before told.
    told: Vec<(&'static str, String)>,
    between: (i64, i64),
    took: Duration,
}

impl Sent {
    fn seen<'a>(&'a self, landed: Option<&'a [GoldenRecord]>, topic: &'a str, cluster: &'a str) -> Seen<'a> {
        Seen {
            broken: self.answers.as_ref().err().map(String::as_str),
            answers: self.answers.as_deref().unwrap_or_default(),
            more: false,
            closed: self.closed,
            landed,
            landed_truncated: false,
            landed_count: None,
            topic,
            absent: None,
            own: Some(&self.own),
            names_topic: topic_of(&self.request).as_deref() == Some(&self.own),
            told: &self.told,
            cluster,
            between: self.between,
        }
    }
}

/// A place, and what is tried there.
pub(super) struct Site {
    pub(super) group: Group,
    pub(super) place: Place,
}

/// What is known of the cases before any is tried: what those want that no place has.
pub(super) fn before(plan: &Plan) -> Vec<Outcome> {
    let untried = || Outcome::Untried("the suite ended at the first failure".into());
    let each = plan.wanting.iter();
    each.map(|wanting| if wanting.is_empty() { untried() } else { Outcome::Missing(wanting.clone()) })
        .collect()
}

/// Tries every case of these places, in any order, and enters what came of each in its place in the plan. `each` is told of each
/// that is done.
pub(super) async fn run(
    trial: Trial<'_>,
    sites: &[Site],
    mut interrupt: watch::Receiver<Option<Interrupt>>,
    outcomes: &mut [Outcome],
    each: &mut impl FnMut(),
) -> Result<(), RestError> {
    let Trial { plan, options, .. } = trial;
    let stop = AtomicBool::new(false);
    let mut in_turn: Vec<(&Site, usize, usize)> = sites
        .iter()
        .flat_map(|site| {
            site.group.cases.iter().enumerate().map(move |(position, index)| (site, position, *index))
        })
        .collect();
    // Those that wait for long begin first, so that nobody waits for them alone in the end.
    in_turn.sort_by_key(|(_, _, index)| !plan.cases[*index].1.slow);
    let sending = in_turn.into_iter().map(|(site, position, index)| {
        let stop = &stop;
        async move {
            if stop.load(Relaxed) {
                return (index, None);
            }
            let sent = in_its_turn(plan, options, &site.place, (position, index), stop).await;
            (index, Some(sent))
        }
    });
    let mut all: Vec<Option<Sent>> = Vec::new();
    all.resize_with(plan.cases.len(), || None);
    let mut working = stream::iter(sending).buffer_unordered(options.at_once.max(1));
    loop {
        let next = tokio::select! {
            signal = signalled(&mut interrupt) => return Err(RestError::Interrupted(signal)),
            next = working.next() => next,
        };
        let Some((index, sent)) = next else { break };
        each();
        all[index] = sent;
    }
    drop(working);
    for site in sites {
        let mut landed = tokio::select! {
            signal = signalled(&mut interrupt) => return Err(RestError::Interrupted(signal)),
            landed = settled(plan, site, &all) => landed?,
        };
        for (topic, index) in site.place.topics.iter().zip(&site.group.cases) {
            let Some(sent) = all[*index].take() else { continue };
            let own = landed.as_mut().map(|by_topic| {
                let both = [topic.clone(), absent(topic)];
                both.iter().filter_map(|topic| by_topic.remove(topic)).flatten().collect()
            });
            outcomes[*index] = judged(plan, *index, &site.place, topic, sent, own);
        }
    }
    Ok(())
}

/// Sends a case, and notes whether it has failed where that ends the suite.
async fn in_its_turn(
    plan: &Plan,
    options: &Options,
    place: &Place,
    (position, index): (usize, usize),
    stop: &AtomicBool,
) -> Sent {
    let (requirement, case) = &plan.cases[index];
    let topic = &place.topics[position];
    let (expect, _) = expectation(case, plan.standard());
    let sent = one(case, &expect, topic, place, patience(options, &expect)).await;
    if options.fail_fast {
        // Without what landed: what does not even answer as it must has failed whatever lands.
        let seen = sent.seen(None, topic, place.cluster_id());
        let outcome = assess(case, requirement.level, plan.standard(), &seen).outcome;
        stop.fetch_or(plan.is_failure(&case.id, outcome), Relaxed);
    }
    sent
}

fn judged(
    plan: &Plan,
    index: usize,
    place: &Place,
    topic: &str,
    sent: Sent,
    own: Option<Vec<TailRecord>>,
) -> Outcome {
    let (requirement, case) = &plan.cases[index];
    let landed: Option<Vec<GoldenRecord>> = own.map(|records| {
        let records = records.into_iter().map(golden_record);
        let before = |record: &GoldenRecord| {
            record.topic == topic && sent.before.contains(&(record.partition.into(), record.offset))
        };
        records.filter(|record| !before(record)).collect()
    });
    let seen = sent.seen(landed.as_deref(), topic, place.cluster_id());
    let assessment = assess(case, requirement.level, plan.standard(), &seen);
    let Sent { request, answers, took, .. } = sent;
    Outcome::Tried(Box::new(Tried { url: place.url.clone(), request, answers, landed, assessment, took }))
}

/// What stands in the topics. It is waited for records that are expected and may be late, and for a moment in any case: what
/// must not land may be late as well.
async fn settled(plan: &Plan, site: &Site, all: &[Option<Sent>]) -> Result<Landed, RestError> {
    let begun = Instant::now();
    let place = &site.place;
    tokio::time::sleep(if place.is_own() { Duration::ZERO } else { LATE }).await;
    loop {
        let landed = place.landed().await?;
        let Some(by_topic) = &landed else { return Ok(None) };
        let short = site.group.cases.iter().zip(&place.topics).any(|(index, topic)| {
            let expected = plan.cases[*index].1.expect.landed.as_ref().map_or(0, Vec::len);
            let count = |topic: &str| by_topic.get(topic).map_or(0, Vec::len);
            all[*index].is_some() && count(topic) + count(&absent(topic)) < expected
        });
        if !short || begun.elapsed() >= 2 * LATE {
            return Ok(landed);
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// How long a case may take. Where no answer is to come it is waited no longer than landfall's own proxy needs for any.
fn patience(options: &Options, expect: &Expect) -> Duration {
    match &options.against {
        Against::Embedded(embedded) if expect.answers.as_ref().is_some_and(Vec::is_empty) => {
            (options.patience() / embedded.time_scale.max(1)).max(LATE)
        }
        _ => options.patience(),
    }
}

/// What is waited for where this is expected.
fn awaited(expect: &Expect) -> Awaited {
    let lingers = match expect.closes {
        Some(true) => Some(CLOSING),
        Some(false) => Some(STAYING),
        None => expect.answers.as_ref().map(|_| STAYING),
    };
    let answers = expect.answers.as_ref().map_or(1, Vec::len);
    Awaited { answers, interim: expect.answers.is_some(), lingers }
}

async fn one(case: &RestCase, expect: &Expect, topic: &str, place: &Place, limit: Duration) -> Sent {
    let (begun, from) = (Instant::now(), Timestamp::now().as_millisecond());
    let cluster = place.cluster_id();
    let mut names = vec![
        ("topic", topic.to_owned()),
        ("cluster", cluster.to_owned()),
        ("host", place.endpoint().authority.clone()),
    ];
    let (mut before, mut told) = (BTreeSet::new(), Vec::new());
    let mut failed = None;
    if let Some(request) = &case.before {
        match send(&filled(request, &names), place.endpoint(), Awaited::ONE, limit).await {
            Ok(answer) => told = told_before(&answer.answers, &mut before),
            Err(reason) => failed = Some(format!("the request before: {reason}")),
        }
    }
    names.extend(told.iter().cloned());
    let request = filled(&case.request, &names);
    let own = topic_of(&request).filter(|named| *named == absent(topic)).unwrap_or_else(|| topic.to_owned());
    let left = limit.saturating_sub(begun.elapsed());
    let (answers, closed) = match failed {
        Some(reason) => (Err(reason), None),
        None => match send(&request, place.endpoint(), awaited(expect), left).await {
            Ok(all) => (Ok(all.answers), all.closed),
            Err(reason) => (Err(reason), None),
        },
    };
    let to = Timestamp::now().as_millisecond();
    let between = (from - CLOCKS, to + CLOCKS);
    Sent { request, answers, closed, before, own, told, between, took: begun.elapsed() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conform::rest::mismatches;

    #[test]
    fn where_there_was_no_exchange_no_answer_is_not_as_expected() {
        let sent = |answers: Result<Vec<GoldenResponse>, String>, closed| Sent {
            request: GoldenRequest::default(),
            answers,
            closed,
            before: BTreeSet::new(),
            own: "t".into(),
            told: Vec::new(),
            between: (0, 0),
            took: Duration::ZERO,
        };
        let fields = |sent: &Sent| {
            let expect = Expect { answers: Some(Vec::new()), ..Expect::default() };
            let found = mismatches(&expect, &sent.seen(None, "t", "c"));
            found.into_iter().map(|mismatch| mismatch.field).collect::<Vec<_>>()
        };
        assert_eq!(fields(&sent(Err("cannot connect".into()), None)), ["answer"]);
        assert_eq!(fields(&sent(Ok(Vec::new()), Some(true))), ["closes"]);
        assert_eq!(fields(&sent(Ok(Vec::new()), Some(false))), [""; 0]);
    }
}
