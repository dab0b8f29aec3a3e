//! From a template's JSON value to the pieces of its records.

use serde_json::{Map, Value};

use super::choice::Choice;
use super::error::{Problem, TemplateError};
use super::generator::{Generator, is_string};
use super::{Piece, Template};
use crate::record::json;

/// What else the pieces must hold: the record's identity, and the places of its key.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::record) struct Marks<'a> {
    /// The identity is an object's last member, of this name.
    pub(in crate::record) member: Option<&'a str>,
    /// The identity takes the place of the string at this JSON pointer.
    pub(in crate::record) pointer: Option<&'a str>,
    /// The key is the value at this JSON pointer.
    pub(in crate::record) key: Option<&'a str>,
}

/// Pieces in the making; what is literal side by side becomes one.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    pieces: Vec<Piece>,
    text: Vec<u8>,
}

impl Pieces {
    fn text(&mut self, text: &[u8]) {
        self.text.extend_from_slice(text);
    }

    fn push(&mut self, piece: Piece) {
        if !self.text.is_empty() {
            self.pieces.push(Piece::Literal(std::mem::take(&mut self.text).into()));
        }
        self.pieces.push(piece);
    }

    pub(super) fn finish(mut self) -> Vec<Piece> {
        if !self.text.is_empty() {
            self.pieces.push(Piece::Literal(self.text.into()));
        }
        self.pieces
    }
}

/// Compiles templates. An error of the template itself names its place.
#[derive(Debug)]
pub(in crate::record) struct Compiler<'a> {
    mode: Mode,
    marks: Marks<'a>,
    /// The place in the template as written.
    pointer: String,
    /// The place in the record as it is made; `None` within a choice, where it is now here, now there.
    place: Option<String>,
    has_identity: bool,
    has_key: bool,
}

/// What objects with a `$` member are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// A feed's own.
    Value,
    /// Generators.
    Template { draws_keys: bool },
}

impl<'a> Compiler<'a> {
    /// A compiler of templates; `draws_keys` tells whether the stream draws keys.
    pub(in crate::record) fn of_template(draws_keys: bool, marks: Marks<'a>) -> Self {
        Self::new(Mode::Template { draws_keys }, marks)
    }

    /// A compiler of values that stand as they are.
    pub(in crate::record) fn of_value(marks: Marks<'a>) -> Self {
        Self::new(Mode::Value, marks)
    }

    fn new(mode: Mode, marks: Marks<'a>) -> Self {
        Self {
            mode,
            marks,
            pointer: String::new(),
            place: Some(String::new()),
            has_identity: false,
            has_key: false,
        }
    }

    /// What `value` makes of records, with all that the marks ask for.
    pub(in crate::record) fn compile(mut self, value: &Value) -> Result<Template, TemplateError> {
        let mut out = Pieces::default();
        match self.marks.member {
            Some(member) => self.with_member(value, member, &mut out)?,
            None => self.value(value, &mut out)?,
        }
        let whole = |problem| TemplateError { pointer: String::new(), problem };
        if let Some(pointer) = self.marks.pointer.filter(|_| !self.has_identity) {
            return Err(whole(Problem::NoString { pointer: pointer.to_owned() }));
        }
        let pieces = out.finish();
        if let Some(pointer) = self.marks.key {
            let pointer = pointer.to_owned();
            if !self.has_key {
                return Err(whole(Problem::NoKeyThere { pointer }));
            }
            let mut part = pieces.iter().skip_while(|piece| !matches!(piece, Piece::KeyBegins));
            let mut part = part.by_ref().take_while(|piece| !matches!(piece, Piece::KeyEnds));
            if part.any(|piece| matches!(piece, Piece::Identity)) {
                return Err(whole(Problem::KeyHoldsIdentity { pointer }));
            }
        }
        Ok(Template { pieces })
    }

    pub(super) fn draws_keys(&self) -> bool {
        self.mode == Mode::Template { draws_keys: true }
    }

    fn has_generators(&self) -> bool {
        self.mode != Mode::Value
    }

    pub(super) fn pointer(&self) -> &str {
        &self.pointer
    }

    pub(super) fn error(&self, problem: Problem) -> TemplateError {
        TemplateError { pointer: self.pointer.clone(), problem }
    }

    /// Goes into the member or element that is written as `written`, and in the record is `made`, if it always
    /// stands there.
    pub(super) fn within<T>(
        &mut self,
        written: &str,
        made: Option<&str>,
        compile: impl FnOnce(&mut Self) -> T,
    ) -> T {
        let (pointer, place) = (self.pointer.len(), self.place.clone());
        push_segment(&mut self.pointer, written);
        self.place = self.place.take().zip(made).map(|(mut place, made)| {
            push_segment(&mut place, made);
            place
        });
        let compiled = compile(self);
        self.pointer.truncate(pointer);
        self.place = place;
        compiled
    }

    fn value(&mut self, value: &Value, out: &mut Pieces) -> Result<(), TemplateError> {
        let stands_at = |mark: Option<&str>| mark.is_some() && self.place.as_deref() == mark;
        let (is_key, is_identity) = (stands_at(self.marks.key), stands_at(self.marks.pointer));
        if is_key {
            self.has_key = true;
            out.push(Piece::KeyBegins);
        }
        if is_identity {
            let mut replaced = Pieces::default();
            self.bare(value, &mut replaced)?;
            if !is_string(&replaced.finish()) {
                return Ok(());
            }
            self.has_identity = true;
            out.text(b"\"");
            out.push(Piece::Identity);
            out.text(b"\"");
        } else {
            self.bare(value, out)?;
        }
        if is_key {
            out.push(Piece::KeyEnds);
        }
        Ok(())
    }

    /// The value without what marks its place.
    fn bare(&mut self, value: &Value, out: &mut Pieces) -> Result<(), TemplateError> {
        match value {
            Value::Object(object) => match self.generator(object)? {
                Some((name, given)) => {
                    let generator = match name {
                        "$choice" | "$weighted" => self.choice(name, given, Self::value)?,
                        _ => self.within(name, None, |compiler| Generator::read(compiler, name, given))?,
                    };
                    out.push(Piece::Generated(generator));
                }
                None => self.members(object, None, out)?,
            },
            Value::Array(elements) => {
                out.text(b"[");
                for (index, element) in elements.iter().enumerate() {
                    if index > 0 {
                        out.text(b",");
                    }
                    let index = index.to_string();
                    self.within(&index, Some(&index), |compiler| compiler.value(element, out))?;
                }
                out.text(b"]");
            }
            scalar => json::push(&mut out.text, scalar),
        }
        Ok(())
    }

    /// An object with the identity as its last member, or a choice of such.
    fn with_member(&mut self, value: &Value, member: &str, out: &mut Pieces) -> Result<(), TemplateError> {
        let Value::Object(object) = value else { return Err(self.error(Problem::NotAnObject)) };
        if self.marks.key == Some("") {
            return Err(self.error(Problem::KeyHoldsIdentity { pointer: String::new() }));
        }
        match self.generator(object)? {
            None => self.members(object, Some(member), out),
            Some((name @ ("$choice" | "$weighted"), given)) => {
                let each =
                    |compiler: &mut Self, value: &_, out: &mut _| compiler.with_member(value, member, out);
                out.push(Piece::Generated(self.choice(name, given, each)?));
                Ok(())
            }
            Some(_) => Err(self.error(Problem::NotAnObject)),
        }
    }

    fn choice<'t>(
        &mut self,
        name: &str,
        given: &'t Value,
        each: impl Fn(&mut Self, &'t Value, &mut Pieces) -> Result<(), TemplateError>,
    ) -> Result<Generator, TemplateError> {
        let weighted = name == "$weighted";
        self.within(name, None, |compiler| Choice::read(compiler, given, weighted, each))
            .map(Generator::Choice)
    }

    /// The generator that an object stands for, if it stands for one: its name and what is given to it.
    fn generator<'t>(
        &self,
        object: &'t Map<String, Value>,
    ) -> Result<Option<(&'t str, &'t Value)>, TemplateError> {
        let dollar = |name: &&String| name.starts_with('$') && !name.starts_with("$$");
        match object.keys().find(dollar).filter(|_| self.has_generators()) {
            None => Ok(None),
            Some(name) if object.len() > 1 => Err(self.error(Problem::NotAlone { name: name.clone() })),
            Some(name) => Ok(Some((name, &object[name]))),
        }
    }

    fn members(
        &mut self,
        object: &Map<String, Value>,
        identity: Option<&str>,
        out: &mut Pieces,
    ) -> Result<(), TemplateError> {
        out.text(b"{");
        for (index, (written, value)) in object.iter().enumerate() {
            if index > 0 {
                out.text(b",");
            }
            let name = match written.strip_prefix('$') {
                Some(name) if self.has_generators() => name,
                _ => written,
            };
            if identity == Some(name) {
                return Err(self.error(Problem::MemberTaken { member: name.to_owned() }));
            }
            json::push(&mut out.text, name);
            out.text(b":");
            self.within(written, Some(name), |compiler| compiler.value(value, out))?;
        }
        if let Some(member) = identity {
            if !object.is_empty() {
                out.text(b",");
            }
            json::push(&mut out.text, member);
            out.text(b":\"");
            out.push(Piece::Identity);
            out.text(b"\"");
        }
        out.text(b"}");
        Ok(())
    }
}

/// A step of a JSON pointer (RFC 6901, section 3).
fn push_segment(pointer: &mut String, name: &str) {
    pointer.push('/');
    pointer.push_str(&name.replace('~', "~0").replace('/', "~1"));
}
