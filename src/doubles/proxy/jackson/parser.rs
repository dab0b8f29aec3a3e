//! JSON text to tokens, in the order and with the messages of Jackson's `UTF8StreamJsonParser`.
//!
//! What stands at a problem decides how reading goes on after it, so the state is kept as Jackson keeps it: the value behind a
//! name is begun with the name, a string is read when it is asked for, and a comma is expected once the first was.

use super::Version;
use super::problem::{Kind, Place, Problem, Read};
use super::source::Source;
use super::string::{Nowhere, Sink, Units, continues_identifier, described, push_unit, starts_identifier};

/// Jackson's tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::doubles::proxy) enum Token {
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
    pub(in crate::doubles::proxy) fn name(self) -> &'static str {
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

const NUMBER_LIMIT: usize = 1_000;
const NESTING_LIMIT: usize = 1_000;
const NAME_LIMIT: usize = 50_000;
const STRING_LIMIT: usize = 20_000_000;
/// How much of a token that is none is told.
const TOLD: usize = 256;

const VALUES: &str = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')";

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
pub(in crate::doubles::proxy) struct Parser<'a> {
    input: &'a [u8],
    version: Version,
    /// Whether the text was in 16 or 32 bits: another of Jackson's parsers reads it.
    wide: bool,
    at: usize,
    line: usize,
    line_start: usize,
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
    pub(in crate::doubles::proxy) fn new(source: &'a Source<'a>, version: Version) -> Self {
        let root = Context { scope: Scope::Root, entries: 0, start: Place { line: 1, column: 0 } };
        let nowhere = Place { line: 1, column: 0 };
        Self {
            input: source.text(),
            version,
            wide: source.is_wide(),
            at: source.start(),
            line: 1,
            line_start: 0,
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

    pub(in crate::doubles::proxy) fn version(&self) -> Version {
        self.version
    }

    /// The token at hand.
    pub(in crate::doubles::proxy) fn token(&self) -> Option<Token> {
        self.token
    }

    /// Whether nothing is open.
    pub(in crate::doubles::proxy) fn at_root(&self) -> bool {
        self.contexts.len() == 1
    }

    /// Forgets the token at hand.
    pub(in crate::doubles::proxy) fn clear(&mut self) {
        self.token = None;
    }

    /// The name at hand.
    pub(in crate::doubles::proxy) fn name(&self) -> &[u8] {
        &self.name
    }

    /// The number at hand, as it stands in the text.
    pub(in crate::doubles::proxy) fn number(&self) -> &'a str {
        let (start, end) = self.number;
        std::str::from_utf8(&self.input[start..end]).unwrap_or_default()
    }

    /// Where the token at hand begins.
    pub(in crate::doubles::proxy) fn token_place(&self) -> Place {
        if self.token == Some(Token::Name) { self.name_place } else { self.token_place }
    }

    /// Where the reader stands.
    pub(in crate::doubles::proxy) fn place(&self) -> Place {
        Place { line: self.line, column: self.column(self.at) + 1 }
    }

    /// The next token; none at the end of the text.
    pub(in crate::doubles::proxy) fn advance(&mut self) -> Read<Option<Token>> {
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
    pub(in crate::doubles::proxy) fn skip_children(&mut self) -> Read<()> {
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
            at - self.line_start
        }
    }

    fn mark_token(&mut self) {
        self.token_place = Place { line: self.line, column: self.column(self.at) };
    }

    fn new_line(&mut self) {
        self.line += 1;
        self.line_start = self.at;
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

    fn literal(&mut self, text: &'static str, token: Token) -> Read<Token> {
        self.match_token(text)?;
        Ok(token)
    }

    /// Takes the rest of `text`, whose first byte has been taken.
    fn match_token(&mut self, text: &'static str) -> Read<()> {
        self.match_token_from(text, 1)
    }

    fn match_token_from(&mut self, text: &'static str, from: usize) -> Read<()> {
        for (index, expected) in text.bytes().enumerate().skip(from) {
            if self.input.get(self.at) != Some(&expected) {
                return self.unrecognized(&text[..index]);
            }
            self.at += 1;
        }
        if let Some(&c) = self.input.get(self.at)
            && c >= b'0'
            && !matches!(c, b']' | b'}')
        {
            // Jackson decodes it from its first byte on once more, which no longer character survives.
            let kept = self.at;
            self.at += usize::from(self.wide);
            let unit = self.decode_for_error(c)?;
            self.at = kept;
            if continues_identifier(unit) {
                return self.unrecognized(text);
            }
        }
        Ok(())
    }

    fn unrecognized<T>(&mut self, matched: &str) -> Read<T> {
        let mut token: Vec<u16> = matched.encode_utf16().collect();
        while let Some(&c) = self.input.get(self.at) {
            self.at += 1;
            let unit = self.decode_for_error(c)?;
            if !continues_identifier(unit) {
                if self.wide {
                    // The other parser looks before it takes.
                    self.at -= 1;
                    while self.input[self.at] & 0xc0 == 0x80 {
                        self.at -= 1;
                    }
                }
                break;
            }
            token.push(unit);
            if token.len() >= TOLD {
                token.extend("...".encode_utf16());
                break;
            }
        }
        let token: String = char::decode_utf16(token).map(|c| c.unwrap_or('?')).collect();
        self.fail(format!("Unrecognized token '{token}': was expecting {VALUES}"))
    }

    fn odd_value(&mut self, c: u8) -> Read<Token> {
        let not_a_number = |parser: &mut Self, token: &'static str| {
            parser.match_token(token)?;
            parser.non_standard(token)
        };
        match c {
            b']' | b'}' | b',' => {
                // What is said of the others is said of a bracket outside arrays, and of some in wide texts.
                let is_other = self.wide && c != b'}' || c == b']' && self.scope() != Scope::Array;
                if !is_other {
                    return self.unexpected(i32::from(c), "expected a value");
                }
            }
            b'N' => return not_a_number(self, "NaN"),
            b'I' => return not_a_number(self, "Infinity"),
            b'+' => {
                let Some(&next) = self.input.get(self.at) else { return self.ended(" in a Number value") };
                self.at += 1;
                return self.bad_number_start(i32::from(next), false);
            }
            _ => {}
        }
        let unit = if self.wide { self.unit_behind(c)? } else { i32::from(c) };
        let narrow = u16::try_from(unit).unwrap_or_default();
        if starts_identifier(narrow) {
            let matched = char::from_u32(u32::from(narrow)).unwrap_or('?').to_string();
            return self.unrecognized(&matched);
        }
        self.unexpected(unit, &format!("expected a valid value {VALUES}"))
    }

    fn non_standard<T>(&self, token: &str) -> Read<T> {
        let feature = self.version.non_numeric_feature();
        self.fail(format!("Non-standard token '{token}': enable {feature} to allow"))
    }

    // Numbers.

    fn no_leading_zeroes(&mut self) -> Read<()> {
        if matches!(self.input.get(self.at), Some(b'0'..=b'9')) {
            return self.fail("Invalid numeric value: Leading zeroes not allowed".to_owned());
        }
        Ok(())
    }

    fn signed_number(&mut self) -> Read<Token> {
        let start = self.at - 1;
        let Some(&c) = self.input.get(self.at) else {
            return if self.wide { self.ended(" in a Number value") } else { self.ended_in_token() };
        };
        self.at += 1;
        match c {
            b'0' => self.no_leading_zeroes()?,
            b'1'..=b'9' => {}
            b'.' if self.version > Version::V2_10 => return self.odd_value(b'.'),
            _ => {
                let c = if self.wide { self.unit_behind(c)? } else { i32::from(c) };
                return self.bad_number_start(c, true);
            }
        }
        self.integer(start, 1)
    }

    fn bad_number_start<T>(&mut self, first: i32, negative: bool) -> Read<T> {
        let mut c = first;
        if c == i32::from(b'I') {
            let Some(&next) = self.input.get(self.at) else { return self.ended(" in a Number value") };
            self.at += 1;
            // This byte is signed in Java.
            c = i32::from(i8::from_le_bytes([next]));
            let text = match (next, negative) {
                (b'N', true) => Some("-INF"),
                (b'N', false) => Some("+INF"),
                (b'n', true) => Some("-Infinity"),
                (b'n', false) => Some("+Infinity"),
                _ => None,
            };
            if let Some(text) = text {
                self.match_token_from(text, 3)?;
                return self.non_standard(text);
            }
        }
        if !negative && self.version.tells_plus_signs() {
            return self.unexpected_in_number(
                i32::from(b'+'),
                "JSON spec does not allow numbers to have plus signs: enable \
                 `JsonReadFeature.ALLOW_LEADING_PLUS_SIGN_FOR_NUMBERS` to allow",
            );
        }
        let comment = if negative || !self.version.tells_plus_signs() {
            "expected digit (0-9) to follow minus sign, for valid numeric value"
        } else {
            "expected digit (0-9) for valid numeric value"
        };
        self.unexpected_in_number(c, comment)
    }

    /// A number that begins at `start`, of which so many digits have been taken.
    fn integer(&mut self, start: usize, mut digits: usize) -> Read<Token> {
        while let Some(b'0'..=b'9') = self.input.get(self.at) {
            self.at += 1;
            digits += 1;
        }
        match self.input.get(self.at) {
            Some(&c @ (b'.' | b'e' | b'E')) => {
                self.at += 1;
                self.float(start, c, digits)
            }
            after => {
                self.number = (start, self.at);
                if let Some(&after) = after {
                    self.root_space(after)?;
                }
                self.check_number(digits)?;
                Ok(Token::Integer)
            }
        }
    }

    fn float(&mut self, start: usize, mark: u8, integers: usize) -> Read<Token> {
        let mut c = mark;
        let mut ended = false;
        let mut digits = integers;
        if c == b'.' {
            let mut fraction = 0;
            loop {
                let Some(&next) = self.input.get(self.at) else {
                    ended = true;
                    break;
                };
                self.at += 1;
                c = next;
                if !c.is_ascii_digit() {
                    break;
                }
                fraction += 1;
            }
            if fraction == 0 {
                let c = self.unit_left(c)?;
                return self.unexpected_in_number(c, "Decimal point not followed by a digit");
            }
            digits += fraction;
        }
        if matches!(c, b'e' | b'E') {
            let mut exponent = 0;
            ended = false;
            c = self.number_byte()?;
            if matches!(c, b'-' | b'+') {
                c = self.number_byte()?;
            }
            while c.is_ascii_digit() {
                exponent += 1;
                let Some(&next) = self.input.get(self.at) else {
                    ended = true;
                    break;
                };
                self.at += 1;
                c = next;
            }
            if exponent == 0 {
                let c = self.unit_left(c)?;
                return self.unexpected_in_number(c, "Exponent indicator not followed by a digit");
            }
            digits += exponent;
        }
        if !ended {
            self.at -= 1;
        }
        self.number = (start, self.at);
        if !ended {
            self.root_space(c)?;
        }
        self.check_number(digits)?;
        Ok(Token::Float)
    }

    fn number_byte(&mut self) -> Read<u8> {
        let Some(&c) = self.input.get(self.at) else {
            return if self.wide {
                self.ended(": expected a digit for number exponent")
            } else {
                self.ended_in_token()
            };
        };
        self.at += 1;
        Ok(c)
    }

    /// Whether a number of so many digits is short enough.
    pub(super) fn check_number(&self, digits: usize) -> Read<()> {
        if digits > NUMBER_LIMIT && self.version.has_limits() {
            return Self::beyond("Number value length", digits, NUMBER_LIMIT, "getMaxNumberLength");
        }
        Ok(())
    }

    /// Numbers that stand alone must be followed by space; it is taken with them.
    fn root_space(&mut self, c: u8) -> Read<()> {
        if !self.at_root() {
            return Ok(());
        }
        self.at += 1;
        match c {
            b' ' | b'\t' => {}
            b'\n' => self.new_line(),
            b'\r' => self.at -= 1,
            _ => {
                let c = self.unit_behind(c)?;
                return self.unexpected(c, "Expected space separating root-level values");
            }
        }
        Ok(())
    }

    // Names.

    fn parse_name(&mut self, first: u8) -> Read<()> {
        if first != b'"' {
            let c = i32::from(self.decode_for_error(first)?);
            return self.unexpected(c, "was expecting double-quote to start field name");
        }
        let start = self.at;
        let input = self.input;
        let mut end = start;
        while let Some(&c) = input.get(end) {
            if c == b'"' {
                self.at = end + 1;
                if end - start > NAME_LIMIT {
                    self.check_name(end - start)?;
                }
                self.name = Units::Borrowed(&input[start..end]);
                return Ok(());
            }
            if !(0x20..0x80).contains(&c) || c == b'\\' {
                break;
            }
            end += 1;
        }
        self.at = start;
        self.parse_odd_name()
    }

    fn check_name(&self, length: usize) -> Read<()> {
        if length > NAME_LIMIT && self.version.has_limits() {
            return Self::beyond("Name length", length, NAME_LIMIT, "getMaxNameLength");
        }
        Ok(())
    }

    fn parse_odd_name(&mut self) -> Read<()> {
        if self.at >= self.input.len() {
            return self.ended(if self.wide {
                " in field name"
            } else {
                ": was expecting closing '\"' for name"
            });
        }
        // First the bytes, with what was escaped encoded again, then the characters.
        let mut bytes = Vec::new();
        loop {
            let Some(&c) = self.input.get(self.at) else { return self.ended(" in field name") };
            self.at += 1;
            match c {
                b'"' => break,
                b'\\' => {
                    let unit = self.escaped()?;
                    push_unit(&mut bytes, unit);
                }
                0..=0x1f => return self.unquoted(c, "name"),
                _ => bytes.push(c),
            }
        }
        self.check_name(bytes.len())?;
        self.name = Units::Owned(if self.wide { bytes } else { self.decoded_name(&bytes)? });
        Ok(())
    }

    fn decoded_name(&self, bytes: &[u8]) -> Read<Vec<u8>> {
        let mut units = Vec::with_capacity(bytes.len());
        let mut index = 0;
        // Jackson keeps four bytes in an integer and does not mask what it takes of it.
        let unmasked = |index: usize| {
            let byte = |at: usize| bytes.get(index / 4 * 4 + at).copied().unwrap_or_default();
            i32::from_be_bytes([byte(0), byte(1), byte(2), byte(3)]) >> ((3 - index % 4) * 8)
        };
        while let Some(&first) = bytes.get(index) {
            index += 1;
            let (mut c, needed) = match first {
                0..=0x7f => {
                    units.push(first);
                    continue;
                }
                0xc0..=0xdf => (i32::from(first & 0x1f), 1),
                0xe0..=0xef => (i32::from(first & 0x0f), 2),
                0xf0..=0xf7 => (i32::from(first & 0x07), 3),
                _ => return self.bad_first_byte(first),
            };
            if index + needed > bytes.len() {
                return self.ended(" in field name");
            }
            for position in 0..needed {
                let next = unmasked(index);
                index += 1;
                if next & 0xc0 != 0x80 {
                    let told = if position == 2 { next & 0xff } else { next };
                    return self.fail(format!("Invalid UTF-8 middle byte 0x{told:x}"));
                }
                c = c << 6 | next & 0x3f;
            }
            if needed == 2 {
                self.refuse_surrogate(c)?;
            }
            if needed > 2 {
                c -= 0x1_0000;
                push_unit(&mut units, low_unit(0xd800 + (c >> 10)));
                c = 0xdc00 | c & 0x3ff;
            }
            push_unit(&mut units, low_unit(c));
        }
        Ok(units)
    }

    // Strings.

    /// The content of the string at hand.
    pub(in crate::doubles::proxy) fn string(&mut self) -> Read<Units<'a>> {
        if !self.incomplete {
            return Ok(Units::Borrowed(&[]));
        }
        let (input, start) = (self.input, self.at);
        let mut end = start;
        while let Some(&c) = input.get(end) {
            if c == b'"' {
                self.incomplete = false;
                self.at = end + 1;
                self.check_string(end - start)?;
                return Ok(Units::Borrowed(&input[start..end]));
            }
            if !(0x20..0x80).contains(&c) || c == b'\\' {
                break;
            }
            end += 1;
        }
        let mut units = Vec::new();
        self.finish(&mut units)?;
        Ok(Units::Owned(units))
    }

    fn check_string(&self, length: usize) -> Read<()> {
        if length > STRING_LIMIT && self.version.has_limits() {
            return Self::beyond("String value length", length, STRING_LIMIT, "getMaxStringLength");
        }
        Ok(())
    }

    /// Reads the string at hand into `sink`.
    pub(super) fn finish(&mut self, sink: &mut impl Sink) -> Read<()> {
        self.incomplete = false;
        let input = self.input;
        let begun = self.at;
        loop {
            let start = self.at;
            let mut end = start;
            while let Some(&c) = input.get(end) {
                if !(0x20..0x80).contains(&c) || c == b'"' || c == b'\\' {
                    break;
                }
                end += 1;
            }
            sink.plain(&input[start..end]);
            self.at = end;
            let Some(&c) = input.get(end) else {
                return if self.wide {
                    self.ended(": was expecting closing quote for a string value")
                } else {
                    self.ended_in_token()
                };
            };
            self.at += 1;
            match c {
                b'"' => return self.check_string(self.at - begun),
                b'\\' => {
                    let unit = self.escaped()?;
                    sink.unit(unit);
                }
                0..=0x1f => return self.unquoted(c, "string value"),
                0xc0..=0xdf => {
                    let unit = self.continued(i32::from(c & 0x1f))?;
                    sink.unit(low_unit(unit));
                }
                0xe0..=0xef => {
                    let unit = self.continued(i32::from(c & 0x0f))?;
                    let unit = self.continued(unit)?;
                    self.refuse_surrogate(unit)?;
                    sink.unit(low_unit(unit));
                }
                0xf0..=0xf7 => {
                    let mut c = i32::from(c & 0x07);
                    for _ in 0..3 {
                        c = self.continued(c)?;
                    }
                    c -= 0x1_0000;
                    sink.unit(low_unit(0xd800 | c >> 10));
                    sink.unit(low_unit(0xdc00 | c & 0x3ff));
                }
                _ => return self.bad_first_byte(c),
            }
        }
    }

    fn continued(&mut self, so_far: i32) -> Read<i32> {
        let Some(&c) = self.input.get(self.at) else { return self.ended_in_token() };
        self.at += 1;
        if c & 0xc0 != 0x80 {
            return self.fail(format!("Invalid UTF-8 middle byte 0x{c:x}"));
        }
        Ok(so_far << 6 | i32::from(c & 0x3f))
    }

    fn refuse_surrogate(&self, c: i32) -> Read<()> {
        if (0xd800..=0xdfff).contains(&c) && !self.wide && !self.version.takes_surrogates() {
            return self.fail(format!("Invalid UTF-8: Illegal surrogate character 0x{c:x}"));
        }
        Ok(())
    }

    fn bad_first_byte<T>(&self, c: u8) -> Read<T> {
        self.fail(format!("Invalid UTF-8 start byte 0x{c:x}"))
    }

    fn unquoted<T>(&self, c: u8, within: &str) -> Read<T> {
        self.fail(format!(
            "Illegal unquoted character ({}): has to be escaped using backslash to be included in {within}",
            described(i32::from(c))
        ))
    }

    /// The next byte of the string at hand, quotes and all.
    pub(super) fn byte_of_string(&mut self) -> Read<u8> {
        let Some(&c) = self.input.get(self.at) else { return self.ended_in_token() };
        self.at += 1;
        Ok(c)
    }

    /// Leaves the last byte to be read again.
    pub(super) fn step_back(&mut self) {
        self.at -= 1;
    }

    /// Notes that nothing is left of the string at hand.
    pub(super) fn string_is_read(&mut self) {
        self.incomplete = false;
    }

    pub(super) fn escaped(&mut self) -> Read<u16> {
        let within = " in character escape sequence";
        let Some(&c) = self.input.get(self.at) else { return self.ended(within) };
        self.at += 1;
        match c {
            b'b' => Ok(0x08),
            b't' => Ok(0x09),
            b'n' => Ok(0x0a),
            b'f' => Ok(0x0c),
            b'r' => Ok(0x0d),
            b'"' | b'/' | b'\\' => Ok(u16::from(c)),
            b'u' => {
                let mut value = 0_u16;
                for _ in 0..4 {
                    let Some(&c) = self.input.get(self.at) else { return self.ended(within) };
                    self.at += 1;
                    let Some(digit) = char::from(c).to_digit(16) else {
                        let c = self.unit_behind(c)?;
                        return self.unexpected(c, "expected a hex-digit for character escape sequence");
                    };
                    value = value << 4 | u16::try_from(digit).unwrap_or_default();
                }
                Ok(value)
            }
            _ => {
                let unit = self.decode_for_error(c)?;
                self.fail(format!("Unrecognized character escape {}", described(i32::from(unit))))
            }
        }
    }

    /// The unit whose first byte is `c`, for a message; the first byte has been taken.
    fn decode_for_error(&mut self, c: u8) -> Read<u16> {
        let (so_far, needed) = match c {
            0..=0x7f => return Ok(u16::from(c)),
            0xc0..=0xdf => (i32::from(c & 0x1f), 1),
            0xe0..=0xef => (i32::from(c & 0x0f), 2),
            0xf0..=0xf7 => (i32::from(c & 0x07), 3),
            _ => return self.bad_first_byte(c),
        };
        let mut value = so_far;
        for _ in 0..needed {
            value = self.continued(value)?;
        }
        Ok(low_unit(value))
    }

    /// The same, but that a unit of a wide text is left to be read again.
    fn unit_left(&mut self, c: u8) -> Read<i32> {
        let at = self.at;
        let unit = self.unit_behind(c)?;
        if self.wide {
            self.at = at - 1;
        }
        Ok(unit)
    }

    /// The byte `c` where bytes are read, the unit that it begins where units are.
    fn unit_behind(&mut self, c: u8) -> Read<i32> {
        if self.wide { self.decode_for_error(c).map(i32::from) } else { Ok(i32::from(c)) }
    }
}

/// Java's cast of an integer to a unit.
fn low_unit(c: i32) -> u16 {
    let [low, high, ..] = c.to_le_bytes();
    u16::from_le_bytes([low, high])
}
