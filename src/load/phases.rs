//! The phases of a load: those of the same name in several streams are one.

use std::time::Duration;

use super::StreamPlan;
use super::clock::{Nanos, nanos};
use super::recorder::Shares;
use crate::record::Expected;

/// Where the figures of a stream's phase belong.
#[derive(Debug, Clone, Copy)]
struct Entry {
    shares: Shares,
    start: Nanos,
    /// Since the schedule's start.
    begins: Duration,
    duration: Duration,
}

impl Entry {
    /// How long the phase took, where the schedule was cut off after `ran`.
    fn time_until(&self, ran: Option<Duration>) -> Duration {
        match ran {
            Some(ran) => ran.saturating_sub(self.begins).min(self.duration),
            None => self.duration,
        }
    }
}

/// All phases, and where each stream's requests belong.
#[derive(Debug)]
pub(super) struct Phases {
    /// Their names, in the order of their first appearance.
    pub(super) names: Vec<String>,
    streams: Vec<Vec<Entry>>,
}

impl Phases {
    pub(super) fn new(streams: &[StreamPlan], start: Nanos) -> Self {
        let mut names: Vec<String> = Vec::new();
        let mut count = 0;
        let entries = streams.iter().map(|stream| {
            let accept = stream.expectation == Expected::Accept;
            let scheduled = !stream.schedule.is_closed();
            let first = count;
            count += stream.schedule.phases().len();
            let mut begins = Duration::ZERO;
            let entries = stream.schedule.phases().iter().zip(first..).map(|(phase, entry)| {
                let place = names.iter().position(|name| *name == phase.name).unwrap_or_else(|| {
                    names.push(phase.name.clone());
                    names.len() - 1
                });
                let measured = phase.measured && accept;
                let shares = Shares {
                    phase: place,
                    partner: accept.then_some(stream.partner),
                    measured,
                    scheduled,
                    entry,
                };
                let start = start + nanos(begins);
                let entry = Entry { shares, start, begins, duration: phase.duration };
                begins += phase.duration;
                entry
            });
            entries.collect()
        });
        let streams = entries.collect();
        Self { names, streams }
    }

    fn entry(&self, stream: u16, phase: u16) -> &Entry {
        &self.streams[usize::from(stream)][usize::from(phase)]
    }

    /// Where the figures of a stream's phase belong.
    pub(super) fn shares(&self, stream: u16, phase: u16) -> Shares {
        self.entry(stream, phase).shares
    }

    /// How long after its phase began something was sent.
    pub(super) fn sent_after(&self, stream: u16, phase: u16, at: Nanos) -> Duration {
        Duration::from_nanos(at.saturating_sub(self.entry(stream, phase).start))
    }

    /// How many phases there are in all streams.
    pub(super) fn entries(&self) -> usize {
        self.streams.iter().map(Vec::len).sum()
    }

    /// The measured time of a stream, where its schedule was cut off after `ran`.
    pub(super) fn measured_until(&self, stream: u16, ran: Option<Duration>) -> Duration {
        self.times_until(stream, ran).map(|(_, time)| time).sum()
    }

    /// Where the figures of a stream's measured phases belong, and how long each took.
    pub(super) fn times_until(
        &self,
        stream: u16,
        ran: Option<Duration>,
    ) -> impl Iterator<Item = (Shares, Duration)> + '_ {
        let entries = self.streams[usize::from(stream)].iter();
        entries.filter(|entry| entry.shares.measured).map(move |entry| (entry.shares, entry.time_until(ran)))
    }
}
