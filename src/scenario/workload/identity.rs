//! Where the records carry their identity.

use super::key::read_pointer;
use crate::scenario::decode::Item;
use crate::scenario::error::{Problems, quoted};
use crate::scenario::model::{Format, IdentityPlace, PayloadSpec};

/// The member that carries a record's identity where the scenario names none.
const DEFAULT_MEMBER: &str = "_landfall";
/// The header that does, where the scenario says that one does.
const DEFAULT_HEADER: &str = "landfall";

/// Where the identity stands if the scenario names no place.
pub(super) fn default_place() -> IdentityPlace {
    IdentityPlace::Member(DEFAULT_MEMBER.to_owned())
}

pub(super) fn read_identity(item: &Item<'_>, problems: &mut Problems) -> Option<IdentityPlace> {
    const POSSIBLE: &str = "possible are `member`, `header`, `key`, `none`, `{ member: name }`, `{ header: name }`, \
                            `{ pointer: /a/b }`";
    if let Some(word) = item.written() {
        return match word {
            "member" => Some(default_place()),
            "header" => Some(IdentityPlace::Header(DEFAULT_HEADER.to_owned())),
            "key" => Some(IdentityPlace::Key),
            "none" => Some(IdentityPlace::None),
            other => {
                item.suggest(problems, format!("{} is no place for an identity", quoted(other)), POSSIBLE);
                None
            }
        };
    }
    let mut fields = item.fields(problems)?;
    let places = (fields.optional("member"), fields.optional("header"), fields.optional("pointer"));
    let place = match places {
        (Some(member), None, None) => {
            member.name(problems).map(|name| IdentityPlace::Member(name.to_owned()))
        }
        (None, Some(header), None) => {
            header.name(problems).map(|name| IdentityPlace::Header(name.to_owned()))
        }
        (None, None, Some(item)) => match read_pointer(&item, problems) {
            Some(pointer) if pointer.is_empty() => {
                item.fail(problems, "must lead to a member of the value, not to the value as a whole");
                None
            }
            pointer => pointer.map(IdentityPlace::Pointer),
        },
        (None, None, None) => {
            item.suggest(problems, "names no place", POSSIBLE);
            None
        }
        _ => {
            item.suggest(problems, "names several places, and an identity stands in one", POSSIBLE);
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
        IdentityPlace::Pointer(_) if !format.is_json() => {
            let remedy = "use `member`, which is a prefix of such values, or `key`";
            item.suggest(problems, "only a JSON value has members that a pointer could lead to", remedy);
        }
        IdentityPlace::Header(_) if !format.is_v3() => {
            let remedy = "use a format of v3, such as `v3-json`, or `member`";
            item.suggest(problems, "requests of v2 cannot carry record headers", remedy);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{overridden, workload};
    use super::*;

    fn of_format(format: &str, identity: &str) -> Result<IdentityPlace, String> {
        let fields = format!("    payload: {{ file: r }}\n    identity: {identity}\n");
        overridden("{ constant: 1/s }", "1s", &fields, &[format!("workload[0].format={format}")])
            .map(|workload| workload.identity)
    }

    #[test]
    fn places_of_the_identity() {
        let place = |text: &str| of_format("v3-json", text);
        assert_eq!(place("member"), Ok(IdentityPlace::Member("_landfall".into())));
        assert_eq!(place("header"), Ok(IdentityPlace::Header("landfall".into())));
        assert_eq!(place("key"), Ok(IdentityPlace::Key));
        assert_eq!(place("none"), Ok(IdentityPlace::None));
        assert_eq!(place("{ member: id }"), Ok(IdentityPlace::Member("id".into())));
        assert_eq!(place("{ header: id }"), Ok(IdentityPlace::Header("id".into())));
        assert_eq!(place("{ pointer: /a~1b/c }"), Ok(IdentityPlace::Pointer("/a~1b/c".into())));
        for bad in [
            "value",
            "{}",
            "{ member: '' }",
            "{ header: ' ' }",
            "{ member: a, pointer: /b }",
            "{ header: a, member: b }",
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
        for format in ["v2-binary", "v3-binary", "v3-string"] {
            let error = of_format(format, "{ pointer: /a }").unwrap_err();
            assert!(error.contains("only a JSON value has members"), "{error}");
            assert_eq!(of_format(format, "key"), Ok(IdentityPlace::Key));
        }
        for format in ["v2-json", "v2-binary"] {
            let error = of_format(format, "header").unwrap_err();
            assert!(error.contains("requests of v2 cannot carry record headers"), "{error}");
        }
    }
}
