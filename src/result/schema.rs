//! The shapes of what is written, as JSON Schemas made from the types themselves.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value;

use super::{Conformance, Replay, RunResult, Selftest};

/// The shape of `result.json` (JSON Schema, draft 2020-12). Members that a result may lack are not required, and others
/// may be there.
#[must_use]
pub fn result_schema() -> Value {
    schema_of::<RunResult>("result.schema.json", "A result of landfall")
}

/// The shape of `selftest.json`, likewise.
#[must_use]
pub fn selftest_schema() -> Value {
    schema_of::<Selftest>("selftest.schema.json", "A self-test of landfall")
}

/// The shape of what `landfall conform replay --json` writes, likewise.
#[must_use]
pub fn replay_schema() -> Value {
    schema_of::<Replay>("replay.schema.json", "A golden file, played by landfall")
}

/// The shape of `conformance.json`, likewise.
#[must_use]
pub fn conformance_schema() -> Value {
    schema_of::<Conformance>("conformance.schema.json", "A conformance suite of landfall")
}

/// A schema as its file holds it.
#[must_use]
pub fn schema_text(schema: &Value) -> String {
    format!("{schema:#}\n")
}

fn schema_of<T: JsonSchema>(id: &str, title: &str) -> Value {
    let mut schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<T>();
    schema.insert("$id".to_owned(), id.into());
    schema.insert("title".to_owned(), title.into());
    schema.to_value()
}
