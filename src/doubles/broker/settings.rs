//! The configuration of a topic: which settings there are, what they mean here, how they are described.
//!
//! Names, types and defaults are those of the Kafka documentation, "Topic Configs". The settings that
//! shape what a client sees are acted on; those about files, replication and time-driven clean-up are
//! accepted and described, and change nothing in a broker that keeps everything in memory.

use std::collections::BTreeMap;

use super::config::KafkaVersion;

/// Type of a setting, as `DescribeConfigs` numbers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Boolean = 1,
    String = 2,
    Int = 3,
    Long = 5,
    Double = 6,
    List = 7,
}

/// A setting that a topic may have.
#[derive(Debug)]
pub(super) struct Definition {
    pub(super) name: &'static str,
    pub(super) default: &'static str,
    pub(super) kind: Kind,
    /// The broker's setting that the default stands in for.
    pub(super) synonym: &'static str,
    /// The one version that has it, or has this default; `None`: all have.
    only: Option<KafkaVersion>,
}

const fn define(name: &'static str, default: &'static str, kind: Kind, synonym: &'static str) -> Definition {
    Definition { name, default, kind, synonym, only: None }
}

/// A setting that only Kafka 3 has, or has with this default.
const fn gone(name: &'static str, default: &'static str, kind: Kind, synonym: &'static str) -> Definition {
    Definition { only: Some(KafkaVersion::V3_9), ..define(name, default, kind, synonym) }
}

/// The same of Kafka 4.
const fn new(name: &'static str, default: &'static str, kind: Kind, synonym: &'static str) -> Definition {
    Definition { only: Some(KafkaVersion::V4_1), ..define(name, default, kind, synonym) }
}

/// Every setting that a version has, by name.
pub(super) fn definitions(version: KafkaVersion) -> impl Iterator<Item = &'static Definition> {
    DEFINITIONS.iter().filter(move |definition| definition.only.is_none_or(|only| only == version))
}

/// Every setting, by name.
const DEFINITIONS: &[Definition] = &[
    define("cleanup.policy", "delete", Kind::List, "log.cleanup.policy"),
    define("compression.gzip.level", "-1", Kind::Int, "compression.gzip.level"),
    define("compression.lz4.level", "9", Kind::Int, "compression.lz4.level"),
    define("compression.type", "producer", Kind::String, "compression.type"),
    define("compression.zstd.level", "3", Kind::Int, "compression.zstd.level"),
    define("delete.retention.ms", "86400000", Kind::Long, "log.cleaner.delete.retention.ms"),
    define("file.delete.delay.ms", "60000", Kind::Long, "log.segment.delete.delay.ms"),
    define("flush.messages", "9223372036854775807", Kind::Long, "log.flush.interval.messages"),
    define("flush.ms", "9223372036854775807", Kind::Long, "log.flush.interval.ms"),
    define(
        "follower.replication.throttled.replicas",
        "",
        Kind::List,
        "follower.replication.throttled.replicas",
    ),
    define("index.interval.bytes", "4096", Kind::Int, "log.index.interval.bytes"),
    define("leader.replication.throttled.replicas", "", Kind::List, "leader.replication.throttled.replicas"),
    define("local.retention.bytes", "-2", Kind::Long, "log.local.retention.bytes"),
    define("local.retention.ms", "-2", Kind::Long, "log.local.retention.ms"),
    define("max.compaction.lag.ms", "9223372036854775807", Kind::Long, "log.cleaner.max.compaction.lag.ms"),
    define("max.message.bytes", "1048588", Kind::Int, "message.max.bytes"),
    gone("message.downconversion.enable", "true", Kind::Boolean, "log.message.downconversion.enable"),
    gone("message.format.version", "3.0-IV1", Kind::String, "log.message.format.version"),
    // An hour since Kafka 4 (KIP-1030).
    gone(
        "message.timestamp.after.max.ms",
        "9223372036854775807",
        Kind::Long,
        "log.message.timestamp.after.max.ms",
    ),
    new("message.timestamp.after.max.ms", "3600000", Kind::Long, "log.message.timestamp.after.max.ms"),
    define(
        "message.timestamp.before.max.ms",
        "9223372036854775807",
        Kind::Long,
        "log.message.timestamp.before.max.ms",
    ),
    gone(
        "message.timestamp.difference.max.ms",
        "9223372036854775807",
        Kind::Long,
        "log.message.timestamp.difference.max.ms",
    ),
    define("message.timestamp.type", "CreateTime", Kind::String, "log.message.timestamp.type"),
    define("min.cleanable.dirty.ratio", "0.5", Kind::Double, "log.cleaner.min.cleanable.ratio"),
    define("min.compaction.lag.ms", "0", Kind::Long, "log.cleaner.min.compaction.lag.ms"),
    define("min.insync.replicas", "1", Kind::Int, "min.insync.replicas"),
    define("preallocate", "false", Kind::Boolean, "log.preallocate"),
    define("remote.log.copy.disable", "false", Kind::Boolean, "remote.log.copy.disable"),
    define("remote.log.delete.on.disable", "false", Kind::Boolean, "remote.log.delete.on.disable"),
    define("remote.storage.enable", "false", Kind::Boolean, "remote.storage.enable"),
    define("retention.bytes", "-1", Kind::Long, "log.retention.bytes"),
    define("retention.ms", "604800000", Kind::Long, "log.retention.ms"),
    define("segment.bytes", "1073741824", Kind::Int, "log.segment.bytes"),
    define("segment.index.bytes", "10485760", Kind::Int, "log.index.size.max.bytes"),
    define("segment.jitter.ms", "0", Kind::Long, "log.roll.jitter.ms"),
    define("segment.ms", "604800000", Kind::Long, "log.roll.ms"),
    define("unclean.leader.election.enable", "false", Kind::Boolean, "unclean.leader.election.enable"),
];

/// A topic's settings, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Settings {
    given: BTreeMap<String, String>,
    /// Longest batch that is accepted, in bytes, header included.
    pub(super) max_message_bytes: usize,
    /// Whether `cleanup.policy` names `compact`, so that every record needs a key.
    pub(super) compact: bool,
    /// Whether timestamps are the broker's.
    pub(super) log_append_time: bool,
    /// How many replicas must be in sync where a producer waits for all of them.
    pub(super) min_insync_replicas: usize,
    /// Bound of each partition, in bytes.
    pub(super) retention_bytes: Option<u64>,
    /// How far a producer's timestamp may lie ahead of the broker's clock, in milliseconds.
    pub(super) after_max_ms: i64,
    /// How far it may lie behind.
    pub(super) before_max_ms: i64,
}

impl Settings {
    /// Checks the settings `given`; all others have the default of this version.
    ///
    /// # Errors
    /// A sentence that names the setting and what is wrong with its value.
    pub(super) fn new(given: BTreeMap<String, String>, version: KafkaVersion) -> Result<Self, String> {
        for (name, value) in &given {
            let known = DEFINITIONS.iter().find(|definition| definition.name == name);
            let definition = known.ok_or_else(|| format!("unknown topic config name: {name}"))?;
            check(definition, value)
                .map_err(|wanted| format!("invalid value {value} for configuration {name}: {wanted}"))?;
        }
        let compact = list(value_of(&given, version, "cleanup.policy")).any(|policy| policy == "compact");
        let number = |name| value_of(&given, version, name).parse().unwrap_or(i64::MAX);
        Ok(Self {
            max_message_bytes: usize::try_from(number("max.message.bytes")).unwrap_or(0),
            compact,
            log_append_time: value_of(&given, version, "message.timestamp.type") == "LogAppendTime",
            min_insync_replicas: usize::try_from(number("min.insync.replicas")).unwrap_or(1),
            retention_bytes: u64::try_from(number("retention.bytes")).ok(),
            after_max_ms: number("message.timestamp.after.max.ms"),
            before_max_ms: number("message.timestamp.before.max.ms"),
            given,
        })
    }

    /// The value that was given for a setting, if one was.
    pub(super) fn given(&self, name: &str) -> Option<&str> {
        self.given.get(name).map(String::as_str)
    }
}

fn value_of<'a>(given: &'a BTreeMap<String, String>, version: KafkaVersion, name: &str) -> &'a str {
    let default = definitions(version).find(|definition| definition.name == name);
    given.get(name).map_or(default.map_or("", |definition| definition.default), String::as_str)
}

fn list(value: &str) -> impl Iterator<Item = &str> {
    value.split(',').map(str::trim)
}

/// What a value should have been, where it is not.
fn check(definition: &Definition, value: &str) -> Result<(), &'static str> {
    let at_least = |least: i64, number: Result<i64, _>| number.is_ok_and(|number: i64| number >= least);
    let least = match definition.name {
        "retention.bytes" | "retention.ms" | "compression.gzip.level" => -1,
        "local.retention.bytes" | "local.retention.ms" => -2,
        "segment.ms" | "min.insync.replicas" | "max.compaction.lag.ms" => 1,
        _ => 0,
    };
    let (good, wanted) = match (definition.name, definition.kind) {
        ("cleanup.policy", _) => {
            (list(value).all(|policy| matches!(policy, "delete" | "compact")), "a list of delete and compact")
        }
        ("message.timestamp.type", _) => {
            (matches!(value, "CreateTime" | "LogAppendTime"), "CreateTime or LogAppendTime")
        }
        ("compression.type", _) => {
            (value == "producer", "producer, since this broker keeps batches as they come")
        }
        (_, Kind::Boolean) => (matches!(value, "true" | "false"), "true or false"),
        (_, Kind::Double) => {
            (value.parse::<f64>().is_ok_and(|ratio| (0.0..=1.0).contains(&ratio)), "a ratio from 0 to 1")
        }
        (_, Kind::Int) => {
            (at_least(least, value.parse::<i32>().map(i64::from).map_err(drop)), "a 32-bit number in range")
        }
        (_, Kind::Long) => (at_least(least, value.parse().map_err(drop)), "a 64-bit number in range"),
        (_, Kind::String | Kind::List) => (true, ""),
    };
    if good { Ok(()) } else { Err(wanted) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(pairs: &[(&str, &str)]) -> Result<Settings, String> {
        let given = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Settings::new(given, KafkaVersion::V4_1)
    }

    #[test]
    fn the_defaults_are_kafkas_and_good_themselves() {
        for definition in DEFINITIONS {
            assert_eq!(check(definition, definition.default), Ok(()), "{}", definition.name);
        }
        let plain = settings(&[]).unwrap();
        assert_eq!((plain.max_message_bytes, plain.retention_bytes), (1_048_588, None));
        assert!(!plain.compact && !plain.log_append_time);
        assert_eq!((plain.after_max_ms, plain.before_max_ms), (3_600_000, i64::MAX));
        let older = Settings::new(BTreeMap::new(), KafkaVersion::V3_9).unwrap();
        assert_eq!(older.after_max_ms, i64::MAX);
    }

    #[test]
    fn given_values_count() {
        let set = settings(&[
            ("cleanup.policy", "delete, compact"),
            ("message.timestamp.type", "LogAppendTime"),
            ("retention.bytes", "1000"),
            ("max.message.bytes", "500"),
        ])
        .unwrap();
        assert!(set.compact && set.log_append_time);
        assert_eq!((set.max_message_bytes, set.retention_bytes), (500, Some(1000)));
        assert_eq!((set.given("retention.bytes"), set.given("retention.ms")), (Some("1000"), None));
    }

    #[test]
    fn bad_names_and_values_are_named() {
        for (name, value) in [
            ("no.such.setting", "1"),
            ("cleanup.policy", "shred"),
            ("message.timestamp.type", "createtime"),
            ("max.message.bytes", "-1"),
            ("max.message.bytes", "3000000000"),
            ("retention.bytes", "-2"),
            ("retention.bytes", "many"),
            ("compression.type", "gzip"),
            ("preallocate", "yes"),
            ("min.cleanable.dirty.ratio", "2"),
        ] {
            let error = settings(&[(name, value)]).unwrap_err();
            assert!(error.contains(name), "{error}");
        }
    }
}
