//! From the merged tree to a [`Scenario`], field by field.

use std::time::Duration;

use super::boxes::{duration_or, read_stack};
use super::check::parse_check;
use super::decode::{Fields, Item};
use super::error::{Problems, quoted};
use super::extends::{VERSION, unknown_version};
use super::faults::{Around, read_fault};
use super::fingerprint::fingerprint;
use super::hosts::read_allowed;
use super::model::{Check, Expect, Partner, Scenario, SecretSource, Workload};
use super::reach::Load;
use super::secrets::read_secret;
use super::topics::read_topics;
use super::tree::Node;
use super::workload::{Names, read_workload};

/// Characters a scenario's name may have.
const LONGEST_NAME: usize = 100;

/// What people may expect at the top level, and what there is instead.
const REFUSED: [(&str, &str); 4] = [
    ("abort_when", "a run is not stopped early; put the rule into `checks`, which are judged at its end"),
    ("thresholds", "rules over metrics stand in `checks`: write `checks: [latency.p99 < 250ms]`"),
    ("registry", "there is no registry box; no format needs one"),
    ("authorizer", "the authorizer is part of the embedded gateway; see `stack.gateway.authorizer_ttl`"),
];

/// Reads the scenario that `root` says. Where something has been reported, the result holds any values; it
/// is of use only if `problems` is empty.
pub(super) fn read_scenario(root: &Node, problems: &mut Problems) -> Option<Scenario> {
    let item = Item { node: root, path: String::new() };
    let mut fields = item.fields(problems)?;
    if let Some(version) = fields.required("version", "1", problems) {
        match version.integer(&(i128::from(i64::MIN)..=i128::from(i64::MAX)), problems) {
            Some(number) if number != VERSION => version.fail(problems, unknown_version(number)),
            _ => {}
        }
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

    let before_load = problems.count();
    let (topics, topic_names) = read_topics(&mut fields, stack.as_ref(), problems);
    let (partners, partner_names) = read_partners(&mut fields, problems);
    let workloads: Vec<Workload> = items(&mut fields, "workload", "[{ partner: …, topic: …, … }]", problems)
        .iter()
        .filter_map(|item| read_workload(item, &partner_names, &topic_names, &topics, problems))
        .collect();
    // Of what could not be read, nothing can be said that follows from it.
    let load = Load { partners: &partners, topics: &topics, workloads: &workloads };
    let load = (problems.count() == before_load).then_some(load);
    let checks = match fields.optional("checks") {
        Some(item) => read_checks(&item, problems),
        None => Vec::new(),
    };
    let faults = match fields.optional("faults").and_then(|item| item.list(problems)) {
        Some(items) => {
            let around = Around { stack: stack.as_ref(), topics: &topic_names, load };
            items.iter().filter_map(|item| read_fault(item, &around, problems)).collect()
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
    let scope = fields.optional("scope").and_then(|item| read_scope(&item, problems)).unwrap_or_default();
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

/// A scope (RFC 6749, section 3.3): words of printable ASCII without `"` and `\`, parted by single spaces. None
/// at all may be asked for, too.
fn read_scope<'t>(item: &Item<'t>, problems: &mut Problems) -> Option<&'t str> {
    let scope = item.text(problems)?;
    let legal = |b: u8| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
    if scope.is_empty() || scope.split(' ').all(|word| !word.is_empty() && word.bytes().all(legal)) {
        return Some(scope);
    }
    let message =
        "must be words of printable ASCII characters without `\"` and `\\`, with one space between them";
    item.suggest(problems, message, "write for instance `scope: quakes:write quakes:read`");
    None
}

fn read_checks(item: &Item<'_>, problems: &mut Problems) -> Vec<Check> {
    let mut checks = Vec::new();
    for item in item.list(problems).unwrap_or_default() {
        // A lone number is no check either, and the sentence about that is more use than one about types.
        let Some(text) = item.written().or_else(|| item.text(problems)) else { continue };
        match parse_check(text) {
            Ok(check) => checks.push(check),
            Err(problem) => item.suggest(problems, problem.message, problem.suggestion),
        }
    }
    checks
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
    fn partners_differ_in_name_and_client_id() {
        let two = |second: &str| {
            read(
                TOPICS,
                &format!("[{{ name: p, secret: generated }}, {{ {second}, secret: generated }}]"),
                "",
            )
        };
        assert!(two("name: q").is_ok());
        assert!(two("name: q, client_id: r").is_ok());
        assert!(two("name: p, client_id: r").unwrap_err().contains("named twice"));
        assert!(two("name: q, client_id: p").unwrap_err().contains("belongs to the partner `p` already"));
        assert!(two("name: q, expect: reject").is_err());
    }

    #[test]
    fn a_broken_list_does_not_make_its_names_unknown() {
        let error = read("[{ name: t, partitions: 0 }]", PARTNERS, "").unwrap_err();
        assert_eq!(error.lines().count(), 1, "{error}");
        let error = read("[]", PARTNERS, "").unwrap_err();
        assert_eq!(error.lines().count(), 1, "{error}");
    }

    #[test]
    fn scopes_are_those_of_oauth() {
        let scope = |text: &str| {
            read(TOPICS, &format!("[{{ name: p, secret: generated, scope: {text} }}]"), "")
                .map(|scenario| scenario.partners[0].scope.clone())
        };
        for good in ["''", "'quakes:write'", "'a b c'", "'!#[]~ https://x.example/y'"] {
            assert_eq!(scope(good).as_deref(), Ok(good.trim_matches('\'')), "{good}");
        }
        assert_eq!(scope("null").as_deref(), Ok(""));
        for bad in [
            "' '",
            "' a'",
            "'a '",
            "'a  b'",
            "\"a\\tb\"",
            "'a\"'",
            "'a\\'",
            "'\u{e4}'",
            "\"a\\x7f\"",
            "\"a\\nb\"",
            "7",
        ] {
            assert!(scope(bad).unwrap_err().contains("partners[0].scope: must be "), "{bad}");
        }
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
