//! Why the suite could not be run.

use std::path::PathBuf;
use std::time::Duration;

use crate::app::conform::ConformError;
use crate::app::exit;
use crate::app::golden::ReplayError;
use crate::app::run::Interrupt;
use crate::conform::rest::{CatalogueError, ProfileError};
use crate::kafka;
use crate::stack::StackError;
use crate::verify::VerifyError;

/// Why the suite could not be run.
#[derive(Debug, thiserror::Error)]
pub enum RestError {
    /// The proxy or a file.
    #[error(transparent)]
    Place(#[from] ReplayError),
    /// What ships is damaged.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// A profile.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// A release that is none.
    #[error("`{text}` is no release: {reason}; write it as 7.9.9")]
    Version {
        /// What was given.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Excuses that cannot be read.
    #[error("{path}: {reason}; it is a list of cases, each with `case`, `reason` and `expires`")]
    Excuses {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// No case is meant.
    #[error("no case's id contains `{0}`; `--list` shows the ids")]
    NoCase(String),
    /// Kafka cannot be read.
    #[error(transparent)]
    Kafka(#[from] VerifyError),
    /// Topics cannot be made.
    #[error(
        "cannot create topics for the cases in Kafka at {bootstrap}: {reason}; the user must be allowed to create topics whose names begin with `landfall-`"
    )]
    Topics {
        /// Where.
        bootstrap: String,
        /// What Kafka said.
        reason: String,
    },
    /// librdkafka refuses its settings.
    #[error("cannot make a Kafka client: {}; check the Kafka properties", kafka::describe(.0))]
    Client(#[source] rdkafka::error::KafkaError),
    /// A box that was to be started for the suite, or to come back.
    #[error(transparent)]
    Stack(#[from] StackError),
    /// Boxes that a case did something to are not as they were before.
    #[error(
        "the boxes did not come back after the case {case}, so nothing can be tried at them any more: {source}"
    )]
    NotBack {
        /// Which case.
        case: String,
        /// What became of them.
        #[source]
        source: Box<StackError>,
    },
    /// Boxes took too long, the suite's own work at them included.
    #[error(
        "it took longer than {} s together with the boxes' going and coming back, so nothing is known of the proxy; give the engine more room",
        .0.as_secs()
    )]
    TooLong(Duration),
    /// There was nothing in hand when the proxy was told to stop.
    #[error(
        "the request had been answered before the proxy was told to stop, though Kafka answered nothing, so nothing was tried"
    )]
    NothingInHand,
    /// There is nothing in containers to try.
    #[error(
        "the proxy of the scenario `{scenario}` is none in containers; write `stack.proxy: {{ kind: container, adapter: … }}` or add `--provider container`; landfall's own is tried without a scenario, and one that runs already by `--target`"
    )]
    NotContained {
        /// Which scenario.
        scenario: String,
    },
    /// It may make no topics.
    #[error(
        "the suite makes topics in the Kafka of the scenario `{scenario}`, and `stack.kafka.create_topics` does not allow that; set it to `true`, or take a Kafka in containers"
    )]
    MakesTopics {
        /// Which scenario.
        scenario: String,
    },
    /// Nobody should be able to write there.
    #[error(
        "no proxy should write to the Kafka of the scenario `{scenario}`, which has a flaw; remove `stack.kafka.flaw`, or try it with `landfall run`"
    )]
    Flawed {
        /// Which scenario.
        scenario: String,
    },
    /// The folder of the result.
    #[error(transparent)]
    Files(#[from] ConformError),
    /// It ended so, and has left something.
    #[error("{source}; {left}")]
    Leaving {
        /// How it ended.
        #[source]
        source: Box<RestError>,
        /// What is left, and what to do about it.
        left: String,
    },
    /// A signal came.
    #[error("stopped by {}; there is no result", .0.name())]
    Interrupted(Interrupt),
}

impl RestError {
    /// The same, with what it has left behind, if it has.
    pub(super) fn leaving(self, left: &[String]) -> Self {
        if left.is_empty() {
            return self;
        }
        Self::Leaving { source: Box::new(self), left: left.join("; ") }
    }

    /// The exit code by DESIGN's precedence.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Leaving { source, .. } => source.exit_code(),
            Self::Interrupted(interrupt) => exit::of_interrupt(*interrupt),
            Self::Place(error) => error.exit_code(),
            Self::Stack(error) if error.is_usage() => exit::USAGE,
            Self::Profile(_)
            | Self::Version { .. }
            | Self::Excuses { .. }
            | Self::NoCase(_)
            | Self::NotContained { .. }
            | Self::MakesTopics { .. }
            | Self::Flawed { .. } => exit::USAGE,
            Self::Files(error) => error.exit_code(),
            _ => exit::STACK,
        }
    }
}
