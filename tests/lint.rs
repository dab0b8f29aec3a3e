//! `landfall lint`: what it says of definitions of APIs, and with which exit code.

use std::path::Path;
use std::process::{Command, Output};

fn lint(arguments: &[&str]) -> Output {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_landfall"));
    command.args(["lint", "api"]).args(arguments).current_dir(root).output().expect("landfall runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn the_definition_that_ships_has_no_traps() {
    let output = lint(&["fixtures/gateway/produce.yaml"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stdout).ends_with("4 methods, 1 authorizers: 0 unsupported, 0 traps, 1 notes\n"));
}

#[test]
fn traps_end_with_code_1_and_stand_with_their_places() {
    let output = lint(&["fixtures/gateway/traps.json"]);
    assert_eq!(output.status.code(), Some(1));
    let told = text(&output.stdout);
    let place = "note: fixtures/gateway/traps.json#/x-amazon-apigateway-something-new\n  is an extension";
    assert!(told.contains(place), "{told}");
    let json = lint(&["fixtures/gateway/traps.json", "--json"]);
    let remarks: Vec<serde_json::Value> = serde_json::from_slice(&json.stdout).expect("JSON");
    assert_eq!((json.status.code(), told.matches("\n\n").count()), (Some(1), remarks.len()));
    assert!(remarks.iter().all(|remark| remark["pointer"].is_string() && remark["level"].is_string()));
}

#[test]
fn what_is_no_definition_ends_with_code_2_and_one_sentence() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("it can be written");
        path.display().to_string()
    };
    for (path, sentence) in [
        (folder.path().join("gone").display().to_string(), "cannot read"),
        (write("broken.json", "{\"swagger\": "), "neither JSON nor YAML: EOF while parsing"),
        (write("broken.yaml", "swagger: [1"), "neither JSON nor YAML"),
        (write("bomb.yaml", &bomb()), "neither JSON nor YAML"),
        (write("other.yaml", "version: 1\n"), "aws apigateway get-export"),
        (write("later.yaml", "openapi: 3.1.0\npaths: { /a: {} }\n"), "OpenAPI 3.1.0"),
    ] {
        let output = lint(&[&path]);
        let told = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{told}");
        assert!(told.starts_with("landfall: ") && told.contains(sentence), "{told}");
    }
}

/// A YAML text of a few hundred bytes that would be billions of values.
fn bomb() -> String {
    let level = |level: u32| {
        let item = if level == 0 { "x".to_owned() } else { format!("*a{}", level - 1) };
        format!("a{level}: &a{level} [{}]\n", vec![item; 10].join(", "))
    };
    (0..10).map(level).collect()
}
