//! Which fault befalls what is read or written.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use super::batch::Header;
use super::partition::Partition;
use super::records;
use crate::doubles::fault::{Injector, first_striking, of_kinds};
use crate::scenario::FaultKind;

/// Faults that befall a batch.
const BATCHES: [FaultKind; 5] = [
    FaultKind::NotLeader,
    FaultKind::TimeoutAfterAppend,
    FaultKind::MessageTooLarge,
    FaultKind::LeaderChange,
    FaultKind::LoseTail,
];

/// The broker's faults; those of other boxes are left out.
#[derive(Debug, Default)]
pub(super) struct Faults {
    reads: Vec<Arc<Injector>>,
    batches: Vec<Arc<Injector>>,
    /// Fingerprints of the records of every batch that was struck. Producers try again what failed, in other batches
    /// perhaps, and no record meets two faults.
    struck: Mutex<HashSet<u64>>,
}

impl Faults {
    pub(super) fn new(injectors: &[Arc<Injector>]) -> Self {
        Self {
            reads: of_kinds(injectors, &[FaultKind::DenyRead]),
            batches: of_kinds(injectors, &BATCHES),
            struck: Mutex::default(),
        }
    }

    /// Whether reading a partition of the topic is denied this time, which is counted.
    pub(super) fn deny_read(&self, topic: &str, now: Instant) -> bool {
        let striking = first_striking(&self.reads, topic, now);
        if let Some(injector) = striking {
            injector.took_effect(1);
        }
        striking.is_some()
    }

    /// The fault that befalls a batch whose producer waits for an answer, if one does. Whoever carries it out counts it.
    pub(super) fn of_batch(
        &self,
        topic: &str,
        raw: &[u8],
        header: &Header,
        partition: &Partition,
    ) -> Option<&Injector> {
        if self.batches.is_empty() {
            return None;
        }
        let mut records = Vec::new();
        let walked = records::walk(raw, |record| {
            records.push(record.fingerprint);
            ControlFlow::Continue(())
        });
        let mut struck = self.struck.lock().unwrap_or_else(PoisonError::into_inner);
        // What this broker cannot look into it leaves alone.
        if walked.is_err() || records.iter().any(|record| struck.contains(record)) {
            return None;
        }
        let can_befall = |injector: &&Arc<Injector>| match injector.kind() {
            // The numbers of an idempotent producer's batches would show that one is missing.
            FaultKind::LoseTail => !header.has_producer(),
            FaultKind::LeaderChange => partition.replicas.len() > 1,
            _ => true,
        };
        let now = Instant::now();
        let striking =
            self.batches.iter().filter(can_befall).find(|injector| injector.strikes(topic, now))?;
        struck.extend(records);
        Some(striking)
    }
}

#[cfg(test)]
mod tests {
    use super::super::batch::{check, samples};
    use super::*;
    use crate::scenario::{Fault, Pace};

    fn faults(kinds: &[FaultKind]) -> Faults {
        let injector = |kind: &FaultKind| Arc::new(Injector::new(Fault::new(*kind, Pace::Every(1)), 1));
        Faults::new(&kinds.iter().map(injector).collect::<Vec<_>>())
    }

    fn of_batch(faults: &Faults, raw: &[u8]) -> Option<FaultKind> {
        faults.of_batch("t", raw, &check(raw).unwrap(), &Partition::new(vec![1])).map(Injector::kind)
    }

    #[test]
    fn a_record_is_struck_once_in_whatever_batch_it_comes() {
        let faults = faults(&[FaultKind::NotLeader]);
        let first = samples::batch(&[(0, None, b"a"), (5, None, b"b")], 1_000);
        assert_eq!(of_batch(&faults, &first), Some(FaultKind::NotLeader));
        let again = samples::batch(&[(0, None, b"b"), (5, None, b"c")], 1_005);
        assert_eq!(of_batch(&faults, &again), None);
        let fresh = samples::batch(&[(5, None, b"c")], 1_005);
        assert_eq!(of_batch(&faults, &fresh), Some(FaultKind::NotLeader));
    }

    #[test]
    fn an_idempotent_producer_loses_nothing_unnoticed() {
        let faults = faults(&[FaultKind::LoseTail, FaultKind::TimeoutAfterAppend]);
        let idempotent = samples::batch_of(&[(0, None, b"a")], 0, (7, 0, 0), 0, None);
        assert_eq!(of_batch(&faults, &idempotent), Some(FaultKind::TimeoutAfterAppend));
        let plain = samples::batch(&[(0, None, b"b")], 0);
        assert_eq!(of_batch(&faults, &plain), Some(FaultKind::LoseTail));
    }
}
