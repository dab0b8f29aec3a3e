//! What a load thread confesses: how much of a CPU it used, and how long it waited for one.

use std::fs::File;
use std::io::{Read as _, Seek as _};
use std::time::Duration;

/// Counters of the calling thread, since it began.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Usage {
    /// CPU time used.
    pub(super) cpu: Duration,
    /// Time for which the thread could have run and had no CPU; `None` where the system does not tell.
    pub(super) run_queue: Option<Duration>,
}

impl Usage {
    /// What was used since `earlier`.
    pub(super) fn since(self, earlier: Self) -> Self {
        Self {
            cpu: self.cpu.saturating_sub(earlier.cpu),
            run_queue: self.run_queue.zip(earlier.run_queue).map(|(now, then)| now.saturating_sub(then)),
        }
    }
}

/// Reads the counters of the thread that made it.
#[derive(Debug)]
pub(super) struct Auditor {
    schedstat: Option<File>,
}

impl Auditor {
    pub(super) fn new() -> Self {
        // Linux only, and only where it keeps scheduler statistics.
        Self { schedstat: File::open("/proc/thread-self/schedstat").ok() }
    }

    pub(super) fn usage(&mut self) -> Usage {
        Usage { cpu: thread_cpu_time(), run_queue: self.run_queue() }
    }

    /// The second number of `schedstat`: nanoseconds spent waiting on a run queue (proc(5)).
    fn run_queue(&mut self) -> Option<Duration> {
        let file = self.schedstat.as_mut()?;
        let mut text = [0; 128];
        file.rewind().ok()?;
        let length = file.read(&mut text).ok()?;
        let text = std::str::from_utf8(&text[..length]).ok()?;
        text.split_ascii_whitespace().nth(1)?.parse().ok().map(Duration::from_nanos)
    }
}

/// The CPU time that the calling thread has used.
fn thread_cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let nanos = u32::try_from(time.tv_nsec).unwrap_or(0);
    Duration::new(seconds, nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_shows_as_cpu_time() {
        let mut auditor = Auditor::new();
        let before = auditor.usage();
        while auditor.usage().since(before).cpu < Duration::from_millis(5) {}
        let after = auditor.usage();
        assert!(after.since(before).cpu >= Duration::from_millis(5));
        assert_eq!(after.run_queue.is_some(), before.run_queue.is_some());
    }
}
