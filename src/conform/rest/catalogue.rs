//! The requirements, and the cases that show whether they hold.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

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
        let Surroundings { broker, auto_create, proxy_settings, registry, own } = &self.place;
        let wanted = [
            (*broker != Brokers::Up, Requires::StoppedBroker),
            (*auto_create == Some(false), Requires::AutoCreateOff),
            (*auto_create == Some(true), Requires::AutoCreateOn),
            (!proxy_settings.is_empty(), Requires::ProxySettings),
            (*own, Requires::Own),
            (*registry == Some(true), Requires::Registry),
            (*registry == Some(false), Requires::NoRegistry),
            (self.request.raw_b64.is_some() || self.request.sends.is_some(), Requires::Root),
        ];
        wanted.into_iter().filter_map(|(is, required)| is.then_some(required)).collect()
    }
}

/// Proxy and broker as a case needs them. What is not said is no matter to it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Surroundings {
    /// Whether there is a broker.
    #[serde(default)]
    pub broker: Brokers,
    /// Whether Kafka creates topics that somebody asks for.
    pub auto_create: Option<bool>,
    /// Settings of the proxy that are not its defaults.
    #[serde(default)]
    pub proxy_settings: Map<String, Value>,
    /// Whether the proxy reaches a schema registry.
    pub registry: Option<bool>,
    /// Whether the proxy has to be landfall's own, since the request harms some releases for good.
    #[serde(default)]
    pub own: bool,
}

/// Whether there is a broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Brokers {
    /// There is.
    #[default]
    Up,
    /// There was one, the proxy has written to the topic, and then it went.
    Down,
    /// There never was one.
    Never,
}

/// What a case asks of the place where it is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Requires {
    /// A broker that can be stopped, or left out.
    StoppedBroker,
    /// A Kafka that creates no topic because somebody asks for it.
    AutoCreateOff,
    /// A Kafka that does.
    AutoCreateOn,
    /// A proxy that can be started with settings of the case's own.
    ProxySettings,
    /// A proxy that nobody else needs.
    Own,
    /// A proxy that reaches a schema registry.
    Registry,
    /// A proxy that reaches none.
    NoRegistry,
    /// A proxy that stands at the root of its host: requests are sent to the letter.
    Root,
}

impl Requires {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::StoppedBroker,
        Self::AutoCreateOff,
        Self::AutoCreateOn,
        Self::ProxySettings,
        Self::Own,
        Self::Registry,
        Self::NoRegistry,
        Self::Root,
    ];

    /// As reports name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::StoppedBroker => "stopped_broker",
            Self::AutoCreateOff => "auto_create_off",
            Self::AutoCreateOn => "auto_create_on",
            Self::ProxySettings => "proxy_settings",
            Self::Own => "own_proxy",
            Self::Registry => "registry",
            Self::NoRegistry => "no_registry",
            Self::Root => "root_path",
        }
    }

    /// How it is given.
    #[must_use]
    pub fn remedy(self) -> &'static str {
        match self {
            Self::StoppedBroker => "try landfall's own proxy and broker, which can be stopped",
            Self::AutoCreateOff => {
                "try landfall's own broker, or say `--auto-create off` if Kafka creates no topics by itself"
            }
            Self::AutoCreateOn => {
                "try landfall's own broker, or say `--auto-create on` if Kafka creates topics by itself"
            }
            Self::ProxySettings => {
                "try landfall's own proxy, which is started with the settings of each case"
            }
            Self::Own => "try landfall's own proxy: the request stops the producer of some releases for good",
            Self::Registry => "say `--registry on` if the proxy reaches a schema registry",
            Self::NoRegistry => {
                "try landfall's own proxy, or say `--registry off` if the proxy reaches no schema registry"
            }
            Self::Root => {
                "name a proxy that stands at the root of its host: some requests are sent to the letter"
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
            ("landed", _) => self.landed.is_some(),
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
