//! Values as Jackson's databind reads them: into integers, strings, trees, or objects of a class, with the same coercions and
//! the same refusals.

use std::borrow::Cow;

use super::double::to_java;
use super::parser::{Parser, Token};
use super::problem::{Kind, Place, Problem, Read};
use super::string::{Units, to_utf8};
use super::{Version, tree};

/// Longest text that is told whole.
const TOLD: usize = 1_000;

/// A value that is kept as it is (`JsonNode`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::doubles) enum Node<'a> {
    Null,
    Text(Units<'a>),
    /// Anything else, as it is written.
    Other(Vec<u8>),
}

impl Node<'_> {
    /// The value's text, as Jackson writes it.
    pub(in crate::doubles) fn text(&self) -> Cow<'_, [u8]> {
        match self {
            Self::Null => Cow::Borrowed(b"null"),
            Self::Text(text) => {
                let mut written = Vec::with_capacity(text.len() + 2);
                tree::write_string(text, &mut written);
                Cow::Owned(written)
            }
            Self::Other(written) => Cow::Borrowed(written),
        }
    }
}

/// Reads the value of the property `name` of `class`, whose name is the token at hand's.
pub(in crate::doubles) fn within<T>(read: Read<T>, class: &str, property: &str) -> Read<T> {
    read.map_err(|problem| problem.within(|| format!("{class}[\"{property}\"]")))
}

/// A problem with the value at hand.
pub(in crate::doubles) fn refuse<T>(parser: &Parser<'_>, message: String) -> Read<T> {
    Err(Problem::new(Kind::Mapping, message, Some(parser.token_place())))
}

/// An object of `class` that could not be made.
pub(in crate::doubles) fn not_made<T>(at: Place, class: &str, problem: &str) -> Read<T> {
    let message = format!("Cannot construct instance of `{class}`, problem: {problem}");
    Err(Problem::new(Kind::Mapping, message, Some(at)))
}

/// A member that nobody knows, in an object that has been read so far.
pub(in crate::doubles) fn unrecognized<T>(
    parser: &Parser<'_>,
    name: &[u8],
    class: &str,
    known: &[&str],
) -> Read<T> {
    let name = to_utf8(name);
    let properties = if let [one] = known {
        format!("one known property: \"{one}\"")
    } else {
        let known_names: Vec<String> = known.iter().map(|name| format!("\"{name}\"")).collect();
        format!("{} known properties: {}", known.len(), known_names.join(", "))
    };
    let end = if parser.version() < Version::V2_19 { "])" } else { ")" };
    let message =
        format!("Unrecognized field \"{name}\" (class {class}), not marked as ignorable ({properties}{end}");
    let problem = Problem::new(Kind::Unrecognized(name.clone()), message, Some(parser.place()));
    Err(problem.within(|| format!("{class}[\"{name}\"]")))
}

/// The value at hand is of another type than `class`.
pub(in crate::doubles) fn mismatch<T>(parser: &Parser<'_>, class: &str) -> Read<T> {
    let token = parser.token().map_or("null", Token::name);
    if parser.version() == Version::V2_10 {
        return refuse(parser, format!("Cannot deserialize instance of `{class}` out of {token} token"));
    }
    let shape = match parser.token() {
        Some(Token::StartObject | Token::EndObject | Token::Name) => "Object value",
        Some(Token::StartArray | Token::EndArray) => "Array value",
        Some(Token::True | Token::False) => "Boolean value",
        Some(Token::Float) => "Floating-point value",
        Some(Token::Integer) => "Integer value",
        Some(Token::String) => "String value",
        Some(Token::Null) | None => "Null value",
    };
    refuse(
        parser,
        format!("Cannot deserialize value of type `{class}` from {shape} (token `JsonToken.{token}`)"),
    )
}

/// A text that is no `class`.
pub(in crate::doubles) fn weird<T>(parser: &Parser<'_>, class: &str, text: &str, why: &str) -> Read<T> {
    refuse(parser, format!("Cannot deserialize value of type `{class}` from String {}: {why}", quoted(text)))
}

/// A text in quotes, without its middle where it is long.
fn quoted(text: &str) -> String {
    let units: Vec<u16> = text.encode_utf16().collect();
    if units.len() <= TOLD {
        return format!("\"{text}\"");
    }
    let half = TOLD / 2;
    let told = |units: &[u16]| String::from_utf16_lossy(units);
    format!("\"{}]...[{}\"", told(&units[..half]), told(&units[units.len() - half..]))
}

/// Goes into the object at hand, or tells why it is none of `class`.
pub(in crate::doubles) fn open(parser: &mut Parser<'_>, class: &str) -> Read<()> {
    if parser.token() == Some(Token::StartObject) {
        parser.advance()?;
        return Ok(());
    }
    let argument = match parser.token() {
        Some(Token::String) => return no_text(parser, class),
        Some(Token::Integer) => integer_argument(parser),
        Some(Token::Float) => {
            let double = to_java(parser.version().double(parser.number()));
            let double = if double == "inf" { "Infinity".to_owned() } else { double };
            argument("double/Double", "Number", &double)
        }
        Some(Token::True) => argument("boolean/Boolean", "boolean", "true"),
        Some(Token::False) => argument("boolean/Boolean", "boolean", "false"),
        Some(Token::Name | Token::EndObject) => return Ok(()),
        _ => return mismatch(parser, class),
    };
    no_creator(parser, class, &argument)
}

fn argument(kind: &str, of: &str, value: &str) -> String {
    format!("{kind}-argument constructor/factory method to deserialize from {of} value ({value})")
}

fn integer_argument(parser: &Parser<'_>) -> String {
    let number = parser.number();
    let number = if number == "-0" { "0" } else { number };
    if number.parse::<i32>().is_ok() {
        argument("int/Int", "Number", number)
    } else if number.parse::<i64>().is_ok() {
        argument("long/Long", "Number", number)
    } else if parser.version() == Version::V2_10 {
        format!("suitable creator method found to deserialize from Number value ({number})")
    } else {
        argument("BigInteger", "Number", number)
    }
}

fn no_text<T>(parser: &mut Parser<'_>, class: &str) -> Read<T> {
    let text = to_utf8(&parser.string()?);
    if parser.version() > Version::V2_10 && trimmed(&text).is_empty() {
        return not_coerced(parser, &format!("`{class}` value"));
    }
    let told = if parser.version() == Version::V2_10 { &text } else { trimmed(&text) };
    no_creator(parser, class, &argument("String", "String", &format!("'{told}'")))
}

fn no_creator<T>(parser: &Parser<'_>, class: &str, what: &str) -> Read<T> {
    refuse(
        parser,
        format!("Cannot construct instance of `{class}` (although at least one Creator exists): no {what}"),
    )
}

/// `String.trim`.
pub(in crate::doubles) fn trimmed(text: &str) -> &str {
    text.trim_matches(|c| c <= ' ')
}

const INTEGER: &str = "java.lang.Integer";

/// An `Integer`: fractions are cut off, texts of digits taken.
pub(in crate::doubles) fn integer(parser: &mut Parser<'_>) -> Read<Option<i32>> {
    match parser.token() {
        Some(Token::Null) => Ok(None),
        Some(Token::Integer) => match parser.number().parse() {
            Ok(integer) => Ok(Some(integer)),
            Err(_) => out_of_range(parser, "int", &i32::MIN, &i32::MAX),
        },
        Some(Token::Float) => {
            let double = parser.version().double(parser.number());
            if double < f64::from(i32::MIN) || double > f64::from(i32::MAX) {
                return out_of_range(parser, "int", &i32::MIN, &i32::MAX);
            }
            #[expect(clippy::cast_possible_truncation, reason = "as the proxy does; it is in range")]
            Ok(Some(double as i32))
        }
        Some(Token::String) => {
            let text = to_utf8(&parser.string()?);
            let text = trimmed(&text);
            if text.is_empty() || text == "null" {
                return Ok(None);
            }
            parser.check_number(text.encode_utf16().count())?;
            integer_of(parser, text).map(Some)
        }
        _ => mismatch(parser, INTEGER),
    }
}

fn integer_of(parser: &Parser<'_>, text: &str) -> Read<i32> {
    let old = parser.version() == Version::V2_10;
    let name = if old { "Integer" } else { "`java.lang.Integer`" };
    if text.len() > 9 {
        match text.parse::<i64>() {
            Ok(long) if i32::try_from(long).is_err() => {
                let dash = if old { "- " } else { "-" };
                let why = format!(
                    "Overflow: numeric value ({text}) out of range of {name} ({} {dash}{})",
                    i32::MIN,
                    i32::MAX
                );
                return weird(parser, INTEGER, text, &why);
            }
            _ => {}
        }
    }
    match text.parse() {
        Ok(integer) => Ok(integer),
        Err(_) => weird(parser, INTEGER, text, &format!("not a valid {name} value")),
    }
}

/// The number at hand is not within a type's range.
pub(in crate::doubles) fn out_of_range<T>(
    parser: &Parser<'_>,
    kind: &str,
    least: &dyn std::fmt::Display,
    most: &dyn std::fmt::Display,
) -> Read<T> {
    let number = parser.number();
    let told = if number.len() < TOLD {
        number.to_owned()
    } else {
        format!("[Integer with {} digits]", number.trim_start_matches('-').len())
    };
    let message = format!("Numeric value ({told}) out of range of {kind} ({least} - {most})");
    Err(Problem::new(Kind::Mapping, message, Some(parser.place())))
}

/// A `String`: numbers and booleans become texts.
pub(in crate::doubles) fn text<'a>(parser: &mut Parser<'a>) -> Read<Option<Units<'a>>> {
    match parser.token() {
        Some(Token::Null) => Ok(None),
        Some(Token::String) => parser.string().map(Some),
        Some(Token::Integer | Token::Float) => Ok(Some(Units::Borrowed(parser.number().as_bytes()))),
        Some(Token::True) => Ok(Some(Units::Borrowed(b"true"))),
        Some(Token::False) => Ok(Some(Units::Borrowed(b"false"))),
        _ => mismatch(parser, "java.lang.String"),
    }
}

/// One of the constants of `class`: by its name, or by its number. Messages list the `names` in this order.
pub(in crate::doubles) fn enumerated<T: Copy>(
    parser: &mut Parser<'_>,
    class: &str,
    constants: &[T],
    name: fn(T) -> &'static str,
    names: &[&str],
) -> Read<Option<T>> {
    let text = match parser.token() {
        Some(Token::Null) => return Ok(None),
        Some(Token::Integer) => return numbered(parser, class, constants).map(Some),
        Some(Token::String) => to_utf8(&parser.string()?),
        _ => return mismatch(parser, class),
    };
    let told = trimmed(&text);
    let find = |text: &str| constants.iter().copied().find(|constant| name(*constant) == text);
    if let Some(constant) = find(&text).or_else(|| find(told)) {
        return Ok(Some(constant));
    }
    if told.is_empty() && parser.version() > Version::V2_10 {
        return not_coerced(parser, &format!("`{class}` value"));
    }
    if told.is_empty() {
        return Ok(None);
    }
    if told.starts_with(|c: char| c.is_ascii_digit())
        && (told.len() == 1 || !told.starts_with('0'))
        && let Some(constant) = told.parse::<usize>().ok().and_then(|index| constants.get(index))
    {
        return Ok(Some(*constant));
    }
    let why = format!("not one of the values accepted for Enum class: [{}]", names.join(", "));
    weird(parser, class, told, &why)
}

fn numbered<T: Copy>(parser: &Parser<'_>, class: &str, constants: &[T]) -> Read<T> {
    let Ok(index) = parser.number().parse::<i32>() else {
        return out_of_range(parser, "int", &i32::MIN, &i32::MAX);
    };
    match usize::try_from(index).ok().and_then(|index| constants.get(index)) {
        Some(constant) => Ok(*constant),
        None => refuse(
            parser,
            format!(
                "Cannot deserialize value of type `{class}` from number {index}: index value outside legal index \
                 range [0..{}]",
                constants.len() - 1
            ),
        ),
    }
}

/// A text that is empty, or blank, which is told alike.
pub(in crate::doubles) fn not_coerced<T>(parser: &Parser<'_>, to: &str) -> Read<T> {
    refuse(
        parser,
        format!(
            "Cannot coerce empty String (\"\") to {to} (but could if coercion was enabled using `CoercionConfig`)"
        ),
    )
}

/// The value at hand is no list of `elements`; a text is read to its end before that is told.
pub(in crate::doubles) fn no_list<T>(parser: &mut Parser<'_>, elements: &str) -> Read<T> {
    if parser.token() == Some(Token::String)
        && parser.string()?.is_empty()
        && parser.version() == Version::V2_10
    {
        return no_creator(parser, "java.util.ArrayList", &argument("String", "String", "''"));
    }
    mismatch(parser, &format!("java.util.ArrayList<{elements}>"))
}

/// A `long` that nobody looks at.
pub(in crate::doubles) fn long(parser: &mut Parser<'_>) -> Read<()> {
    match parser.token() {
        Some(Token::Null) => Ok(()),
        Some(Token::Integer) => match parser.number().parse::<i64>() {
            Ok(_) => Ok(()),
            Err(_) => out_of_range(parser, "long", &i64::MIN, &i64::MAX),
        },
        Some(Token::Float) => {
            let double = parser.version().double(parser.number());
            if double.abs() > 9_223_372_036_854_775_807.0 {
                return out_of_range(parser, "long", &i64::MIN, &i64::MAX);
            }
            Ok(())
        }
        Some(Token::String) => {
            let text = to_utf8(&parser.string()?);
            let text = trimmed(&text);
            if text.is_empty() || text == "null" || text.parse::<i64>().is_ok() {
                return Ok(());
            }
            weird(parser, "long", text, "not a valid `long` value")
        }
        _ => mismatch(parser, "long"),
    }
}

/// Any value.
pub(in crate::doubles) fn node<'a>(parser: &mut Parser<'a>) -> Read<Node<'a>> {
    match parser.token() {
        Some(Token::Null) => Ok(Node::Null),
        Some(Token::String) => parser.string().map(Node::Text),
        _ => {
            let mut written = Vec::new();
            tree::write(parser, &mut written)?;
            Ok(Node::Other(written))
        }
    }
}

/// Any value as it is written; none of null.
pub(in crate::doubles) fn written(parser: &mut Parser<'_>) -> Read<Option<Vec<u8>>> {
    if parser.token() == Some(Token::Null) {
        return Ok(None);
    }
    let mut written = Vec::new();
    tree::write(parser, &mut written)?;
    Ok(Some(written))
}

/// The members of an object that a constructor makes of some of them.
///
/// One that nobody knows is told when the object has been made: at its end, or once all that the constructor takes is there.
#[derive(Debug)]
pub(in crate::doubles) struct Members {
    /// The class of what is made, and which members it knows.
    class: &'static str,
    known: &'static [&'static str],
    expected: u32,
    given: u32,
    made: bool,
    unknown: Option<Vec<u8>>,
}

impl Members {
    pub(in crate::doubles) fn new(
        class: &'static str,
        known: &'static [&'static str],
        expected: u32,
    ) -> Self {
        Self { class, known, expected, given: 0, made: false, unknown: None }
    }

    /// Notes that the constructor's member of this index is there. Whether that makes it complete for the first time.
    pub(in crate::doubles) fn given(&mut self, index: u32) -> bool {
        self.given |= 1 << index;
        !self.made && self.given.count_ones() == self.expected
    }

    pub(in crate::doubles) fn is_made(&self) -> bool {
        self.made
    }

    /// Passes a member that nobody knows, whose name is at hand.
    pub(in crate::doubles) fn unknown(&mut self, parser: &mut Parser<'_>) -> Read<()> {
        let name = parser.name().to_vec();
        parser.advance()?;
        if self.made {
            return unrecognized(parser, &name, self.class, self.known);
        }
        self.unknown.get_or_insert(name);
        parser.skip_children()?;
        parser.advance()?;
        Ok(())
    }

    /// Notes that the object has been made.
    pub(in crate::doubles) fn made(&mut self, parser: &Parser<'_>) -> Read<()> {
        if self.made {
            return Ok(());
        }
        self.made = true;
        match self.unknown.take() {
            Some(name) => unrecognized(parser, &name, self.class, self.known),
            None => Ok(()),
        }
    }
}
