//! Which cases are tried where: those that ask for the same share a proxy and a broker.

use super::Options;
use super::contained::Contained;
use crate::app::golden::{Against, Stage};
use crate::conform::golden::Setup;
use crate::conform::rest::{Brokers, Profile, Requirement, Requires, RestCase, Surroundings};
use crate::doubles::registry::Words;

/// Cases that are tried in the same place.
pub(super) struct Group {
    /// What they ask for; what they leave open is as in the place of all others.
    pub(super) surroundings: Surroundings,
    /// Which they are, by their place in the plan.
    pub(super) cases: Vec<usize>,
    /// At which of the proxies, where they are in containers.
    pub(super) proxy: usize,
}

impl Group {
    /// How an embedded proxy and broker are set up for it.
    pub(super) fn setup(&self) -> Setup {
        let Surroundings { broker, auto_create, proxy_settings, .. } = &self.surroundings;
        Setup {
            broker_up: *broker != Brokers::Never,
            auto_create: auto_create.unwrap_or_default(),
            proxy_settings: proxy_settings.clone(),
            ..Setup::default()
        }
    }

    /// What stands beside them. Cases that need a registry were recorded with Karapace's.
    pub(super) fn stage(&self) -> Stage {
        let registry = self.surroundings.registry == Some(true);
        Stage { registry: registry.then_some(Words::Karapace), ..Stage::default() }
    }

    /// Whether the broker is stopped before anything is sent.
    pub(super) fn loses_its_broker(&self) -> bool {
        self.surroundings.broker == Brokers::Down
    }

    /// Whether something is done for it to boxes that are all cases', so that it must wait until the others are through.
    pub(super) fn is_late(&self) -> bool {
        self.surroundings.own || self.surroundings.broker != Brokers::Up
    }
}

/// The places, and what is tried in each, of the cases that want nothing; the place of most comes first.
pub(super) fn groups(
    options: &Options,
    contained: Option<&Contained>,
    cases: &[&RestCase],
    wanting: &[Vec<String>],
) -> Vec<Group> {
    let mut groups = vec![Group { surroundings: usual(options), cases: Vec::new(), proxy: 0 }];
    for (index, case) in cases.iter().enumerate().filter(|(index, _)| wanting[*index].is_empty()) {
        let surroundings = match (&options.against, contained) {
            (Against::Embedded(_), _) => completed(&case.place, options),
            (Against::Running { .. }, None) => usual(options),
            (Against::Running { .. }, Some(_)) => {
                Surroundings { broker: case.place.broker, own: case.place.own, ..usual(options) }
            }
        };
        // What may harm a proxy for good is tried at one that nobody has harmed.
        let alone = surroundings.own;
        match groups.iter_mut().find(|group| !alone && group.surroundings == surroundings) {
            Some(group) => group.cases.push(index),
            None => groups.push(Group { surroundings, cases: vec![index], proxy: 0 }),
        }
    }
    // Those that never had a broker come last: for them a proxy is started anew.
    groups[1..].sort_by_key(|group| (!group.surroundings.own, group.surroundings.broker == Brokers::Never));
    let proxies = contained.map_or(1, |contained| contained.proxies.len().max(1));
    let own = groups.iter_mut().filter(|group| group.surroundings.own);
    for (number, group) in own.enumerate() {
        group.proxy = proxies - 1 - number % proxies;
    }
    groups
}

/// Where a case is tried that asks for nothing.
fn usual(options: &Options) -> Surroundings {
    Surroundings {
        auto_create: Some(options.auto_create.unwrap_or_default()),
        registry: Some(false),
        ..Surroundings::default()
    }
}

/// What a case asks for, and for the rest what is usual.
fn completed(place: &Surroundings, options: &Options) -> Surroundings {
    let usual = usual(options);
    Surroundings {
        auto_create: place.auto_create.or(usual.auto_create),
        registry: place.registry.or(usual.registry),
        own: false,
        scarce_replicas: false,
        ..place.clone()
    }
}

/// What a case needs and no place has.
pub(super) fn wanting(
    options: &Options,
    contained: Option<&Contained>,
    profile: Option<&Profile>,
    requirement: &Requirement,
    case: &RestCase,
) -> Vec<String> {
    let unmet = case.requires().into_iter().filter(|required| !is_met(options, contained, *required));
    let mut wanting: Vec<String> = unmet.map(|required| required.name().to_owned()).collect();
    if profile.is_some_and(|profile| profile.lacks.contains(&requirement.api)) {
        wanting.push(requirement.api.name().to_owned());
    }
    wanting
}

fn is_met(options: &Options, contained: Option<&Contained>, required: Requires) -> bool {
    match &options.against {
        // Landfall's own proxy and broker are set up so, by [`Group::setup`], where a case asks for it.
        Against::Embedded(_) => true,
        Against::Running { url, .. } => match required {
            Requires::StoppedBroker => contained.is_some_and(|contained| contained.brokers),
            Requires::Spare => contained.is_some(),
            Requires::ProxySettings | Requires::ScarceReplicas => false,
            Requires::AutoCreateOff => options.auto_create == Some(false),
            Requires::AutoCreateOn => options.auto_create == Some(true),
            Requires::Registry => options.registry == Some(true),
            Requires::NoRegistry => options.registry == Some(false),
            Requires::Root => is_root(url),
        },
    }
}

/// Whether a URL names no path.
fn is_root(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split_once('/').is_none_or(|(_, path)| path.is_empty())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::time::Duration;

    use super::*;
    use crate::app::golden::Embedded;
    use crate::conform::Strictness;
    use crate::conform::rest::{Standing, read_area};

    #[test]
    fn a_root_has_no_path() {
        for (url, root) in [
            ("http://h:1", true),
            ("http://h:1/", true),
            ("http://h:1/kafka", false),
            ("h:1", true),
            ("h/kafka/", false),
        ] {
            assert_eq!(is_root(url), root, "{url}");
        }
    }

    fn options(against: Against, registry: Option<bool>) -> Options {
        Options {
            against,
            profile: None,
            only: Vec::new(),
            strictness: Strictness::default(),
            excuses: None,
            fail_fast: false,
            limit: Duration::from_secs(1),
            at_once: 1,
            auto_create: None,
            registry,
            folder: PathBuf::new(),
        }
    }

    fn case(place: &str) -> (Requirement, RestCase) {
        let text = format!(
            "area: a\nrequirements:\n  - {{ id: r, level: MUST, api: v2, statement: s, source: s, cases: \
             [{{ request: {{ path: / }}, place: {place}, expect: {{ evidence: source }} }}] }}\n"
        );
        let requirement = read_area("a", &text).unwrap().remove(0);
        let Standing::Cases(cases) = &requirement.standing else { panic!("it has cases") };
        (requirement.clone(), cases[0].clone())
    }

    #[test]
    fn cases_that_ask_for_the_same_are_tried_in_the_same_place_and_what_no_place_has_is_wanting() {
        let embedded = || Against::Embedded(Embedded { time_scale: 1, ..Embedded::default() });
        let running = || Against::Running { url: "http://h:1".into(), kafka: None, hosts: Vec::new() };
        let all = [
            "{}",
            "{ broker: down }",
            "{ auto_create: false, registry: false, own: true }",
            "{ broker: down, auto_create: false }",
            "{ proxy_settings: { client.max.block.ms: 1 } }",
            "{ registry: true }",
        ]
        .map(case);
        let wants = |options: &Options| {
            let each = all.iter().map(|(requirement, case)| wanting(options, None, None, requirement, case));
            each.collect::<Vec<_>>()
        };
        let cases = all.each_ref().map(|(_, case)| case);
        let own = options(embedded(), None);
        let wanted = wants(&own);
        assert_eq!(wanted[5], Vec::<String>::new());
        let told: Vec<Vec<usize>> =
            groups(&own, None, &cases, &wanted).into_iter().map(|group| group.cases).collect();
        assert_eq!(told, [vec![0, 2], vec![1, 3], vec![4], vec![5]]);

        let other = options(running(), Some(true));
        let wanted = wants(&other);
        let told: Vec<String> = wanted.iter().map(|wanting| wanting.join(" ")).collect();
        assert_eq!(
            told,
            [
                "",
                "stopped_broker",
                "auto_create_off spare_proxy no_registry",
                "stopped_broker auto_create_off",
                "proxy_settings",
                ""
            ]
        );
        let told: Vec<Vec<usize>> =
            groups(&other, None, &cases, &wanted).into_iter().map(|group| group.cases).collect();
        assert_eq!(told, [vec![0, 5]], "there is one place alone");
    }

    #[test]
    fn brokers_in_containers_go_and_a_proxy_there_can_be_spared() {
        let all = ["{}", "{ broker: never }", "{ own: true }", "{ broker: down }", "{ own: true }"].map(case);
        let running = Against::Running { url: "http://h:1".into(), kafka: None, hosts: Vec::new() };
        let contained =
            |brokers| Contained { proxies: vec!["http://h:1".into(), "http://h:2".into()], brokers };
        let options = options(running, None);
        let wants = |contained: &Contained| {
            let each = all
                .iter()
                .map(|(requirement, case)| wanting(&options, Some(contained), None, requirement, case));
            each.map(|wanting| wanting.join(" ")).collect::<Vec<_>>()
        };
        assert_eq!(wants(&contained(true)), [""; 5]);
        let cases = all.each_ref().map(|(_, case)| case);
        let nothing = vec![Vec::new(); 5];
        let groups = groups(&options, Some(&contained(true)), &cases, &nothing);
        let told: Vec<(bool, &[usize])> =
            groups.iter().map(|group| (group.is_late(), group.cases.as_slice())).collect();
        assert_eq!(told, [(false, &[0][..]), (true, &[2]), (true, &[4]), (true, &[3]), (true, &[1])]);

        assert_eq!(wants(&contained(false)), ["", "stopped_broker", "", "stopped_broker", ""]);
    }
}
