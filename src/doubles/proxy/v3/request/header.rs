//! Headers: names and values in base64.

use super::super::super::request::Headers;
use super::base64;
use crate::doubles::jackson::bind::{self, Members};
use crate::doubles::jackson::{Parser, Read, Token, to_utf8};

const CLASS: &str = "io.confluent.kafkarest.entities.v3.ProduceRequest$ProduceRequestHeader";
const MADE: &str = "io.confluent.kafkarest.entities.v3.AutoValue_ProduceRequest_ProduceRequestHeader";
const KNOWN: [&str; 1] = ["name"];

/// The headers at hand, and the index of the first that is null.
pub(super) fn read(parser: &mut Parser<'_>) -> Read<(Headers, Option<usize>)> {
    let mut headers = Headers::new();
    let mut null = None;
    match parser.token() {
        Some(Token::Null) => return Ok((headers, null)),
        Some(Token::StartArray) => {}
        _ => return bind::no_list(parser, CLASS),
    }
    while parser.advance()? != Some(Token::EndArray) {
        let index = headers.len();
        if parser.token() == Some(Token::Null) {
            null.get_or_insert(index);
            headers.push((String::new(), None));
            continue;
        }
        let header = read_one(parser);
        headers.push(header.map_err(|problem| problem.within(|| format!("java.util.ArrayList[{index}]")))?);
    }
    Ok((headers, null))
}

fn read_one(parser: &mut Parser<'_>) -> Read<(String, Option<Vec<u8>>)> {
    bind::open(parser, CLASS)?;
    let (mut name, mut value) = (None, None);
    let mut members = Members::new(MADE, &KNOWN, 2);
    while parser.token() == Some(Token::Name) {
        let index = match parser.name() {
            b"name" => 0,
            b"value" => 1,
            _ => {
                members.unknown(parser)?;
                continue;
            }
        };
        parser.advance()?;
        if index == 0 {
            name = bind::within(bind::text(parser), CLASS, "name")?.map(|name| to_utf8(&name));
        } else {
            value = bind::within(base64::read(parser), CLASS, "value")?;
        }
        let complete = members.given(index);
        parser.advance()?;
        if complete {
            named(parser, name.as_ref())?;
            members.made(parser)?;
        }
    }
    if !members.is_made() {
        named(parser, name.as_ref())?;
        members.made(parser)?;
    }
    Ok((name.unwrap_or_default(), value))
}

fn named(parser: &Parser<'_>, name: Option<&String>) -> Read<()> {
    match name {
        Some(_) => Ok(()),
        None => bind::not_made(parser.token_place(), CLASS, "Null name"),
    }
}
