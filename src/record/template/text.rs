//! `$text`: strings of drawn characters, their length fixed or drawn too.

use rand_distr::{Distribution as _, LogNormal, Normal, Uniform};
use rand_xoshiro::SplitMix64;
use rand_xoshiro::rand_core::Rng as _;
use serde_json::Value;

use super::error::TemplateError;
use super::parameters::{Parameters, wrong};
use crate::record::json;

pub(super) const EXAMPLE: &str = r#"{"$text": {"length": 20}}"#;

/// Longest text, in characters; where a drawn length is beyond it, this is taken.
const LONGEST: u64 = 1_000_000;
const ALPHABET: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

#[derive(Debug)]
pub(super) struct Text {
    length: Length,
    /// The characters as they stand in a JSON string.
    alphabet: Vec<Box<[u8]>>,
}

#[derive(Debug)]
enum Length {
    Fixed(u64),
    Uniform(Uniform<u64>),
    Normal(Normal<f64>),
    LogNormal(LogNormal<f64>),
}

impl Text {
    pub(super) fn read(mut parameters: Parameters<'_>) -> Result<Self, TemplateError> {
        let length = Length::read(parameters.required("length")?, &format!("{}/length", parameters.pointer))?;
        let alphabet = match parameters.optional("alphabet") {
            None => ALPHABET,
            Some(Value::String(text)) if !text.is_empty() => text,
            Some(other) => return Err(parameters.wrong("alphabet", "text of one character at least", other)),
        };
        let escaped = |c: char| {
            let mut json = Vec::new();
            json::push(&mut json, c.encode_utf8(&mut [0; 4]));
            json[1..json.len() - 1].into()
        };
        let alphabet = alphabet.chars().map(escaped).collect();
        parameters.finish()?;
        Ok(Self { length, alphabet })
    }

    pub(super) fn write(&self, draws: &mut SplitMix64, out: &mut Vec<u8>) {
        let mut left = self.length.draw(draws);
        out.push(b'"');
        while left > 0 {
            // Two characters a draw: 32 bits choose among few characters evenly enough.
            let bits = draws.next_u64();
            for half in [bits & 0xffff_ffff, bits >> 32] {
                let place = (half * self.alphabet.len() as u64) >> 32;
                let place = usize::try_from(place).expect("less than the alphabet's length");
                out.extend_from_slice(&self.alphabet[place]);
                left -= 1;
                if left == 0 {
                    break;
                }
            }
        }
        out.push(b'"');
    }
}

impl Length {
    fn read(value: &Value, pointer: &str) -> Result<Self, TemplateError> {
        let count = |value: &Value| value.as_u64().filter(|count| *count <= LONGEST);
        let whole = || format!("a whole number from 0 to {LONGEST}");
        let object = match value {
            Value::Number(_) => {
                return count(value).map(Self::Fixed).ok_or_else(|| wrong(pointer, whole(), value));
            }
            Value::Object(object) if object.len() == 1 => object,
            other => return Err(wrong(pointer, WANTED, other)),
        };
        let Some((kind, given)) = object.iter().next() else { return Err(wrong(pointer, WANTED, value)) };
        let pointer = &format!("{pointer}/{kind}");
        match kind.as_str() {
            "uniform" => {
                let ends = given.as_array().and_then(|ends| match ends.as_slice() {
                    [from, to] => Some((count(from)?, count(to)?)),
                    _ => None,
                });
                let wanted = || format!("two whole numbers from 0 to {LONGEST}, the smaller first");
                ends.and_then(|(from, to)| Uniform::new_inclusive(from, to).ok())
                    .map(Self::Uniform)
                    .ok_or_else(|| wrong(pointer, wanted(), given))
            }
            "normal" => {
                let mut parameters = Parameters::new("normal", NORMAL, given, pointer)?;
                let mean = size(&mut parameters, "mean")?;
                let deviation = size(&mut parameters, "deviation")?;
                parameters.finish()?;
                Normal::new(mean, deviation).map(Self::Normal).map_err(|_| wrong(pointer, WANTED, given))
            }
            "lognormal" => {
                let mut parameters = Parameters::new("lognormal", LOGNORMAL, given, pointer)?;
                let median = size(&mut parameters, "median")?;
                let sigma = size(&mut parameters, "sigma")?;
                parameters.finish()?;
                if median <= 0.0 {
                    return Err(wrong(&format!("{pointer}/median"), "above 0", &given["median"]));
                }
                LogNormal::new(median.ln(), sigma)
                    .map(Self::LogNormal)
                    .map_err(|_| wrong(pointer, WANTED, given))
            }
            _ => Err(wrong(pointer, WANTED, given)),
        }
    }

    fn draw(&self, draws: &mut SplitMix64) -> u64 {
        let length = match self {
            Self::Fixed(length) => return *length,
            Self::Uniform(uniform) => return uniform.sample(draws),
            Self::Normal(normal) => normal.sample(draws),
            Self::LogNormal(normal) => normal.sample(draws),
        };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "clamped to the range, which a double holds exactly"
        )]
        let length = length.round().clamp(0.0, LONGEST as f64) as u64;
        length
    }
}

const WANTED: &str = "a number, or one of `uniform`, `normal`, `lognormal`";
const NORMAL: &str = r#"{"normal": {"mean": 200, "deviation": 50}}"#;
const LOGNORMAL: &str = r#"{"lognormal": {"median": 200, "sigma": 0.5}}"#;

/// A finite number of 0 at least.
fn size(parameters: &mut Parameters<'_>, name: &'static str) -> Result<f64, TemplateError> {
    let value = parameters.required(name)?;
    let size = value.as_f64().filter(|size| size.is_finite() && *size >= 0.0);
    size.ok_or_else(|| parameters.wrong(name, "a number of 0 at least", value))
}
