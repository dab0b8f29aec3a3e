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
const REFUSED: [(&str, &str); 3] = [
    ("rate", "the rate stands in `arrivals`: write `arrivals: { constant: 400/s }`"),
    ("duration", "the duration is called `for`: write `for: 10s`"),
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
    const POSSIBLE: &str = "possible are `member`, `key`, `none`, `{ member: name }`, `{ pointer: /a/b }`";
    if let Some(word) = item.written() {
        return match word {
            "member" => Some(IdentityPlace::Member(DEFAULT_MEMBER.to_owned())),
            "key" => Some(IdentityPlace::Key),
            "none" => Some(IdentityPlace::None),
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// The only workload of a scenario, its fields as in `fields` after those that are required.
    fn workload(arrivals: &str, duration: &str, fields: &str) -> Result<Workload, String> {
        overridden(arrivals, duration, fields, &[])
    }

    fn overridden(arrivals: &str, duration: &str, fields: &str, sets: &[String]) -> Result<Workload, String> {
        let text = format!(
            "version: 1\nname: x\ntopics: [{{ name: t, partitions: 3 }}]\n\
             partners: [{{ name: p, secret: generated }}]\nworkload:\n  - partner: p\n    topic: t\n    \
             format: v2-json\n    arrivals: {arrivals}\n    for: {duration}\n{fields}"
        );
        crate::scenario::parse(&text, Path::new("a/x"), sets, &|_| unreachable!("extends nothing"))
            .map(|scenario| scenario.workloads[0].clone())
            .map_err(|error| error.to_string())
    }

    fn with(fields: &str) -> Result<Workload, String> {
        workload("{ constant: 1/s }", "1s", &format!("    payload: {{ file: r }}\n{fields}"))
    }

    #[test]
    fn arrivals_and_duration() {
        let read = |arrivals, duration| workload(arrivals, duration, "    payload: { file: r }\n");
        let read_rate = |text| read(text, "1s").map(|workload| workload.rate_per_s);
        assert_eq!(read_rate("{ constant: 400/s }"), Ok(400.0));
        assert_eq!(read_rate("{ constant: 30/min }"), Ok(0.5));
        assert_eq!(read_rate("{ constant: 1000000/s }"), Ok(1_000_000.0));
        for bad in [
            "400/s",
            "{ constant: 0/s }",
            "{ constant: 1000001/s }",
            "{ poisson: 1/s }",
            "{}",
            "[1/s]",
            "{ constant: }",
        ] {
            assert!(read_rate(bad).is_err(), "{bad}");
        }
        let read_duration = |text| read("{ constant: 1/s }", text).map(|workload| workload.duration);
        assert_eq!(read_duration("24h"), Ok(Duration::from_hours(24)));
        for bad in ["0s", "24h1ms", "10", "forever"] {
            assert!(read_duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn places_of_the_identity() {
        let place = |text: &str| with(&format!("    identity: {text}\n")).map(|workload| workload.identity);
        assert_eq!(place("member"), Ok(IdentityPlace::Member("_landfall".into())));
        assert_eq!(place("key"), Ok(IdentityPlace::Key));
        assert_eq!(place("none"), Ok(IdentityPlace::None));
        assert_eq!(place("{ member: id }"), Ok(IdentityPlace::Member("id".into())));
        assert_eq!(place("{ pointer: /a~1b/c }"), Ok(IdentityPlace::Pointer("/a~1b/c".into())));
        for bad in [
            "header",
            "{}",
            "{ member: '' }",
            "{ member: a, pointer: /b }",
            "{ pointer: '' }",
            "{ pointer: a }",
            "[key]",
        ] {
            assert!(place(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_place_that_is_taken_or_cannot_be_is_refused() {
        let taken =
            workload("{ constant: 1/s }", "1s", "    payload: { file: r, key: /a }\n    identity: key\n");
        assert!(taken.unwrap_err().contains("`payload.key`"));

        let binary = |identity: &str| {
            let fields = format!("    payload: {{ file: r }}\n    identity: {identity}\n");
            overridden("{ constant: 1/s }", "1s", &fields, &["workload[0].format=v2-binary".to_owned()])
        };
        assert!(binary("{ pointer: /a }").unwrap_err().contains("a binary value has no members"));
        assert_eq!(binary("key").map(|workload| workload.format), Ok(Format::V2Binary));
    }

    #[test]
    fn keys_are_json_pointers() {
        let key = |text: &str| {
            workload("{ constant: 1/s }", "1s", &format!("    payload: {{ file: r, key: {text} }}\n"))
                .map(|workload| workload.payload.key)
        };
        for good in ["''", "/", "/a", "/a/0/b", "/~0~1", "'/ä b'"] {
            assert!(matches!(key(good), Ok(Some(_))), "{good}");
        }
        for bad in ["a", "/~", "/~2", "/a~", "5", "[/a]"] {
            assert!(key(bad).is_err(), "{bad}");
        }
        assert_eq!(key("null"), Ok(None));
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

    #[test]
    fn the_payload_stands_beside_the_scenario() {
        assert_eq!(with("").map(|workload| workload.payload.file), Ok(PathBuf::from("a/r")));
    }

    #[test]
    fn sizes_keep_their_limits() {
        for (field, good, bad) in [
            ("records_per_request", ["1", "10000"], ["0", "10001"]),
            ("connections", ["1", "1000"], ["0", "1001"]),
            ("timeout", ["1ms", "1h"], ["0s", "61m"]),
        ] {
            for value in good {
                assert!(with(&format!("    {field}: {value}\n")).is_ok(), "{field} {value}");
            }
            for value in bad {
                assert!(with(&format!("    {field}: {value}\n")).is_err(), "{field} {value}");
            }
        }
    }
}
