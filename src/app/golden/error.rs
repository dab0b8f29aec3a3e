//! Why a corpus cannot be played.

use std::path::PathBuf;

use crate::app::exit;
use crate::app::run::Interrupt;
use crate::conform::golden::{GoldenError, Unbuildable, WideningError};
use crate::doubles::broker::BrokerError;
use crate::doubles::proxy::ProxyError;
use crate::load::TargetError;
use crate::verify::VerifyError;

/// Why a corpus cannot be played.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// A file cannot be read.
    #[error("cannot read {path}: {source}; check the name")]
    Read {
        /// Which.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write {path}: {source}; name another place")]
    Write {
        /// Which.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A golden file that is none.
    #[error("{path}: {source}")]
    Golden {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: GoldenError,
    },
    /// A recording that is damaged.
    #[error("recording {id}: {source}; the golden file is damaged")]
    Damaged {
        /// Which.
        id: String,
        /// What is wrong.
        #[source]
        source: Unbuildable,
    },
    /// Rules that cannot be used.
    #[error("{path}: {source}")]
    Rules {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: WideningError,
    },
    /// Topics that cannot be read.
    #[error(
        "{path}: {reason}; it is a list of topics, each with `name`, `partitions` and, if need be, `configs`"
    )]
    Topics {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A setting of the recorded proxy that the embedded one does not have.
    #[error("the embedded proxy has no setting {name} (here {value})")]
    Setting {
        /// Its name.
        name: String,
        /// Its value.
        value: String,
    },
    /// Nothing has an id that contains this.
    #[error("no recording's id contains `{0}`; see the ids in the golden file")]
    Nothing(String),
    /// Topics that are not there.
    #[error("Kafka has no topic {}; the corpus needs {}", .missing.join(", "), .missing.iter().map(|topic| format!("`{topic}`")).collect::<Vec<_>>().join(", "))]
    MissingTopics {
        /// Which.
        missing: Vec<String>,
    },
    /// A topic with another number of partitions.
    #[error(
        "the topic `{topic}` has {partitions} partitions, and the corpus was recorded with {expected}; make it anew with as many"
    )]
    Partitions {
        /// Which.
        topic: String,
        /// How many it has.
        partitions: usize,
        /// How many it had.
        expected: usize,
    },
    /// A port.
    #[error("cannot hold a port of this machine: {0}; try again")]
    Port(#[source] std::io::Error),
    /// The broker.
    #[error(transparent)]
    Broker(#[from] BrokerError),
    /// The proxy.
    #[error(transparent)]
    Proxy(#[from] ProxyError),
    /// The endpoint.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// What answers there is no proxy that can be tried.
    #[error("{url} {reason}")]
    NoProxy {
        /// Where.
        url: String,
        /// What is wrong, and what to do next.
        reason: String,
    },
    /// Kafka.
    #[error(transparent)]
    Kafka(#[from] VerifyError),
    /// A signal came.
    #[error("stopped by {}; there is no result", .0.name())]
    Interrupted(Interrupt),
}

impl ReplayError {
    /// The exit code by DESIGN's precedence.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Interrupted(interrupt) => exit::of_interrupt(*interrupt),
            Self::Read { .. }
            | Self::Write { .. }
            | Self::Golden { .. }
            | Self::Damaged { .. }
            | Self::Rules { .. }
            | Self::Topics { .. }
            | Self::Nothing(_)
            | Self::Setting { .. } => exit::USAGE,
            _ => exit::STACK,
        }
    }
}
