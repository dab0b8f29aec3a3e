//! Reading back whose a landed record is.

use std::borrow::Cow;

use serde_json::Value;

use super::stream::BINARY_PREFIX;
use super::{Format, IdentityPlace, Landed, Stream, json};

impl Stream {
    /// The identity text of a landed record, if it stands where this stream puts it.
    pub(super) fn identity_of<'l>(&self, landed: &'l Landed) -> Option<Cow<'l, [u8]>> {
        let (key, value) = (landed.key.as_deref(), landed.value.as_deref());
        match (self.place(), self.format()) {
            (IdentityPlace::None, _) => None,
            (IdentityPlace::Header(name), _) => {
                let header = landed.headers.iter().find(|(found, _)| found == name)?;
                header.1.as_deref().map(Cow::Borrowed)
            }
            (IdentityPlace::Key, Format::Json) => json::string_of(key?),
            (IdentityPlace::Key, Format::Binary | Format::Text) => key.map(Cow::Borrowed),
            (IdentityPlace::Member(_) | IdentityPlace::Pointer(_), Format::Binary | Format::Text) => {
                let rest = value?.strip_prefix(BINARY_PREFIX)?;
                let end = rest.iter().position(|byte| *byte == b' ')?;
                Some(Cow::Borrowed(&rest[..end]))
            }
            (IdentityPlace::Member(name), Format::Json) => {
                let value = value?;
                match last_member(value, name) {
                    Some(text) => Some(Cow::Borrowed(text)),
                    None => text_of(serde_json::from_slice::<Value>(value).ok()?.get(name)?),
                }
            }
            (IdentityPlace::Pointer(pointer), Format::Json) => {
                text_of(serde_json::from_slice::<Value>(value?).ok()?.pointer(pointer)?)
            }
        }
    }
}

fn text_of<'l>(value: &Value) -> Option<Cow<'l, [u8]>> {
    Some(Cow::Owned(value.as_str()?.as_bytes().to_vec()))
}

/// The string value of the member `name` where it is an object's last one and nothing has been rewritten:
/// the usual case, found without parsing the value.
fn last_member<'v>(value: &'v [u8], name: &str) -> Option<&'v [u8]> {
    let text = value.strip_suffix(b"\"}")?;
    let start = text.iter().rposition(|byte| *byte == b'"')? + 1;
    let before = text[..start].strip_suffix(b"\":\"")?;
    before.strip_suffix(name.as_bytes())?.ends_with(b"\"").then_some(&text[start..])
}
