use super::*;
use crate::scenario::Scenario;
use std::path::Path;

const SECOND: Duration = Duration::from_secs(1);

fn read(partners: &str, more: &str) -> Result<Scenario, String> {
    let text = format!(
        "version: 1\nname: x\ntopics: [{{ name: t }}]\npartners: {partners}\nworkload: [{{ partner: p, topic: t, \
         format: v2-json, payload: {{ file: r }}, arrivals: {{ constant: 1/s }}, for: 1s }}]\n{more}"
    );
    crate::scenario::parse(&text, Path::new("a/x"), &[], &|_| unreachable!("extends nothing"))
        .map_err(|error| error.to_string())
}

fn token(text: &str, more: &str) -> Result<TokenSpec, String> {
    read(&format!("[{{ name: p, secret: generated, token: {text} }}]"), more)
        .map(|scenario| scenario.partners[0].token.clone())
}

#[test]
fn partners_differ_in_name_and_client_id() {
    let two = |second: &str| {
        read(&format!("[{{ name: p, secret: generated }}, {{ {second}, secret: generated }}]"), "")
    };
    assert!(two("name: q").is_ok());
    assert!(two("name: q, client_id: r").is_ok());
    assert!(two("name: p, client_id: r").unwrap_err().contains("named twice"));
    assert!(two("name: q, client_id: p").unwrap_err().contains("belongs to the partner `p` already"));
    assert!(two("name: q, expect: reject").is_err());
}

#[test]
fn scopes_are_those_of_oauth() {
    let scope = |text: &str| {
        read(&format!("[{{ name: p, secret: generated, scope: {text} }}]"), "")
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
fn a_fleet_is_as_many_partners_and_streams() {
    let fleet = "[{ name: q, secret: generated }, { name: p, count: 4, client_id: c, scope: s, \
        secret: { file: secrets.txt } }]";
    let scenario = read(fleet, "").unwrap();
    let names: Vec<&str> = scenario.partners.iter().map(|partner| partner.name.as_str()).collect();
    assert_eq!(names, ["q", "p-1", "p-2", "p-3", "p-4"]);
    let third = &scenario.partners[3];
    assert_eq!((third.client_id.as_str(), third.fleet.as_deref()), ("c-3", Some("p")));
    let line = SecretSource::Line { file: "a/secrets.txt".into(), line: 3, of: 4 };
    assert_eq!(third.auth, ClientAuth::Basic(line));
    assert_eq!(scenario.partners[0].fleet, None);
    let streams: Vec<(usize, usize)> =
        scenario.workloads.iter().map(|stream| (stream.place, stream.partner)).collect();
    assert_eq!(streams, [(0, 1), (0, 2), (0, 3), (0, 4)]);
}

#[test]
fn members_share_a_variable_and_no_generated_secret() {
    let secret = |text: &str| {
        let scenario = read(&format!("[{{ name: p, count: 2, secret: {text} }}]"), "").unwrap();
        scenario.partners[1].auth.clone()
    };
    assert_eq!(secret("{ env: S }"), ClientAuth::Basic(SecretSource::Env("S".into())));
    assert_eq!(secret("generated"), ClientAuth::Basic(SecretSource::Generated));
}

#[test]
fn a_member_is_nobody_elses_name() {
    let two = |first: &str, second: &str| {
        read(&format!("[{{ {first}, secret: generated }}, {{ {second}, secret: generated }}]"), "")
            .unwrap_err()
    };
    let error = two("name: p-2", "name: p, count: 3");
    assert!(error.contains("partners[1].name: the partner `p-2` is named twice"), "{error}");
    assert!(two("name: p, count: 3", "name: p-3").contains("`p-3` is named twice"));
    assert!(two("name: p, count: 3", "name: p").contains("`p` is named twice"));
    let error = two("name: p, count: 3", "name: q, client_id: p-1");
    assert!(
        error.contains("partners[1].client_id: the client id `p-1` belongs to the partner `p-1`"),
        "{error}"
    );
}

#[test]
fn fleets_and_streams_have_limits() {
    let fleet = |count: &str| read(&format!("[{{ name: p, count: {count}, secret: generated }}]"), "");
    assert_eq!(fleet("1").unwrap().partners[0].name, "p-1");
    assert_eq!(fleet("1000").unwrap().workloads.len(), 1000);
    for bad in ["0", "1001", "some"] {
        let error = fleet(bad).unwrap_err();
        assert!(error.contains("partners[0].count: ") && error.lines().count() == 1, "{error}");
    }
}

#[test]
fn who_signs_has_a_key_and_others_a_secret() {
    let auth = |text: &str, more: &str| {
        read(&format!("[{{ name: p, {text} }}]"), more).map(|scenario| scenario.partners[0].auth.clone())
    };
    let secret = |auth: fn(SecretSource) -> ClientAuth| Ok(auth(SecretSource::Generated));
    assert_eq!(auth("secret: generated", ""), secret(ClientAuth::Basic));
    assert_eq!(auth("auth: post, secret: generated", ""), secret(ClientAuth::Post));
    assert_eq!(auth("auth: private-key-jwt, key: generated", ""), secret(ClientAuth::PrivateKeyJwt));
    let file = ClientAuth::PrivateKeyJwt(SecretSource::File("a/k.pem".into()));
    let fleet = auth("count: 2, auth: private-key-jwt, key: { file: k.pem }", "");
    assert_eq!(fleet, Ok(file), "which the members share");
    let external = "stack: { idp: { kind: external, issuer: 'http://127.0.0.1:1' } }";
    for (text, more, sentence) in [
        ("scope: a", "", "partners[0].secret: is missing"),
        ("auth: private-key-jwt", "", "partners[0].key: is missing"),
        ("auth: private-key-jwt, key: generated, secret: generated", "", "partners[0].secret: is of no use"),
        ("secret: generated, key: generated", "", "partners[0].key: is of no use"),
        ("auth: private-key-jwt, key: hunter2", "", "a secret must not stand in a scenario"),
        ("auth: tls, secret: generated", "", "`tls` is not possible"),
        ("secret: generated", external, "partners[0].secret: cannot be made up"),
    ] {
        let error = auth(text, more).unwrap_err();
        assert!(error.contains(sentence) && error.lines().count() == 1, "{text}: {error}");
        assert!(!error.contains("hunter2"));
    }
    assert!(auth("secret: { env: S }", external).is_ok());
}

#[test]
fn tokens_are_renewed_ahead_unless_the_scenario_says_otherwise() {
    let renew = |text: &str| token(&format!("{{ renew: {text} }}"), "").map(|spec| spec.renew);
    assert_eq!(token("null", "").map(|spec| spec.renew), Ok(Renew::Ahead));
    assert_eq!(renew("ahead"), Ok(Renew::Ahead));
    assert_eq!(renew("at-expiry"), Ok(Renew::AtExpiry));
    assert_eq!(renew("never"), Ok(Renew::Never));
    assert_eq!(renew("{ before: 90s }"), Ok(Renew::Before(90 * SECOND)));
    for bad in ["later", "10s", "[never]", "{}", "{ before: 0s }", "{ after: 1s }", "{ before: 1h }"] {
        let error = renew(bad).unwrap_err();
        assert!(error.contains("partners[0].token.renew"), "{error}");
    }
    let error = token("{ life: 5m }", "").unwrap_err();
    assert!(error.contains("stack: { idp: { token_life: 5m } }"), "{error}");
}

#[test]
fn jitter_needs_renewals() {
    assert_eq!(token("{ jitter: 5s }", "").map(|spec| spec.jitter), Ok(5 * SECOND));
    let error = token("{ renew: never, jitter: 5s }", "").unwrap_err();
    assert!(error.contains("partners[0].token.jitter: has no meaning"), "{error}");
}

#[test]
fn tokens_are_renewed_upon_refusals_where_that_is_said() {
    let renew_on = |text: &str| token(text, "").map(|spec| spec.renew_on);
    assert_eq!(renew_on("{}"), Ok(Vec::new()));
    assert_eq!(renew_on("{ renew: at-expiry, renew_on: [401, 403] }"), Ok(vec![401, 403]));
    for (bad, sentence) in [
        ("{ renew_on: [503] }", "partners[0].token.renew_on[0]: must be a whole number from 400 to 499"),
        ("{ renew_on: 401 }", "partners[0].token.renew_on: must be a list"),
        ("{ renew: never, renew_on: [401] }", "partners[0].token.renew_on: has no meaning"),
    ] {
        let error = renew_on(bad).unwrap_err();
        assert!(error.contains(sentence), "{error}");
    }
}

#[test]
fn the_grace_follows_from_the_path() {
    let grace = |text: &str, more: &str| token(text, more).map(|spec| spec.grace);
    assert_eq!(grace("{}", ""), Ok(330 * SECOND));
    let gateway = "stack: { gateway: { authorizer_ttl: 0s, leeway: 2s } }\n";
    assert_eq!(grace("{}", gateway), Ok(2 * SECOND));
    assert_eq!(grace("{ grace: 5m }", gateway), Ok(300 * SECOND));
    assert_eq!(grace("{}", "stack: { gateway: none }\n"), Ok(330 * SECOND));
}
