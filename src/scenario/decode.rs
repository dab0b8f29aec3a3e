//! A typed reader over the tree: fields by name, values by type, and a sentence for what does not fit.
//!
//! Every reader returns `None` once it has reported why, so that the caller goes on with any value and one
//! reading shows all problems. A field that is there but empty (`grace:` or `grace: null`) counts as absent.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::error::{Origin, Place, Problems, listed, nearest, quoted};
use super::quantity::{QuantityError, format_duration, format_size, parse_duration, parse_size};
use super::scalar::Resolved;
use super::tree::{Entry, Kind, Node};

/// A value and the path of the field that it stands in.
#[derive(Debug, Clone)]
pub(super) struct Item<'t> {
    pub(super) node: &'t Node,
    pub(super) path: String,
}

impl<'t> Item<'t> {
    pub(super) fn at(&self) -> &'t Place {
        &self.node.at
    }

    pub(super) fn fail(&self, problems: &mut Problems, message: impl Into<String>) {
        problems.add(self.at(), &self.path, message);
    }

    pub(super) fn suggest(
        &self,
        problems: &mut Problems,
        message: impl Into<String>,
        suggestion: impl Into<String>,
    ) {
        problems.suggest(self.at(), &self.path, message, suggestion);
    }

    fn wrong_type(&self, problems: &mut Problems, wanted: &str) {
        self.fail(problems, format!("must be {wanted}, and is {}", self.node.describe()));
    }

    fn resolved(&self) -> Option<Resolved<'t>> {
        match &self.node.kind {
            Kind::Scalar(scalar) => Some(scalar.resolve()),
            _ => None,
        }
    }

    /// A scalar exactly as written, whatever its type; `None` without a report for lists, mappings and null.
    pub(super) fn written(&self) -> Option<&'t str> {
        match &self.node.kind {
            Kind::Scalar(scalar) if !self.node.is_null() => Some(&scalar.text),
            _ => None,
        }
    }

    /// Text.
    pub(super) fn text(&self, problems: &mut Problems) -> Option<&'t str> {
        match self.resolved() {
            Some(Resolved::Text(text)) => return Some(text),
            Some(Resolved::Null) | None => self.wrong_type(problems, "text"),
            Some(_) => {
                let message = format!("must be text, and is {}", self.node.describe());
                self.suggest(problems, message, "put it in quotes");
            }
        }
        None
    }

    /// Text that is not empty.
    pub(super) fn name(&self, problems: &mut Problems) -> Option<&'t str> {
        let text = self.text(problems)?;
        if text.trim().is_empty() {
            self.fail(problems, "must not be blank");
            return None;
        }
        Some(text)
    }

    /// `true` or `false`.
    pub(super) fn flag(&self, problems: &mut Problems) -> Option<bool> {
        if let Some(Resolved::Bool(flag)) = self.resolved() {
            return Some(flag);
        }
        self.wrong_type(problems, "true or false");
        None
    }

    /// A whole number within `range`.
    pub(super) fn integer<T>(&self, range: &RangeInclusive<T>, problems: &mut Problems) -> Option<T>
    where
        T: TryFrom<i128> + PartialOrd + Display,
    {
        let (from, to) = (range.start().to_string(), range.end().to_string());
        let wanted = if to == u64::MAX.to_string() {
            format!("a whole number, at least {from}")
        } else {
            format!("a whole number from {from} to {to}")
        };
        match self.resolved() {
            Some(Resolved::Integer(number)) => {
                let fitting = T::try_from(number).ok().filter(|number| range.contains(number));
                if fitting.is_none() {
                    self.fail(problems, format!("must be {wanted}, and is {number}"));
                }
                return fitting;
            }
            Some(Resolved::Text(text)) if text.parse::<i128>().is_ok() => {
                let message = format!("must be {wanted}, and is text");
                self.suggest(problems, message, "remove the quotes");
            }
            _ => self.wrong_type(problems, &wanted),
        }
        None
    }

    /// A number within `range`, with or without a decimal point.
    pub(super) fn number(&self, range: &RangeInclusive<f64>, problems: &mut Problems) -> Option<f64> {
        let wanted = format!("a number from {} to {}", range.start(), range.end());
        let number = match self.resolved() {
            Some(Resolved::Float(number)) => number,
            #[expect(clippy::cast_precision_loss, reason = "the ranges of scenarios end far below 2^53")]
            Some(Resolved::Integer(number)) => number as f64,
            Some(Resolved::Text(text)) if text.parse::<f64>().is_ok() => {
                let message = format!("must be {wanted}, and is text");
                self.suggest(problems, message, "remove the quotes");
                return None;
            }
            _ => {
                self.wrong_type(problems, &wanted);
                return None;
            }
        };
        if range.contains(&number) {
            return Some(number);
        }
        if number.is_finite() {
            self.fail(problems, format!("must be {wanted}, and is {number}"));
        } else {
            self.wrong_type(problems, &wanted);
        }
        None
    }

    /// A quantity with its unit, read by `parse`; `wanted` says what it is where the value is no scalar.
    pub(super) fn quantity<T>(
        &self,
        wanted: &str,
        parse: fn(&str) -> Result<T, QuantityError>,
        problems: &mut Problems,
    ) -> Option<T> {
        let Some(text) = self.written() else {
            self.wrong_type(problems, wanted);
            return None;
        };
        parse(text).map_err(|error| self.fail(problems, error.to_string())).ok()
    }

    /// A duration within `range`.
    pub(super) fn duration(
        &self,
        range: &RangeInclusive<Duration>,
        problems: &mut Problems,
    ) -> Option<Duration> {
        let duration = self.quantity("a duration such as 30s", parse_duration, problems)?;
        if range.contains(&duration) {
            return Some(duration);
        }
        let [from, to, is] = [*range.start(), *range.end(), duration].map(format_duration);
        self.fail(problems, format!("must be from {from} to {to}, and is {is}"));
        None
    }

    /// A size in bytes within `range`.
    pub(super) fn size(&self, range: &RangeInclusive<u64>, problems: &mut Problems) -> Option<u64> {
        let size = self.quantity("a size such as 512KiB", parse_size, problems)?;
        if range.contains(&size) {
            return Some(size);
        }
        let [from, to, is] = [*range.start(), *range.end(), size].map(format_size);
        self.fail(problems, format!("must be from {from} to {to}, and is {is}"));
        None
    }

    /// One of the names in `choices`.
    pub(super) fn choice<T: Copy>(&self, choices: &[(&str, T)], problems: &mut Problems) -> Option<T> {
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        let Some(text) = self.written() else {
            let message = format!("must be a name, and is {}", self.node.describe());
            self.suggest(problems, message, listed(&names));
            return None;
        };
        let chosen = choices.iter().find(|(name, _)| *name == text).map(|(_, value)| *value);
        if chosen.is_none() {
            self.suggest(problems, format!("{} is not possible", quoted(text)), nearest(text, &names));
        }
        chosen
    }

    /// The items of a list.
    pub(super) fn list(&self, problems: &mut Problems) -> Option<Vec<Item<'t>>> {
        let Kind::List(nodes) = &self.node.kind else {
            let message = format!("must be a list, and is {}", self.node.describe());
            self.suggest(problems, message, "start each item with `- `, or write it in [ ]");
            return None;
        };
        let item = |(index, node)| Item { node, path: format!("{}[{index}]", self.path) };
        Some(nodes.iter().enumerate().map(item).collect())
    }

    /// The fields of a mapping.
    pub(super) fn fields(&self, problems: &mut Problems) -> Option<Fields<'t>> {
        let Kind::Mapping(entries) = &self.node.kind else {
            let message = format!("must be a mapping of fields, and is {}", self.node.describe());
            self.suggest(problems, message, "write fields as `name: value`, indented below it or in { }");
            return None;
        };
        Some(Fields { path: self.path.clone(), at: self.at(), entries, asked: Vec::new() })
    }
}

/// The fields of a mapping, which remembers what has been asked for.
#[derive(Debug)]
pub(super) struct Fields<'t> {
    path: String,
    at: &'t Place,
    entries: &'t [Entry],
    asked: Vec<&'static str>,
}

impl<'t> Fields<'t> {
    /// No fields, at a place where some might stand.
    pub(super) fn none(path: &str, at: &'t Place) -> Self {
        Self { path: path.to_owned(), at, entries: &[], asked: Vec::new() }
    }

    pub(super) fn at(&self) -> &'t Place {
        self.at
    }

    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// The path of the field `name`.
    pub(super) fn child(&self, name: &str) -> String {
        let simple =
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        match (self.path.is_empty(), simple) {
            (_, false) => format!("{}[{}]", self.path, quoted(name).trim_matches('`')),
            (true, true) => name.to_owned(),
            (false, true) => format!("{}.{name}", self.path),
        }
    }

    /// Every field there is, whatever its name.
    pub(super) fn all(&self) -> Vec<(&'t Entry, Item<'t>)> {
        let item = |entry: &'t Entry| Item { node: &entry.value, path: self.child(&entry.key) };
        self.entries.iter().map(|entry| (entry, item(entry))).collect()
    }

    /// The field `name`, if it is there and not empty.
    pub(super) fn optional(&mut self, name: &'static str) -> Option<Item<'t>> {
        self.asked.push(name);
        #[cfg(test)]
        super::asked::note(&self.path, name);
        let entry = self.entries.iter().find(|entry| entry.key == name)?;
        (!entry.value.is_null()).then(|| Item { node: &entry.value, path: self.child(name) })
    }

    /// The field `name`; reported as missing, with an example, if it is not there or empty.
    pub(super) fn required(
        &mut self,
        name: &'static str,
        example: &str,
        problems: &mut Problems,
    ) -> Option<Item<'t>> {
        let found = self.optional(name);
        if found.is_none() {
            let (at, message) = match self.entries.iter().find(|entry| entry.key == name) {
                Some(entry) if matches!(*entry.value.at.origin, Origin::Set(_)) => {
                    (&entry.value.at, "is empty")
                }
                Some(entry) => (&entry.key_at, "is empty"),
                None => (self.at, "is missing"),
            };
            problems.suggest(
                at,
                &self.child(name),
                message,
                format!("write for instance `{name}: {example}`"),
            );
        }
        found
    }

    /// Reports the fields that nobody has asked for. `refused` are names that people may well expect here,
    /// each with a sentence that says what is possible instead.
    pub(super) fn finish(self, refused: &[(&str, &str)], problems: &mut Problems) {
        #[cfg(test)]
        super::asked::note_refused(refused);
        for entry in self.entries.iter().filter(|entry| !self.asked.contains(&entry.key.as_str())) {
            let path = self.child(&entry.key);
            match refused.iter().find(|(name, _)| *name == entry.key) {
                // Emptied on purpose, in order to undo what the file that is extended says.
                Some(_) if entry.value.is_null() => {}
                Some((_, sentence)) => problems.add(&entry.key_at, &path, *sentence),
                None => {
                    problems.suggest(&entry.key_at, &path, "unknown field", nearest(&entry.key, &self.asked));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::tree::parse;
    use std::sync::Arc;

    /// What `read` reports about the root of `text`.
    fn reported(text: &str, read: impl Fn(&Item<'_>, &mut Problems) -> bool) -> String {
        let mut problems = Problems::default();
        let node = parse(text, &Arc::new(Origin::File("x.yaml".into())), &mut problems).unwrap();
        let fits = read(&Item { node: &node, path: "f".into() }, &mut problems);
        assert_eq!(fits, problems.is_empty(), "no value without a report, no report beside a value");
        problems.or(()).map_or_else(|error| error.to_string(), |()| "nothing".to_owned())
    }

    #[test]
    fn types_are_not_bent() {
        let text = |yaml| reported(yaml, |item, problems| item.text(problems).is_some());
        assert_eq!(text("\"8\""), "nothing");
        assert_eq!(text("8"), "x.yaml:1:1: f: must be text, and is a number; put it in quotes");
        assert_eq!(text("[a]"), "x.yaml:1:1: f: must be text, and is a list");

        let integer = |yaml| reported(yaml, |item, problems| item.integer(&(1..=16_u16), problems).is_some());
        assert_eq!(integer("16"), "nothing");
        assert_eq!(integer("17"), "x.yaml:1:1: f: must be a whole number from 1 to 16, and is 17");
        assert_eq!(
            integer("'8'"),
            "x.yaml:1:1: f: must be a whole number from 1 to 16, and is text; remove the quotes"
        );
        assert!(
            integer("-1").ends_with("and is -1") && integer("99999999999").ends_with("and is 99999999999")
        );
        assert!(
            integer("1.0").ends_with("and is a number with a decimal point")
                && integer("{}").ends_with("and is a mapping")
        );
        assert!(integer("1e1").ends_with("and is a number with an exponent"));
        assert!(integer("1.5E1").ends_with("and is a number with an exponent"));
        for digits in
            ["9999999999999999999999999999999999999999", "-9999999999999999999999999999999999999999"]
        {
            assert!(integer(digits).ends_with("and is a number with too many digits"), "{digits}");
        }
        for odd in [".inf", "-.inf", ".nan"] {
            assert!(integer(odd).ends_with("and is no finite number"), "{odd}");
        }

        let number = |yaml| reported(yaml, |item, problems| item.number(&(0.5..=16.0), problems).is_some());
        assert_eq!([number("16"), number("0.5"), number("1e1")], ["nothing"; 3]);
        assert_eq!(number("0.25"), "x.yaml:1:1: f: must be a number from 0.5 to 16, and is 0.25");
        assert!(number("17").ends_with("and is 17") && number("'8'").ends_with("remove the quotes"));
        assert!(number(".inf").ends_with("and is no finite number") && number("[1]").ends_with("is a list"));
        assert!(number("soon").ends_with("and is text"));

        let flag = |yaml| reported(yaml, |item, problems| item.flag(problems).is_some());
        assert_eq!(flag("true"), "nothing");
        assert_eq!(flag("yes"), "x.yaml:1:1: f: must be true or false, and is text");
    }

    #[test]
    fn durations_keep_their_range() {
        let range = Duration::from_millis(50)..=Duration::from_secs(29);
        let duration = |yaml| reported(yaml, |item, problems| item.duration(&range, problems).is_some());
        assert_eq!(duration("29s"), "nothing");
        assert_eq!(duration("\"29s\""), "nothing");
        assert_eq!(duration("30s"), "x.yaml:1:1: f: must be from 50ms to 29s, and is 30s");
        assert!(duration("30").contains("has no unit"));
        assert!(duration("[30s]").contains("must be a duration such as 30s, and is a list"));
    }

    #[test]
    fn sizes_keep_their_range() {
        let size =
            |yaml| reported(yaml, |item, problems| item.size(&(1 << 10..=100 << 20), problems).is_some());
        assert_eq!(size("1KiB"), "nothing");
        assert_eq!(size("100MiB"), "nothing");
        assert_eq!(size("1023B"), "x.yaml:1:1: f: must be from 1KiB to 100MiB, and is 1023B");
        assert_eq!(size("101MiB"), "x.yaml:1:1: f: must be from 1KiB to 100MiB, and is 101MiB");
        assert!(size("524288").contains("has no unit"));
        assert!(size("[1KiB]").contains("must be a size such as 512KiB, and is a list"));
    }

    #[test]
    fn a_field_nobody_asked_for_is_unknown() {
        let fields = |yaml| {
            reported(yaml, |item, problems| {
                let mut fields = item.fields(problems).unwrap();
                fields.optional("port");
                fields.required("replicas", "2", problems);
                fields.finish(&[("url", "belongs to another kind")], problems);
                problems.is_empty()
            })
        };
        assert_eq!(fields("{replicas: 2}"), "nothing");
        assert_eq!(fields("{replicas: 2, url: null}"), "nothing");
        assert_eq!(fields("{replicas: 2, url: x}"), "x.yaml:1:15: f.url: belongs to another kind");
        assert_eq!(
            fields("{replicas: 2, prot: null}"),
            "x.yaml:1:15: f.prot: unknown field; did you mean `port`?"
        );
        assert_eq!(
            fields("{replicas: , a.b: 2}"),
            "x.yaml:1:2: f.replicas: is empty; write for instance `replicas: 2`\n\
             x.yaml:1:14: f[a.b]: unknown field; possible are `port`, `replicas`"
        );
    }
}
