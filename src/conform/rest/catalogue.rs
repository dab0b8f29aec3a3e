//! The requirements, and the cases that show whether they hold.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::landed::{LandedPattern, patterns};
use super::procedure::ProcedureCase;
use super::surroundings::{Brokers, Requires, Surroundings};
use crate::conform::Level;
use crate::conform::golden::GoldenRequest;

/// A requirement, and how it stands with it here.
#[derive(Debug, Clone, PartialEq)]
pub struct Requirement {
    /// Its id in the catalogue, for instance `v2.produce.json.null-value`.
    pub id: String,
    /// The area that it belongs to, for instance `v2-json`.
    pub area: String,
    /// How much depends on it.
    pub level: Level,
    /// Which API it is about.
    pub api: Api,
    /// What is required, in a sentence.
    pub statement: String,
    /// Where that comes from.
    pub source: String,
    /// Whether, and how, it is tried.
    pub standing: Standing,
    /// Its cases that take a procedure; none where it is not tried.
    pub procedures: Vec<ProcedureCase>,
}

/// Whether, and how, a requirement is tried.
#[derive(Debug, Clone, PartialEq)]
pub enum Standing {
    /// By these cases; none, where procedures alone show whether it holds.
    Cases(Vec<RestCase>),
    /// Not yet.
    Later(Later),
    /// It cannot be seen from outside, for this reason.
    NotTestable(String),
}

/// Which API a requirement is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Api {
    /// API v2.
    V2,
    /// API v3.
    V3,
    /// HTTP itself.
    Http,
    /// What both share, and what concerns the proxy as a whole.
    Common,
}

impl Api {
    /// As files and reports name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::V2 => "v2",
            Self::V3 => "v3",
            Self::Http => "http",
            Self::Common => "common",
        }
    }
}

/// What a requirement waits for that is not tried yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Later {
    /// The finer points of API v3.
    V3,
    /// Bytes that no HTTP client sends.
    #[serde(rename = "raw sockets")]
    RawSockets,
    /// A schema registry.
    Schemas,
    /// Block lists and allow lists.
    LockDown,
    /// A proxy as it is deployed, with its image and its Kafka.
    Deployment,
}

impl Later {
    /// In words.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::V3 => "v3",
            Self::RawSockets => "raw sockets",
            Self::Schemas => "schemas",
            Self::LockDown => "lock-down",
            Self::Deployment => "deployment",
        }
    }
}

/// A case: a request to a fresh topic, and what must come back and land.
#[derive(Debug, Clone, PartialEq)]
pub struct RestCase {
    /// Its id, which never changes: `rest/<requirement>` or `rest/<requirement>/<variant>`.
    pub id: String,
    /// The topic that is made for it.
    pub topic: TopicOf,
    /// A request to the same topic before, whose answer fills in names and is not judged.
    pub before: Option<GoldenRequest>,
    /// What is sent; `{topic}` and `{cluster}` stand for what they are.
    pub request: GoldenRequest,
    /// What must come of it.
    pub expect: Expect,
    /// Ids of recordings of the same exchange.
    pub recorded_as: Vec<String>,
    /// Proxy and broker as it needs them.
    pub place: Surroundings,
    /// Whether the proxy is expected to wait for its time-outs.
    pub slow: bool,
}

impl RestCase {
    /// What the place has to have, or must not have.
    #[must_use]
    pub fn requires(&self) -> Vec<Requires> {
        let Surroundings { broker, auto_create, proxy_settings, registry, scarce_replicas, own } =
            &self.place;
        let wanted = [
            (*broker != Brokers::Up, Requires::StoppedBroker),
            (*auto_create == Some(false), Requires::AutoCreateOff),
            (*auto_create == Some(true), Requires::AutoCreateOn),
            (!proxy_settings.is_empty(), Requires::ProxySettings),
            (*own, Requires::Spare),
            (*scarce_replicas, Requires::ScarceReplicas),
            (*registry == Some(true), Requires::Registry),
            (*registry == Some(false), Requires::NoRegistry),
            (self.request.raw_b64.is_some() || self.request.sends.is_some(), Requires::Root),
        ];
        wanted.into_iter().filter_map(|(is, required)| is.then_some(required)).collect()
    }
}

/// The topic that is made for a case.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TopicOf {
    /// Number of partitions.
    #[serde(default = "one")]
    pub partitions: i32,
    /// Settings that are not Kafka's defaults.
    #[serde(default)]
    pub configs: BTreeMap<String, String>,
    /// What its name ends in.
    #[serde(default)]
    pub suffix: String,
    /// How many characters its name has, where that matters.
    pub length: Option<usize>,
}

impl TopicOf {
    /// Its name, which begins with `prefix`.
    #[must_use]
    pub fn name(&self, prefix: &str) -> String {
        let name = format!("{prefix}{}", self.suffix);
        let width = self.length.unwrap_or_default();
        format!("{name:t<width$}")
    }
}

fn one() -> i32 {
    1
}

impl Default for TopicOf {
    fn default() -> Self {
        Self { partitions: 1, configs: BTreeMap::new(), suffix: String::new(), length: None }
    }
}

/// On what an expectation rests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Evidence {
    /// It was seen at a real proxy.
    Recorded,
    /// It stands in a proxy's source or documentation.
    Source,
    /// It follows from either: it is reported, and fails nothing.
    Inferred,
}

/// What must come of a request. What is not named is not looked at.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// On what it rests.
    pub evidence: Option<Evidence>,
    /// The status, or those that there may be.
    pub status: Option<Statuses>,
    /// Header fields; `None`: absent.
    #[serde(default)]
    pub headers: BTreeMap<String, Option<HeaderPattern>>,
    /// A pattern of the body.
    pub body: Option<Value>,
    /// All answers in their order, interim ones (100) among them, instead of the one above.
    pub answers: Option<Vec<AnswerPattern>>,
    /// Whether the proxy closes the connection.
    pub closes: Option<bool>,
    /// The records that land, in their order within partitions; `None`: it is not looked.
    #[serde(default, deserialize_with = "patterns")]
    pub landed: Option<Vec<LandedPattern>>,
}

/// One of several answers.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnswerPattern {
    /// The status, or those that there may be.
    pub status: Option<Statuses>,
    /// Header fields; `None`: absent.
    #[serde(default)]
    pub headers: BTreeMap<String, Option<HeaderPattern>>,
    /// A pattern of the body.
    pub body: Option<Value>,
}

/// A header's value.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum HeaderPattern {
    /// This text; `$any`: any.
    Text(String),
    /// What a regular expression matches.
    Like(Like),
}

/// A regular expression.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Like {
    /// The expression.
    #[serde(rename = "$matches")]
    pub expression: String,
}

/// One status, or some.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Statuses {
    /// This one.
    One(u16),
    /// One of these.
    Any(Vec<u16>),
}

impl Statuses {
    /// Whether this is one of them.
    #[must_use]
    pub fn has(&self, status: u16) -> bool {
        match self {
            Self::One(one) => *one == status,
            Self::Any(any) => any.contains(&status),
        }
    }

    /// In words.
    #[must_use]
    pub fn in_words(&self) -> String {
        match self {
            Self::One(one) => one.to_string(),
            Self::Any(any) => any.iter().map(u16::to_string).collect::<Vec<_>>().join(" or "),
        }
    }
}

impl Expect {
    /// Whether it says something of this field, as mismatches name it.
    #[must_use]
    pub fn names(&self, field: &str) -> bool {
        match field.split_once(':').map_or((field, ""), |(kind, rest)| (kind, rest)) {
            ("status", _) => self.status.is_some(),
            ("header", name) => self.headers.keys().any(|known| known.eq_ignore_ascii_case(name)),
            ("body", _) => self.body.is_some(),
            ("answers", _) => self.answers.is_some(),
            ("closes", _) => self.closes.is_some(),
            ("landed" | "offsets", _) => self.landed.is_some(),
            _ => false,
        }
    }

    /// The same, with what `other` says instead of what stands here. Several answers stand instead of one, and one instead of
    /// several.
    #[must_use]
    pub fn overridden_by(&self, other: &Self) -> Self {
        let one = other.status.is_some() || other.body.is_some() || !other.headers.is_empty();
        let base = if other.answers.is_some() {
            Self { status: None, headers: BTreeMap::new(), body: None, ..self.clone() }
        } else if one {
            Self { answers: None, ..self.clone() }
        } else {
            self.clone()
        };
        let mut headers = base.headers;
        headers.extend(other.headers.clone());
        Self {
            evidence: other.evidence.or(base.evidence),
            status: other.status.clone().or(base.status),
            headers,
            body: other.body.clone().or(base.body),
            answers: other.answers.clone().or(base.answers),
            closes: other.closes.or(base.closes),
            landed: other.landed.clone().or(base.landed),
        }
    }
}
