//! What was run, and where: what it takes to run it once more.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The scenario that was run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ScenarioRef {
    /// Name.
    pub name: String,
    /// Hash of the effective scenario.
    pub hash: String,
    /// Seed.
    pub seed: u64,
    /// Where its file stood, from the folder that landfall was started in; `None` where it lay outside.
    #[serde(default)]
    pub path: Option<String>,
    /// The texts that it was read from, its own file first, then those that it extends, comments included. Scenarios hold
    /// no secrets.
    #[serde(default)]
    pub files: Vec<FileText>,
    /// The changes of the command line, each a `path=value`.
    #[serde(default)]
    pub sets: Vec<String>,
    /// The files that its records are made of.
    #[serde(default)]
    pub payloads: Vec<FileDigest>,
}

/// A file and its text.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FileText {
    /// Where it stood, from the folder of the scenario's own file.
    pub path: String,
    /// What it said.
    pub text: String,
}

/// A file and what identifies its content.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FileDigest {
    /// Where it stood, from the folder of the scenario's own file.
    pub path: String,
    /// SHA-256 of its content, in hexadecimal.
    pub sha256: String,
}

/// Where the run took place.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Machine {
    /// Operating system and its release.
    pub system: String,
    /// Processor architecture.
    pub architecture: String,
    /// What the processor is called, where the system tells.
    #[serde(default)]
    pub processor: Option<String>,
    /// Processors that this process may use.
    pub cpus: u64,
    /// Memory in bytes, where the system tells.
    pub memory_bytes: Option<u64>,
}
