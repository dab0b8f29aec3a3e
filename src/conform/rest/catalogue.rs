//! The requirements, and the cases that show whether they hold, as files have them.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

use super::landed::LandedPattern;
use crate::conform::Level;
use crate::conform::golden::GoldenRequest;

/// The areas that ship.
const AREAS: [(&str, &str); 17] = [
    ("discovery", include_str!("../../../fixtures/conformance/rest/discovery.yaml")),
    ("negotiation", include_str!("../../../fixtures/conformance/rest/negotiation.yaml")),
    ("v2-json", include_str!("../../../fixtures/conformance/rest/v2-json.yaml")),
    ("v2-binary", include_str!("../../../fixtures/conformance/rest/v2-binary.yaml")),
    ("v2-envelope", include_str!("../../../fixtures/conformance/rest/v2-envelope.yaml")),
    ("v2-partition", include_str!("../../../fixtures/conformance/rest/v2-partition.yaml")),
    ("v2-response", include_str!("../../../fixtures/conformance/rest/v2-response.yaml")),
    ("errors", include_str!("../../../fixtures/conformance/rest/errors.yaml")),
    ("v2-schema", include_str!("../../../fixtures/conformance/rest/v2-schema.yaml")),
    ("v3-produce", include_str!("../../../fixtures/conformance/rest/v3-produce.yaml")),
    ("v3-streaming", include_str!("../../../fixtures/conformance/rest/v3-streaming.yaml")),
    ("v3-batch", include_str!("../../../fixtures/conformance/rest/v3-batch.yaml")),
    ("http", include_str!("../../../fixtures/conformance/rest/http.yaml")),
    ("reliability", include_str!("../../../fixtures/conformance/rest/reliability.yaml")),
    ("security-config", include_str!("../../../fixtures/conformance/rest/security-config.yaml")),
    ("lockdown", include_str!("../../../fixtures/conformance/rest/lockdown.yaml")),
    ("observability", include_str!("../../../fixtures/conformance/rest/observability.yaml")),
];

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
}

/// Whether, and how, a requirement is tried.
#[derive(Debug, Clone, PartialEq)]
pub enum Standing {
    /// By these cases.
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

/// Why a file of requirements cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// It is no YAML, or says something else.
    #[error("{area}: {reason}")]
    Yaml {
        /// Which area.
        area: String,
        /// What is wrong, with line and column.
        reason: String,
    },
    /// A requirement has not exactly one standing.
    #[error("{0} has to have one of `cases`, `later` and `not_testable`")]
    Standing(String),
    /// An id stands twice.
    #[error("the id {0} stands twice; an id names one case")]
    Twice(String),
    /// A case without a word on what it rests.
    #[error("{0} does not say on what its expectation rests; `evidence` is recorded, source or inferred")]
    Evidence(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AreaFile {
    area: String,
    requirements: Vec<RequirementEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RequirementEntry {
    id: String,
    level: LevelName,
    api: Api,
    statement: String,
    source: String,
    cases: Option<Vec<CaseEntry>>,
    later: Option<Later>,
    not_testable: Option<String>,
}

#[derive(Deserialize)]
enum LevelName {
    #[serde(rename = "MUST")]
    Must,
    #[serde(rename = "SHOULD")]
    Should,
    #[serde(rename = "MAY")]
    May,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseEntry {
    #[serde(default)]
    variant: String,
    #[serde(default)]
    topic: TopicOf,
    request: RequestEntry,
    expect: Expect,
    #[serde(default)]
    recorded_as: Vec<String>,
    #[serde(default)]
    requires: Vec<Requires>,
    #[serde(default)]
    slow: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RequestEntry {
    #[serde(default = "post")]
    method: String,
    path: String,
    #[serde(default)]
    headers: BTreeMap<String, HeaderEntry>,
    body: Option<String>,
    body_base64: Option<String>,
    body_of: Option<crate::conform::golden::Generated>,
}

fn post() -> String {
    "POST".to_owned()
}

/// A header's value, or how a long one is built.
#[derive(Deserialize)]
#[serde(untagged)]
enum HeaderEntry {
    Value(String),
    Filled { fill: String, count: usize },
}

/// A field that says that the body goes out in chunks.
const CHUNKED: (&str, &str) = ("Transfer-Encoding", "chunked");

impl RequestEntry {
    fn request(self) -> GoldenRequest {
        let headers: Vec<(String, String)> = self
            .headers
            .into_iter()
            .map(|(name, value)| match value {
                HeaderEntry::Value(text) => (name, text),
                HeaderEntry::Filled { fill, count } => (name, fill.repeat(count)),
            })
            .collect();
        let chunked = headers.iter().any(|(name, value)| (name.as_str(), value.as_str()) == CHUNKED);
        GoldenRequest {
            method: self.method,
            path: self.path,
            headers: headers
                .into_iter()
                .filter(|(name, value)| (name.as_str(), value.as_str()) != CHUNKED)
                .collect(),
            body: self.body,
            body_b64: self.body_base64,
            body_gen: self.body_of,
            chunked,
            ..GoldenRequest::default()
        }
    }
}

/// Reads the requirements of one area.
///
/// # Errors
/// [`CatalogueError`], for the first thing that is wrong.
pub fn read_area(name: &str, text: &str) -> Result<Vec<Requirement>, CatalogueError> {
    let file: AreaFile = serde_saphyr::from_str(text)
        .map_err(|error| CatalogueError::Yaml { area: name.to_owned(), reason: error.to_string() })?;
    let area = file.area;
    file.requirements.into_iter().map(|entry| requirement(&area, entry)).collect()
}

fn requirement(area: &str, entry: RequirementEntry) -> Result<Requirement, CatalogueError> {
    let RequirementEntry { id, level, api, statement, source, cases, later, not_testable } = entry;
    let standing = match (cases, later, not_testable) {
        (Some(cases), None, None) => {
            let cases: Result<Vec<RestCase>, _> = cases.into_iter().map(|entry| case(&id, entry)).collect();
            Standing::Cases(cases?)
        }
        (None, Some(later), None) => Standing::Later(later),
        (None, None, Some(reason)) => Standing::NotTestable(reason),
        _ => return Err(CatalogueError::Standing(id)),
    };
    let level = match level {
        LevelName::Must => Level::Must,
        LevelName::Should => Level::Should,
        LevelName::May => Level::May,
    };
    Ok(Requirement { id, area: area.to_owned(), level, api, statement, source, standing })
}

fn case(requirement: &str, entry: CaseEntry) -> Result<RestCase, CatalogueError> {
    let id = match entry.variant.as_str() {
        "" => format!("rest/{requirement}"),
        variant => format!("rest/{requirement}/{variant}"),
    };
    if entry.expect.evidence.is_none() {
        return Err(CatalogueError::Evidence(id));
    }
    Ok(RestCase {
        id,
        topic: entry.topic,
        request: entry.request.request(),
        expect: entry.expect,
        recorded_as: entry.recorded_as,
        requires: entry.requires,
        slow: entry.slow,
    })
}

/// The requirements that ship, area by area.
///
/// # Errors
/// [`CatalogueError`], which a test keeps from happening.
pub fn catalogue() -> Result<Vec<Requirement>, CatalogueError> {
    let mut all = Vec::new();
    let mut ids = BTreeSet::new();
    for (area, text) in AREAS {
        for requirement in read_area(area, text)? {
            if !ids.insert(requirement.id.clone()) {
                return Err(CatalogueError::Twice(requirement.id));
            }
            if let Standing::Cases(cases) = &requirement.standing {
                for case in cases {
                    if !ids.insert(case.id.clone()) {
                        return Err(CatalogueError::Twice(case.id.clone()));
                    }
                }
            }
            all.push(requirement);
        }
    }
    Ok(all)
}
