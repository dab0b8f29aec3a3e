//! What a run began with, as far as settling it needs that: written before the first request.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

use crate::record::TopicPartition;
use crate::result::{FileDigest, FileText, ScenarioRef};
use crate::scenario::{Scenario, Source};
use crate::verify::Baseline;

/// Version of the file's shape.
const SCHEMA: u32 = 1;

/// What a run began with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in crate::app) struct Start {
    schema: u32,
    /// Version of landfall.
    pub(in crate::app) landfall: String,
    /// Run id.
    pub(in crate::app) run: String,
    /// When the run began, RFC 3339, UTC.
    pub(in crate::app) started: String,
    /// The scenario's texts; they hold no secret.
    pub(in crate::app) scenario: Source,
    /// Hash of the effective scenario.
    pub(in crate::app) hash: String,
    /// The files that its records are made of.
    pub(in crate::app) payloads: Vec<PayloadDigest>,
    /// Where each partition ended before the run.
    partitions: Vec<From>,
    /// Topics that may not be read, by place in the scenario.
    forbidden: BTreeMap<u16, String>,
    /// Topics that Kafka compacts, by place in the scenario.
    compacted: BTreeSet<u16>,
    /// The cluster's id, where it tells one.
    cluster: Option<String>,
}

/// A file that records are made of, and what it held.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(in crate::app) struct PayloadDigest {
    pub(in crate::app) path: PathBuf,
    pub(in crate::app) sha256: String,
}

/// Where a partition ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct From {
    topic: u16,
    partition: i32,
    offset: i64,
}

/// Why what a run began with cannot be had.
#[derive(Debug, thiserror::Error)]
pub(in crate::app) enum StartError {
    /// It cannot be read.
    #[error(transparent)]
    Unreadable(#[from] std::io::Error),
    /// It is none.
    #[error("it does not hold what it should: {0}")]
    Content(#[from] serde_json::Error),
    /// Another version.
    #[error("its version is {0}, and this landfall reads version {SCHEMA}")]
    Version(u32),
}

impl Start {
    /// What a run of the scenario begins with. Reads the payloads once more.
    ///
    /// # Errors
    /// Where a payload cannot be read.
    pub(in crate::app) fn new(
        scenario: &Scenario,
        run: &str,
        started: String,
        baseline: &Baseline,
    ) -> std::io::Result<Self> {
        let mut payloads: Vec<PayloadDigest> = Vec::new();
        let mut before: Option<&Path> = None;
        for file in scenario.workloads.iter().filter_map(|workload| workload.payload.source.file()) {
            // The members of a fleet have the same file.
            if before.replace(file) != Some(file) {
                payloads.push(PayloadDigest::of(file)?);
            }
        }
        payloads.sort_unstable();
        payloads.dedup();
        let partitions = baseline.from.iter().map(|(at, offset)| From {
            topic: at.topic,
            partition: at.partition,
            offset: *offset,
        });
        Ok(Self {
            schema: SCHEMA,
            landfall: env!("CARGO_PKG_VERSION").to_owned(),
            run: run.to_owned(),
            started,
            scenario: scenario.source.clone(),
            hash: scenario.hash.clone(),
            payloads,
            partitions: partitions.collect(),
            forbidden: baseline.forbidden.clone(),
            compacted: baseline.compacted.clone(),
            cluster: baseline.cluster.clone(),
        })
    }

    /// Reads what was written.
    ///
    /// # Errors
    /// [`StartError`], as it says.
    pub(in crate::app) fn read(path: &Path) -> Result<Self, StartError> {
        let text = std::fs::read(path)?;
        let Versioned { schema } = serde_json::from_slice(&text)?;
        if schema != SCHEMA {
            return Err(StartError::Version(schema));
        }
        Ok(serde_json::from_slice(&text)?)
    }

    /// The text of the file.
    ///
    /// # Errors
    /// Where a path cannot be written as text.
    pub(in crate::app) fn to_json(&self) -> serde_json::Result<String> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }

    /// The scenario, as results tell of it. Paths are shown from the folder of its own file, so that none tells where
    /// that lies.
    pub(in crate::app) fn told_of(&self, scenario: &Scenario) -> ScenarioRef {
        let folder = self.scenario.path.parent();
        let shown = |path: &Path| {
            let inside = folder.and_then(|folder| path.strip_prefix(folder).ok()).unwrap_or(path);
            inside.display().to_string()
        };
        let text = |(path, text): &(PathBuf, String)| FileText { path: shown(path), text: text.clone() };
        let payload =
            |file: &PayloadDigest| FileDigest { path: shown(&file.path), sha256: file.sha256.clone() };
        ScenarioRef {
            name: scenario.name.clone(),
            hash: self.hash.clone(),
            seed: scenario.seed,
            path: from_here(&self.scenario.path),
            files: self.scenario.files.iter().map(text).collect(),
            sets: self.scenario.sets.clone(),
            payloads: self.payloads.iter().map(payload).collect(),
        }
    }

    /// Where the topics ended before the run.
    pub(in crate::app) fn baseline(&self) -> Baseline {
        let place =
            |from: &From| (TopicPartition { topic: from.topic, partition: from.partition }, from.offset);
        Baseline {
            from: self.partitions.iter().map(place).collect(),
            forbidden: self.forbidden.clone(),
            compacted: self.compacted.clone(),
            cluster: self.cluster.clone(),
        }
    }
}

/// A path from the current folder, if it lies below.
fn from_here(path: &Path) -> Option<String> {
    let here = std::env::current_dir().ok()?;
    let below = path.strip_prefix(&here).ok().map(Path::to_owned);
    // Written with links or `..`, it may lie below all the same.
    let below = below.or_else(|| {
        let (path, here) = (std::fs::canonicalize(path).ok()?, std::fs::canonicalize(&here).ok()?);
        Some(path.strip_prefix(here).ok()?.to_owned())
    });
    below.map(|path| path.display().to_string())
}

#[derive(Deserialize)]
struct Versioned {
    schema: u32,
}

impl PayloadDigest {
    /// That of a file as it is now, by absolute path.
    pub(in crate::app) fn of(file: &Path) -> std::io::Result<Self> {
        let sha256 = hex::encode(digest(&SHA256, &std::fs::read(file)?));
        Ok(Self { path: std::path::absolute(file)?, sha256 })
    }
}
