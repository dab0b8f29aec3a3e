//! Order, where the stream of settled records cannot tell it: within a request, and of records that did not come in
//! the order of their offsets or seem to have been overtaken.
//!
//! While records are settled in the order of their offsets, it is enough to know the latest first byte of those in
//! front: a record that was acked before that has been overtaken, if the key is the same. A path that writes before it
//! acks shows no such record, whatever the keys; so keys are only looked at here, and the attempts told once more.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};

use super::account::Account;
use super::claimed;
use super::evidence::Told;
use super::excerpt::Quotes;
use super::levels::Set;
use super::order::{Ordered, overtakers};
use super::overtaken::Begun;
use super::place::Place;
use crate::record::{
    Answer, Catalogue, ContentBuf, RecordId, RequestId, Sent, Stream, TopicPartition, UNANSWERED,
};

/// Records of one key in one partition.
type Lane = (TopicPartition, u64);

/// The records that stand before an earlier one of their request and key, by the places that its answer names.
pub(super) fn swapped_in_request(
    catalogue: &Catalogue,
    sent: &Sent,
    answer: &Answer<'_>,
    buf: &mut ContentBuf,
) -> Vec<u64> {
    let Some(stream) = catalogue.stream(sent.request.producer).filter(|s| s.order_is_verifiable()) else {
        return Vec::new();
    };
    let mut lanes: HashMap<Lane, Vec<Ordered<u64>>> = HashMap::new();
    for index in 0..sent.records {
        let Some(place) = claimed(stream.topic(), answer.get(index as usize)) else { continue };
        let id = record(sent, index);
        lanes.entry((place.at, key(catalogue, id, buf))).or_default().push(Ordered {
            id: id.sequence,
            offset: place.offset,
            request: 0,
            index,
            written_us: 0,
            answered_us: UNANSWERED,
        });
    }
    lanes.into_values().flat_map(overtakers).collect()
}

/// Looks again at records that were set apart.
pub(super) struct Recheck<'l> {
    catalogue: &'l Catalogue,
    accounts: &'l [Account],
    /// Where each of them stands.
    apart: &'l BTreeMap<RecordId, Place>,
    /// Of each producer, the records that do not stand where they were acked.
    unplaced: &'l [Set],
    told: BTreeMap<RecordId, Member>,
    buf: ContentBuf,
    /// Nothing of what is told here is shown.
    quotes: Quotes,
    /// Of each partition, by offset: the earliest answer among the records from there on, and the latest first byte
    /// among those up to there.
    partitions: HashMap<TopicPartition, Vec<(i64, u64, u64)>>,
    lanes: HashMap<Lane, Vec<Ordered<RecordId>>>,
    begun: Begun,
}

/// A record that is looked at.
struct Member {
    place: Place,
    told: Told,
    index: u32,
}

impl<'l> Recheck<'l> {
    pub(super) fn new(
        catalogue: &'l Catalogue,
        accounts: &'l [Account],
        apart: &'l BTreeMap<RecordId, Place>,
        unplaced: &'l [Set],
    ) -> Self {
        Self {
            catalogue,
            accounts,
            apart,
            unplaced,
            told: BTreeMap::new(),
            buf: ContentBuf::default(),
            quotes: Quotes::default(),
            partitions: HashMap::new(),
            lanes: HashMap::new(),
            begun: Begun::default(),
        }
    }

    /// First telling: gathers the records that were set apart, and those of the same requests.
    pub(super) fn attempt(&mut self, sent: &Sent, answer: &Answer<'_>) {
        let sent = &Sent { written_us: self.begun.first_written_us(sent), ..*sent };
        let (first, last) = (record(sent, 0), record(sent, sent.records));
        let Some(account) = self.accounts.get(usize::from(sent.request.producer)) else { return };
        let swapped = &account.swapped;
        let apart = self.apart.range(first..last).next().is_some();
        let descends = !swapped.is_empty() && swapped.range_cardinality(first.sequence..last.sequence) > 0;
        if !apart && !descends {
            return;
        }
        let Some(stream) = self.orderly(sent) else { return };
        for index in 0..sent.records {
            let id = record(sent, index);
            let said = answer.get(index as usize);
            let claim = claimed(stream.topic(), said);
            let place = self.apart.get(&id).copied().or(claim.filter(|_| self.is_placed(id)));
            let Some(place) = place.filter(|_| self.counts(id)) else { continue };
            let member =
                self.told.entry(id).or_insert_with(|| Member { place, told: Told::new(sent), index });
            member.told.attempt(sent, answer, said, claim, &self.quotes);
        }
    }

    /// Between the tellings; false where there is no need of another.
    pub(super) fn prepare(&mut self) -> bool {
        let members: Vec<(RecordId, Ordered<RecordId>)> =
            self.told.iter().map(|(id, member)| (*id, member.ordered(*id))).collect();
        for (id, ordered) in members {
            let at = self.told[&id].place.at;
            let lane = (at, key(self.catalogue, id, &mut self.buf));
            self.lanes.entry(lane).or_default().push(ordered);
            self.partitions.entry(at).or_default().push((
                ordered.offset,
                ordered.answered_us,
                ordered.written_us,
            ));
        }
        for offsets in self.partitions.values_mut() {
            offsets.sort_unstable();
            let mut latest = 0;
            for entry in offsets.iter_mut() {
                latest = latest.max(entry.2);
                entry.2 = latest;
            }
            let mut earliest = u64::MAX;
            for entry in offsets.iter_mut().rev() {
                earliest = earliest.min(entry.1);
                entry.1 = earliest;
            }
        }
        !self.partitions.is_empty()
    }

    /// Second telling: gathers every acked record that may have overtaken one of them, or been overtaken by one.
    pub(super) fn attempt_again(&mut self, sent: &Sent, answer: &Answer<'_>) {
        let Some(stream) = self.orderly(sent) else { return };
        let written_us = self.begun.first_written_us(sent);
        for index in 0..sent.records {
            let Some(place) = claimed(stream.topic(), answer.get(index as usize)) else { continue };
            let Some(offsets) = self.partitions.get(&place.at) else { continue };
            let after = offsets.partition_point(|(offset, ..)| *offset <= place.offset);
            let leads = offsets.get(after).is_some_and(|(_, earliest, _)| *earliest < written_us);
            let follows = offsets[..after].last().is_some_and(|(.., latest)| *latest > answer.answered_us);
            let id = record(sent, index);
            if !(leads || follows) || self.told.contains_key(&id) || !self.counts(id) || !self.is_placed(id) {
                continue;
            }
            let lane = (place.at, key(self.catalogue, id, &mut self.buf));
            if let Some(lane) = self.lanes.get_mut(&lane) {
                lane.push(Ordered {
                    id,
                    offset: place.offset,
                    request: number(sent.request),
                    index,
                    written_us,
                    answered_us: answer.answered_us,
                });
            }
        }
    }

    /// The records that stand before an earlier one.
    pub(super) fn finish(self) -> impl Iterator<Item = RecordId> {
        self.lanes.into_values().flat_map(overtakers)
    }

    fn orderly(&self, sent: &Sent) -> Option<&'l Stream> {
        self.catalogue.stream(sent.request.producer).filter(|stream| stream.order_is_verifiable())
    }

    /// Whether it stands where it was acked.
    fn is_placed(&self, id: RecordId) -> bool {
        let unplaced = self.unplaced.get(usize::from(id.producer));
        unplaced.is_some_and(|unplaced| !unplaced.contains(id.sequence))
    }

    /// Whether its order means anything: it was found, and retries have made no copies of it.
    fn counts(&self, id: RecordId) -> bool {
        self.accounts.get(usize::from(id.producer)).is_some_and(|account| {
            account.copies.has(1, id.sequence) && !account.retries_made_copies(id.sequence)
        })
    }
}

impl Member {
    fn ordered(&self, id: RecordId) -> Ordered<RecordId> {
        let Told { request, written_us, answered_us, acked, .. } = &self.told;
        Ordered {
            id,
            offset: self.place.offset,
            request: number(*request),
            index: self.index,
            written_us: *written_us,
            answered_us: if *acked { *answered_us } else { UNANSWERED },
        }
    }
}

fn record(sent: &Sent, index: u32) -> RecordId {
    RecordId { producer: sent.request.producer, sequence: sent.first_sequence + u64::from(index) }
}

fn number(request: RequestId) -> u64 {
    (u64::from(request.producer) << 48) | request.index
}

/// What stands for the record's key.
fn key(catalogue: &Catalogue, id: RecordId, buf: &mut ContentBuf) -> u64 {
    catalogue.content_into(id, buf);
    let mut hasher = DefaultHasher::new();
    buf.key().hash(&mut hasher);
    hasher.finish()
}
