//! Renderers: of a result, and of a run that is under way. A report can always be made again from the JSON.

mod annotations;
mod chart;
mod code_quality;
mod comparison;
pub mod conformance;
mod csv;
mod exposition;
mod figures;
mod headline;
mod html;
mod json;
mod junit;
mod lint;
mod live;
mod markdown;
mod named;
mod openmetrics;
mod preview;
mod problems;
mod progress;
pub mod selftest;
mod terminal;
mod text;
mod token;
mod xml;

pub use annotations::{annotations, inert};
pub use code_quality::code_quality;
pub use comparison::{
    CheckRow, Checked, Column, Comparison, Difference, Disclosure, FigureRow, FindingRow, NOISE, Unit,
    comparison,
};
pub use csv::{csv, csv_timeline};
pub use exposition::{EXPOSITION_TYPE, exposition};
pub use html::{html, html_of};
pub use json::{json, json_of_several};
pub use junit::junit;
pub use lint::lint;
pub use live::{line, screen};
pub use markdown::markdown;
pub use named::Named;
pub use openmetrics::openmetrics;
pub use preview::preview;
pub use progress::{LastSecond, PhaseNow, Progress, SoFar, Stage, TimeQuantiles};
pub use terminal::summary;
pub use text::{plain, times};
pub use token::{inspection, verification};
