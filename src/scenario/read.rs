//! From the merged tree to a [`Scenario`], field by field.

use std::time::Duration;

use super::abort::read_aborts;
use super::boxes::{duration_or, read_stack};
use super::check::{BOX_FAMILIES, CHECKS, parse_check};
use super::decode::{Fields, Item};
use super::error::Problems;
use super::evidence::read_evidence;
use super::extends::{Load, has_known_version};
use super::faults::{self, check_late_targets, read_fault};
use super::fingerprint::fingerprint;
use super::hosts::read_allowed;
use super::idp::Around;
use super::model::{
    Check, Expect, GatewaySpec, Limit, ProxySpec, Scenario, Source, StackSpec, StopRule, TopicSpec, Workload,
};
use super::partners::{Partners, read_partners};
use super::reach;
use super::safety::{read_budget, read_stop_on};
use super::topics::read_topics;
use super::tree::Node;
use super::workload::{Names, read_workload};

/// Characters a scenario's name may have.
const LONGEST_NAME: usize = 100;

/// Streams that a scenario may have, the members of fleets included.
const MOST_STREAMS: usize = 10_000;

/// What people may expect at the top level, and what there is instead.
const REFUSED: [(&str, &str); 3] = [
    ("thresholds", "rules over metrics stand in `checks`: write `checks: [latency.p99 < 250ms]`"),
    ("registry", "the schema registry is part of the embedded proxy: see `stack.proxy.registry`"),
    ("authorizer", "the authorizer is part of the embedded gateway; see `stack.gateway.authorizer_ttl`"),
];

/// Reads the scenario that `root` says; `files` gives the text of the files that it names. Where something has been reported, the result holds any values; it
/// is of use only if `problems` is empty.
pub(super) fn read_scenario(root: &Node, files: Load<'_>, problems: &mut Problems) -> Option<Scenario> {
    let item = Item { node: root, path: String::new() };
    let mut fields = item.fields(problems)?;
    // Files of an unknown version have been refused before they were put together.
    has_known_version(&mut fields, problems);
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
    let before_stack = problems.count();
    let stack = stack_fields
        .map(|fields| read_stack(fields, Around { allowed: &allow_hosts, load: files }, problems));

    // Of a stack with something wrong in it, nothing is said that may follow from that alone.
    let right_stack = stack.as_ref().filter(|_| problems.count() == before_stack);

    let before_load = problems.count();
    let (topics, topic_names) = read_topics(&mut fields, stack.as_ref(), problems);
    let partners = read_partners(&mut fields, stack.as_ref(), problems);
    let load_threads = fields.optional("load").map_or(1, |item| read_load(&item, problems));
    let evidence = fields.optional("evidence").map(|item| read_evidence(&item, problems)).unwrap_or_default();
    let workloads = read_workloads(&mut fields, &partners, (&topics, &topic_names), stack.as_ref(), problems);
    // Of what could not be read, nothing can be said that follows from it.
    let token_life = stack.as_ref().and_then(StackSpec::token_life);
    let load = reach::Load { partners: &partners.list, topics: &topics, workloads: &workloads, token_life };
    let load = (problems.count() == before_load).then_some(load);
    let checks = match fields.optional("checks") {
        Some(item) => read_checks(&item, load, right_stack, problems),
        None => Vec::new(),
    };
    let abort_when =
        fields.optional("abort_when").map(|item| read_aborts(&item, problems)).unwrap_or_default();
    let stop_on = match fields.optional("stop_on") {
        Some(item) => read_stop_on(&item, problems),
        None if stack.as_ref().is_some_and(|stack| !stack.hosts_away().is_empty()) => {
            StopRule::USUAL.to_vec()
        }
        None => Vec::new(),
    };
    let budget = fields.optional("budget").and_then(|item| read_budget(&item, problems));
    let faults = match fields.optional("faults").and_then(|item| item.list(problems)) {
        Some(items) => {
            let around = faults::Around { stack: right_stack, topics: &topic_names, load };
            let read: Vec<_> = items.iter().filter_map(|item| read_fault(item, &around, problems)).collect();
            if let (Some(item), Some(stack)) = (items.last(), right_stack) {
                check_late_targets(item, &read, stack, problems);
            }
            read
        }
        None => Vec::new(),
    };
    fields.finish(&REFUSED, problems);
    Some(Scenario {
        name: name?.to_owned(),
        seed,
        hash: fingerprint(root),
        source: Source::default(),
        stack: stack?,
        topics,
        partners: partners.list,
        workloads,
        checks,
        abort_when,
        stop_on,
        budget,
        faults,
        evidence,
        load_threads,
        grace,
        drain,
        allow_hosts,
    })
}

/// How the load is sent: `threads`.
fn read_load(item: &Item<'_>, problems: &mut Problems) -> u16 {
    let Some(mut fields) = item.fields(problems) else { return 1 };
    let threads = fields.optional("threads").and_then(|item| item.integer(&(1..=64), problems)).unwrap_or(1);
    fields.finish(&[("rate", "the rate stands in a workload's `arrivals`")], problems);
    threads
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
pub(super) fn items<'t>(
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

/// The streams of all workloads.
fn read_workloads(
    fields: &mut Fields<'_>,
    partners: &Partners,
    (topics, topic_names): (&[TopicSpec], &Names),
    stack: Option<&StackSpec>,
    problems: &mut Problems,
) -> Vec<Workload> {
    // What cannot be read says nothing of what the path speaks.
    let speaks_http2 = stack.is_none_or(|stack| match &stack.gateway {
        GatewaySpec::Embedded { tls, .. } => tls.is_some(),
        GatewaySpec::External { .. } => true,
        GatewaySpec::None => matches!(stack.proxy, ProxySpec::External { .. }),
    });
    let mut streams = Vec::new();
    for (place, item) in
        items(fields, "workload", "[{ partner: …, topic: …, … }]", problems).iter().enumerate()
    {
        let read = read_workload(item, &partners.names, topic_names, topics, speaks_http2, problems);
        let Some(workload) = read else { continue };
        streams.extend(partners.streams(&workload, place));
        if streams.len() > MOST_STREAMS {
            let message =
                format!("makes {} streams of all workloads, and {MOST_STREAMS} are possible", streams.len());
            item.suggest(
                problems,
                message,
                "a workload of a fleet makes a stream for each member; use fewer",
            );
            break;
        }
    }
    streams
}

/// Reads the checks; `load` and `stack` are `None` if a part of them could not be read.
fn read_checks(
    item: &Item<'_>,
    load: Option<reach::Load<'_>>,
    stack: Option<&StackSpec>,
    problems: &mut Problems,
) -> Vec<Check> {
    let mut checks = Vec::new();
    for item in item.list(problems).unwrap_or_default() {
        // A lone number is no check either, and the sentence about that is more use than one about types.
        let Some(text) = item.written().or_else(|| item.text(problems)) else { continue };
        match parse_check(text, CHECKS) {
            Ok(check) => {
                let of_target = check.metric == "rate.achieved" && matches!(check.limit, Limit::Percent(_));
                if of_target && load.is_some_and(has_no_target) {
                    let message = "is a share of the target, and a load whose arrivals are all closed has none: \
                                   it sends as fast as it is answered";
                    item.suggest(problems, message, "write a rate, such as `rate.achieved >= 400/s`");
                }
                let family = check.metric.split('.').next().unwrap_or_default();
                if BOX_FAMILIES.contains(&family) && stack.is_some_and(|stack| !stack.is_container(family)) {
                    let message = format!("is of containers, and the scenario's {family} is none");
                    let remedy = format!(
                        "write `stack: {{ {family}: {{ kind: container }} }}`, or run with `--provider container`"
                    );
                    item.suggest(problems, message, remedy);
                }
                checks.push(check);
            }
            Err(problem) => item.suggest(problems, problem.message, problem.suggestion),
        }
    }
    checks
}

/// Whether all requests that must be accepted, and whose rate is measured, are those of closed workloads.
fn has_no_target(load: reach::Load<'_>) -> bool {
    let must_be_accepted = |workload: &&Workload| {
        load.partners.get(workload.partner).is_some_and(|partner| partner.expect == Expect::Accept)
    };
    let mut measured = load.workloads.iter().filter(must_be_accepted).peekable();
    measured.peek().is_some() && measured.all(Workload::is_closed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    const REST: &str = "workload: [{ partner: p, topic: t, format: v2-json, payload: { file: r }, \
        arrivals: { constant: 1/s }, for: 1s }]\n";

    fn read(topics: &str, partners: &str, more: &str) -> Result<Scenario, String> {
        let text = format!("version: 1\nname: x\ntopics: {topics}\npartners: {partners}\n{REST}{more}");
        crate::scenario::parse(&text, Path::new("x"), &[], &|_| unreachable!("extends nothing"))
            .map_err(|error| error.to_string())
    }

    const TOPICS: &str = "[{ name: t }]";
    const PARTNERS: &str = "[{ name: p, secret: generated }]";

    #[test]
    fn checks_of_containers_need_containers() {
        let read = |stack: &str| {
            let text = format!(
                "version: 1\nname: x\ntopics: [{{ name: t }}]\npartners: [{{ name: p, secret: generated }}]\n{REST}stack: {stack}\n\
                 checks: [proxy.rss.slope < 1MiB/min, 'kafka.cpu.throttled < 5%']\n"
            );
            crate::scenario::parse(&text, Path::new("x"), &[], &|_| unreachable!("extends nothing"))
                .map(|scenario| scenario.checks.len())
                .map_err(|error| error.to_string())
        };
        let embedded = read("{ provider: embedded }").unwrap_err();
        for (place, name) in [(0, "proxy"), (1, "kafka")] {
            let said = format!("checks[{place}]: is of containers, and the scenario's {name} is none");
            assert!(embedded.contains(&said), "{embedded}");
        }
        assert_eq!(read("{ provider: container }"), Ok(2));
    }

    #[test]
    fn a_broken_list_does_not_make_its_names_unknown() {
        let error = read("[{ name: t, partitions: 0 }]", PARTNERS, "").unwrap_err();
        assert_eq!(error.lines().count(), 1, "{error}");
        let error = read("[]", PARTNERS, "").unwrap_err();
        assert_eq!(error.lines().count(), 1, "{error}");
    }

    #[test]
    fn a_closed_load_has_no_target() {
        let closed = "workload[0].arrivals={closed: {workers: 2}}";
        let checked = |check: &str, sets: &[&str]| {
            let text = format!(
                "version: 1\nname: x\ntopics: {TOPICS}\n\
                 partners: [{{ name: p, secret: generated }}, {{ name: q, secret: generated }}]\n\
                 workload:\n- &w {{ partner: p, topic: t, format: v2-json, payload: {{ file: r }}, \
                 arrivals: {{ constant: 1/s }}, for: 1s }}\n- *w\nchecks: ['{check}']\n"
            );
            let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
            crate::scenario::parse(&text, Path::new("x"), &sets, &|_| unreachable!("extends nothing"))
                .map(|_| ())
                .map_err(|error| error.to_string())
        };
        let (share, rate) = ("rate.achieved >= 99%", "rate.achieved >= 4/s");
        let other = ["workload[1].partner=q", "partners[q].expect=refuse"];
        let refused = [closed, other[0], other[1]];
        assert_eq!(checked(share, &[closed]), Ok(()));
        let error = checked(share, &refused).unwrap_err();
        assert!(error.contains("checks[0]: is a share of the target, and a load"), "{error}");
        assert!(error.lines().count() == 1, "{error}");
        assert_eq!(checked(rate, &refused), Ok(()));
        assert_eq!(checked(share, &other), Ok(()));
        assert!(checked(share, &[closed, "workload[1].arrivals={closed: {workers: 1}}"]).is_err());
        // Where nothing must be accepted, nothing is measured.
        assert_eq!(checked(share, &[closed, "partners[p].expect=refuse"]), Ok(()));
    }

    #[test]
    fn the_streams_of_fleets_have_a_limit() {
        let fleet = "[{ name: p, count: 1000, secret: generated }]";
        let stream = "{ partner: p, topic: t, format: v2-json, payload: { file: r }, arrivals: { constant: 1/s }, for: 1s }";
        let workloads = |count| {
            let sets = [format!("workload=[{}]", [stream].repeat(count).join(", "))];
            let text = format!("version: 1\nname: x\ntopics: {TOPICS}\npartners: {fleet}\n{REST}");
            crate::scenario::parse(&text, Path::new("x"), &sets, &|_| unreachable!("extends nothing"))
                .map_err(|error| error.to_string())
        };
        assert_eq!(workloads(10).map(|scenario| scenario.workloads.len()), Ok(10_000));
        let error = workloads(11).unwrap_err();
        assert!(error.contains("workload[10]: makes 11000 streams"), "{error}");
    }

    #[test]
    fn the_top_level_has_its_limits() {
        let top = |more: &str| read(TOPICS, PARTNERS, more);
        assert_eq!(top("seed: 18446744073709551615\n").map(|scenario| scenario.seed), Ok(u64::MAX));
        assert_eq!(top("grace: 0s\n").map(|scenario| scenario.grace), Ok(Some(Duration::ZERO)));
        assert_eq!(top("checks:\nfaults:\ngrace:\n").map(|scenario| scenario.checks.len()), Ok(0));
        for bad in
            ["seed: -1", "seed: 18446744073709551616", "grace: 25h", "drain: 61m", "checks: {}", "faults: x"]
        {
            assert!(top(&format!("{bad}\n")).is_err(), "{bad}");
        }
    }

    #[test]
    fn other_versions_are_refused_before_all_else() {
        let text = "version: 2\nwhatever: [{}]\n";
        let error = crate::scenario::parse(text, Path::new("x"), &[], &|_| unreachable!()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "x:1:10: version: the version 2 is unknown, this landfall reads version 1"
        );
        for version in ["'1'", "one", "1.0", ""] {
            let text = format!("version: {version}\nname: x\n");
            let error = crate::scenario::parse(&text, Path::new("x"), &[], &|_| unreachable!()).unwrap_err();
            assert!(error.to_string().contains("version: "), "{error}");
        }
    }
}
