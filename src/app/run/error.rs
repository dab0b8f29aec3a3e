//! Why a run gave no result, and the exit code of that.

use std::path::PathBuf;

use super::{BudgetError, FolderError, Interrupt, PayloadError};
use crate::app::exit;
use crate::ledger::StoreError;
use crate::load::{LoadError, PreflightError, TargetError, TokenError};
use crate::schedule::ReplayError;
use crate::stack::StackError;
use crate::verify::VerifyError;

/// Why a run gave no result.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The records cannot be made.
    #[error(transparent)]
    Payload(#[from] PayloadError),
    /// A file of recorded arrivals.
    #[error(
        "workload[{workload}], phase `{phase}`: cannot read the recording {path}: {source}; check the path"
    )]
    ReplayFile {
        /// Place in the scenario.
        workload: usize,
        /// Name of the phase.
        phase: String,
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A file of recorded arrivals that is none.
    #[error("workload[{workload}], phase `{phase}`: the recording {path} {source}")]
    Replay {
        /// Place in the scenario.
        workload: usize,
        /// Name of the phase.
        phase: String,
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: ReplayError,
    },
    /// The scenario would send more than it may.
    #[error(transparent)]
    Budget(#[from] BudgetError),
    /// The path did not come up.
    #[error(transparent)]
    Stack(#[from] StackError),
    /// Load may not go there, or cannot.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// No token.
    #[error("partner `{partner}`: {source}")]
    Token {
        /// Name in the scenario.
        partner: String,
        /// What happened.
        #[source]
        source: TokenError,
    },
    /// The topics cannot be read at all.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    /// The load could not begin.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// This machine cannot hold what the load needs.
    #[error(transparent)]
    Preflight(#[from] PreflightError),
    /// A file of the run's folder.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// A thread could not be started.
    #[error("cannot start the {name} thread: {source}")]
    Thread {
        /// Which.
        name: &'static str,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// What the ledger had put aside.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The journal.
    #[error("the run's journal cannot be read back: {0}; check the disk, and run again")]
    Journal(#[source] std::io::Error),
    /// A thread of landfall's own ended by a panic, which is a bug.
    #[error("landfall's {0} thread failed; this is a bug of landfall's, please report it with the scenario")]
    Bug(&'static str),
    /// A signal came before anything had been sent.
    #[error("stopped by {} before anything was sent", .0.name())]
    Interrupted(Interrupt),
}

impl RunError {
    /// The exit code by DESIGN's precedence: 2 for the scenario and its files, 3 for the path.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Interrupted(interrupt) => exit::of_interrupt(*interrupt),
            Self::Payload(_)
            | Self::ReplayFile { .. }
            | Self::Replay { .. }
            | Self::Folder(_)
            | Self::Budget(_)
            | Self::Preflight(_)
            | Self::Target(
                TargetError::Url { .. } | TargetError::Forbidden { .. } | TargetError::Tls { .. },
            ) => exit::USAGE,
            Self::Stack(StackError::FlawAccepted { .. }) => exit::FAIL,
            Self::Stack(error) if error.is_usage() => exit::USAGE,
            _ => exit::STACK,
        }
    }
}
