//! Showing what was found: examples of each kind, with what was told of them.

use std::collections::BTreeMap;

use super::evidence::{Findings, Name, Told};
use super::leftovers::Leftovers;
use super::place::Place;
use super::settle::Replay;
use super::{Ledger, claimed};
use crate::record::RecordId;
use crate::result::{Evidence, Records};

/// A kind of finding, with the records that show it.
pub(super) struct Shown {
    pub(super) kind: &'static str,
    pub(super) producer: u16,
    pub(super) examples: Vec<u64>,
}

impl Ledger {
    /// Has the attempts told once more, for the evidence of what is shown.
    pub(super) fn evidence(
        &self,
        records: &Records,
        admitted: &[RecordId],
        shown: &[Shown],
        left: &Leftovers,
        replay: &mut Replay<'_>,
        findings: &mut Findings,
    ) {
        let counts = [
            ("records.lost", records.lost),
            ("records.leaked", records.leaked),
            ("records.corrupted", records.corrupted),
            ("records.duplicated", records.duplicated),
            ("records.misplaced", records.misplaced),
            ("records.reordered", records.reordered),
            ("requests.wrongly_admitted", admitted.len() as u64),
        ];
        for (kind, count) in counts {
            findings.count(kind, count);
        }
        let admitted = &admitted[..admitted.len().min(self.quotes.examples)];
        let of_kind = |shown: &Shown| {
            let producer = shown.producer;
            shown.examples.iter().map(move |sequence| RecordId { producer, sequence: *sequence }).collect()
        };
        let examples: Vec<(&str, Vec<RecordId>)> =
            shown.iter().map(|shown| (shown.kind, of_kind(shown))).collect();
        let mut wanted: BTreeMap<RecordId, Option<Told>> = examples
            .iter()
            .flat_map(|(_, ids)| ids.iter().copied())
            .chain(admitted.iter().copied())
            .map(|id| (id, None))
            .collect();
        if wanted.is_empty() {
            return;
        }
        replay(&mut |sent, answer| {
            let first = RecordId { producer: sent.request.producer, sequence: sent.first_sequence };
            let last = RecordId { sequence: sent.first_sequence + u64::from(sent.records), ..first };
            for (id, told) in wanted.range_mut(first..last) {
                let index = usize::try_from(id.sequence - first.sequence).unwrap_or(usize::MAX);
                let said = answer.get(index);
                let claim = claimed(self.topic_of(usize::from(id.producer)), said);
                told.get_or_insert_with(|| Told::new(sent)).attempt(sent, answer, said, claim, &self.quotes);
            }
        });
        for (kind, ids) in examples {
            for id in ids {
                let Some(Some(told)) = wanted.get(&id) else { continue };
                let found = self.found_at(id, told, left);
                let detail = self.detail(kind, id, told, &found);
                findings.example(kind, Name::Record(id), || {
                    let evidence = told.evidence(id, &found, detail, |place| self.place_name(place));
                    self.quoted(kind, id, told, evidence)
                });
            }
        }
        for id in admitted {
            let Some(Some(told)) = wanted.get(id) else { continue };
            findings.example("requests.wrongly_admitted", Name::Request(told.request), || {
                let detail = "without an answer that says so: records of it landed, all had to be refused";
                let mut evidence = told.evidence(*id, &[], detail.into(), |place| self.place_name(place));
                evidence.record = None;
                evidence
            });
        }
    }

    /// The evidence with excerpts of what was sent and, where it is something else, of what was found.
    fn quoted(&self, kind: &str, id: RecordId, told: &Told, evidence: Evidence) -> Evidence {
        let content = self.catalogue.content(id);
        let sent = content.map(|content| self.quotes.view(&content).of_content(&content));
        let landed = self.damage.get(&id).map(|damage| damage.landed.clone());
        let hop = if kind == "records.leaked" { told.leaked_at() } else { None };
        Evidence { hop, sent, landed, ..evidence }
    }

    /// Where copies of a record stand, as far as it is known.
    fn found_at(&self, id: RecordId, told: &Told, left: &Leftovers) -> Vec<Place> {
        let producer = usize::from(id.producer);
        let found = self.accounts[producer].copies.has(1, id.sequence);
        let met = found && !left.unplaced[producer].contains(id.sequence);
        let mut places: Vec<Place> = told.claimed.filter(|_| met).into_iter().collect();
        places.extend(left.copies.get(&id).into_iter().flatten());
        places
    }

    fn detail(&self, kind: &str, id: RecordId, told: &Told, found: &[Place]) -> String {
        let producer = usize::from(id.producer);
        match kind {
            "records.lost" => "acknowledged, and nowhere in the topic".into(),
            "records.leaked" => match told.leaked_at() {
                Some(hop) => format!("refused by the {hop}, which let it pass all the same"),
                None => "refused, and in the topic all the same; the answer does not tell by whom".into(),
            },
            "records.corrupted" => {
                let detail = self.damage.get(&id).map(|damage| damage.detail.clone());
                detail.unwrap_or_else(|| "another content than was sent".into())
            }
            "records.duplicated" => {
                let copies = self.accounts[producer].copies.count(id.sequence);
                let kind = if copies > told.attempts as usize {
                    "beyond_attempts: the path made copies"
                } else {
                    "within_attempts: explicable by retries"
                };
                format!("{copies} copies of {} attempts, {kind}", told.attempts)
            }
            "records.misplaced" => {
                let topic = self.topic_of(producer);
                match told.claimed.filter(|place| !found.contains(place)) {
                    Some(place) => format!("acknowledged at {}, where it is not", self.place_name(place)),
                    None if found.iter().any(|place| place.at.topic != topic) => {
                        format!("sent to topic {}, found in another", self.topic_name(topic))
                    }
                    None => match self.terms[producer].partition {
                        Some(wanted) => format!("sent to partition {wanted}, found in another"),
                        None => "not in every place where it was acknowledged".into(),
                    },
                }
            }
            _ => "stands before an earlier record of its key".into(),
        }
    }
}
