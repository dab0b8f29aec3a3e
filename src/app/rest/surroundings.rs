//! Which cases are tried where: those that ask for the same share a proxy and a broker.

use super::Options;
use crate::app::golden::Against;
use crate::conform::golden::Setup;
use crate::conform::rest::{Brokers, Profile, Requirement, Requires, RestCase, Surroundings};

/// Cases that are tried in the same place.
pub(super) struct Group {
    /// What they ask for; what they leave open is as in the place of all others.
    pub(super) surroundings: Surroundings,
    /// Which they are, by their place in the plan.
    pub(super) cases: Vec<usize>,
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

    /// Whether the broker is stopped before anything is sent.
    pub(super) fn loses_its_broker(&self) -> bool {
        self.surroundings.broker == Brokers::Down
    }
}

/// The places, and what is tried in each, of the cases that want nothing; the place of most comes first.
pub(super) fn groups(options: &Options, cases: &[&RestCase], wanting: &[Vec<String>]) -> Vec<Group> {
    let mut groups = vec![Group { surroundings: usual(options), cases: Vec::new() }];
    for (index, case) in cases.iter().enumerate().filter(|(index, _)| wanting[*index].is_empty()) {
        let surroundings = match options.against {
            Against::Embedded(_) => completed(&case.place, options),
            Against::Running { .. } => usual(options),
        };
        match groups.iter_mut().find(|group| group.surroundings == surroundings) {
            Some(group) => group.cases.push(index),
            None => groups.push(Group { surroundings, cases: vec![index] }),
        }
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
        ..place.clone()
    }
}

/// What a case needs and no place has.
pub(super) fn wanting(
    options: &Options,
    profile: Option<&Profile>,
    requirement: &Requirement,
    case: &RestCase,
) -> Vec<String> {
    let unmet = case.requires().into_iter().filter(|required| !is_met(options, *required));
    let mut wanting: Vec<String> = unmet.map(|required| required.name().to_owned()).collect();
    if profile.is_some_and(|profile| profile.lacks.contains(&requirement.api)) {
        wanting.push(requirement.api.name().to_owned());
    }
    wanting
}

fn is_met(options: &Options, required: Requires) -> bool {
    match (&options.against, required) {
        // The embedded proxy reaches no registry yet.
        (Against::Embedded(_), Requires::Registry) => false,
        (Against::Embedded(_), _) => true,
        (Against::Running { .. }, Requires::StoppedBroker | Requires::ProxySettings | Requires::Own) => false,
        (Against::Running { .. }, Requires::AutoCreateOff) => options.auto_create == Some(false),
        (Against::Running { .. }, Requires::AutoCreateOn) => options.auto_create == Some(true),
        (Against::Running { .. }, Requires::Registry) => options.registry == Some(true),
        (Against::Running { .. }, Requires::NoRegistry) => options.registry == Some(false),
        (Against::Running { url, .. }, Requires::Root) => is_root(url),
    }
}

/// Whether a URL names no path.
fn is_root(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split_once('/').is_none_or(|(_, path)| path.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
