//! What evidence shows of a record's content: its beginning, as printable text, without what must not be shown.
//!
//! What must not be shown is known from what was sent. Where it landed otherwise, so that it cannot be told where that
//! stands now, nothing of the value is shown.

use std::mem::discriminant;

use serde_json::Value;

use crate::record::{Content, Landed, Note};
use crate::result::Excerpt;
use crate::secret::REDACTED;

/// Members that hold secrets wherever they stand, in lower case.
const SECRETS: [&str; 9] = [
    "password",
    "passwd",
    "secret",
    "client_secret",
    "token",
    "access_token",
    "refresh_token",
    "authorization",
    "api_key",
];

/// Texts that are shorter are not looked for: they stand everywhere.
const SHORTEST_LEAF: usize = 3;

/// How much evidence shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quotes {
    /// Examples of each kind of finding.
    pub examples: usize,
    /// Longest excerpt, in bytes.
    pub bytes: usize,
    /// JSON pointers (RFC 6901) into values: what stands there is not shown.
    pub redact: Vec<String>,
}

impl Default for Quotes {
    fn default() -> Self {
        Self { examples: 5, bytes: 200, redact: Vec::new() }
    }
}

impl Quotes {
    /// What may be shown of a record that was sent with this content.
    pub(super) fn view(&self, sent: &Content) -> View<'_> {
        let bytes = sent.value.as_deref().unwrap_or(b"null");
        let sent = serde_json::from_slice::<Value>(bytes).ok();
        let mut leaves = Vec::new();
        let hides = match &sent {
            Some(value) => {
                hidden_parts(value, &self.redact, &mut leaves);
                !leaves.is_empty()
            }
            None => !self.redact.is_empty() || names_a_secret(&String::from_utf8_lossy(bytes)),
        };
        View { quotes: self, sent, hides, leaves }
    }

    /// What an answer said, unless it may repeat what must not be shown.
    #[must_use]
    pub fn note<'n>(&self, note: &'n Note) -> Option<&'n str> {
        (self.redact.is_empty() && !names_a_secret(&note.text)).then_some(note.text.as_str())
    }

    /// The beginning of the bytes as printable text.
    fn clip(&self, bytes: &[u8]) -> String {
        let shown = &bytes[..bytes.len().min(self.bytes)];
        let mut text = String::with_capacity(shown.len());
        for byte in shown {
            // Printable ASCII as it is; quotes are JSON's own, and need no mark.
            match byte {
                b'"' | b'\'' => text.push(char::from(*byte)),
                _ => text.extend(byte.escape_ascii().map(char::from)),
            }
        }
        if shown.len() < bytes.len() {
            text.push('…');
        }
        text
    }

    /// The same in quotation marks.
    pub(super) fn quoted(&self, bytes: &[u8]) -> String {
        format!("`{}`", self.clip(bytes))
    }
}

/// What may be shown of one record, wherever it was found.
#[derive(Debug)]
pub(super) struct View<'q> {
    quotes: &'q Quotes,
    /// The value that was sent, if it is JSON.
    sent: Option<Value>,
    /// Whether something in it must not be shown.
    hides: bool,
    /// The texts of that.
    leaves: Vec<String>,
}

impl View<'_> {
    /// The excerpt of what was sent.
    pub(super) fn of_content(&self, content: &Content) -> Excerpt {
        self.excerpt(content.key.as_deref(), content.value.as_deref(), true)
    }

    /// The excerpt of what was found.
    pub(super) fn of_landed(&self, landed: &Landed) -> Excerpt {
        self.excerpt(landed.key.as_deref(), landed.value.as_deref(), false)
    }

    fn excerpt(&self, key: Option<&[u8]>, value: Option<&[u8]>, is_sent: bool) -> Excerpt {
        Excerpt {
            key: key.map(|key| self.key(key)),
            value: value.map(|value| self.value(value, is_sent)),
            value_bytes: value.map(|value| value.len() as u64),
        }
    }

    fn key(&self, bytes: &[u8]) -> String {
        match &self.sent {
            None if self.hides => REDACTED.to_owned(),
            _ => self.quotes.clip(self.masked(&String::from_utf8_lossy(bytes)).as_bytes()),
        }
    }

    fn value(&self, bytes: &[u8], is_sent: bool) -> String {
        let Ok(mut value) = serde_json::from_slice::<Value>(bytes) else { return self.bytes(bytes) };
        if self.hides && !is_sent && !self.has_its_places(&value) {
            return REDACTED.to_owned();
        }
        if hide(&mut value, &self.quotes.redact) {
            self.quotes.clip(self.masked(&value.to_string()).as_bytes())
        } else {
            self.bytes(bytes)
        }
    }

    /// Whether what must not be shown stands in the value where it stood when it was sent.
    fn has_its_places(&self, value: &Value) -> bool {
        let Some(sent) = &self.sent else { return false };
        let (mut here, mut there) = (Vec::new(), Vec::new());
        hidden_places(value, String::new(), &self.quotes.redact, &mut here);
        hidden_places(sent, String::new(), &self.quotes.redact, &mut there);
        discriminant(sent) == discriminant(value) && here == there
    }

    /// Bytes of which nobody can tell what stands where.
    fn bytes(&self, bytes: &[u8]) -> String {
        if self.hides || names_a_secret(&String::from_utf8_lossy(bytes)) {
            REDACTED.to_owned()
        } else {
            self.quotes.clip(bytes)
        }
    }

    /// The same in quotation marks.
    pub(super) fn raw(&self, bytes: &[u8]) -> String {
        format!("`{}`", self.bytes(bytes))
    }

    /// A key, in quotation marks.
    pub(super) fn quoted_key(&self, bytes: &[u8]) -> String {
        format!("`{}`", self.key(bytes))
    }

    /// Both sides of a difference at `pointer` of the value; `None` is nothing.
    pub(super) fn sides(
        &self,
        pointer: &str,
        sent: Option<&Value>,
        landed: Option<&Value>,
    ) -> (String, String) {
        if self.is_hidden(pointer) {
            return (REDACTED.to_owned(), REDACTED.to_owned());
        }
        let nothing = || "nothing".to_owned();
        let shown = |value: &Value| {
            let mut value = value.clone();
            let below = |hidden: &String| hidden.strip_prefix(pointer).map(str::to_owned);
            let below: Vec<String> = self.quotes.redact.iter().filter_map(below).collect();
            hide(&mut value, &below);
            self.quotes.quoted(self.masked(&value.to_string()).as_bytes())
        };
        // What has another shape than was sent may hold anything that was sent.
        let alike = |landed: &Value| {
            let same = sent.is_some_and(|sent| discriminant(sent) == discriminant(landed));
            same && !matches!(landed, Value::Object(_) | Value::Array(_))
        };
        let theirs = match landed {
            Some(landed) if self.hides && !alike(landed) => REDACTED.to_owned(),
            Some(landed) => shown(landed),
            None => nothing(),
        };
        (sent.map_or_else(nothing, shown), theirs)
    }

    /// Whether what stands at a pointer must not be shown.
    fn is_hidden(&self, pointer: &str) -> bool {
        let within = |hidden: &String| {
            pointer.strip_prefix(hidden.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.quotes.redact.iter().any(within) || pointer.split('/').any(is_secret)
    }

    /// The text without what must not be shown, as it is or as JSON writes it.
    fn masked(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for leaf in &self.leaves {
            let escaped = Value::from(leaf.as_str()).to_string();
            for form in [leaf.as_str(), escaped.trim_matches('"')] {
                if form.len() >= SHORTEST_LEAF && text.contains(form) {
                    text = text.replace(form, REDACTED);
                }
            }
        }
        text
    }
}

fn is_secret(name: &str) -> bool {
    SECRETS.contains(&name.to_ascii_lowercase().as_str())
}

/// Whether a text may be JSON, or a piece of it, with a member that is called like a secret.
fn names_a_secret(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    SECRETS.iter().any(|name| text.contains(&format!("{name}\"")) || text.contains(&format!("{name}\\\"")))
}

/// The texts of all that stands at the pointers, or in members that are called like secrets.
fn hidden_parts(value: &Value, pointers: &[String], leaves: &mut Vec<String>) {
    let mut places = Vec::new();
    hidden_places(value, String::new(), pointers, &mut places);
    for place in places {
        if let Some(hidden) = value.pointer(&place) {
            texts(hidden, leaves);
        }
    }
}

fn texts(value: &Value, leaves: &mut Vec<String>) {
    match value {
        Value::String(text) => leaves.push(text.clone()),
        Value::Object(members) => members.values().for_each(|member| texts(member, leaves)),
        Value::Array(elements) => elements.iter().for_each(|element| texts(element, leaves)),
        other => leaves.push(other.to_string()),
    }
}

/// Where something stands that must not be shown, in document order.
fn hidden_places(value: &Value, at: String, pointers: &[String], places: &mut Vec<String>) {
    if pointers.contains(&at) || at.rsplit('/').next().is_some_and(is_secret) {
        places.push(at);
        return;
    }
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let place = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
                hidden_places(member, place, pointers, places);
            }
        }
        Value::Array(elements) => {
            for (index, element) in elements.iter().enumerate() {
                hidden_places(element, format!("{at}/{index}"), pointers, places);
            }
        }
        _ => {}
    }
}

/// Takes out what must not be shown. Whether there was something.
fn hide(value: &mut Value, pointers: &[String]) -> bool {
    let mut places = Vec::new();
    hidden_places(value, String::new(), pointers, &mut places);
    for place in &places {
        if let Some(hidden) = value.pointer_mut(place) {
            *hidden = REDACTED.into();
        }
    }
    !places.is_empty()
}

#[cfg(test)]
mod tests;
