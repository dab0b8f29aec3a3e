//! Groups 66 to 74: what is remembered of a token, and for whom.

use std::time::Duration;

use super::claims::other_case;
use super::encoding::twin_of;
use super::forge::Draft;
use super::group::{ANYHOW, FORBIDDEN, Group, UNAUTHORIZED, act, send};
use super::material::{Material, Object};
use crate::conform::{Case, Control, Expected, Level, Need, Step};
use crate::jose::Compact;
use crate::scenario::Flaw;

pub(super) fn paths(material: &Material, now: u64) -> Vec<Case> {
    let about = (66, "cache-paths", "one token on several paths");
    let sources = &["Amazon API Gateway Developer Guide, Lambda authorizers (caching)"];
    let mut group = Group::new(material, now, about, Level::Must, sources);
    let token = material.token.expose();
    let path = |what: &str, target: String| {
        let mut probe = group.probe(what, Expected::Accepted);
        probe.target = target;
        send(probe.bearer(token))
    };
    let topic = &material.topic;
    let steps = vec![
        path("the topic", format!("/topics/{topic}")),
        path("a partition of the topic", format!("/topics/{topic}/partitions/0")),
        path("the topic again", format!("/topics/{topic}")),
    ];
    // A policy for the first path alone would make the second one fail for as long as it is kept.
    group.add("two-paths", "a topic, and a partition of it", steps);
    group.into_cases()
}

pub(super) fn expiry(material: &Material, now: u64) -> Vec<Case> {
    let about = (67, "cache-expiry", "a token that expires while its answer is kept");
    let mut group = Group::new(material, now, about, Level::Must, &["RFC 7519 section 4.1.4"]);
    let leeway = material.accepts.leeway;
    let kept = material.cache.unwrap_or_default();
    // Longer would hold up whoever waits for the suite.
    let short = leeway + kept <= Duration::from_secs(10) && material.cache.is_some();
    let token = group.forge().claim("exp", now + 2).signed();
    let text = token.token.unwrap_or_default();
    let over = Duration::from_secs(3) + leeway + kept;
    let steps = vec![
        send(group.probe("a token that ends in two seconds", Expected::Accepted).bearer(&text)),
        act(Control::Wait(over)),
        send(group.probe("the same when it has ended, and kept answers have", UNAUTHORIZED).bearer(&text)),
    ];
    group
        .add("ends", "a token is used before and after its end", steps)
        .needs(Need::Signer, material.signer.is_some())
        .needs(Need::Clock, material.clock)
        .needs(Need::Cache, short)
        .slow();
    group.into_cases()
}

pub(super) fn clients(material: &Material, now: u64) -> Vec<Case> {
    let about = (68, "cache-clients", "one client after another on the same path");
    let mut group = Group::new(material, now, about, Level::Must, &["OWASP API1:2023"]);
    let other = material.other.as_ref();
    let token = other.map_or("", |other| other.token.expose()).to_owned();
    let good = material.token.expose().to_owned();
    let given = other.is_some();
    let steps = vec![
        send(group.probe("the client that may", Expected::Accepted).bearer(&good)),
        send(group.probe("another client, which may not", FORBIDDEN).bearer(&token)),
        send(group.probe("nobody", UNAUTHORIZED)),
        send(group.probe("the first client again", Expected::Accepted).bearer(&good)),
    ];
    group
        .add("after-good", "who may not comes after who may", steps)
        .needs(Need::Client, given)
        .shows(&[Flaw::SharesDecisions]);
    let topic = other.map_or(String::new(), |other| other.topic.clone());
    let steps = vec![
        send(group.probe_to(&topic, "a client that may not", FORBIDDEN).bearer(&good)),
        send(group.probe_to(&topic, "the client that may", Expected::Accepted).bearer(&token)),
    ];
    group
        .add("after-bad", "who may comes after who may not", steps)
        .needs(Need::Client, given)
        .shows(&[Flaw::SharesDecisions]);
    group.into_cases()
}

pub(super) fn stages(material: &Material, now: u64) -> Vec<Case> {
    let about = (69, "cache-stages", "a token at another stage of the API");
    let mut group =
        Group::new(material, now, about, Level::Should, &["Amazon API Gateway Developer Guide, stages"]);
    let (good, own) = (material.token.expose(), material.base_path.as_str());
    let there = "a stage that there is not";
    let steps = vec![elsewhere(&group, there, "/another-stage", good)];
    group.add("unknown", "a good token at a stage that there is not", steps);
    // What was decided here says nothing about there, nor the other way about.
    let steps = vec![
        here(&group, "here"),
        elsewhere(&group, there, "/another-stage", good),
        here(&group, "here again"),
    ];
    group.add("after-good", "a good token here, at a stage that there is not, and here again", steps);
    let steps = vec![
        elsewhere(&group, "a bad token elsewhere", "/another-stage", "e30.e30.AA"),
        here(&group, "a good one here"),
    ];
    group.add("after-bad", "a bad token at a stage that there is not, and a good one here", steps);
    let steps = vec![elsewhere(&group, "a path that leads to it", &format!("{own}/../another-stage"), good)];
    group.add("dot-dot", "a good token at a stage that is reached from this one by dots", steps);
    if own.is_empty() {
        return group.into_cases();
    }
    let steps = vec![elsewhere(&group, "the path without its stage", "", good)];
    group.add("none", "a good token where the path names no stage", steps);
    let case = other_case(own);
    if case != own {
        let steps = vec![elsewhere(&group, "the stage in other letters", &case, good)];
        group.add("case", "a good token at a stage of the same name in other letters", steps);
    }
    group.into_cases()
}

/// A token at another stage, which begins at the server's root.
fn elsewhere(group: &Group<'_>, what: &str, stage: &str, token: &str) -> Step {
    let mut probe = group.probe(what, ANYHOW).bearer(token);
    probe.target = format!("{stage}/topics/{}", group.material.topic);
    probe.from_root = true;
    // An answer to an unknown path repeats the header at AWS.
    probe.may_echo = true;
    send(probe)
}

/// The good token where it belongs.
fn here(group: &Group<'_>, what: &str) -> Step {
    send(group.probe(what, Expected::Accepted).bearer(group.material.token.expose()))
}

pub(super) fn denied(material: &Material, now: u64) -> Vec<Case> {
    let about = (71, "cache-denied", "a client that may not, again and again");
    let mut group = Group::new(material, now, about, Level::Must, &["RFC 6750 section 3.1"]);
    let token = material.other.as_ref().map_or("", |other| other.token.expose()).to_owned();
    let steps = ["first", "second", "third"]
        .map(|time| send(group.probe(&format!("the {time} time"), FORBIDDEN).bearer(&token)));
    group
        .add("again", "another client's token three times", steps.into())
        .needs(Need::Client, material.other.is_some());
    let bad = "e30.e30.AA";
    let steps = ["first", "second", "third"]
        .map(|time| send(group.probe(&format!("the {time} time"), UNAUTHORIZED).bearer(bad)));
    group.add("bad-again", "a bad token three times", steps.into());
    group.into_cases()
}

pub(super) fn twins(material: &Material, now: u64) -> Vec<Case> {
    let about = (72, "cache-twins", "tokens that differ in letters and not in bytes, after the good one");
    let mut group = Group::new(material, now, about, Level::Must, &["RFC 4648 section 3.5"]);
    let good = material.token.expose();
    let twin = twin_of(good).unwrap_or_else(|| format!("{good}="));
    let steps = vec![
        send(group.probe("a good token", Expected::Accepted).bearer(good)),
        send(group.probe("its twin", UNAUTHORIZED).bearer(&twin)),
        send(
            group
                .probe("it and a blank", Expected::Either)
                .with_header("Authorization", format!("Bearer  {good}"))
                .hiding(good),
        ),
        send(group.probe("it and padding", UNAUTHORIZED).bearer(&format!("{good}="))),
    ];
    group.add("after-good", "a good token, and then its twins", steps).shows(&[Flaw::LenientBase64]);
    group.into_cases()
}

pub(super) fn contexts(material: &Material, now: u64) -> Vec<Case> {
    let about = (73, "cache-context", "who is let in is not decided by what clients say of themselves");
    let mut group = Group::new(
        material,
        now,
        about,
        Level::Should,
        &["Amazon API Gateway Developer Guide, $context.authorizer"],
    );
    // What a client says of itself in the names that authorizers' contexts are mapped to.
    let names = ["X-Client-Id", "X-Principal-Id", "X-Tenant", "X-Amzn-Authorizer"];
    let probe = group.probe("a good token, and headers that say who somebody else is", Expected::Accepted);
    let probe = names.iter().fold(probe, |probe, name| probe.with_header(name, "somebody-else"));
    let probe = probe.apart_from(&["somebody-else".to_owned()]);
    let draft = Draft::of(material.token.expose());
    group.case_of("own-headers", "a client says of itself that it is another", draft, probe);
    let token = material.other.as_ref().map_or("", |other| other.token.expose());
    let probe = group.probe("another client that says it is the first", FORBIDDEN);
    let client = material.text("sub").to_owned();
    let probe = names.iter().fold(probe, |probe, name| probe.with_header(name, client.as_str()));
    let draft = Draft::of(token).needing(Need::Client, material.other.is_some());
    group
        .case_of("headers-of-other", "another client says that it is the first", draft, probe)
        .level(Level::Must);
    let given = material.other.is_some();
    let mut probe =
        group.probe("another client that names the first one in its query", FORBIDDEN).bearer(token);
    probe.target = format!("{}?client_id={client}&principalId={client}", probe.target);
    group
        .add("query-of-other", "another client says in its query that it is the first", vec![send(probe)])
        .level(Level::Must)
        .needs(Need::Client, given);
    // What is remembered of one is not what the other gets, whoever they say they are.
    let (good, others) = (material.token.expose(), material.other.as_ref());
    let topic = others.map_or("", |other| other.topic.as_str());
    let first = names_of(&material.claims, material);
    let claims = others.and_then(|other| claims_of(other.token.expose())).unwrap_or_default();
    let second = names_of(&claims, material);
    let turn = |what: &str, topic: &str, expected, of_first: bool| {
        let (token, other) = if of_first { (good, &second) } else { (token, &first) };
        let probe = group.probe_to(topic, what, expected).apart_from(other);
        let said = other.first().map_or("somebody-else", String::as_str);
        let probe = names.iter().fold(probe, |probe, name| probe.with_header(name, said));
        send(probe.bearer(token))
    };
    let steps = vec![
        turn("the first client, which says that it is the second", &material.topic, Expected::Accepted, true),
        turn("the second, which says that it is the first", &material.topic, FORBIDDEN, false),
        turn("the second on its own topic", topic, Expected::Accepted, false),
        turn("the first there", topic, FORBIDDEN, true),
        turn("the first on its own topic again", &material.topic, Expected::Accepted, true),
    ];
    group
        .add("in-turns", "two clients in turns, each of which says that it is the other", steps)
        .level(Level::Must)
        .needs(Need::Client, given)
        .shows(&[Flaw::SharesDecisions, Flaw::NamesFirstCaller]);
    group.into_cases()
}

/// By which names a client is known: whom its token is about, and the client that this names.
fn names_of(claims: &Object, material: &Material) -> Vec<String> {
    let claimed = material.accepts.client_claims.iter().map(String::as_str);
    let named = std::iter::once("sub").chain(claimed).filter_map(|claim| claims.get(claim)?.as_str());
    named.map(str::to_owned).collect()
}

/// The claims of a token.
fn claims_of(token: &str) -> Option<Object> {
    serde_json::from_slice(&Compact::split(token)?.decoded_payload()?).ok()
}

pub(super) fn unknown(material: &Material, now: u64) -> Vec<Case> {
    let about = (74, "unknown-path", "a token on a path that there is not");
    let mut group = Group::new(material, now, about, Level::Should, &["RFC 6750 section 5.3"]);
    let mut probe = group.probe("a path that there is not", FORBIDDEN).bearer(material.token.expose());
    probe.target = String::from("/no/such/path");
    // API Gateway does this; who logs answers must know.
    probe.may_echo = true;
    group.add("path", "a good token on a path that there is not", vec![send(probe)]);
    let mut probe = group.probe("a method that there is not", ANYHOW).bearer(material.token.expose());
    probe.method = "PATCH";
    probe.may_echo = true;
    group.add("method", "a good token with a method that there is not", vec![send(probe)]);
    group.into_cases()
}
