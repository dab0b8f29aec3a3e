//! The four times of a request, each in its histogram.

use super::Histogram;

/// What DESIGN's "Time" defines, in microseconds.
#[derive(Debug, Clone, Default)]
pub struct Times {
    /// Answered − due, whatever the outcome; unsent and unanswered requests at their age.
    pub latency: Histogram,
    /// Answered − written, of each attempt.
    pub service: Histogram,
    /// Wait for a free connection: the system's doing.
    pub blocked: Histogram,
    /// Written − the later of due and connection free: landfall's own doing.
    pub generator_lag: Histogram,
}

impl Times {
    /// Adds all that `other` holds; nothing is lost.
    pub fn merge(&mut self, other: &Self) {
        self.latency.merge(&other.latency);
        self.service.merge(&other.service);
        self.blocked.merge(&other.blocked);
        self.generator_lag.merge(&other.generator_lag);
    }

    /// Forgets all values, and keeps the memory.
    pub fn clear(&mut self) {
        self.latency.clear();
        self.service.clear();
        self.blocked.clear();
        self.generator_lag.clear();
    }

    /// Each histogram with the name that reports and files give it.
    #[must_use]
    pub fn named(&self) -> [(&'static str, &Histogram); 4] {
        [
            ("latency", &self.latency),
            ("service", &self.service),
            ("blocked", &self.blocked),
            ("generator_lag", &self.generator_lag),
        ]
    }
}
