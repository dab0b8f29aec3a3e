//! Renderers: of a result, and of a run that is under way. A report can always be made again from the JSON.

mod chart;
mod exposition;
mod headline;
mod html;
mod json;
mod live;
mod progress;
pub mod selftest;
mod terminal;
mod text;

pub use exposition::{EXPOSITION_TYPE, exposition};
pub use html::html;
pub use json::json;
pub use live::{line, screen};
pub use progress::{LastSecond, PhaseNow, Progress, SoFar, Stage, TimeQuantiles};
pub use terminal::summary;
