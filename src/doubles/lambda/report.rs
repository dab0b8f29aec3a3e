//! What a function has done so far.

use std::time::Duration;

/// What a function has done since it was started. Each invocation that was answered with an error is in one of the
/// counts of errors.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FunctionReport {
    /// Invocations that came, whatever became of them.
    pub invocations: u64,
    /// Invocations for which the function reported an error, or a response that Lambda does not take.
    pub errors: u64,
    /// Invocations that took too long.
    pub timeouts: u64,
    /// Invocations in which the process ended.
    pub crashes: u64,
    /// Processes that were lost between invocations: they ended while they waited for an event, which is found out when
    /// the next comes for them, or they answered, and did not ask for another in time.
    pub lost_between: u64,
    /// Invocations for which a process was started, in vain or not. The process that `start` starts is none's.
    pub cold_starts: u64,
    /// How long processes took that did start, the first one included.
    pub inits: Inits,
    /// Processes that did not ask for an event: they ended, reported an error, or took too long.
    pub failed_inits: u64,
    /// Invocations for which no process was free, and no more might be started. In Lambda another would have been.
    pub waited: u64,
    /// Invocations that were refused because too many waited.
    pub throttled: u64,
    /// Lines that could not be written to the log.
    pub lines_unlogged: u64,
}

/// How long processes took from their start until they asked for their first event.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Inits {
    /// How many there were.
    pub count: u64,
    /// The longest.
    pub max: Duration,
    /// All together.
    pub sum: Duration,
}

impl Inits {
    pub(super) fn add(&mut self, duration: Duration) {
        self.count += 1;
        self.max = self.max.max(duration);
        self.sum += duration;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_add_up() {
        let mut inits = Inits::default();
        for seconds in [2, 5, 3] {
            inits.add(Duration::from_secs(seconds));
        }
        let (max, sum) = (Duration::from_secs(5), Duration::from_secs(10));
        assert_eq!(inits, Inits { count: 3, max, sum });
    }
}
