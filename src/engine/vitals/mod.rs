//! What a container uses: CPU, memory, threads, descriptors; and what its limits are in truth.
//!
//! The kernel's own files tell that, of control groups (cgroups(7), versions 1 and 2) and of processes (proc(5)), where
//! they can be read; else the engine does.
//!
//! | file | what it holds |
//! |---|---|
//! | `parse` | the texts of these files (pure) |
//! | `place` | where a container's control groups are (pure) |
//! | `read` | reading them |
//! | `told` | what the engine tells |

mod parse;
mod place;
mod read;
mod told;

/// What a container has used since it was started, and what it holds now. `None`: that is not to be known here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Vitals {
    /// CPU time, in microseconds.
    pub cpu_us: Option<u64>,
    /// Periods in which its quota of CPU time ran out.
    pub throttled_periods: Option<u64>,
    /// How long it had to wait because of that, over all CPUs, in microseconds.
    pub throttled_us: Option<u64>,
    /// Resident memory of its processes, in bytes; what several share counts for each.
    pub rss_bytes: Option<u64>,
    /// Memory that is charged to it, page cache included, in bytes.
    pub memory_bytes: Option<u64>,
    /// Threads of its processes.
    pub threads: Option<u64>,
    /// Open file descriptors of its processes; only their user and root may know.
    pub fds: Option<u64>,
}

/// What limits a container in truth.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Bounds {
    /// CPUs; `None`: all.
    pub cpus: Option<f64>,
    /// Bytes of memory; `None`: all.
    pub memory: Option<u64>,
}

/// Why the kernel's files tell nothing of a container.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VitalsError {
    /// It has no processes.
    #[error("it does not run")]
    NotRunning,
    /// The process that the engine names is none of this container's, or none that is seen here.
    #[error(
        "its processes are not seen from here: the engine runs in a virtual machine or in another container"
    )]
    Elsewhere,
    /// No file of its control groups can be read.
    #[error("its control group cannot be read: {0}")]
    Unreadable(String),
}
