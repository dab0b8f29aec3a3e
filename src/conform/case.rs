//! What a case is made of.

use std::time::Duration;

use serde_json::Value;

use crate::scenario::Flaw;
use crate::secret::Secret;

/// How much depends on a case (RFC 2119).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Level {
    /// A matter of taste: what came is noted.
    May,
    /// It ought to hold; where it does not, that is a warning.
    Should,
    /// It must hold.
    Must,
}

impl Expected {
    /// As reports show it.
    #[must_use]
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Refused(Refusal::Unauthorized) => "401",
            Self::Refused(Refusal::Forbidden) => "403",
            Self::Refused(Refusal::Anyhow) => "4xx",
            Self::NotAccepted => "not accepted",
            Self::Either => "either",
            Self::Anything => "any answer",
        }
    }
}

impl Level {
    /// As specifications write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::May => "MAY",
            Self::Should => "SHOULD",
            Self::Must => "MUST",
        }
    }
}

/// What a target, or who tries it, must have for a case to be tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Need {
    /// The private key of the identity provider.
    Signer,
    /// A clock of the target's that goes with landfall's to the second.
    Clock,
    /// A place that the target can reach, and that sees whether it does.
    Sink,
    /// Say over the keys that the identity provider publishes.
    Rotation,
    /// An authorizer that can be made to forget its keys.
    Cold,
    /// A gateway that keeps an authorizer's answer for some seconds at most, and a leeway as short.
    Cache,
    /// A second client, which may write to another topic.
    Client,
    /// A cool-down between fetches of keys that is longer than requests take.
    CoolDown,
}

impl Need {
    /// Every need.
    pub const ALL: [Self; 8] = [
        Self::Signer,
        Self::Clock,
        Self::Sink,
        Self::Rotation,
        Self::Cold,
        Self::Cache,
        Self::Client,
        Self::CoolDown,
    ];

    /// Its name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Signer => "signer",
            Self::Clock => "clock",
            Self::Sink => "sink",
            Self::Rotation => "rotation",
            Self::Cold => "cold",
            Self::Cache => "cache",
            Self::Client => "client",
            Self::CoolDown => "cool_down",
        }
    }

    /// How it is given.
    #[must_use]
    pub fn remedy(self) -> &'static str {
        match self {
            Self::Signer => "give the identity provider's private key, or use the embedded one",
            Self::Clock => "let the target's clock and this machine's be set by the same time server",
            Self::Sink => "try a target that runs on this machine",
            Self::Rotation => {
                "use the embedded identity provider, and say how long the authorizer keeps keys"
            }
            Self::Cold => "let the scenario start the authorizer: landfall's own, or a function",
            Self::Cache => {
                "let the gateway keep an authorizer's answers for a second, and the authorizer have a leeway of a few"
            }
            Self::Client => "let the scenario have a second partner, which may write to another topic",
            Self::CoolDown => {
                "let the authorizer's cool-down be longer (`keys.cool_down` of the gateway), so that requests that are asked one after \
                 another come within it"
            }
        }
    }
}

/// What must come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// The request is accepted, and its record lands.
    Accepted,
    /// It is refused, and nothing lands.
    Refused(Refusal),
    /// It is not accepted; an error of the authorizer's is as good as a refusal.
    NotAccepted,
    /// Either; it is noted which.
    Either,
    /// Either, and an error of the authorizer's is as good; it is noted which.
    Anything,
}

/// How a request is to be refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// 401: nobody knows who it is.
    Unauthorized,
    /// 403: who it is may not.
    Forbidden,
    /// By any status from 400 to 499.
    Anyhow,
}

/// A request of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// What is particular to it, in words.
    pub what: String,
    /// Its method.
    pub method: &'static str,
    /// Its target, as it stands in the request line, from the path of the API on.
    pub target: String,
    /// Its headers besides `Host` and `Content-Length`, in order; names as they are sent.
    pub headers: Vec<(String, Secret)>,
    /// Its body.
    pub body: String,
    /// What stands in the record, so that it is known where it lands; nothing else has it.
    pub marker: String,
    /// What must not be repeated in an answer.
    pub secrets: Vec<Secret>,
    /// What the path of every URL begins with that it names at the place that must not be called.
    pub trap: Option<String>,
    /// Whether the connection may end without an answer, because there is too much of it.
    pub may_break: bool,
    /// Whether its target begins at the server's root, and not behind the path of the API.
    pub from_root: bool,
    /// Whether an answer may repeat it all the same, which is noted.
    pub may_echo: bool,
    /// Names of others, none of which may be told of this caller.
    pub not_of: Vec<String>,
    /// What must come back.
    pub expected: Expected,
}

/// Something that is done to the boxes around the authorizer.
#[derive(Debug, Clone, PartialEq)]
pub enum Control {
    /// These keys stand in the issuer's set besides its own.
    Publish(Vec<Value>),
    /// The set is given so, or as it should be again.
    Keys(Option<KeysTrouble>),
    /// The authorizer forgets the keys that it has fetched.
    Forget,
    /// Time passes.
    Wait(Duration),
    /// From here on, fetches of the key set are counted.
    CountFetches,
    /// There have been no more since then than the authorizer's cool-down lets there be.
    FetchesWithinCoolDown,
}

/// How a key set can be had, or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeysTrouble {
    /// Status 500.
    Error,
    /// No answer at all.
    Silence,
    /// A page for people.
    Html,
    /// A set without keys.
    Empty,
    /// A set of more than a megabyte.
    Huge,
    /// A redirection to somewhere else.
    Redirect,
    /// A byte now and then.
    Drip,
}

/// A step of a case.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// A request is sent.
    Send(Box<Probe>),
    /// Something is done.
    Do(Control),
}

/// A conformance check.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// `auth/<number>-<slug>/<variant>`; it never changes.
    pub id: String,
    /// What the group of cases is about.
    pub title: String,
    /// What is particular to this one.
    pub what: String,
    /// How much depends on it.
    pub level: Level,
    /// Where it is written, or what went wrong for others.
    pub sources: Vec<&'static str>,
    /// What must be there.
    pub needs: Vec<Need>,
    /// Mistakes that it finds.
    pub shows: Vec<Flaw>,
    /// What is done; empty where something is missing that it needs.
    pub steps: Vec<Step>,
    /// Whether it takes seconds.
    pub slow: bool,
}
