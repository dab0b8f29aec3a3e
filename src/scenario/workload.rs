//! The workload: who sends what to which topic, how fast and for how long.

use std::path::PathBuf;
use std::time::Duration;

use super::boxes::duration_or;
use super::decode::Item;
use super::error::{Problems, nearest, quoted};
use super::model::{Format, IdentityPlace, PayloadSpec, TopicSpec, Workload};
use super::quantity::parse_rate;

/// The member that carries a record's identity where the scenario names none.
const DEFAULT_MEMBER: &str = "_landfall";

/// The most requests a second that a workload may ask for.
const FASTEST: f64 = 1_000_000.0;

const FORMATS: [(&str, Format); 2] = [("v2-json", Format::V2Json), ("v2-binary", Format::V2Binary)];

/// What people may expect in a workload, and what there is instead.
const REFUSED: [(&str, &str); 4] = [
    ("rate", "the rate stands in `arrivals`: write `arrivals: { constant: 400/s }`"),
    ("duration", "the duration is called `for`: write `for: 10s`"),
    ("retries", "no request is retried"),
    ("abort_when", "a run is not stopped early; put the rule into `checks`, which are judged at its end"),
];

/// The names of topics or partners that a workload may refer to.
#[derive(Debug)]
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

/// Reads one workload. Values that have been reported are filled with anything.
pub(super) fn read_workload(
    item: &Item<'_>,
    partners: &Names,
    topics: &Names,
    topic_specs: &[TopicSpec],
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
        .and_then(|item| read_payload(&item, problems))
        .unwrap_or(PayloadSpec { file: PathBuf::new(), key: None });
    let identity_item = fields.optional("identity");
    let identity = identity_item
        .as_ref()
        .and_then(|item| read_identity(item, problems))
        .unwrap_or(IdentityPlace::Member(DEFAULT_MEMBER.to_owned()));
    if let Some(item) = &identity_item {
        check_identity(item, &identity, format, &payload, problems);
    }
    let records_per_request = fields
        .optional("records_per_request")
        .and_then(|item| item.integer(&(1..=10_000), problems))
        .unwrap_or(1);
    let partition = fields
        .optional("partition")
        .and_then(|item| read_partition(&item, topic.and_then(|topic| topic_specs.get(topic)), problems));
    let rate_per_s = fields
        .required("arrivals", "{ constant: 400/s }", problems)
        .and_then(|item| read_arrivals(&item, problems))
        .unwrap_or(1.0);
    let shortest = Duration::from_millis(1);
    let duration = fields
        .required("for", "10s", problems)
        .and_then(|item| item.duration(&(shortest..=Duration::from_hours(24)), problems))
        .unwrap_or(shortest);
    let connections =
        fields.optional("connections").and_then(|item| item.integer(&(1..=1000), problems)).unwrap_or(8);
    let range = (shortest, Duration::from_hours(1));
    let timeout = duration_or(&mut fields, "timeout", Duration::from_secs(35), range, problems);
    fields.finish(&REFUSED, problems);
    Some(Workload {
        partner: partner.unwrap_or(0),
        topic: topic.unwrap_or(0),
        format,
        payload,
        identity,
        records_per_request,
        partition,
        rate_per_s,
        duration,
        connections,
        timeout,
    })
}

fn read_format(item: &Item<'_>, problems: &mut Problems) -> Option<Format> {
    let written = item.written().unwrap_or_default();
    if ["v2-avro", "v2-protobuf", "v2-jsonschema", "v3", "v3-json"].contains(&written) {
        let message = format!("the format {} cannot be sent", quoted(written));
        item.suggest(problems, message, "possible are `v2-json`, `v2-binary`");
        return None;
    }
    item.choice(&FORMATS, problems)
}

fn read_payload(item: &Item<'_>, problems: &mut Problems) -> Option<PayloadSpec> {
    let mut fields = item.fields(problems)?;
    let file = fields
        .required("file", "records.ndjson", problems)
        .and_then(|item| Some(item.at().resolve(item.name(problems)?)));
    let key = fields.optional("key").and_then(|item| read_pointer(&item, problems));
    fields.finish(&[], problems);
    Some(PayloadSpec { file: file?, key })
}

/// A JSON pointer (RFC 6901, section 3).
fn read_pointer(item: &Item<'_>, problems: &mut Problems) -> Option<String> {
    let pointer = item.text(problems)?;
    let well_escaped = pointer.split('~').skip(1).all(|after| after.starts_with(['0', '1']));
    if !pointer.is_empty() && !pointer.starts_with('/') {
        let message = "must be a JSON pointer, which starts with `/`";
        item.suggest(problems, message, "write for instance `/properties/net`");
    } else if !well_escaped {
        item.fail(
            problems,
            "must be a JSON pointer, in which `~` is written `~0` and a `/` within a name `~1`",
        );
    } else {
        return Some(pointer.to_owned());
    }
    None
}

fn read_identity(item: &Item<'_>, problems: &mut Problems) -> Option<IdentityPlace> {
    const POSSIBLE: &str = "possible are `member`, `key`, `{ member: name }`, `{ pointer: /a/b }`";
    if let Some(word) = item.written() {
        return match word {
            "member" => Some(IdentityPlace::Member(DEFAULT_MEMBER.to_owned())),
            "key" => Some(IdentityPlace::Key),
            other => {
                item.suggest(problems, format!("{} is no place for an identity", quoted(other)), POSSIBLE);
                None
            }
        };
    }
    let mut fields = item.fields(problems)?;
    let places = (fields.optional("member"), fields.optional("pointer"));
    let place = match places {
        (Some(member), None) => member.name(problems).map(|name| IdentityPlace::Member(name.to_owned())),
        (None, Some(item)) => match read_pointer(&item, problems) {
            Some(pointer) if pointer.is_empty() => {
                item.fail(problems, "must lead to a member of the value, not to the value as a whole");
                None
            }
            pointer => pointer.map(IdentityPlace::Pointer),
        },
        (Some(_), Some(_)) => {
            item.suggest(problems, "names two places, and an identity stands in one", POSSIBLE);
            None
        }
        (None, None) => {
            item.suggest(problems, "names no place", POSSIBLE);
            None
        }
    };
    fields.finish(&[], problems);
    place
}

/// Whether an identity can stand in `place` of such records.
fn check_identity(
    item: &Item<'_>,
    place: &IdentityPlace,
    format: Format,
    payload: &PayloadSpec,
    problems: &mut Problems,
) {
    match place {
        IdentityPlace::Key if payload.key.is_some() => {
            let remedy = "remove `payload.key`, or let the identity stand in a member";
            item.suggest(problems, "the identity cannot be the key, which `payload.key` takes", remedy);
        }
        IdentityPlace::Pointer(_) if format == Format::V2Binary => {
            let remedy = "use `member`, which is a prefix of binary values, or `key`";
            item.suggest(problems, "a binary value has no members that a pointer could lead to", remedy);
        }
        _ => {}
    }
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

fn read_arrivals(item: &Item<'_>, problems: &mut Problems) -> Option<f64> {
    const ONLY: &str = "arrivals are constant only: write `arrivals: { constant: 400/s }`";
    if let Some(rate) = item.written() {
        let suggestion = match parse_rate(rate) {
            Ok(_) => format!("write `arrivals: {{ constant: {rate} }}`"),
            Err(_) => "write for instance `arrivals: { constant: 400/s }`".to_owned(),
        };
        item.suggest(problems, "must be a mapping that says how requests arrive", suggestion);
        return None;
    }
    let mut fields = item.fields(problems)?;
    let constant = fields.required("constant", "400/s", problems);
    let others = ["poisson", "ramp", "step", "steps", "burst", "closed", "trace", "linear", "uniform"];
    fields.finish(&others.map(|name| (name, ONLY)), problems);
    let constant = constant?;
    let rate = constant.quantity("a rate such as 400/s", parse_rate, problems)?;
    if rate <= 0.0 || rate > FASTEST {
        constant.fail(problems, "must be above 0 and at most 1000000 requests a second");
        return None;
    }
    Some(rate)
}
