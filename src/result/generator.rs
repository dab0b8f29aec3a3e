//! The self-audit: what landfall's own load threads did, and how far their times are to be relied on.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Machine;

/// What the load threads did: the generator confesses.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Generator {
    /// Threads that sent load.
    pub threads: u64,
    /// CPU time of these threads over the time they ran, of the busiest one, 0 to 1.
    pub cpu_share: f64,
    /// Time for which a thread could have run and had no CPU, over the same time, of the one that waited most, 0 to 1;
    /// null where the system does not tell.
    #[serde(default)]
    pub run_queue_share: Option<f64>,
    /// Connections that could not be opened or broke.
    pub socket_errors: u64,
    /// Of these, those that failed for want of something on landfall's machine: file descriptors, ports, memory.
    #[serde(default)]
    pub local_errors: u64,
    /// The last of these, in words.
    #[serde(default)]
    pub local_error: Option<String>,
    /// Requests due that were not begun when draining ended.
    pub unsent: u64,
    /// The most requests that waited for a connection at the end of any second.
    #[serde(default)]
    pub backlog_peak: u64,
    /// Which of its limits it did not keep: what that spoils is not to be relied on, whether a check says so or not.
    #[serde(default)]
    pub exceeded: Vec<ExceededLimit>,
    /// Whether load was closed: its workers wait for answers before they send again.
    #[serde(default)]
    pub closed: bool,
    /// What landfall can do on this machine, where that has been measured.
    #[serde(default)]
    pub calibration: Option<Calibration>,
}

/// A limit that landfall itself did not keep.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ExceededLimit {
    /// What happened, and what to change.
    pub sentence: String,
    /// Whether all that it does is to make times longer, so that those that are short are so in truth.
    pub only_lifts: bool,
}

impl ExceededLimit {
    /// What it does to times, as the end of a sentence that begins with them.
    #[must_use]
    pub fn effect(&self) -> &'static str {
        if self.only_lifts { "may have been shorter" } else { "are not to be relied on" }
    }
}

/// How far a result's times are to be relied on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reliance {
    /// They are what they were.
    Full,
    /// They may be longer than they were.
    UpperBounds,
    /// They may be anything.
    None,
}

impl Generator {
    /// How far its times are to be relied on.
    #[must_use]
    pub fn reliance(&self) -> Reliance {
        if self.exceeded.is_empty() {
            Reliance::Full
        } else if self.exceeded.iter().all(|limit| limit.only_lifts) {
            Reliance::UpperBounds
        } else {
            Reliance::None
        }
    }
}

/// What landfall was measured to be able to do on a machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Calibration {
    /// When, RFC 3339, UTC.
    pub when: String,
    /// How late a load thread wakes up, in microseconds at the 99th percentile.
    pub wakeup_p99_us: u64,
    /// Requests a second up to which the generator keeps its times.
    pub honest_rate_per_s: f64,
    /// The machine that it was measured on.
    pub machine: Machine,
}
