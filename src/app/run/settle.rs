//! After the load: waiting until what has not landed never will, reading to the end, settling.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::collect::Collector;
use super::{Interrupt, RunError, signalled};
use crate::ledger::Settlement;
use crate::record::{PartitionRead, TopicPartition};
use crate::result::Horizon;
use crate::stack::{Settling, Stack};
use crate::stats::Histogram;
use crate::verify::{Baseline, Reader};

/// How often it is looked whether reading has come to its end.
const POLL: Duration = Duration::from_millis(20);
/// How long reading may take after the grace is over, before the topics count as unread.
const READ_LIMIT: Duration = Duration::from_mins(2);
/// How long an interrupted run goes on reading.
const INTERRUPTED: Duration = Duration::from_secs(5);

/// What settling came to.
pub(super) struct Settled {
    pub(super) settlement: Settlement,
    pub(super) readable: Histogram,
    pub(super) horizon: Horizon,
    /// Why Kafka could not be read, where it was lost rather than refused.
    pub(super) kafka_lost: Option<String>,
    /// Topics that could not be read, with the reason.
    pub(super) unread: Vec<(u16, String)>,
}

type Watermarks = BTreeMap<TopicPartition, (i64, i64)>;

pub(super) async fn settle(
    stack: &Stack,
    reader: Reader,
    baseline: &Baseline,
    collector: Collector,
    interrupt: &mut watch::Receiver<Option<Interrupt>>,
    broke_off: bool,
) -> Result<Settled, RunError> {
    let began = Instant::now();
    let Settling { doubles_tell, grace } = stack.settling();
    let quiet = doubles_tell && quiesce(stack, interrupt).await;
    let deadline = began + grace;
    // A run that was broken off does not wait out a long grace; what that leaves open is said.
    let patience = if broke_off { INTERRUPTED.min(grace + READ_LIMIT) } else { grace + READ_LIMIT };
    let mut watermarks;
    let mut whole;
    loop {
        watermarks = tokio::task::block_in_place(|| reader.watermarks());
        let outstanding = tokio::task::block_in_place(|| collector.up_to_date().outstanding());
        let read = reader.has_read_what_it_may(&watermarks);
        let passed = outstanding
            .highest_acked
            .iter()
            .all(|(at, offset)| watermarks.get(at).is_some_and(|(_, high)| high > offset));
        let settled = passed && outstanding.acked_unseen == 0 && outstanding.uncertain == 0;
        whole = read && (quiet || settled || Instant::now() >= deadline);
        if whole || began.elapsed() >= patience {
            break;
        }
        tokio::select! {
            () = tokio::time::sleep(POLL) => {}
            _ = signalled(interrupt), if !broke_off => break,
        }
    }
    let lost = reader.progress().values().find_map(|progress| {
        progress.error.as_ref().filter(|error| error.unreachable).map(|error| error.message.clone())
    });
    let mut reads = reader.finish(&watermarks);
    if !whole && !quiet {
        broken_off(&mut reads);
    }
    let unread = unread(baseline, &reads);
    let kafka_lost = lost.filter(|_| reads.iter().any(|read| !read.is_complete()));
    let mut readable = Histogram::new();
    let ledger = collector.into_ledger().ok_or(RunError::Bug("ledger"))?;
    let settlement = ledger.settle(&reads, |micros| readable.record(micros));
    let waited = began.elapsed();
    let statement = statement(quiet, whole, grace, &settlement, &watermarks);
    let horizon = Horizon {
        statement,
        waited_us: u64::try_from(waited.as_micros()).unwrap_or(u64::MAX),
        complete: settlement.read_completely && baseline.forbidden.is_empty(),
    };
    Ok(Settled { settlement, readable, horizon, kafka_lost, unread })
}

/// Waits until the doubles have nothing in hand, or a second signal comes.
async fn quiesce(stack: &Stack, interrupt: &watch::Receiver<Option<Interrupt>>) -> bool {
    let limit = if interrupt.borrow().is_some() { INTERRUPTED } else { Duration::MAX };
    tokio::time::timeout(limit, stack.quiesce()).await.unwrap_or(false)
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
    quiet: bool,
    whole: bool,
    grace: Duration,
    settlement: &Settlement,
    watermarks: &Watermarks,
) -> String {
    let extent = if settlement.read_completely {
        format!("{} partitions were read to their ends", watermarks.len())
    } else {
        "not every partition was read to its end".to_owned()
    };
    let seconds = grace.as_secs_f64();
    if quiet {
        format!("every double reported that it had nothing left in hand, then {extent}")
    } else if whole && settlement.records.refused + settlement.records.unknown + settlement.records.lost == 0
    {
        format!("every record was acknowledged and seen; {extent}")
    } else if whole {
        format!("absent records were waited for {seconds} s after the load; {extent}")
    } else {
        format!("reading was broken off; {extent}")
    }
}
