//! YAML text as a tree whose every part knows where it stands.
//!
//! One document, YAML 1.2 core schema, no tags but the core ones. Quoted scalars stay text, whatever they
//! look like. Aliases are resolved by copying, within a budget, so that no file can blow up.

use std::collections::HashMap;
use std::sync::Arc;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span, Tag};

use super::error::{Origin, Place, Problems, quoted};
use super::scalar::{Resolved, Scalar};

/// Values a file may hold, aliases counted with all that they stand for.
const MOST_NODES: usize = 20_000;

/// How deep lists and mappings may be nested.
pub(super) const DEEPEST: usize = 64;

/// A value and its place.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub(super) kind: Kind,
    pub(super) at: Place,
}

/// The three shapes of a value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    Scalar(Scalar),
    List(Vec<Node>),
    Mapping(Vec<Entry>),
}

/// A member of a mapping.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) key_at: Place,
    pub(super) value: Node,
}

impl Node {
    /// An empty mapping at `at`.
    pub(super) fn empty_mapping(at: Place) -> Self {
        Self { kind: Kind::Mapping(Vec::new()), at }
    }

    /// Whether the value is there in form only: `key:` or `key: null`.
    pub(super) fn is_null(&self) -> bool {
        matches!(&self.kind, Kind::Scalar(scalar) if scalar.resolve() == Resolved::Null)
    }

    /// Whether it is a mapping.
    pub(super) fn is_mapping(&self) -> bool {
        matches!(self.kind, Kind::Mapping(_))
    }

    /// The member `name`, if this is a mapping that has it.
    pub(super) fn member(&self, name: &str) -> Option<&Entry> {
        match &self.kind {
            Kind::Mapping(entries) => entries.iter().find(|entry| entry.key == name),
            _ => None,
        }
    }

    /// What the value is, in words.
    pub(super) fn describe(&self) -> &'static str {
        match &self.kind {
            Kind::List(_) => "a list",
            Kind::Mapping(_) => "a mapping",
            Kind::Scalar(scalar) => match scalar.resolve() {
                Resolved::Null => "empty",
                Resolved::Bool(_) => "true or false",
                Resolved::Integer(_) => "a number",
                Resolved::Float(_) => describe_float(&scalar.text),
                Resolved::Text(_) => "text",
            },
        }
    }

    /// Number of values in it and depth of nesting.
    fn extent(&self) -> (usize, usize) {
        let children: Vec<&Node> = match &self.kind {
            Kind::Scalar(_) => return (1, 0),
            Kind::List(items) => items.iter().collect(),
            Kind::Mapping(entries) => entries.iter().map(|entry| &entry.value).collect(),
        };
        children.into_iter().map(Node::extent).fold((1, 1), |(size, depth), (child_size, child_depth)| {
            (size + child_size, depth.max(child_depth + 1))
        })
    }
}

/// What a number is that is no integer of the tree, in words. Its value may be whole all the same.
fn describe_float(text: &str) -> &'static str {
    if text.contains(['e', 'E']) {
        "a number with an exponent"
    } else if !text.contains(|c: char| c.is_ascii_digit()) {
        "no finite number"
    } else if text.contains('.') {
        "a number with a decimal point"
    } else {
        "a number with too many digits"
    }
}

/// Reads `text`. `None` if it is no YAML document, which has then been reported; faults that leave a tree
/// (a key given twice, a strange tag) are reported and reading goes on.
pub(super) fn parse(text: &str, origin: &Arc<Origin>, problems: &mut Problems) -> Option<Node> {
    let mut builder =
        Builder { origin, problems, open: Vec::new(), anchors: HashMap::new(), nodes: 0, root: None };
    if let Some(index) = text.find('\0') {
        let at = place_of_byte(text, index, origin);
        builder.problems.add(&at, "", "holds a NUL byte, so it is no text file; a scenario is YAML text");
        return None;
    }
    for event in Parser::new_from_str(text) {
        match event {
            Ok((event, span)) => builder.take(event, span).ok()?,
            Err(error) => {
                builder.syntax_error(&error);
                return None;
            }
        }
    }
    if builder.root.is_none() {
        let at = Place::whole(origin);
        builder.problems.suggest(&at, "", "is empty", "a scenario starts with `version: 1`");
    }
    builder.root
}

/// The place of the byte at `index`, counted in lines and characters.
pub(super) fn place_of_byte(text: &str, index: usize, origin: &Arc<Origin>) -> Place {
    let before = &text[..index];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    Place {
        origin: Arc::clone(origin),
        line: before.matches('\n').count() + 1,
        column: before[line_start..].chars().count() + 1,
    }
}

/// Reading cannot go on; the reason has been reported.
struct Stop;

/// A list or mapping that has begun.
struct Open {
    at: Place,
    anchor: usize,
    content: Content,
}

enum Content {
    List(Vec<Node>),
    Mapping { entries: Vec<Entry>, seen: HashMap<String, Place>, key: Option<(String, Place)> },
}

struct Builder<'a> {
    origin: &'a Arc<Origin>,
    problems: &'a mut Problems,
    open: Vec<Open>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
    root: Option<Node>,
}

impl Builder<'_> {
    fn place(&self, marker: Marker) -> Place {
        Place { origin: Arc::clone(self.origin), line: marker.line(), column: marker.col() + 1 }
    }

    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Stop> {
        let at = self.place(span.start);
        match event {
            Event::DocumentStart(_) if self.root.is_some() => {
                self.stop(&at, "a second YAML document starts here; a scenario file holds exactly one")
            }
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => Ok(()),
            Event::Scalar(text, style, anchor, tag) => {
                let mut scalar = Scalar { text: text.into_owned(), plain: style == ScalarStyle::Plain };
                if let Some(tag) = tag {
                    self.tag_scalar(&tag, &mut scalar, &at);
                }
                self.close(Node { kind: Kind::Scalar(scalar), at }, anchor)
            }
            Event::SequenceStart(anchor, tag) => {
                self.tag_collection(tag.as_deref(), "seq", &at);
                self.begin(at, anchor, Content::List(Vec::new()))
            }
            Event::MappingStart(anchor, tag) => {
                self.tag_collection(tag.as_deref(), "map", &at);
                let content = Content::Mapping { entries: Vec::new(), seen: HashMap::new(), key: None };
                self.begin(at, anchor, content)
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open { at, anchor, content }) => {
                    let kind = match content {
                        Content::List(items) => Kind::List(items),
                        Content::Mapping { entries, .. } => Kind::Mapping(entries),
                    };
                    self.close(Node { kind, at }, anchor)
                }
                None => self.stop(&at, "a list or mapping ends here that never began"),
            },
            Event::Alias(anchor) => self.alias(anchor, &at),
        }
    }

    fn begin(&mut self, at: Place, anchor: usize, content: Content) -> Result<(), Stop> {
        if self.open.len() >= DEEPEST {
            return self.stop(&at, too_deep());
        }
        self.open.push(Open { at, anchor, content });
        Ok(())
    }

    /// Puts a finished value where it belongs.
    fn close(&mut self, node: Node, anchor: usize) -> Result<(), Stop> {
        self.nodes += 1;
        if self.nodes > MOST_NODES {
            return self.stop(&node.at, too_many());
        }
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        self.place_in_parent(node)
    }

    fn place_in_parent(&mut self, node: Node) -> Result<(), Stop> {
        let Some(parent) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match &mut parent.content {
            Content::List(items) => items.push(node),
            Content::Mapping { entries, seen, key } => match key.take() {
                None => {
                    let Kind::Scalar(scalar) = node.kind else {
                        let message = format!("a key must be a name, and this one is {}", node.describe());
                        return self.stop(&node.at, message);
                    };
                    *key = Some((scalar.text, node.at));
                }
                Some((key, key_at)) => {
                    if let Some(first) = seen.get(&key) {
                        let message = format!(
                            "the key {} stands here for the second time, first in line {}, column {}",
                            quoted(&key),
                            first.line,
                            first.column
                        );
                        self.problems.suggest(&key_at, "", message, "remove one of the two");
                    } else {
                        seen.insert(key.clone(), key_at.clone());
                        entries.push(Entry { key, key_at, value: node });
                    }
                }
            },
        }
        Ok(())
    }

    fn alias(&mut self, anchor: usize, at: &Place) -> Result<(), Stop> {
        let Some(node) = self.anchors.get(&anchor).cloned() else {
            return self.stop(at, "this alias stands within the value that it stands for");
        };
        let (size, depth) = node.extent();
        self.nodes += size;
        if self.nodes > MOST_NODES {
            return self.stop(at, too_many());
        }
        if self.open.len() + depth > DEEPEST {
            return self.stop(at, too_deep());
        }
        self.place_in_parent(node)
    }

    fn tag_scalar(&mut self, tag: &Tag, scalar: &mut Scalar, at: &Place) {
        let suffix = if tag.is_yaml_core_schema() { tag.suffix.as_str() } else { "" };
        if suffix == "str" {
            scalar.plain = false;
            return;
        }
        scalar.plain = true;
        let fits = matches!(
            (suffix, scalar.resolve()),
            ("null", Resolved::Null)
                | ("bool", Resolved::Bool(_))
                | ("int", Resolved::Integer(_))
                | ("float", Resolved::Float(_) | Resolved::Integer(_))
        );
        if !fits {
            self.strange_tag(tag, at);
        }
    }

    fn tag_collection(&mut self, tag: Option<&Tag>, expected: &str, at: &Place) {
        if let Some(tag) = tag
            && !(tag.is_yaml_core_schema() && tag.suffix == expected)
        {
            self.strange_tag(tag, at);
        }
    }

    fn strange_tag(&mut self, tag: &Tag, at: &Place) {
        if tag.is_yaml_core_schema() {
            let message = format!("the tag {} does not fit this value", quoted(&format!("!!{}", tag.suffix)));
            self.problems.suggest(at, "", message, "remove it, a scenario needs no tags");
        } else {
            // Its name is not shown: it may be a password that begins with `!`.
            let remedy = "remove it, or put text that begins with `!` in quotes";
            self.problems.suggest(at, "", "a tag stands here, and a scenario knows none", remedy);
        }
    }

    fn syntax_error(&mut self, error: &ScanError) {
        let at = self.place(*error.marker());
        let info = error.info();
        let message = format!("this is not valid YAML: {info}");
        if info.contains("tab") && !info.contains("table") {
            self.problems.suggest(&at, "", message, "indent with spaces");
        } else if info.contains("mapping values are not allowed") {
            let remedy = "check the indentation, and put text that contains `: ` in quotes";
            self.problems.suggest(&at, "", message, remedy);
        } else if info.contains("flow") {
            self.problems.suggest(&at, "", message, "check that every `{` and `[` before is closed");
        } else {
            self.problems.add(&at, "", message);
        }
    }

    fn stop(&mut self, at: &Place, message: impl Into<String>) -> Result<(), Stop> {
        self.problems.add(at, "", message);
        Err(Stop)
    }
}

fn too_many() -> String {
    format!("holds more than {MOST_NODES} values (aliases counted in full), which no scenario needs")
}

fn too_deep() -> String {
    format!("is nested deeper than {DEEPEST} levels, which no scenario needs")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Result<Node, String> {
        let mut problems = Problems::default();
        let node = parse(text, &Arc::new(Origin::File("x.yaml".into())), &mut problems);
        match problems.or(node) {
            Ok(node) => Ok(node.expect("a tree or a problem")),
            Err(error) => Err(error.to_string()),
        }
    }

    fn scalar(text: &str) -> Scalar {
        match read(text).unwrap().kind {
            Kind::Scalar(scalar) => scalar,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn quoted_and_tagged_scalars_are_text() {
        assert_eq!(scalar("\"8\"").resolve(), Resolved::Text("8"));
        assert_eq!(scalar("'8'").resolve(), Resolved::Text("8"));
        assert_eq!(scalar("!!str 8").resolve(), Resolved::Text("8"));
        assert_eq!(scalar("!!int \"8\"").resolve(), Resolved::Integer(8));
        assert_eq!(scalar("8").resolve(), Resolved::Integer(8));
    }

    #[test]
    fn every_part_knows_its_place() {
        let node = read("a: 1\nb:\n  - ä: 2\n").unwrap();
        let b = node.member("b").unwrap();
        assert_eq!((b.key_at.line, b.key_at.column), (2, 1));
        let Kind::List(items) = &b.value.kind else { panic!() };
        let entry = items[0].member("ä").unwrap();
        assert_eq!((entry.key_at.line, entry.key_at.column), (3, 5));
        assert_eq!((entry.value.at.line, entry.value.at.column), (3, 8));
    }

    #[test]
    fn aliases_stand_for_what_was_anchored() {
        let node = read("a: &x { k: 1 }\nb: *x\n").unwrap();
        assert_eq!(node.member("a").unwrap().value, node.member("b").unwrap().value);
    }

    #[test]
    fn a_billion_laughs_are_refused() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..10 {
            let previous = format!("*a{}", level - 1);
            text = format!("{text}a{level}: &a{level} [{}]\n", vec![previous; 10].join(", "));
        }
        let error = read(&text).unwrap_err();
        assert!(error.contains("holds more than 20000 values"), "{error}");
    }

    #[test]
    fn what_a_scenario_never_needs_is_refused() {
        for (text, expected) in [
            ("", "x.yaml: is empty"),
            ("# only a comment\n", "x.yaml: is empty"),
            ("a: 1\n---\nb: 2\n", "x.yaml:2:1: a second YAML document"),
            (
                "a: 1\nb: 2\na: 3\n",
                "x.yaml:3:1: the key `a` stands here for the second time, first in line 1, column 1",
            ),
            ("a: !mine 1\n", "x.yaml:1:4: a tag stands here"),
            ("a: !!int x\n", "the tag `!!int`"),
            ("a: !!map [1]\n", "the tag `!!map`"),
            ("a: &x [*x]\n", "this alias stands within the value"),
            ("a: *x\n", "unknown anchor"),
            ("? [a]\n: 1\n", "a key must be a name, and this one is a list"),
            ("a: {b: 1\n", "not valid YAML"),
            ("a:\n\tb: 1\n", "indent with spaces"),
            ("a: b: c\n", "in quotes"),
            ("a: \0\n", "x.yaml:1:4: holds a NUL byte"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(expected), "{text:?}: {error}");
        }
    }

    #[test]
    fn deep_nesting_is_refused_in_every_style() {
        for text in
            ["[".repeat(200), "- ".repeat(200), "{a: ".repeat(200), "? ".repeat(200), "[".repeat(500_000)]
        {
            let error = read(&text).unwrap_err();
            assert!(error.contains("x.yaml:1:"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in any::<String>()) {
            let _ = read(&text);
        }

        #[test]
        fn no_near_yaml_panics(text in "[-?:,\\[\\]{}#&*!|>'\"%@` \t\r\nab01.~\u{feff}\u{85}\u{e9}]{0,60}") {
            let _ = read(&text);
        }
    }
}
