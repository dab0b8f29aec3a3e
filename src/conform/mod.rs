//! Conformance: cases, and what is made of the answers to them.
//!
//! A [`Case`] is data: what is sent, what may come back, and what must be there for it to be tried. Whoever runs it (in
//! `app`) sends its steps, notes [`Observation`]s, and has them [judged](judge()). Nothing here does I/O.

pub mod auth;
mod case;
pub mod golden;
mod judgement;
mod observation;
pub mod rest;
mod verdict;

pub use case::{Case, Control, Expected, KeysTrouble, Level, Need, Probe, Refusal, Step};
pub use judgement::{Fetches, Grade, Judgement, judge};
pub use observation::{Observation, Outcome};
pub use verdict::{Conclusion, Strictness, conclude};
