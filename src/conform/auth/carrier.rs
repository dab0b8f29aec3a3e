//! Groups 60 to 65: how a token is carried.

use super::forge::Draft;
use super::group::{ANYHOW, Group, UNAUTHORIZED};
use super::material::Material;
use crate::conform::{Case, Expected, Level, Probe};
use crate::scenario::Flaw;
use crate::secret::Secret;

/// A case of one request that carries the good token in its own way.
fn carried(
    group: &mut Group<'_>,
    variant: &str,
    what: &str,
    expected: Expected,
    carry: impl FnOnce(Probe, &str) -> Probe,
) {
    let token = group.material.token.expose();
    let probe = carry(group.probe(what, expected), token).hiding(token);
    group.add(variant, what, vec![super::group::send(probe)]);
}

pub(super) fn nothing(material: &Material, now: u64) -> Vec<Case> {
    let about = (60, "no-credentials", "requests without a token");
    let mut group =
        Group::new(material, now, about, Level::Must, &["RFC 6750 section 3.1", "RFC 9110 section 11.6.2"]);
    for (variant, what, value) in [
        ("absent", "no Authorization", None),
        ("empty", "an empty Authorization", Some("")),
        ("blank", "an Authorization of blanks", Some("   ")),
        ("scheme-alone", "the word Bearer", Some("Bearer")),
        ("scheme-and-blank", "the word Bearer and a blank", Some("Bearer ")),
        ("comma", "a comma", Some(",")),
    ] {
        carried(&mut group, variant, what, UNAUTHORIZED, |probe, _| match value {
            Some(value) => probe.with_header("Authorization", value),
            None => probe,
        });
    }
    group.into_cases()
}

pub(super) fn scheme(material: &Material, now: u64) -> Vec<Case> {
    let about = (61, "scheme-case", "the scheme in other letters");
    let mut group =
        Group::new(material, now, about, Level::Should, &["RFC 9110 section 11.1", "RFC 6750 section 2.1"]);
    let expected = if material.accepts.any_case_scheme { Expected::Accepted } else { Expected::Either };
    for (variant, scheme) in [("lower", "bearer"), ("upper", "BEARER"), ("mixed", "bEaReR")] {
        carried(&mut group, variant, &format!("the scheme `{scheme}`"), expected, |probe, token| {
            probe.with_header("Authorization", format!("{scheme} {token}"))
        });
    }
    group.into_cases()
}

pub(super) fn form(material: &Material, now: u64) -> Vec<Case> {
    let about = (62, "carrier-form", "a token that is not carried as it should be");
    let sources = &["RFC 6750 section 2.1", "RFC 9110 section 11.4"];
    let mut group = Group::new(material, now, about, Level::Should, sources);
    let forms: [(&str, &str, &str, Expected, &[Flaw]); 12] = [
        // RFC 6750 lets several blanks stand between them.
        ("two-blanks", "two blanks behind the scheme", "Bearer  {}", Expected::Either, &[]),
        ("tab", "a tab behind the scheme", "Bearer\t{}", UNAUTHORIZED, &[Flaw::AnyScheme]),
        // HTTP takes blanks at the end away before anybody sees them.
        ("trailing-blank", "a blank behind the token", "Bearer {} ", Expected::Either, &[]),
        ("quoted", "the token in quotes", "Bearer \"{}\"", UNAUTHORIZED, &[]),
        ("colon", "a colon behind the scheme", "Bearer: {}", UNAUTHORIZED, &[Flaw::AnyScheme]),
        ("parameter", "the token as a parameter", "Bearer token={}", UNAUTHORIZED, &[]),
        ("without-scheme", "the token alone", "{}", UNAUTHORIZED, &[Flaw::AnyScheme]),
        ("basic", "the scheme Basic", "Basic {}", UNAUTHORIZED, &[Flaw::AnyScheme]),
        ("token", "the scheme Token", "Token {}", UNAUTHORIZED, &[Flaw::AnyScheme]),
        ("jwt", "the scheme JWT", "JWT {}", UNAUTHORIZED, &[Flaw::AnyScheme]),
        ("dpop", "the scheme DPoP", "DPoP {}", UNAUTHORIZED, &[Flaw::AnyScheme]),
        ("twice", "the scheme twice", "Bearer Bearer {}", UNAUTHORIZED, &[]),
    ];
    for (variant, what, form, expected, flaws) in forms {
        let token = material.token.expose();
        let probe = group.probe(what, expected).with_header("Authorization", form.replace("{}", token));
        let probe = probe.hiding(token);
        group.add(variant, what, vec![super::group::send(probe)]).shows(flaws);
    }
    group.into_cases()
}

pub(super) fn several(material: &Material, now: u64) -> Vec<Case> {
    let about = (63, "several", "several tokens at once");
    let mut group =
        Group::new(material, now, about, Level::Should, &["RFC 9110 section 5.3", "RFC 6750 section 2"]);
    let bad = "e30.e30.AA";
    let many = |probe: Probe, values: [String; 2]| {
        values.into_iter().fold(probe, |probe, value| probe.with_header("Authorization", value))
    };
    carried(&mut group, "good-bad", "a good token and then a bad one", ANYHOW, |probe, token| {
        many(probe, [format!("Bearer {token}"), format!("Bearer {bad}")])
    });
    carried(&mut group, "bad-good", "a bad token and then a good one", ANYHOW, |probe, token| {
        many(probe, [format!("Bearer {bad}"), format!("Bearer {token}")])
    });
    carried(&mut group, "good-good", "a good token twice", Expected::Either, |probe, token| {
        many(probe, [format!("Bearer {token}"), format!("Bearer {token}")])
    });
    carried(
        &mut group,
        "comma-good-bad",
        "a good token, a comma and a bad one",
        UNAUTHORIZED,
        |probe, token| probe.with_header("Authorization", format!("Bearer {token}, Bearer {bad}")),
    );
    carried(
        &mut group,
        "comma-bad-good",
        "a bad token, a comma and a good one",
        UNAUTHORIZED,
        |probe, token| probe.with_header("Authorization", format!("Bearer {bad}, Bearer {token}")),
    );
    group.into_cases()
}

pub(super) fn elsewhere(material: &Material, now: u64) -> Vec<Case> {
    let about = (64, "elsewhere", "a token that is not in the header");
    let sources = &["RFC 6750 section 2", "RFC 9700 section 4.3.2"];
    let mut group = Group::new(material, now, about, Level::Must, sources);
    carried(&mut group, "query", "the token in the query", UNAUTHORIZED, |mut probe, token| {
        probe.target = format!("{}?access_token={token}", probe.target);
        probe
    });
    carried(&mut group, "form", "the token in a form", UNAUTHORIZED, |mut probe, token| {
        probe.headers = vec![("Content-Type".to_owned(), Secret::new("application/x-www-form-urlencoded"))];
        probe.body = format!("access_token={token}&{}", probe.body);
        probe
    });
    for (variant, header, form) in [
        ("cookie", "Cookie", "access_token={}"),
        ("x-authorization", "X-Authorization", "Bearer {}"),
        ("proxy-authorization", "Proxy-Authorization", "Bearer {}"),
        ("forwarded", "X-Forwarded-Authorization", "Bearer {}"),
        ("access-token", "Access-Token", "{}"),
    ] {
        carried(&mut group, variant, &format!("the token in `{header}`"), UNAUTHORIZED, |probe, token| {
            probe.with_header(header, form.replace("{}", token))
        });
    }
    group.into_cases()
}

pub(super) fn name(material: &Material, now: u64) -> Vec<Case> {
    let about = (65, "header-case", "the header's name in other letters");
    let mut group =
        Group::new(material, now, about, Level::Must, &["RFC 9110 section 5.1", "RFC 9113 section 8.2.1"]);
    for (variant, header) in [("lower", "authorization"), ("upper", "AUTHORIZATION")] {
        carried(
            &mut group,
            variant,
            &format!("the header `{header}`"),
            Expected::Accepted,
            |probe, token| probe.with_header(header, format!("Bearer {token}")),
        );
    }
    let good = Draft::of(material.token.expose());
    group.case("usual", "a good token, carried as it should be", good, Expected::Accepted);
    group.into_cases()
}
