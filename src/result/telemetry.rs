//! What containers used while the load ran.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a container used, second by second, from the beginning of the load, or its own, to the end of settling.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Telemetry {
    /// Who told: `kernel` or `engine`, which knows less.
    pub source: String,
    /// CPUs that count as 100 %: its limit, or those of the machine.
    pub cpus: f64,
    /// What it comes to.
    pub figures: BoxFigures,
    /// The seconds.
    pub seconds: BoxSeconds,
}

/// What the seconds of a container come to. Null: not known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BoxFigures {
    /// Seconds of measured phases whose memory is known.
    pub measured_s: u64,
    /// CPU time of the busiest second of the measured phases, of what its CPUs give in a second, 0 to 1.
    pub cpu_max: Option<f64>,
    /// The same over all of these seconds.
    pub cpu_mean: Option<f64>,
    /// Share of the measured phases in which its quota of CPU time had run out at some point of the period (of 100 ms),
    /// so that it stood still, 0 to 1.
    pub cpu_throttled: Option<f64>,
    /// The most resident memory at the end of any second, in bytes.
    pub rss_max_bytes: Option<u64>,
    /// How resident memory rose over the measured phases, in bytes a minute: the median of the slopes between any two
    /// seconds (Theil and Sen) that no restart lies between. Null for less than 30 seconds.
    pub rss_slope_bytes_per_min: Option<f64>,
    /// The most memory that was charged to it, page cache included, at the end of any second, in bytes.
    pub memory_max_bytes: Option<u64>,
    /// The most threads at the end of any second.
    pub threads_max: Option<u64>,
    /// The most open file descriptors at the end of any second.
    pub fds_max: Option<u64>,
    /// How often it was started again.
    pub restarts: u64,
}

/// Figures of each second, a column each; where a run is long, of several seconds together. What is used is what was used
/// since the row before; what is held is what was held at the end, the most where several seconds are together. Null: not
/// known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BoxSeconds {
    /// The end of each, in milliseconds after the load began.
    pub at_ms: Vec<u64>,
    /// Whether it ran.
    pub ran: Vec<bool>,
    /// How often it had been started again by then.
    pub restarts: Vec<u64>,
    /// CPU time, in microseconds.
    pub cpu_us: Vec<Option<u64>>,
    /// How long it had to wait because its quota had run out, over all CPUs, in microseconds.
    pub throttled_us: Vec<Option<u64>>,
    /// Periods in which its quota ran out.
    pub throttled_periods: Vec<Option<u64>>,
    /// Resident memory of its processes, in bytes.
    pub rss_bytes: Vec<Option<u64>>,
    /// Memory that is charged to it, page cache included, in bytes.
    pub memory_bytes: Vec<Option<u64>>,
    /// Threads.
    pub threads: Vec<Option<u64>>,
    /// Open file descriptors.
    pub fds: Vec<Option<u64>>,
}

/// One row of [`BoxSeconds`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BoxSecond {
    /// As [`BoxSeconds::at_ms`].
    pub at_ms: u64,
    /// As [`BoxSeconds::ran`].
    pub ran: bool,
    /// As [`BoxSeconds::restarts`].
    pub restarts: u64,
    /// As [`BoxSeconds::cpu_us`].
    pub cpu_us: Option<u64>,
    /// As [`BoxSeconds::throttled_us`].
    pub throttled_us: Option<u64>,
    /// As [`BoxSeconds::throttled_periods`].
    pub throttled_periods: Option<u64>,
    /// As [`BoxSeconds::rss_bytes`].
    pub rss_bytes: Option<u64>,
    /// As [`BoxSeconds::memory_bytes`].
    pub memory_bytes: Option<u64>,
    /// As [`BoxSeconds::threads`].
    pub threads: Option<u64>,
    /// As [`BoxSeconds::fds`].
    pub fds: Option<u64>,
}

impl BoxSeconds {
    /// The rows, as far as every column goes.
    pub fn rows(&self) -> impl Iterator<Item = BoxSecond> + '_ {
        let column = |column: &[Option<u64>], row: usize| column.get(row).copied().flatten();
        let ran = self.ran.iter().zip(&self.restarts);
        self.at_ms.iter().zip(ran).enumerate().map(move |(row, (at_ms, (ran, restarts)))| BoxSecond {
            at_ms: *at_ms,
            ran: *ran,
            restarts: *restarts,
            cpu_us: column(&self.cpu_us, row),
            throttled_us: column(&self.throttled_us, row),
            throttled_periods: column(&self.throttled_periods, row),
            rss_bytes: column(&self.rss_bytes, row),
            memory_bytes: column(&self.memory_bytes, row),
            threads: column(&self.threads, row),
            fds: column(&self.fds, row),
        })
    }
}

impl FromIterator<BoxSecond> for BoxSeconds {
    fn from_iter<T: IntoIterator<Item = BoxSecond>>(rows: T) -> Self {
        let mut columns = Self::default();
        for row in rows {
            columns.at_ms.push(row.at_ms);
            columns.ran.push(row.ran);
            columns.restarts.push(row.restarts);
            columns.cpu_us.push(row.cpu_us);
            columns.throttled_us.push(row.throttled_us);
            columns.throttled_periods.push(row.throttled_periods);
            columns.rss_bytes.push(row.rss_bytes);
            columns.memory_bytes.push(row.memory_bytes);
            columns.threads.push(row.threads);
            columns.fds.push(row.fds);
        }
        columns
    }
}
