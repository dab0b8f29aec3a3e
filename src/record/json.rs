//! JSON text, piece by piece, into a buffer.

use std::borrow::Cow;

use serde::Serialize;

/// Appends the compact text of `value`.
pub(super) fn push<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) {
    serde_json::to_writer(out, value).expect("memory can be written to, and names are strings");
}

/// The text that a JSON string stands for; `None` where `json` is the text of another value.
pub(super) fn string_of(json: &[u8]) -> Option<Cow<'_, [u8]>> {
    let inner = json.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    if inner.contains(&b'\\') {
        let text: String = serde_json::from_slice(json).ok()?;
        return Some(Cow::Owned(text.into_bytes()));
    }
    Some(Cow::Borrowed(inner))
}
