//! Writing XML.

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};

/// Where it is written to.
pub(super) type Out = Writer<Vec<u8>>;

/// A whole document, whose elements `inside` writes.
pub(super) fn document(inside: impl FnOnce(&mut Out)) -> String {
    let mut out = Writer::new_with_indent(Vec::new(), b' ', 2);
    event(&mut out, Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)));
    inside(&mut out);
    let mut text = String::from_utf8_lossy(&out.into_inner()).into_owned();
    text.push('\n');
    text
}

/// An element with its attributes, and in it whatever `inside` writes.
pub(super) fn element(out: &mut Out, name: &str, attributes: &[(&str, &str)], inside: impl FnOnce(&mut Out)) {
    event(out, Event::Start(start(name, attributes)));
    inside(out);
    event(out, Event::End(BytesEnd::new(name)));
}

/// An element with nothing in it: the schema of `JUnit` reports allows not even a line break in some.
pub(super) fn empty(out: &mut Out, name: &str, attributes: &[(&str, &str)]) {
    event(out, Event::Empty(start(name, attributes)));
}

/// Text within an element.
pub(super) fn text(out: &mut Out, text: &str) {
    event(out, Event::Text(BytesText::new(text)));
}

fn start<'a>(name: &'a str, attributes: &[(&'a str, &'a str)]) -> BytesStart<'a> {
    BytesStart::new(name).with_attributes(attributes.iter().copied())
}

fn event(out: &mut Out, event: Event<'_>) {
    out.write_event(event).expect("memory takes everything");
}
