//! One container: made with its files, published on loopback, limited, started, faulted, looked at.

use std::collections::HashMap;
use std::time::Duration;

use bollard::body_full;
use bollard::container::LogOutput;
use bollard::models::{
    ContainerCreateBody, EndpointSettings, HostConfig, HostConfigLogConfig, NetworkingConfig, PortBinding,
};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, KillContainerOptionsBuilder, LogsOptionsBuilder,
    RemoveContainerOptionsBuilder, StopContainerOptionsBuilder, UploadToContainerOptionsBuilder,
};
use futures_util::TryStreamExt as _;

use super::error::{EngineError, sentence};
use super::logs::Redaction;
use super::{BOX_LABEL, Belonging, Engine, Network};
use crate::secret::Secret;

/// How much of its log an engine keeps for a container.
const LOG_SIZE: &str = "64m";

/// How much of the machine a container may have.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Limits {
    /// CPUs, for instance 0.5; `None`: all.
    pub cpus: Option<f64>,
    /// Memory in bytes, swap not in addition; `None`: all.
    pub memory: Option<u64>,
}

/// A file that is put into a container before it starts.
#[derive(Debug, Clone)]
pub struct PlacedFile {
    /// Where, from the root on.
    pub path: String,
    /// What it holds.
    pub content: Secret,
}

/// How a container is made.
#[derive(Debug, Clone)]
pub struct ContainerSpec {
    /// The name of the box, by which others in its network reach it.
    pub name: String,
    /// The id of its image.
    pub image: String,
    /// The program, in place of the image's own.
    pub entrypoint: Option<Vec<String>>,
    /// Its arguments, in place of the image's own.
    pub command: Option<Vec<String>>,
    /// Environment variables.
    pub env: Vec<(String, Secret)>,
    /// Files.
    pub files: Vec<PlacedFile>,
    /// The port that it listens at, and the one of 127.0.0.1 at which it is published.
    pub ports: Vec<(u16, u16)>,
    /// What it may have.
    pub limits: Limits,
    /// The signal that asks it to stop, in place of the image's own.
    pub stop_signal: Option<String>,
}

/// A container that was made.
#[derive(Clone)]
pub struct Container {
    engine: Engine,
    /// The name of the box.
    name: String,
    id: String,
    /// What the engine had to say when it was made.
    warnings: Vec<String>,
}

/// How a container is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ContainerState {
    /// Whether its first process runs; a paused one runs.
    pub running: bool,
    /// Whether it is paused.
    pub paused: bool,
    /// What it ended with, where it has ended.
    pub exit_code: Option<i64>,
    /// Whether it was ended because it had no memory left.
    pub out_of_memory: bool,
    /// The number of its first process on the engine's machine; 0 where it does not run.
    pub pid: u32,
    /// When it was started last, RFC 3339.
    pub started_at: String,
}

impl ContainerState {
    /// Whether it was ever started. The engine says year 1 where it was not.
    #[must_use]
    pub fn was_started(&self) -> bool {
        !self.started_at.starts_with("0001-")
    }
}

impl Container {
    /// Makes a container and puts its files in place. It does not run yet.
    ///
    /// # Errors
    /// [`EngineError`], as it says.
    pub async fn create(
        engine: &Engine,
        belonging: &Belonging,
        network: &Network,
        spec: &ContainerSpec,
    ) -> Result<Self, EngineError> {
        let failed = |error: &_| EngineError::of_box("make", &spec.name, error);
        let options =
            CreateContainerOptionsBuilder::new().name(&format!("{}-{}", network.name, spec.name)).build();
        let body = body(belonging, network, spec);
        let made =
            engine.docker.create_container(Some(options), body).await.map_err(|error| failed(&error))?;
        let container =
            Self { engine: engine.clone(), name: spec.name.clone(), id: made.id, warnings: made.warnings };
        if !spec.files.is_empty() {
            let archive = archive(&spec.files).map_err(|error| EngineError::Refused {
                action: "put files into",
                name: spec.name.clone(),
                reason: error.to_string(),
            })?;
            let options = UploadToContainerOptionsBuilder::new().path("/").build();
            let upload = body_full(archive.into());
            let placed = engine.docker.upload_to_container(&container.id, Some(options), upload).await;
            placed.map_err(|error| EngineError::of_box("put files into", &spec.name, &error))?;
        }
        Ok(container)
    }

    /// The name of the box.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What the engine had to say when it was made, for instance that limits do not bite.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The engine that runs it.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Starts it, if it does not run.
    ///
    /// # Errors
    /// [`EngineError`], as it says.
    pub async fn start(&self) -> Result<(), EngineError> {
        let started = self.engine.docker.start_container(&self.id, None).await;
        started.map_err(|error| EngineError::of_box("start", &self.name, &error))
    }

    /// Asks it to stop, and kills it after `grace`, in whole seconds.
    ///
    /// # Errors
    /// [`EngineError`], as it says.
    pub async fn stop(&self, grace: Duration) -> Result<(), EngineError> {
        let seconds = i32::try_from(grace.as_secs()).unwrap_or(i32::MAX);
        let options = StopContainerOptionsBuilder::new().t(seconds).build();
        let stopped = self.engine.docker.stop_container(&self.id, Some(options)).await;
        stopped.map_err(|error| EngineError::of_box("stop", &self.name, &error))
    }

    /// Sends its first process the signal by which it is asked to stop. Returns when that is delivered, and does not wait for
    /// its end.
    ///
    /// # Errors
    /// [`EngineError`], as it says.
    pub async fn tell_to_stop(&self) -> Result<(), EngineError> {
        let failed = |error: &_| EngineError::of_box("stop", &self.name, error);
        let found = self.engine.docker.inspect_container(&self.id, None).await;
        let config = found.map_err(|error| failed(&error))?.config.unwrap_or_default();
        // What the container or its image says, as the engine has it.
        let signal = config.stop_signal.unwrap_or_else(|| "SIGTERM".to_owned());
        let options = KillContainerOptionsBuilder::new().signal(&signal).build();
        let told = self.engine.docker.kill_container(&self.id, Some(options)).await;
        told.map_err(|error| failed(&error))
    }

    /// Kills it.
    ///
    /// # Errors
    /// [`EngineError`], as it says.
    pub async fn kill(&self) -> Result<(), EngineError> {
        let options = KillContainerOptionsBuilder::new().signal("SIGKILL").build();
        let killed = self.engine.docker.kill_container(&self.id, Some(options)).await;
        killed.map_err(|error| EngineError::of_box("kill", &self.name, &error))
    }

    /// Stops its processes where they are.
    ///
    /// # Errors
    /// [`EngineError`], as it says.
    pub async fn pause(&self) -> Result<(), EngineError> {
        let paused = self.engine.docker.pause_container(&self.id).await;
        paused.map_err(|error| EngineError::of_box("pause", &self.name, &error))
    }

    /// Lets its processes go on.
    ///
    /// # Errors
    /// [`EngineError`], as it says.
    pub async fn unpause(&self) -> Result<(), EngineError> {
        let unpaused = self.engine.docker.unpause_container(&self.id).await;
        unpaused.map_err(|error| EngineError::of_box("let go on", &self.name, &error))
    }

    /// Takes it away, running or not.
    ///
    /// # Errors
    /// [`EngineError`], as it says.
    pub async fn remove(&self) -> Result<(), EngineError> {
        let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
        let removed = self.engine.docker.remove_container(&self.id, Some(options)).await;
        removed.map_err(|error| EngineError::of_box("remove", &self.name, &error))
    }

    /// How it is.
    ///
    /// # Errors
    /// [`EngineError`], as it says.
    pub async fn state(&self) -> Result<ContainerState, EngineError> {
        let found = self.engine.docker.inspect_container(&self.id, None).await;
        let found = found.map_err(|error| EngineError::of_box("look at", &self.name, &error))?;
        let state = found.state.unwrap_or_default();
        let running = state.running.unwrap_or(false);
        Ok(ContainerState {
            running,
            paused: state.paused.unwrap_or(false),
            exit_code: state.exit_code.filter(|_| !running),
            out_of_memory: state.oom_killed.unwrap_or(false),
            pid: state.pid.and_then(|pid| u32::try_from(pid).ok()).unwrap_or(0),
            started_at: state.started_at.unwrap_or_default(),
        })
    }

    /// The last lines that it has printed, without secrets.
    ///
    /// # Errors
    /// [`EngineError`], as it says.
    pub async fn tail(&self, lines: usize, redaction: &Redaction) -> Result<Vec<String>, EngineError> {
        let options = LogsOptionsBuilder::new().stdout(true).stderr(true).tail(&lines.to_string()).build();
        let pieces = self.engine.docker.logs(&self.id, Some(options)).map_ok(LogOutput::into_bytes);
        let pieces: Vec<_> = pieces.try_collect().await.map_err(|error| EngineError::Refused {
            action: "read the log of",
            name: self.name.clone(),
            reason: sentence(&error),
        })?;
        let text = String::from_utf8_lossy(&pieces.concat()).into_owned();
        Ok(text.lines().map(|line| redaction.of(line)).collect())
    }
}

impl std::fmt::Debug for Container {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Container").field("name", &self.name).finish_non_exhaustive()
    }
}

fn body(belonging: &Belonging, network: &Network, spec: &ContainerSpec) -> ContainerCreateBody {
    let mut labels = belonging.labels();
    labels.insert(BOX_LABEL.to_owned(), spec.name.clone());
    let inside = |port: u16| format!("{port}/tcp");
    let bindings: HashMap<String, Option<Vec<PortBinding>>> = spec
        .ports
        .iter()
        .map(|(port, published)| {
            let binding =
                PortBinding { host_ip: Some("127.0.0.1".into()), host_port: Some(published.to_string()) };
            (inside(*port), Some(vec![binding]))
        })
        .collect();
    let memory = spec.limits.memory.and_then(|bytes| i64::try_from(bytes).ok());
    // Billionths of a CPU; there are few CPUs.
    #[expect(clippy::cast_possible_truncation, reason = "as above")]
    let nano_cpus = spec.limits.cpus.map(|cpus| (cpus * 1e9).round() as i64);
    let endpoint = EndpointSettings { aliases: Some(vec![spec.name.clone()]), ..EndpointSettings::default() };
    let log = HostConfigLogConfig {
        typ: Some("json-file".into()),
        config: Some([("max-size".to_owned(), LOG_SIZE.to_owned())].into()),
    };
    ContainerCreateBody {
        hostname: Some(spec.name.clone()),
        image: Some(spec.image.clone()),
        entrypoint: spec.entrypoint.clone(),
        cmd: spec.command.clone(),
        env: Some(spec.env.iter().map(|(name, value)| format!("{name}={}", value.expose())).collect()),
        stop_signal: spec.stop_signal.clone(),
        labels: Some(labels),
        exposed_ports: Some(spec.ports.iter().map(|(port, _)| inside(*port)).collect()),
        host_config: Some(HostConfig {
            port_bindings: Some(bindings),
            network_mode: Some(network.name.clone()),
            memory,
            // With swap the same: none in addition.
            memory_swap: memory,
            nano_cpus,
            log_config: Some(log),
            ..HostConfig::default()
        }),
        networking_config: Some(NetworkingConfig {
            endpoints_config: Some([(network.name.clone(), endpoint)].into()),
        }),
        ..ContainerCreateBody::default()
    }
}

/// The files as a tar archive. Folders that are missing are made by the engine; entries for them would change those that are
/// there. Everybody within the container may read the files: which user its program runs as is the image's business.
fn archive(files: &[PlacedFile]) -> std::io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    for file in files {
        let content = file.content.expose().as_bytes();
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, file.path.trim_start_matches('/'), content)?;
    }
    archive.into_inner()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_come_without_their_folders() {
        let file = |path: &str| PlacedFile { path: path.into(), content: Secret::new("x=1\n") };
        let bytes = archive(&[file("/etc/landfall/a"), file("/etc/landfall/b")]).unwrap();
        let mut archive = tar::Archive::new(bytes.as_slice());
        let names: Vec<String> = archive
            .entries()
            .unwrap()
            .map(|entry| entry.unwrap().path().unwrap().to_str().unwrap().to_owned())
            .collect();
        assert_eq!(names, ["etc/landfall/a", "etc/landfall/b"]);
    }

    #[test]
    fn ports_are_published_on_loopback_only_and_limits_allow_no_swap() {
        let spec = ContainerSpec {
            name: "proxy-1".into(),
            image: "sha256:0".into(),
            entrypoint: None,
            command: None,
            env: vec![("A".into(), Secret::new("1"))],
            files: Vec::new(),
            ports: vec![(8082, 40_001)],
            limits: Limits { cpus: Some(0.5), memory: Some(1 << 30) },
            stop_signal: None,
        };
        let belonging = Belonging { stack: "s".into(), owner: None };
        let body = body(&belonging, &Network { name: "landfall-s".into(), gateway: None }, &spec);
        let host = body.host_config.unwrap();
        let bound = host.port_bindings.unwrap().remove("8082/tcp").unwrap().unwrap();
        assert_eq!(bound[0].host_ip.as_deref(), Some("127.0.0.1"));
        assert_eq!(
            (host.nano_cpus, host.memory, host.memory_swap),
            (Some(500_000_000), Some(1 << 30), Some(1 << 30))
        );
        assert_eq!(body.env, Some(vec!["A=1".to_owned()]));
    }
}
