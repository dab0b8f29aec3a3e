//! Groups 70 and 75: what an authorizer does while the provider's keys cannot be had.

use std::time::Duration;

use super::group::{Entry, Group, act, send, send_to_each};
use super::material::Material;
use crate::conform::{Case, Control, Expected, KeysTrouble, Level, Need, Probe, Step};
use crate::scenario::Flaw;

/// How long keys may be kept for somebody to wait until they have to be fetched anew.
const SHORT: Duration = Duration::from_secs(10);

/// Ways in which a key set is no key set.
const TROUBLES: [(&str, &str, KeysTrouble); 7] = [
    ("error", "status 500", KeysTrouble::Error),
    ("html", "a page for people", KeysTrouble::Html),
    ("empty", "a set without keys", KeysTrouble::Empty),
    ("huge", "a set of more than a megabyte", KeysTrouble::Huge),
    ("redirect", "a redirection to somewhere else", KeysTrouble::Redirect),
    ("silence", "no answer", KeysTrouble::Silence),
    ("drip", "a byte now and then", KeysTrouble::Drip),
];

/// A probe with a good token that nobody has seen before.
fn good(group: &Group<'_>, what: &str, id: &str, expected: Expected) -> Probe {
    let forge = group.forge().claim("jti", format!("{}-{id}", group.material.run));
    // Without the provider's key the same token serves, as long as answers are not kept.
    let token = forge.signed().token.unwrap_or_else(|| group.material.token.expose().to_owned());
    group.probe(what, expected).bearer(&token)
}

/// What is the same of all: keys of the provider's that are under its control, an authorizer that forgets them.
fn needs<'g>(
    group: &'g mut Group<'_>,
    variant: &str,
    what: &str,
    steps: Vec<Step>,
    flaws: &[Flaw],
) -> Entry<'g> {
    let material = group.material;
    group
        .add(variant, what, steps)
        .needs(Need::Signer, material.signer.is_some())
        .needs(Need::Rotation, material.rotation.is_some())
        .needs(Need::Cold, material.cold)
        .shows(flaws)
        .slow()
}

pub(super) fn recovery(material: &Material, now: u64) -> Vec<Case> {
    let about = (70, "keys-return", "an authorizer that could not fetch keys, when it can again");
    let mut group =
        Group::new(material, now, about, Level::Must, &["OpenID Connect Core 1.0 section 10.1.1"]);
    let probe = |copy: usize, what: &str, expected| good(&group, what, &format!("return-{copy}"), expected);
    let away = |copy: usize| probe(copy, "a good token while keys cannot be had", Expected::NotAccepted);
    let back = |copy: usize| probe(copy, "the same token when they can", Expected::Accepted);
    let steps = [
        vec![act(Control::Keys(Some(KeysTrouble::Error))), act(Control::Forget)],
        send_to_each(material, away),
        vec![act(Control::Keys(None)), act(Control::Wait(material.rotation.unwrap_or_default().cool_down))],
        send_to_each(material, back),
    ]
    .concat();
    needs(&mut group, "error", "keys cannot be had, and then they can", steps, &[Flaw::AllowsWithoutKeys]);
    group.into_cases()
}

pub(super) fn troubles(material: &Material, now: u64) -> Vec<Case> {
    let about = (75, "keys-trouble", "an authorizer whose provider gives something else than keys");
    let mut group =
        Group::new(material, now, about, Level::Must, &["RFC 7517 section 5", "RFC 8725 section 3.10"]);
    let life = material.rotation.unwrap_or_default().life;
    for (variant, gives, trouble) in TROUBLES {
        let cold = good(
            &group,
            &format!("a good token, no keys yet, and {gives}"),
            &format!("cold-{variant}"),
            // The right keys are in it; who reads them all may take them.
            if trouble == KeysTrouble::Huge { Expected::Anything } else { Expected::NotAccepted },
        );
        let steps = vec![
            act(Control::Keys(Some(trouble))),
            act(Control::Forget),
            send(cold),
            act(Control::Keys(None)),
            act(Control::Forget),
        ];
        needs(
            &mut group,
            &format!("cold-{variant}"),
            &format!("no keys yet, and {gives}"),
            steps,
            &[Flaw::AllowsWithoutKeys],
        );
        let first = |copy: usize| {
            good(
                &group,
                "a good token, with which keys are fetched",
                &format!("first-{variant}-{copy}"),
                Expected::Accepted,
            )
        };
        let warm = good(
            &group,
            &format!("another one, with keys, and {gives}"),
            &format!("warm-{variant}"),
            // Who withdraws all keys puts others in their place: a set without any is an accident of the provider's.
            Expected::Accepted,
        );
        // Nothing of the case before is left.
        let mut steps = vec![act(Control::Forget)];
        steps.extend(send_to_each(material, first));
        steps.extend([
            act(Control::Keys(Some(trouble))),
            // So that keys are asked for while they are not to be had.
            act(Control::Wait(if life <= SHORT { life } else { Duration::ZERO })),
            send(warm),
            act(Control::Keys(None)),
        ]);
        let flaws: &[Flaw] = match trouble {
            KeysTrouble::Empty => &[Flaw::DropsKeysOnFailure, Flaw::BelievesEmptySets],
            _ => &[Flaw::DropsKeysOnFailure],
        };
        needs(&mut group, &format!("warm-{variant}"), &format!("keys are there, and {gives}"), steps, flaws)
            .level(Level::Should);
    }
    group.into_cases()
}
