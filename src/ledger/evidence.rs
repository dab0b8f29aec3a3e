//! Findings: exact totals, and the first few examples of each kind with all that is known about them.

use crate::record::{End, RecordAnswer, RecordId, UNANSWERED};
use crate::result::{Evidence, Finding};

use super::{Ledger, Place, RecordState, RequestState, request_name};

/// Examples kept of each kind.
const EXAMPLES: usize = 5;

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

/// Findings as they gather.
#[derive(Debug, Default)]
pub(super) struct Findings {
    counts: [u64; KINDS.len()],
    examples: [Vec<Evidence>; KINDS.len()],
}

impl Findings {
    /// Counts one of `kind`; `evidence` is only asked for while examples are wanted.
    pub(super) fn add(&mut self, kind: &str, evidence: impl FnOnce() -> Evidence) {
        let place = KINDS.iter().position(|(name, _)| *name == kind).expect("every kind is listed in KINDS");
        self.counts[place] += 1;
        if self.examples[place].len() < EXAMPLES {
            self.examples[place].push(evidence());
        }
    }

    pub(super) fn into_list(self) -> Vec<Finding> {
        let rows = KINDS.iter().zip(self.counts).zip(self.examples);
        rows.filter(|((_, count), _)| *count > 0)
            .map(|(((kind, meaning), count), examples)| Finding {
                kind: (*kind).to_owned(),
                count,
                meaning: (*meaning).to_owned(),
                examples,
            })
            .collect()
    }
}

impl Ledger {
    pub(super) fn evidence(
        &self,
        id: RecordId,
        record: &RecordState,
        request: &RequestState,
        detail: String,
    ) -> Evidence {
        let topic = self.topic_of(usize::from(id.producer));
        let said = match record.answer {
            None => "no answer".to_owned(),
            Some(RecordAnswer::Acked { .. }) => record.acked_place(topic).map_or_else(
                || "acked without a position".to_owned(),
                |place| format!("acked at {}", self.place_name(place)),
            ),
            Some(RecordAnswer::Refused) => format!("refused: {}", end_name(request)),
            Some(RecordAnswer::Unknown) => format!("unknown: {}", end_name(request)),
        };
        Evidence {
            record: Some(id.to_string()),
            answer: said,
            found: record.places().map(|place| self.place_name(place)).collect(),
            ..Self::request_evidence(usize::from(id.producer), record.request, request, detail)
        }
    }

    pub(super) fn request_evidence(
        producer: usize,
        index: u64,
        request: &RequestState,
        detail: String,
    ) -> Evidence {
        Evidence {
            request: request_name(producer, index),
            record: None,
            attempts: request.attempts,
            written_us: request.written_us,
            answered_us: Some(request.answered_us).filter(|time| *time != UNANSWERED),
            answer: end_name(request),
            found: Vec::new(),
            detail,
        }
    }

    pub(super) fn topic_name(&self, topic: u16) -> &str {
        self.topics.get(usize::from(topic)).map_or("?", String::as_str)
    }

    pub(super) fn place_name(&self, place: Place) -> String {
        format!("{}/{}@{}", self.topic_name(place.at.topic), place.at.partition, place.offset)
    }
}

fn end_name(request: &RequestState) -> String {
    let end = match request.end {
        None => "no answer yet".to_owned(),
        Some(End::Status(status)) => format!("HTTP {status}"),
        Some(End::TimedOut) => "timed out".to_owned(),
        Some(End::Reset) => "the connection broke".to_owned(),
        Some(End::Malformed) => "what came back was no HTTP response".to_owned(),
    };
    match &request.note {
        Some(note) => format!("{end}, {note}"),
        None => end,
    }
}
