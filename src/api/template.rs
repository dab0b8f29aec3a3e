//! Templates: text in which `$input`, `$context` and `$stageVariables` are replaced (API Gateway Developer Guide,
//! "Variables for data transformations"). Velocity's directives are not executed: a template that has one is refused when
//! it is read.

use std::fmt::Write as _;

use serde_json::Value;

use super::json_path::JsonPath;
use super::model::Place;
use super::reference::{Reference, Scope, is_name};

/// A template, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Value(Reference),
    /// A place in the body, as JSON.
    Json(JsonPath),
    /// A parameter of the path, the query or the headers, looked for in this order.
    Any(String),
}

/// What a `$` may mean in a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Those of integrations, which Velocity reads: what is not known is refused.
    Velocity,
    /// Those of gateway responses, which only substitute: what is not known stays as it is (Developer Guide, "Gateway
    /// responses for REST APIs").
    Substitution,
    /// Those of access logs, which have `$context` and nothing of the request itself.
    Context,
}

/// Directives of Velocity (Velocity User Guide, "Directives").
const DIRECTIVES: [&str; 14] = [
    "set", "if", "elseif", "else", "end", "foreach", "include", "parse", "stop", "break", "evaluate",
    "define", "macro", "return",
];

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// What in it cannot be done, as the end of a sentence: “has the directive `#set`…”.
    pub fn parse(text: &str, dialect: Dialect) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['$', '#']) {
            plain.push_str(&rest[..at]);
            let escaped = plain.ends_with('\\');
            rest = &rest[at..];
            let velocity = dialect == Dialect::Velocity;
            if let Some(after) = rest.strip_prefix('#') {
                if let Some(directive) = directive(after).filter(|_| velocity) {
                    return Err(format!(
                        "has the directive `#{directive}`; landfall's gateway substitutes only"
                    ));
                }
                plain.push('#');
                rest = after;
                continue;
            }
            let Some((piece, after)) = reference(rest, dialect)? else {
                plain.push('$');
                rest = &rest[1..];
                continue;
            };
            if escaped && velocity {
                return Err("escapes a reference with `\\`, which landfall's gateway does not do".into());
            }
            if !plain.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut plain)));
            }
            pieces.push(piece);
            rest = after;
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            pieces.push(Piece::Text(plain));
        }
        Ok(Self(pieces))
    }

    /// The text with its references replaced; what refers to nothing is left out.
    #[must_use]
    pub fn render(&self, scope: &impl Scope) -> String {
        self.render_or(scope, "")
    }

    /// The same with `missing` in the place of what refers to nothing; access logs have a `-` there.
    #[must_use]
    pub fn render_or(&self, scope: &impl Scope, missing: &str) -> String {
        let mut rendered = String::new();
        // The body is read once, however many places of it are asked for.
        let mut document: Option<Option<Value>> = None;
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => rendered.push_str(text),
                Piece::Value(reference) => {
                    rendered.push_str(&reference.value(scope).unwrap_or(missing.into()));
                }
                Piece::Json(path) => {
                    let document =
                        document.get_or_insert_with(|| serde_json::from_slice(scope.body()).ok()).as_ref();
                    if let Some(value) = document.and_then(|document| path.find(document)) {
                        let _ = write!(rendered, "{value}");
                    }
                }
                Piece::Any(name) => {
                    let value = [Place::Path, Place::Query, Place::Header]
                        .into_iter()
                        .find_map(|place| scope.parameter(place, name, false));
                    rendered.push_str(&value.unwrap_or_default());
                }
            }
        }
        rendered
    }
}

/// The directive, or the comment, that begins behind a `#`.
fn directive(after: &str) -> Option<&str> {
    if after.starts_with(['#', '*']) || after.starts_with("[[") {
        return after.get(..1);
    }
    let rest = after.trim_start_matches('{');
    let end = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
    DIRECTIVES.contains(&&rest[..end]).then_some(&rest[..end])
}

/// The reference at the beginning of `text`, which begins with `$`, and what follows it; `None` where it is only a sign.
fn reference(text: &str, dialect: Dialect) -> Result<Option<(Piece, &str)>, String> {
    let after = &text[1..];
    let after = after.strip_prefix('!').unwrap_or(after);
    let (after, braced) = after.strip_prefix('{').map_or((after, false), |after| (after, true));
    let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len());
    let (word, rest) = after.split_at(end);
    if !word.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return Ok(None);
    }
    let found = match word {
        "context" => dotted(rest).map(|(name, rest)| (Piece::Value(Reference::Context(name)), rest)),
        "stageVariables" if dialect != Dialect::Context => {
            variable(rest).map(|(name, rest)| (Piece::Value(Reference::StageVariable(name)), rest))
        }
        "input" if dialect == Dialect::Velocity => input(rest),
        "method" if dialect == Dialect::Substitution => dotted(rest).and_then(|(name, rest)| {
            Some((Piece::Value(Reference::parse(&format!("method.{name}"))?), rest))
        }),
        _ => None,
    };
    let closed =
        found.and_then(|(piece, rest)| Some((piece, if braced { rest.strip_prefix('}')? } else { rest })));
    match (closed, dialect) {
        (None, Dialect::Velocity) => {
            let shown: String = text.chars().take_while(|c| !c.is_whitespace()).take(40).collect();
            Err(format!("has the reference `{shown}`, which landfall's gateway does not know"))
        }
        (found, _) => Ok(found),
    }
}

/// `.name.name` and what follows it. A full stop at the end belongs to the text.
fn dotted(text: &str) -> Option<(String, &str)> {
    let rest = text.strip_prefix('.')?;
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && !"_-.".contains(c)).unwrap_or(rest.len());
    let name = rest[..end].trim_end_matches(['.', '-']);
    is_name(name).then(|| (name.to_owned(), &rest[name.len()..]))
}

/// `.name`, `['name']` or `.get('name')`, and what follows it.
fn variable(text: &str) -> Option<(String, &str)> {
    let called = |open: &str, close: &str| {
        let (name, rest) = quoted(text.strip_prefix(open)?)?;
        Some((name.to_owned(), rest.strip_prefix(close)?))
    };
    called("[", "]").or_else(|| called(".get(", ")")).or_else(|| {
        let rest = text.strip_prefix('.')?;
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        (end > 0).then(|| (rest[..end].to_owned(), &rest[end..]))
    })
}

/// `.body`, `.json('$.a')` or `.params('name')`, and what follows it.
fn input(text: &str) -> Option<(Piece, &str)> {
    let call = |name: &str| {
        let (argument, rest) = quoted(text.strip_prefix(name)?.strip_prefix('(')?.trim_start())?;
        Some((argument, rest.trim_start().strip_prefix(')')?))
    };
    if let Some((path, rest)) = call(".json") {
        return Some((Piece::Json(JsonPath::parse(path)?), rest));
    }
    if let Some((name, rest)) = call(".params") {
        return Some((Piece::Any(name.to_owned()), rest));
    }
    let rest = text.strip_prefix(".body")?;
    (!rest.starts_with(|c: char| c.is_ascii_alphanumeric()))
        .then_some((Piece::Value(Reference::Body(None)), rest))
}

fn quoted(text: &str) -> Option<(&str, &str)> {
    let quote = text.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    text[1..].split_once(quote)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::reference::tests::Pairs;
    use proptest::prelude::*;

    fn request() -> Pairs {
        Pairs {
            parameters: vec![
                (Place::Path, "topic", "quakes"),
                (Place::Header, "X-A", "h"),
                (Place::Query, "q", "v"),
            ],
            named: vec![
                ("requestId", "r-1"),
                ("authorizer.tenant", "t"),
                ("error.messageString", "\"no\""),
                ("nlb", "n"),
            ],
            body: r#"{"records":[{"key":"k"}]}"#,
        }
    }

    fn rendered(text: &str, dialect: Dialect) -> String {
        Template::parse(text, dialect).unwrap().render(&request())
    }

    #[test]
    fn references_are_replaced() {
        for (template, expected) in [
            ("", ""),
            ("{\"statusCode\": 200}", "{\"statusCode\": 200}"),
            ("$input.body", r#"{"records":[{"key":"k"}]}"#),
            ("$input.json('$.records[0]') $input.json(\"$.none\")!", "{\"key\":\"k\"} !"),
            (
                "$input.params('topic')/$input.params('X-A')/$input.params('q')/$input.params('z')",
                "quakes/h/v/",
            ),
            ("$context.requestId. ${context.authorizer.tenant}x $!{context.none}", "r-1. tx "),
            ("$stageVariables.nlb:8082 $stageVariables['nlb'] ${stageVariables.get('nlb')}", "n:8082 n n"),
            ("100$ #1 #fff", "100$ #1 #fff"),
        ] {
            assert_eq!(rendered(template, Dialect::Velocity), expected, "{template}");
        }
        let log = "$context.requestId $method.request.header.X-A $stageVariables.nlb";
        assert_eq!(rendered(log, Dialect::Context), "r-1 $method.request.header.X-A $stageVariables.nlb");
        let template =
            r#"{"message":$context.error.messageString,"t":"$method.request.header.X-A","u":"$util.x #if"}"#;
        let expected = r#"{"message":"no","t":"h","u":"$util.x #if"}"#;
        assert_eq!(rendered(template, Dialect::Substitution), expected);
    }

    #[test]
    fn what_cannot_be_done_is_refused() {
        for (template, message) in [
            ("#set($x = 1)$x", "directive `#set`"),
            ("a #{if}(true)b#end", "directive `#if`"),
            ("## a comment", "directive `##`"),
            ("$util.escapeJavaScript('x')", "reference `$util.escapeJavaScript('x')`"),
            ("$input.path('$.a')", "reference `$input.path('$.a')`"),
            ("$input.json('$..a')", "reference `$input.json('$..a')`"),
            ("${context.requestId", "reference `${context.requestId`"),
            ("\\$context.requestId", "escapes a reference"),
            ("$inputRoot.a", "reference `$inputRoot.a`"),
        ] {
            let error = Template::parse(template, Dialect::Velocity).unwrap_err();
            assert!(error.contains(message), "{template}: {error}");
        }
    }

    proptest! {
        #[test]
        fn no_text_breaks_it(text in "[$#{}!.a-z()'\"\\[\\]\\\\ é]{0,40}|.{0,40}") {
            for dialect in [Dialect::Velocity, Dialect::Substitution, Dialect::Context] {
                if let Ok(template) = Template::parse(&text, dialect) {
                    let rendered = template.render(&request());
                    prop_assert!(!text.is_empty() || rendered.is_empty());
                }
            }
        }

        #[test]
        fn text_without_signs_stays(text in "[^$#]{0,40}") {
            prop_assert_eq!(rendered(&text, Dialect::Velocity), text);
        }
    }
}
