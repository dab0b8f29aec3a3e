//! After the load: waiting until what has not landed never will, reading to the end, settling.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::collect::{Collector, Kept};
use super::{Interrupt, RunError, signalled};
use crate::ledger::{Outstanding, Settlement};
use crate::record::{PartitionRead, TopicPartition};
use crate::result::Horizon;
use crate::stack::Settling;
use crate::stats::Histogram;
use crate::verify::{Baseline, Ends, ReadErrorKind, Reader};

/// How often it is looked whether reading has come to its end: at first, while that is a matter of moments, and
/// later, when it is a matter of the grace and each look costs somebody's Kafka a question a partition.
const POLL: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(500));
/// How long "at first" is.
const SOON: Duration = Duration::from_secs(2);
/// How long reading may stand still after the grace is over, before the topics count as unread.
const READ_LIMIT: Duration = Duration::from_mins(2);
/// How long Kafka may be silent, once the grace is over, before it counts as lost.
const SILENCE: Duration = Duration::from_secs(15);
/// How long an interrupted run goes on reading.
const INTERRUPTED: Duration = Duration::from_secs(5);

/// What settling came to.
pub(in crate::app) struct Settled {
    pub(in crate::app) settlement: Settlement,
    pub(in crate::app) readable: Histogram,
    pub(in crate::app) horizon: Horizon,
    /// Why Kafka could not be read, where it was lost rather than refused.
    pub(in crate::app) kafka_lost: Option<String>,
    /// Where the partitions ended that were read.
    pub(in crate::app) ends: BTreeMap<TopicPartition, i64>,
    /// Topics that could not be read, with the reason.
    pub(in crate::app) unread: Vec<(u16, String)>,
    /// Topics that Kafka compacts.
    pub(in crate::app) compacted: BTreeSet<u16>,
    /// Whether all that could be waited for has been.
    pub(in crate::app) whole: bool,
    /// Why the disk did not take the journal to its end, which stopped the load.
    pub(in crate::app) journal_failed: Option<String>,
}

/// How waiting went.
struct Wait {
    /// Whether all that could be waited for has been.
    whole: bool,
    /// Where the partitions ended.
    ends: Ends,
    took: Duration,
    /// Whether the proxies were stopped before that.
    closed: bool,
}

/// The path, as far as it must be waited for.
pub(in crate::app) struct Path<Q, C, D> {
    pub(in crate::app) settling: Settling,
    /// Comes to its end when the doubles have nothing in hand; false where they still had when it was given up.
    pub(in crate::app) quiet: Q,
    /// Stops the proxies; false where one may still run.
    pub(in crate::app) close: C,
    /// Says of partitions that were read, by the highest offsets that were acknowledged, what makes them others than those
    /// of the run.
    pub(in crate::app) doubt: D,
}

pub(in crate::app) async fn settle(
    path: Path<
        impl Future<Output = bool>,
        impl Future<Output = bool>,
        impl FnOnce(&mut [PartitionRead], &Outstanding),
    >,
    reader: Reader,
    baseline: &Baseline,
    collector: Collector,
    interrupt: &mut watch::Receiver<Option<Interrupt>>,
    broke_off: bool,
) -> Result<Settled, RunError> {
    let Path { settling, quiet, close, doubt } = path;
    let path = (settling, quiet, close);
    let Wait { whole, ends, took, closed } = wait(path, &reader, &collector, interrupt, broke_off).await;
    let progress = reader.progress();
    let mut reads = reader.finish(&ends);
    let kafka_lost = reads.iter().filter(|read| !read.is_complete()).find_map(|read| {
        let error = progress.get(&read.at)?.error.as_ref()?;
        (error.kind == ReadErrorKind::Unreachable).then(|| error.message.clone())
    });
    if !whole {
        broken_off(&mut reads);
    }
    let (ledger, Kept { mut journal, readable }) = collector.finish().ok_or(RunError::Bug("ledger"))?;
    doubt(&mut reads, &ledger.outstanding());
    let unread = unread(baseline, &reads);
    let mut unheard = None;
    let settlement = ledger.settle(&reads, &mut |each| {
        // What cannot be told again is missing from evidence, and may hide what was overtaken.
        unheard = unheard.take().or(journal.replay(each).err());
    })?;
    if let Some(error) = unheard {
        return Err(RunError::Journal(error));
    }
    tracing::info!(
        read_completely = settlement.read_completely,
        landed = settlement.records.landed,
        lost = settlement.records.lost,
        unverifiable = settlement.records.unverifiable,
        "settled"
    );
    let horizon = Horizon {
        statement: statement(settling, (whole, closed), &settlement, ends.len()),
        waited_us: u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
        complete: settlement.read_completely && baseline.forbidden.is_empty(),
        compacted: baseline.compacted.len() as u64,
        unattributed: settlement.unattributed,
        order_unchecked: settlement.order_unchecked,
    };
    let journal_failed = journal.failed().map(str::to_owned);
    let compacted = baseline.compacted.clone();
    let ends = ends.iter().map(|(at, end)| (*at, end.high_watermark)).collect();
    Ok(Settled { settlement, readable, horizon, kafka_lost, ends, unread, compacted, whole, journal_failed })
}

/// Waits until the doubles have nothing in hand, the grace is over or nothing is left to wait for, and the topics
/// have been read to their ends.
async fn wait(
    (settling, quiet, close): (Settling, impl Future<Output = bool>, impl Future<Output = bool>),
    reader: &Reader,
    collector: &Collector,
    interrupt: &mut watch::Receiver<Option<Interrupt>>,
    mut broke_off: bool,
) -> Wait {
    let began = Instant::now();
    let Settling { proxies_tell, kafka_tells, grace, rest } = settling;
    tracing::info!(proxies_tell, kafka_tells, grace = ?grace, "settling: waiting until the path has nothing in hand");
    let told = !proxies_tell || quiesce(quiet, interrupt, broke_off).await;
    tracing::info!(told, "settling: waiting for what may still land");
    let deadline = Instant::now() + grace;
    // A run that was broken off does not wait out a long grace; what that leaves open is said.
    let mut patience = Instant::now() + if broke_off { INTERRUPTED } else { grace + READ_LIMIT };
    let mut heard = Instant::now();
    let mut read = 0;
    let mut close = pin!(close);
    let mut closed = Closing::NotYet;
    let decided = || {
        tokio::task::block_in_place(|| {
            let outstanding = collector.up_to_date().outstanding();
            outstanding.acked_unseen == 0 && outstanding.undecided == 0
        })
    };
    loop {
        // What is not there by then may only be what was refused. Where an answer is missing, a proxy may still be at work on
        // it, and what it comes to is to be seen.
        if rest.is_some() && !broke_off && closed == Closing::NotYet && decided() {
            closed = tokio::select! {
                stopped = close.as_mut() => if stopped { Closing::Stopped } else { Closing::Failed },
                _ = signalled(interrupt) => Closing::Failed,
            };
            tracing::info!(?closed, "settling: the proxies were stopped");
        }
        let ends = tokio::task::block_in_place(|| reader.look());
        if closed == Closing::Stopped && !ends.is_empty() {
            closed = Closing::Since(Instant::now());
        }
        let at_rest =
            matches!(closed, Closing::Since(since) if rest.is_some_and(|rest| since.elapsed() >= rest));
        let over =
            || at_rest || kafka_tells || Instant::now() >= deadline || nothing_is_open(collector, &ends);
        let whole = told && reader.has_read_what_it_may(&ends) && tokio::task::block_in_place(over);
        let now = Instant::now();
        if !ends.is_empty() {
            heard = now;
        }
        // As long as there is something to read, reading goes on.
        let so_far: i64 = reader.progress().values().map(|progress| progress.next).sum();
        if so_far != std::mem::replace(&mut read, so_far) && !broke_off {
            patience = patience.max(now + READ_LIMIT);
        }
        let silent = now >= deadline && now.saturating_duration_since(heard) >= SILENCE;
        if whole || silent || now >= patience {
            tracing::info!(whole, silent, partitions = ends.len(), waited = ?began.elapsed(), "settling: waiting is over");
            let closed = at_rest;
            return Wait { whole, ends, took: began.elapsed(), closed };
        }
        let pause = if began.elapsed() < SOON { POLL.0 } else { POLL.1 };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = signalled(interrupt), if !broke_off => {
                broke_off = true;
                patience = patience.min(Instant::now() + INTERRUPTED);
            }
        }
    }
}

/// What became of stopping the proxies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Closing {
    NotYet,
    /// They have stopped, and Kafka has not been asked since.
    Stopped,
    /// Kafka has answered since then.
    Since(Instant),
    Failed,
}

/// Whether every record was acked and seen, and every partition ends beyond the acks.
fn nothing_is_open(collector: &Collector, ends: &Ends) -> bool {
    let outstanding = collector.up_to_date().outstanding();
    let passed =
        |(at, offset): (&TopicPartition, &i64)| ends.get(at).is_some_and(|end| end.high_watermark > *offset);
    outstanding.acked_unseen == 0
        && outstanding.uncertain == 0
        && outstanding.highest_acked.iter().all(passed)
}

/// Waits until the doubles have nothing in hand; after a signal, for a few seconds only.
async fn quiesce(
    quiet: impl Future<Output = bool>,
    interrupt: &mut watch::Receiver<Option<Interrupt>>,
    broke_off: bool,
) -> bool {
    let mut quiet = pin!(quiet);
    if !broke_off {
        tokio::select! {
            told = &mut quiet => return told,
            _ = signalled(interrupt) => {}
        }
    }
    tokio::time::timeout(INTERRUPTED, quiet).await.unwrap_or(false)
}

/// Where waiting was broken off, what was not seen may still come: no partition counts as read.
fn broken_off(reads: &mut [PartitionRead]) {
    for read in reads {
        read.error.get_or_insert_with(|| "reading was broken off before the grace had ended".into());
    }
}

fn unread(baseline: &Baseline, reads: &[PartitionRead]) -> Vec<(u16, String)> {
    let mut unread: BTreeMap<u16, String> = baseline.forbidden.clone();
    for read in reads.iter().filter(|read| !read.is_complete()) {
        let reason = read.error.clone().unwrap_or_else(|| {
            format!("partition {} was read up to {} of {}", read.at.partition, read.to, read.high_watermark)
        });
        unread.entry(read.at.topic).or_insert(reason);
    }
    unread.into_iter().collect()
}

fn statement(
    settling: Settling,
    (whole, closed): (bool, bool),
    settlement: &Settlement,
    partitions: usize,
) -> String {
    let extent = if settlement.read_completely {
        format!("{partitions} partitions were read to their ends")
    } else {
        "not every partition was read to its end".to_owned()
    };
    let seconds =
        Duration::from_millis(u64::try_from(settling.grace.as_millis()).unwrap_or(u64::MAX)).as_secs_f64();
    let r = &settlement.records;
    if !whole {
        format!("waiting was broken off; {extent}")
    } else if settling.kafka_tells {
        format!("every double reported that it had nothing left in hand, then {extent}")
    } else if r.refused + r.unknown + r.lost + r.unverifiable == 0 {
        format!("every record was acknowledged and seen; {extent}")
    } else if closed {
        format!("the proxies were stopped when all that was acknowledged had been seen, and then {extent}")
    } else {
        format!("absent records were waited for {seconds} s after the load; {extent}")
    }
}
