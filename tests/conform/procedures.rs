//! Cases that take a procedure.

use landfall::doubles::broker::{Broker, BrokerConfig};
use landfall::doubles::proxy::{Proxy, ProxyConfig};
use landfall::kafka::Access;
use landfall::result::CaseOutcome;

use crate::harness::{of, rest, result};

/// Ids of procedures, as the list has them.
const PARTS: [&str; 10] = [
    "--filter",
    "rel.order",
    "--filter",
    "http.c",
    "--filter",
    "rel.rec",
    "--filter",
    "rel.sh",
    "--filter",
    "rel.du",
];

#[test]
fn procedures_are_listed_and_told_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let listed = rest(&["--list", "--filter", "rel.order.sequential"], folder.path());
    assert!(listed.stdout.contains("rest/rel.order.sequential/two-replicas"), "{}", listed.stdout);
    let dry = rest(&["--dry-run", "--filter", "rel.order.sequential/two"], folder.path());
    assert!(dry.stdout.contains("through two proxies in turn"), "{}", dry.stdout);
}

/// At a proxy that runs already, what needs something of landfall's own is not tried, and said so.
#[test]
fn a_proxy_that_runs_is_tried_as_far_as_nothing_is_done_to_it() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (broker, proxy) = runtime.block_on(async {
        let broker = Broker::start(BrokerConfig::default()).await.unwrap();
        let loopback = std::net::Ipv4Addr::LOCALHOST.into();
        let config = ProxyConfig::new(loopback, Access::plain(broker.bootstrap()));
        (broker, Proxy::start(config).await.unwrap())
    });
    let (url, bootstrap) = (format!("http://{}", proxy.address()), broker.bootstrap());
    let folder = tempfile::tempdir().unwrap();
    let target = ["--target", &url, "--bootstrap", &bootstrap];
    let ended = rest(&[&target[..], &PARTS].concat(), folder.path());
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    let result = result(folder.path());
    let passed = of(&result, CaseOutcome::Passed);
    for id in [
        "rest/rel.order.sequential/v3",
        "rest/http.concurrent-isolation/v2",
        "rest/rel.duplicate-on-retry/v2",
    ] {
        assert!(passed.contains(&id), "{passed:?}");
    }
    let not_run = of(&result, CaseOutcome::NotRun);
    for id in ["rest/rel.order.sequential/two-replicas", "rest/rel.recovery/v2", "rest/rel.shutdown.drain/v3"]
    {
        assert!(not_run.contains(&id), "{not_run:?}");
    }
    let needs: Vec<&str> = result.missing.iter().map(|missing| missing.need.as_str()).collect();
    assert_eq!(needs, ["own_broker", "own_proxy", "own_replica"]);
    assert!(ended.stdout.contains("not run: needs own_broker"), "{}", ended.stdout);
}

/// Since defaults changed at 7.0.
#[test]
fn how_many_replicas_acknowledge_is_told_from_what_the_broker_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    let acks = ["--filter", "rel.acks-default"];
    for (release, profile, code) in [
        ("confluent-6.2", "confluent@6.2.15", 0),
        ("confluent-6.2", "none", 1),
        ("confluent-7.9", "confluent@7.9.9", 0),
    ] {
        let arguments = [&["--release", release, "--profile", profile], &acks[..]].concat();
        let ended = rest(&arguments, folder.path());
        assert_eq!(ended.code, Some(code), "{release} {profile}: {}{}", ended.stdout, ended.stderr);
    }
}
