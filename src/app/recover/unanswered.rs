//! What a run that was killed may have sent, and wrote down nothing of: requests that had been reserved, and further
//! attempts at requests that were to be tried again.

use std::collections::BTreeMap;

use roaring::RoaringTreemap;

use crate::load;
use crate::record::{Answer, End, Expected, NEVER, RecordAnswer, RequestId, Sent, UNANSWERED};
use crate::scenario::{Scenario, Workload};
use crate::schedule::{Sizes, workload_seed};

/// What is not known of an attempt that was not written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doubt {
    /// Whether the request was tried again.
    Again,
    /// Whether the request was sent at all.
    Perhaps,
}

/// What the journal has told.
#[derive(Debug, Default)]
pub(super) struct Journaled {
    /// Of each producer, the requests of which an attempt was written down.
    requests: Vec<RoaringTreemap>,
    /// Requests that were to be tried again, by their latest attempt.
    open: BTreeMap<RequestId, Sent>,
}

impl Journaled {
    pub(super) fn new(producers: usize) -> Self {
        Self { requests: vec![RoaringTreemap::new(); producers], open: BTreeMap::new() }
    }

    /// An attempt was written down.
    pub(super) fn attempt(&mut self, sent: &Sent) {
        let Some(requests) = self.requests.get_mut(usize::from(sent.request.producer)) else { return };
        requests.insert(sent.request.index);
        if sent.again {
            self.open.insert(sent.request, *sent);
        } else {
            self.open.remove(&sent.request);
        }
    }

    /// Requests that were to be tried again.
    pub(super) fn open(&self) -> usize {
        self.open.len()
    }

    /// Tells of every attempt that may have been made and was not written down, as one of which nothing is known.
    /// `reserved` says of each producer, for each thread, up to which index it may have begun requests; `sizes` how many
    /// records its requests have.
    pub(super) fn unanswered(
        &self,
        scenario: &Scenario,
        reserved: &[Vec<u64>],
        sizes: impl Fn(&Workload) -> Sizes,
        mut each: impl FnMut(Doubt, &Sent),
    ) {
        let attempts = |workload: &Workload| 1 + workload.retry.as_ref().map_or(0, |retry| retry.times);
        for sent in self.open.values() {
            let Some(workload) = scenario.workloads.get(usize::from(sent.request.producer)) else { continue };
            // Any number of them may have been made meanwhile.
            let attempt = attempts(workload).max(sent.attempt + 1);
            each(Doubt::Again, &unknown(sent.request, attempt, sent.first_sequence, sent.records));
        }
        let connections = scenario.workloads.iter().map(|workload| workload.connections.count);
        let threads = load::threads(usize::from(scenario.load_threads), connections);
        let streams = (0_u16..).zip(&scenario.workloads).zip(reserved).zip(&self.requests);
        for (((producer, workload), reserved), journaled) in streams {
            let threads = load::threads_of(threads, workload.connections.count);
            let (seed, sizes) = (workload_seed(scenario.seed, producer), sizes(workload));
            let mut first_sequence = 0;
            for index in 0..reserved.iter().copied().max().unwrap_or(0) {
                let records = sizes.at(seed, index);
                let thread = usize::try_from(index % threads as u64).unwrap_or(0);
                let begun = reserved.get(thread).is_some_and(|end| index < *end);
                if begun && !journaled.contains(index) {
                    let request = RequestId { producer, index };
                    let sent = unknown(request, attempts(workload), first_sequence, records);
                    each(Doubt::Perhaps, &sent);
                }
                first_sequence += u64::from(records);
            }
        }
    }
}

/// An attempt of which it is not known when it was made and what it had to meet with. It proves nothing against anybody:
/// it began before all others, and was never answered.
fn unknown(request: RequestId, attempt: u32, first_sequence: u64, records: u32) -> Sent {
    Sent {
        request,
        attempt,
        first_sequence,
        records,
        written_us: 0,
        expect: Expected::Either,
        token_expires_us: NEVER,
        again: false,
    }
}

/// The answer to such an attempt.
pub(super) fn no_answer() -> Answer<'static> {
    Answer {
        answered_us: UNANSWERED,
        end: End::Reset,
        note: Some("landfall was killed before it had written down what came of it".into()),
        answers: &[RecordAnswer::Unknown],
    }
}
