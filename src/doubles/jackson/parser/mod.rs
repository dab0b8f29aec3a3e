//! JSON text to tokens, in the order and with the messages of Jackson's `UTF8StreamJsonParser`.
//!
//! What stands at a problem decides how reading goes on after it, so the state is kept as Jackson keeps it: the value behind a
//! name is begun with the name, a string is read when it is asked for, and a comma is expected once the first was.

mod literal;
mod name;
mod number;
mod text;

use super::Version;
use super::problem::{Kind, Place, Problem, Read};
use super::source::Source;
use super::string::{Nowhere, Units, described};

/// Jackson's tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::doubles) enum Token {
    StartObject,
    EndObject,
    StartArray,
    EndArray,
    Name,
    String,
    Integer,
    Float,
    True,
    False,
    Null,
}

impl Token {
    /// As messages name it.
    pub(in crate::doubles) fn name(self) -> &'static str {
        match self {
            Self::StartObject => "START_OBJECT",
            Self::EndObject => "END_OBJECT",
            Self::StartArray => "START_ARRAY",
            Self::EndArray => "END_ARRAY",
            Self::Name => "FIELD_NAME",
            Self::String => "VALUE_STRING",
            Self::Integer => "VALUE_NUMBER_INT",
            Self::Float => "VALUE_NUMBER_FLOAT",
            Self::True => "VALUE_TRUE",
            Self::False => "VALUE_FALSE",
            Self::Null => "VALUE_NULL",
        }
    }
}

const NESTING_LIMIT: usize = 1_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    Root,
    Array,
    Object,
}

#[derive(Debug, Clone, Copy)]
struct Context {
    scope: Scope,
    /// How many entries were begun.
    entries: usize,
    start: Place,
}

/// Reads tokens.
#[derive(Debug)]
pub(in crate::doubles) struct Parser<'a> {
    input: &'a [u8],
    version: Version,
    /// Whether the text was in 16 or 32 bits: another of Jackson's parsers reads it.
    wide: bool,
    at: usize,
    line: usize,
    line_start: usize,
    /// Bytes of the line that were before the text.
    line_before: usize,
    token: Option<Token>,
    next: Option<Token>,
    /// Whether the string at hand has not been read yet.
    incomplete: bool,
    token_place: Place,
    name_place: Place,
    /// The innermost is the last; the root is the first.
    contexts: Vec<Context>,
    name: Units<'a>,
    number: (usize, usize),
}

impl<'a> Parser<'a> {
    pub(in crate::doubles) fn new(source: &'a Source<'a>, version: Version) -> Self {
        let root = Context { scope: Scope::Root, entries: 0, start: Place { line: 1, column: 0 } };
        let nowhere = Place { line: 1, column: 0 };
        let (line, line_before) = source.line();
        Self {
            input: source.text(),
            version,
            wide: source.is_wide(),
            at: source.start(),
            line,
            line_start: 0,
            line_before,
            token: None,
            next: None,
            incomplete: false,
            token_place: nowhere,
            name_place: nowhere,
            contexts: vec![root],
            name: Units::Borrowed(&[]),
            number: (0, 0),
        }
    }

    pub(super) fn is_wide(&self) -> bool {
        self.wide
    }

    pub(in crate::doubles) fn version(&self) -> Version {
        self.version
    }

    /// The token at hand.
    pub(in crate::doubles) fn token(&self) -> Option<Token> {
        self.token
    }

    /// Whether nothing is open.
    pub(in crate::doubles) fn at_root(&self) -> bool {
        self.contexts.len() == 1
    }

    /// Forgets the token at hand.
    pub(in crate::doubles) fn clear(&mut self) {
        self.token = None;
    }

    /// The name at hand.
    pub(in crate::doubles) fn name(&self) -> &[u8] {
        &self.name
    }

    /// The number at hand, as it stands in the text.
    pub(in crate::doubles) fn number(&self) -> &'a str {
        let (start, end) = self.number;
        std::str::from_utf8(&self.input[start..end]).unwrap_or_default()
    }

    /// Where the token at hand begins.
    pub(in crate::doubles) fn token_place(&self) -> Place {
        if self.token == Some(Token::Name) { self.name_place } else { self.token_place }
    }

    /// Where the reader stands.
    pub(in crate::doubles) fn place(&self) -> Place {
        Place { line: self.line, column: self.column(self.at) + 1 }
    }

    /// The next token; none at the end of the text.
    pub(in crate::doubles) fn advance(&mut self) -> Read<Option<Token>> {
        if self.token == Some(Token::Name) {
            return self.after_name();
        }
        if self.incomplete {
            self.finish(&mut Nowhere)?;
        }
        let Some(first) = self.skip_space_or_end()? else {
            self.token = None;
            return Ok(None);
        };
        match first {
            b']' => return self.close(Scope::Array, first, Token::EndArray),
            b'}' => return self.close(Scope::Object, first, Token::EndObject),
            _ => {}
        }
        let mut c = first;
        if self.expects_comma() {
            if c != b',' {
                let kind = self.scope_name();
                let c = self.unit_behind(c)?;
                return self.unexpected(c, &format!("was expecting comma to separate {kind} entries"));
            }
            c = self.skip_space()?;
        }
        if self.scope() != Scope::Object {
            self.mark_token();
            let token = if c == b'"' {
                self.incomplete = true;
                Token::String
            } else {
                let token = self.begin_value(c)?;
                if matches!(token, Token::StartArray | Token::StartObject) {
                    self.open(token)?;
                }
                token
            };
            self.token = Some(token);
            return Ok(Some(token));
        }
        self.name_place = Place { line: self.line, column: self.column(self.at) };
        self.parse_name(c)?;
        self.token = Some(Token::Name);
        let c = self.skip_colon()?;
        self.mark_token();
        if c == b'"' {
            self.incomplete = true;
            self.next = Some(Token::String);
        } else {
            self.next = Some(self.begin_value(c)?);
        }
        Ok(self.token)
    }

    fn after_name(&mut self) -> Read<Option<Token>> {
        let token = self.next.take();
        if let Some(token @ (Token::StartArray | Token::StartObject)) = token {
            self.open(token)?;
        }
        self.token = token;
        Ok(token)
    }

    /// Skips what the token at hand begins.
    pub(in crate::doubles) fn skip_children(&mut self) -> Read<()> {
        if !matches!(self.token, Some(Token::StartObject | Token::StartArray)) {
            return Ok(());
        }
        let mut open = 1_usize;
        while open > 0 {
            match self.advance()? {
                Some(Token::StartObject | Token::StartArray) => open += 1,
                Some(Token::EndObject | Token::EndArray) => open -= 1,
                Some(_) => {}
                None => break,
            }
        }
        Ok(())
    }

    // Places.

    /// Units of the line up to `at`.
    fn column(&self, at: usize) -> usize {
        if self.wide {
            self.input[self.line_start..at].iter().filter(|byte| **byte & 0xc0 != 0x80).count()
        } else {
            at - self.line_start + self.line_before
        }
    }

    fn mark_token(&mut self) {
        self.token_place = Place { line: self.line, column: self.column(self.at) };
    }

    fn new_line(&mut self) {
        self.line += 1;
        self.line_start = self.at;
        self.line_before = 0;
    }

    // Problems.

    fn fail<T>(&self, message: String) -> Read<T> {
        Err(Problem::new(Kind::Syntax, message, Some(self.place())))
    }

    fn unexpected<T>(&self, c: i32, comment: &str) -> Read<T> {
        self.fail(format!("Unexpected character ({}): {comment}", described(c)))
    }

    fn unexpected_in_number<T>(&self, c: i32, comment: &str) -> Read<T> {
        self.fail(format!("Unexpected character ({}) in numeric value: {comment}", described(c)))
    }

    fn ended<T>(&self, within: &str) -> Read<T> {
        self.fail(format!("Unexpected end-of-input{within}"))
    }

    fn ended_in_token<T>(&self) -> Read<T> {
        self.ended(&format!(" in {}", self.token.map_or("null", Token::name)))
    }

    fn beyond<T>(what: &str, is: usize, limit: usize, getter: &str) -> Read<T> {
        let message = format!(
            "{what} ({is}) exceeds the maximum allowed ({limit}, from `StreamReadConstraints.{getter}()`)"
        );
        Err(Problem::new(Kind::Limit, message, None))
    }

    // Contexts.

    fn context(&self) -> &Context {
        // The root is never closed.
        &self.contexts[self.contexts.len() - 1]
    }

    fn scope(&self) -> Scope {
        self.context().scope
    }

    fn scope_name(&self) -> &'static str {
        match self.scope() {
            Scope::Root => "root",
            Scope::Array => "Array",
            Scope::Object => "Object",
        }
    }

    fn expects_comma(&mut self) -> bool {
        let last = self.contexts.len() - 1;
        let context = &mut self.contexts[last];
        context.entries += 1;
        context.scope != Scope::Root && context.entries > 1
    }

    fn open(&mut self, token: Token) -> Read<()> {
        let scope = if token == Token::StartArray { Scope::Array } else { Scope::Object };
        self.contexts.push(Context { scope, entries: 0, start: self.token_place });
        let depth = self.contexts.len() - 1;
        if depth > NESTING_LIMIT && self.version.has_limits() {
            return Self::beyond("Document nesting depth", depth, NESTING_LIMIT, "getMaxNestingDepth");
        }
        Ok(())
    }

    fn close(&mut self, scope: Scope, marker: u8, token: Token) -> Read<Option<Token>> {
        self.mark_token();
        if self.scope() != scope {
            let expected = if scope == Scope::Array { '}' } else { ']' };
            let (kind, start) = (self.scope_name(), self.source_at(self.context().start));
            return self.fail(format!(
                "Unexpected close marker '{}': expected '{expected}' (for {kind} starting at {start})",
                char::from(marker)
            ));
        }
        self.contexts.pop();
        self.token = Some(token);
        Ok(self.token)
    }

    fn source_at(&self, place: Place) -> String {
        place.in_source(self.version)
    }

    // Space.

    fn bad_space<T>(&self, c: u8) -> Read<T> {
        self.fail(format!(
            "Illegal character ({}): only regular white space (\\r, \\n, \\t) is allowed between tokens",
            described(i32::from(c))
        ))
    }

    /// The next byte that is no white space; none at the end.
    fn next_solid(&mut self) -> Read<Option<u8>> {
        while let Some(&c) = self.input.get(self.at) {
            self.at += 1;
            match c {
                b'/' => {
                    return self.unexpected(
                        i32::from(b'/'),
                        "maybe a (non-standard) comment? (not recognized as one since Feature 'ALLOW_COMMENTS' not \
                         enabled for parser)",
                    );
                }
                0x21.. => return Ok(Some(c)),
                b' ' | b'\t' => {}
                b'\n' => self.new_line(),
                b'\r' => {
                    if self.input.get(self.at) == Some(&b'\n') {
                        self.at += 1;
                    }
                    self.new_line();
                }
                _ => return self.bad_space(c),
            }
        }
        Ok(None)
    }

    fn skip_space_or_end(&mut self) -> Read<Option<u8>> {
        let next = self.next_solid()?;
        if next.is_none() && !self.at_root() {
            let (kind, start) = (self.scope_name(), self.source_at(self.context().start));
            return self.ended(&format!(": expected close marker for {kind} (start marker at {start})"));
        }
        Ok(next)
    }

    fn skip_space(&mut self) -> Read<u8> {
        match self.next_solid()? {
            Some(c) => Ok(c),
            None => self.ended(&format!(" within/between {} entries", self.scope_name())),
        }
    }

    fn skip_colon(&mut self) -> Read<u8> {
        let within = " within/between Object entries";
        match self.next_solid()? {
            Some(b':') => {}
            Some(c) => {
                let c = self.unit_behind(c)?;
                return self.unexpected(c, "was expecting a colon to separate field name and value");
            }
            None => return self.ended(within),
        }
        match self.next_solid()? {
            Some(c) => Ok(c),
            None => self.ended(within),
        }
    }

    // Values.

    fn begin_value(&mut self, c: u8) -> Read<Token> {
        match c {
            b'{' => Ok(Token::StartObject),
            b'[' => Ok(Token::StartArray),
            b'-' => self.signed_number(),
            b'0'..=b'9' => {
                let start = self.at - 1;
                if c == b'0' {
                    self.no_leading_zeroes()?;
                }
                self.integer(start, 1)
            }
            b't' => self.literal("true", Token::True),
            b'f' => self.literal("false", Token::False),
            b'n' => self.literal("null", Token::Null),
            _ => self.odd_value(c),
        }
    }
}
