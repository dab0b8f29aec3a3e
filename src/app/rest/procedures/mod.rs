//! Cases that take a procedure: each is carried out on topics of its own, some on a proxy and a broker of its own.

mod absent;
mod acks;
mod at_once;
mod by_hand;
mod disconnect;
mod duplex;
mod ground;
mod line;
mod order;
mod own;
mod stopped;

use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::stream;
use tokio::sync::watch;
use tokio::time::timeout;

use self::by_hand::by_hand;
use self::ground::Ground;
use self::own::{Own, Wanted};
use super::contained::Contained;
use super::error::RestError;
use super::place::Place;
use super::surroundings::groups;
use super::{Plan, Trial};
use crate::app::golden::{Against, Embedded, signalled};
use crate::app::run::Interrupt;
use crate::conform::rest::{
    Account, Assessment, Look, Own as OwnBox, Procedure, ProcedureCase, Requirement, RestCase, TopicOf,
    assess_procedure, judge_procedure,
};
use crate::load::Target;
use crate::wire::produce::Api;

/// How long an answer is waited for: longer than anything takes that Kafka does not hold up.
const ANSWER: Duration = Duration::from_secs(15);

/// What became of a procedure.
pub(super) enum Outcome {
    /// It was carried out.
    Tried(Box<Tried>),
    /// It was not, for this reason.
    Untried(String),
    /// It was not, for want of this.
    Missing(Vec<String>),
}

/// What became of all.
pub(super) struct CarriedOut {
    /// In the order of the plan.
    pub(super) outcomes: Vec<Outcome>,
    /// What has been left behind, in words.
    pub(super) left: Option<String>,
}

/// Whether one has failed, and nothing excuses that.
pub(super) fn has_failed(plan: &Plan, outcomes: &[Outcome]) -> bool {
    plan.procedures.iter().zip(outcomes).any(|((_, case), outcome)| outcome.is_failure(plan, &case.id))
}

impl Outcome {
    fn is_failure(&self, plan: &Plan, id: &str) -> bool {
        matches!(self, Self::Tried(tried) if plan.is_failure(id, tried.assessment.outcome))
    }
}

/// A procedure that was carried out.
pub(super) struct Tried {
    /// The id of the cluster that its requests named.
    pub(super) cluster: String,
    pub(super) account: Account,
    pub(super) assessment: Assessment,
    pub(super) took: Duration,
}

/// None of them, since the suite has ended.
pub(super) fn untried(plan: &Plan) -> Vec<Outcome> {
    let untried = |_| Outcome::Untried("the suite ended at the first failure".to_owned());
    plan.procedures.iter().map(untried).collect()
}

/// Carries out every procedure, some at once. `each` is told of each that is done.
pub(super) async fn run(
    trial: Trial<'_>,
    run: &str,
    mut interrupt: watch::Receiver<Option<Interrupt>>,
    each: impl FnMut(),
) -> Result<CarriedOut, RestError> {
    let Trial { plan, options, hands } = trial;
    if plan.procedures.is_empty() {
        return Ok(CarriedOut { outcomes: Vec::new(), left: None });
    }
    let cases: Vec<&RestCase> = Vec::new();
    let mut groups = groups(options, trial.contained(), &cases, &[]);
    let unnamed = |_| String::new();
    let mut place = Place::open(trial, &groups.remove(0), &cases, unnamed, &mut interrupt).await?;
    let mut topics: Vec<Vec<String>> = Vec::new();
    let mut wanted = Vec::new();
    for (number, (requirement, case)) in (1..).zip(&plan.procedures) {
        // What has boxes of landfall's own has topics of its own.
        let brings = (case.procedure.needs().is_some() && hands.is_none())
            || !missing(trial, requirement, case).is_empty();
        let own = if brings { Vec::new() } else { case.procedure.topics() };
        let own = (1..).zip(own).map(|(at, topic)| (format!("landfall-{run}-p{number}-{at}"), topic));
        let own: Vec<(String, TopicOf)> = own.collect();
        topics.push(own.iter().map(|(name, _)| name.clone()).collect());
        wanted.extend(own);
    }
    let outcomes = match place.add(hands, &wanted, &mut interrupt).await {
        Ok(()) => all(trial, &Ours { place: &place, topics: &topics }, interrupt, each).await,
        Err(error) => Err(error),
    };
    let left = place.close().await;
    match outcomes {
        Ok(outcomes) => Ok(CarriedOut { outcomes, left }),
        Err(error) => Err(error.leaving(left.as_slice())),
    }
}

/// Where they are carried out that bring no boxes of their own.
struct Ours<'p> {
    place: &'p Place,
    /// Those of each procedure, in the order of the plan.
    topics: &'p [Vec<String>],
}

async fn all(
    trial: Trial<'_>,
    ours: &Ours<'_>,
    mut interrupt: watch::Receiver<Option<Interrupt>>,
    mut each: impl FnMut(),
) -> Result<Vec<Outcome>, RestError> {
    let Trial { plan, options, hands } = trial;
    let mut outcomes = untried(plan);
    // What is done to boxes that all share is done when nobody else needs them, one thing after another.
    let is_by_hand = |index: &usize| hands.is_some() && plan.procedures[*index].1.procedure.needs().is_some();
    let (by_hand, others): (Vec<usize>, Vec<usize>) = (0..plan.procedures.len()).partition(is_by_hand);
    let carry = |index: usize| one_of_all(trial, ours, index);
    let others = stream::iter(others.into_iter().map(carry)).buffer_unordered(options.at_once.max(1));
    let by_hand = stream::iter(by_hand.into_iter().map(carry)).buffered(1);
    let mut working = std::pin::pin!(others.chain(by_hand));
    loop {
        let next = tokio::select! {
            signal = signalled(&mut interrupt) => return Err(RestError::Interrupted(signal)),
            next = working.next() => next,
        };
        let Some((index, outcome)) = next else { break };
        let outcome = outcome?;
        each();
        let failed = outcome.is_failure(plan, &plan.procedures[index].1.id);
        outcomes[index] = outcome;
        if options.fail_fast && failed {
            break;
        }
    }
    Ok(outcomes)
}

/// The procedure at this place in the plan, and what comes of it. An error is one after which nothing can be tried any more.
async fn one_of_all(trial: Trial<'_>, ours: &Ours<'_>, index: usize) -> (usize, Result<Outcome, RestError>) {
    let plan = trial.plan;
    let (requirement, case) = &plan.procedures[index];
    let missing = missing(trial, requirement, case);
    if !missing.is_empty() {
        return (index, Ok(Outcome::Missing(missing)));
    }
    let begun = Instant::now();
    let account = match carried_out(case, trial, ours.place, &ours.topics[index]).await {
        Ok(account) => account,
        Err(error @ RestError::NotBack { .. }) => return (index, Err(error)),
        // Nothing is known of the proxy then, and the other cases stand for themselves.
        Err(error) => return (index, Ok(Outcome::Untried(error.to_string()))),
    };
    let finding = judge_procedure(case.procedure, &account);
    let assessment = assess_procedure(case, requirement.level, plan.standard(), finding);
    let cluster = ours.place.cluster_id().to_owned();
    let tried = Tried { cluster, account, assessment, took: begun.elapsed() };
    (index, Ok(Outcome::Tried(Box::new(tried))))
}

/// What a procedure needs and the place does not have.
fn missing(trial: Trial<'_>, requirement: &Requirement, case: &ProcedureCase) -> Vec<String> {
    let given = |own: OwnBox| match (&trial.options.against, trial.contained()) {
        (Against::Embedded(_), _) => true,
        (Against::Running { .. }, None) => false,
        (Against::Running { .. }, Some(contained)) => is_given(contained, case.procedure, own),
    };
    let own = case.procedure.needs().filter(|own| !given(*own));
    let mut missing: Vec<String> = own.map(|own| own.name().to_owned()).into_iter().collect();
    let api = match case.api {
        Api::V2 => crate::conform::rest::Api::V2,
        Api::V3 => crate::conform::rest::Api::V3,
    };
    if let Some(profile) = &trial.plan.profile {
        let lacking = [api, requirement.api].into_iter().find(|api| profile.lacks.contains(api));
        missing.extend(lacking.map(|api| api.name().to_owned()));
    }
    missing
}

/// Whether boxes in containers have what a procedure needs.
fn is_given(contained: &Contained, procedure: Procedure, own: OwnBox) -> bool {
    match own {
        OwnBox::Broker | OwnBox::Proxy => contained.brokers,
        // A topic that a proxy makes stays in a Kafka that is elsewhere.
        OwnBox::Replica => {
            contained.proxies.len() > 1 && (contained.brokers || procedure != Procedure::TopicOfAnother)
        }
        OwnBox::Witness | OwnBox::Time => false,
    }
}

async fn carried_out(
    case: &ProcedureCase,
    trial: Trial<'_>,
    place: &Place,
    topics: &[String],
) -> Result<Account, RestError> {
    let patience = trial.options.patience();
    if let Some(hands) = trial.hands.filter(|_| case.procedure.needs().is_some()) {
        return by_hand(case, patience, hands, place, topics).await;
    }
    let limit = patience.min(ANSWER);
    let done = match &trial.options.against {
        Against::Embedded(embedded) if case.procedure.needs().is_some() => {
            timeout(case.procedure.limit(), on_its_own(case, embedded, limit)).await
        }
        _ => {
            let ground = ground_at(place, vec![place.endpoint().clone()], topics, limit);
            timeout(case.procedure.limit(), at_a_proxy(case, &ground)).await
        }
    };
    done.unwrap_or_else(|_| Ok(too_long(case.procedure.limit())))
}

/// The ground of a procedure at a place that it shares with others.
fn ground_at(place: &Place, endpoints: Vec<Target>, topics: &[String], limit: Duration) -> Ground {
    Ground {
        endpoints,
        cluster: place.cluster_id().to_owned(),
        topics: topics.to_vec(),
        kafka: place.kafka().cloned(),
        own: place.is_own(),
        limit,
    }
}

/// What shows that a procedure was not done in its time.
fn too_long(limit: Duration) -> Account {
    let late = format!("it took longer than {} s", limit.as_secs());
    let look = Look { what: "the procedure".to_owned(), expected: vec![200], seen: Err(late) };
    Account { looks: vec![look], ..Account::default() }
}

/// Procedures that a proxy is enough for, and a Kafka behind it.
async fn at_a_proxy(case: &ProcedureCase, ground: &Ground) -> Result<Account, RestError> {
    match case.procedure {
        Procedure::ConcurrentIsolation => at_once::isolation(ground, case.api).await,
        Procedure::ManyRecords => at_once::many(ground, case.api).await,
        Procedure::DisconnectAfterRequest => disconnect::hang_up(ground, case.api, true).await,
        Procedure::DisconnectAmidRequest => disconnect::hang_up(ground, case.api, false).await,
        Procedure::KeepAlive => order::keep_alive(ground, case.api).await,
        Procedure::FullDuplex => duplex::full_duplex(ground).await,
        Procedure::SameAgain => order::same_again(ground, case.api).await,
        // What the others try is carried out with more than a proxy, or not at all.
        Procedure::SequentialOrder
        | Procedure::TwoReplicas
        | Procedure::TopicOfAnother
        | Procedure::BrokerReturns
        | Procedure::PortStaysOpen
        | Procedure::SerialBlocking
        | Procedure::LaterThanGateway
        | Procedure::StoppedInHand
        | Procedure::Acknowledgements => order::sequential(ground, case.api).await,
    }
}

/// Procedures that take a proxy and a broker of their own.
async fn on_its_own(
    case: &ProcedureCase,
    embedded: &Embedded,
    limit: Duration,
) -> Result<Account, RestError> {
    let api = case.api;
    let topics = case.procedure.topics();
    let two = || Own::start(Wanted { embedded, topics, replicas: 2, faults: Vec::new(), limit });
    match case.procedure {
        Procedure::SerialBlocking => absent::serial_blocking(embedded, api, limit).await,
        Procedure::PortStaysOpen => absent::port_stays_open(embedded, limit).await,
        Procedure::LaterThanGateway => absent::later_than_gateway(embedded, api, limit).await,
        Procedure::StoppedInHand => stopped::in_hand(embedded, api, limit).await,
        Procedure::Acknowledgements => acks::asked(embedded, api, limit).await,
        Procedure::TwoReplicas => order::sequential(&two().await?.ground, api).await,
        Procedure::TopicOfAnother => {
            order::topic_of_another(&mut two().await?.ground, "landfall-made", api).await
        }
        // What the others try needs nothing of its own, so they never come here.
        Procedure::BrokerReturns
        | Procedure::SequentialOrder
        | Procedure::ConcurrentIsolation
        | Procedure::DisconnectAfterRequest
        | Procedure::DisconnectAmidRequest
        | Procedure::ManyRecords
        | Procedure::KeepAlive
        | Procedure::FullDuplex
        | Procedure::SameAgain => absent::broker_returns(embedded, api, limit).await,
    }
}
