//! Where the records' keys come from.

use crate::scenario::decode::{Fields, Item};
use crate::scenario::error::Problems;
use crate::scenario::model::KeySpec;
use crate::scenario::scalar::Resolved;
use crate::scenario::tree::Kind;

/// The most keys that are drawn from: what a double tells apart.
const MOST_KEYS: u64 = 1 << 53;
const STEEPEST: f64 = 10.0;

const POSSIBLE: &str = "possible are a JSON pointer such as `/net`, `{ column: net }`, `{ uniform: 1000 }`, \
                        `{ zipf: { keys: 1000, exponent: 1.1 } }`";

pub(super) fn read_key(item: &Item<'_>, problems: &mut Problems) -> Option<KeySpec> {
    if !matches!(item.node.kind, Kind::Mapping(_)) {
        return read_pointer(item, problems).map(KeySpec::Pointer);
    }
    let mut fields = item.fields(problems)?;
    let sources = (fields.optional("column"), fields.optional("uniform"), fields.optional("zipf"));
    let prefix_item = fields.optional("prefix");
    let prefix = prefix_item.as_ref().and_then(|item| item.text(problems)).unwrap_or_default().to_owned();
    let key = match sources {
        (Some(column), None, None) => {
            if let Some(item) = &prefix_item {
                item.fail(problems, "belongs to keys that are drawn, and a column's are taken as they are");
            }
            column.name(problems).map(|name| KeySpec::Column(name.to_owned()))
        }
        (None, Some(keys), None) => read_count(&keys, problems).map(|keys| KeySpec::Uniform { keys, prefix }),
        (None, None, Some(item)) => {
            item.fields(problems).and_then(|fields| read_zipf(fields, prefix, problems))
        }
        (None, None, None) => {
            item.suggest(problems, "does not say where keys come from", POSSIBLE);
            None
        }
        _ => {
            item.suggest(problems, "names several places, and a key comes from one", POSSIBLE);
            None
        }
    };
    let pointer = "a JSON pointer is written alone: `key: /properties/net`";
    fields.finish(&[("pointer", pointer), ("constant", "a single key is `{ uniform: 1 }`")], problems);
    key
}

fn read_zipf(mut fields: Fields<'_>, prefix: String, problems: &mut Problems) -> Option<KeySpec> {
    let keys = fields.required("keys", "1000", problems).and_then(|item| read_count(&item, problems));
    let exponent =
        fields.required("exponent", "1.1", problems).and_then(|item| read_exponent(&item, problems));
    fields.finish(&[], problems);
    Some(KeySpec::Zipf { keys: keys?, exponent: exponent?, prefix })
}

fn read_count(item: &Item<'_>, problems: &mut Problems) -> Option<u64> {
    item.integer(&(1..=MOST_KEYS), problems)
}

fn read_exponent(item: &Item<'_>, problems: &mut Problems) -> Option<f64> {
    let number = match &item.node.kind {
        Kind::Scalar(scalar) => match scalar.resolve() {
            Resolved::Float(number) => Some(number),
            // A whole number within the range is a double exactly.
            Resolved::Integer(number) => i32::try_from(number).ok().map(f64::from),
            _ => None,
        },
        _ => None,
    };
    let fitting = number.filter(|number| (0.0..=STEEPEST).contains(number));
    if fitting.is_none() {
        item.fail(problems, format!("must be a number from 0 to {STEEPEST}"));
    }
    fitting
}

/// A JSON pointer (RFC 6901, section 3).
pub(in crate::scenario) fn read_pointer(item: &Item<'_>, problems: &mut Problems) -> Option<String> {
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

#[cfg(test)]
mod tests {
    use super::super::tests::workload;
    use super::*;

    fn key(text: &str) -> Result<Option<KeySpec>, String> {
        let fields = format!("    payload: {{ csv: r, key: {text} }}\n");
        workload("{ constant: 1/s }", "1s", &fields).map(|workload| workload.payload.key)
    }

    #[test]
    fn keys_are_json_pointers() {
        for good in ["''", "/", "/a", "/a/0/b", "/~0~1", "'/ä b'"] {
            assert!(matches!(key(good), Ok(Some(KeySpec::Pointer(_)))), "{good}");
        }
        for bad in ["a", "/~", "/~2", "/a~", "5", "[/a]"] {
            assert!(key(bad).is_err(), "{bad}");
        }
        assert_eq!(key("null"), Ok(None));
    }

    #[test]
    fn keys_are_columns_or_drawn() {
        let some = |key| Ok(Some(key));
        assert_eq!(key("{ column: net }"), some(KeySpec::Column("net".into())));
        assert_eq!(key("{ uniform: 1000 }"), some(KeySpec::Uniform { keys: 1000, prefix: String::new() }));
        assert_eq!(
            key("{ zipf: { keys: 9007199254740992, exponent: 1 }, prefix: k- }"),
            some(KeySpec::Zipf { keys: MOST_KEYS, exponent: 1.0, prefix: "k-".into() })
        );
        for (bad, sentence) in [
            ("{}", "does not say where keys come from; possible are"),
            ("{ uniform: 5, column: a }", "names several places"),
            ("{ uniform: 0 }", "must be a whole number from 1"),
            ("{ zipf: { keys: 5 } }", "zipf.exponent: is missing"),
            ("{ zipf: { keys: 5, exponent: -1 } }", "must be a number from 0 to 10"),
            ("{ zipf: { keys: 5, exponent: .nan } }", "must be a number from 0 to 10"),
            ("{ zipf: 5 }", "must be a mapping"),
            ("{ column: a, prefix: k }", "belongs to keys that are drawn"),
            ("{ pointer: /a }", "is written alone"),
            ("{ unifrom: 5 }", "did you mean `uniform`?"),
        ] {
            let error = key(bad).unwrap_err();
            assert!(error.contains(sentence), "{bad}: {error}");
        }
    }

    #[test]
    fn a_column_needs_a_csv_feed() {
        let fields = "    payload: { file: r, key: { column: a } }\n";
        let error = workload("{ constant: 1/s }", "1s", fields).unwrap_err();
        assert!(error.contains("payload.key: a column belongs to `csv`"), "{error}");
    }
}
