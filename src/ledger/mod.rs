//! The account of every record: what was sent, what was answered, what landed, and what follows.
//!
//! Pure: events go in, in any order among kinds; a [`Settlement`] comes out. DESIGN: "The ledger's truth".
//! Invariant, asserted at settling: sent = acked + refused + unknown; acked = landed + lost + unverifiable;
//! refused = leaked + absent; unknown = unknown landed + unknown absent.
//!
//! Memory is bounded: what is settled costs bits, what is in flight a slot of its partition's window, and what goes
//! wrong is put aside and then into a [`Store`].
//!
//! | file | what it holds |
//! |---|---|
//! | `answers` | what an HTTP answer says of each record |
//! | `account`, `levels` | a producer's records as sets of numbers |
//! | `requests`, `outcomes` | requests by outcome and by who answered how, and those to be tried again |
//! | `join`, `window`, `place`, `sorter` | acks and copies, meeting at their places |
//! | `nameless`, `attribute` | records whose identity cannot be read, and whose they are |
//! | `content`, `decimal` | comparing what landed with what was sent |
//! | `order`, `overtaken`, `recheck` | which records overtook an earlier one |
//! | `coverage`, `leftovers` | how far was read, and what has not met |
//! | `settle` | dispositions and flags |
//! | `merge` | several accounts of one run as one |
//! | `show`, `evidence`, `excerpt` | findings with what was told of them, and what is shown of their content |

mod account;
pub mod answers;
mod attribute;
#[cfg(test)]
mod bench;
mod content;
mod coverage;
mod decimal;
mod evidence;
mod excerpt;
mod join;
mod leftovers;
mod levels;
mod merge;
mod nameless;
mod order;
mod outcomes;
mod overtaken;
mod place;
mod recheck;
mod requests;
mod settle;
mod show;
mod sorter;
mod window;

use std::collections::{BTreeMap, HashMap};

use crate::record::{
    Answer, Catalogue, ContentBuf, Format, Identified, Landed, RecordAnswer, RecordId, Sent, Stream,
    TopicPartition,
};
use crate::result::Excerpt;

use account::Account;
use content::{Comparison, compare_in};
use evidence::Findings;
pub use excerpt::Quotes;
pub use join::Bounds;
use join::Join;
use nameless::Nameless;
pub use place::{Place, Run, Side, Store, StoreError, Unmatched};
use requests::RequestLedger;
pub use settle::{Replay, Settlement};
use window::Times;

/// Events after which the sets are packed.
const PACKED_EVERY: u32 = 1 << 22;

/// What the ledger must know of a stream besides its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamTerms {
    /// The partition that its requests name, if they do.
    pub partition: Option<i32>,
}

/// The account of one run.
#[derive(Debug)]
pub struct Ledger {
    catalogue: Catalogue,
    topics: Vec<String>,
    terms: Vec<StreamTerms>,
    accounts: Vec<Account>,
    requests: RequestLedger,
    findings: Findings,
    join: Join,
    nameless: Nameless,
    foreign: u64,
    /// Where the first examples of corrupted records differ.
    damage: BTreeMap<RecordId, Damage>,
    quotes: Quotes,
    highest_acked: HashMap<TopicPartition, i64>,
    buf: ContentBuf,
    /// Used while an answer is entered: the last place that it has named in each partition, and the highest offset.
    last_acked: Vec<(Place, i64)>,
    events: u32,
}

/// What is wrong with a record.
#[derive(Debug)]
struct Damage {
    detail: String,
    landed: Excerpt,
}

/// What a reader must still wait for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outstanding {
    /// Highest acked offset of each partition of a topic that an ack named.
    pub highest_acked: HashMap<TopicPartition, i64>,
    /// Acked records not seen yet.
    pub acked_unseen: u64,
    /// Records refused, or of which nobody can tell: they might still land.
    pub uncertain: u64,
    /// Of these, the ones of which nobody can tell, by one of their answers.
    pub undecided: u64,
}

/// What the ledger holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Footprint {
    /// Bytes of the sets of settled records, when written down.
    pub settled_bytes: usize,
    /// Acks and copies that wait for each other.
    pub waiting: usize,
}

impl Ledger {
    /// An empty account. `topics` are the names, in the scenario's order; `terms` one for each stream of the
    /// catalogue; `quotes` says what evidence shows. What waits beyond the `bounds` goes to the store; without one it stays
    /// in memory.
    #[must_use]
    pub fn new(
        catalogue: Catalogue,
        topics: Vec<String>,
        terms: Vec<StreamTerms>,
        quotes: Quotes,
        bounds: Bounds,
        store: Option<Box<dyn Store>>,
    ) -> Self {
        Self {
            accounts: vec![Account::default(); terms.len().min(catalogue.streams().len())],
            join: Join::new(topics.len(), bounds, store),
            catalogue,
            topics,
            terms,
            requests: RequestLedger::new(quotes.clone()),
            findings: Findings::new(quotes.examples),
            quotes,
            nameless: Nameless::default(),
            foreign: 0,
            damage: BTreeMap::new(),
            highest_acked: HashMap::new(),
            buf: ContentBuf::default(),
            last_acked: Vec::new(),
            events: 0,
        }
    }

    /// An attempt ended. Attempts of producers that the run does not have are ignored. `readable` is told, for each
    /// record that had been seen before its answer was known, the microseconds from written to seen.
    pub fn attempt(&mut self, sent: &Sent, answer: &Answer<'_>, readable: &mut impl FnMut(u64)) {
        let producer = usize::from(sent.request.producer);
        let Some(account) = self.accounts.get_mut(producer) else { return };
        let range = sent.first_sequence..sent.first_sequence.saturating_add(u64::from(sent.records));
        account.attempts.reach(sent.attempt, range.clone());
        let all_acked = match answer.answers {
            [all] => all.is_acked(),
            each => each.len() == sent.records as usize && each.iter().all(|answer| answer.is_acked()),
        };
        if all_acked {
            account.acked.insert_range(range);
        } else {
            for index in 0..sent.records {
                account.answer(sent.first_sequence + u64::from(index), answer.get(index as usize));
            }
        }
        self.claims(sent, answer, readable);
        self.requests.attempt(sent, answer, &mut self.accounts[producer], &mut self.findings);
        self.pack(sent.records);
    }

    /// Of an attempt that is told of as one without an answer, it is not known whether it was made at all.
    pub fn may_have_been_sent(&mut self, sent: &Sent) {
        if let Some(account) = self.accounts.get_mut(usize::from(sent.request.producer)) {
            let range = sent.first_sequence..sent.first_sequence.saturating_add(u64::from(sent.records));
            account.perhaps.insert_range(range);
        }
    }

    /// Enters the places that an answer names.
    fn claims(&mut self, sent: &Sent, answer: &Answer<'_>, readable: &mut impl FnMut(u64)) {
        let producer = usize::from(sent.request.producer);
        let Some(stream) = self.catalogue.stream(sent.request.producer) else { return };
        let (topic, anonymous) = (stream.topic(), stream.is_anonymous());
        let times =
            Times { written_us: self.requests.first_written_us(sent), answered_us: answer.answered_us };
        let mut descends = false;
        let mut last = std::mem::take(&mut self.last_acked);
        last.clear();
        for index in 0..sent.records {
            let said = answer.get(index as usize);
            let id = RecordId {
                producer: sent.request.producer,
                sequence: sent.first_sequence + u64::from(index),
            };
            let Some(place) = claimed(topic, said) else {
                if said.is_acked() {
                    self.accounts[producer].nowhere.insert(id.sequence);
                }
                continue;
            };
            match last.iter_mut().find(|(last, _)| last.at == place.at) {
                Some((last, highest)) => {
                    descends |= last.offset > place.offset;
                    *last = place;
                    *highest = (*highest).max(place.offset);
                }
                None => last.push((place, place.offset)),
            }
            // A retry may be acked where the attempt before was: that is one claim.
            if sent.attempt > 1 && self.requests.has_acked(sent, index, said) {
                continue;
            }
            if let Some(took_us) = self.join.claim(place, id, times) {
                readable(took_us);
            } else if anonymous && self.nameless.has(place) {
                self.claim_nameless(place, id, times, readable);
            }
        }
        for (place, offset) in &last {
            let highest = self.highest_acked.entry(place.at).or_insert(*offset);
            *highest = (*highest).max(*offset);
        }
        self.last_acked = last;
        if descends {
            let swapped = recheck::swapped_in_request(&self.catalogue, sent, answer, &mut self.buf);
            self.accounts[producer].swapped.extend(swapped);
        }
    }

    /// A record of a stream without identities is claimed where something stands.
    fn claim_nameless(&mut self, place: Place, id: RecordId, times: Times, readable: &mut impl FnMut(u64)) {
        let Some((comparison, seen_us)) =
            self.nameless.take_if_same(place, id, &self.catalogue, &self.quotes)
        else {
            return;
        };
        self.nameless_found(place, id, times, &comparison, seen_us, readable);
    }

    /// A record of a stream without identities stands where it was acked.
    fn nameless_found(
        &mut self,
        place: Place,
        id: RecordId,
        times: Times,
        comparison: &Comparison,
        seen_us: u64,
        readable: &mut impl FnMut(u64),
    ) {
        self.copied(id, comparison, None);
        self.join.land(place, id, seen_us);
        readable(seen_us.saturating_sub(times.written_us));
    }

    /// A record was read. Events of one partition come in the order of their offsets; a repeated offset is a
    /// re-read and counts once. `readable` is told the microseconds from written to seen, if its answer is known.
    pub fn landed(&mut self, landed: &Landed, readable: &mut impl FnMut(u64)) {
        if landed.offset < self.join.read_to(landed.at) {
            return;
        }
        let place = Place::of(landed);
        match self.catalogue.identify(landed) {
            Identified::Ours(id) => self.found(id, landed, readable),
            Identified::AnotherRun => {
                self.foreign += 1;
                self.join.read(place);
            }
            Identified::Unreadable => self.nameless(landed, readable),
        }
        self.pack(1);
    }

    fn found(&mut self, id: RecordId, landed: &Landed, readable: &mut impl FnMut(u64)) {
        let place = Place::of(landed);
        let producer = usize::from(id.producer);
        let (Some(stream), Some(account)) =
            (self.catalogue.stream(id.producer), self.accounts.get_mut(producer))
        else {
            return;
        };
        let strayed = landed.at.topic != stream.topic()
            || self.terms[producer].partition.is_some_and(|wanted| wanted != landed.at.partition);
        if strayed {
            account.strayed.insert(id.sequence);
        }
        let comparison =
            compare_in(&self.catalogue, id, stream.format(), landed, &self.quotes, &mut self.buf);
        self.copied(id, &comparison, Some(landed));
        if let Some(took_us) = self.join.land(place, id, landed.readable_us) {
            readable(took_us);
        }
    }

    /// A copy of a record was found, and compares so with what was sent.
    fn copied(&mut self, id: RecordId, comparison: &Comparison, landed: Option<&Landed>) {
        let account = &mut self.accounts[usize::from(id.producer)];
        account.copies.add(id.sequence);
        match comparison {
            Comparison::Same => {}
            Comparison::Rewritten => drop(account.rewritten.insert(id.sequence)),
            Comparison::Different(detail) => {
                account.corrupted.insert(id.sequence);
                self.damaged(id, detail, landed);
            }
        }
    }

    fn nameless(&mut self, landed: &Landed, readable: &mut impl FnMut(u64)) {
        let place = Place::of(landed);
        if !self.has_anonymous(place.at.topic) {
            self.nameless.add(landed);
            self.join.read(place);
            return;
        }
        let claimant =
            self.join.claimant(place).filter(|(id, _)| self.is_anonymous(usize::from(id.producer)));
        let Some((id, times)) = claimant else {
            self.nameless.add(landed);
            self.join.land_nameless(place);
            return;
        };
        self.join.read(place);
        let format = self.catalogue.stream(id.producer).map_or(Format::Binary, Stream::format);
        let comparison = compare_in(&self.catalogue, id, format, landed, &self.quotes, &mut self.buf);
        if matches!(comparison, Comparison::Different(_)) {
            self.nameless.add(landed);
        } else {
            self.nameless_found(place, id, times, &comparison, landed.readable_us, readable);
        }
    }

    /// Keeps what is wrong with a record, of the first few.
    fn damaged(&mut self, id: RecordId, detail: &str, landed: Option<&Landed>) {
        let full = self.damage.len() >= self.quotes.examples;
        if full && self.damage.last_key_value().is_some_and(|(last, _)| *last < id) {
            return;
        }
        let (quotes, catalogue) = (&self.quotes, &self.catalogue);
        let excerpt = |landed| Some(quotes.view(&catalogue.content(id)?).of_landed(landed));
        self.damage.entry(id).or_insert_with(|| Damage {
            detail: detail.to_owned(),
            landed: landed.and_then(excerpt).unwrap_or_default(),
        });
        if self.damage.len() > self.quotes.examples {
            self.damage.pop_last();
        }
    }

    fn pack(&mut self, events: u32) {
        self.events = self.events.saturating_add(events);
        if self.events >= PACKED_EVERY {
            self.events = 0;
            self.accounts.iter_mut().for_each(Account::optimize);
        }
    }

    /// What evidence shows.
    #[must_use]
    pub fn quotes(&self) -> &Quotes {
        &self.quotes
    }

    /// What must still be waited for, as things stand.
    #[must_use]
    pub fn outstanding(&self) -> Outstanding {
        let mut outstanding =
            Outstanding { highest_acked: self.highest_acked.clone(), ..Outstanding::default() };
        for (producer, account) in self.accounts.iter().enumerate() {
            let sent = account.attempts.at_least(1);
            outstanding.uncertain += sent.map_or(0, |sent| sent.difference_len(&account.acked));
            // An attempt whose answer left it open may land yet, though another was acked.
            let doubted = account.doubted.intersection_len(&account.acked);
            outstanding.uncertain += doubted;
            let unanswered = account
                .attempts
                .at_least(1)
                .map_or(0, |sent| (sent - &account.acked).difference_len(&account.refused));
            outstanding.undecided +=
                doubted + unanswered + account.doubted.intersection_len(&account.refused);
            // A record without identity may only be told when settling; its position is waited for.
            outstanding.acked_unseen += if self.is_anonymous(producer) {
                account.nowhere.len()
            } else {
                account
                    .copies
                    .at_least(1)
                    .map_or(account.acked.len(), |found| account.acked.difference_len(found))
            };
        }
        outstanding
    }

    /// What the ledger holds. Packs the sets of settled records first.
    #[must_use]
    pub fn footprint(&mut self) -> Footprint {
        self.accounts.iter_mut().for_each(Account::optimize);
        Footprint {
            settled_bytes: self.accounts.iter().map(Account::size).sum(),
            waiting: self.join.waiting(),
        }
    }

    fn topic_of(&self, producer: usize) -> u16 {
        self.catalogue.streams().get(producer).map_or(0, Stream::topic)
    }

    fn is_anonymous(&self, producer: usize) -> bool {
        self.catalogue.streams().get(producer).is_some_and(Stream::is_anonymous)
    }

    /// Whether a workload without identities writes to the topic.
    fn has_anonymous(&self, topic: u16) -> bool {
        self.catalogue.streams().iter().any(|stream| stream.topic() == topic && stream.is_anonymous())
    }

    fn topic_name(&self, topic: u16) -> &str {
        self.topics.get(usize::from(topic)).map_or("?", String::as_str)
    }

    fn place_name(&self, place: Place) -> String {
        format!("{}/{}@{}", self.topic_name(place.at.topic), place.at.partition, place.offset)
    }
}

/// The place that an ack names, if it names one whole.
fn claimed(topic: u16, said: RecordAnswer) -> Option<Place> {
    match said {
        RecordAnswer::Acked { partition: Some(partition), offset: Some(offset) } => {
            Some(Place { at: TopicPartition { topic, partition }, offset })
        }
        _ => None,
    }
}
