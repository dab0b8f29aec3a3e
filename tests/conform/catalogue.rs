//! The cases that ship, and the profiles that speak of them.

use landfall::conform::rest::{Requirement, RestCase, SHIPPED_PROFILES, Standing, catalogue, read_profile};

pub(crate) fn cases() -> Vec<(Requirement, RestCase)> {
    let mut cases = Vec::new();
    for requirement in catalogue().unwrap() {
        if let Standing::Cases(own) = &requirement.standing {
            cases.extend(own.iter().map(|case| (requirement.clone(), case.clone())));
        }
    }
    cases
}

#[test]
fn every_requirement_stands_once_and_every_deviation_is_of_a_case() {
    let requirements = catalogue().unwrap();
    assert_eq!(requirements.len(), 248);
    let cases = cases();
    let procedures: Vec<&str> =
        requirements.iter().flat_map(|of| &of.procedures).map(|case| case.id.as_str()).collect();
    for (name, text) in SHIPPED_PROFILES {
        for deviation in read_profile(name, text).unwrap().deviations {
            let says = deviation.outcome.is_some() || deviation.expect.evidence.is_some();
            assert!(says, "{name}: {:?} does not say on what it rests", deviation.cases);
            for id in &deviation.cases {
                let meant = |case: &str| {
                    case == id || case.strip_prefix(id.as_str()).is_some_and(|rest| rest.starts_with('/'))
                };
                let known = match deviation.outcome {
                    None => cases.iter().any(|(_, case)| meant(&case.id)),
                    Some(_) => procedures.iter().any(|case| meant(case)),
                };
                assert!(known, "{name}: {id}");
            }
        }
    }
}

/// Reports of years are compared by them.
#[test]
fn ids_never_change() {
    let mut ids = Vec::new();
    for requirement in catalogue().unwrap() {
        if let Standing::Cases(own) = &requirement.standing {
            ids.extend(own.iter().map(|case| case.id.clone()));
        }
        ids.extend(requirement.procedures.iter().map(|case| case.id.clone()));
        ids.push(requirement.id);
    }
    insta::assert_snapshot!(ids.join("\n"));
}
