//! A place in a document, and what is found there.

use std::collections::BTreeMap;

use serde_json::Value;

use super::model::Remark;

/// Prefix of all extensions of API Gateway.
pub(super) const EXTENSION: &str = "x-amazon-apigateway-";

/// What is said of an extension that says nothing to landfall; API Gateway gets new ones.
pub(super) const UNKNOWN_EXTENSION: &str = "is an extension that landfall does not know, and passes over";

/// The pointer of the member `name` of what `pointer` leads to (RFC 6901, section 3).
pub(super) fn member_pointer(pointer: &str, name: &str) -> String {
    format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// A value and the JSON pointer to it.
#[derive(Debug, Clone)]
pub(super) struct Cursor<'d> {
    pub(super) value: &'d Value,
    pub(super) pointer: String,
}

impl<'d> Cursor<'d> {
    pub(super) fn root(value: &'d Value) -> Self {
        Self { value, pointer: String::new() }
    }

    /// The pointer of a member, whether it is there or not.
    pub(super) fn pointer_of(&self, name: &str) -> String {
        member_pointer(&self.pointer, name)
    }

    /// The member `name`, if this is an object that has it and it is not null.
    pub(super) fn member(&self, name: &str) -> Option<Cursor<'d>> {
        let value = self.value.get(name).filter(|value| !value.is_null())?;
        Some(Cursor { value, pointer: self.pointer_of(name) })
    }

    /// All members of an object; none of anything else.
    pub(super) fn members(&self) -> Vec<(&'d str, Cursor<'d>)> {
        let members = self.value.as_object().into_iter().flatten();
        let member = |(name, value): (&'d String, &'d Value)| {
            (name.as_str(), Cursor { value, pointer: self.pointer_of(name) })
        };
        members.map(member).collect()
    }

    /// All items of a list; none of anything else.
    pub(super) fn items(&self) -> Vec<Cursor<'d>> {
        let items = self.value.as_array().map_or(&[][..], Vec::as_slice);
        let item = |(index, value)| Cursor { value, pointer: format!("{}/{index}", self.pointer) };
        items.iter().enumerate().map(item).collect()
    }

    /// The text that a member holds.
    pub(super) fn text(&self, name: &str) -> Option<&'d str> {
        self.member(name)?.value.as_str()
    }

    /// The member `name` as a mapping of text to text; what is none is remarked.
    pub(super) fn strings(&self, name: &str, remarks: &mut Vec<Remark>) -> BTreeMap<String, String> {
        let mut strings = BTreeMap::new();
        for (key, value) in self.member(name).iter().flat_map(Cursor::members) {
            match value.value.as_str() {
                Some(text) => drop(strings.insert(key.to_owned(), text.to_owned())),
                None => remarks.push(value.remark("must be text, and is passed over")),
            }
        }
        strings
    }

    /// The HTTP status that this is; exports write it as text or as a number.
    pub(super) fn status(&self) -> Option<u16> {
        let status = match self.value {
            Value::String(text) => text.parse().ok()?,
            number => u16::try_from(number.as_u64()?).ok()?,
        };
        (100..600).contains(&status).then_some(status)
    }

    /// What is to be said of this place.
    pub(super) fn remark(&self, message: impl Into<String>) -> Remark {
        Remark { pointer: self.pointer.clone(), message: message.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn pointers_lead_back_to_their_values() {
        let document = json!({ "paths": { "/topics/{a~b}": { "post": [1, { "": 2 }] } } });
        let root = Cursor::root(&document);
        let path = root.member("paths").unwrap().member("/topics/{a~b}").unwrap();
        let deepest = path.member("post").unwrap().items()[1].member("").unwrap();
        assert_eq!(deepest.pointer, "/paths/~1topics~1{a~0b}/post/1/");
        assert_eq!(document.pointer(&deepest.pointer), Some(&json!(2)));
        assert!(root.member("nowhere").is_none() && path.items().is_empty());
    }
}
