//! The page of what a REST proxy promises, made from the catalogue and the profiles that ship.

use std::collections::BTreeMap;

use landfall::conform::rest::{
    Deviation, Profile, Requirement, SHIPPED_PROFILES, Standing, catalogue, shipped_profile,
};

use crate::markdown::{add, anchor, code, heading, row};
use crate::{keep, made_from};

const PAGE: &str = "docs/src/reference/rest-requirements.md";

fn profiles() -> Vec<Profile> {
    // Landfall's own proxy deviates where Confluent's does.
    let others = SHIPPED_PROFILES.iter().filter(|(name, _)| *name != "landfall");
    others.map(|(name, _)| shipped_profile(name).expect("it ships")).collect()
}

/// Requirements by area, in the order of the catalogue.
fn areas(requirements: &[Requirement]) -> Vec<(&str, Vec<&Requirement>)> {
    let mut areas: Vec<(&str, Vec<&Requirement>)> = Vec::new();
    for requirement in requirements {
        match areas.last_mut().filter(|(area, _)| *area == requirement.area) {
            Some((_, own)) => own.push(requirement),
            None => areas.push((&requirement.area, vec![requirement])),
        }
    }
    areas
}

/// What is tried of a requirement, or why nothing is.
fn standing(requirement: &Requirement) -> String {
    match &requirement.standing {
        Standing::Cases(_) => {
            let ids = ids(requirement);
            let variants: Vec<&str> = ids.iter().filter_map(|id| variant(requirement, id)).collect();
            match (ids.len(), variants.as_slice()) {
                (1, []) => "1 case".to_owned(),
                (1, [only]) => format!("1 case: {only}"),
                (count, variants) => format!("{count} cases: {}", variants.join(", ")),
            }
        }
        Standing::Later(later) => format!("*later*: {}", later.name()),
        Standing::NotTestable(reason) => format!("*not testable*: {reason}"),
    }
}

/// The ids of its cases, those that take a procedure among them.
fn ids(requirement: &Requirement) -> Vec<&str> {
    let cases = match &requirement.standing {
        Standing::Cases(cases) => cases.as_slice(),
        Standing::Later(_) | Standing::NotTestable(_) => &[],
    };
    let procedures = requirement.procedures.iter().map(|case| case.id.as_str());
    cases.iter().map(|case| case.id.as_str()).chain(procedures).collect()
}

fn variant<'c>(requirement: &Requirement, id: &'c str) -> Option<&'c str> {
    id.strip_prefix("rest/")?.strip_prefix(&requirement.id)?.strip_prefix('/')
}

/// Which implementations are known to deviate in a case of it, and in which of their releases.
fn deviating(requirement: &Requirement, profiles: &[Profile]) -> String {
    let own = ids(requirement);
    let mut found: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for profile in profiles {
        let concerns = |deviation: &&Deviation| {
            deviation.cases.iter().any(|id| {
                let below = |longer: &str, shorter: &str| {
                    longer.strip_prefix(shorter).is_some_and(|rest| rest.starts_with('/'))
                };
                own.iter().any(|own| own == id || below(own, id))
            })
        };
        for deviation in profile.deviations.iter().filter(concerns) {
            let releases = found.entry(&profile.name).or_default();
            let release = deviation.versions.to_string();
            if !releases.contains(&release) {
                releases.push(release);
            }
        }
    }
    let told = found.iter().map(|(name, releases)| match releases.as_slice() {
        [all] if all == "*" => (*name).to_owned(),
        some => format!("{name} {}", some.join(" and ")),
    });
    told.collect::<Vec<_>>().join("; ")
}

fn page(requirements: &[Requirement]) -> String {
    let profiles = profiles();
    let count = |of: &dyn Fn(&Standing) -> bool| {
        requirements.iter().filter(|requirement| of(&requirement.standing)).count()
    };
    let cases: usize = requirements.iter().map(|requirement| ids(requirement).len()).sum();
    let mut page = made_from("fixtures/conformance");
    add(
        &mut page,
        &format!(
            "# What a REST proxy promises\n\nWhat [`landfall conform rest`](../rest-proxies.md) holds a REST proxy's produce side to: {} \
             requirements, {} of them with {cases} cases, {} for later and {} that no request can show. A requirement's id stays with \
             it. The last column names the implementations that are known to deviate in some case of it, and in which releases, as \
             the profiles that ship have it.\n\n",
            requirements.len(),
            count(&|standing| matches!(standing, Standing::Cases(_))),
            count(&|standing| matches!(standing, Standing::Later(_))),
            count(&|standing| matches!(standing, Standing::NotTestable(_))),
        ),
    );
    let areas = areas(requirements);
    for (area, _) in &areas {
        add(&mut page, &format!("- [{area}](#{})\n", anchor(area)));
    }
    for (area, own) in areas {
        add(&mut page, &format!("\n## {area}\n\n"));
        page.push_str(&heading(&["id", "level", "what is required", "what is tried", "known to deviate"]));
        for requirement in own {
            page.push_str(&row(&[
                &code(&requirement.id),
                requirement.level.name(),
                &text(&requirement.statement),
                &text(&standing(requirement)),
                &deviating(requirement, &profiles),
            ]));
        }
    }
    page
}

/// Text that is no markup.
fn text(text: &str) -> String {
    text.replace('<', "\\<").replace('[', "\\[")
}

#[test]
fn the_page_of_requirements_is_made_from_the_catalogue() {
    let requirements = catalogue().expect("it ships");
    keep(PAGE, &page(&requirements));
    let areas = areas(&requirements);
    let own: usize = areas.iter().map(|(_, own)| own.len()).sum();
    assert_eq!(own, requirements.len());
    let mut names: Vec<&str> = areas.iter().map(|(area, _)| *area).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), areas.len(), "an area stands in two places");
}
