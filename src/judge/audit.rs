//! The self-audit: whether landfall itself sent as it should have, so that times and rates mean something.
//!
//! A system that stalls shows as blocked time, never as lag; so it is not taken for a slow generator.

use super::metric::{Metric, Taken};
use crate::result::{ExceededLimit, Generator, RunResult};
use crate::scenario::{Check, Comparison, Limit};
use crate::stats::time_text;

/// CPU share of a load thread beyond which its times mean nothing.
pub const CPU_LIMIT: f64 = 0.9;
/// Share of the time that a load thread may have waited for a CPU.
const RUN_QUEUE_LIMIT: f64 = 0.1;
/// Generator lag, in microseconds at the 99th percentile, beyond which no time means anything.
const LAG_LIMIT_US: u64 = 25_000;
/// The part of a latency limit, one in so many, beyond which the lag spoils a check that does not hold.
const LAG_SHARE: u64 = 10;

/// What landfall did wrong in a run, if anything.
#[derive(Debug)]
pub(super) struct Audit {
    broken: Vec<ExceededLimit>,
    /// Whether lag is all there is, and requests waited longer for the system than for landfall.
    system_blocked_more: bool,
}

impl Audit {
    pub(super) fn of(result: &RunResult) -> Self {
        let generator = &result.generator;
        let (lag, blocked) = (result.generator_lag_us.p99, result.blocked_us.p99);
        let mut broken = Vec::new();
        let mut add = |sentence, only_lifts| broken.push(ExceededLimit { sentence, only_lifts });
        if generator.cpu_share > CPU_LIMIT {
            let sentence = format!(
                "landfall's load thread was {:.0} % busy (tolerated {:.0} %); use a lower rate, more threads or a \
                 larger machine",
                generator.cpu_share * 100.0,
                CPU_LIMIT * 100.0
            );
            add(sentence, false);
        }
        if let Some(share) = generator.run_queue_share.filter(|share| *share > RUN_QUEUE_LIMIT) {
            let sentence = format!(
                "landfall's load thread waited for a CPU for {:.0} % of the time (tolerated {:.0} %); free CPUs, or use \
                 fewer threads",
                share * 100.0,
                RUN_QUEUE_LIMIT * 100.0
            );
            // It sends late and reads late; where that is enough to bend the load itself, the lag tells.
            add(sentence, true);
        }
        if generator.local_errors > 0 {
            // A connection that cannot be had ends its request at once, which makes times shorter.
            add(wanting(generator), false);
        }
        let only_lag = broken.is_empty();
        if lag > LAG_LIMIT_US {
            broken.push(ExceededLimit { sentence: sent_late(lag, LAG_LIMIT_US), only_lifts: false });
        }
        Self { broken, system_blocked_more: only_lag && blocked > lag }
    }

    /// What was not kept, and what to change.
    pub(super) fn exceeded(self) -> Vec<ExceededLimit> {
        self.broken
    }

    /// Whether any limit was not kept.
    pub(super) fn is_broken(&self) -> bool {
        !self.broken.is_empty()
    }

    /// Why `metric` means nothing, if so; `holds` tells whether `check` holds. A rate that was reached was reached; one
    /// that was missed tells nothing if landfall could not send, and everything if the system kept requests waiting.
    pub(super) fn voids(&self, check: &Check, metric: Metric, holds: bool) -> Option<String> {
        let upper = matches!(check.comparison, Comparison::Less | Comparison::AtMost);
        let spoils = |broken: &&ExceededLimit| match metric {
            // Where everything is late, this can only be shorter in truth.
            Metric::Time { taken: Taken::Beside, .. } => !holds,
            Metric::Time { .. } => !(broken.only_lifts && holds && upper),
            Metric::Rate => !holds && !self.system_blocked_more,
            Metric::Count { .. } | Metric::Bytes(_) | Metric::Share(_) | Metric::Growth(_) => false,
        };
        let sentences: Vec<&str> =
            self.broken.iter().filter(spoils).map(|broken| broken.sentence.as_str()).collect();
        (!sentences.is_empty()).then(|| sentences.join("; "))
    }
}

/// Lag lifts latencies: a limit that is not held means nothing where the lag alone takes a good part of it.
pub(super) fn lag_spoils(result: &RunResult, check: &Check, metric: Metric) -> Option<String> {
    let (true, Limit::Duration(limit)) = (metric.counts_from_due(), check.limit) else { return None };
    let tolerated = u64::try_from(limit.as_micros()).unwrap_or(u64::MAX) / LAG_SHARE;
    let lag = result.generator_lag_us.p99;
    (lag > tolerated).then(|| sent_late(lag, tolerated))
}

fn sent_late(lag: u64, tolerated: u64) -> String {
    let (lag, tolerated) = (time_text(lag), time_text(tolerated));
    format!(
        "landfall itself sent late (generator lag p99 {lag}, tolerated {tolerated}); \
         use a lower rate or a quieter machine"
    )
}

/// What was wanting on landfall's machine, and how to get it. The words are the system's.
fn wanting(generator: &Generator) -> String {
    const FILES: &str = "raise the limit of open files (`ulimit -n`)";
    const PORTS: &str =
        "widen the range of local ports (on Linux `net.ipv4.ip_local_port_range`) or use fewer connections";
    let said = generator.local_error.as_deref().unwrap_or("no reason was given");
    let lower = said.to_lowercase();
    let remedy = if lower.contains("open files") {
        FILES.to_owned()
    } else if lower.contains("address") {
        PORTS.to_owned()
    } else {
        format!("{FILES}, {PORTS}, or free memory")
    };
    let count = generator.local_errors;
    format!("{count} connections failed for want of something on landfall's own machine ({said}); {remedy}")
}
