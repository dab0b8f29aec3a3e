//! A schema's text, read as `Schema.Parser` does with names and defaults checked.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use super::{Field, Kind, Name, Named, Primitive, Ref, Schema, Type};

/// It is no schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::doubles::registry) struct Invalid;

const RESERVED: [&str; 10] =
    ["doc", "fields", "items", "name", "namespace", "size", "symbols", "values", "type", "aliases"];
const FIELD_RESERVED: [&str; 6] = ["default", "doc", "name", "order", "type", "aliases"];

/// How deep defaults may lead from record to record: Java's stack ends as well.
const DEPTH: usize = 200;
/// How many values of defaults are looked at, the defaults of fields within defaults among them.
const STEPS: usize = 1_000_000;

impl Schema {
    /// The schema that `text` holds.
    ///
    /// # Errors
    /// [`Invalid`], for whatever reason: nobody is told it.
    pub(in crate::doubles::registry) fn parse(text: &str) -> Result<Self, Invalid> {
        let document: Value = serde_json::from_str(text).map_err(|_| Invalid)?;
        let mut parser =
            Parser { types: Vec::new(), names: HashMap::new(), open: HashSet::new(), space: None, steps: 0 };
        let root = parser.schema(&document)?;
        Ok(Self { types: parser.types, root })
    }
}

struct Parser {
    types: Vec<Type>,
    names: HashMap<Name, Ref>,
    /// The records whose fields are still being read.
    open: HashSet<Ref>,
    /// The space of names without one.
    space: Option<String>,
    /// How many values of defaults have been looked at.
    steps: usize,
}

impl Parser {
    fn add(&mut self, kind: Kind) -> Ref {
        self.types.push(Type { kind, attributes: Map::new() });
        self.types.len() - 1
    }

    fn schema(&mut self, document: &Value) -> Result<Ref, Invalid> {
        match document {
            Value::String(name) => self.by_name(name),
            Value::Array(branches) => self.union(branches),
            Value::Object(members) => {
                let saved = self.space.clone();
                let read = self.object(members);
                self.space = saved;
                read
            }
            _ => Err(Invalid),
        }
    }

    fn by_name(&mut self, name: &str) -> Result<Ref, Invalid> {
        if let Some(primitive) = Primitive::of(name) {
            return Ok(self.add(Kind::Primitive(primitive)));
        }
        let named = self.name(name, None)?;
        let known = self.names.get(&named).or_else(|| {
            // What is not in the space at hand may have none.
            let without = Name { space: None, ..named.clone() };
            self.names.get(&without).filter(|_| !name.contains('.'))
        });
        known.copied().ok_or(Invalid)
    }

    /// A name; the space that it has itself goes before `space`, and that before the one around.
    fn name(&self, name: &str, space: Option<&str>) -> Result<Name, Invalid> {
        let (space, name) = match name.rsplit_once('.') {
            Some((space, name)) => (Some(space), name),
            None => (space.or(self.space.as_deref()), name),
        };
        if !is_name(name) {
            return Err(Invalid);
        }
        Ok(Name { name: name.to_owned(), space: space.filter(|space| !space.is_empty()).map(str::to_owned) })
    }

    fn union(&mut self, branches: &[Value]) -> Result<Ref, Invalid> {
        let mut of = Vec::with_capacity(branches.len());
        for branch in branches {
            of.push(self.schema(branch)?);
        }
        let schema = Schema { types: std::mem::take(&mut self.types), root: 0 };
        let mut labels: Vec<String> = Vec::new();
        let is_plain = of.iter().all(|branch| {
            let label = schema.label(*branch);
            let is_new = !labels.contains(&label);
            labels.push(label);
            is_new && !matches!(schema.kind(*branch), Kind::Union(_))
        });
        self.types = schema.types;
        if is_plain { Ok(self.add(Kind::Union(of))) } else { Err(Invalid) }
    }

    fn object(&mut self, members: &Map<String, Value>) -> Result<Ref, Invalid> {
        let kind = members.get("type").and_then(Value::as_str).ok_or(Invalid)?;
        let mut reserved = RESERVED.to_vec();
        let at = match kind {
            "record" | "error" => self.record(members, kind == "error")?,
            "enum" => {
                reserved.push("default");
                self.enumeration(members)?
            }
            "fixed" => {
                let named = self.named(members)?;
                let size = members.get("size").and_then(Value::as_i64).ok_or(Invalid)?;
                let size = i32::try_from(size).ok().and_then(|size| usize::try_from(size).ok());
                let name = named.name.clone();
                let at = self.add(Kind::Fixed { named, size: size.ok_or(Invalid)? });
                self.define(name, at)?
            }
            "array" => {
                let items = self.schema(members.get("items").ok_or(Invalid)?)?;
                self.add(Kind::Array(items))
            }
            "map" => {
                let values = self.schema(members.get("values").ok_or(Invalid)?)?;
                self.add(Kind::Map(values))
            }
            other => match Primitive::of(other) {
                Some(primitive) => self.add(Kind::Primitive(primitive)),
                // A name in an object stands for what it names, and its attributes for nothing.
                None => return self.by_name(other),
            },
        };
        self.types[at].attributes = attributes(members, &reserved);
        Ok(at)
    }

    /// What named types have in common. Names within are in its space from now on.
    fn named(&mut self, members: &Map<String, Value>) -> Result<Named, Invalid> {
        let space = text(members, "namespace");
        let name = self.name(text(members, "name").ok_or(Invalid)?, space)?;
        self.space.clone_from(&name.space);
        let mut aliases = Vec::new();
        if let Some(names) = members.get("aliases") {
            for alias in names.as_array().ok_or(Invalid)? {
                let alias = self.name(alias.as_str().ok_or(Invalid)?, None)?;
                if !aliases.contains(&alias) {
                    aliases.push(alias);
                }
            }
        }
        Ok(Named { name, doc: text(members, "doc").map(str::to_owned), aliases })
    }

    fn define(&mut self, name: Name, at: Ref) -> Result<Ref, Invalid> {
        if Primitive::of(&name.full()).is_some() {
            return Err(Invalid);
        }
        match self.names.insert(name, at) {
            None => Ok(at),
            Some(_) => Err(Invalid),
        }
    }

    fn record(&mut self, members: &Map<String, Value>, is_error: bool) -> Result<Ref, Invalid> {
        let named = self.named(members)?;
        let name = named.name.clone();
        let at = self.add(Kind::Record { named: named.clone(), is_error, fields: Vec::new() });
        self.define(name, at)?;
        self.open.insert(at);
        let mut fields: Vec<Field> = Vec::new();
        for field in members.get("fields").and_then(Value::as_array).ok_or(Invalid)? {
            let field = self.field(field.as_object().ok_or(Invalid)?)?;
            if fields.iter().any(|other| other.name == field.name) {
                return Err(Invalid);
            }
            fields.push(field);
        }
        self.types[at].kind = Kind::Record { named, is_error, fields };
        self.open.remove(&at);
        Ok(at)
    }

    fn field(&mut self, members: &Map<String, Value>) -> Result<Field, Invalid> {
        let name = text(members, "name").filter(|name| is_name(name)).ok_or(Invalid)?;
        let of = self.schema(members.get("type").ok_or(Invalid)?)?;
        let order = match text(members, "order").map(str::to_ascii_lowercase).as_deref() {
            None | Some("ascending") => None,
            Some("descending") => Some("descending"),
            Some("ignore") => Some("ignore"),
            Some(_) => return Err(Invalid),
        };
        let default = members.get("default").cloned();
        if let Some(default) = &default {
            let mut defaults = Defaults { types: &self.types, open: &self.open, depth: 0, steps: self.steps };
            let fits = defaults.fit(of, default)?;
            self.steps = defaults.steps;
            if !fits {
                return Err(Invalid);
            }
        }
        let mut aliases = Vec::new();
        if let Some(names) = members.get("aliases") {
            for alias in names.as_array().ok_or(Invalid)? {
                aliases.push(alias.as_str().ok_or(Invalid)?.to_owned());
            }
        }
        Ok(Field {
            name: name.to_owned(),
            of,
            doc: text(members, "doc").map(str::to_owned),
            default,
            order,
            aliases,
            attributes: attributes(members, &FIELD_RESERVED),
        })
    }

    fn enumeration(&mut self, members: &Map<String, Value>) -> Result<Ref, Invalid> {
        let named = self.named(members)?;
        let mut symbols: Vec<String> = Vec::new();
        for symbol in members.get("symbols").and_then(Value::as_array).ok_or(Invalid)? {
            let symbol = symbol.as_str().filter(|symbol| is_name(symbol)).ok_or(Invalid)?;
            if symbols.iter().any(|other| other == symbol) {
                return Err(Invalid);
            }
            symbols.push(symbol.to_owned());
        }
        let default = text(members, "default").map(str::to_owned);
        if default.as_ref().is_some_and(|default| !symbols.contains(default)) {
            return Err(Invalid);
        }
        let name = named.name.clone();
        let at = self.add(Kind::Enum { named, symbols, default });
        self.define(name, at)
    }
}

/// Looks whether defaults are of their types.
struct Defaults<'p> {
    types: &'p [Type],
    open: &'p HashSet<Ref>,
    depth: usize,
    steps: usize,
}

impl Defaults<'_> {
    /// Whether a default is of the type; of a union it is of any branch.
    ///
    /// # Errors
    /// [`Invalid`], where Java cannot tell: the fields of a record are not known while it is read, nor is there an end to the
    /// defaults that they would have.
    fn fit(&mut self, of: Ref, value: &Value) -> Result<bool, Invalid> {
        if self.depth == DEPTH || self.steps == STEPS {
            return Err(Invalid);
        }
        self.steps += 1;
        self.depth += 1;
        let types = self.types;
        let fits = match &types[of].kind {
            Kind::Primitive(primitive) => match primitive {
                Primitive::Null => value.is_null(),
                Primitive::Boolean => value.is_boolean(),
                Primitive::Int => integer(value).is_some_and(|integer| i32::try_from(integer).is_ok()),
                Primitive::Long => integer(value).is_some(),
                Primitive::Float | Primitive::Double => value.is_number(),
                Primitive::Bytes | Primitive::String => value.is_string(),
            },
            Kind::Enum { .. } | Kind::Fixed { .. } => value.is_string(),
            Kind::Array(items) => match value.as_array() {
                Some(values) => self.all_fit(values.iter().map(|value| (*items, Some(value))))?,
                None => false,
            },
            Kind::Map(values) => match value.as_object() {
                Some(members) => self.all_fit(members.values().map(|value| (*values, Some(value))))?,
                None => false,
            },
            Kind::Union(branches) => {
                let mut any = false;
                for branch in branches {
                    any = any || self.fit(*branch, value)?;
                }
                any
            }
            Kind::Record { fields, .. } => match value.as_object() {
                Some(_) if self.open.contains(&of) => return Err(Invalid),
                Some(members) => self.all_fit(fields.iter().map(|field| {
                    let value = members.get(&field.name).or(field.default.as_ref());
                    (field.of, value)
                }))?,
                None => false,
            },
        };
        self.depth -= 1;
        Ok(fits)
    }

    /// Whether all are there and of their types.
    fn all_fit<'v>(
        &mut self,
        values: impl Iterator<Item = (Ref, Option<&'v Value>)>,
    ) -> Result<bool, Invalid> {
        for (of, value) in values {
            let fits = match value {
                Some(value) => self.fit(of, value)?,
                None => false,
            };
            if !fits {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// A whole number of 64 bits.
fn integer(value: &Value) -> Option<i64> {
    value.as_number().and_then(|number| number.to_string().parse().ok())
}

fn text<'m>(members: &'m Map<String, Value>, name: &str) -> Option<&'m str> {
    members.get(name).and_then(Value::as_str)
}

fn attributes(members: &Map<String, Value>, reserved: &[&str]) -> Map<String, Value> {
    let own = members.iter().filter(|(name, _)| !reserved.contains(&name.as_str()));
    own.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// A letter, then letters, digits and underscores.
fn is_name(name: &str) -> bool {
    let mut characters = name.chars();
    characters.next().is_some_and(|first| first.is_alphabetic() || first == '_')
        && characters.all(|c| c.is_alphanumeric() || c == '_')
}
