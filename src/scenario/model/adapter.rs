//! Adapters: how a kind of image is configured as a box of the path.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::profile::TokenProfile;
use crate::secret::Secret;

/// How an image is started as a box.
#[derive(Debug, Clone, PartialEq)]
pub struct Adapter {
    /// Its name.
    pub name: String,
    /// The image where the scenario names none; `{release}` in it stands for the version of the box's profile.
    pub image: String,
    /// The port at which it listens within its container.
    pub port: u16,
    /// Environment variables.
    pub env: BTreeMap<String, Template>,
    /// Files by their paths in the container.
    pub files: BTreeMap<String, Template>,
    /// The program, in place of the image's own.
    pub entrypoint: Option<Vec<Template>>,
    /// Its arguments, in place of the image's own.
    pub command: Option<Vec<Template>>,
    /// How one knows that it can be used.
    pub ready: Ready,
    /// The signal that asks it to stop, in place of the image's own.
    pub stop_signal: Option<String>,
    /// How long it may take to stop before it is killed.
    pub stop_within: Duration,
    /// The profile by which conformance is judged, for instance `confluent@7.9`.
    pub profile: Option<String>,
    /// The path of its issuer, where it is an identity provider.
    pub issuer: Option<String>,
    /// What its tokens look like, where it is an identity provider and the scenario does not say.
    pub token_profile: Option<TokenProfile>,
    /// Where its API begins, where it is a schema registry and that is not `/`.
    pub path: Option<String>,
}

impl Adapter {
    /// Whether this placeholder stands in any of it.
    #[must_use]
    pub fn uses(&self, name: &str) -> bool {
        let words = self.entrypoint.iter().chain(&self.command).flatten();
        self.env.values().chain(self.files.values()).chain(words).any(|template| template.uses(name))
    }

    /// Whether it tells an identity provider how long tokens are to live.
    #[must_use]
    pub fn tells_token_life(&self) -> bool {
        TELL_TOKEN_LIFE.iter().any(|name| self.uses(name))
    }
}

/// How one knows that a box can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ready {
    /// It accepts connections.
    Tcp,
    /// It answers a GET of this path with a status below 500.
    Http(String),
    /// It has written a record to Kafka (REST Proxy API v2, a JSON object).
    Produce,
}

/// What stands for values that are known when the path comes up, in the adapter of an identity provider.
pub const PROVIDER_PLACEHOLDERS: &[&str] =
    &["audience", "clients.keycloak", "clients.mock_oauth2", "name", "port", "token_life"];

/// Those of them in which the life of tokens is.
const TELL_TOKEN_LIFE: [&str; 3] = ["clients.keycloak", "clients.mock_oauth2", "token_life"];

/// What stands for values that are known when the path comes up, in the adapters of those who use Kafka.
pub const KAFKA_PLACEHOLDERS: &[&str] = &[
    "bootstrap",
    "ca.file",
    "kafka.hosts",
    "name",
    "port",
    "release",
    "sasl.jaas",
    "sasl.jaas.properties",
    "sasl.mechanism",
    "sasl.password",
    "sasl.password.file",
    "sasl.username",
    "sasl.username.json",
    "security.protocol",
    "topic",
    "topic.partitions",
];

/// What stands for values besides these, in the adapter of a REST proxy.
pub const PROXY_PLACEHOLDERS: &[&str] =
    &["profile", "registry", "registry.host", "registry.port", "replica", "replicas"];

/// The placeholders that stand for secrets.
pub const SECRET_PLACEHOLDERS: &[&str] =
    &["clients.keycloak", "sasl.jaas", "sasl.jaas.properties", "sasl.password"];

/// Text with placeholders in braces. Braces around anything that is no name, as in JSON, are text; `{{name}}` stands for the
/// text `{name}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Value(&'static str),
}

impl Template {
    /// Reads a template, in which placeholders of `known` may stand.
    ///
    /// # Errors
    /// The first placeholder that there is not.
    pub fn parse(text: &str, known: &[&'static str]) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(at) = rest.find('{') {
            plain.push_str(&rest[..at]);
            rest = &rest[at + 1..];
            if let Some((name, after)) = rest.strip_prefix('{').and_then(|inner| inner.split_once("}}"))
                && is_name(name)
            {
                plain.push('{');
                plain.push_str(name);
                plain.push('}');
                rest = after;
                continue;
            }
            match rest.split_once('}').filter(|(name, _)| is_name(name)) {
                Some((name, after)) => {
                    let found = known.iter().find(|known| **known == name);
                    pieces.push(Piece::Text(std::mem::take(&mut plain)));
                    pieces.push(Piece::Value(found.ok_or_else(|| name.to_owned())?));
                    rest = after;
                }
                None => plain.push('{'),
            }
        }
        plain.push_str(rest);
        pieces.push(Piece::Text(plain));
        pieces.retain(|piece| !matches!(piece, Piece::Text(text) if text.is_empty()));
        Ok(Self(pieces))
    }

    /// The text with `value` of each placeholder in its place.
    ///
    /// # Errors
    /// What `value` gives for the first placeholder that has none.
    pub fn fill<E>(&self, value: impl Fn(&'static str) -> Result<Secret, E>) -> Result<Secret, E> {
        let mut text = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(plain) => text.push_str(plain),
                Piece::Value(name) => text.push_str(value(name)?.expose()),
            }
        }
        Ok(Secret::new(text))
    }

    /// Whether any placeholder stands in it.
    #[must_use]
    pub fn has_placeholder(&self) -> bool {
        self.0.iter().any(|piece| matches!(piece, Piece::Value(_)))
    }

    /// The same, line by line, each with its end.
    #[must_use]
    pub fn lines(&self) -> Vec<Self> {
        let mut lines: Vec<Vec<Piece>> = vec![Vec::new()];
        for piece in &self.0 {
            let Piece::Text(text) = piece else {
                lines.last_mut().into_iter().for_each(|line| line.push(piece.clone()));
                continue;
            };
            for part in text.split_inclusive('\n') {
                lines.last_mut().into_iter().for_each(|line| line.push(Piece::Text(part.to_owned())));
                if part.ends_with('\n') {
                    lines.push(Vec::new());
                }
            }
        }
        lines.retain(|line| !line.is_empty());
        lines.into_iter().map(Self).collect()
    }

    /// Whether this placeholder stands in it.
    #[must_use]
    pub fn uses(&self, name: &str) -> bool {
        self.0.iter().any(|piece| matches!(piece, Piece::Value(used) if *used == name))
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => f.write_str(text)?,
                Piece::Value(name) => write!(f, "{{{name}}}")?,
            }
        }
        Ok(())
    }
}

/// Small letters, digits, dots and underscores.
fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || b"._".contains(&c))
        && name.starts_with(|c: char| c.is_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(text: &str) -> Result<String, String> {
        let template = Template::parse(text, &[KAFKA_PLACEHOLDERS, PROXY_PLACEHOLDERS].concat())?;
        let value = |name: &'static str| Ok::<_, String>(Secret::new(format!("<{name}>")));
        template.fill(value).map(|secret| secret.expose().to_owned())
    }

    #[test]
    fn placeholders_are_filled_in_and_other_braces_are_text() {
        for (text, expected) in [
            ("SASL_SSL://{bootstrap}", "SASL_SSL://<bootstrap>"),
            ("{replica}{replicas}", "<replica><replicas>"),
            (r#"{"a": {"b": "{ca.file}"}}"#, r#"{"a": {"b": "<ca.file>"}}"#),
            (r#"{ "a": 1 }"#, r#"{ "a": 1 }"#),
            ("{{bootstrap}}", "{bootstrap}"),
            ("{", "{"),
            ("}{Upper}{}", "}{Upper}{}"),
            ("", ""),
        ] {
            assert_eq!(filled(text).as_deref(), Ok(expected), "{text}");
        }
        assert_eq!(filled("a{bootstrp}"), Err("bootstrp".to_owned()));
    }

    #[test]
    fn lines_are_those_of_the_text() {
        let lines = |text: &str| {
            Template::parse(text, KAFKA_PLACEHOLDERS)
                .unwrap()
                .lines()
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
        };
        assert_eq!(lines("a={topic}\n\nb\n  c{name}"), ["a={topic}\n", "\n", "b\n", "  c{name}"]);
        assert_eq!(lines("{topic}"), ["{topic}"]);
        assert_eq!(lines(""), [""; 0]);
    }
}
