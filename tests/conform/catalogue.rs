//! The cases that ship, and the profiles that speak of them.

use landfall::conform::rest::{Requirement, RestCase, Standing, catalogue, shipped_profile};

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
    for name in ["confluent", "karapace", "strimzi-bridge"] {
        for deviation in shipped_profile(name).unwrap().deviations {
            for id in &deviation.cases {
                let known = cases.iter().any(|(_, case)| {
                    case.id == *id || case.id.strip_prefix(id).is_some_and(|rest| rest.starts_with('/'))
                });
                assert!(known, "{name}: {id}");
            }
        }
    }
}
