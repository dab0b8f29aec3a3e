//! `$choice` and `$weighted`: one of several values, which may hold generators themselves.

use rand_distr::{Distribution as _, Uniform};
use serde_json::Value;

use super::compile::{Compiler, Pieces};
use super::error::{Problem, TemplateError};
use super::parameters::{Parameters, kind, wrong};
use super::{Making, Piece};

#[derive(Debug)]
pub(super) struct Choice {
    /// A place among all weights laid side by side.
    place: Uniform<u64>,
    /// Where each alternative's weight ends, and its pieces.
    pub(super) alternatives: Vec<(u64, Vec<Piece>)>,
}

impl Choice {
    /// Reads the alternatives in `value`, each with `compile`.
    pub(super) fn read<'c, 't>(
        compiler: &mut Compiler<'c>,
        value: &'t Value,
        weighted: bool,
        compile: impl Fn(&mut Compiler<'c>, &'t Value, &mut Pieces) -> Result<(), TemplateError>,
    ) -> Result<Self, TemplateError> {
        let list = match value {
            Value::Array(list) if !list.is_empty() => list,
            other => {
                let (generator, wanted) = if weighted {
                    ("$weighted", "a list of weights and values, such as [{\"weight\": 3, \"value\": \"a\"}]")
                } else {
                    ("$choice", "a list of values, such as [\"a\", \"b\"]")
                };
                let found = if other.is_array() { "an empty one" } else { kind(other) };
                return Err(compiler.error(Problem::Parameters { generator, wanted, found }));
            }
        };
        let mut total = 0_u64;
        let mut alternatives = Vec::with_capacity(list.len());
        for (index, item) in list.iter().enumerate() {
            let mut pieces = Pieces::default();
            compiler.within(&index.to_string(), None, |compiler| {
                if weighted {
                    let (weight, value) = weight_and_value(compiler, item)?;
                    total += u64::from(weight);
                    compiler.within("value", None, |compiler| compile(compiler, value, &mut pieces))
                } else {
                    total += 1;
                    compile(compiler, item, &mut pieces)
                }
            })?;
            alternatives.push((total, pieces.finish()));
        }
        let place = Uniform::new(0, total)
            .map_err(|_| wrong(compiler.pointer(), "a list with a weight above 0", value))?;
        Ok(Self { place, alternatives })
    }

    pub(super) fn write(&self, making: &mut Making<'_>, out: &mut Vec<u8>) {
        let place = self.place.sample(&mut making.draws);
        let chosen = self.alternatives.partition_point(|(end, _)| *end <= place);
        making.write_pieces(&self.alternatives[chosen].1, out);
    }
}

fn weight_and_value<'t>(compiler: &Compiler<'_>, item: &'t Value) -> Result<(u32, &'t Value), TemplateError> {
    const EXAMPLE: &str = r#"{"weight": 3, "value": "a"}"#;
    let mut parameters = Parameters::new("$weighted", EXAMPLE, item, compiler.pointer())?;
    let given = parameters.required("weight")?;
    let weight = given.as_u64().and_then(|weight| u32::try_from(weight).ok());
    let weight = weight
        .ok_or_else(|| parameters.wrong("weight", format!("a whole number from 0 to {}", u32::MAX), given))?;
    let value = parameters.required("value")?;
    parameters.finish()?;
    Ok((weight, value))
}
