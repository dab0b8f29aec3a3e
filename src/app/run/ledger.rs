//! The ledger of a scenario's run, with nothing in it yet.

use super::folder::{Folder, FolderError};
use super::spill::Spill;
use crate::ledger::{Bounds, Ledger, Quotes, StreamTerms};
use crate::record::Catalogue;
use crate::scenario::Scenario;

/// An empty ledger, which puts aside into `folder` what is out of the ordinary.
pub(in crate::app) fn ledger(
    scenario: &Scenario,
    catalogue: Catalogue,
    folder: &Folder,
) -> Result<Ledger, FolderError> {
    let terms = scenario.workloads.iter().map(|workload| StreamTerms { partition: workload.partition });
    let topics = scenario.topics.iter().map(|topic| topic.name.clone()).collect();
    let evidence = &scenario.evidence;
    let quotes =
        Quotes { examples: evidence.examples, bytes: evidence.bytes, redact: evidence.redact.clone() };
    let spill = Spill::new(folder.path()).map_err(|source| folder.unwritable(source))?;
    Ok(Ledger::new(catalogue, topics, terms.collect(), quotes, Bounds::default(), Some(Box::new(spill))))
}
