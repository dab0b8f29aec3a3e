//! What `landfall conform record` and `landfall conform replay` have in common on the command line.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::super::{exit, runtime, signals};
use crate::app::golden::{Against, Embedded, LIMIT, Options, ReplayError, TIME_SCALE};
use crate::app::run::Interrupt;
use crate::kafka::Access;
use crate::scenario::{ProxyRelease, parse_duration};
use crate::secret::Secret;

/// How often it is told how far playing has come.
const NOW_AND_THEN: Duration = Duration::from_secs(5);

/// Against what a golden file is played, and how.
#[derive(Debug, clap::Args)]
pub(super) struct Playing {
    /// Golden file: one recorded exchange on each line
    #[arg(value_name = "GOLDEN")]
    golden: PathBuf,
    /// URL of a proxy that runs already; landfall's own proxy and broker by default, set up as the recordings say
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
    /// How many times faster the long time-outs of landfall's own proxy pass
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000), default_value_t = TIME_SCALE, conflicts_with = "target")]
    time_scale: u32,
    /// Play only recordings whose id contains this; may be repeated
    #[arg(long = "only", value_name = "PART")]
    only: Vec<String>,
    /// YAML list of the topics that the recordings need; known for the corpora that ship
    #[arg(long, value_name = "FILE")]
    topics: Option<PathBuf>,
    /// How long one exchange may take
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "150s")]
    limit: Duration,
    /// Print nothing but errors and the outcome
    #[arg(long)]
    pub(super) quiet: bool,
}

/// The release of this name.
fn release(name: &str) -> Result<ProxyRelease, String> {
    let names = || ProxyRelease::ALL.map(ProxyRelease::name).join(", ");
    let found = ProxyRelease::ALL.into_iter().find(|release| release.name() == name);
    found.ok_or_else(|| format!("there is no such release here; there are: {}", names()))
}

fn duration(text: &str) -> Result<Duration, String> {
    match parse_duration(text) {
        Ok(Duration::ZERO) => Err(format!("it must take some time; the default is {} s", LIMIT.as_secs())),
        Ok(duration) => Ok(duration),
        Err(error) => Err(error.to_string()),
    }
}

impl Playing {
    /// What is to be done; `rules` let more pass for identical.
    pub(super) fn plan(&self, rules: Option<PathBuf>) -> Result<Options, ExitCode> {
        let against = match &self.target {
            None => Against::Embedded(Embedded { release: self.release, time_scale: self.time_scale }),
            Some(url) => {
                let properties = match &self.kafka_properties {
                    Some(file) => properties(file)?,
                    None => BTreeMap::new(),
                };
                let kafka = self.bootstrap.clone().map(|bootstrap| Access { bootstrap, properties });
                Against::Running { url: url.clone(), kafka, hosts: self.allow_hosts.clone() }
            }
        };
        Ok(Options {
            golden: self.golden.clone(),
            against,
            only: self.only.clone(),
            rules,
            topics: self.topics.clone(),
            limit: self.limit,
        })
    }

    /// Does `work`, which is handed signals and told how to tell how far it has come.
    pub(super) fn run<T>(
        &self,
        work: impl AsyncFnOnce(
            watch::Receiver<Option<Interrupt>>,
            &mut dyn FnMut(usize, usize),
        ) -> Result<T, ReplayError>,
    ) -> Result<T, ExitCode> {
        let runtime = runtime()?;
        let outcome = runtime.block_on(async {
            let interrupt = signals::listen().map_err(|error| {
                tell!("landfall: cannot listen for signals: {error}");
                ExitCode::from(exit::STACK)
            })?;
            let mut told = Instant::now();
            let mut each = |done: usize, of: usize| {
                if !self.quiet && told.elapsed() >= NOW_AND_THEN {
                    told = Instant::now();
                    tell!("landfall: {done} of {of} recordings played");
                }
            };
            work(interrupt, &mut each).await.map_err(|error| {
                tell!("landfall: {error}");
                ExitCode::from(error.exit_code())
            })
        });
        runtime.shutdown_background();
        outcome
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
