//! Against which proxy something is played, on the command line.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use super::super::exit;
use crate::app::golden::{Against, Embedded, LIMIT};
use crate::kafka::Access;
use crate::report::plain;
use crate::scenario::{ProxyRelease, host_is_allowed, parse_duration};
use crate::secret::Secret;

/// landfall's own proxy, or one that runs already.
#[derive(Debug, clap::Args)]
pub(super) struct Proxy {
    /// URL of a proxy that runs already; landfall's own proxy and broker by default
    #[arg(long, value_name = "URL", requires = "bootstrap")]
    target: Option<String>,
    /// The Kafka behind that proxy
    #[arg(long, value_name = "HOST:PORT", requires = "target")]
    bootstrap: Option<String>,
    /// librdkafka properties of that Kafka, one NAME=VALUE on each line
    #[arg(long, value_name = "FILE", requires = "target")]
    kafka_properties: Option<PathBuf>,
    /// A host, beside this machine, to which requests may go; may be repeated
    #[arg(long = "allow-host", value_name = "HOST", requires = "target")]
    allow_hosts: Vec<String>,
    /// The release that landfall's own proxy stands for
    #[arg(long, value_name = "RELEASE", value_parser = release, default_value = "confluent-7.9", conflicts_with = "target")]
    release: ProxyRelease,
    /// How many times faster the long time-outs of landfall's own proxy pass; by default 20 for the suite, 100 for golden files
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000), conflicts_with = "target")]
    time_scale: Option<u32>,
}

/// The release of this name.
fn release(name: &str) -> Result<ProxyRelease, String> {
    let names = || ProxyRelease::ALL.map(ProxyRelease::name).join(", ");
    let found = ProxyRelease::ALL.into_iter().find(|release| release.name() == name);
    found.ok_or_else(|| format!("there is no such release here; there are: {}", names()))
}

/// A time that is not zero.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    match parse_duration(text) {
        Ok(Duration::ZERO) => Err(format!("it must take some time; the default is {} s", LIMIT.as_secs())),
        Ok(duration) => Ok(duration),
        Err(error) => Err(error.to_string()),
    }
}

impl Proxy {
    /// The proxy that is meant; the long time-outs of landfall's own pass so many times faster where nothing else is said.
    pub(super) fn against(&self, time_scale: u32) -> Result<Against, ExitCode> {
        let Some(url) = &self.target else {
            return Ok(Against::Embedded(Embedded {
                release: self.release,
                time_scale: self.time_scale.unwrap_or(time_scale),
                faults: Vec::new(),
            }));
        };
        let properties = match &self.kafka_properties {
            Some(file) => properties(file)?,
            None => BTreeMap::new(),
        };
        for server in self.bootstrap.iter().flat_map(|servers| servers.split(',')) {
            let host = server.trim().rsplit_once(':').map_or(server.trim(), |(host, _)| host);
            let host = host.trim_start_matches('[').trim_end_matches(']');
            if !host_is_allowed(host, &self.allow_hosts) {
                tell!(
                    "landfall: topics may not be made at the Kafka on {}; if they may, name it with `--allow-host`",
                    plain(host)
                );
                return Err(ExitCode::from(exit::USAGE));
            }
        }
        let kafka = self.bootstrap.clone().map(|bootstrap| Access { bootstrap, properties });
        Ok(Against::Running { url: url.clone(), kafka, hosts: self.allow_hosts.clone() })
    }
}

/// librdkafka's properties, one on each line; lines that begin with `#` are passed over.
fn properties(file: &Path) -> Result<BTreeMap<String, Secret>, ExitCode> {
    let refused = |reason: String| {
        tell!("landfall: {}: {reason}", file.display());
        ExitCode::from(exit::USAGE)
    };
    let text = std::fs::read_to_string(file)
        .map_err(|error| refused(format!("cannot be read: {error}; check the name")))?;
    let mut found = BTreeMap::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (name, value) = line.split_once('=').ok_or_else(|| {
            refused(format!("line {} is no NAME=VALUE; write one property on each line", number + 1))
        })?;
        found.insert(name.trim().to_owned(), Secret::new(value.trim()));
    }
    Ok(found)
}
