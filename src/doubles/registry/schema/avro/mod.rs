//! Avro schemas as Java's Avro parses and prints them, and data that are to fit them.
//!
//! Why not the `apache-avro` crate: what partners see of a schema is the text that Java prints of it, with every attribute in
//! Java's order, and what they see of data that do not fit is the words of Java's `JsonDecoder`, which depend on what it has
//! read before. Both need the schema as it stands.

mod binary;
mod compatibility;
mod decode;
mod parse;
mod text;

use serde_json::{Map, Value};

pub(in crate::doubles::registry) use compatibility::{Incompatibility, incompatibilities};
pub(in crate::doubles) use decode::Misfit;
pub(in crate::doubles::registry) use parse::Invalid;

/// A name with the space that it is in.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Name {
    name: String,
    space: Option<String>,
}

impl Name {
    fn full(&self) -> String {
        match &self.space {
            Some(space) => format!("{space}.{}", self.name),
            None => self.name.clone(),
        }
    }
}

/// A type of a schema, by its place among all.
type Ref = usize;

/// A schema: its types, which may hold each other, and themselves.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::doubles) struct Schema {
    types: Vec<Type>,
    root: Ref,
}

/// A type with the attributes that Avro itself has no use for.
#[derive(Debug, Clone, PartialEq)]
struct Type {
    kind: Kind,
    attributes: Map<String, Value>,
}

#[derive(Debug, Clone, PartialEq)]
enum Kind {
    Primitive(Primitive),
    Array(Ref),
    Map(Ref),
    Union(Vec<Ref>),
    Record { named: Named, is_error: bool, fields: Vec<Field> },
    Enum { named: Named, symbols: Vec<String>, default: Option<String> },
    Fixed { named: Named, size: usize },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Primitive {
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    String,
}

impl Primitive {
    const ALL: [Self; 8] = [
        Self::Null,
        Self::Boolean,
        Self::Int,
        Self::Long,
        Self::Float,
        Self::Double,
        Self::Bytes,
        Self::String,
    ];

    fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|primitive| primitive.name() == name)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean => "boolean",
            Self::Int => "int",
            Self::Long => "long",
            Self::Float => "float",
            Self::Double => "double",
            Self::Bytes => "bytes",
            Self::String => "string",
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
struct Named {
    name: Name,
    doc: Option<String>,
    /// Full names.
    aliases: Vec<Name>,
}

#[derive(Debug, Clone, PartialEq)]
struct Field {
    name: String,
    of: Ref,
    doc: Option<String>,
    default: Option<Value>,
    /// Where it is not `ascending`.
    order: Option<&'static str>,
    aliases: Vec<String>,
    attributes: Map<String, Value>,
}

impl Schema {
    fn kind(&self, at: Ref) -> &Kind {
        &self.types[at].kind
    }

    /// The name by which a union knows a branch.
    fn label(&self, at: Ref) -> String {
        match self.kind(at) {
            Kind::Primitive(primitive) => primitive.name().to_owned(),
            Kind::Array(_) => "array".to_owned(),
            Kind::Map(_) => "map".to_owned(),
            Kind::Union(_) => "union".to_owned(),
            Kind::Record { named, .. } | Kind::Enum { named, .. } | Kind::Fixed { named, .. } => {
                named.name.full()
            }
        }
    }

    /// The full name of the record that it is.
    pub(in crate::doubles) fn record_name(&self) -> Option<String> {
        match self.kind(self.root) {
            Kind::Record { named, .. } => Some(named.name.full()),
            _ => None,
        }
    }
}
