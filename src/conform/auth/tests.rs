use std::collections::BTreeSet;

use super::*;
use crate::conform::{Expected, Step};
use crate::jose::{Algorithm, Compact};
use crate::scenario::Flaw;

const NOW: u64 = 1_800_000_000;

fn material() -> Material {
    super::outline::material().unwrap()
}

fn cases(material: &Material) -> Vec<Case> {
    GROUPS.iter().flat_map(|write_down| write_down(material, NOW)).collect()
}

#[test]
fn ids_are_unique_and_never_change() {
    let mut ids: Vec<String> = cases(&material()).into_iter().map(|case| case.id).collect();
    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), count, "an id stands twice");
    insta::assert_snapshot!(ids.join("\n"));
}

#[test]
fn there_are_76_groups_each_with_a_case() {
    let numbers: BTreeSet<u8> =
        cases(&material()).iter().map(|case| case.id[5..7].parse().unwrap()).collect();
    assert_eq!(numbers, (1..=76).collect());
}

#[test]
fn every_flaw_has_a_case_that_shows_it() {
    let shown: BTreeSet<Flaw> = cases(&material()).into_iter().flat_map(|case| case.shows).collect();
    let unshown: Vec<&str> =
        Flaw::ALL.iter().filter(|flaw| !shown.contains(flaw)).map(|flaw| flaw.name()).collect();
    assert_eq!(unshown, ["explains-refusals"], "which every case shows that expects 401");
}

#[test]
fn with_everything_at_hand_every_case_has_steps_and_every_probe_its_marker() {
    let mut markers = BTreeSet::new();
    for case in cases(&Material { copies: 3, ..material() }) {
        assert!(!case.steps.is_empty(), "{}", case.id);
        for step in &case.steps {
            let Step::Send(probe) = step else { continue };
            assert!(probe.body.contains(&probe.marker), "{}", case.id);
            assert!(markers.insert(probe.marker.clone()), "{} {}", case.id, probe.what);
        }
    }
}

#[test]
fn what_a_later_probe_rests_on_is_sent_to_each_copy_of_an_authorizer() {
    let sent = |id: &str, copies: usize| {
        let all = cases(&Material { copies, ..material() });
        let case = all.into_iter().find(|case| case.id == id).unwrap();
        case.steps.iter().filter(|step| matches!(step, Step::Send(_))).count()
    };
    for id in [
        "auth/17-kid-unknown/many",
        "auth/19-kid-of-other/second-as-first",
        "auth/20-key-retired/withdrawn",
        "auth/21-key-new/published",
        "auth/70-keys-return/error",
    ] {
        assert_eq!(sent(id, 3), 3 * sent(id, 1), "{id}");
    }
    // Of those that have keys, any may be asked when they cannot be had.
    assert_eq!(
        (sent("auth/75-keys-trouble/warm-error", 1), sent("auth/75-keys-trouble/warm-error", 3)),
        (2, 4)
    );
}

#[test]
fn what_a_target_cannot_give_leaves_cases_without_steps() {
    let bare = Material {
        signer: None,
        other: None,
        sink: None,
        rotation: None,
        cold: false,
        clock: false,
        cache: None,
        ..material()
    };
    let (mut tried, mut untried) = (0, 0);
    for case in cases(&bare) {
        if case.needs.is_empty() {
            assert!(!case.steps.is_empty(), "{} needs nothing", case.id);
            tried += 1;
        } else {
            assert!(case.steps.is_empty(), "{} needs {:?}", case.id, case.needs);
            untried += 1;
        }
    }
    assert!(tried > 100 && untried > 200, "{tried} {untried}");
}

/// Without the provider's key nothing that has to be accepted is forged, and nothing that it signs is what it seems.
#[test]
fn what_must_be_accepted_is_well_signed_and_what_is_not_well_signed_must_not() {
    let material = material();
    let public = [&material.public, material.spare.key.public()];
    for case in cases(&material) {
        for step in &case.steps {
            let Step::Send(probe) = step else { continue };
            let credentials =
                probe.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("authorization"));
            let token =
                credentials.and_then(|(_, value)| value.expose().split_once(' ')).map(|(_, token)| token);
            let verifies = token.and_then(Compact::split).is_some_and(|parts| {
                let signature = parts.decoded_signature().unwrap_or_default();
                public
                    .iter()
                    .any(|key| key.verifies(Algorithm::Rs256, parts.signing_input().as_bytes(), &signature))
            });
            assert!(
                verifies || probe.expected != Expected::Accepted,
                "{}: {} has to be accepted, and is not well signed",
                case.id,
                probe.what
            );
        }
    }
}
