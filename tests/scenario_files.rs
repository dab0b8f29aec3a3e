//! Scenario files as users write them: those that ship must be valid, and each bad one must be answered with
//! sentences that help.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use landfall::scenario::{
    ApiSpec, Arrivals, BalancerSpec, ClientAuth, Connections, Expect, Format, GatewaySpec, IdentityPlace,
    IdpSpec, KafkaSpec, KeyTimes, Limit, LimitsSpec, Pace, PayloadSource, ProxyRelease, ProxySpec,
    RecordsPerRequest, Scenario, ScenarioError, SecretSource, Shape, Spacing, Timeouts, Unreadable, Value,
    load_file, parse, read,
};
use proptest::prelude::*;

/// The YAML files in `folder`, in the order of their names.
fn yaml_files(folder: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("the folder is part of the repository");
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.expect("the folder can be listed").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "no scenario files in {folder}");
    files
}

fn quickstart(sets: &[&str]) -> Result<Scenario, ScenarioError> {
    let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
    read(Path::new("scenarios/quickstart.yaml"), &sets)
}

fn no_files(_: &Path) -> Result<String, Unreadable> {
    Err(Unreadable { line: 0, column: 0, message: "is not there".to_owned() })
}

#[test]
fn every_shipped_scenario_is_valid_and_its_files_are_there() {
    for path in ["scenarios", "scenarios/containers"].into_iter().flat_map(yaml_files) {
        let scenario = read(&path, &[]).unwrap_or_else(|error| panic!("{error}"));
        for workload in &scenario.workloads {
            if let Some(file) = workload.payload.source.file() {
                assert!(file.is_file(), "{}: {}", path.display(), file.display());
            }
        }
    }
}

#[test]
fn every_bad_scenario_is_answered_with_helpful_sentences() {
    let mut answers = Vec::new();
    for path in yaml_files("fixtures/scenarios/bad") {
        let error = read(&path, &[]).expect_err(&path.display().to_string());
        assert!(!error.problems.is_empty());
        assert!(!error.to_string().contains("hunter2"), "{error}");
        answers.push(error.to_string());
    }
    insta::assert_snapshot!(answers.join("\n\n"));
}

#[test]
fn the_quickstart_says_what_the_design_says() {
    let mut scenario = quickstart(&[]).unwrap();
    // Where the file lies is no part of what it says.
    assert_eq!((scenario.source.files.len(), scenario.source.sets.len()), (1, 0));
    scenario.source = landfall::scenario::Source::default();
    insta::assert_debug_snapshot!(scenario);
}

#[test]
fn overrides_reach_every_part() {
    let scenario = quickstart(&[
        "name=other",
        "stack.proxy.replicas=4",
        "stack.gateway.required_headers=[Content-Type, X-Request-Id]",
        "topics[quakes].partitions=12",
        "topics[quakes].max_message_bytes=512KiB",
        "topics[quakes].retention_bytes=256MiB",
        "workload[0].arrivals.constant=120/min",
        "workload.1.for=1m30s",
        "partners[seismic].secret={env: SEISMIC_SECRET}",
        "checks=[latency.p99.9 <= 1s]",
        "faults=[{box: kafka, kind: deny-read}, {box: proxy, kind: duplicate, rate: 1%, window: [5s, 8s]}]",
        "grace=20s",
        "workload[0].payload.file=records.ndjson",
    ])
    .unwrap();
    assert_eq!(scenario.name, "other");
    let ProxySpec::Embedded { replicas, .. } = scenario.stack.proxy else { panic!() };
    assert_eq!(replicas, 4);
    let GatewaySpec::Embedded { api: ApiSpec::Produce { required_headers, .. }, .. } =
        &scenario.stack.gateway
    else {
        panic!()
    };
    assert_eq!(required_headers, &["Content-Type", "X-Request-Id"]);
    assert_eq!(scenario.topics[0].partitions, 12);
    assert_eq!(scenario.topics[0].max_message_bytes, Some(512 << 10));
    assert_eq!(scenario.topics[0].retention_bytes, Some(256 << 20));
    let arrivals = Arrivals::Open { shape: Shape::Constant(2.0), spacing: Spacing::Even };
    assert_eq!(scenario.workloads[0].phases[0].arrivals, arrivals);
    assert_eq!(scenario.workloads[1].duration(), Duration::from_secs(90));
    let secret = SecretSource::Env("SEISMIC_SECRET".into());
    assert_eq!(scenario.partners[0].auth, ClientAuth::Basic(secret));
    assert_eq!(scenario.checks.len(), 1);
    assert_eq!(scenario.checks[0].metric, "latency.p999");
    assert_eq!(scenario.checks[0].limit, Limit::Duration(Duration::from_secs(1)));
    assert_eq!(scenario.faults[0].pace, Pace::Every(1));
    assert_eq!(scenario.faults[1].pace, Pace::Rate(0.01));
    assert_eq!(scenario.faults[1].window, Some((Duration::from_secs(5), Duration::from_secs(8))));
    assert_eq!(scenario.grace, Some(Duration::from_secs(20)));
    // From the command line a path is as the shell completes it, not relative to the scenario file.
    assert_eq!(scenario.workloads[0].payload.source, PayloadSource::Ndjson("records.ndjson".into()));
    assert_ne!(scenario.hash, quickstart(&[]).unwrap().hash);
}

#[test]
fn bad_overrides_are_answered_with_helpful_sentences() {
    let sets = [
        "name",
        "name=",
        "stack.proxy.replicas=40",
        "stack.proxy.replcias=4",
        "stack.proxy={replicas: 40, colour: blue}",
        "stak.proxy.replicas=4",
        "topics[quaks].partitions=2",
        "workload[2].for=1s",
        "workload[0].for.x=1s",
        "workload[0].for=30",
        "partners[seismic].secret=hunter2",
        "stack.kafka={kind: external, bootstrap: '127.0.0.1:9092', properties: {sasl.password: hunter2}}",
        "stack.gateway=none",
        "stack.idp=none",
        "checks=latency.p99 < 5ms",
        "checks=[latency.p99 < 5]",
        "abort_when=[latency.p99 > 5s for 3, records.lost > 0]",
        "version=2",
        "extends=other.yaml",
        "faults=[",
    ];
    let mut answers = Vec::new();
    for set in sets {
        let answer = quickstart(&[set]).map_or_else(|error| error.to_string(), |_| "valid".to_owned());
        let shown = set.replace("hunter2", "(secret)");
        assert!(!answer.contains("hunter2"), "{answer}");
        answers.push(format!("$ --set '{shown}'\n{answer}"));
    }
    insta::assert_snapshot!(answers.join("\n\n"));
}

const SMALLEST: &str = "version: 1\nname: least\ntopics: [{ name: t }]\npartners: [{ name: p, secret: generated }]\n\
    workload: [{ partner: p, topic: t, format: v2-binary, payload: { file: r.ndjson }, \
    arrivals: { constant: 1/s }, for: 1s }]\n";

#[test]
fn what_is_left_out_has_its_documented_default() {
    let scenario = parse(SMALLEST, Path::new("folder/s.yaml"), &[], &no_files).unwrap();
    assert_eq!(scenario.seed, 0);
    let IdpSpec::Embedded(idp) = &scenario.stack.idp else { panic!("{:?}", scenario.stack.idp) };
    assert_eq!((idp.port, idp.token_life), (0, Duration::from_hours(1)));
    assert_eq!(
        scenario.stack.gateway,
        GatewaySpec::Embedded {
            port: 0,
            tls: None,
            leeway: Duration::from_secs(30),
            keys: KeyTimes::default(),
            api: ApiSpec::Produce {
                required_headers: vec!["Content-Type".into()],
                authorizer_ttl: Duration::from_mins(5),
                validate_credentials: true,
                integration_timeout: Duration::from_secs(29),
            },
            limits: LimitsSpec::default(),
            access_log: None,
        }
    );
    assert_eq!(
        scenario.stack.proxy,
        ProxySpec::Embedded {
            port: 0,
            replicas: 2,
            profile: ProxyRelease::Confluent7_9,
            idempotence: false,
            balancer: BalancerSpec::default(),
            registry: None,
            blocked: BTreeSet::new(),
        }
    );
    assert_eq!(scenario.stack.kafka, KafkaSpec::Embedded { port: 0, brokers: 1, sasl: None });
    assert_eq!(scenario.topics[0].partitions, 1);
    assert_eq!((scenario.topics[0].max_message_bytes, scenario.topics[0].retention_bytes), (None, None));
    let partner = &scenario.partners[0];
    assert_eq!((partner.client_id.as_str(), partner.scope.as_str()), ("p", ""));
    assert_eq!(partner.expect, Expect::Accept);
    let workload = &scenario.workloads[0];
    assert_eq!(workload.format, Format::V2Binary);
    assert_eq!(workload.payload.source, PayloadSource::Ndjson("folder/r.ndjson".into()));
    assert_eq!(workload.identity, IdentityPlace::Member("_landfall".into()));
    assert_eq!(workload.records_per_request, RecordsPerRequest::Fixed(1));
    assert_eq!((&workload.partition, &workload.retry), (&None, &None));
    assert_eq!(workload.connections, Connections { count: 8, streams: 1, requests_each: None, life: None });
    let [connect, whole] = [5, 35].map(Duration::from_secs);
    assert_eq!(workload.timeouts, Timeouts { connect, first_byte: whole, whole });
    let [phase] = workload.phases.as_slice() else { panic!() };
    assert_eq!((phase.name.as_str(), phase.measured, phase.duration), ("main", true, Duration::from_secs(1)));
    assert_eq!((scenario.grace, scenario.drain), (None, Duration::from_secs(35)));
    assert!(scenario.checks.is_empty() && scenario.faults.is_empty() && scenario.allow_hosts.is_empty());
}

#[test]
fn external_boxes_are_read() {
    let stack = "stack:\n  idp: none\n  gateway: none\n\
        \x20 proxy: { kind: external, url: 'http://Proxy.example.com:8082/', cluster_id: MkU3OEVB }\n\
        \x20 kafka:\n    kind: external\n    bootstrap: k1:9092,k2:9092\n    create_topics: true\n\
        \x20   properties: { sasl.password: { env: P }, ssl.key.pem: { file: k.txt }, retries: 3 }\n\
        allow_hosts: [proxy.example.com]\n";
    let scenario = parse(&format!("{SMALLEST}{stack}"), Path::new("a/s.yaml"), &[], &no_files).unwrap();
    assert_eq!((scenario.stack.idp, scenario.stack.gateway), (IdpSpec::None, GatewaySpec::None));
    let url = "http://Proxy.example.com:8082".to_owned();
    let tls = landfall::scenario::TlsSettings::default();
    assert_eq!(scenario.stack.proxy, ProxySpec::External { url, tls, cluster_id: Some("MkU3OEVB".into()) });
    let KafkaSpec::External { bootstrap, properties, create_topics, .. } = scenario.stack.kafka else {
        panic!()
    };
    assert_eq!((bootstrap.as_str(), create_topics), ("k1:9092,k2:9092", true));
    let expected = [
        ("retries".to_owned(), Value::Plain("3".into())),
        ("sasl.password".to_owned(), Value::Reference(SecretSource::Env("P".into()))),
        ("ssl.key.pem".to_owned(), Value::Reference(SecretSource::File("a/k.txt".into()))),
    ];
    assert_eq!(properties.into_iter().collect::<Vec<_>>(), expected);
}

#[test]
fn a_scenario_may_say_only_how_it_differs() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("base")).unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write(
        "base/base.yaml",
        &format!("{SMALLEST}stack: {{ proxy: {{ replicas: 3, port: 8082 }} }}\ngrace: 5s\n"),
    );
    write(
        "x.yaml",
        "extends: base/base.yaml\nname: differs\nstack: { proxy: { replicas: 5 } }\ngrace: null\n",
    );
    let scenario = read(&folder.path().join("x.yaml"), &[]).unwrap();
    assert_eq!((scenario.name.as_str(), scenario.grace), ("differs", None));
    let profile = ProxyRelease::Confluent7_9;
    assert_eq!(
        scenario.stack.proxy,
        ProxySpec::Embedded {
            port: 8082,
            replicas: 5,
            profile,
            idempotence: false,
            balancer: BalancerSpec::default(),
            registry: None,
            blocked: BTreeSet::new()
        }
    );
    // The payload stands beside the file that names it.
    assert_eq!(
        scenario.workloads[0].payload.source,
        PayloadSource::Ndjson(folder.path().join("base/r.ndjson"))
    );

    write("y.yaml", "extends: base/base.yaml\nstack: { proxy: { replicas: 50 } }\n");
    let error = read(&folder.path().join("y.yaml"), &["grace=1".to_owned()]).unwrap_err().to_string();
    let lines: Vec<&str> = error.lines().collect();
    assert!(lines[0].contains("y.yaml:2:29: stack.proxy.replicas: must be"), "{error}");
    assert!(lines[1].starts_with("--set grace: has no unit"), "{error}");
}

#[test]
fn the_hash_tells_scenarios_apart_by_what_they_say() {
    let hash = |text: &str| parse(text, Path::new("s.yaml"), &[], &no_files).unwrap().hash;
    assert_eq!(hash(SMALLEST), hash(&format!("# a comment\n{SMALLEST}")));
    assert_ne!(hash(SMALLEST), hash(&format!("{SMALLEST}seed: 1\n")));
    assert_eq!(hash(SMALLEST).len(), 16);
}

#[test]
fn a_folder_and_a_missing_file_are_one_sentence_each() {
    for (path, expected) in [
        ("scenarios", "scenarios: is a directory"),
        ("scenarios/no.yaml", "scenarios/no.yaml: cannot be opened"),
    ] {
        let error = read(Path::new(path), &[]).unwrap_err();
        assert_eq!(error.problems.len(), 1);
        assert!(error.to_string().starts_with(expected), "{error}");
    }
}

/// Shared by the properties below: any outcome is fine, but an error always says something.
fn answers(text: &str, sets: &[String]) {
    if let Err(error) = parse(text, Path::new("s.yaml"), sets, &no_files) {
        assert!(!error.problems.is_empty());
        assert!(!error.to_string().is_empty());
    }
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.yaml");
        std::fs::write(&path, &bytes).unwrap();
        let _ = load_file(&path);
        answers(&String::from_utf8_lossy(&bytes), &[]);
    }

    #[test]
    fn no_damage_to_a_valid_file_panics(
        at in 0_usize..2500,
        length in 0_usize..40,
        insert in "[-?:,\\[\\]{}#&*!|>'\"%@` \t\na0~é]{0,4}",
    ) {
        let text = std::fs::read_to_string("scenarios/quickstart.yaml").unwrap();
        let characters: Vec<char> = text.chars().collect();
        let start = at.min(characters.len());
        let end = (start + length).min(characters.len());
        let damaged: String = characters[..start].iter().copied()
            .chain(insert.chars())
            .chain(characters[end..].iter().copied())
            .collect();
        answers(&damaged, &[]);
    }

    #[test]
    fn any_value_of_any_field_is_answered(
        field in prop::sample::select(vec![
            "version", "name", "seed", "grace", "drain", "stack", "topics", "partners", "workload", "checks", "faults",
            "abort_when", "allow_hosts", "stack.idp", "stack.gateway", "stack.proxy", "stack.kafka", "stack.proxy.kind",
            "workload[0].payload", "workload[0].identity", "workload[0].arrivals", "workload[0].for", "topics[0]",
            "partners[0].secret", "stack.gateway.required_headers", "workload[0].partition",
        ]),
        value in prop::sample::select(vec![
            "", "1", "-1", "1.5", "text", "true", "[]", "[1]", "[[a]]", "{}", "{a: 1}", "{kind: external}",
            "external", "none", "30s", "99%", "400/s", ".nan", "1e999", "99999999999999999999999999", "'8'",
        ]),
    ) {
        let text = std::fs::read_to_string("scenarios/quickstart.yaml").unwrap();
        answers(&text, &[format!("{field}={value}")]);
    }
}
