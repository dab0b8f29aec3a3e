//! Making the catalogue: reading the payloads and templates, and putting the streams of records together.

use std::path::{Path, PathBuf};

use crate::record::{
    Catalogue, Cell, ColumnType, Feed, FeedError, Format, IdentityPlace, Key, KeySpread, Payload, RunId,
    Stream, StreamError, Timestamps,
};
use crate::scenario::{self, CellType, KeySpec, PayloadSource, Scenario, Workload};

/// Why the records of a workload cannot be made.
#[derive(Debug, thiserror::Error)]
#[error("workload[{workload}].payload.{field}: {}{fault}", of_file(.path.as_deref()))]
pub struct PayloadError {
    /// Place in the scenario.
    pub workload: usize,
    /// The field that says where the values come from.
    pub field: &'static str,
    /// The file, if they come from one.
    pub path: Option<PathBuf>,
    /// What is wrong.
    #[source]
    pub fault: Box<PayloadFault>,
}

/// What is wrong with a payload.
#[derive(Debug, thiserror::Error)]
pub enum PayloadFault {
    /// The system does not give the file.
    #[error("cannot be read: {0}; check the path")]
    Unreadable(#[from] std::io::Error),
    /// A template file that is not JSON; the error says where.
    #[error("is not JSON: {0}")]
    NotJson(#[from] serde_json::Error),
    /// A feed.
    #[error(transparent)]
    Feed(#[from] FeedError),
    /// Of this payload no such records can be made.
    #[error(transparent)]
    Stream(#[from] StreamError),
}

fn of_file(path: Option<&Path>) -> String {
    path.map(|path| format!("{}: ", path.display())).unwrap_or_default()
}

/// Reads the payloads of a scenario's workloads and makes the streams of their records.
///
/// # Errors
/// [`PayloadError`] for the first workload whose records cannot be made.
pub fn catalogue(scenario: &Scenario, run: RunId) -> Result<Catalogue, PayloadError> {
    let mut streams: Vec<Stream> = Vec::with_capacity(scenario.workloads.len());
    let mut before: Option<usize> = None;
    for workload in &scenario.workloads {
        // The members of a fleet have the same payloads, which are made once.
        let made = match streams.last().filter(|_| before == Some(workload.place)) {
            Some(of_the_fleet) => of_the_fleet.clone(),
            None => stream(workload).map_err(|fault| PayloadError {
                workload: workload.place,
                field: field(&workload.payload.source),
                path: workload.payload.source.file().cloned(),
                fault: Box::new(fault),
            })?,
        };
        streams.push(made);
        before = Some(workload.place);
    }
    Ok(Catalogue::new(run, scenario.seed, streams))
}

fn stream(workload: &Workload) -> Result<Stream, PayloadFault> {
    match &workload.payload.source {
        PayloadSource::Ndjson(path) => {
            let feed = Feed::parse(&std::fs::read(path)?)?;
            of_payload(workload, (&feed).into())
        }
        PayloadSource::Csv { file, types } => {
            let types = types.iter().map(|(name, spec)| (name.clone(), column_type(*spec))).collect();
            let feed = Feed::parse_csv(&std::fs::read(file)?, &types)?;
            of_payload(workload, (&feed).into())
        }
        PayloadSource::Template(template) => of_payload(workload, Payload::Template(template)),
        PayloadSource::TemplateFile(path) => {
            let template = serde_json::from_slice(&std::fs::read(path)?)?;
            of_payload(workload, Payload::Template(&template))
        }
    }
}

fn of_payload(workload: &Workload, payload: Payload<'_>) -> Result<Stream, PayloadFault> {
    let topic = u16::try_from(workload.topic).unwrap_or(u16::MAX);
    let place = identity_place(&workload.identity);
    let key = workload.payload.key.as_ref().map(key);
    let timestamps =
        workload.payload.timestamp.map(|spec| Timestamps { start_ms: spec.start_ms, step_ms: spec.step_ms });
    Ok(Stream::new(topic, format(workload.format), place, key, payload)?.stamped(timestamps))
}

/// The field of a payload that names its source.
fn field(source: &PayloadSource) -> &'static str {
    match source {
        PayloadSource::Ndjson(_) => "file",
        PayloadSource::Csv { .. } => "csv",
        PayloadSource::Template(_) => "template",
        PayloadSource::TemplateFile(_) => "template_file",
    }
}

fn format(format: scenario::Format) -> Format {
    match format {
        scenario::Format::V2Json | scenario::Format::V3Json => Format::Json,
        scenario::Format::V2Binary | scenario::Format::V3Binary => Format::Binary,
        scenario::Format::V3String => Format::Text,
    }
}

fn identity_place(place: &scenario::IdentityPlace) -> IdentityPlace {
    match place {
        scenario::IdentityPlace::Member(name) => IdentityPlace::Member(name.clone()),
        scenario::IdentityPlace::Pointer(pointer) => IdentityPlace::Pointer(pointer.clone()),
        scenario::IdentityPlace::Header(name) => IdentityPlace::Header(name.clone()),
        scenario::IdentityPlace::Key => IdentityPlace::Key,
        scenario::IdentityPlace::None => IdentityPlace::None,
    }
}

fn key(key: &KeySpec) -> Key {
    match key {
        KeySpec::Pointer(pointer) => Key::Pointer(pointer.clone()),
        KeySpec::Column(column) => Key::Column(column.clone()),
        KeySpec::Uniform { keys, prefix } => {
            Key::Drawn { prefix: prefix.clone(), spread: KeySpread::Uniform { keys: *keys } }
        }
        KeySpec::Zipf { keys, exponent, prefix } => Key::Drawn {
            prefix: prefix.clone(),
            spread: KeySpread::Zipf { keys: *keys, exponent: *exponent },
        },
    }
}

fn column_type(spec: scenario::ColumnSpec) -> ColumnType {
    let cell = match spec.cell {
        CellType::String => Cell::String,
        CellType::Number => Cell::Number,
        CellType::Boolean => Cell::Boolean,
    };
    ColumnType { cell, null_if_empty: spec.null_if_empty }
}
