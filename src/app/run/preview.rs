//! What a run would send, told without sending anything, bringing anything up, or asking anybody.

use std::time::Duration;

use super::budget::{self, Need};
use super::plan::{format, schedules, sizes};
use super::{RunError, catalogue};
use crate::load::{self, StreamPlan, Target};
use crate::record::{Catalogue, RunId};
use crate::result::{BudgetPreview, Preview, PreviewBox, WorkloadPreview};
use crate::scenario::{
    ApiSpec, GatewaySpec, IdpSpec, KafkaSpec, MetadataPlace, Protocol, ProxySpec, Scenario, Value, Workload,
};
use crate::schedule::{Schedule, workload_seed};
use crate::secret::Secret;

/// How many requests of a workload are composed to learn their size.
const SAMPLE: u64 = 50;
/// Characters of a body that are shown.
const SHOWN: usize = 400;
/// What API Gateway lets through in an account and region unless AWS has raised it: requests a second, and at once.
const ACCOUNT: (f64, f64) = (10_000.0, 5_000.0);

/// Tells what `scenario` would send as the run `run`. Reads the files that it names, and no secrets.
///
/// # Errors
/// [`RunError`] where records or schedules cannot be made.
pub fn preview(scenario: &Scenario, run: &RunId) -> Result<Preview, RunError> {
    let catalogue = catalogue(scenario, run.clone())?;
    let schedules = schedules(scenario)?;
    let need = Need::of(scenario, &schedules);
    let refused = match budget::check(scenario, &schedules) {
        Ok(()) => Vec::new(),
        Err(error) => vec![error.to_string()],
    };
    let mut workloads: Vec<WorkloadPreview> = Vec::new();
    let streams: Vec<(u16, &Workload, &Schedule)> = (0..)
        .zip(&scenario.workloads)
        .zip(&schedules)
        .map(|((number, workload), schedule)| (number, workload, schedule))
        .collect();
    // The streams of a fleet stand in a row.
    for group in streams.chunk_by(|(_, one, _), (_, other, _)| one.place == other.place) {
        workloads.push(of_workload(scenario, &catalogue, group));
    }
    let sum = |of: fn(&WorkloadPreview) -> Option<u64>| workloads.iter().filter_map(of).sum();
    #[expect(clippy::cast_precision_loss, reason = "no second has 2^53 requests")]
    let peak = need.peak_per_s as f64;
    Ok(Preview {
        scenario: scenario.name.clone(),
        boxes: boxes(scenario),
        hosts_away: scenario.stack.hosts_away(),
        requests: need.due,
        most_requests: need.requests,
        records: sum(|workload| workload.records),
        body_bytes: sum(|workload| workload.body_bytes),
        peak_per_s: need.peak_per_s,
        duration_ms: need.duration_ms,
        closed: need.closed,
        token_requests: match scenario.stack.idp {
            IdpSpec::None => 0,
            IdpSpec::Embedded(_) | IdpSpec::Container(_) | IdpSpec::External(_) => {
                scenario.partners.len() as u64
            }
        },
        share_of_account_rate: peak / ACCOUNT.0,
        share_of_account_burst: peak / ACCOUNT.1,
        budget: scenario.budget.map(|budget| BudgetPreview {
            requests: budget.requests,
            rate_per_s: budget.rate,
            duration_ms: millis(budget.duration),
            requests_left: i128::from(budget.requests) - i128::from(need.requests),
        }),
        refused,
        workloads,
    })
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// One workload, by its streams: one, or that of each member of a fleet.
fn of_workload(
    scenario: &Scenario,
    catalogue: &Catalogue,
    streams: &[(u16, &Workload, &Schedule)],
) -> WorkloadPreview {
    let (_, workload, schedule) = streams[0];
    let partner = &scenario.partners[workload.partner];
    let closed = schedule.is_closed();
    let (mut requests, mut records) = (0_u64, 0_u64);
    for (number, workload, schedule) in streams {
        let sizes = sizes(&workload.records_per_request);
        let seed = workload_seed(scenario.seed, *number);
        for arrival in schedule.cursor() {
            requests += 1;
            records += u64::from(sizes.at(seed, arrival.index));
        }
    }
    let (first_request, bytes_per_request) = sample(scenario, catalogue, streams[0]);
    let of_them = |scenario: &Scenario| {
        let schedules: Vec<Schedule> = streams.iter().map(|(_, _, schedule)| (*schedule).clone()).collect();
        Need::of(scenario, &schedules).peak_per_s
    };
    WorkloadPreview {
        workload: workload.place,
        partner: partner.fleet.clone().unwrap_or_else(|| partner.name.clone()),
        members: streams.len() as u64,
        topic: scenario.topics[workload.topic].name.clone(),
        requests: (!closed).then_some(requests),
        records: (!closed).then_some(records),
        body_bytes: (!closed).then_some(requests.saturating_mul(bytes_per_request)),
        peak_per_s: (!closed).then(|| of_them(scenario)),
        duration_ms: millis(schedule.duration()),
        attempts: workload.retry.as_ref().map_or(1, |retry| u64::from(retry.times) + 1),
        bytes_per_request,
        first_request,
    }
}

/// A stream's first request, and how many bytes its bodies have on average.
fn sample(
    scenario: &Scenario,
    catalogue: &Catalogue,
    (number, workload, schedule): (u16, &Workload, &Schedule),
) -> (String, u64) {
    let plan = plan(scenario, number, workload, schedule);
    let token = Secret::new("(its token)");
    let token = (scenario.stack.idp != IdpSpec::None).then_some(&token);
    let mut preview = load::Preview::new(number, &plan, catalogue.run());
    let (mut first, mut bytes) = (String::new(), 0_u64);
    for request in 0..SAMPLE {
        let text = String::from_utf8_lossy(preview.next(&plan, catalogue, token));
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        bytes += body.len() as u64;
        if request == 0 {
            let shown: String = body.chars().take(SHOWN).collect();
            let more = if shown.len() < body.len() { "…" } else { "" };
            first = format!("{}\n\n{shown}{more}", head.replace("\r\n", "\n"));
        }
    }
    (first, bytes / SAMPLE)
}

/// A stream's plan for a path that is not there: its secrets say where they would come from.
fn plan(scenario: &Scenario, number: u16, workload: &Workload, schedule: &Schedule) -> StreamPlan {
    let url = entrance(scenario);
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", &url));
    let (host, path) =
        rest.split_once('/').map_or((rest, String::new()), |(host, path)| (host, format!("/{path}")));
    let usual = if scheme == "https" { ":443" } else { ":80" };
    let authority = host.strip_suffix(usual).unwrap_or(host).to_owned();
    let target = Target { addresses: Vec::new(), authority, base_path: path, tls: None };
    let cluster = match (&scenario.stack.gateway, &scenario.stack.proxy) {
        (GatewaySpec::External { cluster_id: Some(id), .. }, _)
        | (_, ProxySpec::External { cluster_id: Some(id), .. }) => id.clone(),
        _ => "(cluster)".to_owned(),
    };
    let header = |(name, value): (&String, &Value)| {
        let shown = match value {
            Value::Plain(text) => text.clone(),
            Value::Reference(_) => "(hidden)".to_owned(),
        };
        (name.clone(), Secret::new(shown))
    };
    StreamPlan {
        partition: workload.partition,
        format: format(workload.format),
        cluster_id: workload.format.is_v3().then_some(cluster),
        seed: workload_seed(scenario.seed, number),
        sizes: sizes(&workload.records_per_request),
        protocol: Protocol::Http1,
        headers: scenario.partners[workload.partner].headers.iter().map(header).collect(),
        ..StreamPlan::plain(target, &scenario.topics[workload.topic].name, schedule.clone())
    }
}

/// The URL that produce calls would go to; of an embedded box without its port where that is any free one.
fn entrance(scenario: &Scenario) -> String {
    let at = |scheme: &str, port: u16, path: &str| match port {
        0 => format!("{scheme}://127.0.0.1{path}"),
        port => format!("{scheme}://127.0.0.1:{port}{path}"),
    };
    match (&scenario.stack.gateway, &scenario.stack.proxy) {
        (GatewaySpec::External { url, .. }, _) | (GatewaySpec::None, ProxySpec::External { url, .. }) => {
            url.clone()
        }
        (GatewaySpec::Embedded { port, tls, api, .. }, _) => {
            let scheme = if tls.is_some() { "https" } else { "http" };
            match api {
                ApiSpec::Produce { .. } => at(scheme, *port, "/prod"),
                ApiSpec::Definition(definition) => {
                    at(scheme, *port, &format!("{}{}", definition.base_path, definition.prefix))
                }
            }
        }
        (GatewaySpec::None, ProxySpec::Embedded { port, .. }) => at("http", *port, ""),
        (GatewaySpec::None, ProxySpec::Container(proxy)) => at("http", proxy.port, ""),
        (GatewaySpec::None, ProxySpec::None) => String::new(),
    }
}

/// The boxes of the path.
fn boxes(scenario: &Scenario) -> Vec<PreviewBox> {
    let stack = &scenario.stack;
    let mut boxes = Vec::new();
    let mut add = |name: &str, kind: &str, place: Option<&String>| {
        boxes.push(PreviewBox { name: name.into(), kind: kind.into(), place: place.cloned() });
    };
    match &stack.idp {
        IdpSpec::Embedded(_) => add("idp", "embedded", None),
        IdpSpec::Container(idp) => add("idp", "container", Some(&idp.image.image.to_string())),
        IdpSpec::External(idp) => {
            let (MetadataPlace::Issuer(url) | MetadataPlace::Url(url)) = &idp.place;
            add("idp", "external", Some(url));
        }
        IdpSpec::None => {}
    }
    match &stack.gateway {
        GatewaySpec::Embedded { .. } => add("gateway", "embedded", None),
        GatewaySpec::External { url, .. } => add("gateway", "external", Some(url)),
        GatewaySpec::None => {}
    }
    for (scheme, function) in stack.gateway.function_containers() {
        let image = function.image.image.to_string();
        add(&format!("authorizer-{scheme}"), "container", Some(&image));
    }
    match &stack.proxy {
        ProxySpec::Embedded { .. } => add("proxy", "embedded", None),
        ProxySpec::Container(proxy) => {
            add("proxy", "container", Some(&proxy.image.image.to_string()));
            if let Some(registry) = &proxy.registry {
                add("registry", "container", Some(&registry.image.image.to_string()));
            }
        }
        ProxySpec::External { url, .. } => add("proxy", "external", Some(url)),
        ProxySpec::None => {}
    }
    match &stack.kafka {
        KafkaSpec::Embedded { .. } => add("kafka", "embedded", None),
        KafkaSpec::Container(kafka) => add("kafka", "container", Some(&kafka.image.image.to_string())),
        KafkaSpec::External { bootstrap, .. } => add("kafka", "external", Some(bootstrap)),
    }
    boxes
}
