//! What a run that was killed may have sent, and wrote down nothing of: requests that had been reserved, and further
//! attempts at requests that were to be tried again.

use std::collections::BTreeMap;

use roaring::RoaringTreemap;

use crate::load;
use crate::record::{Answer, End, Expected, NEVER, Note, RecordAnswer, RequestId, Sent, UNANSWERED};
use crate::scenario::{Expect, Scenario, Workload};
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
    /// Requests that were to be tried again, by their latest attempt and how it ended.
    open: BTreeMap<RequestId, (Sent, End, Option<Note>)>,
}

impl Journaled {
    pub(super) fn new(producers: usize) -> Self {
        Self { requests: vec![RoaringTreemap::new(); producers], open: BTreeMap::new() }
    }

    /// An attempt was written down.
    pub(super) fn attempt(&mut self, sent: &Sent, answer: &Answer<'_>) {
        let Some(requests) = self.requests.get_mut(usize::from(sent.request.producer)) else { return };
        requests.insert(sent.request.index);
        if sent.again {
            self.open.insert(sent.request, (*sent, answer.end, answer.note.clone()));
        } else {
            self.open.remove(&sent.request);
        }
    }

    /// The load had ended: what was to be tried again was not.
    pub(super) fn nothing_is_tried_again(&mut self) {
        self.open.clear();
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
        mut each: impl FnMut(Doubt, &Sent, &Answer<'_>),
    ) {
        let attempts = |workload: &Workload| 1 + workload.retry.as_ref().map_or(0, |retry| retry.times);
        let expect = |workload: &Workload| {
            let partner = scenario.partners.get(workload.partner);
            // Whoever has no right to write must be refused at any time.
            let refused = partner.is_some_and(|partner| partner.expect == Expect::Refuse);
            if refused { Expected::Refuse } else { Expected::Either }
        };
        for (sent, end, note) in self.open.values() {
            let Some(workload) = scenario.workloads.get(usize::from(sent.request.producer)) else { continue };
            // Any number of them may have been made meanwhile.
            let attempt = attempts(workload).max(sent.attempt + 1);
            let sent = Sent { attempt, expect: expect(workload), again: false, ..*sent };
            each(Doubt::Again, &sent, &Answer { end: *end, note: note.clone(), ..no_answer() });
        }
        let connections = scenario.workloads.iter().map(|workload| workload.connections.count);
        let threads = load::threads(usize::from(scenario.load_threads), connections);
        let streams = (0_u16..).zip(&scenario.workloads).zip(reserved).zip(&self.requests);
        for (((producer, workload), reserved), journaled) in streams {
            let threads = load::threads_of(threads, workload.connections.count);
            let (seed, sizes) = (workload_seed(scenario.seed, producer), sizes(workload));
            let mut first_sequence = 0;
            let journaled_to = journaled.max().map_or(0, |last| last + 1);
            for index in 0..reserved.iter().copied().max().unwrap_or(0).max(journaled_to) {
                let records = sizes.at(seed, index);
                let thread = usize::try_from(index % threads as u64).unwrap_or(0);
                let begun = reserved.get(thread).is_some_and(|end| index < *end);
                if begun && !journaled.contains(index) {
                    let request = RequestId { producer, index };
                    let sent = Sent {
                        request,
                        attempt: attempts(workload),
                        first_sequence,
                        records,
                        // Nobody knows when: it began before all others, and was never answered, which proves nothing
                        // against anybody.
                        written_us: 0,
                        expect: expect(workload),
                        token_expires_us: NEVER,
                        again: false,
                    };
                    each(Doubt::Perhaps, &sent, &no_answer());
                }
                first_sequence += u64::from(records);
            }
        }
    }
}

/// The answer to an attempt of which nothing was written down.
fn no_answer() -> Answer<'static> {
    Answer {
        answered_us: UNANSWERED,
        end: End::Reset,
        note: Some("landfall was killed before it had written down what came of it".into()),
        answers: &[RecordAnswer::Unknown],
    }
}
