//! The requirements, and the cases that show whether they hold.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::landed::LandedPattern;
use super::procedure::ProcedureCase;
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
    /// Killing, waiting, several replicas.
    Procedures,
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
            Self::Procedures => "procedures",
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
    /// What is sent; `{topic}` and `{cluster}` stand for what they are.
    pub request: GoldenRequest,
    /// What must come of it.
    pub expect: Expect,
    /// Ids of recordings of the same exchange.
    pub recorded_as: Vec<String>,
    /// What the place has to have.
    pub requires: Vec<Requires>,
    /// Whether the proxy is expected to wait for its time-outs.
    pub slow: bool,
}

/// What a case asks of the place where it is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Requires {
    /// A Kafka that creates no topic because somebody asks for it.
    AutoCreateOff,
    /// A Kafka that does.
    AutoCreateOn,
}

impl Requires {
    /// As reports name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::AutoCreateOff => "auto_create_off",
            Self::AutoCreateOn => "auto_create_on",
        }
    }

    /// How it is given.
    #[must_use]
    pub fn remedy(self) -> &'static str {
        match self {
            Self::AutoCreateOff => {
                "try landfall's own broker, or say `--auto-create off` if Kafka creates no topics by itself"
            }
            Self::AutoCreateOn => {
                "say `--auto-create on`: of Kafka that it creates topics by itself, or to landfall's own broker"
            }
        }
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
}

fn one() -> i32 {
    1
}

impl Default for TopicOf {
    fn default() -> Self {
        Self { partitions: 1, configs: BTreeMap::new(), suffix: String::new() }
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
    /// Header fields; `None`: absent; `$any`: there.
    #[serde(default)]
    pub headers: BTreeMap<String, Option<String>>,
    /// A pattern of the body.
    pub body: Option<Value>,
    /// The records that land, in their order within partitions; `None`: it is not looked.
    pub landed: Option<Vec<LandedPattern>>,
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
            ("landed", _) => self.landed.is_some(),
            _ => false,
        }
    }

    /// The same, with what `other` says instead of what stands here.
    #[must_use]
    pub fn overridden_by(&self, other: &Self) -> Self {
        let mut headers = self.headers.clone();
        headers.extend(other.headers.clone());
        Self {
            evidence: other.evidence.or(self.evidence),
            status: other.status.clone().or_else(|| self.status.clone()),
            headers,
            body: other.body.clone().or_else(|| self.body.clone()),
            landed: other.landed.clone().or_else(|| self.landed.clone()),
        }
    }
}
