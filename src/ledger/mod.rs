//! The account of every record: what was sent, what was answered, what landed, and what follows.
//!
//! Pure: events go in, in any order among kinds; a [`Settlement`] comes out. DESIGN: "The ledger's truth".
//! Invariant, asserted at settling: sent = acked + refused + unknown; acked = landed + lost + unverifiable;
//! refused = leaked + absent; unknown = unknown landed + unknown absent.

pub mod answers;
mod content;
mod evidence;
mod order;
mod settle;

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::record::{
    Answer, Catalogue, End, Expected, Identified, Landed, RecordAnswer, RecordId, RequestId, Sent,
    TopicPartition, UNANSWERED,
};

use content::{Comparison, compare};
pub use settle::Settlement;

/// What the ledger must know of a stream besides its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamTerms {
    /// The partition that its requests name, if they do.
    pub partition: Option<i32>,
}

/// Where a copy of a record stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Place {
    at: TopicPartition,
    offset: i64,
}

impl Place {
    fn of(landed: &Landed) -> Self {
        Self { at: landed.at, offset: landed.offset }
    }
}

/// What is known of one record.
#[derive(Debug, Clone)]
struct RecordState {
    request: u64,
    answer: Option<RecordAnswer>,
    first: Option<Place>,
    others: Vec<Place>,
    key_hash: u64,
    readable_us: u64,
    corrupted: Option<String>,
    rewritten: bool,
}

impl RecordState {
    fn new(request: u64) -> Self {
        Self {
            request,
            answer: None,
            first: None,
            others: Vec::new(),
            key_hash: 0,
            readable_us: 0,
            corrupted: None,
            rewritten: false,
        }
    }

    fn copies(&self) -> usize {
        usize::from(self.first.is_some()) + self.others.len()
    }

    fn places(&self) -> impl Iterator<Item = Place> + '_ {
        self.first.into_iter().chain(self.others.iter().copied())
    }

    /// The place that an ack names, if it names one whole.
    fn acked_place(&self, topic: u16) -> Option<Place> {
        match self.answer {
            Some(RecordAnswer::Acked { partition: Some(partition), offset: Some(offset) }) => {
                Some(Place { at: TopicPartition { topic, partition }, offset })
            }
            _ => None,
        }
    }
}

/// What is known of one request.
#[derive(Debug, Clone)]
struct RequestState {
    first_sequence: u64,
    records: u32,
    attempts: u32,
    written_us: u64,
    answered_us: u64,
    end: Option<End>,
    note: Option<String>,
    last: Attempt,
    /// Whether each of its attempts had to be refused.
    all_to_be_refused: bool,
}

/// What is known of a request's last attempt.
#[derive(Debug, Clone, Copy)]
struct Attempt {
    expect: Expected,
    written_us: u64,
    token_expires_us: u64,
    /// Records that its own answer refused.
    refused: u32,
}

impl Attempt {
    fn new(sent: &Sent) -> Self {
        let Sent { expect, written_us, token_expires_us, .. } = *sent;
        Self { expect, written_us, token_expires_us, refused: 0 }
    }
}

/// The account of one run.
#[derive(Debug)]
pub struct Ledger {
    catalogue: Catalogue,
    topics: Vec<String>,
    terms: Vec<StreamTerms>,
    records: Vec<HashMap<u64, RecordState>>,
    requests: Vec<HashMap<u64, RequestState>>,
    /// Records in topics whose identity cannot be read.
    unidentified: Vec<Landed>,
    foreign: u64,
    /// One past the last offset seen in each partition: what stands below has been counted already.
    seen: HashMap<TopicPartition, i64>,
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
}

impl Ledger {
    /// An empty account. `topics` are the names, in the scenario's order; `terms` one for each stream of the
    /// catalogue.
    #[must_use]
    pub fn new(catalogue: Catalogue, topics: Vec<String>, terms: Vec<StreamTerms>) -> Self {
        let streams = terms.len();
        Self {
            catalogue,
            topics,
            terms,
            records: vec![HashMap::new(); streams],
            requests: vec![HashMap::new(); streams],
            unidentified: Vec::new(),
            foreign: 0,
            seen: HashMap::new(),
        }
    }

    /// An attempt ended. Attempts of producers that the run does not have are ignored.
    pub fn attempt(&mut self, sent: &Sent, answer: Answer<'_>) {
        self.sent(sent);
        self.answer(sent.request, sent.attempt, answer);
    }

    fn sent(&mut self, sent: &Sent) {
        let producer = usize::from(sent.request.producer);
        let (Some(requests), Some(records)) =
            (self.requests.get_mut(producer), self.records.get_mut(producer))
        else {
            return;
        };
        let request = requests.entry(sent.request.index).or_insert_with(|| RequestState {
            first_sequence: sent.first_sequence,
            records: sent.records,
            attempts: 0,
            written_us: sent.written_us,
            answered_us: UNANSWERED,
            end: None,
            note: None,
            last: Attempt::new(sent),
            all_to_be_refused: true,
        });
        if sent.attempt > request.attempts {
            request.attempts = sent.attempt;
            request.last = Attempt::new(sent);
        }
        request.all_to_be_refused &= sent.expect == Expected::Refuse;
        request.written_us = request.written_us.min(sent.written_us);
        for sequence in sent.first_sequence..sent.first_sequence + u64::from(sent.records) {
            records.entry(sequence).or_insert_with(|| RecordState::new(sent.request.index)).request =
                sent.request.index;
        }
    }

    /// Must follow the request's [`Ledger::sent`].
    fn answer(&mut self, id: RequestId, attempt: u32, answer: Answer<'_>) {
        let producer = usize::from(id.producer);
        let Some(request) = self.requests.get_mut(producer).and_then(|r| r.get_mut(&id.index)) else {
            return;
        };
        let records = &mut self.records[producer];
        for index in 0..request.records {
            let sequence = request.first_sequence + u64::from(index);
            if let Some(record) = records.get_mut(&sequence) {
                record.answer = Some(stronger(record.answer, answer.get(index as usize)));
            }
        }
        // A later request can rely on an answer once it acknowledges something; before that, on the latest.
        if request.end.is_none() || (0..request.records).any(|index| answer.get(index as usize).is_acked()) {
            request.answered_us = answer.answered_us;
        }
        if attempt == request.attempts {
            let refused = (0..request.records).filter(|i| answer.get(*i as usize) == RecordAnswer::Refused);
            request.last.refused = u32::try_from(refused.count()).unwrap_or(request.records);
        }
        request.end = Some(answer.end);
        request.note = answer.note;
    }

    /// A record was read. Events of one partition come in the order of their offsets; a repeated offset is a
    /// re-read and counts once.
    pub fn landed(&mut self, landed: &Landed) {
        let seen = self.seen.entry(landed.at).or_insert(0);
        if landed.offset < *seen {
            return;
        }
        *seen = landed.offset + 1;
        match self.catalogue.identify(landed) {
            Identified::Ours(id) => self.found(id, landed),
            Identified::AnotherRun => self.foreign += 1,
            Identified::Unreadable => self.unidentified.push(landed.clone()),
        }
    }

    fn found(&mut self, id: RecordId, landed: &Landed) {
        let place = Place::of(landed);
        let Some(stream) = self.catalogue.stream(id.producer) else { return };
        let Some(content) = self.catalogue.content(id) else { return };
        let comparison = compare(stream.format(), &content, landed);
        // A record may be read before its sender has told of it; `sent` then fills in the request.
        let records = &mut self.records[usize::from(id.producer)];
        let record = records.entry(id.sequence).or_insert_with(|| RecordState::new(u64::MAX));
        if record.first.is_none() {
            record.first = Some(place);
            record.readable_us = landed.readable_us;
            record.key_hash = hash(landed.key.as_deref());
        } else {
            record.others.push(place);
        }
        match comparison {
            Comparison::Same => {}
            Comparison::Rewritten => record.rewritten = true,
            Comparison::Different(detail) => record.corrupted = record.corrupted.take().or(Some(detail)),
        }
    }

    /// What must still be waited for, as things stand.
    #[must_use]
    pub fn outstanding(&self) -> Outstanding {
        let mut outstanding = Outstanding::default();
        for (producer, records) in self.records.iter().enumerate() {
            let topic = self.topic_of(producer);
            for record in records.values() {
                match record.answer {
                    // A record without identity is only told when settling; its position is waited for.
                    Some(RecordAnswer::Acked { offset: Some(_), .. }) if self.is_anonymous(producer) => {}
                    Some(RecordAnswer::Acked { .. }) => {
                        outstanding.acked_unseen += u64::from(record.copies() == 0);
                    }
                    _ => outstanding.uncertain += 1,
                }
                if let Some(place) = record.acked_place(topic) {
                    let highest = outstanding.highest_acked.entry(place.at).or_insert(place.offset);
                    *highest = (*highest).max(place.offset);
                }
            }
        }
        outstanding
    }

    fn topic_of(&self, producer: usize) -> u16 {
        self.catalogue.streams().get(producer).map_or(0, crate::record::Stream::topic)
    }

    fn is_anonymous(&self, producer: usize) -> bool {
        self.catalogue.streams().get(producer).is_some_and(crate::record::Stream::is_anonymous)
    }

    fn request(&self, producer: usize, index: u64) -> Option<&RequestState> {
        self.requests.get(producer)?.get(&index)
    }
}

/// Of two answers for one record the one that binds: an ack over all; then doubt over refusal, since the
/// attempt in doubt may have landed.
fn stronger(before: Option<RecordAnswer>, now: RecordAnswer) -> RecordAnswer {
    match (before, now) {
        (Some(acked @ RecordAnswer::Acked { .. }), _) | (_, acked @ RecordAnswer::Acked { .. }) => acked,
        (Some(RecordAnswer::Unknown), _) => RecordAnswer::Unknown,
        (_, now) => now,
    }
}

fn hash(key: Option<&[u8]>) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}

fn request_name(producer: usize, index: u64) -> String {
    let producer = u16::try_from(producer).unwrap_or(u16::MAX);
    let id = RequestId { producer, index };
    format!("{}.{}", id.producer, id.index)
}
