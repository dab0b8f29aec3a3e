//! The generators, each a function of the record and its randomness.

use rand_distr::{Distribution as _, Uniform};
use rand_xoshiro::rand_core::Rng as _;
use serde_json::Value;

use super::choice::Choice;
use super::compile::Compiler;
use super::error::{Problem, TemplateError};
use super::float::{self, Float};
use super::parameters::Parameters;
use super::text::{self, Text};
use super::time::{self, Time};
use super::{Making, Piece};
use crate::record::nearest::nearest;

/// The generators that there are.
const NAMES: [&str; 9] =
    ["$sequence", "$uuid", "$time", "$int", "$float", "$choice", "$weighted", "$text", "$key"];

/// Makes a part of each record.
#[derive(Debug)]
pub(super) enum Generator {
    /// `start` and the record's number times `step`.
    Sequence { start: i64, step: i64 },
    /// A UUID of version 4 in form, drawn.
    Uuid,
    /// A time that moves on with the record's number.
    Time(Time),
    /// A whole number.
    Int(Uniform<i64>),
    /// A decimal fraction.
    Float(Float),
    /// A string of drawn characters.
    Text(Text),
    /// One of several values.
    Choice(Choice),
    /// The record's drawn key.
    Key,
}

impl Generator {
    /// Reads the generator `name`, but for choices, whose values are templates themselves.
    pub(super) fn read(compiler: &Compiler<'_>, name: &str, value: &Value) -> Result<Self, TemplateError> {
        let with = |name, example| Parameters::new(name, example, value, compiler.pointer());
        match name {
            "$sequence" => {
                let mut parameters = with("$sequence", r#"{"$sequence": {"start": 1, "step": 1}}"#)?;
                let start = parameters.integer("start", Some(1))?;
                let step = parameters.integer("step", Some(1))?;
                parameters.finish()?;
                Ok(Self::Sequence { start, step })
            }
            "$uuid" => {
                with("$uuid", r#"{"$uuid": {}}"#)?.finish()?;
                Ok(Self::Uuid)
            }
            "$time" => Time::read(with("$time", time::EXAMPLE)?).map(Self::Time),
            "$int" => {
                let mut parameters = with("$int", r#"{"$int": {"min": 1, "max": 500}}"#)?;
                let (min, max) = (parameters.integer("min", None)?, parameters.integer("max", None)?);
                let range = Uniform::new_inclusive(min, max)
                    .map_err(|_| parameters.wrong("max", "at least as much as `min`", &Value::from(max)))?;
                parameters.finish()?;
                Ok(Self::Int(range))
            }
            "$float" => Float::read(with("$float", float::EXAMPLE)?).map(Self::Float),
            "$text" => Text::read(with("$text", text::EXAMPLE)?).map(Self::Text),
            "$key" => {
                with("$key", r#"{"$key": {}}"#)?.finish()?;
                if compiler.draws_keys() { Ok(Self::Key) } else { Err(compiler.error(Problem::NoKeys)) }
            }
            _ => Err(compiler.error(Problem::UnknownGenerator {
                name: name.to_owned(),
                suggestion: match nearest(name, NAMES.into_iter()) {
                    near if near.ends_with('?') => near,
                    all => format!("{all}."),
                },
            })),
        }
    }

    /// Whether what it makes is always a string.
    pub(super) fn is_string(&self) -> bool {
        match self {
            Self::Uuid | Self::Text(_) | Self::Key => true,
            Self::Time(time) => time.is_string(),
            Self::Choice(choice) => choice.alternatives.iter().all(|(_, pieces)| is_string(pieces)),
            Self::Sequence { .. } | Self::Int(_) | Self::Float(_) => false,
        }
    }

    pub(super) fn write(&self, making: &mut Making<'_>, out: &mut Vec<u8>) {
        match self {
            Self::Sequence { start, step } => {
                let number = i128::from(*start) + i128::from(*step) * i128::from(making.id.sequence);
                out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
            }
            Self::Uuid => {
                let mut bytes = [0; 16];
                bytes[..8].copy_from_slice(&making.draws.next_u64().to_be_bytes());
                bytes[8..].copy_from_slice(&making.draws.next_u64().to_be_bytes());
                let uuid = uuid::Builder::from_random_bytes(bytes).into_uuid();
                out.push(b'"');
                let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
                out.extend_from_slice(uuid.hyphenated().encode_lower(&mut text).as_bytes());
                out.push(b'"');
            }
            Self::Time(time) => time.write(making.id.sequence, out),
            Self::Int(range) => {
                let number = range.sample(&mut making.draws);
                out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
            }
            Self::Float(float) => float.write(&mut making.draws, out),
            Self::Text(text) => text.write(&mut making.draws, out),
            Self::Choice(choice) => choice.write(making, out),
            Self::Key => {
                if let Some((drawer, number)) = making.key {
                    drawer.push_json(number, out);
                }
            }
        }
    }
}

/// Whether the pieces are always the text of a JSON string.
pub(super) fn is_string(pieces: &[Piece]) -> bool {
    match pieces {
        [Piece::Literal(bytes)] => bytes.starts_with(b"\""),
        [Piece::Generated(generator)] => generator.is_string(),
        _ => false,
    }
}
