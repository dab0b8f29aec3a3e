//! The schema of token profiles held against their decoder.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Value, json};

use super::corpus::{file_value, files, node};
use super::errors;
use super::walk::{Told, place_of, places};
use crate::scenario::decode::Item;
use crate::scenario::error::{Origin, Place, Problems};
use crate::scenario::profiles::read_root;
use crate::scenario::{PROFILE_SCHEMA, PROFILES, ScenarioError, TokenProfile, asked};

fn schema() -> Value {
    serde_json::from_str(PROFILE_SCHEMA).expect("the schema is JSON")
}

fn decode(value: &Value) -> Result<TokenProfile, ScenarioError> {
    let origin = Arc::new(Origin::File(PathBuf::from("profile.yaml")));
    let node = node(value, &Place { origin, line: 1, column: 1 });
    let mut problems = Problems::default();
    match read_root(&Item { node: &node, path: String::new() }, &mut problems) {
        Some(profile) => problems.or(profile),
        None => Err(problems.into_error()),
    }
}

fn shipped() -> Vec<(PathBuf, Value)> {
    let files = files("fixtures/token-profiles", "yaml");
    assert_eq!(files.len(), PROFILES.len());
    files.into_iter().map(|path| (path.clone(), file_value(&path).expect("it is YAML"))).collect()
}

/// Values that may stand somewhere, or seldom.
fn odd() -> Vec<Value> {
    let odd = json!([
        "", " ", "x", "none", "RS256", "HS256", "EdDSA", "text", "list", "30s", "6m", "-1s", "/", "/a", "/a/", "a", "//", "/a?b",
        null, true, 0, 1, [], [null], ["x"], [""], [1], ["RS256"], ["HS256"], {}, {"a": 1}, {"exp": 1}, {"a": null},
        {"a": "{client}"}, {"claim": "x"}, {"shape": "list"}
    ]);
    odd.as_array().expect("written above as a list").clone()
}

#[test]
fn profiles_that_ship_are_valid_and_so_is_whatever_the_decoder_accepts() {
    let validator = jsonschema::draft202012::new(&schema()).expect("the schema is one");
    let (mut accepted, mut refused) = (0, 0);
    for (path, value) in shipped() {
        assert_eq!(errors(&validator, &value), Vec::<String>::new(), "{}", path.display());
        assert!(decode(&value).is_ok(), "{}", path.display());
        let mut pointers = vec![String::new()];
        for part in ["issues", "accepts", "accepts/permissions"] {
            let members = value.pointer(&format!("/{part}")).and_then(Value::as_object);
            pointers.extend(members.into_iter().flatten().map(|(name, _)| format!("/{part}/{name}")));
        }
        for pointer in pointers {
            for new in odd() {
                let mut changed = value.clone();
                *changed.pointer_mut(&pointer).expect("the pointer was made from the value") = new.clone();
                if decode(&changed).is_ok() {
                    assert!(validator.is_valid(&changed), "{}: {pointer}: {new}", path.display());
                    accepted += 1;
                } else {
                    refused += 1;
                }
            }
        }
    }
    assert!(accepted > 500 && refused > 500, "{accepted}, {refused}");
}

#[test]
fn fields_and_defaults_are_those_of_the_decoder() {
    let asked = asked::during(|| shipped().iter().for_each(|(_, value)| drop(decode(value))));
    let places: BTreeMap<String, Told> = places(&schema());
    let mut decoded: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (path, field) in asked.fields {
        decoded.entry(place_of(&path, &places)).or_default().insert(field);
    }
    let described: BTreeMap<String, BTreeSet<String>> = places
        .iter()
        .filter(|(_, told)| !told.fields.is_empty())
        .map(|(place, told)| (place.clone(), told.fields.clone()))
        .collect();
    assert_eq!(decoded, described);
    // With every default written out, a profile is the same as with none.
    let mut written = json!({"version": 1, "name": "landfall", "issues": {}, "accepts": {"permissions": {}}});
    let mut defaults = 0;
    for (place, told) in &places {
        let default = told.schemas.iter().find_map(|schema| schema.get("default"));
        let (Some(default), Some((parent, name))) = (default, place.rsplit_once('.')) else { continue };
        let pointer = format!("/{}", parent.replace('.', "/"));
        written.pointer_mut(&pointer).expect("its mapping is there")[name] = default.clone();
        defaults += 1;
    }
    assert!(defaults >= 15, "{defaults}");
    assert_eq!(decode(&written).as_ref(), Ok(&TokenProfile::default()), "{written}");
}
