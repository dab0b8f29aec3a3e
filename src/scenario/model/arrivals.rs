//! When requests arrive, and how many records each holds.

use std::path::PathBuf;
use std::time::Duration;

/// A part of a workload's time.
#[derive(Debug, Clone, PartialEq)]
pub struct Phase {
    /// Name, unique in its workload; `main` where the scenario names no phases.
    pub name: String,
    /// Whether its requests count; those of warming up do not. At least one phase of a workload is measured.
    pub measured: bool,
    /// How requests arrive.
    pub arrivals: Arrivals,
    /// How long.
    pub duration: Duration,
}

/// How requests arrive. The phases of a workload are all closed, or none is.
#[derive(Debug, Clone, PartialEq)]
pub enum Arrivals {
    /// At a rate that does not depend on answers.
    Open {
        /// How the rate changes with time.
        shape: Shape,
        /// How arrivals stand within the rate.
        spacing: Spacing,
    },
    /// At the times of a file.
    Replay {
        /// A timestamp a line, or CSV with a column of them.
        file: PathBuf,
        /// The column's name in the first line; `None`: the first column.
        column: Option<String>,
        /// How much faster than recorded, above 0.
        speed: f64,
    },
    /// Each when the one before has been answered.
    Closed {
        /// Requests that are under way at once, at least 1.
        workers: u16,
        /// How long a worker waits between an answer and its next request.
        think: Duration,
    },
}

/// How a rate changes with time. Rates are requests a second, none negative and not all zero.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    /// Always the same.
    Constant(f64),
    /// From one to another in a straight line.
    Ramp {
        /// At the start.
        from: f64,
        /// At the end.
        to: f64,
    },
    /// Each for an equal part of the phase; never empty.
    Steps(Vec<f64>),
    /// A base rate with one burst, which ends within the phase.
    Spike {
        /// Before and after the burst.
        base: f64,
        /// During the burst, above `base`.
        peak: f64,
        /// When the burst begins, counted from the phase's start.
        at: Duration,
        /// How long it lasts.
        length: Duration,
    },
    /// The course of a day, whose 24 h are mapped onto the phase: times since midnight, ascending, and the rate at
    /// each; in straight lines between them, and over midnight. Never empty.
    Day(Vec<(Duration, f64)>),
}

/// How arrivals stand within a rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spacing {
    /// Evenly.
    Even,
    /// At random, as independent clients come: a Poisson process.
    Poisson,
}

/// How many records each request holds; at least 1.
#[derive(Debug, Clone, PartialEq)]
pub enum RecordsPerRequest {
    /// Always so many.
    Fixed(u32),
    /// Any number within bounds, each as often as any other.
    Uniform {
        /// The least.
        from: u32,
        /// The most.
        to: u32,
    },
    /// Poisson's distribution, with ones for its zeros.
    Poisson {
        /// Its mean, above 0.
        mean: f64,
    },
    /// Numbers with their weights, which are at least 1; never empty.
    Weighted(Vec<(u32, u32)>),
}

impl RecordsPerRequest {
    /// Whether a request may hold more than one.
    #[must_use]
    pub fn may_be_several(&self) -> bool {
        match self {
            Self::Fixed(records) => *records > 1,
            Self::Uniform { to, .. } => *to > 1,
            Self::Poisson { .. } => true,
            Self::Weighted(sizes) => sizes.iter().any(|(records, _)| *records > 1),
        }
    }
}
