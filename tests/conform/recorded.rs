//! Recordings of real proxies, judged as data by the cases and profiles that ship.

use std::path::Path;
use std::process::Command;

use landfall::conform::golden::read_golden;
use landfall::conform::rest::{CorpusTraits, Standard, judge, shipped_profile, version};
use landfall::result::{CaseOutcome, Verdict};

use crate::catalogue::cases;
use crate::harness::{ended, of, rest, result};

/// A golden file, for whom its proxy speaks, how many recordings it holds, and which of them are not as is expected.
struct Corpus {
    file: &'static str,
    profile: &'static str,
    version: &'static str,
    rows: usize,
    others: &'static [&'static str],
}

/// What no recording of the second corpus shows, whatever its proxy: what is expected is inferred, a body was kept in part, or
/// nobody noted whether the connection was closed.
const SUITE2: [&str; 5] = [
    "meta.topic.internal",
    "v2.size.batch-1000",
    "v2.size.batch-10000",
    "v2.http.bad-content-length",
    "v2.http.cl-and-te",
];

const CORPORA: [Corpus; 9] = [
    Corpus {
        file: "confluent-6.2.0.jsonl",
        profile: "confluent",
        version: "6.2.0",
        rows: 303,
        others: &["v2-meta-002", "v2-nest-5000", "http-cl-004", "http-11-020", "v3-str-011", "v3-str-012"],
    },
    Corpus {
        file: "confluent-6.2.15.jsonl",
        profile: "confluent",
        version: "6.2.15",
        rows: 309,
        others: &["v2-meta-002", "http-11-020", "v3-str-011", "v3-str-012"],
    },
    Corpus {
        file: "confluent-7.9.9.jsonl",
        profile: "confluent",
        version: "7.9.9",
        rows: 322,
        others: &["v2-meta-002", "down-recovered-get"],
    },
    Corpus {
        file: "confluent-8.3.1.jsonl",
        profile: "confluent",
        version: "8.3.1",
        rows: 303,
        others: &["v2-meta-002"],
    },
    Corpus {
        file: "suite2-confluent-6.2.0.jsonl",
        profile: "confluent",
        version: "6.2.0",
        rows: 236,
        others: &[
            "meta.topic.internal",
            "v2.json.value.deep-5000",
            "v2.size.batch-1000",
            "v2.size.batch-10000",
            "v2.http.bad-content-length",
            "v2.http.cl-and-te",
        ],
    },
    Corpus {
        file: "suite2-confluent-6.2.15.jsonl",
        profile: "confluent",
        version: "6.2.15",
        rows: 236,
        others: &SUITE2,
    },
    Corpus {
        file: "suite2-confluent-7.9.9.jsonl",
        profile: "confluent",
        version: "7.9.9",
        rows: 236,
        others: &SUITE2,
    },
    Corpus {
        file: "suite2-karapace-6.2.0.jsonl",
        profile: "karapace",
        version: "6.2.0",
        rows: 236,
        others: &SUITE2,
    },
    Corpus {
        file: "suite2-strimzi-bridge-1.0.0.jsonl",
        profile: "strimzi-bridge",
        version: "1.0.0",
        rows: 236,
        others: &SUITE2,
    },
];

/// Why the recordings that are not as is expected are not, whatever the release.
const REASONS: [(&str, &str); 13] = [
    ("v2-meta-002", "documents disagree on internal topics, so that what is expected is inferred"),
    ("meta.topic.internal", "documents disagree on internal topics, so that what is expected is inferred"),
    ("v2-nest-5000", "whether 5000 levels exhaust the stack of 6.2.0 depends on the thread"),
    ("v2.json.value.deep-5000", "whether 5000 levels exhaust the stack of 6.2.0 depends on the thread"),
    ("v3-str-011", "where 6.2 breaks a stream off, what has been answered before depends on time"),
    ("v3-str-012", "where 6.2 breaks a stream off, what has been answered before depends on time"),
    ("http-cl-004", "the client read the first of two answers alone"),
    ("http-11-020", "the client read the first of two answers alone"),
    ("v2.size.batch-1000", "of the answer beginning and end alone were kept"),
    ("v2.size.batch-10000", "of the answer beginning and end alone were kept"),
    ("v2.http.bad-content-length", "nobody noted whether the connection was closed"),
    ("v2.http.cl-and-te", "nobody noted whether the connection was closed"),
    ("down-recovered-get", "it needs a broker that comes back, which no case of one request has"),
];

fn text_of(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/golden").join(name)).unwrap()
}

#[test]
fn nearly_every_recording_is_as_its_profile_says_and_the_others_are_known() {
    let cases = cases();
    for Corpus { file, profile, version: release, rows, others } in CORPORA {
        let recordings = read_golden(&text_of(file)).unwrap();
        assert_eq!(recordings.len(), rows, "{file}");
        let profile = shipped_profile(profile).unwrap();
        let standard = Standard { profile: Some(&profile), version: &version(release).unwrap() };
        let corpus = CorpusTraits::of(&recordings);
        let mut unfit = Vec::new();
        for recording in &recordings {
            let own = cases.iter().filter(|(_, case)| case.recorded_as.contains(&recording.id));
            let judged: Vec<_> = own
                .map(|(requirement, case)| (case, judge(recording, (requirement, case), standard, &corpus)))
                .collect();
            if judged.is_empty() {
                unfit.push((recording.id.as_str(), "no case is made of it".to_owned()));
            }
            let wrong = judged.iter().find(|(_, judged)| !judged.fits);
            unfit.extend(wrong.map(|(case, judged)| {
                (recording.id.as_str(), format!("{}: {:#?}", case.id, judged.assessment))
            }));
        }
        let ids: Vec<&str> = unfit.iter().map(|(id, _)| *id).collect();
        assert_eq!(ids, others, "{file}: {unfit:#?}");
        assert!(ids.iter().all(|id| REASONS.iter().any(|(known, _)| known == id)), "{file}: {ids:?}");
        assert!((rows - ids.len()) * 100 >= rows * 95, "{file}: {ids:?}");
    }
}

#[test]
fn what_a_recording_determines_is_looked_at() {
    // Whatever is changed of a row, something is told.
    let text = text_of("confluent-7.9.9.jsonl");
    let row = text.lines().find(|line| line.contains("\"id\":\"v2-json-002\"")).unwrap();
    let cases = cases();
    let profile = shipped_profile("confluent").unwrap();
    let standard = Standard { profile: Some(&profile), version: &profile.default_version };
    let fields = |row: &str| {
        let recordings = read_golden(row).unwrap();
        let corpus = CorpusTraits::of(&recordings);
        let (requirement, case) =
            cases.iter().find(|(_, case)| case.recorded_as.contains(&recordings[0].id)).unwrap();
        let judged = judge(&recordings[0], (requirement, case), standard, &corpus);
        let told = judged.assessment.mismatches;
        (judged.fits, told.into_iter().map(|mismatch| mismatch.field).collect::<Vec<_>>())
    };
    assert_eq!(fields(row), (true, Vec::new()));
    for (from, to, field) in [
        ("\"response\":{\"status\":200", "\"response\":{\"status\":201", "status"),
        ("\\\"error_code\\\":null", "\\\"error_code\\\":50002", "body:/offsets/0/error_code"),
        ("\"value_b64\":\"ImhlbGxvIg==\"", "\"value_b64\":null", "landed:0:value"),
        (
            "\"timestamp_type\":\"CreateTime\"",
            "\"timestamp_type\":\"LogAppendTime\"",
            "landed:0:timestamp_type",
        ),
        ("\"headers\":[],\"timestamp\"", "\"headers\":[[\"a\",null]],\"timestamp\"", "landed:0:headers"),
        ("\"response\":{\"status\":200", "\"response\":{\"status\":null", "answer"),
    ] {
        assert!(row.contains(from), "{from}");
        assert_eq!(fields(&row.replace(from, to)), (false, vec![field.to_owned()]));
    }
}

#[test]
fn a_golden_file_is_judged_without_a_proxy() {
    let folder = tempfile::tempdir().unwrap();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/golden/suite2-karapace-6.2.0.jsonl");
    let judge = |profile: &str, arguments: &[&str]| {
        let mut landfall = Command::new(env!("CARGO_BIN_EXE_landfall"));
        landfall.args(["conform", "rest", "--profile", profile, "--recorded"]).arg(&file).args(arguments);
        ended(landfall.arg("--out").arg(folder.path()).output().expect("the binary runs"))
    };
    let fit = judge("karapace@6.2.0", &["--filter", "v2.json"]);
    assert_eq!(fit.code, Some(0), "{}{}", fit.stdout, fit.stderr);
    let last = fit.stdout.lines().next_back().unwrap();
    assert!(last.ends_with(" rows fit what is expected of karapace@6.2.0"), "{last}");
    let told = result(folder.path());
    assert!(told.target.ends_with("suite2-karapace-6.2.0.jsonl") && told.totals.requests == 0);
    assert!(told.cases.iter().all(|case| case.id.contains('#')), "a case and a recording");
    assert!(folder.path().join("conformance.html").exists());
    let junit = std::fs::read_to_string(folder.path().join("junit.xml")).unwrap();
    assert!(junit.contains("classname=\"rest.v2-json\" name=\"rest/"), "{junit}");

    // Another implementation than the recorded one is found out.
    let unfit = judge("confluent", &["--filter", "v2.json"]);
    assert_eq!(unfit.code, Some(1), "{}", unfit.stdout);
    assert!(!of(&result(folder.path()), CaseOutcome::Failed).is_empty());

    let none = judge("karapace", &["--filter", "there-is-no-such-row"]);
    assert_eq!(none.code, Some(2), "{}", none.stderr);
    let both = judge("karapace", &["--target", "http://127.0.0.1:1"]);
    assert_eq!(both.code, Some(2), "{}", both.stderr);
}

#[test]
fn a_recording_of_which_no_case_is_made_is_listed_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let golden = folder.path().join("golden.jsonl");
    let text = text_of("confluent-7.9.9.jsonl");
    let row = text.lines().find(|line| line.contains("\"id\":\"v2-json-002\"")).unwrap();
    std::fs::write(&golden, format!("{row}\n{}\n", row.replace("v2-json-002", "of-mine"))).unwrap();
    let judged = rest(&["--recorded", golden.to_str().unwrap()], folder.path());
    assert_eq!(judged.code, Some(0), "{}{}", judged.stdout, judged.stderr);
    assert!(judged.stdout.contains("of-mine: no case is made of it\n"), "{}", judged.stdout);
    assert!(judged.stdout.ends_with("1 of 2 rows fit what is expected of confluent\n"), "{}", judged.stdout);
    assert_eq!(of(&result(folder.path()), CaseOutcome::NotRun), ["of-mine"]);
    let junit = std::fs::read_to_string(folder.path().join("junit.xml")).unwrap();
    assert!(junit.contains("<skipped message=\"not run: no case is made of it\""), "{junit}");

    std::fs::write(&golden, "{\"id\":1}\n").unwrap();
    let damaged = rest(&["--recorded", golden.to_str().unwrap()], folder.path());
    assert_eq!(damaged.code, Some(2), "{}", damaged.stderr);
    assert!(damaged.stderr.contains("line 1 is no recording"), "{}", damaged.stderr);
}

#[test]
fn where_nobody_looked_at_what_is_expected_the_verdict_is_open() {
    let folder = tempfile::tempdir().unwrap();
    let golden = folder.path().join("golden.jsonl");
    let text = text_of("confluent-7.9.9.jsonl");
    let row = text.lines().find(|line| line.contains("\"id\":\"v2-json-002\"")).unwrap();
    let mut unread: serde_json::Value = serde_json::from_str(row).unwrap();
    unread["landed"] = serde_json::Value::Null;
    std::fs::write(&golden, format!("{unread}\n")).unwrap();
    let judged = rest(&["--recorded", golden.to_str().unwrap()], folder.path());
    assert!(judged.stdout.contains("not looked at: landed"), "{}", judged.stdout);
    assert!(judged.stdout.ends_with("0 of 1 rows fit what is expected of confluent\n"), "{}", judged.stdout);
    let told = result(folder.path());
    assert_eq!(told.verdict, Verdict::Inconclusive, "{}", judged.stdout);
    assert!(told.reasons.iter().any(|reason| reason.contains("#v2-json-002")), "{:?}", told.reasons);
    assert_ne!(judged.code, Some(0));
}
