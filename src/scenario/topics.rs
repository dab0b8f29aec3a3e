//! Topics: their names, their partitions, and how much they take and keep.

use std::collections::HashMap;
use std::ops::RangeInclusive;

use super::decode::{Fields, Item};
use super::error::{Problems, quoted};
use super::model::{KafkaSpec, StackSpec, TopicSpec};
use super::read::items;
use super::workload::Names;

/// What `max_message_bytes` may be: room for at least one record with its identity, and no more than a proxy
/// can be asked to take in one request.
const MESSAGE: RangeInclusive<u64> = 1 << 10..=100 << 20;

/// What `retention_bytes` may be.
const RETENTION: RangeInclusive<u64> = 1 << 20..=1 << 40;

/// What people may expect of a topic, and what there is instead.
const REFUSED: [(&str, &str); 3] = [
    ("max.message.bytes", "the field is called `max_message_bytes`: write `max_message_bytes: 512KiB`"),
    ("retention.bytes", "the field is called `retention_bytes`: write `retention_bytes: 256MiB`"),
    ("replication", "new topics are replicated as the cluster's own default says"),
];

/// Reads the topics. `stack` is `None` if it could not be read, and nothing is said about its Kafka then.
pub(super) fn read_topics(
    fields: &mut Fields<'_>,
    stack: Option<&StackSpec>,
    problems: &mut Problems,
) -> (Vec<TopicSpec>, Names) {
    let items = items(fields, "topics", "[{ name: quakes, partitions: 6 }]", problems);
    let mut names = Names { names: Vec::new(), complete: !items.is_empty() };
    let mut topics: Vec<TopicSpec> = Vec::new();
    let mut taken = HashMap::new();
    let as_they_are =
        stack.is_some_and(|stack| matches!(stack.kafka, KafkaSpec::External { create_topics: false, .. }));
    for item in &items {
        let topic = read_topic(item, as_they_are, &mut taken, problems);
        names.complete &= topic.is_some();
        if let Some(topic) = topic {
            names.names.push(topic.name.clone());
            topics.push(topic);
        }
    }
    (topics, names)
}

/// Reads one topic. Where topics are used `as_they_are`, nothing of them can be set. `taken` holds the names of
/// those before it, by what Kafka's metrics make of them.
fn read_topic<'t>(
    item: &Item<'t>,
    as_they_are: bool,
    taken: &mut HashMap<String, &'t str>,
    problems: &mut Problems,
) -> Option<TopicSpec> {
    let mut fields = item.fields(problems)?;
    let name_item = fields.required("name", "quakes", problems);
    let name = name_item.as_ref().and_then(|item| read_topic_name(item, problems));
    let partitions =
        fields.optional("partitions").map_or(Some(1), |item| item.integer(&(1..=10_000), problems));
    let max_message_bytes = read_size(&mut fields, "max_message_bytes", &MESSAGE, as_they_are, problems);
    let retention_bytes = read_size(&mut fields, "retention_bytes", &RETENTION, as_they_are, problems);
    fields.finish(&REFUSED, problems);
    let (name_item, name) = (name_item?, name?);
    // Kafka's metrics write `.` as `_`, so it refuses topics that differ in nothing else
    // (org.apache.kafka.common.internals.Topic.hasCollision).
    if let Some(other) = taken.insert(name.replace('.', "_"), name) {
        let message = if other == name {
            format!("the topic {} is named twice", quoted(name))
        } else {
            format!("Kafka takes {} and {} for the same name", quoted(name), quoted(other))
        };
        name_item.fail(problems, message);
        return None;
    }
    Some(TopicSpec { name: name.to_owned(), partitions: partitions?, max_message_bytes, retention_bytes })
}

fn read_size(
    fields: &mut Fields<'_>,
    name: &'static str,
    range: &RangeInclusive<u64>,
    as_they_are: bool,
    problems: &mut Problems,
) -> Option<u64> {
    let item = fields.optional(name)?;
    if as_they_are {
        let message = "cannot be set, because the topics of this external Kafka are used as they are";
        item.suggest(problems, message, "remove it, or set `stack.kafka.create_topics: true`");
        return None;
    }
    item.size(range, problems)
}

/// A legal name of a topic (`org.apache.kafka.common.internals.Topic.validate`).
fn read_topic_name<'t>(item: &Item<'t>, problems: &mut Problems) -> Option<&'t str> {
    let name = item.text(problems)?;
    let legal = (1..=249).contains(&name.len())
        && name != "."
        && name != ".."
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    if !legal {
        let message = format!("{} is no legal name of a Kafka topic", quoted(name));
        let remedy = "use 1 to 249 of the characters a-z, A-Z, 0-9, `.`, `_`, `-`, but not `.` or `..` alone";
        item.suggest(problems, message, remedy);
    }
    legal.then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn read(topics: &str, more: &str) -> Result<Vec<TopicSpec>, String> {
        let text = format!(
            "version: 1\nname: x\ntopics: {topics}\npartners: [{{ name: p, secret: generated }}]\n\
             workload: [{{ partner: p, topic: t, format: v2-json, payload: {{ file: r }}, \
             arrivals: {{ constant: 1/s }}, for: 1s }}]\n{more}"
        );
        crate::scenario::parse(&text, Path::new("x"), &[], &|_| unreachable!("extends nothing"))
            .map(|scenario| scenario.topics)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn names_of_topics_are_those_that_kafka_takes() {
        let longest = "x".repeat(249);
        for good in ["a", "A.b_c-9", "...", longest.as_str()] {
            assert!(read(&format!("[{{ name: t }}, {{ name: '{good}' }}]"), "").is_ok(), "{good}");
        }
        let too_long = "x".repeat(250);
        for bad in ["", ".", "..", "a b", "ä", "a/b", "t", too_long.as_str()] {
            assert!(read(&format!("[{{ name: t }}, {{ name: '{bad}' }}]"), "").is_err(), "{bad}");
        }
        assert!(read("[{ name: t }, { name: a.b }, { name: a_b }]", "").is_err());
    }

    #[test]
    fn sizes_become_configs_of_the_topic() {
        let topics =
            read("[{ name: t, max_message_bytes: 512KiB, retention_bytes: 256MiB }, { name: u }]", "");
        let configs: Vec<_> = topics.unwrap().iter().map(TopicSpec::configs).collect();
        let expected = [("max.message.bytes", "524288"), ("retention.bytes", "268435456")];
        assert_eq!(configs[0], expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
        assert!(configs[1].is_empty());
    }

    #[test]
    fn sizes_keep_their_limits() {
        for (field, good, bad) in [
            ("max_message_bytes", ["1KiB", "100MiB"], ["1023B", "101MiB"]),
            ("retention_bytes", ["1MiB", "1024GiB"], ["1023KiB", "1025GiB"]),
        ] {
            let topics = |size: &str| read(&format!("[{{ name: t, {field}: {size} }}]"), "");
            assert!(good.iter().all(|size| topics(size).is_ok()), "{field}");
            assert!(bad.iter().all(|size| topics(size).unwrap_err().contains("must be from")), "{field}");
            assert!(topics("4096").unwrap_err().contains("has no unit"), "{field}");
        }
    }

    #[test]
    fn topics_that_landfall_does_not_create_have_the_sizes_they_have() {
        let topics = "[{ name: t, retention_bytes: 1MiB }]";
        let kafka = |more: &str| {
            read(
                topics,
                &format!("stack: {{ kafka: {{ kind: external, bootstrap: 'localhost:1'{more} }} }}\n"),
            )
        };
        assert!(kafka(", create_topics: true").is_ok());
        let error = kafka("").unwrap_err();
        assert!(error.contains("topics[0].retention_bytes: cannot be set"), "{error}");
        assert!(error.contains("`stack.kafka.create_topics: true`"), "{error}");
    }
}
