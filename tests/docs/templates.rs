//! Templates in the schema of scenarios: what can be compiled is accepted, and the generators are those that there are.

use landfall::record::{Format, IdentityPlace, Key, KeySpread, Payload, Stream};
use serde_json::{Value, json};

/// What the compiler says about a template of records whose keys are drawn.
fn compiled(template: &Value) -> Result<(), String> {
    let key = Key::Drawn { prefix: String::new(), spread: KeySpread::Uniform { keys: 5 } };
    let made = Stream::new(0, Format::Json, IdentityPlace::Key, Some(key), Payload::Template(template));
    made.map(drop).map_err(|error| error.to_string())
}

fn schema() -> Value {
    serde_json::from_str(landfall::scenario::SCHEMA).expect("the schema is JSON")
}

fn generators() -> Vec<(String, Value)> {
    let generators = schema()["$defs"]["generator"]["properties"].clone();
    let generators = generators.as_object().expect("generators are a mapping");
    generators.iter().map(|(name, schema)| (name.clone(), schema["examples"][0].clone())).collect()
}

#[test]
fn generators_are_those_that_can_be_compiled() {
    let error = compiled(&json!({ "$no_such_generator": {} })).expect_err("there is none");
    let mut known: Vec<&str> =
        error.split('`').filter(|name| name.starts_with('$') && !name.contains("no_such")).collect();
    let generators = generators();
    let mut described: Vec<&str> = generators.iter().map(|(name, _)| name.as_str()).collect();
    known.sort_unstable();
    described.sort_unstable();
    assert_eq!(described, known, "{error}");
}

fn pointers(value: &Value, pointer: &str, found: &mut Vec<String>) {
    found.push(pointer.to_owned());
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(name, value)| pointers(value, &format!("{pointer}/{name}"), found));
        }
        Value::Array(items) => {
            items
                .iter()
                .enumerate()
                .for_each(|(index, value)| pointers(value, &format!("{pointer}/{index}"), found));
        }
        _ => {}
    }
}

/// Changes each part of each example, with parameters that it may have and odd values.
#[test]
fn what_can_be_compiled_is_accepted() {
    let part = json!({ "$defs": schema()["$defs"], "$ref": "#/$defs/template" });
    let validator = jsonschema::draft202012::new(&part).expect("a part of the schema is one");
    let odd = json!([
        null, true, 0, 1, -1, 8.5, 1e300, 16, 4_294_967_296_u64, u64::MAX, "", "x", "10ms", "-1m 30s", "rfc3339", "epoch_s",
        "2026-01-01 00:00+02", [], [1], [1, 2], [2, 1], [{ "$int": { "min": 1, "max": 2 } }], [{ "weight": 1, "value": null }],
        {}, { "a": 1 }, { "$$a": 1 }, { "$a": 1 }, { "": 1 }, { "$uuid": null }, { "$key": {} }, { "uniform": [1, 2] },
        { "normal": { "mean": 1, "deviation": 0 } }, { "lognormal": { "median": 0, "sigma": 1 } }, { "$sequence": { "step": -1 } }
    ]);
    let odd = odd.as_array().expect("written above as a list");
    let more =
        ["start", "step", "format", "min", "digits", "alphabet", "length", "weight", "value", "$uuid", "a"];
    let (mut accepted, mut refused) = (0, 0);
    let mut hold = |template: &Value| match compiled(template) {
        Ok(()) => {
            accepted += 1;
            let errors: Vec<String> =
                validator.iter_errors(template).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{template} can be compiled, and the schema says {errors:?}");
        }
        Err(_) => refused += 1,
    };
    let mut shapes = generators();
    shapes.push((
        "$text".to_owned(),
        json!({ "length": { "lognormal": { "median": 200, "sigma": 0.5 } }, "alphabet": "ab" }),
    ));
    shapes.push((
        "$time".to_owned(),
        json!({ "start": "2026-01-01T00:00:00Z", "step": "10ms", "format": "epoch_ms" }),
    ));
    for (name, example) in shapes {
        let template = json!({ "a": [{ name: example }] });
        assert_eq!(compiled(&template), Ok(()));
        assert!(validator.is_valid(&template), "{template}");
        let mut places = Vec::new();
        pointers(&template, "", &mut places);
        for place in places {
            for new in odd {
                let mut changed = template.clone();
                *changed.pointer_mut(&place).expect("it is there") = new.clone();
                hold(&changed);
                let mut with = template.clone();
                if let Some(Value::Object(members)) = with.pointer_mut(&place) {
                    for name in more {
                        let old = members.insert(name.to_owned(), new.clone());
                        hold(&template_with(&template, &place, members));
                        match old {
                            Some(old) => drop(members.insert(name.to_owned(), old)),
                            None => drop(members.shift_remove(name)),
                        }
                    }
                }
            }
        }
    }
    assert!(accepted > 200 && refused > 1000, "{accepted} accepted, {refused} refused");
}

fn template_with(template: &Value, place: &str, members: &serde_json::Map<String, Value>) -> Value {
    let mut changed = template.clone();
    *changed.pointer_mut(place).expect("it is there") = Value::Object(members.clone());
    changed
}

#[test]
fn what_makes_no_sense_is_refused_by_both() {
    let part = json!({ "$defs": schema()["$defs"], "$ref": "#/$defs/template" });
    let validator = jsonschema::draft202012::new(&part).expect("a part of the schema is one");
    for template in [
        json!({ "$int": { "min": 1 } }),
        json!({ "$int": { "min": 1, "max": 2, "step": 1 } }),
        json!({ "$uuid": { "a": 1 } }),
        json!({ "$nothing": {} }),
        json!({ "$uuid": {}, "a": 1 }),
        json!({ "$choice": [] }),
        json!({ "$float": { "min": 0, "max": 1, "digits": 16 } }),
        json!({ "$text": { "length": { "poisson": 5 } } }),
        json!({ "$time": { "start": "2026-01-01T00:00:00Z", "step": "1s", "format": "iso" } }),
        json!([{ "$weighted": [{ "weight": 1 }] }]),
    ] {
        assert!(compiled(&template).is_err() && !validator.is_valid(&template), "{template}");
    }
}
