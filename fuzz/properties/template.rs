//! Mapping templates (`landfall::api::Template`), whatever stands in them and in the body that they look into: what comes
//! out is no longer than what went in allows.

use std::borrow::Cow;

use landfall::api::{Dialect, Place, Reference, Scope, Template};

/// A request that has a value for every name: its body, as text.
struct Echo<'i>(&'i [u8]);

impl Scope for Echo<'_> {
    fn parameter(&self, _: Place, name: &str, _: bool) -> Option<Cow<'_, str>> {
        (!name.is_empty()).then(|| String::from_utf8_lossy(self.0))
    }

    fn parameters(&self, place: Place, name: &str) -> Vec<Cow<'_, str>> {
        self.parameter(place, name, false).into_iter().collect()
    }

    fn body(&self) -> &[u8] {
        self.0
    }

    fn context(&self, name: &str) -> Option<Cow<'_, str>> {
        self.parameter(Place::Header, name, false)
    }

    fn stage_variable(&self, name: &str) -> Option<Cow<'_, str>> {
        self.parameter(Place::Header, name, false)
    }
}

/// An input is a template, and behind the first NUL a body.
pub(crate) fn holds(input: &[u8]) {
    let mut parts = input.splitn(2, |byte| *byte == 0);
    let (text, body) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let Ok(text) = std::str::from_utf8(text) else { return };
    let scope = Echo(body);
    // Bytes that are no UTF-8 become three each; so do numbers like `1e5`, nearly, once they are written anew.
    let longest = body.len() * 3;
    for dialect in [Dialect::Velocity, Dialect::Substitution, Dialect::Context] {
        let Ok(template) = Template::parse(text, dialect) else {
            assert_eq!(dialect, Dialect::Velocity, "nothing is refused but what Velocity would execute");
            continue;
        };
        let rendered = template.render_or(&scope, "-");
        let references = text.matches('$').count();
        assert!(rendered.len() <= text.len() + references * longest.max(1), "it grows without bounds");
        if references == 0 {
            assert_eq!(rendered, text, "what is no reference does not stay");
        }
        assert_eq!(rendered, template.render_or(&scope, "-"), "it comes out differently each time");
    }
    if let Some(value) = Reference::parse(text).and_then(|reference| reference.value(&scope)) {
        assert!(value.len() <= longest, "a value grows without bounds");
    }
}
