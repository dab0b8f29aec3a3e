//! Whether what was written with one schema can be read with another, as `SchemaCompatibility` decides it.

use std::collections::HashMap;

use super::{Field, Kind, Named, Primitive, Ref, Schema};

/// What stands in the way, and where in the reader's schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::doubles::registry) struct Incompatibility {
    /// As Java names the kind.
    pub(in crate::doubles::registry) kind: &'static str,
    pub(in crate::doubles::registry) message: String,
    /// A JSON pointer.
    pub(in crate::doubles::registry) path: String,
}

/// How deep schemas may lead from type to type: Java's stack ends as well.
const DEPTH: usize = 200;
/// How many pairs of types are compared.
const PAIRS: usize = 200_000;
/// How many findings are told.
const FINDINGS: usize = 1_000;

/// All that stands in the way of reading with `reader` what was written with `writer`.
pub(in crate::doubles::registry) fn incompatibilities(
    reader: &Schema,
    writer: &Schema,
) -> Vec<Incompatibility> {
    let mut check = Check { reader, writer, known: HashMap::new(), depth: 0, path: Vec::new() };
    let mut found = Vec::new();
    check.types(reader.root, writer.root, &mut found);
    found
}

struct Check<'s> {
    reader: &'s Schema,
    writer: &'s Schema,
    /// What was found at pairs that were looked at already; nothing as yet, while they are.
    known: HashMap<(Ref, Ref), Vec<Incompatibility>>,
    depth: usize,
    path: Vec<String>,
}

impl Check<'_> {
    fn found(&self, kind: &'static str, message: String, found: &mut Vec<Incompatibility>) {
        let path = if self.path.is_empty() { "/".to_owned() } else { format!("/{}", self.path.join("/")) };
        found.push(Incompatibility { kind, message, path });
    }

    fn within(&mut self, step: &str, reader: Ref, writer: Ref, found: &mut Vec<Incompatibility>) {
        self.path.push(step.to_owned());
        self.types(reader, writer, found);
        self.path.pop();
    }

    fn types(&mut self, reader: Ref, writer: Ref, found: &mut Vec<Incompatibility>) {
        let pair = (reader, writer);
        if let Some(known) = self.known.get(&pair) {
            found.extend_from_slice(known);
        } else if self.depth == DEPTH || self.known.len() == PAIRS {
            let message = "the schemas are too large to be compared".to_owned();
            self.found("TYPE_MISMATCH", message, found);
        } else {
            self.known.insert(pair, Vec::new());
            self.depth += 1;
            let mut inner = Vec::new();
            self.compare(reader, writer, &mut inner);
            self.depth -= 1;
            found.extend_from_slice(&inner);
            self.known.insert(pair, inner);
        }
        found.truncate(FINDINGS);
    }

    fn compare(&mut self, reader: Ref, writer: Ref, found: &mut Vec<Incompatibility>) {
        match (self.reader.kind(reader), self.writer.kind(writer)) {
            (Kind::Union(_), Kind::Union(branches)) => {
                for (index, branch) in branches.clone().into_iter().enumerate() {
                    let mut inner = Vec::new();
                    self.path.push(index.to_string());
                    self.types(reader, branch, &mut inner);
                    if !inner.is_empty() {
                        self.lacks_branch(branch, found);
                    }
                    self.path.pop();
                }
            }
            (_, Kind::Union(branches)) => {
                for branch in branches.clone() {
                    self.types(reader, branch, found);
                }
            }
            (Kind::Union(branches), _) => {
                let fits = branches.clone().into_iter().any(|branch| {
                    let mut inner = Vec::new();
                    self.types(branch, writer, &mut inner);
                    inner.is_empty()
                });
                if !fits {
                    self.lacks_branch(writer, found);
                }
            }
            (Kind::Primitive(one), Kind::Primitive(other)) if reads(*one, *other) => {}
            (Kind::Array(one), Kind::Array(other)) => self.within("items", *one, *other, found),
            (Kind::Map(one), Kind::Map(other)) => self.within("values", *one, *other, found),
            (Kind::Fixed { named, size }, Kind::Fixed { named: other, size: written }) => {
                self.names(named, other, found);
                if size != written {
                    self.path.push("size".to_owned());
                    self.found("FIXED_SIZE_MISMATCH", format!("expected: {written}, found: {size}"), found);
                    self.path.pop();
                }
            }
            (Kind::Enum { named, symbols, default }, Kind::Enum { named: other, symbols: written, .. }) => {
                self.names(named, other, found);
                let missing: Vec<&str> =
                    written.iter().filter(|symbol| !symbols.contains(symbol)).map(String::as_str).collect();
                if !missing.is_empty() && default.is_none() {
                    self.path.push("symbols".to_owned());
                    self.found("MISSING_ENUM_SYMBOLS", format!("[{}]", missing.join(", ")), found);
                    self.path.pop();
                }
            }
            (Kind::Record { named, fields, .. }, Kind::Record { named: other, fields: written, .. }) => {
                self.names(named, other, found);
                self.fields(fields, written, found);
            }
            _ => {
                let (one, other) = (self.reader.type_name(reader), self.writer.type_name(writer));
                let message = format!("reader type: {one} not compatible with writer type: {other}");
                self.found("TYPE_MISMATCH", message, found);
            }
        }
    }

    fn lacks_branch(&self, branch: Ref, found: &mut Vec<Incompatibility>) {
        let name = self.writer.type_name(branch);
        self.found("MISSING_UNION_BRANCH", format!("reader union lacking writer type: {name}"), found);
    }

    /// Names are compared without their spaces.
    fn names(&mut self, reader: &Named, writer: &Named, found: &mut Vec<Incompatibility>) {
        if reader.name.name != writer.name.name && !reader.aliases.contains(&writer.name) {
            self.path.push("name".to_owned());
            self.found("NAME_MISMATCH", format!("expected: {}", writer.name.full()), found);
            self.path.pop();
        }
    }

    fn fields(&mut self, reader: &[Field], writer: &[Field], found: &mut Vec<Incompatibility>) {
        self.path.push("fields".to_owned());
        for (index, field) in reader.iter().enumerate() {
            self.path.push(index.to_string());
            let is_it = |other: &&Field| other.name == field.name || field.aliases.contains(&other.name);
            match writer.iter().find(is_it) {
                Some(other) => self.within("type", field.of, other.of, found),
                None if field.default.is_none() => {
                    self.found("READER_FIELD_MISSING_DEFAULT_VALUE", field.name.clone(), found);
                }
                None => {}
            }
            self.path.pop();
        }
        self.path.pop();
    }
}

/// Whether values of the one type are read from those of the other.
fn reads(reader: Primitive, writer: Primitive) -> bool {
    use Primitive::{Bytes, Double, Float, Int, Long, String};
    reader == writer
        || matches!(
            (reader, writer),
            (Long, Int)
                | (Float, Int | Long)
                | (Double, Int | Long | Float)
                | (Bytes, String)
                | (String, Bytes)
        )
}

impl Schema {
    /// The type as messages name it.
    fn type_name(&self, at: Ref) -> &'static str {
        match self.kind(at) {
            Kind::Primitive(Primitive::Null) => "NULL",
            Kind::Primitive(Primitive::Boolean) => "BOOLEAN",
            Kind::Primitive(Primitive::Int) => "INT",
            Kind::Primitive(Primitive::Long) => "LONG",
            Kind::Primitive(Primitive::Float) => "FLOAT",
            Kind::Primitive(Primitive::Double) => "DOUBLE",
            Kind::Primitive(Primitive::Bytes) => "BYTES",
            Kind::Primitive(Primitive::String) => "STRING",
            Kind::Array(_) => "ARRAY",
            Kind::Map(_) => "MAP",
            Kind::Union(_) => "UNION",
            Kind::Record { .. } => "RECORD",
            Kind::Enum { .. } => "ENUM",
            Kind::Fixed { .. } => "FIXED",
        }
    }
}
