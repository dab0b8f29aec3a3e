//! The schema held against the decoder.

mod accepts;
mod corpus;
mod figures;
mod names;
mod profile;
mod walk;

use jsonschema::Validator;
use serde_json::{Value, json};

use super::SCHEMA;
use corpus::{corpus, file_value, files, shown};

fn schema() -> Value {
    serde_json::from_str(SCHEMA).expect("the schema is JSON")
}

fn validator() -> Validator {
    jsonschema::draft202012::new(&schema()).expect("the schema is one")
}

/// A validator of one of the schema's definitions.
fn validator_of(definition: &str) -> Validator {
    let part = json!({ "$defs": schema()["$defs"], "$ref": format!("#/$defs/{definition}") });
    jsonschema::draft202012::new(&part).expect("a part of the schema is one")
}

fn errors(validator: &Validator, value: &Value) -> Vec<String> {
    validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

#[test]
fn good_scenarios_are_valid_for_both() {
    let validator = validator();
    let shown = shown();
    assert!(shown.len() > 1, "the book shows no scenarios");
    for scenario in corpus().into_iter().chain(shown) {
        assert_eq!(errors(&validator, &scenario.value), Vec::<String>::new(), "{}", scenario.path.display());
        if let Err(error) = scenario.decode(&scenario.value) {
            panic!("{error}");
        }
    }
}

/// What it cannot see are names that stand for others, sums over several fields, and what follows from other parts.
#[test]
fn bad_scenarios_that_the_schema_refuses_already() {
    let validator = validator();
    let told = files("fixtures/scenarios/bad", "yaml").into_iter().map(|path| {
        let name = path.file_name().expect("a file has a name").to_string_lossy().into_owned();
        match file_value(&path) {
            None => format!("{name}: no YAML that the schema could be held against"),
            Some(value) if validator.is_valid(&value) => format!("{name}: accepted"),
            Some(_) => format!("{name}: refused"),
        }
    });
    insta::assert_snapshot!(told.collect::<Vec<_>>().join("\n"));
}

#[test]
fn rules_name_the_metrics_that_there_are() {
    let limits = ["1s", "0", "99%", "400/s", "200MiB", "1MiB/min"];
    for (definition, metrics, others) in [
        (
            "check",
            crate::scenario::METRICS,
            ["latency.p98", "records.gone", "requests", "connections.errors"],
        ),
        (
            "abortRule",
            crate::scenario::ABORT_METRICS,
            ["latency.p98", "records.lost", "readable.p50", "rate.achieved"],
        ),
    ] {
        let validator = validator_of(definition);
        let accepts = |metric: &str| {
            limits.iter().any(|limit| validator.is_valid(&json!(format!("{metric} <= {limit}"))))
        };
        for metric in metrics {
            assert!(accepts(metric), "{definition} refuses {metric}");
        }
        for other in others {
            assert!(!accepts(other), "{definition} accepts {other}");
        }
    }
    let held = validator_of("abortRule");
    assert!(
        held.is_valid(&json!("latency.p99 > 5s for 1m30s")) && !held.is_valid(&json!("latency.p99 > 5s for"))
    );
}

#[test]
fn faults_lead_to_the_findings_that_the_schema_names() {
    let schema = schema();
    let mut named = Vec::new();
    for place in ["proxy", "balancer", "gateway", "idp", "kafka"] {
        let faults = &schema["$defs"][format!("{place}Fault")]["oneOf"];
        for fault in faults.as_array().expect("faults are a list") {
            let text = |member: &str| fault[member].as_str();
            let description = text("description").expect("each is described");
            let finding = text("x-finding");
            let says = finding.map_or("No finding: ".to_owned(), |finding| format!("Found as `{finding}`"));
            assert!(description.contains(&says), "{description}");
            named.push((
                place.to_owned(),
                text("const").unwrap_or_default().to_owned(),
                finding.map(str::to_owned),
            ));
        }
    }
    let all = crate::scenario::FaultKind::ALL.into_iter().chain(crate::scenario::FaultKind::OF_CONTAINERS);
    let there = all.map(|kind| {
        let finding = kind.expected_finding(false).map(str::to_owned);
        (kind.box_name().to_owned(), kind.name().to_owned(), finding)
    });
    let mut there: Vec<_> = there.collect();
    named.sort();
    there.sort();
    assert_eq!(named, there);
}
