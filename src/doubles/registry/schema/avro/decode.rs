//! JSON to Avro's binary, as `GenericDatumReader` over `JsonDecoder` reads it and `GenericDatumWriter` writes it.
//!
//! `JsonDecoder` walks a grammar whose actions (an object begins, a field is looked for, an object ends) are carried out only
//! when the next plain value is asked for, so what is wrong is told then, and what is asked for last is not followed by
//! anything: behind it, or in front of it at the outermost record, nobody looks. So here: actions wait in a queue.

use std::collections::{HashMap, VecDeque};

use super::binary::{count, write_block, write_bytes, write_long};
use super::{Field, Kind, Primitive, Ref, Schema};
use crate::doubles::jackson::{Parser, Place, Source, Token, Version, to_utf8, units};
use crate::doubles::registry::schema::hash_map;

/// How deep data may be nested, records that hold themselves before anything else among them: Java's stack ends as well.
const DEPTH: usize = 400;
/// How many actions may wait for a plain value: records of records of records are as many as memory can hold.
const ACTIONS: usize = 100_000;

/// Why data do not fit a schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::doubles) enum Misfit {
    /// As Java tells it.
    Told(String),
    /// By an exception that nobody expected.
    Unexpected,
}

type Decoded<T> = Result<T, Misfit>;

#[derive(Debug, Clone)]
struct Lexeme {
    token: Token,
    /// A name's or string's content, a number's digits.
    text: Vec<u8>,
    /// Where the parser stands behind it.
    place: Place,
}

/// Where reading goes on: in the document, or in a field that was put aside.
#[derive(Debug, Clone, Copy)]
struct Cursor {
    at: usize,
    end: usize,
    aside: bool,
}

/// The fields that were passed while another was looked for, and where reading goes on behind one of them.
#[derive(Debug, Default)]
struct Reorder {
    aside: Vec<(Vec<u8>, Cursor)>,
    behind: Option<Cursor>,
}

enum Action<'s> {
    RecordStart,
    Field(&'s Field),
    FieldEnd,
    RecordEnd,
    UnionEnd,
}

struct Decoder<'s> {
    schema: &'s Schema,
    lexemes: Vec<Lexeme>,
    cursor: Cursor,
    waiting: VecDeque<Action<'s>>,
    reorder: Option<Reorder>,
    outer: Vec<Option<Reorder>>,
    version: Version,
    depth: usize,
}

impl Schema {
    /// The bytes of `data`, which is JSON as Jackson writes it.
    ///
    /// # Errors
    /// [`Misfit`], where it does not fit.
    pub(in crate::doubles::registry) fn encode(&self, data: &[u8], version: Version) -> Decoded<Vec<u8>> {
        let lexemes = lexemes(data, version).ok_or(Misfit::Unexpected)?;
        let cursor = Cursor { at: 0, end: lexemes.len(), aside: false };
        let mut decoder = Decoder {
            schema: self,
            lexemes,
            cursor,
            waiting: VecDeque::new(),
            reorder: None,
            outer: Vec::new(),
            version,
            depth: 0,
        };
        let mut out = Vec::new();
        if matches!(self.kind(self.root), Kind::Primitive(Primitive::Bytes)) {
            // The serializer writes bytes as they are, without their length.
            decoder.bytes()?.clone_into(&mut out);
        } else {
            decoder.value(self.root, &mut out)?;
        }
        Ok(out)
    }
}

fn lexemes(data: &[u8], version: Version) -> Option<Vec<Lexeme>> {
    let source = Source::new(data).ok()?;
    let mut parser = Parser::new(&source, version);
    let mut lexemes = Vec::new();
    while let Some(token) = parser.advance().ok()? {
        let text = match token {
            Token::Name => parser.name().to_vec(),
            Token::String => parser.string().ok()?.into_owned(),
            Token::Integer | Token::Float => parser.number().as_bytes().to_vec(),
            _ => Vec::new(),
        };
        lexemes.push(Lexeme { token, text, place: parser.place() });
    }
    Some(lexemes)
}

impl Decoder<'_> {
    fn token(&self) -> Option<Token> {
        (self.cursor.at < self.cursor.end).then(|| self.lexemes[self.cursor.at].token)
    }

    fn text(&self) -> &[u8] {
        if self.cursor.at < self.cursor.end { &self.lexemes[self.cursor.at].text } else { &[] }
    }

    fn next(&mut self) {
        self.cursor.at = (self.cursor.at + 1).min(self.cursor.end);
    }

    fn expected<T>(&self, what: &str) -> Decoded<T> {
        let token = self.token().map_or("null", Token::name);
        Err(Misfit::Told(format!("Expected {what}. Got {token}")))
    }

    /// Behind the value that begins here.
    fn behind(&self) -> usize {
        let mut depth = 0_usize;
        let mut at = self.cursor.at;
        while at < self.cursor.end {
            match self.lexemes[at].token {
                Token::StartObject | Token::StartArray => depth += 1,
                Token::EndObject | Token::EndArray => depth = depth.saturating_sub(1),
                _ => {}
            }
            at += 1;
            if depth == 0 {
                break;
            }
        }
        at
    }

    /// Carries out what waits.
    fn advance(&mut self) -> Decoded<()> {
        while let Some(action) = self.waiting.pop_front() {
            match action {
                Action::RecordStart => {
                    if self.token() != Some(Token::StartObject) {
                        return self.expected("record-start");
                    }
                    self.next();
                    let around = self.reorder.take();
                    self.outer.push(around);
                }
                Action::Field(field) => self.find(field)?,
                Action::FieldEnd => {
                    if let Some(behind) = self.reorder.as_mut().and_then(|reorder| reorder.behind.take()) {
                        self.cursor = behind;
                    }
                }
                Action::UnionEnd => {
                    self.pass_the_object();
                    self.next();
                }
                Action::RecordEnd => {
                    self.pass_the_object();
                    if let Some(reorder) = self.reorder.as_ref().filter(|reorder| !reorder.aside.is_empty()) {
                        let names = reorder.aside.iter().map(|(name, _)| to_utf8(name));
                        let names: Vec<String> = hash_map::in_order(names.collect(), 16);
                        return self.expected(&format!("Unknown fields: [{}]", names.join(", ")));
                    }
                    self.reorder = self.outer.pop().flatten();
                    self.next();
                }
            }
        }
        Ok(())
    }

    /// Values between are passed token by token, not as wholes.
    fn pass_the_object(&mut self) {
        while !matches!(self.token(), Some(Token::EndObject) | None) {
            self.next();
        }
    }

    fn find(&mut self, field: &Field) -> Decoded<()> {
        let cursor = self.cursor;
        if let Some(reorder) = &mut self.reorder
            && let Some(found) = reorder.aside.iter().position(|(name, _)| *name == field.name.as_bytes())
        {
            let (_, aside) = reorder.aside.remove(found);
            reorder.behind = Some(cursor);
            self.cursor = aside;
            return Ok(());
        }
        if self.token() != Some(Token::Name) {
            return Ok(());
        }
        while self.token() == Some(Token::Name) {
            let name = self.text().to_vec();
            self.next();
            if name == field.name.as_bytes() || field.aliases.iter().any(|alias| name == alias.as_bytes()) {
                return Ok(());
            }
            let behind = self.behind();
            let aside = Cursor { at: self.cursor.at, end: behind, aside: true };
            let reorder = self.reorder.get_or_insert_default();
            reorder.aside.retain(|(other, _)| *other != name);
            reorder.aside.push((name, aside));
            self.cursor.at = behind;
        }
        Err(Misfit::Told(format!("Expected field name not found: {}", field.name)))
    }

    fn value(&mut self, at: Ref, out: &mut Vec<u8>) -> Decoded<()> {
        if self.depth == DEPTH {
            return Err(Misfit::Unexpected);
        }
        self.depth += 1;
        let schema = self.schema;
        match schema.kind(at) {
            Kind::Primitive(primitive) => self.primitive(*primitive, out)?,
            Kind::Record { fields, .. } => {
                self.waiting.push_back(Action::RecordStart);
                for field in fields {
                    if self.waiting.len() > ACTIONS {
                        return Err(Misfit::Unexpected);
                    }
                    self.waiting.push_back(Action::Field(field));
                    self.value(field.of, out)?;
                    self.waiting.push_back(Action::FieldEnd);
                }
                self.waiting.push_back(Action::RecordEnd);
            }
            Kind::Enum { symbols, .. } => {
                self.advance()?;
                if self.token() != Some(Token::String) {
                    return self.expected("fixed");
                }
                let symbol = to_utf8(self.text());
                let Some(index) = symbols.iter().position(|known| *known == symbol) else {
                    return Err(Misfit::Told(format!("Unknown symbol in enum {symbol}")));
                };
                self.next();
                write_long(count(index), out);
            }
            Kind::Fixed { size, .. } => {
                self.advance()?;
                if self.token() != Some(Token::String) {
                    return self.expected("fixed");
                }
                let bytes = latin(self.text());
                self.next();
                if bytes.len() != *size {
                    let told = format!("Expected fixed length {size}, but got{}", bytes.len());
                    return Err(Misfit::Told(told));
                }
                out.extend_from_slice(&bytes);
            }
            Kind::Array(items) => self.array(*items, out)?,
            Kind::Map(values) => self.map(*values, out)?,
            Kind::Union(branches) => self.union(branches, out)?,
        }
        self.depth -= 1;
        Ok(())
    }

    fn primitive(&mut self, primitive: Primitive, out: &mut Vec<u8>) -> Decoded<()> {
        match primitive {
            Primitive::Null => {
                self.advance()?;
                if self.token() != Some(Token::Null) {
                    return self.expected("null");
                }
                self.next();
            }
            Primitive::Boolean => {
                self.advance()?;
                match self.token() {
                    Some(Token::True) => out.push(1),
                    Some(Token::False) => out.push(0),
                    _ => return self.expected("boolean"),
                }
                self.next();
            }
            Primitive::Int => {
                let number = self.whole("int", i32::MIN.into(), i32::MAX.into())?;
                write_long(number, out);
            }
            Primitive::Long => {
                let number = self.whole("long", i64::MIN, i64::MAX)?;
                write_long(number, out);
            }
            Primitive::Float => {
                let text = self.number("float")?;
                // Older Jacksons go through a double.
                #[expect(clippy::cast_possible_truncation, reason = "as the proxy does")]
                let float = if self.version >= Version::V2_18 {
                    text.parse().unwrap_or(f32::NAN)
                } else {
                    self.version.double(&text) as f32
                };
                out.extend_from_slice(&float.to_le_bytes());
            }
            Primitive::Double => {
                let text = self.number("double")?;
                out.extend_from_slice(&self.version.double(&text).to_le_bytes());
            }
            Primitive::Bytes => {
                let bytes = self.bytes()?;
                write_bytes(&bytes, out);
            }
            Primitive::String => {
                self.advance()?;
                if self.token() != Some(Token::String) {
                    return self.expected("string");
                }
                let text = to_utf8(self.text());
                self.next();
                write_bytes(text.as_bytes(), out);
            }
        }
        Ok(())
    }

    fn bytes(&mut self) -> Decoded<Vec<u8>> {
        self.advance()?;
        if self.token() != Some(Token::String) {
            return self.expected("bytes");
        }
        let bytes = latin(self.text());
        self.next();
        Ok(bytes)
    }

    /// The digits of the number at hand, which is passed.
    fn number(&mut self, what: &str) -> Decoded<String> {
        self.advance()?;
        match self.token() {
            Some(Token::Integer | Token::Float) => {}
            // Java asks the token that is not there.
            None => return Err(Misfit::Unexpected),
            _ => return self.expected(what),
        }
        let text = to_utf8(self.text());
        self.next();
        Ok(text)
    }

    /// The number at hand without its fraction.
    fn whole(&mut self, what: &str, least: i64, most: i64) -> Decoded<i64> {
        self.advance()?;
        let (cursor, token) = (self.cursor, self.token());
        let text = self.number(what)?;
        if token == Some(Token::Integer) {
            let number = text.parse().ok().filter(|number| (least..=most).contains(number));
            return number.ok_or_else(|| self.overflow(&text, what, least, most, cursor));
        }
        let double = self.version.double(&text);
        #[expect(clippy::cast_precision_loss, reason = "as the proxy does")]
        let (low, high) = (least as f64, most as f64);
        if double < low || double > high {
            return Err(self.overflow(&text, what, least, most, cursor));
        }
        #[expect(clippy::cast_possible_truncation, reason = "as the proxy does; it is in range")]
        Ok(double as i64)
    }

    fn overflow(&self, text: &str, what: &str, least: i64, most: i64, at: Cursor) -> Misfit {
        let told = if text.len() < 1_000 {
            text.to_owned()
        } else {
            format!("[Integer with {} digits]", text.trim_start_matches('-').len())
        };
        let place = if at.aside {
            "[Source: UNKNOWN; byte offset: #UNKNOWN]".to_owned()
        } else {
            self.lexemes[at.at].place.in_bytes(self.version)
        };
        Misfit::Told(format!("Numeric value ({told}) out of range of {what} ({least} - {most})\n at {place}"))
    }

    fn array(&mut self, items: Ref, out: &mut Vec<u8>) -> Decoded<()> {
        self.advance()?;
        if self.token() != Some(Token::StartArray) {
            return self.expected("array-start");
        }
        self.next();
        let (mut count_of_items, mut content) = (0, Vec::new());
        while self.token() != Some(Token::EndArray) {
            self.value(items, &mut content)?;
            count_of_items += 1;
            self.advance()?;
            if self.token().is_none() {
                return Err(Misfit::Unexpected);
            }
        }
        self.next();
        write_block(count_of_items, &content, out);
        Ok(())
    }

    fn map(&mut self, values: Ref, out: &mut Vec<u8>) -> Decoded<()> {
        self.advance()?;
        if self.token() != Some(Token::StartObject) {
            return self.expected("map-start");
        }
        self.next();
        let mut entries: Vec<(String, Vec<u8>)> = Vec::new();
        let mut by_name: HashMap<String, usize> = HashMap::new();
        while self.token() != Some(Token::EndObject) {
            if self.token() != Some(Token::Name) {
                return self.expected("map-key");
            }
            let name = to_utf8(self.text());
            self.next();
            let mut value = Vec::new();
            self.value(values, &mut value)?;
            if let Some(earlier) = by_name.get(&name) {
                entries[*earlier].1 = value;
            } else {
                by_name.insert(name.clone(), entries.len());
                entries.push((name, value));
            }
            self.advance()?;
        }
        self.next();
        let count_of_entries = entries.len();
        let mut content = Vec::new();
        // Java keeps them in a hash map that begins with one place. The hash is another since Avro 1.12.
        let seed = i32::from(self.version >= Version::V2_19);
        for (name, value) in hash_map::in_order_of_bytes(entries, 1, seed) {
            write_bytes(name.as_bytes(), &mut content);
            content.extend_from_slice(&value);
        }
        write_block(count_of_entries, &content, out);
        Ok(())
    }

    fn union(&mut self, branches: &[Ref], out: &mut Vec<u8>) -> Decoded<()> {
        self.advance()?;
        let is_tagged = self.token() == Some(Token::StartObject);
        let label = if is_tagged {
            self.next();
            if self.token() != Some(Token::Name) {
                return self.expected("start-union");
            }
            let label = to_utf8(self.text());
            self.next();
            label
        } else if self.token() == Some(Token::Null) {
            "null".to_owned()
        } else {
            return self.expected("start-union");
        };
        let Some(index) = branches.iter().position(|branch| self.schema.label(*branch) == label) else {
            return Err(Misfit::Told(format!("Unknown union branch {label}")));
        };
        write_long(count(index), out);
        self.value(branches[index], out)?;
        if is_tagged {
            self.waiting.push_back(Action::UnionEnd);
        }
        Ok(())
    }
}

/// A string in ISO 8859-1; what it does not have becomes a question mark.
fn latin(text: &[u8]) -> Vec<u8> {
    char::decode_utf16(units(text))
        .map(|c| c.ok().and_then(|c| u8::try_from(c).ok()).unwrap_or(b'?'))
        .collect()
}
