//! A value as Jackson writes the tree that it has read of it.
//!
//! Numbers with a fraction or exponent become doubles; integers keep every digit; characters outside the basic plane become
//! escapes. Of members of one name the last value stands in the place of the first. The text is written while it is read,
//! without a tree in between, and however deep it is nested, nothing recurs.

use std::collections::HashMap;

use super::double;
use super::parser::{Parser, Token};
use super::problem::Read;
use super::string::{Sink as _, Written, units};

/// From how many members on an object's names are looked up in a table.
const MANY: usize = 24;

/// Where a member stands in what has been written.
#[derive(Debug, Clone, Copy)]
struct Member {
    name: (usize, usize),
    value: (usize, usize),
}

/// An array or object that is open.
#[derive(Debug)]
struct Frame {
    is_object: bool,
    /// Where its members begin among those of all frames.
    members: usize,
    /// Where the member at hand begins, with its comma.
    entry: usize,
    /// The member's name, and which one it replaces.
    name: (usize, usize),
    value: usize,
    replaces: Option<usize>,
    /// The members by their names, once there are many.
    by_name: Option<HashMap<Box<[u8]>, usize>>,
}

/// Appends the value that begins with the token at hand.
pub(in crate::doubles) fn write(parser: &mut Parser<'_>, out: &mut Vec<u8>) -> Read<()> {
    let mut frames: Vec<Frame> = Vec::new();
    let mut members: Vec<Member> = Vec::new();
    loop {
        match parser.token() {
            Some(token @ (Token::StartObject | Token::StartArray)) => {
                let is_object = token == Token::StartObject;
                out.push(if is_object { b'{' } else { b'[' });
                frames.push(Frame {
                    is_object,
                    members: members.len(),
                    entry: out.len(),
                    name: (0, 0),
                    value: 0,
                    replaces: None,
                    by_name: None,
                });
            }
            Some(Token::EndObject | Token::EndArray) => {
                let Some(frame) = frames.pop() else { return Ok(()) };
                out.push(if frame.is_object { b'}' } else { b']' });
                members.truncate(frame.members);
                if let Some(outer) = frames.last_mut() {
                    complete(outer, &mut members, out);
                }
            }
            Some(token) => {
                scalar(token, parser, out)?;
                if let Some(outer) = frames.last_mut() {
                    complete(outer, &mut members, out);
                }
            }
            None => return Ok(()),
        }
        let Some(frame) = frames.last_mut() else { return Ok(()) };
        match parser.advance()? {
            Some(Token::Name) => {
                begin_member(frame, &members, parser, out);
                parser.advance()?;
            }
            Some(Token::EndObject | Token::EndArray) => {}
            _ => {
                if out.len() > frame.entry {
                    out.push(b',');
                }
            }
        }
    }
}

fn scalar(token: Token, parser: &mut Parser<'_>, out: &mut Vec<u8>) -> Read<()> {
    match token {
        Token::String => {
            out.push(b'"');
            parser.finish(&mut Written(out))?;
            out.push(b'"');
        }
        Token::Integer => {
            let number = parser.number();
            out.extend_from_slice(if number == "-0" { b"0" } else { number.as_bytes() });
        }
        Token::Float => double::write(parser.version().double(parser.number()), out),
        Token::True => out.extend_from_slice(b"true"),
        Token::False => out.extend_from_slice(b"false"),
        _ => out.extend_from_slice(b"null"),
    }
    Ok(())
}

fn begin_member(frame: &mut Frame, members: &[Member], parser: &Parser<'_>, out: &mut Vec<u8>) {
    frame.entry = out.len();
    if members.len() > frame.members {
        out.push(b',');
    }
    let start = out.len();
    write_string(parser.name(), out);
    frame.name = (start, out.len());
    out.push(b':');
    frame.value = out.len();
    let name = &out[start..frame.name.1];
    let mine = &members[frame.members..];
    frame.replaces = match &frame.by_name {
        Some(by_name) => by_name.get(name).copied(),
        None => mine.iter().position(|member| out[member.name.0..member.name.1] == *name),
    };
}

/// Enters the member whose value has been written, or puts the value in the place of an earlier one.
fn complete(frame: &mut Frame, members: &mut Vec<Member>, out: &mut Vec<u8>) {
    if !frame.is_object {
        return;
    }
    let Some(earlier) = frame.replaces.take() else {
        let member = Member { name: frame.name, value: (frame.value, out.len()) };
        members.push(member);
        let mine = &members[frame.members..];
        if let Some(by_name) = &mut frame.by_name {
            by_name.insert(out[member.name.0..member.name.1].into(), mine.len() - 1);
        } else if mine.len() > MANY {
            let named = mine.iter().enumerate();
            frame.by_name = Some(
                named.map(|(index, member)| (out[member.name.0..member.name.1].into(), index)).collect(),
            );
        }
        return;
    };
    let value = out.split_off(frame.value);
    out.truncate(frame.entry);
    let mine = &mut members[frame.members..];
    let (start, end) = mine[earlier].value;
    let moved = |at: usize| at - end + start + value.len();
    mine[earlier].value.1 = start + value.len();
    for member in &mut mine[earlier + 1..] {
        member.name = (moved(member.name.0), moved(member.name.1));
        member.value = (moved(member.value.0), moved(member.value.1));
    }
    out.splice(start..end, value);
}

/// Appends a string, with its quotes.
pub(in crate::doubles) fn write_string(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    let mut written = Written(out);
    if text.iter().all(|byte| (0x20..0x80).contains(byte) && !matches!(byte, b'"' | b'\\')) {
        written.plain(text);
    } else {
        for unit in units(text) {
            written.unit(unit);
        }
    }
    out.push(b'"');
}
