//! Which partitions hold anything of the run. One to which records were acknowledged, and which holds none of them, is
//! taken for another than the run's: it may have been deleted and created again, while nobody looked.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use crate::ledger::Outstanding;
use crate::record::{Catalogue, Identified, Landed, PartitionRead, Stream, TopicPartition};

/// The partitions in which something of the run was found.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen(Arc<Mutex<HashSet<TopicPartition>>>);

impl Seen {
    /// Looks at what is read on its way to `sink`.
    pub(super) fn watch(
        &self,
        catalogue: Catalogue,
        sink: impl Fn(Landed) + Clone + Send + 'static,
    ) -> impl Fn(Landed) + Clone + Send + 'static {
        let seen = self.0.clone();
        move |landed: Landed| {
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            if !seen.contains(&landed.at) && is_of_the_run(&catalogue, &landed) {
                seen.insert(landed.at);
            }
            drop(seen);
            sink(landed);
        }
    }

    /// Nothing can be said of what was acknowledged in partitions that hold nothing of the run.
    pub(super) fn doubt(&self, reads: &mut [PartitionRead], outstanding: &Outstanding) {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for read in reads.iter_mut().filter(|read| !seen.contains(&read.at)) {
            if let Some(acked) = outstanding.highest_acked.get(&read.at) {
                let partition = read.at.partition;
                read.error.get_or_insert_with(|| {
                    format!(
                        "partition {partition} holds nothing of the run, and records of it were acknowledged up to offset \
                         {acked}: the topic may have been deleted and created again"
                    )
                });
            }
        }
    }
}

/// Whether a record may be one of the run's: of records without identities, any may.
fn is_of_the_run(catalogue: &Catalogue, landed: &Landed) -> bool {
    let anonymous = |stream: &Stream| stream.topic() == landed.at.topic && stream.is_anonymous();
    match catalogue.identify(landed) {
        Identified::Ours(_) => true,
        Identified::Unreadable => catalogue.streams().iter().any(anonymous),
        Identified::AnotherRun => false,
    }
}
