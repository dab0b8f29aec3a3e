//! Authorizers on libraries that landfall does not use, as Lambda functions: in Python on `PyJWT`, in Rust on `jsonwebtoken`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use landfall::result::Conformance;

use crate::harness::{conform, result};

/// Says that a test did not run, and why; fails where it should have.
fn demanded_or_said(why: &str) {
    assert!(std::env::var_os("LANDFALL_REQUIRE_TOOLS").is_none(), "LANDFALL_REQUIRE_TOOLS is set, and {why}");
    println!("did not run: {why}");
}

/// A scenario with this function for an authorizer, beside the definition that it is for.
fn scenario(folder: &Path, command: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let definition = std::fs::read_to_string(root.join("fixtures/gateway/produce.yaml")).unwrap();
    // Tokens reach the authorizer whatever they look like, and its answers are not kept for long.
    let definition: Vec<String> = definition
        .lines()
        .filter(|line| !line.contains("identityValidationExpression"))
        .map(|line| line.replace("authorizerResultTtlInSeconds: 300", "authorizerResultTtlInSeconds: 1"))
        .collect();
    std::fs::write(folder.join("api.yaml"), definition.join("\n")).unwrap();
    let functions = root.join("tests/clients");
    let text = format!(
        r#"version: 1
name: function
stack:
  idp: {{ kind: embedded }}
  gateway:
    kind: embedded
    api: api.yaml
    stage: prod
    base_path: "/{{stage}}"
    stage_variables: {{ backend: "nlb.internal:8082" }}
    integrations: {{ "http://nlb.internal:8082": balancer }}
    leeway: 4s
    keys: {{ life: 500ms, cool_down: 200ms }}
    authorizers:
      jwt:
        run: lambda
        command: {command}
        directory: {directory}
        timeout: 15s
        environment:
          ISSUER: "${{idp.issuer}}"
          AUDIENCE: "${{idp.audience}}"
          JWKS_URI: "${{idp.jwks_uri}}"
          LEEWAY_S: "4"
          JWKS_LIFE_S: "0.5"
          JWKS_COOL_DOWN_S: "0.2"
          PYTHONDONTWRITEBYTECODE: "1"
  proxy: {{ kind: embedded, replicas: 1 }}
topics: [{{ name: orders, partitions: 2 }}, {{ name: ledger, partitions: 1 }}]
partners:
  - {{ name: shop, secret: generated, scope: "orders:write" }}
  - {{ name: bank, secret: generated, scope: "ledger:write" }}
workload:
  - {{ partner: shop, topic: orders, format: v2-json, payload: {{ template: {{ n: 1 }} }}, arrivals: {{ constant: 1/s }}, for: 1s }}
  - {{ partner: bank, topic: ledger, format: v2-json, payload: {{ template: {{ n: 1 }} }}, arrivals: {{ constant: 1/s }}, for: 1s }}
"#,
        directory = functions.display()
    );
    let path = folder.join("scenario.yaml");
    std::fs::write(&path, text).unwrap();
    path
}

/// The statuses of a suite, by case.
fn statuses(conformance: &Conformance) -> BTreeMap<&str, Vec<Option<u16>>> {
    let of = |case: &landfall::result::CaseReport| case.exchanges.iter().map(|seen| seen.status).collect();
    conformance.cases.iter().map(|case| (case.id.as_str(), of(case))).collect()
}

fn passes(command: &str) -> Conformance {
    let folder = tempfile::tempdir().unwrap();
    let scenario = scenario(folder.path(), command);
    let ended = conform(&[scenario.to_str().unwrap(), "--strict", "--require-all"], folder.path());
    assert_eq!(ended.code, Some(0), "{command}: {}{}", ended.stdout, ended.stderr);
    result(folder.path())
}

#[test]
fn well_made_functions_pass_and_decide_like_the_embedded_authorizer() {
    let Ok(python) = std::env::var("LANDFALL_PYTHON") else {
        return demanded_or_said("LANDFALL_PYTHON names no interpreter with awslambdaric and PyJWT");
    };
    let test = std::env::current_exe().unwrap();
    let example = test.parent().unwrap().parent().unwrap().join("examples/token_authorizer");
    if !example.exists() {
        return demanded_or_said("there is no example; cargo build --example token_authorizer makes it");
    }
    let embedded = || {
        let folder = tempfile::tempdir().unwrap();
        let ended = conform(&["--strict", "--require-all"], folder.path());
        assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
        result(folder.path())
    };
    let on_pyjwt = || passes(&format!("[{python}, -m, awslambdaric, pyjwt_authorizer.handler]"));
    let on_jsonwebtoken = || passes(&format!("[{}]", example.display()));
    // They wait most of the time.
    let (embedded, on_pyjwt, on_jsonwebtoken) = std::thread::scope(|scope| {
        let tried = [scope.spawn(embedded), scope.spawn(on_pyjwt), scope.spawn(on_jsonwebtoken)];
        tried.map(|suite| suite.join().unwrap()).into()
    });
    for other in [&on_pyjwt, &on_jsonwebtoken] {
        let (left, right) = (statuses(&embedded), statuses(other));
        let differ: Vec<_> = left.iter().filter(|(id, seen)| right.get(*id) != Some(seen)).collect();
        assert!(differ.is_empty() && left.len() == right.len(), "{differ:?}");
    }
}
