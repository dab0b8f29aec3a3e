//! Good scenarios, as values that can be changed and decoded again.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use crate::scenario::decode::Item;
use crate::scenario::error::{Origin, Place, Problems};
use crate::scenario::json::json_of;
use crate::scenario::read::read_scenario;
use crate::scenario::scalar::Scalar;
use crate::scenario::tree::{Entry, Kind, Node, parse};
use crate::scenario::{Scenario, ScenarioError, Source, load_file};

/// A scenario of the repository.
pub(super) struct Good {
    pub(super) path: PathBuf,
    pub(super) value: Value,
}

/// The files with this extension in a folder of the repository, in the order of their names.
pub(super) fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let entries = std::fs::read_dir(folder).expect("the folder is part of the repository");
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.expect("the folder can be listed").path())
        .filter(|path| path.extension().is_some_and(|of_path| of_path == extension))
        .collect();
    files.sort();
    files
}

/// Those that ship, and those that together use every part of the schema.
pub(super) fn corpus() -> Vec<Good> {
    let files = [files("scenarios", "yaml"), files("fixtures/scenarios/good", "yaml")].concat();
    assert!(files.len() > 10, "{files:?}");
    let good = |path: PathBuf| {
        let value = file_value(&path).unwrap_or_else(|| panic!("{} is no YAML", path.display()));
        Good { path, value }
    };
    files.into_iter().map(good).collect()
}

/// Those that the book shows whole.
pub(super) fn shown() -> Vec<Good> {
    let mut shown = Vec::new();
    for path in files("docs/src", "md") {
        let page = load_file(&path).expect("a chapter can be read");
        let blocks = page.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next());
        for block in blocks.filter(|block| block.contains("version: 1\n")) {
            let value = text_value(block, &path).unwrap_or_else(|| panic!("{} is no YAML", path.display()));
            shown.push(Good { path: path.clone(), value });
        }
    }
    shown
}

/// The value that a file says; `None` where it is no single YAML document.
pub(super) fn file_value(path: &Path) -> Option<Value> {
    text_value(&load_file(path).ok()?, path)
}

fn text_value(text: &str, path: &Path) -> Option<Value> {
    let mut problems = Problems::default();
    let node = parse(text, &Arc::new(Origin::File(path.to_owned())), &mut problems);
    // An empty file is null to others.
    let Some(node) = node else {
        return text.lines().all(|line| line.starts_with('#')).then_some(Value::Null);
    };
    let value = json_of(&Item { node: &node, path: String::new() }, &mut problems)?;
    problems.is_empty().then_some(value)
}

impl Good {
    /// Decodes `value`, a variant of this scenario.
    pub(super) fn decode(&self, value: &Value) -> Result<Scenario, ScenarioError> {
        if !value["extends"].is_null() {
            return crate::scenario::parse(&value.to_string(), &self.path, &[], &load_file);
        }
        let at = Place { origin: Arc::new(Origin::File(self.path.clone())), line: 1, column: 1 };
        let mut problems = Problems::default();
        // What the chain of extended files takes out.
        let value = match value {
            Value::Object(object) => {
                Value::Object(object.iter().filter(|(name, _)| *name != "extends").map(owned).collect())
            }
            other => other.clone(),
        };
        match read_scenario(&node(&value, &at), &load_file, &mut problems) {
            // Where it was read from is no part of what it says.
            Some(scenario) => {
                problems.or(Scenario { source: Source::default(), hash: String::new(), ..scenario })
            }
            None => Err(problems.into_error()),
        }
    }
}

fn owned((name, value): (&String, &Value)) -> (String, Value) {
    (name.clone(), value.clone())
}

/// The tree of a value, as if it had been read from its JSON text.
pub(super) fn node(value: &Value, at: &Place) -> Node {
    let scalar = |text: String, plain| Kind::Scalar(Scalar { text, plain });
    let kind = match value {
        Value::String(text) => scalar(text.clone(), false),
        Value::Array(items) => Kind::List(items.iter().map(|item| node(item, at)).collect()),
        Value::Object(members) => Kind::Mapping(
            members
                .iter()
                .map(|(key, value)| Entry { key: key.clone(), key_at: at.clone(), value: node(value, at) })
                .collect(),
        ),
        plain => scalar(plain.to_string(), true),
    };
    Node { kind, at: at.clone() }
}
