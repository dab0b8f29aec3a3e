//! From the merged tree to a [`Scenario`], field by field.

use std::time::Duration;

use super::boxes::{duration_or, read_stack};
use super::check::parse_check;
use super::decode::{Fields, Item};
use super::error::{Problems, quoted};
use super::faults::read_fault;
use super::fingerprint::fingerprint;
use super::hosts::read_allowed;
use super::model::{Check, Expect, Partner, Scenario, SecretSource, TopicSpec};
use super::secrets::read_secret;
use super::tree::Node;
use super::workload::{Names, read_workload};

/// Characters a scenario's name may have.
const LONGEST_NAME: usize = 100;

/// What people may expect at the top level, and what there is instead.
const REFUSED: [(&str, &str); 4] = [
    ("abort_when", "a run is not stopped early; put the rule into `checks`, which are judged at its end"),
    ("thresholds", "rules over metrics stand in `checks`: write `checks: [latency.p99 < 250ms]`"),
    ("registry", "there is no registry box; the formats v2-json and v2-binary need none"),
    ("authorizer", "the authorizer is part of the embedded gateway; see `stack.gateway.authorizer_ttl`"),
];

/// Reads the scenario that `root` says. Where something has been reported, the result holds any values; it
/// is of use only if `problems` is empty.
pub(super) fn read_scenario(root: &Node, problems: &mut Problems) -> Option<Scenario> {
    let item = Item { node: root, path: String::new() };
    let mut fields = item.fields(problems)?;
    if let Some(version) = fields.required("version", "1", problems) {
        version.integer(&(1..=1), problems);
    }
    let name = fields.required("name", "quickstart", problems).and_then(|item| read_name(&item, problems));
    let seed = fields.optional("seed").and_then(|item| item.integer(&(0..=u64::MAX), problems)).unwrap_or(0);
    let day = Duration::from_hours(24);
    let grace = fields.optional("grace").and_then(|item| item.duration(&(Duration::ZERO..=day), problems));
    let drain_range = (Duration::ZERO, Duration::from_hours(1));
    let drain = duration_or(&mut fields, "drain", Duration::from_secs(35), drain_range, problems);
    let allow_hosts =
        fields.optional("allow_hosts").map(|item| read_allowed(&item, problems)).unwrap_or_default();

    let stack_item = fields.optional("stack");
    let stack_fields = match &stack_item {
        Some(item) => item.fields(problems),
        None => Some(Fields::none("stack", item.at())),
    };
    let stack = stack_fields.map(|fields| read_stack(fields, &allow_hosts, problems));

    let (topics, topic_names) = read_topics(&mut fields, problems);
    let (partners, partner_names) = read_partners(&mut fields, problems);
    let workloads = items(&mut fields, "workload", "[{ partner: …, topic: …, … }]", problems)
        .iter()
        .filter_map(|item| read_workload(item, &partner_names, &topic_names, &topics, problems))
        .collect();
    let checks = match fields.optional("checks") {
        Some(item) => read_checks(&item, problems),
        None => Vec::new(),
    };
    let faults = match fields.optional("faults").and_then(|item| item.list(problems)) {
        Some(items) => {
            items.iter().filter_map(|item| read_fault(item, stack.as_ref(), &topic_names, problems)).collect()
        }
        None => Vec::new(),
    };
    fields.finish(&REFUSED, problems);
    Some(Scenario {
        name: name?.to_owned(),
        seed,
        hash: fingerprint(root),
        stack: stack?,
        topics,
        partners,
        workloads,
        checks,
        faults,
        grace,
        drain,
        allow_hosts,
    })
}

fn read_name<'t>(item: &Item<'t>, problems: &mut Problems) -> Option<&'t str> {
    let name = item.name(problems)?;
    if name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
        item.fail(problems, format!("must be one line of at most {LONGEST_NAME} characters"));
        return None;
    }
    Some(name)
}

/// The items of the required list `name`, which must not be empty.
fn items<'t>(
    fields: &mut Fields<'t>,
    name: &'static str,
    example: &str,
    problems: &mut Problems,
) -> Vec<Item<'t>> {
    let Some(list) = fields.required(name, example, problems) else { return Vec::new() };
    let Some(items) = list.list(problems) else { return Vec::new() };
    if items.is_empty() {
        list.suggest(
            problems,
            "must have at least one item",
            format!("write for instance `{name}: {example}`"),
        );
    }
    items
}

fn read_topics(fields: &mut Fields<'_>, problems: &mut Problems) -> (Vec<TopicSpec>, Names) {
    let items = items(fields, "topics", "[{ name: quakes, partitions: 6 }]", problems);
    let mut names = Names { names: Vec::new(), complete: !items.is_empty() };
    let mut topics: Vec<TopicSpec> = Vec::new();
    for item in &items {
        let name = read_topic(item, &topics, problems);
        names.complete &= name.is_some();
        if let Some(topic) = name {
            names.names.push(topic.name.clone());
            topics.push(topic);
        }
    }
    (topics, names)
}

fn read_topic(item: &Item<'_>, others: &[TopicSpec], problems: &mut Problems) -> Option<TopicSpec> {
    let mut fields = item.fields(problems)?;
    let name_item = fields.required("name", "quakes", problems);
    let name = name_item.as_ref().and_then(|item| read_topic_name(item, problems));
    let partitions =
        fields.optional("partitions").map_or(Some(1), |item| item.integer(&(1..=10_000), problems));
    fields.finish(
        &[("replication", "landfall does not set the replication; the cluster's default holds")],
        problems,
    );
    let (name_item, name) = (name_item?, name?);
    // Kafka's metrics write `.` as `_`, so it refuses topics that differ in nothing else
    // (org.apache.kafka.common.internals.Topic.hasCollision).
    if let Some(other) = others.iter().find(|other| other.name.replace('.', "_") == name.replace('.', "_")) {
        let message = if other.name == name {
            format!("the topic {} is named twice", quoted(name))
        } else {
            format!("Kafka takes {} and {} for the same name", quoted(name), quoted(&other.name))
        };
        name_item.fail(problems, message);
        return None;
    }
    Some(TopicSpec { name: name.to_owned(), partitions: partitions? })
}

/// A legal name of a topic (`org.apache.kafka.common.internals.Topic.validate`).
fn read_topic_name<'t>(item: &Item<'t>, problems: &mut Problems) -> Option<&'t str> {
    let name = item.text(problems)?;
    let legal = (1..=249).contains(&name.len())
        && name != "."
        && name != ".."
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    if !legal {
        let message = format!("{} is no legal name of a Kafka topic", quoted(name));
        let remedy = "use 1 to 249 of the characters a-z, A-Z, 0-9, `.`, `_`, `-`, but not `.` or `..` alone";
        item.suggest(problems, message, remedy);
    }
    legal.then_some(name)
}

fn read_partners(fields: &mut Fields<'_>, problems: &mut Problems) -> (Vec<Partner>, Names) {
    let items = items(fields, "partners", "[{ name: seismic, secret: generated }]", problems);
    let mut names = Names { names: Vec::new(), complete: !items.is_empty() };
    let mut partners: Vec<Partner> = Vec::new();
    for item in &items {
        let partner = read_partner(item, &partners, problems);
        names.complete &= partner.is_some();
        if let Some(partner) = partner {
            names.names.push(partner.name.clone());
            partners.push(partner);
        }
    }
    (partners, names)
}

fn read_partner(item: &Item<'_>, others: &[Partner], problems: &mut Problems) -> Option<Partner> {
    const EXPECTATIONS: [(&str, Expect); 2] = [("accept", Expect::Accept), ("refuse", Expect::Refuse)];
    let mut fields = item.fields(problems)?;
    let name_item = fields.required("name", "seismic", problems);
    let name = name_item.as_ref().and_then(|item| item.name(problems));
    let id_item = fields.optional("client_id");
    let client_id = match &id_item {
        Some(item) => item.name(problems),
        None => name,
    };
    let secret = fields
        .required("secret", "generated", problems)
        .and_then(|item| read_secret(&item, problems))
        .unwrap_or(SecretSource::Generated);
    let scope = fields.optional("scope").and_then(|item| item.text(problems)).unwrap_or_default();
    let expect = fields
        .optional("expect")
        .and_then(|item| item.choice(&EXPECTATIONS, problems))
        .unwrap_or(Expect::Accept);
    fields.finish(&[("scopes", "the scopes stand in `scope`, one text with spaces between them")], problems);
    let (name_item, name, client_id) = (name_item?, name?, client_id?);
    if others.iter().any(|other| other.name == name) {
        name_item.fail(problems, format!("the partner {} is named twice", quoted(name)));
        return None;
    }
    if let Some(other) = others.iter().find(|other| other.client_id == client_id) {
        let message = format!(
            "the client id {} belongs to the partner {} already",
            quoted(client_id),
            quoted(&other.name)
        );
        id_item.as_ref().unwrap_or(&name_item).fail(problems, message);
    }
    Some(Partner {
        name: name.to_owned(),
        client_id: client_id.to_owned(),
        secret,
        scope: scope.to_owned(),
        expect,
    })
}

fn read_checks(item: &Item<'_>, problems: &mut Problems) -> Vec<Check> {
    let mut checks = Vec::new();
    for item in item.list(problems).unwrap_or_default() {
        let Some(text) = item.text(problems) else { continue };
        match parse_check(text) {
            Ok(check) => checks.push(check),
            Err(problem) => item.suggest(problems, problem.message, problem.suggestion),
        }
    }
    checks
}
