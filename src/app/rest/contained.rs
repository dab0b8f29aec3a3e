//! The suite against boxes in containers: they are brought up for it, and do what cases ask of them.

use tokio::sync::watch;

use super::error::RestError;
use super::{Options, Wanted, tried};
use crate::app::conform::clear;
use crate::app::golden::{Against, signalled};
use crate::app::run::Interrupt;
use crate::result::{Conformance, Verdict};
use crate::scenario::{GatewaySpec, IdpSpec, KafkaSpec, ProxySpec, Scenario, Value};
use crate::stack::{AUTO_CREATE, Logs, Stack};

/// The scenario whose boxes are tried where none is named.
pub const SCENARIO: &str = include_str!("../../../scenarios/rest-proxy.yaml");

/// How the names of the suite's topics begin.
const TOPICS: &str = "landfall-";

/// How far in the future a record's timestamp may be: before 4.0 as far as a number goes, since then an hour (KIP-1030).
const LATEST: (&str, &str) = ("KAFKA_LOG_MESSAGE_TIMESTAMP_AFTER_MAX_MS", "9223372036854775807");

/// Which boxes are containers, and so can have something done to them.
#[derive(Debug, Clone, Default)]
pub(super) struct Contained {
    /// URLs of the proxies, past their balancer; not empty.
    pub(super) proxies: Vec<String>,
    /// Whether the brokers are containers, too.
    pub(super) brokers: bool,
}

/// The boxes themselves.
pub(super) struct Hands<'s> {
    pub(super) contained: Contained,
    pub(super) stack: &'s Stack,
    pub(super) scenario: &'s Scenario,
}

/// By which profile the proxies of the scenario are judged, as their adapter has it; `None`: by what is required.
#[must_use]
pub fn profile_of_adapter(scenario: &Scenario) -> Option<String> {
    match &scenario.stack.proxy {
        ProxySpec::Container(proxy) => proxy.judged_by(),
        ProxySpec::Embedded { .. } | ProxySpec::External { .. } | ProxySpec::None => None,
    }
}

/// Brings up the scenario's Kafka and proxies, of which the proxies must be containers, and tries these. Whose `against` is
/// named in `options` is no matter.
///
/// # Errors
/// [`RestError`], where there is no result. Nothing is left of what was started.
pub async fn rest_in_containers(
    scenario: &Scenario,
    options: &Options,
    interrupt: watch::Receiver<Option<Interrupt>>,
    each: impl FnMut(usize, usize),
) -> Result<Conformance, RestError> {
    let scenario = &alone(scenario, options.auto_create)?;
    let wanted = Wanted::read(options)?;
    clear(&options.folder)?;
    let starting = async {
        let stack = Stack::start(scenario, Logs { folder: &options.folder, trace: None }).await?;
        stack.let_proxies_make(TOPICS).await?;
        Ok::<_, RestError>(stack)
    };
    let mut signals = interrupt.clone();
    let stack = tokio::select! {
        signal = signalled(&mut signals) => return Err(RestError::Interrupted(signal)),
        started = starting => started?,
    };
    let contained =
        Contained { proxies: stack.proxies_in_containers(), brokers: stack.has_brokers_in_containers() };
    let options = Options {
        against: Against::Running {
            url: contained.proxies.first().cloned().unwrap_or_default(),
            kafka: Some(stack.kafka().clone()),
            hosts: scenario.allow_hosts.clone(),
        },
        auto_create: auto_create(scenario).or(options.auto_create),
        registry: Some(stack.has_registry()),
        ..options.clone()
    };
    let hands = Hands { contained, stack: &stack, scenario };
    let mut result = tried(wanted, &options, Some(&hands), interrupt, each).await?;
    let lost = stack.note_ends().await;
    // Requests went past it.
    result.boxes = stack.boxes().iter().filter(|part| part.name != "balancer").cloned().collect();
    result.note_boxes(stack.notes(), lost);
    stack.add_endings(&mut result.boxes, result.verdict != Verdict::Pass).await;
    result.scenario.clone_from(&scenario.name);
    Ok(result)
}

/// The scenario's Kafka and proxies without the rest of the path.
fn alone(scenario: &Scenario, auto_create: Option<bool>) -> Result<Scenario, RestError> {
    let mut alone = scenario.clone();
    if !matches!(alone.stack.proxy, ProxySpec::Container(_)) {
        return Err(RestError::NotContained { scenario: alone.name });
    }
    alone.stack.idp = IdpSpec::None;
    alone.stack.gateway = GatewaySpec::None;
    alone.partners.clear();
    alone.workloads.clear();
    alone.faults.clear();
    if matches!(alone.stack.kafka, KafkaSpec::External { create_topics: false, .. }) {
        return Err(RestError::MakesTopics { scenario: alone.name });
    }
    // Each case has a topic of its own.
    alone.topics.clear();
    if let KafkaSpec::Container(kafka) = &mut alone.stack.kafka {
        if kafka.flaw.is_some() {
            return Err(RestError::Flawed { scenario: alone.name });
        }
        let (name, value) = LATEST;
        kafka.env.entry(name.to_owned()).or_insert_with(|| Value::Plain(value.to_owned()));
        if let Some(on) = auto_create {
            kafka.env.insert(AUTO_CREATE.to_owned(), Value::Plain(on.to_string()));
        }
    }
    Ok(alone)
}

/// Whether Kafka makes topics that somebody asks for; `None`: it is elsewhere, or keeps that for itself.
fn auto_create(scenario: &Scenario) -> Option<bool> {
    let KafkaSpec::Container(kafka) = &scenario.stack.kafka else { return None };
    match kafka.env.get(AUTO_CREATE) {
        None => Some(false),
        Some(Value::Plain(text)) => text.parse().ok(),
        Some(Value::Reference(_)) => None,
    }
}
