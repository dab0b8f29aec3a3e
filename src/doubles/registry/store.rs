//! Subjects, their versions and the ids of schemas: what a registry remembers.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::schema::{Obstacle, Schema};

/// Whose words refusals are told in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Words {
    /// Confluent's Schema Registry.
    #[default]
    Confluent,
    /// Karapace, which serves the same API.
    Karapace,
}

/// What a new version of a subject must be able to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compatibility {
    /// Nothing.
    None,
    /// Read what was written with the last version.
    #[default]
    Backward,
    /// Read what was written with any version.
    BackwardTransitive,
    /// Be read with the last version.
    Forward,
    /// Be read with any version.
    ForwardTransitive,
    /// Both, with the last version.
    Full,
    /// Both, with any version.
    FullTransitive,
}

impl Compatibility {
    const ALL: [Self; 7] = [
        Self::None,
        Self::Backward,
        Self::BackwardTransitive,
        Self::Forward,
        Self::ForwardTransitive,
        Self::Full,
        Self::FullTransitive,
    ];

    /// As the API names it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "NONE",
            Self::Backward => "BACKWARD",
            Self::BackwardTransitive => "BACKWARD_TRANSITIVE",
            Self::Forward => "FORWARD",
            Self::ForwardTransitive => "FORWARD_TRANSITIVE",
            Self::Full => "FULL",
            Self::FullTransitive => "FULL_TRANSITIVE",
        }
    }

    /// The one of this name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.name() == name)
    }

    fn looks_at_all(self) -> bool {
        matches!(self, Self::BackwardTransitive | Self::ForwardTransitive | Self::FullTransitive)
    }

    /// Whether the new version must read the old, and the old the new.
    fn directions(self) -> (bool, bool) {
        match self {
            Self::None => (false, false),
            Self::Backward | Self::BackwardTransitive => (true, false),
            Self::Forward | Self::ForwardTransitive => (false, true),
            Self::Full | Self::FullTransitive => (true, true),
        }
    }
}

/// Why the registry does not do what it is asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}; error code: {code}")]
pub struct Refusal {
    /// The status of HTTP.
    pub status: u16,
    /// The registry's code.
    pub code: u32,
    /// What it says.
    pub message: String,
}

impl Refusal {
    fn not_found(code: u32, message: String) -> Self {
        Self { status: 404, code, message }
    }

    pub(super) fn no_subject(subject: &str) -> Self {
        Self::not_found(40401, format!("Subject '{subject}' not found."))
    }

    pub(super) fn no_version(version: impl std::fmt::Display) -> Self {
        Self::not_found(40402, format!("Version {version} not found."))
    }
}

/// A schema in its place.
#[derive(Debug, Clone)]
pub struct Registered {
    /// The subject.
    pub subject: String,
    /// The number among the subject's versions, from 1 on.
    pub version: i32,
    /// The schema's number among all, from 1 on.
    pub id: i32,
    /// The schema.
    pub schema: Arc<Schema>,
}

#[derive(Debug, Default)]
struct Subject {
    /// Ids, in the order of the versions.
    versions: Vec<i32>,
    level: Option<Compatibility>,
}

/// What a registry remembers.
#[derive(Debug, Default)]
pub struct Store {
    /// In the order of their ids.
    schemas: Vec<Arc<Schema>>,
    subjects: BTreeMap<String, Subject>,
    level: Compatibility,
    words: Words,
}

impl Store {
    /// An empty one.
    #[must_use]
    pub fn new(words: Words) -> Self {
        Self { words, ..Self::default() }
    }

    /// Enters a schema, where the subject does not have it yet. The same schema has the same id in every subject.
    ///
    /// # Errors
    /// [`Refusal`] with 409, where it does not go together with what the subject has.
    pub fn register(&mut self, subject: &str, schema: &Arc<Schema>) -> Result<Registered, Refusal> {
        if let Ok(known) = self.lookup(subject, schema) {
            return Ok(known);
        }
        self.check(subject, schema)?;
        let id = self.id_of(schema).unwrap_or_else(|| {
            self.schemas.push(schema.clone());
            number(self.schemas.len())
        });
        let of = self.subjects.entry(subject.to_owned()).or_default();
        of.versions.push(id);
        let version = number(of.versions.len());
        Ok(Registered { subject: subject.to_owned(), version, id, schema: schema.clone() })
    }

    /// The subject's version of a schema.
    ///
    /// # Errors
    /// [`Refusal`] with 40401 or 40403, where the subject does not have it.
    pub fn lookup(&self, subject: &str, schema: &Schema) -> Result<Registered, Refusal> {
        let versions = self.versions_of(subject)?;
        let none = || Refusal::not_found(40403, "Schema not found".to_owned());
        let id = self.id_of(schema).ok_or_else(none)?;
        let index = versions.iter().position(|other| *other == id).ok_or_else(none)?;
        Ok(self.registered(subject, index, id))
    }

    /// The schema of an id.
    ///
    /// # Errors
    /// [`Refusal`] with 40403, where there is none.
    pub fn by_id(&self, id: i32) -> Result<Arc<Schema>, Refusal> {
        let index = usize::try_from(id).ok().and_then(|id| id.checked_sub(1));
        index.and_then(|index| self.schemas.get(index)).cloned().ok_or_else(|| {
            let message = match self.words {
                Words::Confluent => format!("Schema {id} not found"),
                Words::Karapace => "Schema not found".to_owned(),
            };
            Refusal::not_found(40403, message)
        })
    }

    /// A subject's version of this number.
    ///
    /// # Errors
    /// [`Refusal`] with 40401 or 40402, where there is none.
    pub fn version(&self, subject: &str, version: i32) -> Result<Registered, Refusal> {
        let versions = self.versions_of(subject)?;
        let index = usize::try_from(version).ok().and_then(|version| version.checked_sub(1));
        let found = index.and_then(|index| Some((index, *versions.get(index)?)));
        let (index, id) = found.ok_or_else(|| Refusal::no_version(version))?;
        Ok(self.registered(subject, index, id))
    }

    /// A subject's last version.
    ///
    /// # Errors
    /// [`Refusal`] with 40401, where there is none.
    pub fn latest(&self, subject: &str) -> Result<Registered, Refusal> {
        self.version(subject, number(self.versions_of(subject)?.len()))
    }

    /// The subjects that have a version, in order.
    pub fn subjects(&self) -> impl Iterator<Item = &str> {
        self.subjects.iter().filter(|(_, of)| !of.versions.is_empty()).map(|(name, _)| name.as_str())
    }

    /// How many versions a subject has.
    ///
    /// # Errors
    /// [`Refusal`] with 40401, where it has none.
    pub fn versions(&self, subject: &str) -> Result<i32, Refusal> {
        self.versions_of(subject).map(|versions| number(versions.len()))
    }

    /// Where a schema stands: subjects and versions.
    pub fn places(&self, id: i32) -> impl Iterator<Item = (&str, i32)> {
        self.subjects.iter().flat_map(move |(name, of)| {
            let versions = of.versions.iter().enumerate().filter(move |(_, other)| **other == id);
            versions.map(move |(index, _)| (name.as_str(), number(index + 1)))
        })
    }

    /// What a new version must be able to do; `None`: where the subject says nothing of its own.
    #[must_use]
    pub fn level(&self, subject: Option<&str>) -> Option<Compatibility> {
        match subject {
            None => Some(self.level),
            Some(subject) => self.subjects.get(subject).and_then(|of| of.level),
        }
    }

    /// Sets it, for a subject or for all that say nothing of their own.
    pub fn set_level(&mut self, subject: Option<&str>, level: Compatibility) {
        match subject {
            None => self.level = level,
            Some(subject) => self.subjects.entry(subject.to_owned()).or_default().level = Some(level),
        }
    }

    fn registered(&self, subject: &str, index: usize, id: i32) -> Registered {
        let schema = usize::try_from(id).ok().and_then(|id| self.schemas.get(id - 1));
        let schema = schema.expect("only what has been entered has an id").clone();
        Registered { subject: subject.to_owned(), version: number(index + 1), id, schema }
    }

    fn versions_of(&self, subject: &str) -> Result<&[i32], Refusal> {
        let of = self.subjects.get(subject).filter(|of| !of.versions.is_empty());
        of.map(|of| of.versions.as_slice()).ok_or_else(|| Refusal::no_subject(subject))
    }

    fn id_of(&self, schema: &Schema) -> Option<i32> {
        let is_it = |other: &Arc<Schema>| other.format() == schema.format() && other.text() == schema.text();
        self.schemas.iter().position(is_it).map(|index| number(index + 1))
    }

    fn check(&self, subject: &str, schema: &Schema) -> Result<(), Refusal> {
        let level = self.level(Some(subject)).unwrap_or(self.level);
        let versions = self.subjects.get(subject).map_or(0, |of| of.versions.len());
        let looked_at = if level.looks_at_all() { versions } else { versions.min(1) };
        let (reads, is_read) = level.directions();
        for version in (versions - looked_at + 1..=versions).rev() {
            let old = self.version(subject, number(version))?;
            let mut found: Vec<(Obstacle, [&str; 2])> = Vec::new();
            if reads {
                found.extend(schema.reads(&old.schema).into_iter().map(|found| (found, ["new", "old"])));
            }
            if is_read {
                found.extend(old.schema.reads(schema).into_iter().map(|found| (found, ["old", "new"])));
            }
            if !found.is_empty() {
                return Err(self.incompatible(subject, &old, level, &found));
            }
        }
        Ok(())
    }

    fn incompatible(
        &self,
        subject: &str,
        old: &Registered,
        level: Compatibility,
        found: &[(Obstacle, [&str; 2])],
    ) -> Refusal {
        let message = match self.words {
            Words::Confluent => {
                let told: String = found.iter().map(|(found, whose)| detail(found, *whose) + ", ").collect();
                format!(
                    "Schema being registered is incompatible with an earlier schema for subject \"{subject}\", details: \
                     [{told}{{oldSchemaVersion: {}}}, {{oldSchema: '{}'}}, {{validateFields: 'false', compatibility: '{}'}}]",
                    old.version,
                    old.schema.text(),
                    level.name()
                )
            }
            Words::Karapace => {
                let messages: Vec<&str> = found.iter().map(|(found, _)| found.message.as_str()).collect();
                let messages: String = messages.join(", ").chars().take(300).collect();
                format!(
                    "Incompatible schema, compatibility_mode={}. Incompatibilities: {messages}",
                    level.name()
                )
            }
        };
        Refusal { status: 409, code: 409, message }
    }
}

/// What stands in the way, as Confluent's registry tells it.
fn detail(found: &Obstacle, [reader, writer]: [&str; 2]) -> String {
    let Obstacle { kind, message, path } = found;
    let description = match *kind {
        "FIXED_SIZE_MISMATCH" => format!(
            "The size of FIXED type field at path '{path}' in the {reader} schema does not match with the {writer} schema"
        ),
        "TYPE_MISMATCH" => format!(
            "The type (path '{path}') of a field in the {reader} schema does not match with the {writer} schema"
        ),
        "NAME_MISMATCH" => format!("The name of the schema has changed (path '{path}')"),
        "MISSING_ENUM_SYMBOLS" => format!(
            "The {reader} schema is missing enum symbols '{message}' at path '{path}' in the {writer} schema"
        ),
        "MISSING_UNION_BRANCH" => format!(
            "The {reader} schema is missing a type inside a union field at path '{path}' in the {writer} schema"
        ),
        "READER_FIELD_MISSING_DEFAULT_VALUE" => format!(
            "The field '{message}' at path '{path}' in the {reader} schema has no default value and is missing in the \
             {writer} schema"
        ),
        _ => message.clone(),
    };
    format!("{{errorType:'{kind}', description:'{description}', additionalInfo:'{message}'}}")
}

fn number(of: usize) -> i32 {
    i32::try_from(of).unwrap_or(i32::MAX)
}

/// A store that several hold.
#[derive(Debug, Clone, Default)]
pub struct Schemas(Arc<Mutex<Store>>);

impl Schemas {
    /// An empty one.
    #[must_use]
    pub fn new(words: Words) -> Self {
        Self(Arc::new(Mutex::new(Store::new(words))))
    }

    /// Asks it, or tells it something.
    pub fn with<T>(&self, act: impl FnOnce(&mut Store) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
