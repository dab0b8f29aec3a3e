//! Findings: exact totals, and the first few examples of each kind with all that is known about them.

use std::collections::BTreeMap;

use crate::record::{Answer, End, Hop, Note, RecordAnswer, RecordId, RequestId, Sent, UNANSWERED};
use crate::result::{Evidence, Finding};

use super::excerpt::Quotes;
use super::place::Place;

/// What there is to find, the gravest first, and what each means.
const KINDS: [(&str, &str); 8] = [
    ("records.lost", "acknowledged, but not in the topic"),
    ("records.leaked", "refused, but in the topic"),
    ("records.corrupted", "in the topic with another content than was sent"),
    ("records.duplicated", "in the topic more than once"),
    ("records.misplaced", "in the topic, but not where the acknowledgement or the request said"),
    ("records.reordered", "before an earlier record of the same key and partition"),
    ("requests.wrongly_admitted", "had to be refused, and was acknowledged"),
    ("requests.wrongly_refused", "had to be accepted, and was refused"),
];

/// What an example is about; of each kind those of the least names are kept, whatever came first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Name {
    Record(RecordId),
    Request(RequestId),
}

/// Findings as they gather.
#[derive(Debug)]
pub(super) struct Findings {
    /// Examples kept of each kind.
    most: usize,
    counts: [u64; KINDS.len()],
    examples: [BTreeMap<Name, Evidence>; KINDS.len()],
}

impl Findings {
    pub(super) fn new(most: usize) -> Self {
        Self { most, counts: [0; KINDS.len()], examples: Default::default() }
    }

    /// Counts a request of `kind`; `evidence` is only asked for while it may be wanted.
    pub(super) fn of_request(&mut self, kind: &str, id: RequestId, evidence: impl FnOnce() -> Evidence) {
        self.counts[place(kind)] += 1;
        self.example(kind, Name::Request(id), evidence);
    }

    /// Counts more of `kind`.
    pub(super) fn count(&mut self, kind: &str, more: u64) {
        self.counts[place(kind)] += more;
    }

    /// An example of what has been counted.
    pub(super) fn example(&mut self, kind: &str, name: Name, evidence: impl FnOnce() -> Evidence) {
        let examples = &mut self.examples[place(kind)];
        let full = examples.len() >= self.most;
        if full && examples.last_key_value().is_some_and(|(last, _)| *last < name) {
            return;
        }
        examples.insert(name, evidence());
        if examples.len() > self.most {
            examples.pop_last();
        }
    }

    /// Takes in what another has found.
    pub(super) fn merge(&mut self, other: Self) {
        for (mine, theirs) in self.counts.iter_mut().zip(other.counts) {
            *mine += theirs;
        }
        for (mine, theirs) in self.examples.iter_mut().zip(other.examples) {
            mine.extend(theirs);
            while mine.len() > self.most {
                mine.pop_last();
            }
        }
    }

    pub(super) fn into_list(self) -> Vec<Finding> {
        let rows = KINDS.iter().zip(self.counts).zip(self.examples);
        rows.filter(|((_, count), _)| *count > 0)
            .map(|(((kind, meaning), count), examples)| Finding {
                kind: (*kind).to_owned(),
                count,
                meaning: (*meaning).to_owned(),
                examples: examples.into_values().collect(),
            })
            .collect()
    }
}

fn place(kind: &str) -> usize {
    KINDS.iter().position(|(name, _)| *name == kind).expect("every kind is listed in KINDS")
}

/// What was told of a record: its attempts and their answers, gathered again for those that are examples.
#[derive(Debug, Clone)]
pub(super) struct Told {
    pub(super) request: RequestId,
    pub(super) attempts: u32,
    /// First byte of its first attempt.
    pub(super) written_us: u64,
    /// The answer that a later request could rely on: an ack, or else the latest.
    pub(super) answered_us: u64,
    pub(super) acked: bool,
    /// Where the first ack says that it stands.
    pub(super) claimed: Option<Place>,
    refused: bool,
    doubted: bool,
    /// How the latest attempt ended.
    end: String,
    /// Who refused it.
    refused_by: Option<Hop>,
}

impl Told {
    pub(super) fn new(sent: &Sent) -> Self {
        Self {
            request: sent.request,
            attempts: 0,
            written_us: sent.written_us,
            answered_us: UNANSWERED,
            acked: false,
            claimed: None,
            refused: false,
            doubted: false,
            end: String::new(),
            refused_by: None,
        }
    }

    /// Another attempt, and what its answer says of the record.
    pub(super) fn attempt(
        &mut self,
        sent: &Sent,
        answer: &Answer<'_>,
        said: RecordAnswer,
        claim: Option<Place>,
        quotes: &Quotes,
    ) {
        self.attempts = self.attempts.max(sent.attempt);
        self.written_us = self.written_us.min(sent.written_us);
        match said {
            RecordAnswer::Acked { .. } => {
                self.answered_us = if self.acked { self.answered_us } else { answer.answered_us };
                self.acked = true;
                self.claimed = self.claimed.or(claim);
            }
            RecordAnswer::Refused => {
                let by = answer.note.as_ref().and_then(|note| note.by);
                // Where several have refused it, nobody can tell who let it pass.
                let agrees = !self.refused || self.refused_by == by;
                self.refused_by = by.filter(|_| agrees);
                self.refused = true;
            }
            RecordAnswer::Unknown => self.doubted = true,
        }
        if !self.acked {
            self.answered_us = answer.answered_us;
        }
        self.end = end_name(answer.end, answer.note.as_ref(), quotes);
    }

    /// The box that refused it, and let it pass all the same: whoever refuses answers for what lies behind.
    pub(super) fn leaked_at(&self) -> Option<String> {
        self.refused_by.map(|by| by.name().to_owned())
    }

    /// What it comes to, as evidence. `name` makes a place readable.
    pub(super) fn evidence(
        &self,
        id: RecordId,
        found: &[Place],
        detail: String,
        name: impl Fn(Place) -> String,
    ) -> Evidence {
        let answer = if self.acked {
            self.claimed.map_or_else(
                || "acked without a position".to_owned(),
                |place| format!("acked at {}", name(place)),
            )
        } else if self.refused && !self.doubted {
            format!("refused: {}", self.end)
        } else {
            format!("unknown: {}", self.end)
        };
        Evidence {
            request: request_name(self.request),
            record: Some(id.to_string()),
            attempts: self.attempts,
            written_us: self.written_us,
            answered_us: Some(self.answered_us).filter(|time| *time != UNANSWERED),
            answer,
            found: found.iter().map(|place| name(*place)).collect(),
            detail,
            ..Evidence::default()
        }
    }
}

/// The evidence that a request's last attempt gives.
pub(super) fn attempt_evidence(
    sent: &Sent,
    first_written_us: u64,
    answer: &Answer<'_>,
    quotes: &Quotes,
    detail: String,
) -> Evidence {
    Evidence {
        request: request_name(sent.request),
        record: None,
        attempts: sent.attempt,
        written_us: first_written_us,
        answered_us: Some(answer.answered_us).filter(|time| *time != UNANSWERED),
        answer: end_name(answer.end, answer.note.as_ref(), quotes),
        found: Vec::new(),
        detail,
        ..Evidence::default()
    }
}

fn request_name(id: RequestId) -> String {
    format!("{}.{}", id.producer, id.index)
}

fn end_name(end: End, note: Option<&Note>, quotes: &Quotes) -> String {
    let end = match end {
        End::Status(status) => format!("HTTP {status}"),
        End::TimedOut => "timed out".to_owned(),
        End::Reset => "the connection broke".to_owned(),
        End::Malformed => "what came back was no HTTP response".to_owned(),
    };
    match note.and_then(|note| quotes.note(note)) {
        Some(text) => format!("{end}, {text}"),
        None => end,
    }
}
