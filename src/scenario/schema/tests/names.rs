//! The fields that the decoder asks for are those of the schema.

use std::collections::{BTreeMap, BTreeSet};

use super::corpus::corpus;
use super::schema;
use super::walk::{place_of, places};
use crate::scenario::asked;

#[test]
fn fields_are_those_that_the_decoder_asks_for() {
    let asked = asked::during(|| {
        for scenario in corpus() {
            // Good scenarios; what they say is of no matter here.
            drop(scenario.decode(&scenario.value));
        }
    });
    let places = places(&schema());
    let mut decoded: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (path, field) in asked.fields {
        decoded.entry(place_of(&path, &places)).or_default().insert(field);
    }
    // It is followed, and taken out, before anything is decoded.
    decoded.entry(String::new()).or_default().insert("extends".to_owned());
    let described: BTreeMap<String, BTreeSet<String>> = places
        .into_iter()
        .filter(|(_, told)| !told.fields.is_empty())
        .map(|(place, told)| (place, told.fields))
        .collect();
    for (place, fields) in &described {
        assert_eq!(decoded.get(place), Some(fields), "the fields of `{place}`: decoder and schema");
    }
    assert_eq!(decoded.keys().collect::<Vec<_>>(), described.keys().collect::<Vec<_>>());
    assert!(described.len() > 35, "{described:?}");
}
