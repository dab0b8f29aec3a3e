//! Whose the records are that carry no readable identity: what they hold and where they stand tell, once all has been
//! told.

use std::collections::{BTreeMap, HashMap};

use super::Ledger;
use super::content::Comparison;
use super::leftovers::Leftovers;
use super::nameless::{Found, digest_of};
use super::place::Place;
use crate::record::RecordId;

impl Ledger {
    /// Gives each record without a readable identity to a record that was acked and seen nowhere else. What a record
    /// without identity holds, wherever it stands in its topic, is that record, `misplaced` if that is not where it was
    /// acked; of the others, what stands where a record was acked is that record `corrupted`. Returns the topic of each
    /// that belongs to nobody.
    pub(super) fn attribute(&mut self, left: &mut Leftovers) -> Vec<u16> {
        let mut found: BTreeMap<Place, Found> = self.nameless.drain().collect();
        self.attribute_by_content(left, &mut found);
        let mut nobodys = Vec::new();
        for (place, found) in found {
            let claimants = left.disputed.remove(&place).unwrap_or_default();
            let unseen: Vec<RecordId> = claimants.iter().copied().filter(|id| !self.is_found(*id)).collect();
            let owner = found.closest(&unseen, &self.catalogue);
            for id in claimants.iter().filter(|id| Some(**id) != owner) {
                left.unplaced[usize::from(id.producer)].insert(id.sequence);
            }
            let Some(id) = owner else {
                nobodys.push(place.at.topic);
                continue;
            };
            let comparison = found.compare_with(id, &self.catalogue, &self.quotes);
            let producer = usize::from(id.producer);
            let differs = matches!(comparison, Some(Comparison::Different(_)));
            if differs && found.is_vague() && self.is_anonymous(producer) {
                // It may be the same in other bytes, or not.
                left.unplaced[producer].insert(id.sequence);
                left.unproven[producer].insert(id.sequence);
                nobodys.push(place.at.topic);
                continue;
            }
            self.join.apart.add(id, place);
            let detail = match comparison {
                Some(Comparison::Different(detail)) => detail,
                _ => "its identity cannot be read".to_owned(),
            };
            let detail = format!("{detail}; recognised by its acknowledged position");
            self.copied(id, &Comparison::Different(detail), found.landed());
        }
        // What they claimed has turned out to be another's.
        for id in std::mem::take(&mut left.disputed).into_values().flatten() {
            left.unplaced[usize::from(id.producer)].insert(id.sequence);
        }
        nobodys
    }

    /// Finds records without identity by what they hold: at first where they were acked, then anywhere in their topic.
    fn attribute_by_content(&mut self, left: &mut Leftovers, found: &mut BTreeMap<Place, Found>) {
        let mut astray = std::mem::take(&mut left.anonymous);
        for (place, claimants) in std::mem::take(&mut left.disputed) {
            for id in claimants {
                let anonymous = self.is_anonymous(usize::from(id.producer));
                let there = found.get(&place).filter(|_| anonymous);
                let compared = there.and_then(|found| found.compare_with(id, &self.catalogue, &self.quotes));
                // What holds the same and has another time is the record all the same.
                let content = self.catalogue.content(id).filter(|_| anonymous);
                let is_it =
                    there.zip(content).is_some_and(|(found, sent)| found.digest() == digest_of(&sent));
                let differs = matches!(compared, None | Some(Comparison::Different(_)));
                if let Some(comparison) = compared.filter(|_| is_it || !differs) {
                    let landed = found.remove(&place);
                    self.join.apart.add(id, place);
                    self.copied(id, &comparison, landed.as_ref().and_then(Found::landed));
                } else {
                    left.disputed.entry(place).or_default().push(id);
                    astray.extend(anonymous.then_some(id));
                }
            }
        }
        if astray.is_empty() {
            return;
        }
        let mut pool: HashMap<(u16, u64), Vec<Place>> = HashMap::new();
        for (place, found) in found.iter().rev() {
            pool.entry((place.at.topic, found.digest())).or_default().push(*place);
        }
        astray.sort_unstable();
        for id in astray {
            let Some(content) = self.catalogue.content(id).filter(|_| !self.is_found(id)) else { continue };
            let holds = (self.topic_of(usize::from(id.producer)), digest_of(&content));
            let Some(place) = pool.get_mut(&holds).and_then(Vec::pop) else { continue };
            let Some(landed) = found.remove(&place) else { continue };
            left.copies.entry(id).or_default().push(place);
            left.unplaced[usize::from(id.producer)].insert(id.sequence);
            let comparison = landed.compare_with(id, &self.catalogue, &self.quotes);
            self.copied(id, &comparison.unwrap_or(Comparison::Same), landed.landed());
        }
        // Who was found elsewhere is no claimant of what stands where it was acked.
        for claimants in left.disputed.values_mut() {
            claimants.retain(|id| {
                let elsewhere = self.is_anonymous(usize::from(id.producer)) && self.is_found(*id);
                if elsewhere {
                    left.unplaced[usize::from(id.producer)].insert(id.sequence);
                }
                !elsewhere
            });
        }
    }

    fn is_found(&self, id: RecordId) -> bool {
        self.accounts[usize::from(id.producer)].copies.has(1, id.sequence)
    }
}

#[cfg(test)]
mod tests;
