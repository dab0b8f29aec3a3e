//! What can go wrong at the engine, told so that people know what to do.

use std::path::PathBuf;

use bollard::errors::Error;

/// What went wrong at the container engine.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// No engine listens.
    #[error(
        "no container engine answers at {address}: {reason}; start Docker (`systemctl start docker`, or `dockerd` as root), or \
         name its socket in DOCKER_HOST"
    )]
    None {
        /// Where it was looked for.
        address: String,
        /// What happened.
        reason: String,
    },
    /// The engine's socket is another user's.
    #[error(
        "the container engine at {address} may not be used by this user; join the group that owns the socket (`docker`), or \
         run landfall as a user who may"
    )]
    Denied {
        /// Where it is.
        address: String,
    },
    /// An engine on another machine.
    #[error(
        "DOCKER_HOST names {address}, which is not a socket of this machine; landfall reaches its containers through ports on \
         127.0.0.1, so the engine must run here: unset DOCKER_HOST, or name a unix socket"
    )]
    Remote {
        /// As written.
        address: String,
    },
    /// An engine from before what is needed.
    #[error(
        "the container engine at {address} speaks API {found}, and landfall needs {needed} (Docker Engine 19.03) or newer; \
         update it"
    )]
    TooOld {
        /// Where it is.
        address: String,
        /// Its version of the API.
        found: String,
        /// The oldest that will do.
        needed: String,
    },
    /// An image that is not there and may not be pulled.
    #[error(
        "the image {image} of the box {name} is not on this machine, and `pull: never` forbids to fetch it; build or load it, \
         or write `pull: missing`"
    )]
    ImageMissing {
        /// Which.
        image: String,
        /// Whose.
        name: String,
    },
    /// An image that cannot be pulled.
    #[error(
        "the image {image} of the box {name} cannot be pulled: {reason}; check its name, tag and registry, log in there with \
         `docker login`, or load it and write `pull: never`"
    )]
    Pull {
        /// Which.
        image: String,
        /// Whose.
        name: String,
        /// What the registry or the engine said.
        reason: String,
    },
    /// A port of this machine that is somebody else's.
    #[error("the port {port} of 127.0.0.1 for the box {name} is taken; free it, or choose another")]
    PortTaken {
        /// Which.
        port: u16,
        /// Whose it should have been.
        name: String,
    },
    /// No room left.
    #[error(
        "the container engine has no room left for the box {name}: {reason}; make room on its disk, for instance with \
         `docker image prune`"
    )]
    DiskFull {
        /// Which.
        name: String,
        /// What the engine said.
        reason: String,
    },
    /// No network could be made, since no addresses are left.
    #[error(
        "the container engine cannot make a network for the path: {reason}; remove networks that nobody uses \
         (`docker network prune`)"
    )]
    Network {
        /// What the engine said.
        reason: String,
    },
    /// The engine refused something else.
    #[error("the container engine cannot {action} the box {name}: {reason}")]
    Refused {
        /// What it was to do.
        action: &'static str,
        /// With which box.
        name: String,
        /// What it said.
        reason: String,
    },
    /// The engine did something else than was asked.
    #[error("the container engine cannot {action}: {reason}")]
    Asked {
        /// What it was to do.
        action: &'static str,
        /// What it said.
        reason: String,
    },
    /// A file for a container's log.
    #[error("cannot write the log of the box {name} to {path}: {source}; check the folder")]
    Log {
        /// Whose log.
        name: String,
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}

impl EngineError {
    /// What the engine said when it was to do `action` with the box `name`, sorted.
    pub(super) fn of_box(action: &'static str, name: &str, error: &Error) -> Self {
        let reason = sentence(error);
        let name = name.to_owned();
        if reason.contains("no space left on device") {
            return Self::DiskFull { name, reason };
        }
        if let Some(port) = taken_port(&reason) {
            return Self::PortTaken { port, name };
        }
        Self::Refused { action, name, reason }
    }

    /// Whether a port was taken, so that another one may be tried.
    #[must_use]
    pub fn is_port_taken(&self) -> bool {
        matches!(self, Self::PortTaken { .. })
    }
}

/// What an error says, in a line.
pub(super) fn sentence(error: &Error) -> String {
    let text = match error {
        Error::DockerResponseServerError { message, .. } => message.clone(),
        other => {
            let mut text = other.to_string();
            let mut cause = std::error::Error::source(other);
            while let Some(inner) = cause {
                text = format!("{text}: {inner}");
                cause = inner.source();
            }
            text
        }
    };
    text.split_whitespace().collect::<Vec<_>>().join(" ").trim_end_matches('.').to_owned()
}

/// The status with which the engine answered.
pub(super) fn status(error: &Error) -> Option<u16> {
    match error {
        Error::DockerResponseServerError { status_code, .. } => Some(*status_code),
        _ => None,
    }
}

/// The port that the engine could not have: what its proxy or its allocator says.
fn taken_port(reason: &str) -> Option<u16> {
    let taken = ["port is already allocated", "address already in use", "Ports are not available"];
    taken.iter().any(|words| reason.contains(words)).then_some(())?;
    let after = reason.split("127.0.0.1:").nth(1)?;
    let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(message: &str) -> EngineError {
        let error = Error::DockerResponseServerError { status_code: 500, message: message.to_owned() };
        EngineError::of_box("start", "kafka", &error)
    }

    #[test]
    fn what_the_engine_says_is_sorted() {
        let allocated = "driver failed programming external connectivity on endpoint x (af): Bind for 127.0.0.1:9092 failed: \
                         port is already allocated";
        assert!(matches!(answered(allocated), EngineError::PortTaken { port: 9092, .. }));
        let proxy = "Error starting userland proxy: listen tcp4 127.0.0.1:4711: bind: address already in use";
        assert!(answered(proxy).is_port_taken());
        let full = "mkdir /var/lib/docker/overlay2/x: no space left on device";
        assert!(matches!(answered(full), EngineError::DiskFull { .. }));
        let other = answered("OCI runtime create failed:\n  exec: \"nope\": not found.");
        assert_eq!(
            other.to_string(),
            "the container engine cannot start the box kafka: OCI runtime create failed: exec: \"nope\": not found"
        );
    }
}
