//! `landfall conform record` and `landfall conform replay`: a corpus of exchanges played against a proxy, to note what comes
//! back, or to compare it with what another proxy gave.

mod error;
mod exchange;
mod player;
mod preflight;
mod setting;
mod topics;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::watch;

pub use self::error::ReplayError;
pub(super) use self::exchange::take as take_answer;
pub(super) use self::player::{Awaited, golden_record, send, warm};
use self::player::{Played, play};
pub(super) use self::setting::Setting;
pub use self::setting::{Embedded, TIME_SCALE};
use self::topics::CorpusTopic;
pub(super) use self::topics::Stage;
use super::run::Interrupt;
use crate::conform::golden::{Recording, Widening, compare, read_golden, read_widenings, topic_of};
use crate::kafka::Access;
use crate::result::{DifferentExchange, FieldDifference, REPLAY_SCHEMA, Replay, Unplayable};

/// How long one exchange may take.
pub const LIMIT: Duration = Duration::from_secs(150);

/// Against what a corpus is played.
#[derive(Debug, Clone)]
pub enum Against {
    /// landfall's own proxy and broker, set up as each recording says.
    Embedded(Embedded),
    /// A proxy that runs already.
    Running {
        /// Its URL.
        url: String,
        /// The Kafka behind it; `None`: what lands is not compared.
        kafka: Option<Access>,
        /// Hosts beside this machine to which requests may go.
        hosts: Vec<String>,
    },
}

/// How a corpus is played.
#[derive(Debug, Clone)]
pub struct Options {
    /// The golden file.
    pub golden: PathBuf,
    /// Against what.
    pub against: Against,
    /// Parts of the ids of recordings to be played; empty: all.
    pub only: Vec<String>,
    /// A file of rules that let more pass for identical.
    pub rules: Option<PathBuf>,
    /// A file with the corpus's topics.
    pub topics: Option<PathBuf>,
    /// How long one exchange may take.
    pub limit: Duration,
}

/// A corpus, read.
struct Corpus {
    recordings: Vec<Recording>,
    stage: Stage,
}

impl Corpus {
    /// The topics that its recordings may write to.
    fn written(&self) -> BTreeSet<String> {
        let own = self.stage.topics.iter().map(|topic| topic.name.clone());
        let named = self.recordings.iter().filter_map(|row| topic_of(&row.request));
        let landed = self.recordings.iter().flat_map(|row| row.landed.iter().flatten());
        own.chain(named).chain(landed.map(|record| record.topic.clone())).collect()
    }
}

/// The text of a file.
pub(super) fn text_of(path: &Path) -> Result<String, ReplayError> {
    std::fs::read_to_string(path).map_err(|source| ReplayError::Read { path: path.to_owned(), source })
}

fn read(options: &Options) -> Result<Corpus, ReplayError> {
    let path = || options.golden.clone();
    let mut recordings = read_golden(&text_of(&options.golden)?)
        .map_err(|source| ReplayError::Golden { path: path(), source })?;
    let mut stage = topics::of(&recordings);
    if let Some(file) = &options.topics {
        stage.topics = topics::read(&text_of(file)?)
            .map_err(|reason| ReplayError::Topics { path: file.clone(), reason })?;
    }
    if !options.only.is_empty() {
        recordings.retain(|row| options.only.iter().any(|part| row.id.contains(part)));
        if recordings.is_empty() {
            return Err(ReplayError::Nothing(options.only.join("`, `")));
        }
    }
    Ok(Corpus { recordings, stage })
}

/// The rules that `options` name.
///
/// # Errors
/// [`ReplayError`], where they cannot be read.
pub fn rules(options: &Options) -> Result<Vec<Widening>, ReplayError> {
    let Some(file) = &options.rules else { return Ok(Vec::new()) };
    read_widenings(&text_of(file)?).map_err(|source| ReplayError::Rules { path: file.clone(), source })
}

/// Plays a golden file and compares; `each` is told how many of how many recordings are done.
///
/// # Errors
/// [`ReplayError`], where there is no result.
pub async fn replay(
    options: &Options,
    interrupt: watch::Receiver<Option<Interrupt>>,
    mut each: impl FnMut(usize, usize),
) -> Result<Replay, ReplayError> {
    let rules = rules(options)?;
    let corpus = read(options)?;
    let mut result = Replay {
        schema: REPLAY_SCHEMA,
        total: corpus.recordings.len() as u64,
        identical: 0,
        not_playable: 0,
        different: Vec::new(),
        unplayable: Vec::new(),
        appeared: Vec::new(),
    };
    let damaged = |id: &str, source| ReplayError::Damaged { id: id.to_owned(), source };
    let appeared = played(options, &corpus, interrupt, |done, of, recording, played| {
        match played {
            Played::Not(reason) => {
                result.not_playable += 1;
                result.unplayable.push(Unplayable { id: recording.id.clone(), reason });
            }
            Played::Seen(seen) => {
                let found =
                    compare(recording, &seen, &rules).map_err(|source| damaged(&recording.id, source))?;
                if found.is_empty() {
                    result.identical += 1;
                } else {
                    let mut fields: Vec<String> =
                        found.iter().map(|difference| difference.field.clone()).collect();
                    fields.dedup();
                    let differences = found.into_iter().map(|difference| FieldDifference {
                        field: difference.field,
                        recorded: difference.recorded,
                        seen: difference.seen,
                    });
                    result.different.push(DifferentExchange {
                        id: recording.id.clone(),
                        fields,
                        differences: differences.collect(),
                    });
                }
            }
        }
        each(done, of);
        Ok(())
    })
    .await?;
    result.appeared = appeared;
    // By id in the file's order, whatever order they were played in.
    let place = |id: &str| corpus.recordings.iter().position(|row| row.id == id);
    result.different.sort_by_key(|different| place(&different.id));
    result.unplayable.sort_by_key(|unplayable| place(&unplayable.id));
    Ok(result)
}

/// What recording came to.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// The exchanges as they went, in the order of the file.
    pub seen: Vec<Recording>,
    /// What could not be played, and why.
    pub unplayable: Vec<Unplayable>,
    /// Topics that were not there before.
    pub appeared: Vec<String>,
}

/// Plays a golden file's requests, and gives the exchanges as they went.
///
/// # Errors
/// [`ReplayError`], where nothing could be recorded.
pub async fn record(
    options: &Options,
    interrupt: watch::Receiver<Option<Interrupt>>,
    mut each: impl FnMut(usize, usize),
) -> Result<Recorded, ReplayError> {
    let corpus = read(options)?;
    let (mut seen, mut not) = (Vec::new(), Vec::new());
    let appeared = played(options, &corpus, interrupt, |done, of, recording, played| {
        match played {
            Played::Seen(row) => seen.push(*row),
            Played::Not(reason) => not.push(Unplayable { id: recording.id.clone(), reason }),
        }
        each(done, of);
        Ok(())
    })
    .await?;
    let place = |id: &str| corpus.recordings.iter().position(|row| row.id == id);
    seen.sort_by_key(|row| place(&row.id));
    Ok(Recorded { seen, unplayable: not, appeared })
}

/// A recording that has been played, until the next one is: what lands between is its own.
#[derive(Default)]
struct Held<'r> {
    last: Option<(&'r Recording, Box<Recording>)>,
}

impl<'r> Held<'r> {
    /// The recording, with what has landed since.
    fn let_go(&mut self, setting: &mut Setting) -> Result<Option<(&'r Recording, Played)>, ReplayError> {
        let Some((recording, mut seen)) = self.last.take() else { return Ok(None) };
        if let Some(landed) = &mut seen.landed {
            landed.extend(setting.landed()?.unwrap_or_default().into_iter().map(golden_record));
        }
        Ok(Some((recording, Played::Seen(seen))))
    }
}

/// Plays each recording in a setting like its own. Those of one set-up are played one after another in the order of the file.
/// Gives the topics that were not there before, where a proxy runs already.
async fn played(
    options: &Options,
    corpus: &Corpus,
    mut interrupt: watch::Receiver<Option<Interrupt>>,
    mut each: impl FnMut(usize, usize, &Recording, Played) -> Result<(), ReplayError>,
) -> Result<Vec<String>, ReplayError> {
    let of = corpus.recordings.len();
    let mut done = 0;
    let mut next = |recording: &Recording, played| {
        done += 1;
        each(done, of, recording, played)
    };
    let mut held = Held::default();
    match &options.against {
        Against::Running { url, kafka, hosts } => {
            let attaching = async {
                let setting = Setting::attach(url, kafka.clone(), hosts, corpus.written()).await?;
                setting.look().await?;
                Ok(setting)
            };
            let mut setting = unless(&mut interrupt, attaching).await?;
            let before = setting.topics()?.unwrap_or_default();
            all_topics_are_there(&before, &corpus.stage.topics, kafka.is_some())?;
            for recording in &corpus.recordings {
                let names_cluster = !recording.setup.cluster_id.is_empty()
                    && recording.request.path.contains(&recording.setup.cluster_id);
                let played = if needs_no_broker(recording) {
                    Played::Not("it needs a broker that is down".into())
                } else if !recording.setup.proxy_settings.is_empty() {
                    Played::Not("it was recorded at a proxy with settings of its own".into())
                } else if names_cluster && setting.cluster_id.is_empty() {
                    Played::Not("it names the cluster, whose id Kafka does not tell".into())
                } else {
                    if let Some((last, played)) = held.let_go(&mut setting)? {
                        next(last, played)?;
                    }
                    unless(&mut interrupt, play(recording, &mut setting, options.limit)).await?
                };
                match played {
                    Played::Seen(seen) => held.last = Some((recording, seen)),
                    not @ Played::Not(_) => next(recording, not)?,
                }
            }
            if let Some((last, played)) = held.let_go(&mut setting)? {
                next(last, played)?;
            }
            let mut after = setting.topics()?.unwrap_or_default();
            after.retain(|topic, _| !before.contains_key(topic));
            Ok(after.into_keys().collect())
        }
        Against::Embedded(embedded) => {
            for group in groups(&corpus.recordings) {
                let mut setting: Option<Setting> = None;
                for recording in group {
                    if let Some(reason) = setting::unknown_setting(recording) {
                        next(recording, Played::Not(reason))?;
                        continue;
                    }
                    if let Some(here) = &mut setting
                        && let Some((last, played)) = held.let_go(here)?
                    {
                        next(last, played)?;
                    }
                    let mut here = match setting.take() {
                        Some(here) if suits(&here, recording) => here,
                        _ => {
                            let (setup, broker) = (&recording.setup, &recording.broker);
                            let starting = Setting::start(setup, broker, &corpus.stage, embedded.clone());
                            unless(&mut interrupt, starting).await?
                        }
                    };
                    if recording.setup.broker_up && needs_no_broker(recording) && here.can_stop_its_broker() {
                        if let Some(topic) = topic_of(&recording.request) {
                            unless(&mut interrupt, warm(&topic, &here)).await?;
                        }
                        here.stop_broker();
                    }
                    match unless(&mut interrupt, play(recording, &mut here, options.limit)).await? {
                        Played::Seen(seen) => held.last = Some((recording, seen)),
                        not @ Played::Not(_) => next(recording, not)?,
                    }
                    setting = Some(here);
                }
                if let Some(mut here) = setting
                    && let Some((last, played)) = held.let_go(&mut here)?
                {
                    next(last, played)?;
                }
            }
            Ok(Vec::new())
        }
    }
}

/// What `work` comes to, unless a signal comes before.
async fn unless<T>(
    interrupt: &mut watch::Receiver<Option<Interrupt>>,
    work: impl Future<Output = Result<T, ReplayError>>,
) -> Result<T, ReplayError> {
    tokio::select! {
        signal = signalled(interrupt) => Err(ReplayError::Interrupted(signal)),
        done = work => done,
    }
}

/// Returns when a signal has come.
pub(super) async fn signalled(interrupt: &mut watch::Receiver<Option<Interrupt>>) -> Interrupt {
    // Who would send one may have gone; then none comes.
    let signal = interrupt.wait_for(Option::is_some).await.ok().and_then(|signal| *signal);
    match signal {
        Some(signal) => signal,
        None => std::future::pending().await,
    }
}

/// Whether the broker was down when it was recorded: nobody could look what landed.
fn needs_no_broker(recording: &Recording) -> bool {
    recording.landed.is_none()
}

/// Whether a recording can be played in the setting of the one before: not where its broker has been stopped, since another
/// topic may be the one that the proxy must know.
fn suits(setting: &Setting, recording: &Recording) -> bool {
    setting.can_stop_its_broker() || !recording.setup.broker_up
}

/// The recordings by set-up, in the order in which set-ups appear.
fn groups(recordings: &[Recording]) -> Vec<Vec<&Recording>> {
    let mut groups: Vec<Vec<&Recording>> = Vec::new();
    for recording in recordings {
        let same = |group: &&mut Vec<&Recording>| {
            let first = group[0];
            first.setup == recording.setup && first.broker == recording.broker
        };
        match groups.iter_mut().find(same) {
            Some(group) => group.push(recording),
            None => groups.push(vec![recording]),
        }
    }
    groups
}

/// The corpus's topics have to be there, with as many partitions as when they were recorded, as far as it can be looked.
fn all_topics_are_there(
    there: &BTreeMap<String, usize>,
    topics: &[CorpusTopic],
    seen: bool,
) -> Result<(), ReplayError> {
    if !seen {
        return Ok(());
    }
    let names = topics.iter().map(|topic| topic.name.clone());
    let missing: Vec<String> = names.filter(|name| !there.contains_key(name)).collect();
    if !missing.is_empty() {
        return Err(ReplayError::MissingTopics { missing });
    }
    let other = topics.iter().find_map(|topic| {
        let (partitions, expected) = (*there.get(&topic.name)?, usize::try_from(topic.partitions).ok()?);
        (partitions != expected).then(|| (topic.name.clone(), partitions, expected))
    });
    match other {
        None => Ok(()),
        Some((topic, partitions, expected)) => Err(ReplayError::Partitions { topic, partitions, expected }),
    }
}
