//! The schemas of results: what is committed is what the code makes, and it accepts what the code reads and nothing else.

use std::process::Command;

use jsonschema::Validator;
use landfall::result::{
    Conformance, RunResult, Selftest, conformance_schema, replay_schema, result_schema, schema_text,
    selftest_schema,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::{is_making, keep, read, repository};

#[test]
fn the_schemas_of_results_are_made_from_the_code() {
    keep("docs/schemas/result.schema.json", &schema_text(&result_schema()));
    keep("docs/schemas/selftest.schema.json", &schema_text(&selftest_schema()));
    keep("docs/schemas/conformance.schema.json", &schema_text(&conformance_schema()));
    keep("docs/schemas/replay.schema.json", &schema_text(&replay_schema()));
}

/// What the binary prints.
fn landfall(args: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_landfall"))
        .current_dir(repository(""))
        .args(args)
        .output()
        .expect("the binary runs");
    String::from_utf8(output.stdout).expect("output is UTF-8")
}

#[test]
fn every_schema_is_printed() {
    if is_making() {
        return;
    }
    for name in ["scenario", "token-profile", "result", "selftest", "conformance"] {
        let printed = landfall(&["schema", name]);
        assert_eq!(printed, read(&repository(&format!("docs/schemas/{name}.schema.json"))), "{name}");
    }
}

fn pointers(value: &Value, pointer: &str, found: &mut Vec<String>) {
    let mut child = |name: &str, value: &Value| {
        let pointer = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
        found.push(pointer.clone());
        pointers(value, &pointer, found);
    };
    match value {
        Value::Object(members) => members.iter().for_each(|(name, value)| child(name, value)),
        // One item says what all are like.
        Value::Array(items) => items.iter().take(1).for_each(|value| child("0", value)),
        _ => {}
    }
}

/// Takes out and replaces each member in turn: schema and code must agree whether the rest can be read.
fn agree<T: DeserializeOwned>(validator: &Validator, value: &Value) {
    let reads = |value: &Value| serde_json::from_value::<T>(value.clone()).is_ok();
    let mut pointers_of = Vec::new();
    pointers(value, "", &mut pointers_of);
    let (mut accepted, mut refused) = (0, 0);
    for pointer in &pointers_of {
        // Their columns must be of one length, which no schema can say.
        let uneven = pointer.starts_with("/timeline/") || pointer.starts_with("/spectra/");
        let (above, name) = pointer.rsplit_once('/').expect("pointers have slashes");
        let mut changes = vec![json!(null), json!("x"), json!(1), json!([]), json!({})];
        if uneven || pointer == "/schema" {
            changes.retain(|change| !change.is_array() && !change.is_number());
        }
        let mut variants: Vec<Value> = changes
            .into_iter()
            .map(|change| {
                let mut variant = value.clone();
                *variant.pointer_mut(pointer).expect("it is there") = change;
                variant
            })
            .collect();
        let mut without = value.clone();
        if let Some(Value::Object(members)) = without.pointer_mut(above) {
            members.shift_remove(&name.replace("~1", "/").replace("~0", "~"));
            members.insert("a member of a later version".to_owned(), json!("x"));
            variants.push(without);
        }
        for variant in variants {
            let valid = validator.is_valid(&variant);
            // Of a map, every member must be of its type; the one that was added is text.
            assert_eq!(valid, reads(&variant), "{pointer}: {:?}", variant.pointer(pointer));
            if valid { accepted += 1 } else { refused += 1 }
        }
    }
    assert!(accepted > 20 && refused > 50, "{accepted} accepted, {refused} refused");
}

#[test]
fn a_result_is_valid_and_the_code_reads_what_the_schema_accepts() {
    let reports = tempfile::tempdir().expect("a temporary folder can be made");
    let reports = reports.path().to_string_lossy().into_owned();
    let printed = landfall(&[
        "run",
        "scenarios/quickstart.yaml",
        "--quiet",
        "--json",
        "-",
        "--reports",
        &reports,
        "--set",
        "workload[0].arrivals.constant=50/s",
        "--set",
        "workload[0].for=1s",
        "--set",
        "workload[1].arrivals.constant=20/s",
        "--set",
        "workload[1].for=1s",
        "--set",
        "faults=[{box: proxy, kind: duplicate, every: 100}]",
    ]);
    let result: Value = serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{error}: {printed}"));
    let validator = jsonschema::draft202012::new(&result_schema()).expect("the schema is one");
    let errors: Vec<String> = validator.iter_errors(&result).map(|error| error.to_string()).collect();
    assert_eq!(errors, Vec::<String>::new());
    assert!(result["findings"][0]["examples"][0]["found"].is_array(), "{printed}");
    agree::<RunResult>(&validator, &result);
}

#[test]
fn a_self_test_is_valid_and_the_code_reads_what_the_schema_accepts() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let out = folder.path().to_string_lossy().into_owned();
    landfall(&["selftest", "drop-after-ack", "--healthy", "1", "--quiet", "--out", &out]);
    let selftest: Value =
        serde_json::from_str(&read(&folder.path().join("selftest.json"))).expect("it is JSON");
    let validator = jsonschema::draft202012::new(&selftest_schema()).expect("the schema is one");
    let errors: Vec<String> = validator.iter_errors(&selftest).map(|error| error.to_string()).collect();
    assert_eq!(errors, Vec::<String>::new());
    agree::<Selftest>(&validator, &selftest);
}

#[test]
fn the_schema_of_conformance_accepts_what_the_code_reads() {
    if is_making() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().to_string_lossy().into_owned();
    landfall(&["conform", "auth", "--only", "60-no-credentials", "--quiet", "--out", &out]);
    let conformance: Value =
        serde_json::from_str(&read(&folder.path().join("conformance.json"))).expect("it is JSON");
    let validator = jsonschema::draft202012::new(&conformance_schema()).expect("the schema is one");
    let errors: Vec<String> = validator.iter_errors(&conformance).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    agree::<Conformance>(&validator, &conformance);
}
