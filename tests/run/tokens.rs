//! Tokens that expire in mid-run: renewed, never renewed, renewed by a whole fleet, and not to be had. Tokens live for
//! 5 s, no authorizer result is kept, and no clock is given leeway, so that each is refused when it has expired.

use landfall::result::{RunResult, Verdict};

use crate::harness::{Ended, Landfall, ScenarioFile, repository};

/// A run in which one partner, or a fleet, writes to a topic.
fn run(partner: &str, rate: &str, duration: &str, changes: &[&str]) -> Ended {
    let payload = repository("fixtures/payloads/earthquakes.ndjson");
    let file = ScenarioFile::new(&format!(
        "version: 1\nname: tokens\nstack:\n  idp: {{ token_life: 5s }}\n  gateway: {{ authorizer_ttl: 0s, leeway: 0s }}\n\
         topics: [{{ name: quakes }}]\npartners: [{{ name: p, secret: generated, scope: 'quakes:write', {partner} }}]\n\
         workload:\n  - {{ partner: p, topic: quakes, format: v2-json, payload: {{ file: '{}' }}, \
         arrivals: {{ constant: {rate} }}, for: {duration}, connections: 2 }}\n",
        payload.display()
    ));
    changes.iter().fold(Landfall::run(&file.path()), |call, change| call.set(change)).end()
}

fn passes(ended: &Ended) -> &RunResult {
    let result = ended.result();
    assert_eq!((ended.code, result.verdict), (Some(0), Verdict::Pass), "{}", ended.stdout);
    assert!(result.findings.is_empty(), "{}", ended.stdout);
    result
}

#[test]
fn tokens_that_are_renewed_in_time_are_never_missed() {
    let checks = "checks=[\"tokens.failed == 0\"]";
    let ended = run("token: { renew: { before: 2200ms } }", "20/s", "12s", &[checks]);
    let result = passes(&ended);
    assert_eq!((result.requests.accepted, result.latency_us.count), (240, 240), "{}", ended.stdout);
    let tokens = result.tokens;
    // Each is renewed after 2.8 s.
    assert_eq!((tokens.fetched, tokens.fetch_us.count, tokens.storms), (5, 5, 1), "{tokens:?}");
    assert_eq!((tokens.unarmed, tokens.unarmed_us), (0, 0), "{tokens:?}");
    assert!(ended.stdout.contains("tokens    5 fetched"), "{}", ended.stdout);
}

#[test]
fn a_token_that_is_never_renewed_is_refused_as_it_must_be() {
    let ended = run("token: { renew: never }", "20/s", "9s", &["checks=[\"rate.achieved >= 99%\"]"]);
    let result = passes(&ended);
    let requests = result.requests;
    assert_eq!((requests.sent, requests.accepted + requests.refused), (180, 180), "{}", ended.stdout);
    // It expires between 4 s and 5 s after it was fetched.
    assert!((50..=100).contains(&requests.accepted), "{}", ended.stdout);
    // Only what was sent with a valid token is measured.
    assert!((50..=requests.accepted).contains(&result.latency_us.count), "{}", ended.stdout);
    assert_eq!((result.tokens.fetched, result.tokens.unarmed_us), (1, 0), "{:?}", result.tokens);
    assert!(ended.stdout.contains("partner `p` had no valid token for "), "{}", ended.stdout);
}

/// The part of a run in which a token of 5 s has expired for certain.
const EXPIRED: &str = "window: [6s, 1h]";

#[test]
fn an_expired_token_that_is_admitted_is_found_each_time() {
    let fault = format!("faults=[{{box: gateway, kind: admit-denied, every: 1, {EXPIRED}}}]");
    let ended = run("token: { renew: never }", "20/s", "9s", &[&fault]);
    let result = ended.result();
    assert_eq!((ended.code, result.verdict), (Some(1), Verdict::Fail), "{}", ended.stdout);
    let injected = result.faults[0].injected;
    assert!(injected >= 50, "{}", ended.stdout);
    let findings: Vec<(&str, u64)> = result.findings.iter().map(|f| (f.kind.as_str(), f.count)).collect();
    assert_eq!(findings, [("requests.wrongly_admitted", injected)], "{}", ended.stdout);
    let detail = &result.findings[0].examples[0].detail;
    assert!(detail.contains("had to be refused; its token had expired "), "{detail}");
}

#[test]
fn an_expired_token_that_is_forwarded_behind_its_refusal_is_leaked() {
    let fault = format!("faults=[{{box: gateway, kind: forward-denied, every: 2, {EXPIRED}}}]");
    let ended = run("token: { renew: never }", "20/s", "8s", &[&fault]);
    let result = ended.result();
    let injected = result.faults[0].injected;
    assert!(injected >= 10, "{}", ended.stdout);
    assert_eq!((result.records.leaked, result.findings.len()), (injected, 1), "{}", ended.stdout);
}

#[test]
fn a_fleet_renews_all_at_once_unless_it_is_spread_and_nobody_is_refused() {
    let storms = |jitter: &str| {
        let fleet = format!("count: 50, token: {{ jitter: {jitter} }}");
        let ended = run(&fleet, "1/s", "5s", &["workload[0].connections=1"]);
        let result = passes(&ended);
        assert_eq!((result.requests.accepted, result.requests.sent), (250, 250), "{}", ended.stdout);
        assert!(result.tokens.fetched >= 100, "{:?}", result.tokens);
        result.tokens.storms
    };
    let (at_once, spread) = (storms("0s"), storms("2s"));
    assert!(spread > 0 && spread < at_once && at_once <= 50, "{at_once} at once, {spread} spread");
}

#[test]
fn an_idp_that_goes_away_is_counted_and_leaves_the_run_open() {
    let outage = "faults=[{box: idp, kind: token-outage, every: 1}]";
    let ended = run("token: { renew: ahead }", "20/s", "8s", &[outage]);
    let result = ended.result();
    assert_eq!((ended.code, result.verdict), (Some(4), Verdict::Inconclusive), "{}", ended.stdout);
    assert!(result.findings.is_empty(), "{}", ended.stdout);
    let tokens = result.tokens;
    // Tried after 3 s, then 1 s, 2 s and 4 s later.
    assert_eq!((tokens.failed, result.faults[0].injected, tokens.fetched), (3, 3, 1), "{tokens:?}");
    assert!(tokens.unarmed == 1 && tokens.unarmed_us >= 2_000_000, "{tokens:?}");
    assert!(
        ended.stdout.contains("3 renewals failed, the last with: it answers HTTP 503"),
        "{}",
        ended.stdout
    );
    assert!(result.requests.refused > 0 && result.requests.wrongly_refused == 0, "{}", ended.stdout);
}

#[test]
fn a_renewal_that_fails_once_harms_nobody() {
    // Renewals after 3 s, after 6 s, which fails, and 1 s later.
    let outage = "faults=[{box: idp, kind: token-outage, every: 2}]";
    let ended = run("token: { renew: ahead }", "20/s", "8s", &[outage]);
    let result = passes(&ended);
    let tokens = result.tokens;
    assert_eq!((tokens.failed, result.faults[0].injected, tokens.unarmed), (1, 1, 0), "{tokens:?}");
    assert_eq!((tokens.fetched, tokens.unarmed_us), (3, 0), "{tokens:?}");
}

#[test]
fn a_fleet_that_is_larger_than_the_rate_limit_of_its_provider_gets_its_tokens() {
    let limit = "stack.idp.rate_limit={ rate: 20/s, burst: 5 }";
    let ended = run("count: 15, token: { renew: never }", "1/s", "1s", &[limit]);
    assert_eq!(passes(&ended).tokens.fetched, 15, "{}", ended.stdout);
}

#[test]
fn a_provider_that_gives_no_first_token_is_the_cause_of_the_end() {
    let limit = "stack.idp.rate_limit={ rate: 0.02/s, burst: 1 }";
    let ended = run("count: 2", "1/s", "1s", &[limit]);
    assert_eq!(ended.code, Some(3), "{}{}", ended.stdout, ended.stderr);
    let cause = "it answers HTTP 429, too_many_requests";
    assert!(ended.stderr.contains(cause) && ended.stderr.contains("partner `p-"), "{}", ended.stderr);
}

/// A run in which the provider withdraws its key after two seconds, and the authorizer learns of it by the tokens of another
/// partner, which is renewed every three seconds; tokens live for long.
fn withdrawn(token: &str, changes: &[&str]) -> Ended {
    let partners = format!(
        "partners=[{{ name: p, secret: generated, scope: 'quakes:write', token: {{ renew: ahead, {token} }} }}, \
         {{ name: early, secret: generated, scope: 'quakes:write', token: {{ renew: {{ before: 57s }} }} }}]"
    );
    let workload = |partner: &str| {
        let payload = repository("fixtures/payloads/earthquakes.ndjson");
        format!(
            "{{ partner: {partner}, topic: quakes, format: v2-json, payload: {{ file: '{}' }}, \
             arrivals: {{ constant: 20/s }}, for: 9s, connections: 2 }}",
            payload.display()
        )
    };
    let workloads = format!("workload=[{}, {}]", workload("p"), workload("early"));
    let life = "stack.idp.token_life=60s";
    let rotation = "faults=[{ box: idp, kind: rotate-keys-at-once, at: 2s }]";
    run("", "20/s", "9s", &[&[life, &partners, &workloads, rotation], changes].concat())
}

#[test]
fn a_withdrawn_key_is_felt_until_tokens_end_unless_they_are_renewed_when_they_are_refused() {
    // From the third second on, or from the sixth where the first renewal came before the rotation.
    let stubborn = withdrawn("grace: 0s", &[]);
    let wrongly = stubborn.result().requests.wrongly_refused;
    assert_eq!(stubborn.code, Some(1), "{}", stubborn.stdout);
    assert!(wrongly >= 40 && stubborn.result().tokens.replaced == 0, "{}", stubborn.stdout);

    let renewing = withdrawn("renew_on: [401]", &[]);
    let result = renewing.result();
    let felt = result.requests.wrongly_refused;
    assert!((1..wrongly / 2).contains(&felt) && result.tokens.replaced == 1, "{}", renewing.stdout);
    assert!(renewing.stdout.contains("; 1 because a token was refused"), "{}", renewing.stdout);

    // Whoever tries again as well harms nobody.
    let retry = "workload[0].retry={ times: 10, wait: 200ms, on: [401] }";
    let careful = withdrawn("renew_on: [401]", &[retry, "checks=['tokens.replaced == 1']"]);
    assert_eq!(passes(&careful).requests.refused, 0, "{}", careful.stdout);
}
