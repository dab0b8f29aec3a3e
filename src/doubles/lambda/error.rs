//! Why a function cannot be started.

use std::path::PathBuf;
use std::time::Duration;

use super::failure::Exit;
use super::output::Tail;
use crate::doubles::http::BindError;

/// Why a [`super::Function`] could not be started.
#[derive(Debug, thiserror::Error)]
pub enum FunctionError {
    /// The port is not to be had.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// A listener failed.
    #[error("cannot serve the function {name}: {source}; start it again")]
    Serve {
        /// The function.
        name: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// Lambda has no functions of such a name.
    #[error("the function's name {0:?} is none that Lambda takes; give it 1 to 64 letters, digits, - and _")]
    Name(String),
    /// There is no command.
    #[error("no command starts the function {0}; name a program and its arguments")]
    NoCommand(String),
    /// A variable that the system does not take, or that only landfall sets.
    #[error(
        "cannot set the variable {variable:?} for the function {name}; take it out, or correct its name or value"
    )]
    Variable {
        /// The function.
        name: String,
        /// The variable's name.
        variable: String,
    },
    /// There is no such folder.
    #[error(
        "cannot start the function {name} in {}: this is no folder; name the one that it is in",
        directory.display()
    )]
    Directory {
        /// The function.
        name: String,
        /// What should be a folder.
        directory: PathBuf,
    },
    /// The file for what the function writes cannot be opened.
    #[error("cannot write the log of the function {name} to {}: {source}; name another file", path.display())]
    Log {
        /// The function.
        name: String,
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// There is no such program.
    #[error(
        "cannot start the function {name}: there is no program {program}, or not the interpreter that its first line \
         names; correct the command, or install it"
    )]
    NotFound {
        /// The function.
        name: String,
        /// The program, as it was looked for.
        program: String,
    },
    /// The program may not be executed, or is none.
    #[error(
        "cannot start the function {name}: {program} cannot be executed ({source}); make it executable, or name the \
         interpreter that runs it"
    )]
    NotExecutable {
        /// The function.
        name: String,
        /// The program, as it was looked for.
        program: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The system starts no process.
    #[error("cannot start the function {name} by {program}: {source}; look for what the system lacks")]
    Spawn {
        /// The function.
        name: String,
        /// The program, as it was looked for.
        program: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The process ended before it asked for an event.
    #[error("the function {name} ended with {exit} before it asked for its first event; correct it: {tail}")]
    Exited {
        /// The function.
        name: String,
        /// How the process ended.
        exit: Exit,
        /// What it wrote last.
        tail: Tail,
    },
    /// The process did not ask for an event in time.
    #[error(
        "the function {name} has not asked for its first event after {limit:?}; check that its command runs a runtime \
         of Lambda, or give it more time: {tail}"
    )]
    InitTimeout {
        /// The function.
        name: String,
        /// How long it had.
        limit: Duration,
        /// What it wrote last.
        tail: Tail,
    },
    /// The runtime said that the function cannot start.
    #[error("the function {name} cannot start: {error_type}: {message}; correct it: {tail}")]
    Init {
        /// The function.
        name: String,
        /// `errorType` of the runtime's error.
        error_type: String,
        /// `errorMessage` of the runtime's error, without what may be a credential.
        message: String,
        /// What it wrote last.
        tail: Tail,
    },
    /// It was stopped before it had started.
    #[error("the function {0} was stopped before it had started; start it again")]
    Stopped(String),
}
