//! Golden files: the embedded proxy answers as the real one was recorded, and what differs is told.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use landfall::result::Replay;

use crate::harness::{Ended, ended};

/// What the embedded proxy does otherwise, and why.
const EXPLAINED: [(&str, &str); 5] = [
    ("v3-ts-013", "librdkafka takes the time 0 for now"),
    (
        "v2.avro.jsonschema",
        "an exchange that is not in the file registered a schema in between: the next id is another",
    ),
    ("v2-size-009", "the client's batches are cut by time"),
    ("v2.size.batch-10000", "a slow machine does not write it in time"),
    ("v2.size.topic-limit-mixed", "the client's batches are cut by time"),
];

fn play(command: &str, golden: &Path, arguments: &[&str]) -> Ended {
    let mut landfall = Command::new(env!("CARGO_BIN_EXE_landfall"));
    landfall.args(["conform", command]).arg(golden).args(arguments);
    ended(landfall.output().expect("the binary runs"))
}

fn shipped(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/golden").join(name)
}

#[test]
fn the_embedded_proxy_answers_as_7_9_9_was_recorded() {
    for (name, total) in [("confluent-7.9.9.jsonl", 322), ("suite2-confluent-7.9.9.jsonl", 236)] {
        let folder = tempfile::tempdir().unwrap();
        let json = folder.path().join("replay.json");
        let ended = play("replay", &shipped(name), &["--json", json.to_str().unwrap()]);
        let result: Replay = serde_json::from_str(
            &std::fs::read_to_string(&json).unwrap_or_else(|_| panic!("{}", ended.stderr)),
        )
        .unwrap();
        assert_eq!((result.total, result.not_playable), (total, 0), "{name}");
        assert_eq!(result.identical + result.different.len() as u64, total);
        let explained: BTreeSet<&str> = EXPLAINED.iter().map(|(id, _)| *id).collect();
        let unexplained: Vec<_> =
            result.different.iter().filter(|different| !explained.contains(different.id.as_str())).collect();
        assert!(unexplained.is_empty(), "{name}: {unexplained:#?}");
        let last: Vec<&str> = ended.stdout.lines().rev().take(2).collect();
        assert_eq!(last, [format!("{} of {total} identical", result.identical).as_str(), "0 not playable"]);
    }
}

#[test]
fn what_differs_is_told_with_what_was_recorded_and_what_was_seen() {
    let folder = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string(shipped("confluent-7.9.9.jsonl")).unwrap();
    let row = text.lines().find(|line| line.contains("\"id\":\"v2-json-002\"")).unwrap();
    let (golden, json) = (folder.path().join("golden.jsonl"), folder.path().join("replay.json"));
    // Another status, another code, another value, and a record that landed in another partition.
    for (from, to, field) in [
        ("\"response\":{\"status\":200", "\"response\":{\"status\":201", "status"),
        ("\\\"error_code\\\":null", "\\\"error_code\\\":50002", "body:/offsets/0/error_code"),
        ("\"value_b64\":\"ImhlbGxvIg==\"", "\"value_b64\":null", "landed:p1"),
        ("\"timestamp_type\":\"CreateTime\"", "\"timestamp_type\":\"LogAppendTime\"", "landed:p1"),
        ("\"headers\":[],\"timestamp\"", "\"headers\":[[\"a\",null]],\"timestamp\"", "landed:p1"),
        ("application/vnd.kafka.v2+json\"],[\"Vary", "text/plain\"],[\"Vary", "header:Content-Type"),
    ] {
        assert!(row.contains(from), "{from}");
        std::fs::write(&golden, row.replace(from, to)).unwrap();
        let ended = play("replay", &golden, &["--json", json.to_str().unwrap()]);
        let result: Replay = serde_json::from_str(&std::fs::read_to_string(&json).unwrap()).unwrap();
        let fields: Vec<&str> =
            result.different.iter().flat_map(|row| &row.fields).map(String::as_str).collect();
        assert_eq!((fields.as_slice(), ended.code), (&[field][..], Some(1)), "{}", ended.stdout);
        assert!(ended.stdout.ends_with("0 not playable\n0 of 1 identical\n"), "{}", ended.stdout);
        // A rule of the user's may let it pass.
        let rules = folder.path().join("rules.yaml");
        std::fs::write(
            &rules,
            format!("- {{ ignore: '{field}', reason: known }}\n").replace("landed:p1", "landed"),
        )
        .unwrap();
        let ended = play("replay", &golden, &["--rules", rules.to_str().unwrap()]);
        assert_eq!(ended.code, Some(0), "{}", ended.stdout);
        assert!(ended.stdout.contains("known"), "{}", ended.stdout);
    }
}

#[test]
fn what_is_recorded_replays_as_identical() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mine.jsonl");
    let only = ["--only", "v2-json", "--only", "v3-json", "--only", "v3-hdr"];
    let out = [&["--out", file.to_str().unwrap()][..], &only].concat();
    let recorded = play("record", &shipped("confluent-7.9.9.jsonl"), &out);
    assert_eq!(recorded.code, Some(0), "{}", recorded.stderr);
    let replayed = play("replay", &file, &[]);
    assert_eq!(replayed.code, Some(0), "{}", replayed.stdout);
    assert!(replayed.stdout.ends_with("34 of 34 identical\n"), "{}", replayed.stdout);
}

#[test]
fn what_cannot_be_played_is_told_before_anything_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let golden = folder.path().join("golden.jsonl");
    std::fs::write(&golden, "{\"id\":1}\n").unwrap();
    let ended = play("replay", &golden, &[]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("line 1 is no recording"), "{}", ended.stderr);

    // Nobody listens there.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    drop(taken);
    let url = format!("http://{address}");
    let ended = play(
        "replay",
        &shipped("confluent-7.9.9.jsonl"),
        &["--target", &url, "--bootstrap", &address.to_string()],
    );
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
}
