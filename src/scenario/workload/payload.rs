//! What the records hold: where their values come from, and in which format they are sent.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::key::read_key;
use crate::scenario::decode::{Fields, Item};
use crate::scenario::error::{Problems, quoted};
use crate::scenario::json::json_of;
use crate::scenario::model::{
    CellType, ColumnSpec, Format, KeySpec, PayloadSource, PayloadSpec, TimestampSpec,
};

const FORMATS: [(&str, Format); 5] = [
    ("v2-json", Format::V2Json),
    ("v2-binary", Format::V2Binary),
    ("v3-json", Format::V3Json),
    ("v3-binary", Format::V3Binary),
    ("v3-string", Format::V3String),
];

/// What the cells of a column can become.
#[derive(Debug, Clone, Copy)]
enum Word {
    Cell(CellType),
    NullIfEmpty,
}

const WORDS: [(&str, Word); 4] = [
    ("string", Word::Cell(CellType::String)),
    ("number", Word::Cell(CellType::Number)),
    ("boolean", Word::Cell(CellType::Boolean)),
    ("null-if-empty", Word::NullIfEmpty),
];

/// What people may expect in a payload, and what there is instead.
const REFUSED: [(&str, &str); 4] = [
    ("ndjson", "an NDJSON file is named by `file`"),
    ("json", "a JSON value is a template: write `template: { … }`, or `template_file` for one in a file"),
    ("size", "how long a value is, a template says: write `template: { text: { $text: { length: 1000 } } }`"),
    ("headers", "records carry no headers but their identity: write `identity: header` beside `payload`"),
];

pub(super) fn read_format(item: &Item<'_>, problems: &mut Problems) -> Option<Format> {
    let written = item.written().unwrap_or_default();
    if ["v2-avro", "v2-protobuf", "v2-jsonschema", "v3"].contains(&written) {
        let message = format!("the format {} cannot be sent", quoted(written));
        let names: Vec<String> = FORMATS.iter().map(|(name, _)| quoted(name)).collect();
        item.suggest(problems, message, format!("possible are {}", names.join(", ")));
        return None;
    }
    item.choice(&FORMATS, problems)
}

pub(super) fn read_payload(item: &Item<'_>, format: Format, problems: &mut Problems) -> Option<PayloadSpec> {
    let mut fields = item.fields(problems)?;
    let source = read_source(&mut fields, problems);
    let csv = matches!(source, Some(PayloadSource::Csv { .. }));
    let key_item = fields.optional("key");
    let key = key_item.as_ref().and_then(|item| read_key(item, problems));
    if let (Some(KeySpec::Column(_)), Some(item), Some(_), false) = (&key, &key_item, &source, csv) {
        let remedy = "write a JSON pointer such as `key: /net`";
        item.suggest(problems, "a column belongs to `csv`, and this payload is none", remedy);
    }
    let timestamp = fields.optional("timestamp").and_then(|item| {
        if !format.is_v3() {
            let message = "needs a format of v3: requests of v2 carry no timestamps";
            item.suggest(problems, message, "write for instance `format: v3-json`, or remove it");
        }
        read_timestamp(&item, problems)
    });
    fields.finish(&REFUSED, problems);
    Some(PayloadSpec { source: source?, key, timestamp })
}

/// Timestamps: `{ start: TIME, step: 10ms }`.
fn read_timestamp(item: &Item<'_>, problems: &mut Problems) -> Option<TimestampSpec> {
    let mut fields = item.fields(problems)?;
    let start = fields.required("start", "2026-01-01T00:00:00Z", problems);
    let start_ms = start.and_then(|item| {
        let time: Option<Timestamp> = item.text(problems)?.parse().ok();
        let ms = time.map(Timestamp::as_millisecond).filter(|ms| *ms >= 0);
        if ms.is_none() {
            let message = "must be a time of 1970 or later, with its distance from UTC";
            item.suggest(problems, message, "write for instance `2026-01-01T00:00:00Z`");
        }
        ms
    });
    let day = Duration::from_hours(24);
    let step = match fields.optional("step") {
        Some(item) => item.duration(&(Duration::ZERO..=day), problems).filter(|step| {
            let whole = step.subsec_nanos().is_multiple_of(1_000_000);
            if !whole {
                item.fail(problems, "must be whole milliseconds, as timestamps of Kafka's are");
            }
            whole
        }),
        None => Some(Duration::from_millis(10)),
    };
    fields.finish(&[], problems);
    Some(TimestampSpec { start_ms: start_ms?, step_ms: i64::try_from(step?.as_millis()).unwrap_or(i64::MAX) })
}

/// The one source that is named.
fn read_source(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<PayloadSource> {
    const NAMES: [&str; 4] = ["file", "csv", "template", "template_file"];
    let [file, csv, template, template_file] = NAMES.map(|name| fields.optional(name));
    let types = fields.optional("types");
    let named: Vec<&Item<'_>> = [&file, &csv, &template, &template_file].into_iter().flatten().collect();
    let source = match named.as_slice() {
        [item] => {
            let resolved = |item: &Item<'_>, problems: &mut Problems| {
                item.name(problems).map(|name| item.at().resolve(name))
            };
            if file.is_some() {
                resolved(item, problems).map(PayloadSource::Ndjson)
            } else if csv.is_some() {
                let types = types.as_ref().map(|item| read_types(item, problems)).unwrap_or_default();
                resolved(item, problems).map(|file| PayloadSource::Csv { file, types })
            } else if template.is_some() {
                json_of(item, problems).map(PayloadSource::Template)
            } else {
                resolved(item, problems).map(PayloadSource::TemplateFile)
            }
        }
        [] => {
            let message = "does not say where the records' values come from";
            let remedy = "write for instance `file: records.ndjson`; possible are `file`, `csv`, `template`, \
                          `template_file`";
            problems.suggest(fields.at(), fields.path(), message, remedy);
            None
        }
        [first, second, ..] => {
            let message = format!("cannot stand beside {}", quoted(last_name(&first.path)));
            second.suggest(problems, message, "values come from one place; remove the others");
            None
        }
    };
    if let (Some(types), None) = (&types, &csv) {
        types.fail(problems, "belongs to `csv`, and says what its cells become");
    }
    source
}

fn last_name(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}

/// What the cells of CSV columns become.
fn read_types(item: &Item<'_>, problems: &mut Problems) -> BTreeMap<String, ColumnSpec> {
    let Some(fields) = item.fields(problems) else { return BTreeMap::new() };
    let mut types = BTreeMap::new();
    for (entry, item) in fields.all() {
        if let Some(spec) = read_type(&item, problems) {
            types.insert(entry.key.clone(), spec);
        }
    }
    types
}

/// One word, or a list of them.
fn read_type(item: &Item<'_>, problems: &mut Problems) -> Option<ColumnSpec> {
    let words = if item.written().is_some() { vec![item.clone()] } else { item.list(problems)? };
    let (mut cell, mut null_if_empty) = (None, false);
    for item in &words {
        match item.choice(&WORDS, problems)? {
            Word::NullIfEmpty => null_if_empty = true,
            Word::Cell(_) if cell.is_some() => {
                item.fail(problems, "is a second type, and cells have one");
                return None;
            }
            Word::Cell(named) => cell = Some(named),
        }
    }
    Some(ColumnSpec { cell: cell.unwrap_or(CellType::String), null_if_empty })
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::super::tests::{overridden, with, workload};
    use super::*;

    fn source(payload: &str) -> Result<PayloadSource, String> {
        workload("{ constant: 1/s }", "1s", &format!("    payload: {payload}\n"))
            .map(|workload| workload.payload.source)
    }

    #[test]
    fn the_payload_stands_beside_the_scenario() {
        let file = || PathBuf::from("a/r");
        assert_eq!(with("").map(|workload| workload.payload.source), Ok(PayloadSource::Ndjson(file())));
        assert_eq!(source("{ csv: r }"), Ok(PayloadSource::Csv { file: file(), types: BTreeMap::new() }));
        assert_eq!(source("{ template_file: r }"), Ok(PayloadSource::TemplateFile(file())));
    }

    #[test]
    fn values_come_from_one_place() {
        assert!(source("{ key: /a }").unwrap_err().contains("possible are `file`, `csv`"));
        let two = source("{ file: r, template: {} }").unwrap_err();
        assert!(two.contains("payload.template: cannot stand beside `file`"), "{two}");
        assert!(source("{ ndjson: r }").unwrap_err().contains("is named by `file`"));
        assert!(source("{ file: r, types: { a: number } }").unwrap_err().contains("belongs to `csv`"));
    }

    #[test]
    fn an_inline_template_is_the_json_that_it_says() {
        let template = source("{ template: { id: { $uuid: {} }, amount: 1.50, list: [~, yes] } }");
        let expected = "{\"id\":{\"$uuid\":{}},\"amount\":1.50,\"list\":[null,\"yes\"]}";
        assert_eq!(template, Ok(PayloadSource::Template(serde_json::from_str(expected).unwrap())));
        assert!(
            source("{ template: { a: .nan } }").unwrap_err().contains("payload.template.a: is no number")
        );
    }

    #[test]
    fn cells_have_one_type() {
        let types = |text: &str| match source(&format!("{{ csv: r, types: {text} }}")) {
            Ok(PayloadSource::Csv { types, .. }) => Ok(types),
            Ok(other) => panic!("{other:?}"),
            Err(error) => Err(error),
        };
        let read =
            types("{ a: number, b: null-if-empty, 'c.d': [boolean, null-if-empty], e: string }").unwrap();
        let spec = |name: &str| (read[name].cell, read[name].null_if_empty);
        assert_eq!(spec("a"), (CellType::Number, false));
        assert_eq!(spec("b"), (CellType::String, true));
        assert_eq!(spec("c.d"), (CellType::Boolean, true));
        assert_eq!(spec("e"), (CellType::String, false));
        assert!(types("{ a: [number, boolean] }").unwrap_err().contains("a second type"));
        assert!(types("{ a: nubmer }").unwrap_err().contains("did you mean `number`?"));
        assert!(types("[a]").is_err());
    }

    #[test]
    fn formats() {
        let format = |text: &str| {
            let set = [format!("workload[0].format={text}")];
            overridden("{ constant: 1/s }", "1s", "    payload: { file: r }\n", &set)
                .map(|workload| workload.format)
        };
        for (name, expected) in FORMATS {
            assert_eq!(format(name), Ok(expected));
        }
        assert!(format("v3").unwrap_err().contains("`v3-json`, `v3-binary`, `v3-string`"));
        assert!(format("v3-sting").unwrap_err().contains("did you mean `v3-string`?"));
    }
}
