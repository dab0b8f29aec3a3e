//! Defaults, ranges and words of the schema are those of the decoder. Each is tried on the good scenarios.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::corpus::{Good, corpus};
use super::schema;
use super::walk::{Here, Told, places, replaced, values};

/// The values at `place` in the good scenarios, each with its scenario.
fn values_at<'c>(
    corpus: &'c [Good],
    places: &BTreeMap<String, Told>,
    place: &str,
) -> Vec<(&'c Good, Here<'c>)> {
    let of =
        |scenario: &'c Good| values(&scenario.value, places).into_iter().map(move |here| (scenario, here));
    corpus.iter().flat_map(of).filter(|(_, here)| here.place == place).collect()
}

/// What the decoder says about a value that is put where `here` is, at this very place.
fn answer(scenario: &Good, here: &Here<'_>, value: &Value) -> Option<(String, String)> {
    let error = scenario.decode(&replaced(&scenario.value, &here.pointer, value)).err()?;
    let problem = error.problems.into_iter().find(|problem| problem.path == here.path)?;
    Some((problem.message, problem.suggestion.unwrap_or_default()))
}

#[test]
fn a_default_says_what_is_so_without_it() {
    let (places, mut corpus) = (places(&schema()), corpus());
    // What is left out there is what another file says.
    corpus.retain(|scenario| scenario.value["extends"].is_null());
    let mut compared = 0;
    for (place, told) in &places {
        let (parent, name) = place.rsplit_once('.').unwrap_or(("", place));
        // Where a definition has a default, and what refers to it another one, that one counts: it stands first.
        let Some(default) = told.schemas.iter().find_map(|schema| schema.get("default")) else { continue };
        let mut held = 0;
        for (scenario, here) in values_at(&corpus, &places, parent) {
            let Value::Object(members) = here.value else { continue };
            let mut without = members.clone();
            without.shift_remove(name);
            let mut with = without.clone();
            with.insert(name.to_owned(), default.clone());
            let decode =
                |members| scenario.decode(&replaced(&scenario.value, &here.pointer, &Value::Object(members)));
            if let (Ok(without), Ok(with)) = (decode(without), decode(with)) {
                assert_eq!(without, with, "{}: {}.{name}", scenario.path.display(), here.path);
                held += 1;
            }
        }
        assert!(held > 0, "no good scenario shows that the default of `{place}` is {default}");
        compared += 1;
    }
    assert!(compared > 30, "{compared}");
}

/// What the decoder would say beyond the range that the schema gives.
fn sentence_of_range(schema: &Value) -> Option<(Value, String)> {
    if let [from, to] = schema["x-range"].as_array()?.as_slice() {
        let (from, to) = (from.as_str()?, to.as_str()?);
        let huge = if to.ends_with('B') { "9999999GiB" } else { "99999h" };
        return Some((json!(huge), format!("must be from {from} to {to}, and is")));
    }
    None
}

fn sentence_of_numbers(schema: &Value) -> Option<(Value, String)> {
    let (least, most) = (schema.get("minimum")?, schema.get("maximum")?);
    let huge = serde_json::from_str("1000000000000000000000000000000").expect("a number");
    let whole = schema["type"] == "integer" || schema["type"] == json!(["integer", "null"]);
    Some(match (whole, most.as_u64()) {
        (true, Some(u64::MAX)) => (huge, format!("must be a whole number, at least {least}")),
        (true, _) => (huge, format!("must be a whole number from {least} to {most}")),
        (false, _) => (huge, format!("must be a number from {least} to {most}")),
    })
}

#[test]
fn ranges_are_those_of_the_decoder() {
    let (places, corpus) = (places(&schema()), corpus());
    let mut compared = 0;
    for (place, told) in &places {
        // Statuses are read from words, and refused in other words; `retries_have_statuses` looks at them.
        if place == "workload[].retry.on[]" {
            continue;
        }
        let ranges = told
            .schemas
            .iter()
            .filter_map(|schema| sentence_of_range(schema).or_else(|| sentence_of_numbers(schema)));
        for (huge, sentence) in ranges {
            let answers: BTreeSet<String> = values_at(&corpus, &places, place)
                .iter()
                .filter_map(|(scenario, here)| answer(scenario, here, &huge))
                .map(|(message, _)| message)
                .collect();
            assert!(
                answers.iter().any(|answer| answer.starts_with(&sentence)),
                "{place}: {sentence}: {answers:?}"
            );
            compared += 1;
        }
    }
    assert!(compared > 50, "{compared}");
}

#[test]
fn retries_have_statuses() {
    let (places, corpus) = (places(&schema()), corpus());
    let found = values_at(&corpus, &places, "workload[].retry.on[]");
    let (scenario, here) = found.first().expect("a scenario tries statuses again");
    for (status, fits) in [(399, false), (400, true), (599, true), (600, false)] {
        assert_eq!(answer(scenario, here, &json!(status)).is_none(), fits, "{status}");
    }
}

/// The words that may stand at a place, as constants.
fn words(told: &Told) -> BTreeSet<&str> {
    told.schemas.iter().filter_map(|schema| schema.get("const").and_then(Value::as_str)).collect()
}

#[test]
fn words_are_those_of_the_decoder() {
    let (places, corpus) = (places(&schema()), corpus());
    let mut compared = 0;
    for (place, told) in &places {
        let words = words(told);
        // What a box may be, but not as a word alone: an external one lacks its address then.
        let of_kind = places.get(&format!("{place}.kind")).map(self::words).unwrap_or_default();
        if words.is_empty() {
            continue;
        }
        let found = values_at(&corpus, &places, place);
        let mut listed: BTreeSet<String> = BTreeSet::new();
        let mut fitting: BTreeSet<&str> = BTreeSet::new();
        for (scenario, here) in &found {
            let (_, suggestion) = answer(scenario, here, &json!("no such word")).unwrap_or_else(|| {
                panic!("{}: any word may stand at {}", scenario.path.display(), here.path)
            });
            let names = suggestion.split('`').skip(1).step_by(2).filter(|name| !name.contains([' ', '{']));
            listed.extend(names.map(str::to_owned));
            fitting.extend(words.iter().filter(|word| answer(scenario, here, &json!(word)).is_none()));
        }
        assert_eq!(fitting, words, "{place}: words that the decoder takes, and those of the schema");
        for name in listed.iter().filter(|name| !name.bytes().all(|b| b.is_ascii_digit())) {
            assert!(
                words.contains(name.as_str()) || of_kind.contains(name.as_str()),
                "{place}: the decoder knows `{name}`"
            );
        }
        compared += 1;
    }
    assert!(compared > 15, "{compared}");
}
