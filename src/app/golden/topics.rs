//! The topics that must stand before a corpus is played, and whether there must be a schema registry.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::conform::golden::{Recording, topic_of};
use crate::doubles::registry::Words;

/// The corpora that ship.
const SHIPPED: &str = include_str!("../../../fixtures/golden/topics.yaml");

/// A topic of a corpus.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::app) struct CorpusTopic {
    /// Name.
    pub name: String,
    /// Number of partitions.
    pub partitions: i32,
    /// Settings that are not the broker's defaults.
    #[serde(default)]
    pub configs: BTreeMap<String, String>,
}

/// What must stand before a corpus is played.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::app) struct Stage {
    /// Topics.
    pub topics: Vec<CorpusTopic>,
    /// Topics that Kafka makes for itself; only an embedded broker is given them.
    pub internal: Vec<CorpusTopic>,
    /// The schema registry behind the proxy; `None`: none could be reached.
    pub registry: Option<Words>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Corpus {
    #[serde(rename = "corpus")]
    _name: String,
    #[serde(default)]
    registry: Option<CorpusRegistry>,
    topics: Vec<CorpusTopic>,
    #[serde(default)]
    internal: Vec<CorpusTopic>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum CorpusRegistry {
    Confluent,
    Karapace,
}

/// Reads a file with a list of topics.
///
/// # Errors
/// What is wrong with it, with line and column.
pub(super) fn read(text: &str) -> Result<Vec<CorpusTopic>, String> {
    serde_saphyr::from_str(text).map_err(|error| error.to_string())
}

/// What the corpus needs that ships and names most of the topics in the recordings' paths; where none names any, the topics
/// that records landed in, with as many partitions as were seen.
pub(super) fn of(recordings: &[Recording]) -> Stage {
    let corpora: Vec<Corpus> = serde_saphyr::from_str(SHIPPED).expect("what ships can be read");
    let in_paths: Vec<String> = recordings.iter().filter_map(|row| topic_of(&row.request)).collect();
    let uses = |corpus: &Corpus| {
        let names: BTreeSet<&str> = corpus.topics.iter().map(|topic| topic.name.as_str()).collect();
        in_paths.iter().filter(|topic| names.contains(topic.as_str())).count()
    };
    let best = corpora.into_iter().map(|corpus| (uses(&corpus), corpus)).max_by_key(|(uses, _)| *uses);
    if let Some((1.., corpus)) = best {
        let registry = corpus.registry.map(|registry| match registry {
            CorpusRegistry::Confluent => Words::Confluent,
            CorpusRegistry::Karapace => Words::Karapace,
        });
        return Stage { topics: corpus.topics, internal: corpus.internal, registry };
    }
    let mut seen: BTreeMap<&str, i32> = BTreeMap::new();
    for record in recordings.iter().filter_map(|row| row.landed.as_ref()).flatten() {
        let partitions = seen.entry(&record.topic).or_default();
        *partitions = record.partition.saturating_add(1).max(*partitions);
    }
    let topics = seen.into_iter().map(|(name, partitions)| CorpusTopic {
        name: name.to_owned(),
        partitions,
        configs: BTreeMap::new(),
    });
    Stage { topics: topics.collect(), ..Stage::default() }
}
