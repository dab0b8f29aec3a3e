//! Renderers of a result. A report can always be made again from the JSON.

mod terminal;

use crate::result::RunResult;

pub use terminal::summary;

/// The result as `result.json` has it.
///
/// # Errors
/// Whatever the serializer says; a result of landfall's own always serializes.
pub fn json(result: &RunResult) -> serde_json::Result<String> {
    let mut text = serde_json::to_string_pretty(result)?;
    text.push('\n');
    Ok(text)
}
