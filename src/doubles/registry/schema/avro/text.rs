//! A schema as `Schema.toString` prints it.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::{Kind, Name, Named, Primitive, Ref, Schema};
use crate::doubles::jackson;

impl Schema {
    /// The schema's text.
    pub(in crate::doubles::registry) fn text(&self) -> String {
        let mut printer = Printer { schema: self, known: HashSet::new(), space: None };
        let document = printer.schema(self.root);
        String::from_utf8(jackson::write(&document)).unwrap_or_default()
    }
}

struct Printer<'s> {
    schema: &'s Schema,
    /// The named types that have been printed: from then on their names stand for them.
    known: HashSet<Name>,
    space: Option<String>,
}

impl Printer<'_> {
    fn schema(&mut self, at: Ref) -> Value {
        let of = &self.schema.types[at];
        let mut members = Map::new();
        match &of.kind {
            Kind::Primitive(primitive) if of.attributes.is_empty() => return primitive.name().into(),
            Kind::Primitive(primitive) => {
                members.insert("type".into(), primitive.name().into());
            }
            Kind::Union(branches) => return branches.iter().map(|branch| self.schema(*branch)).collect(),
            Kind::Array(items) => {
                members.insert("type".into(), "array".into());
                members.insert("items".into(), self.schema(*items));
            }
            Kind::Map(values) => {
                members.insert("type".into(), "map".into());
                members.insert("values".into(), self.schema(*values));
            }
            Kind::Record { named, .. } | Kind::Enum { named, .. } | Kind::Fixed { named, .. } => {
                return self.named(at, named);
            }
        }
        members.extend(of.attributes.clone());
        members.into()
    }

    fn named(&mut self, at: Ref, named: &Named) -> Value {
        if !self.known.insert(named.name.clone()) {
            return self.qualified(&named.name).into();
        }
        let of = &self.schema.types[at];
        let mut members = Map::new();
        let kind = match &of.kind {
            Kind::Record { is_error: true, .. } => "error",
            Kind::Record { .. } => "record",
            Kind::Enum { .. } => "enum",
            _ => "fixed",
        };
        members.insert("type".into(), kind.into());
        members.insert("name".into(), named.name.name.clone().into());
        if named.name.space != self.space {
            members.insert("namespace".into(), named.name.space.clone().unwrap_or_default().into());
        }
        if let Some(doc) = &named.doc {
            members.insert("doc".into(), doc.clone().into());
        }
        match &of.kind {
            Kind::Record { fields, .. } => {
                let around = std::mem::replace(&mut self.space, named.name.space.clone());
                let fields = fields.iter().map(|field| self.field(field)).collect();
                self.space = around;
                members.insert("fields".into(), fields);
            }
            Kind::Enum { symbols, default, .. } => {
                members.insert("symbols".into(), symbols.clone().into());
                if let Some(default) = default {
                    members.insert("default".into(), default.clone().into());
                }
            }
            Kind::Fixed { size, .. } => {
                members.insert("size".into(), (*size).into());
            }
            _ => {}
        }
        members.extend(of.attributes.clone());
        if !named.aliases.is_empty() {
            let space = named.name.space.as_ref();
            let aliases = named.aliases.iter().map(|alias| {
                Value::from(if alias.space.as_ref() == space { alias.name.clone() } else { alias.full() })
            });
            members.insert("aliases".into(), aliases.collect());
        }
        members.into()
    }

    fn field(&mut self, field: &super::Field) -> Value {
        let mut members = Map::new();
        members.insert("name".into(), field.name.clone().into());
        members.insert("type".into(), self.schema(field.of));
        if let Some(doc) = &field.doc {
            members.insert("doc".into(), doc.clone().into());
        }
        if let Some(default) = &field.default {
            members.insert("default".into(), default.clone());
        }
        if let Some(order) = field.order {
            members.insert("order".into(), order.into());
        }
        if !field.aliases.is_empty() {
            members.insert("aliases".into(), field.aliases.clone().into());
        }
        members.extend(field.attributes.clone());
        members.into()
    }

    /// The name as it stands in the space at hand; whole where it could be taken for a primitive type's.
    fn qualified(&self, name: &Name) -> String {
        if name.space == self.space && Primitive::of(&name.name).is_none() {
            name.name.clone()
        } else {
            name.full()
        }
    }
}
