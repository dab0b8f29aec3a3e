//! Schemas of the three formats: read, printed as the registry keeps them, and applied to data.

mod avro;
mod hash_map;
mod json;
mod protobuf;

use std::sync::Arc;

use crate::doubles::jackson::Version;
pub(in crate::doubles) use avro::Misfit;

/// What a schema is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// Avro.
    Avro,
    /// JSON Schema.
    Json,
    /// Protocol Buffers.
    Protobuf,
}

impl Format {
    /// As the registry's API names it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Avro => "AVRO",
            Self::Json => "JSON",
            Self::Protobuf => "PROTOBUF",
        }
    }

    /// The format of this name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        [Self::Avro, Self::Json, Self::Protobuf].into_iter().find(|format| format.name() == name)
    }
}

/// A text that is no schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is no {} schema", .0.name())]
pub struct InvalidSchema(pub Format);

/// A schema that has been read.
#[derive(Debug, Clone)]
pub struct Schema {
    text: String,
    content: Content,
}

#[derive(Debug, Clone)]
enum Content {
    Avro(Arc<avro::Schema>),
    Json(Arc<json::Schema>),
    Protobuf(Arc<protobuf::Schema>),
}

impl Schema {
    /// The schema that `text` holds.
    ///
    /// # Errors
    /// [`InvalidSchema`], where it holds none.
    pub fn parse(format: Format, text: &str) -> Result<Self, InvalidSchema> {
        let invalid = InvalidSchema(format);
        Ok(match format {
            Format::Avro => {
                let schema = avro::Schema::parse(text).map_err(|avro::Invalid| invalid)?;
                Self { text: schema.text(), content: Content::Avro(Arc::new(schema)) }
            }
            Format::Json => {
                let (schema, text) = json::Schema::parse(text).map_err(|json::Invalid| invalid)?;
                Self { text, content: Content::Json(Arc::new(schema)) }
            }
            Format::Protobuf => {
                let (schema, text) = protobuf::Schema::parse(text).map_err(|protobuf::Invalid| invalid)?;
                Self { text, content: Content::Protobuf(Arc::new(schema)) }
            }
        })
    }

    /// What it is written in.
    #[must_use]
    pub fn format(&self) -> Format {
        match self.content {
            Content::Avro(_) => Format::Avro,
            Content::Json(_) => Format::Json,
            Content::Protobuf(_) => Format::Protobuf,
        }
    }

    /// Its text as the registry keeps it: white space and order of members are no matter any more.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The name of the record, message or title that it has.
    #[must_use]
    pub fn name(&self) -> Option<String> {
        match &self.content {
            Content::Avro(schema) => schema.record_name(),
            Content::Json(schema) => schema.title(),
            Content::Protobuf(schema) => schema.name(),
        }
    }

    /// Data in the bytes that stand behind the schema's id; `data` is JSON as Jackson writes it.
    ///
    /// # Errors
    /// [`Misfit`], where they do not fit.
    pub(in crate::doubles) fn encode(&self, data: &[u8], version: Version) -> Result<Vec<u8>, Misfit> {
        match &self.content {
            Content::Avro(schema) => schema.encode(data, version),
            Content::Json(schema) => schema.encode(data, version),
            Content::Protobuf(schema) => schema.encode(data),
        }
    }

    /// What stands in the way of reading with it what was written with `writer`.
    pub(super) fn reads(&self, writer: &Self) -> Vec<Obstacle> {
        match (&self.content, &writer.content) {
            (Content::Avro(reader), Content::Avro(writer)) => avro::incompatibilities(reader, writer),
            _ if self.format() == writer.format() => Vec::new(),
            _ => vec![Obstacle {
                kind: "SCHEMA_TYPE",
                message: "Incompatible because of different schema type".to_owned(),
                path: "/".to_owned(),
            }],
        }
    }
}

pub(super) use avro::Incompatibility as Obstacle;

#[cfg(test)]
mod tests;
