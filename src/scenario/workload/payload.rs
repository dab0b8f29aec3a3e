//! What the records hold: format, payload, identity.

use crate::scenario::decode::Item;
use crate::scenario::error::{Problems, quoted};
use crate::scenario::model::{Format, IdentityPlace, PayloadSpec};

/// The member that carries a record's identity where the scenario names none.
const DEFAULT_MEMBER: &str = "_landfall";

const FORMATS: [(&str, Format); 2] = [("v2-json", Format::V2Json), ("v2-binary", Format::V2Binary)];

/// Where the identity stands if the scenario names no place.
pub(super) fn default_place() -> IdentityPlace {
    IdentityPlace::Member(DEFAULT_MEMBER.to_owned())
}

pub(super) fn read_format(item: &Item<'_>, problems: &mut Problems) -> Option<Format> {
    let written = item.written().unwrap_or_default();
    if ["v2-avro", "v2-protobuf", "v2-jsonschema", "v3", "v3-json"].contains(&written) {
        let message = format!("the format {} cannot be sent", quoted(written));
        item.suggest(problems, message, "possible are `v2-json`, `v2-binary`");
        return None;
    }
    item.choice(&FORMATS, problems)
}

pub(super) fn read_payload(item: &Item<'_>, problems: &mut Problems) -> Option<PayloadSpec> {
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

pub(super) fn read_identity(item: &Item<'_>, problems: &mut Problems) -> Option<IdentityPlace> {
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
pub(super) fn check_identity(
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

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::super::tests::{overridden, with, workload};
    use super::*;

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
    fn the_payload_stands_beside_the_scenario() {
        assert_eq!(with("").map(|workload| workload.payload.file), Ok(PathBuf::from("a/r")));
    }
}
