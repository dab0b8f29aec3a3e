//! The workload: who sends what to which topic, how fast and for how long.

mod arrivals;
mod identity;
mod key;
mod payload;
mod phases;
mod sizes;
mod transport;

pub(super) use key::read_pointer;

use std::path::PathBuf;

use super::decode::Item;
use super::error::{Problems, nearest, quoted};
use super::model::{Format, PayloadSource, PayloadSpec, RecordsPerRequest, TopicSpec, Workload};

use identity::{check_identity, default_place, read_identity};
use payload::{read_format, read_payload};
use phases::read_phases;
use sizes::read_sizes;
use transport::{read_connections, read_protocol, read_retry, read_timeouts};

/// What people may expect in a workload, and what there is instead.
const REFUSED: [(&str, &str); 5] = [
    ("rate", "the rate stands in `arrivals`: write `arrivals: { constant: 400/s }`"),
    ("duration", "the duration is called `for`: write `for: 10s`"),
    ("retries", "further attempts are called `retry`: write `retry: { times: 3, wait: 100ms }`"),
    ("warmup", "a phase warms up: write `phases: [{ name: warm, warmup: true, … }, …]`"),
    ("abort_when", "it stands at the top level of the scenario, and stops the whole load"),
];

/// The names of topics or partners that a workload may refer to.
#[derive(Debug, Default)]
pub(super) struct Names {
    pub(super) names: Vec<String>,
    /// Whether all of them could be read; if not, nothing is said about a name that is not among them.
    pub(super) complete: bool,
}

impl Names {
    /// The index of the name that `item` holds.
    pub(super) fn find(&self, item: &Item<'_>, what: &str, problems: &mut Problems) -> Option<usize> {
        let name = item.text(problems)?;
        let index = self.names.iter().position(|known| known == name);
        if index.is_none() && self.complete {
            let names: Vec<&str> = self.names.iter().map(String::as_str).collect();
            item.suggest(problems, format!("there is no {what} {}", quoted(name)), nearest(name, &names));
        }
        index
    }
}

/// Reads one workload, whose `partner` is the place among the `partners` as the file lists them. Values that have been
/// reported are filled with anything.
pub(super) fn read_workload(
    item: &Item<'_>,
    partners: &Names,
    topics: &Names,
    topic_specs: &[TopicSpec],
    speaks_http2: bool,
    problems: &mut Problems,
) -> Option<Workload> {
    let mut fields = item.fields(problems)?;
    let partner = fields
        .required("partner", "NAME", problems)
        .and_then(|item| partners.find(&item, "partner", problems));
    let topic =
        fields.required("topic", "NAME", problems).and_then(|item| topics.find(&item, "topic", problems));
    let format = fields
        .required("format", "v2-json", problems)
        .and_then(|item| read_format(&item, problems))
        .unwrap_or(Format::V2Json);
    let payload = fields
        .required("payload", "{ file: records.ndjson }", problems)
        .and_then(|item| read_payload(&item, format, problems))
        .unwrap_or(PayloadSpec { source: PayloadSource::Ndjson(PathBuf::new()), key: None, timestamp: None });
    let identity_item = fields.optional("identity");
    let identity =
        identity_item.as_ref().and_then(|item| read_identity(item, problems)).unwrap_or_else(default_place);
    if let Some(item) = &identity_item {
        check_identity(item, &identity, format, &payload, problems);
    }
    let records_per_request = fields
        .optional("records_per_request")
        .and_then(|item| read_sizes(&item, problems))
        .unwrap_or(RecordsPerRequest::Fixed(1));
    let partition = fields
        .optional("partition")
        .and_then(|item| read_partition(&item, topic.and_then(|topic| topic_specs.get(topic)), problems));
    let phases = read_phases(&mut fields, problems);
    let retry = read_retry(&mut fields, problems);
    let protocol = read_protocol(&mut fields, speaks_http2, problems);
    let connections = read_connections(&mut fields, protocol, &phases, problems);
    let timeouts = read_timeouts(&mut fields, problems);
    fields.finish(&REFUSED, problems);
    Some(Workload {
        place: 0,
        partner: partner.unwrap_or(0),
        topic: topic.unwrap_or(0),
        format,
        payload,
        identity,
        records_per_request,
        partition,
        phases,
        retry,
        protocol,
        connections,
        timeouts,
    })
}

fn read_partition(item: &Item<'_>, topic: Option<&TopicSpec>, problems: &mut Problems) -> Option<i32> {
    let partition = item.integer(&(0..=9999), problems)?;
    if let Some(topic) = topic
        && partition >= topic.partitions
    {
        let last = topic.partitions - 1;
        let message = format!("the topic {} has the partitions 0 to {last} only", quoted(&topic.name));
        item.fail(problems, format!("must be one of the topic's, and is {partition}; {message}"));
        return None;
    }
    Some(partition)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// The only workload of a scenario, its fields as in `fields` after those that are required.
    pub(super) fn workload(arrivals: &str, duration: &str, fields: &str) -> Result<Workload, String> {
        overridden(arrivals, duration, fields, &[])
    }

    pub(super) fn overridden(
        arrivals: &str,
        duration: &str,
        fields: &str,
        sets: &[String],
    ) -> Result<Workload, String> {
        bare(&format!("    arrivals: {arrivals}\n    for: {duration}\n{fields}"), sets)
    }

    /// The only workload of a scenario, which says nothing of itself but partner, topic, format and `fields`.
    pub(super) fn bare(fields: &str, sets: &[String]) -> Result<Workload, String> {
        let text = format!(
            "version: 1\nname: x\ntopics: [{{ name: t, partitions: 3 }}]\n\
             partners: [{{ name: p, secret: generated }}]\nworkload:\n  - partner: p\n    topic: t\n    \
             format: v2-json\n{fields}"
        );
        crate::scenario::parse(&text, Path::new("a/x"), sets, &|_| unreachable!("extends nothing"))
            .map(|scenario| scenario.workloads[0].clone())
            .map_err(|error| error.to_string())
    }

    pub(super) fn with(fields: &str) -> Result<Workload, String> {
        workload("{ constant: 1/s }", "1s", &format!("    payload: {{ file: r }}\n{fields}"))
    }

    #[test]
    fn a_partition_is_one_of_the_topics() {
        let partition =
            |text: &str| with(&format!("    partition: {text}\n")).map(|workload| workload.partition);
        assert_eq!(partition("0"), Ok(Some(0)));
        assert_eq!(partition("2"), Ok(Some(2)));
        assert!(partition("3").unwrap_err().contains("has the partitions 0 to 2 only"));
        assert!(partition("-1").is_err());
    }
}
