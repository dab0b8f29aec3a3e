//! `NAME=VALUE`: a claim, or a member of a header, as the command line changes it.

use std::str::FromStr;

use serde_json::{Map, Value};

/// A change of a JSON object.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    name: String,
    /// `None`: it is taken away.
    value: Option<Value>,
}

/// What is no change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write NAME=VALUE; the value is JSON, or else text; NAME= takes it away")]
pub struct BadChange;

impl FromStr for Change {
    type Err = BadChange;

    /// What stands behind the first `=` is JSON, or else text; where nothing does, the member is taken away.
    fn from_str(text: &str) -> Result<Self, BadChange> {
        let (name, value) = text.split_once('=').filter(|(name, _)| !name.is_empty()).ok_or(BadChange)?;
        let read = || serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
        Ok(Self { name: name.to_owned(), value: (!value.is_empty()).then(read) })
    }
}

impl Change {
    /// Changes an object: what is there keeps its place.
    pub(super) fn apply(&self, object: &mut Map<String, Value>) {
        match &self.value {
            Some(value) => drop(object.insert(self.name.clone(), value.clone())),
            None => drop(object.shift_remove(&self.name)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_json_or_text_and_nothing_takes_away() {
        let mut object = json!({"a": 1, "b": 2, "c": 3}).as_object().unwrap().clone();
        for change in ["b=", "a=x y", "d=[1,\"2\"]", "e=\"7\"", "f=7", "g=a=b", "h=\"\"", "i=null", "z="] {
            change.parse::<Change>().unwrap().apply(&mut object);
        }
        let expected =
            "{\"a\":\"x y\",\"c\":3,\"d\":[1,\"2\"],\"e\":\"7\",\"f\":7,\"g\":\"a=b\",\"h\":\"\",\"i\":null}";
        assert_eq!(Value::Object(object).to_string(), expected);
        assert_eq!("a".parse::<Change>(), Err(BadChange));
        assert_eq!("=a".parse::<Change>(), Err(BadChange));
    }
}
