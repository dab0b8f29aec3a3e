//! Finding the engine of this machine, and what it can do.

use std::fmt;

use bollard::{API_DEFAULT_VERSION, Docker};

use super::error::{EngineError, sentence};

/// Where an engine is looked for if nobody says where it is.
const SOCKETS: [&str; 2] = ["/var/run/docker.sock", "/run/podman/podman.sock"];
/// How long a call may take, in seconds, but for those that stream.
const TIMEOUT_S: u64 = 120;
/// The oldest API that has all that is used: of Docker Engine 19.03.
const OLDEST: (usize, usize) = (1, 40);

/// A container engine of this machine.
#[derive(Clone)]
pub struct Engine {
    pub(super) docker: Docker,
    address: String,
}

/// What an engine is and can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities {
    /// Its version, for instance `20.10.24`.
    pub version: String,
    /// The version of its API.
    pub api: String,
    /// Whether limits of CPU time bite.
    pub limits_cpu: bool,
    /// Whether limits of memory bite.
    pub limits_memory: bool,
    /// The version of its control groups, `1` or `2`.
    pub cgroups: String,
    /// How many CPUs it may use.
    pub cpus: u64,
    /// How much memory it may use, in bytes.
    pub memory: u64,
    /// The folder in which it keeps images and containers.
    pub root: String,
}

impl Engine {
    /// The engine that `host` names, as the environment variable `DOCKER_HOST` does; `None`: the one that listens where
    /// Docker's or Podman's usually does.
    ///
    /// # Errors
    /// [`EngineError`] where none answers, where it may not be used, or where it is too old or on another machine.
    pub async fn connect(host: Option<&str>) -> Result<Self, EngineError> {
        let address = address(host)?;
        let none = |reason: String| EngineError::None { address: address.clone(), reason };
        if !std::path::Path::new(&address).exists() {
            return Err(none("there is no such socket".into()));
        }
        let docker = Docker::connect_with_unix(&address, TIMEOUT_S, API_DEFAULT_VERSION)
            .map_err(|error| none(sentence(&error)))?;
        let version = match docker.version().await {
            Ok(version) => version,
            Err(error) => {
                let reason = sentence(&error);
                let denied = reason.to_ascii_lowercase().contains("permission denied");
                return Err(if denied { EngineError::Denied { address } } else { none(reason) });
            }
        };
        let found = version.api_version.unwrap_or_default();
        if parsed(&found).is_none_or(|found| found < OLDEST) {
            let needed = format!("{}.{}", OLDEST.0, OLDEST.1);
            return Err(EngineError::TooOld { address, found, needed });
        }
        let docker = docker.negotiate_version().await.map_err(|error| none(sentence(&error)))?;
        Ok(Self { docker, address })
    }

    /// The path of its socket.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// What it is and can do.
    ///
    /// # Errors
    /// [`EngineError::Asked`] where it does not say.
    pub async fn capabilities(&self) -> Result<Capabilities, EngineError> {
        let asked = |error: &_| EngineError::Asked { action: "say what it can do", reason: sentence(error) };
        let info = self.docker.info().await.map_err(|error| asked(&error))?;
        let version = self.docker.version().await.map_err(|error| asked(&error))?;
        let number = |number: Option<i64>| number.and_then(|number| u64::try_from(number).ok()).unwrap_or(0);
        Ok(Capabilities {
            version: info.server_version.unwrap_or_default(),
            api: version.api_version.unwrap_or_default(),
            limits_cpu: info.cpu_cfs_quota.unwrap_or(false),
            limits_memory: info.memory_limit.unwrap_or(false),
            cgroups: info.cgroup_version.map(|version| version.to_string()).unwrap_or_default(),
            cpus: number(info.ncpu),
            memory: number(info.mem_total),
            root: info.docker_root_dir.unwrap_or_default(),
        })
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Engine").field("address", &self.address).finish_non_exhaustive()
    }
}

/// The path of the socket that is meant.
fn address(host: Option<&str>) -> Result<String, EngineError> {
    let Some(host) = host.filter(|host| !host.is_empty()) else {
        let there = SOCKETS.into_iter().find(|socket| std::path::Path::new(socket).exists());
        return Ok(there.unwrap_or(SOCKETS[0]).to_owned());
    };
    match host.strip_prefix("unix://") {
        Some(path) => Ok(absolute(path)),
        None if host.starts_with('/') => Ok(host.to_owned()),
        None => Err(EngineError::Remote { address: host.to_owned() }),
    }
}

/// The path from the root on, wherever it is used from.
fn absolute(path: &str) -> String {
    let absolute = std::path::absolute(path).ok();
    absolute.and_then(|path| Some(path.to_str()?.to_owned())).unwrap_or_else(|| path.to_owned())
}

fn parsed(version: &str) -> Option<(usize, usize)> {
    let (major, minor) = version.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engine_must_be_of_this_machine() {
        assert_eq!(address(Some("unix:///run/a.sock")).unwrap(), "/run/a.sock");
        assert_eq!(address(Some("/run/a.sock")).unwrap(), "/run/a.sock");
        for remote in ["tcp://10.0.0.1:2376", "ssh://me@host", "tcp://127.0.0.1:2375"] {
            assert!(matches!(address(Some(remote)), Err(EngineError::Remote { .. })), "{remote}");
        }
    }

    #[tokio::test]
    async fn where_none_listens_a_sentence_says_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("none.sock");
        let none = Engine::connect(path.to_str()).await.unwrap_err().to_string();
        assert!(none.contains("there is no such socket") && none.contains("DOCKER_HOST"), "{none}");
        // A socket that nobody accepts at.
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        let dead = Engine::connect(path.to_str()).await.unwrap_err().to_string();
        assert!(
            dead.contains("no container engine answers") && dead.to_lowercase().contains("refused"),
            "{dead}"
        );
    }

    #[test]
    fn versions_are_numbers() {
        assert_eq!(parsed("1.41"), Some((1, 41)));
        assert!(parsed("1.9") < Some(OLDEST));
        assert_eq!(parsed("x"), None);
    }
}
