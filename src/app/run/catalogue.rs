//! Making the catalogue: reading the payloads and templates, and putting the streams of records together.

use std::path::{Path, PathBuf};

use crate::record::{
    Catalogue, Cell, ColumnType, Feed, FeedError, Format, IdentityPlace, Key, KeySpread, Payload, RunId,
    Stream, StreamError,
};
use crate::scenario::{self, CellType, KeySpec, PayloadSource, Scenario, Workload};

/// Why the records of a workload cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum PayloadError {
    /// A payload file.
    #[error("workload[{workload}].payload.{field}: cannot read {path}: {source}; check the path")]
    Unreadable {
        /// Place in the scenario.
        workload: usize,
        /// The field that names the file.
        field: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A payload file's content.
    #[error("workload[{workload}].payload.{field}: {path}: {source}")]
    Feed {
        /// Place in the scenario.
        workload: usize,
        /// The field that names the file.
        field: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: FeedError,
    },
    /// A template file that is not JSON.
    #[error("workload[{workload}].payload.template_file: {path} is not JSON: {source}")]
    NotJson {
        /// Place in the scenario.
        workload: usize,
        /// The file.
        path: PathBuf,
        /// What the parser says, with line and column.
        #[source]
        source: serde_json::Error,
    },
    /// A payload of which no such records can be made.
    #[error("workload[{workload}].payload.{field}: {}{source}", of_file(.path.as_deref()))]
    Stream {
        /// Place in the scenario.
        workload: usize,
        /// The field that says where the values come from.
        field: &'static str,
        /// The file, if they come from one.
        path: Option<PathBuf>,
        /// What is wrong.
        #[source]
        source: StreamError,
    },
}

fn of_file(path: Option<&Path>) -> String {
    path.map(|path| format!("{}: ", path.display())).unwrap_or_default()
}

/// Reads the payloads of a scenario's workloads and makes the streams of their records.
///
/// # Errors
/// [`PayloadError`] for the first workload whose records cannot be made.
pub fn catalogue(scenario: &Scenario, run: RunId) -> Result<Catalogue, PayloadError> {
    let streams = scenario.workloads.iter().enumerate().map(|(index, workload)| stream(index, workload));
    Ok(Catalogue::new(run, scenario.seed, streams.collect::<Result<_, _>>()?))
}

fn stream(index: usize, workload: &Workload) -> Result<Stream, PayloadError> {
    let source = &workload.payload.source;
    let field = field(source);
    let read = |path: &PathBuf| {
        std::fs::read(path).map_err(|source| PayloadError::Unreadable {
            workload: index,
            field,
            path: path.clone(),
            source,
        })
    };
    let refused = |path: &PathBuf| {
        let path = path.clone();
        move |source| PayloadError::Feed { workload: index, field, path, source }
    };
    match source {
        PayloadSource::Ndjson(path) => {
            let feed = Feed::parse(&read(path)?).map_err(refused(path))?;
            of_payload(index, workload, (&feed).into())
        }
        PayloadSource::Csv { file, types } => {
            let types = types.iter().map(|(name, spec)| (name.clone(), column_type(*spec))).collect();
            let feed = Feed::parse_csv(&read(file)?, &types).map_err(refused(file))?;
            of_payload(index, workload, (&feed).into())
        }
        PayloadSource::Template(template) => of_payload(index, workload, Payload::Template(template)),
        PayloadSource::TemplateFile(path) => {
            let template = serde_json::from_slice(&read(path)?).map_err(|source| PayloadError::NotJson {
                workload: index,
                path: path.clone(),
                source,
            })?;
            of_payload(index, workload, Payload::Template(&template))
        }
    }
}

fn of_payload(index: usize, workload: &Workload, payload: Payload<'_>) -> Result<Stream, PayloadError> {
    let source = &workload.payload.source;
    let topic = u16::try_from(workload.topic).unwrap_or(u16::MAX);
    let place = identity_place(&workload.identity);
    let key = workload.payload.key.as_ref().map(key);
    Stream::new(topic, format(workload.format), place, key, payload).map_err(|error| PayloadError::Stream {
        workload: index,
        field: field(source),
        path: source.file().cloned(),
        source: error,
    })
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
