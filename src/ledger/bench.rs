//! What small histories are told to, and how they are told.

use super::{Bounds, Ledger, Settlement, StreamTerms};
use crate::ledger::Quotes;
use crate::record::{
    Answer, Catalogue, Content, End, Expected, Feed, Format, IdentityPlace, Key, Landed, PartitionRead,
    RecordAnswer, RecordId, RequestId, RunId, Sent, Stream, Timestamps, TopicPartition, UNANSWERED,
};

pub(super) const ACCEPT: Expected = Expected::Accept;
pub(super) const REFUSE: Expected = Expected::Refuse;

/// A ledger of one stream to a topic of two partitions, with what it takes to feed it.
pub(super) struct Bench {
    pub(super) ledger: Ledger,
    pub(super) attempts: Vec<Told>,
    pub(super) catalogue: Catalogue,
    pub(super) reads: [PartitionRead; 2],
    /// What its requests must meet with.
    pub(super) expect: Expected,
}

/// An attempt as it was told. One that was never answered has no end.
#[derive(Debug, Clone)]
pub(super) struct Told {
    pub(super) sent: Sent,
    pub(super) answered: Option<(u64, End, Vec<RecordAnswer>)>,
}

impl Told {
    fn tell(&self, to: &mut dyn FnMut(&Sent, &Answer<'_>)) {
        let (answered_us, end, answers) =
            self.answered.clone().unwrap_or((UNANSWERED, End::TimedOut, vec![RecordAnswer::Unknown]));
        to(&self.sent, &Answer { answered_us, end, note: None, answers: &answers });
    }
}

pub(super) fn bench(expect: Expected) -> Bench {
    bench_of(IdentityPlace::Member("_landfall".into()), None, expect)
}

pub(super) fn bench_of(place: IdentityPlace, partition: Option<i32>, expect: Expected) -> Bench {
    bench_stamped(place, partition, expect, None)
}

pub(super) fn bench_stamped(
    place: IdentityPlace,
    partition: Option<i32>,
    expect: Expected,
    timestamps: Option<Timestamps>,
) -> Bench {
    let feed = Feed::parse(b"{\"k\":\"a\",\"n\":1.50}").unwrap();
    let stream = Stream::new(0, Format::Json, place, Some(Key::Pointer("/k".into())), &feed).unwrap();
    let stream = stream.stamped(timestamps);
    let catalogue = Catalogue::new(RunId::new("r").unwrap(), 0, vec![stream]);
    let read = |partition| PartitionRead {
        at: TopicPartition { topic: 0, partition },
        from: 0,
        to: 100,
        high_watermark: 100,
        log_start: 0,
        compacted: false,
        error: None,
    };
    let terms = vec![StreamTerms { partition }];
    let ledger =
        Ledger::new(catalogue.clone(), vec!["t".into()], terms, Quotes::default(), Bounds::default(), None);
    Bench { ledger, attempts: Vec::new(), catalogue, reads: [read(0), read(1)], expect }
}

impl Bench {
    pub(super) fn sent(&mut self, index: u64, records: u32) {
        self.attempt(index, records, 1, self.expect);
    }

    /// An attempt, with a token that expires 3.2 s after the run's origin.
    pub(super) fn attempt(&mut self, index: u64, records: u32, attempt: u32, expect: Expected) {
        let request = RequestId { producer: 0, index };
        let first_sequence = index * 10;
        let written_us = 1000 * index;
        let token_expires_us = 3_200_000;
        let sent = Sent {
            request,
            attempt,
            first_sequence,
            records,
            written_us,
            expect,
            token_expires_us,
            again: false,
        };
        self.attempts.push(Told { sent, answered: None });
    }

    pub(super) fn answered(&mut self, index: u64, end: End, answers: &[RecordAnswer]) {
        self.attempt_answered(index, 1, end, answers);
    }

    pub(super) fn attempt_answered(&mut self, index: u64, attempt: u32, end: End, answers: &[RecordAnswer]) {
        let request = RequestId { producer: 0, index };
        let answered_us = 1000 * index + 500;
        let earlier = self.attempts.iter_mut().filter(|told| told.sent.request == request);
        let told = earlier.filter(|told| told.sent.attempt == attempt).last().unwrap();
        told.answered = Some((answered_us, end, answers.to_vec()));
        let told = told.clone();
        told.tell(&mut |sent, answer| self.ledger.attempt(sent, answer, &mut |_| {}));
    }

    /// A request of one record, acked at `offset` of partition 0.
    pub(super) fn acked(&mut self, index: u64, offset: i64) {
        self.sent(index, 1);
        self.answered(index, End::Status(200), &[ack(0, offset)]);
    }

    pub(super) fn content(&self, sequence: u64) -> Content {
        self.catalogue.content(RecordId { producer: 0, sequence }).unwrap()
    }

    pub(super) fn lands(&mut self, partition: i32, offset: i64, content: Content) {
        let landed = Landed {
            at: TopicPartition { topic: 0, partition },
            offset,
            key: content.key.map(Into::into),
            value: content.value.map(Into::into),
            headers: content.headers.into_iter().map(|(name, value)| (name, value.map(Into::into))).collect(),
            created_ms: content.timestamp_ms,
            readable_us: 1_000_000,
        };
        self.ledger.landed(&landed, &mut |_| {});
    }

    pub(super) fn settle(mut self) -> Settlement {
        for told in self.attempts.iter().filter(|told| told.answered.is_none()) {
            told.tell(&mut |sent, answer| self.ledger.attempt(sent, answer, &mut |_| {}));
        }
        let attempts = self.attempts;
        self.ledger.settle(&self.reads, &mut |to| attempts.iter().for_each(|told| told.tell(to))).unwrap()
    }
}

pub(super) fn ack(partition: i32, offset: i64) -> RecordAnswer {
    RecordAnswer::Acked { partition: Some(partition), offset: Some(offset) }
}

pub(super) fn kinds(settlement: &Settlement) -> Vec<(&str, u64)> {
    settlement.findings.iter().map(|finding| (finding.kind.as_str(), finding.count)).collect()
}
