//! What varies from one run of the same proxy to the next, and is told by a word in angle brackets instead; and rules of the
//! user's own, which can only add to it.

use std::sync::LazyLock;

use regex::Regex;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::offsets::{Bases, position};

/// How far from an answer's date a time may lie to be "now", in milliseconds.
const NOW: u64 = 10 * 60 * 1000;

static EXPIRING: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"Expiring \d+ record\(s\) for ([^ ]+): ?\d+ ms").expect("the pattern is well-formed")
});
static BASE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"https?://[^/\s\x22]+/v3/clusters").expect("the pattern is well-formed"));
static KNOWN: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(\d+ known properties: )([^\])]*)").expect("the pattern is well-formed"));

/// A rule that lets more pass for identical.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Widening {
    /// Part of the ids for which it holds; all, where none is named.
    #[serde(default)]
    pub id: String,
    /// What is not compared: `status`, `header:NAME`, `body`, `body:/json/pointer` or `landed`.
    #[serde(default)]
    pub ignore: Option<String>,
    /// A regular expression: what it finds in texts of bodies is taken for the same.
    #[serde(default)]
    pub text: Option<String>,
    /// Why.
    pub reason: String,
}

/// Why rules cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WideningError {
    /// It is no YAML, or says something else.
    #[error("{0}; a rule has `reason`, and `ignore` or `text`")]
    Yaml(String),
    /// It ignores nothing that there is.
    #[error(
        "`ignore: {0}` names nothing that is compared; there are status, header:NAME, body, body:/json/pointer and landed"
    )]
    Field(String),
    /// It is no regular expression.
    #[error("`text: {text}` is no regular expression: {reason}")]
    Text {
        /// What stands there.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// It widens nothing.
    #[error("the rule because of \"{0}\" has neither `ignore` nor `text`, or both; give it one of them")]
    Nothing(String),
}

/// Reads a file of rules, a YAML list.
///
/// # Errors
/// [`WideningError`], for the first rule that cannot be used.
pub fn read_widenings(text: &str) -> Result<Vec<Widening>, WideningError> {
    let rules: Vec<Widening> =
        serde_saphyr::from_str(text).map_err(|error| WideningError::Yaml(error.to_string()))?;
    for rule in &rules {
        match (&rule.ignore, &rule.text) {
            (Some(field), None) => {
                let known = matches!(field.as_str(), "status" | "body" | "landed")
                    || field.strip_prefix("header:").is_some_and(|name| !name.is_empty())
                    || field.strip_prefix("body:").is_some_and(|pointer| pointer.starts_with('/'));
                if !known {
                    return Err(WideningError::Field(field.clone()));
                }
            }
            (None, Some(text)) => {
                Regex::new(text)
                    .map_err(|error| WideningError::Text { text: text.clone(), reason: error.to_string() })?;
            }
            _ => return Err(WideningError::Nothing(rule.reason.clone())),
        }
    }
    Ok(rules)
}

/// What is known around the documents of an answer.
pub(super) struct Around<'a> {
    pub(super) cluster_id: &'a str,
    /// When it was answered, in milliseconds since 1970.
    pub(super) answered: Option<i64>,
    pub(super) bases: &'a Bases,
    /// Whether partitions that the request leaves open are passed over.
    pub(super) widened: bool,
    pub(super) texts: &'a [Regex],
}

impl Around<'_> {
    /// A time as it is compared.
    pub(super) fn is_now(&self, millis: i64) -> bool {
        self.answered.is_some_and(|answered| answered.abs_diff(millis) < NOW)
    }

    /// A text without what varies.
    pub(super) fn text(&self, text: &str) -> String {
        let mut text = EXPIRING.replace_all(text, "Expiring <n> record(s) for $1:<n> ms").into_owned();
        text = BASE.replace_all(&text, "<base>/v3/clusters").into_owned();
        text = KNOWN
            .replace_all(&text, |found: &regex::Captures<'_>| {
                let mut names: Vec<&str> = found[2].split(", ").collect();
                names.sort_unstable();
                format!("{}{}", &found[1], names.join(", "))
            })
            .into_owned();
        if !self.cluster_id.is_empty() {
            text = text.replace(self.cluster_id, "<cluster>");
        }
        for pattern in self.texts {
            text = pattern.replace_all(&text, "<widened>").into_owned();
        }
        text
    }

    /// A document of an answer without what varies.
    pub(super) fn document(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(text)),
            Value::Array(elements) => elements.iter().map(|element| self.document(element)).collect(),
            Value::Object(members) => Value::Object(self.object(members)),
            other => other.clone(),
        }
    }

    fn object(&self, members: &Map<String, Value>) -> Map<String, Value> {
        let position = position(members).filter(|(_, offset)| *offset >= 0);
        let is = |name: &str, kind: &str| name == "kind" && members["kind"] == kind;
        let broker = members.get("kind").is_some_and(|_| is("kind", "KafkaBroker"));
        let topics = members.get("kind").is_some_and(|_| is("kind", "KafkaTopicList"));
        let member = |name: &str, value: &Value| match (name, value, position) {
            // What an answer says of a place at which nothing stands is never passed over.
            ("offset", _, Some(at)) if self.widened && self.bases.has(at) => "<offset>".into(),
            ("partition" | "partition_id", _, Some(at)) if self.widened && self.bases.has(at) => {
                "<partition>".into()
            }
            ("offset", _, Some((partition, offset))) => self.bases.relative(partition, offset).into(),
            ("beginning_offset" | "end_offset", Value::Number(_), _) => "<offset>".into(),
            ("host" | "port", _, _) if broker => format!("<{name}>").into(),
            ("timestamp", Value::String(text), _) => {
                let at = text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_millisecond);
                if at.is_some_and(|at| self.is_now(at)) { "<now>".into() } else { value.clone() }
            }
            // Which topics there are varies; what is said of one does not.
            ("data", Value::Array(list), _) if topics => {
                let mut shapes: Vec<String> = list.iter().map(|topic| self.nameless(topic)).collect();
                shapes.sort_unstable();
                shapes.dedup();
                shapes.into()
            }
            _ => self.document(value),
        };
        members.iter().map(|(name, value)| (name.clone(), member(name, value))).collect()
    }

    /// What is said of a topic, without its name and size.
    fn nameless(&self, topic: &Value) -> String {
        let name = topic.get("topic_name").and_then(Value::as_str).unwrap_or_default();
        let mut document = self.document(topic);
        if let Some(members) = document.as_object_mut() {
            members.sort_keys();
            for varying in ["partitions_count", "replication_factor", "is_internal"] {
                if let Some(value) = members.get_mut(varying) {
                    *value = "<varies>".into();
                }
            }
        }
        let text = document.to_string();
        [("topics/", ""), ("topic=", ""), ("\"topic_name\":\"", "\"")].iter().fold(
            text,
            |text, (before, after)| {
                text.replace(&format!("{before}{name}{after}"), &format!("{before}<topic>{after}"))
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_that_widen_nothing_are_refused() {
        let rules =
            read_widenings("- { ignore: 'header:Allow', reason: order }\n- { text: 'a+', reason: r }\n");
        assert_eq!(rules.unwrap().len(), 2);
        for bad in [
            "- { reason: r }",
            "- { ignore: nothing, reason: r }",
            "- { ignore: 'header:', reason: r }",
            "- { ignore: body, text: x, reason: r }",
            "- { text: '(', reason: r }",
            "- { ignore: body }",
            "- { ignore: body, reason: r, typo: 1 }",
            "reason: r",
        ] {
            assert!(read_widenings(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn texts_lose_what_varies_and_nothing_else() {
        let bases = Bases::default();
        let around = Around { cluster_id: "CCC", answered: None, bases: &bases, widened: false, texts: &[] };
        for (text, expected) in [
            (
                "Expiring 4 record(s) for p1-0:120001 ms has passed since batch creation",
                "Expiring <n> record(s) for p1-0:<n> ms has passed since batch creation",
            ),
            ("http://127.0.0.1:18082/v3/clusters/CCC/x", "<base>/v3/clusters/<cluster>/x"),
            (
                "not marked as ignorable (3 known properties: \"b\", \"a\", \"c\")",
                "not marked as ignorable (3 known properties: \"a\", \"b\", \"c\")",
            ),
            (
                "Topic t not present in metadata after 60000 ms.",
                "Topic t not present in metadata after 60000 ms.",
            ),
        ] {
            assert_eq!(around.text(text), expected);
        }
    }
}
