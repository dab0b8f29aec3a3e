//! The schema accepts whatever the decoder accepts.

use std::collections::BTreeSet;

use jsonschema::Validator;
use serde_json::{Value, json};

use super::corpus::{Good, corpus};
use super::walk::{Here, places, put, replaced, values};
use super::{errors, schema, validator};
use crate::scenario::{Problem, asked};

/// What may stand somewhere, or seldom.
fn odd_values() -> Vec<Value> {
    let odd = json!([
        "", " ", "x", "a b", "a.b", "8", "429", "1%", "100%", "30s", "1h30m", "30m1h", "0s", "1.5ms2ns",
        "-1s", "400/s", "0.0/min", "1KiB", "2.5MB", "none", "embedded", "external", "member", "header",
        "key", "generated", "never", "h2", "/a/b", "/a~2", "2026-01-01T00:00:00Z", "latency.p99 < 1s",
        "requests.failed > 1 for 2s", "quakes", "accept", "null-if-empty", "a\nb", "::1",
        "https://127.0.0.1:1/a@b", "k1:9092", "v3-json", "5xx",
        null, true, 0, 1, -1, 5, 0.5, 8.5, 1e300, [], [null], [1], ["a"], [1, 2], [5, 429], ["1s", "2s"], ["1/s"],
        ["/a"], {}, {"a": 1}, {"a": null}, {"env": "A"}, {"file": "a"}, {"kind": "none"}, {"kind": "external"},
        {"kind": null}, {"09:00": "1/s"}, {"1": 5}, {"before": "2s"}, {"uniform": 5}, {"uniform": [1, 5]},
        {"constant": "1/s"}, {"times": 1, "wait": "0s"}
    ]);
    let mut values = odd.as_array().expect("written above as a list").clone();
    values.push(serde_json::from_str("1000000000000000000000000000000").expect("a number"));
    values
}

/// How often the decoder accepted a change, which the schema then had to accept, too.
struct Tried<'v> {
    validator: &'v Validator,
    changes: usize,
    accepted: usize,
}

impl Tried<'_> {
    fn change(&mut self, scenario: &Good, what: &dyn Fn() -> String, value: &Value) {
        self.changes += 1;
        if scenario.decode(value).is_ok() {
            self.accepted += 1;
            if !self.validator.is_valid(value) {
                let (scenario, errors) = (scenario.path.display(), errors(self.validator, value));
                panic!("{scenario}: {} is accepted, and the schema says {errors:?}", what());
            }
        }
    }
}

#[test]
fn what_the_decoder_accepts_the_schema_accepts() {
    let (odd, validator, places) = (odd_values(), validator(), places(&schema()));
    let mut tried = Tried { validator: &validator, changes: 0, accepted: 0 };
    let mut seen: BTreeSet<(String, Option<&str>)> = BTreeSet::new();
    let corpus = corpus();
    for scenario in &corpus {
        for Here { value, pointer, path, place } in values(&scenario.value, &places) {
            // Each place once, but for boxes and faults, which differ by their kinds.
            let few = ["faults[0]", "faults[26]", "faults[36]", "faults[44]"]
                .iter()
                .any(|few| path.starts_with(few));
            if !seen.insert((place, value["kind"].as_str())) && !few {
                continue;
            }
            let mut changed = scenario.value.clone();
            for new in &odd {
                put(&mut changed, &pointer, new);
                tried.change(scenario, &|| format!("{path}: {new}"), &changed);
            }
            let Value::Object(members) = value else { continue };
            for name in members.keys() {
                let mut without = members.clone();
                let member = without.shift_remove(name).unwrap_or_default();
                put(&mut changed, &pointer, &Value::Object(without.clone()));
                tried.change(scenario, &|| format!("{path} without {name}"), &changed);
                without.insert(format!("{name}s"), member);
                put(&mut changed, &pointer, &Value::Object(without));
                tried.change(scenario, &|| format!("{path} with {name}s"), &changed);
            }
        }
    }
    assert!(tried.changes > 10_000 && tried.accepted > 500, "{} of {}", tried.accepted, tried.changes);
}

/// Names that the decoder refuses with a sentence of their own may be emptied, in order to undo what a file says that is
/// extended; and so may fields, which are left out then.
#[test]
fn what_may_be_empty_for_the_decoder_may_be_empty_for_the_schema() {
    let (validator, places) = (validator(), places(&schema()));
    let corpus = corpus();
    let asked = asked::during(|| corpus.iter().for_each(|scenario| drop(scenario.decode(&scenario.value))));
    let fields = places.values().flat_map(|told| told.fields.iter());
    let names: BTreeSet<&str> = asked.refused.iter().chain(fields).map(String::as_str).collect();
    let mut tried = Tried { validator: &validator, changes: 0, accepted: 0 };
    let mut fits = 0;
    let mut seen: BTreeSet<(String, Option<&str>)> = BTreeSet::new();
    for scenario in &corpus {
        for Here { value, pointer, path, place } in values(&scenario.value, &places) {
            let Value::Object(members) = value else { continue };
            if !seen.insert((place, members.get("kind").and_then(Value::as_str))) {
                continue;
            }
            let new: Vec<&str> = names.iter().copied().filter(|name| !members.contains_key(*name)).collect();
            let with = |names: &[&str]| {
                let empty = names.iter().map(|name| ((*name).to_owned(), Value::Null));
                replaced(
                    &scenario.value,
                    &pointer,
                    &Value::Object(members.clone().into_iter().chain(empty).collect()),
                )
            };
            // Several at once, as long as the decoder says which of them it refuses.
            let mut fitting: Vec<&str> = Vec::new();
            for some in new.chunks(15) {
                let Err(error) = scenario.decode(&with(some)) else {
                    fitting.extend(some);
                    continue;
                };
                let dot = if path.is_empty() { "" } else { "." };
                let is_of = |problem: &Problem, name: &str| {
                    problem.path == format!("{path}{dot}{name}") || problem.path == format!("{path}[{name}]")
                };
                let of_names = |problem: &Problem| some.iter().any(|name| is_of(problem, name));
                let told = error.more == 0 && error.problems.iter().all(of_names);
                fitting.extend(some.iter().filter(|name| {
                    if told {
                        !error.problems.iter().any(|problem| is_of(problem, name))
                    } else {
                        scenario.decode(&with(&[name])).is_ok()
                    }
                }));
            }
            tried.change(scenario, &|| format!("{path} with {fitting:?}, empty"), &with(&fitting));
            fits += fitting.len();
        }
    }
    assert!(fits > 300 && tried.accepted == tried.changes, "{fits}: {} of {}", tried.accepted, tried.changes);
}
