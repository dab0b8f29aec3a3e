//! The result of a run: one serialisable model, from which every report is rendered.
//!
//! It is written as `result.json`; [`SCHEMA`] is its version. All times are microseconds.

mod conformance;
mod finding;
mod generator;
mod inspection;
mod origin;
mod preview;
mod replay;
mod requests;
mod schema;
mod selftest;
mod telemetry;
mod timeline;
mod times;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use conformance::{CONFORMANCE_SCHEMA, CaseOutcome, CaseReport, Conformance, Exchange, Missing, Totals};
pub use finding::{Evidence, Excerpt, Finding};
pub use generator::{Calibration, ExceededLimit, Generator, Reliance};
pub use inspection::{Inspection, RefusalReport, Said, SignatureCheck, Verification};
pub use origin::{FileDigest, FileText, Machine, ScenarioRef};
pub use preview::{BudgetPreview, Preview, PreviewBox, WorkloadPreview};
pub use replay::{DifferentExchange, FieldDifference, REPLAY_SCHEMA, Replay, Unplayable};
pub use requests::{AnswerCount, Attempts, Requests};
pub use schema::{conformance_schema, replay_schema, result_schema, schema_text, selftest_schema};
pub use selftest::{DetectorReport, Row, RowOutcome, SELFTEST_SCHEMA, Seen, Selftest};
pub use telemetry::{BoxFigures, BoxSecond, BoxSeconds, Telemetry};
pub use timeline::{BadTimeline, SIZES_A_DECADE, Spectra, Spectrum, Stretch, Timeline, size_from, size_of};
pub use times::{HopTimes, Latency, Part, Quantiles, Rate};

/// Version of the result's shape. It rises when a reader of the old shape would misunderstand a new file.
pub const SCHEMA: u32 = 1;

/// What a run came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunResult {
    /// Version of this shape.
    #[schemars(extend("const" = SCHEMA))]
    pub schema: u32,
    /// Run id.
    pub run: String,
    /// The verdict, over checks and findings.
    pub verdict: Verdict,
    /// Why the run did not go to its end, if it did not.
    pub incomplete: Option<String>,
    /// The sentences behind the verdict, the gravest first; empty for a pass.
    pub reasons: Vec<String>,
    /// Which scenario.
    pub scenario: ScenarioRef,
    /// When the run began, RFC 3339, UTC.
    pub started: String,
    /// From the run's origin, before the path was brought up, to the end of settling, in microseconds.
    pub elapsed_us: u64,
    /// Requests by outcome.
    pub requests: Requests,
    /// Attempts by outcome; a request that is retried has several.
    #[serde(default)]
    pub attempts: Attempts,
    /// Who answered how: requests by the answer to their last attempt, the commonest first. Their sum is
    /// `requests.sent`.
    #[serde(default)]
    pub answers: Vec<AnswerCount>,
    /// Records by disposition, and flags.
    pub records: Records,
    /// What is particular to a run that was killed, and settled from its journal.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub recovery: Option<Recovery>,
    /// Answered − due, over all requests that were expected to be accepted when they were due.
    pub latency_us: Latency,
    /// Answered − written, over the same requests.
    pub service_us: Quantiles,
    /// Wait for a free connection: the system's doing, part of the latency.
    pub blocked_us: Quantiles,
    /// Written − the later of due and connection free: landfall's own doing.
    pub generator_lag_us: Quantiles,
    /// From written to seen by the reader.
    pub readable_us: Quantiles,
    /// These times by percentile, over the whole run; null where they are not known.
    #[serde(default)]
    pub spectra: Option<Spectra>,
    /// How long requests were at each hop behind the embedded gateway, in the order in which they pass; empty without one.
    /// All requests that it answered count, those of warming up too.
    #[serde(default)]
    pub hops: Vec<HopTimes>,
    /// Requests a second, of those expected to be accepted.
    pub rate: Rate,
    /// The load over time; null where it is not known.
    #[serde(default)]
    pub timeline: Option<Timeline>,
    /// The same figures for each phase, in the order of their first appearance. Phases of the same name in several
    /// workloads are one.
    #[serde(default)]
    pub phases: Vec<Part>,
    /// The same figures for each partner whose requests must be accepted.
    #[serde(default)]
    pub partners: Vec<Part>,
    /// What became of the partners' tokens.
    #[serde(default)]
    pub tokens: Tokens,
    /// What landfall's own load threads did.
    pub generator: Generator,
    /// Memory of landfall's process, with the embedded boxes in it, while the load ran; null where the system does not
    /// tell.
    #[serde(default)]
    pub memory: Option<Memory>,
    /// How absence was established.
    pub horizon: Horizon,
    /// Each rule and what was seen.
    pub checks: Vec<CheckResult>,
    /// Faults that were to be shown.
    pub faults: Vec<FaultReport>,
    /// What was found wrong, with evidence.
    pub findings: Vec<Finding>,
    /// The boxes of the path.
    pub boxes: Vec<BoxReport>,
    /// Where it ran.
    pub machine: Machine,
    /// Versions of what took part.
    pub versions: std::collections::BTreeMap<String, String>,
    /// What a reader must know to use the figures rightly.
    pub notes: Vec<String>,
}

/// Verdict of a check or a run. The order is that of precedence: the gravest wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It holds.
    Pass,
    /// The data cannot decide.
    Inconclusive,
    /// landfall was itself too slow for the figure to mean anything.
    Invalid,
    /// It does not hold.
    Fail,
}

impl Verdict {
    /// The verdict in lower case, as the JSON has it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Inconclusive => "inconclusive",
            Self::Invalid => "invalid",
            Self::Fail => "fail",
        }
    }
}

/// Records by disposition, and the flags counted on those that were found.
///
/// sent = acked + refused + unknown; acked = landed + lost + unverifiable; refused = leaked + absent;
/// unknown = `unknown_landed` + `unknown_absent`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Records {
    /// Records of which at least one attempt was begun.
    pub sent: u64,
    /// Acknowledged.
    pub acked: u64,
    /// Refused.
    pub refused: u64,
    /// Neither can be told.
    pub unknown: u64,
    /// Acked and found.
    pub landed: u64,
    /// Acked and not there.
    pub lost: u64,
    /// Acked, and whether it is there could not be looked up.
    pub unverifiable: u64,
    /// Refused and found.
    pub leaked: u64,
    /// Refused and not there.
    pub absent: u64,
    /// Unknown and found.
    pub unknown_landed: u64,
    /// Unknown and not there.
    pub unknown_absent: u64,
    /// Found more than once.
    pub duplicated: u64,
    /// Of these, found more often than it was sent: the path made the copy.
    pub duplicated_beyond_attempts: u64,
    /// Found with other content.
    pub corrupted: u64,
    /// Found, but not where the ack said, or not where the request asked.
    pub misplaced: u64,
    /// Found before an earlier record of the same key and partition.
    pub reordered: u64,
    /// Found equal as JSON, with other bytes.
    pub rewritten: u64,
    /// Acked without a position by one of their answers, so that nothing can be said of their place by that.
    #[serde(default)]
    pub unpositioned: u64,
    /// In the topics, and not of this run.
    pub foreign: u64,
}

/// A run that was killed, as its journal tells of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Recovery {
    /// The last moment that the journal tells of, in microseconds after the run's origin.
    pub last_us: u64,
    /// Requests that were to be tried again.
    pub open_requests: u64,
    /// Requests that may have been sent, and of which nothing was written down: these and no others.
    pub unjournaled_requests: u64,
    /// Their records; they are among `records.unknown`.
    pub unjournaled_records: u64,
    /// Of these, the ones that were found; they are among `records.unknown_landed`.
    pub unjournaled_landed: u64,
    /// Why the journal could not be read to its end, if it could not.
    pub damage: Option<String>,
}

/// Access tokens: all zero where the path has no identity provider.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tokens {
    /// Tokens fetched, the first of each partner included.
    pub fetched: u64,
    /// Of these, the ones that took the place of a token which had been refused before its time, as the partner's `renew_on`
    /// says.
    #[serde(default)]
    pub replaced: u64,
    /// Renewals that failed.
    pub failed: u64,
    /// From asking for a token to having it or knowing that there is none, over all fetches.
    pub fetch_us: Quantiles,
    /// The most renewals that were begun within a second; 0 where none was.
    pub storms: u64,
    /// The longest time for which a partner that renews its token had no valid one, in microseconds.
    pub unarmed_us: u64,
    /// Partners that were without a valid token for a time because renewals failed or took too long.
    pub unarmed: u64,
    /// How often the keys of landfall's own identity provider were asked for; not there where another one is used, or none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub key_fetches: Option<u64>,
}

/// Memory that a process has resident.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Memory {
    /// When the load began, in bytes.
    pub start_bytes: u64,
    /// At most, of what was seen four times a second until the run was settled, in bytes.
    pub peak_bytes: u64,
}

/// How it was established that an absent record is absent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Horizon {
    /// A sentence.
    pub statement: String,
    /// How long landfall waited after the last answer, in microseconds.
    pub waited_us: u64,
    /// Whether every partition was read up to its high watermark.
    pub complete: bool,
    /// Topics that Kafka compacts: a record that is not there may have been replaced.
    #[serde(default)]
    pub compacted: u64,
    /// Records found that belong to no ack, in topics of workloads whose records carry no identity: copies and leaks
    /// may be among them.
    #[serde(default)]
    pub unattributed: u64,
    /// Records whose order was not checked, since too many were out of the order of their offsets and of their times.
    #[serde(default)]
    pub order_unchecked: u64,
}

/// A rule and what was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CheckResult {
    /// The metric.
    pub name: String,
    /// Whether it holds.
    pub verdict: Verdict,
    /// The value, as people read it.
    pub seen: String,
    /// The limit with its comparison, as people read it.
    pub limit: String,
    /// Why the verdict is not simply pass or fail.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub because: Option<String>,
}

impl CheckResult {
    /// What was seen, and the limit, in a sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        let Self { name, verdict: _, seen, limit, because } = self;
        match because {
            Some(because) => format!("{name} is {seen}, limit {limit}: {because}"),
            None => format!("{name} is {seen}, limit {limit}"),
        }
    }
}

/// A fault and how often it took effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FaultReport {
    /// Which box showed it.
    #[serde(rename = "box")]
    pub box_name: String,
    /// Which fault.
    pub kind: String,
    /// How often it took effect, counted by the double: in records, requests or otherwise, as the fault's documentation
    /// says.
    pub injected: u64,
    /// The metric that must show the same number; null where there is nothing to find.
    pub expected_finding: Option<String>,
}

/// A box of the path.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BoxReport {
    /// `idp`, `gateway`, …
    pub name: String,
    /// `embedded`, `container`, `external` or `none`.
    pub kind: String,
    /// Where it listens, without credentials.
    pub endpoint: Option<String>,
    /// How long it took to start, in microseconds; of a container, until it could be used, 0 where it never could.
    pub start_us: u64,
    /// When it was taken into service, in milliseconds after the load began, or started, where it never was; not there where it was
    /// there from the beginning.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub since_ms: Option<u64>,
    /// What it was started from; not there where it is no container.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub container: Option<ContainerReport>,
}

/// What a container was started from, and what it may have.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ContainerReport {
    /// The image, as it was asked for.
    pub image: String,
    /// The image's id: the digest of its configuration.
    pub image_id: String,
    /// The profile by which its answers would be judged, as its adapter says; not there where it says none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub profile: Option<String>,
    /// The image's digest at its registry; null where it was built or loaded on this machine.
    pub digest: Option<String>,
    /// CPUs that it may use; null: all.
    pub cpus: Option<f64>,
    /// Memory that it may use, in bytes; null: all.
    pub memory_bytes: Option<u64>,
    /// What it used while the load ran; not there where nobody tells.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub telemetry: Option<Telemetry>,
    /// How it ended, where it did not run any more when the run was settled.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ended: Option<String>,
    /// The last lines that it printed, without secrets; there only where it had ended, or where the run failed.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub log_end: Vec<String>,
}
