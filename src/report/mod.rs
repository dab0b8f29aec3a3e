//! Renderers: of a result, and of a run that is under way. A report can always be made again from the JSON.

mod exposition;
mod live;
mod progress;
pub mod selftest;
mod terminal;
mod text;

use crate::result::RunResult;

pub use exposition::{EXPOSITION_TYPE, exposition};
pub use live::{line, screen};
pub use progress::{LastSecond, PhaseNow, Progress, SoFar, Stage, TimeQuantiles};
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
