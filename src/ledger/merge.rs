//! Several accounts of one run as one: processes that share the load, the reading or both.

use std::collections::HashMap;

use super::Ledger;
use super::account::Account;
use super::levels::Set;
use super::place::{Place, StoreError};
use super::settle::Replay;
use super::window::Stretch;
use crate::record::TopicPartition;

impl Ledger {
    /// Takes in the account of another process of the same run. Of each request one process has told all attempts, and
    /// each offset of a partition one process has read. What one has claimed and the other has found meets here. From now
    /// on the attempts of both must be told where this ledger asks for them.
    ///
    /// The sum is the ledger that one process would have that had been told everything: that is why such places are kept
    /// apart, for the order of their records, as many as [`Bounds::apart`](super::Bounds) says.
    ///
    /// # Errors
    /// [`StoreError`] where what the other had put aside cannot be read back.
    pub fn merge(&mut self, other: Self) -> Result<(), StoreError> {
        let Self { accounts, requests, findings, join, nameless, foreign, damage, highest_acked, .. } = other;
        for (mine, theirs) in self.accounts.iter_mut().zip(&accounts) {
            mine.merge(theirs);
        }
        self.requests.merge(requests);
        self.findings.merge(findings);
        self.join.merge(join)?;
        self.nameless.merge(nameless);
        self.foreign += foreign;
        for (id, damage) in damage {
            self.damage.entry(id).or_insert(damage);
        }
        while self.damage.len() > self.quotes.examples {
            self.damage.pop_last();
        }
        for (at, offset) in highest_acked {
            let highest = self.highest_acked.entry(at).or_insert(offset);
            *highest = (*highest).max(offset);
        }
        Ok(())
    }

    /// Sets apart what may have been overtaken by a record that another process has settled: what was acknowledged before
    /// the latest record in front of it, of another stretch of its partition, began to leave.
    pub(super) fn set_apart_across(&mut self, unplaced: &[Set], replay: &mut Replay<'_>) {
        let suspects = suspects(&self.join.stretches());
        if suspects.is_empty() {
            return;
        }
        let Self { catalogue, accounts, join, .. } = self;
        replay(&mut |sent, answer| {
            let producer = usize::from(sent.request.producer);
            let Some(stream) = catalogue.stream(sent.request.producer) else { return };
            if !stream.order_is_verifiable() {
                return;
            }
            for index in 0..sent.records {
                let said = answer.get(index as usize);
                let Some(place) = super::claimed(stream.topic(), said) else { continue };
                let is_suspect = suspects.get(&place.at).is_some_and(|suspects| {
                    suspects.iter().any(|suspect| suspect.strikes(place, answer.answered_us))
                });
                let id = crate::record::RecordId {
                    producer: sent.request.producer,
                    sequence: sent.first_sequence + u64::from(index),
                };
                let placed = !unplaced[producer].contains(id.sequence)
                    && accounts[producer].copies.has(1, id.sequence);
                if is_suspect && placed {
                    join.apart.add(id, place);
                }
            }
        });
    }
}

/// Records of a stretch of offsets that were acknowledged before a moment.
#[derive(Debug, Clone, Copy)]
struct Suspect {
    first: i64,
    last: i64,
    before_us: u64,
}

impl Suspect {
    fn strikes(self, place: Place, answered_us: u64) -> bool {
        (self.first..=self.last).contains(&place.offset) && answered_us < self.before_us
    }
}

/// Where records of one stretch may have been overtaken by one of another that begins in front of its end.
fn suspects(stretches: &HashMap<TopicPartition, Vec<Stretch>>) -> HashMap<TopicPartition, Vec<Suspect>> {
    let mut suspects: HashMap<TopicPartition, Vec<Suspect>> = HashMap::new();
    for (at, stretches) in stretches {
        for (number, stretch) in stretches.iter().enumerate() {
            let others = stretches.iter().enumerate().filter(|(other, _)| *other != number);
            let in_front = others.filter(|(_, other)| other.first < stretch.last);
            let before_us = in_front.map(|(_, other)| other.written_us).max().unwrap_or(0);
            if stretch.answered_us < before_us {
                let Stretch { first, last, .. } = *stretch;
                suspects.entry(*at).or_default().push(Suspect { first, last, before_us });
            }
        }
    }
    suspects
}

impl Account {
    /// Takes in what another process knows of the same producer.
    fn merge(&mut self, other: &Self) {
        let Self { attempts, acked, refused, doubted, copies, corrupted, rewritten, strayed, .. } = other;
        self.attempts.reach_also(attempts);
        self.copies.add_all(copies);
        for (mine, theirs) in [
            (&mut self.acked, acked),
            (&mut self.refused, refused),
            (&mut self.doubted, doubted),
            (&mut self.corrupted, corrupted),
            (&mut self.rewritten, rewritten),
            (&mut self.strayed, strayed),
            (&mut self.swapped, &other.swapped),
            (&mut self.denied, &other.denied),
            (&mut self.denied_starts, &other.denied_starts),
            (&mut self.nowhere, &other.nowhere),
            (&mut self.perhaps, &other.perhaps),
        ] {
            *mine |= theirs;
        }
    }
}
