//! Small histories, each with the one settlement that it must come to.

use super::*;
use crate::ledger::{Bounds, StreamTerms};
use crate::record::{
    Answer, Catalogue, Content, End, Expected, Feed, Format, IdentityPlace, Key, Landed, RecordAnswer,
    RequestId, RunId, Sent, Stream, UNANSWERED,
};
use proptest::prelude::*;

const ACCEPT: Expected = Expected::Accept;
const REFUSE: Expected = Expected::Refuse;

/// A ledger of one stream to a topic of two partitions, with what it takes to feed it.
struct Bench {
    ledger: Ledger,
    attempts: Vec<Told>,
    catalogue: Catalogue,
    reads: [PartitionRead; 2],
    /// What its requests must meet with.
    expect: Expected,
}

/// An attempt as it was told. One that was never answered has no end.
#[derive(Debug, Clone)]
struct Told {
    sent: Sent,
    answered: Option<(u64, End, Vec<RecordAnswer>)>,
}

impl Told {
    fn tell(&self, to: &mut dyn FnMut(&Sent, &Answer<'_>)) {
        let (answered_us, end, answers) =
            self.answered.clone().unwrap_or((UNANSWERED, End::TimedOut, vec![RecordAnswer::Unknown]));
        to(&self.sent, &Answer { answered_us, end, note: None, answers: &answers });
    }
}

fn bench(expect: Expected) -> Bench {
    bench_of(IdentityPlace::Member("_landfall".into()), None, expect)
}

fn bench_of(place: IdentityPlace, partition: Option<i32>, expect: Expected) -> Bench {
    let feed = Feed::parse(b"{\"k\":\"a\",\"n\":1.50}").unwrap();
    let stream = Stream::new(0, Format::Json, place, Some(Key::Pointer("/k".into())), &feed).unwrap();
    let catalogue = Catalogue::new(RunId::new("r").unwrap(), 0, vec![stream]);
    let read = |partition| PartitionRead {
        at: TopicPartition { topic: 0, partition },
        from: 0,
        to: 100,
        high_watermark: 100,
        log_start: 0,
        error: None,
    };
    let terms = vec![StreamTerms { partition }];
    let ledger = Ledger::new(catalogue.clone(), vec!["t".into()], terms, Bounds::default(), None);
    Bench { ledger, attempts: Vec::new(), catalogue, reads: [read(0), read(1)], expect }
}

impl Bench {
    fn sent(&mut self, index: u64, records: u32) {
        self.attempt(index, records, 1, self.expect);
    }

    /// An attempt, with a token that expires 3.2 s after the run's origin.
    fn attempt(&mut self, index: u64, records: u32, attempt: u32, expect: Expected) {
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

    fn answered(&mut self, index: u64, end: End, answers: &[RecordAnswer]) {
        self.attempt_answered(index, 1, end, answers);
    }

    fn attempt_answered(&mut self, index: u64, attempt: u32, end: End, answers: &[RecordAnswer]) {
        let request = RequestId { producer: 0, index };
        let answered_us = 1000 * index + 500;
        let earlier = self.attempts.iter_mut().filter(|told| told.sent.request == request);
        let told = earlier.filter(|told| told.sent.attempt == attempt).last().unwrap();
        told.answered = Some((answered_us, end, answers.to_vec()));
        let told = told.clone();
        told.tell(&mut |sent, answer| self.ledger.attempt(sent, answer, &mut |_| {}));
    }

    /// A request of one record, acked at `offset` of partition 0.
    fn acked(&mut self, index: u64, offset: i64) {
        self.sent(index, 1);
        self.answered(index, End::Status(200), &[ack(0, offset)]);
    }

    fn content(&self, sequence: u64) -> Content {
        self.catalogue.content(RecordId { producer: 0, sequence }).unwrap()
    }

    fn lands(&mut self, partition: i32, offset: i64, content: Content) {
        let landed = Landed {
            at: TopicPartition { topic: 0, partition },
            offset,
            key: content.key.map(Into::into),
            value: content.value.map(Into::into),
            headers: content.headers.into_iter().map(|(name, value)| (name, value.map(Into::into))).collect(),
            readable_us: 1_000_000,
        };
        self.ledger.landed(&landed, &mut |_| {});
    }

    fn settle(mut self) -> Settlement {
        for told in self.attempts.iter().filter(|told| told.answered.is_none()) {
            told.tell(&mut |sent, answer| self.ledger.attempt(sent, answer, &mut |_| {}));
        }
        let attempts = self.attempts;
        self.ledger.settle(&self.reads, &mut |to| attempts.iter().for_each(|told| told.tell(to))).unwrap()
    }
}

fn ack(partition: i32, offset: i64) -> RecordAnswer {
    RecordAnswer::Acked { partition: Some(partition), offset: Some(offset) }
}

fn kinds(settlement: &Settlement) -> Vec<(&str, u64)> {
    settlement.findings.iter().map(|finding| (finding.kind.as_str(), finding.count)).collect()
}

#[test]
fn acked_and_found_is_landed_and_nothing_is_cried() {
    let mut bench = bench(ACCEPT);
    bench.acked(0, 7);
    let content = bench.content(0);
    bench.lands(0, 7, content);
    let settled = bench.settle();
    assert_eq!(settled.records, Records { sent: 1, acked: 1, landed: 1, ..Records::default() });
    assert_eq!(settled.requests, Requests { sent: 1, accepted: 1, ..Requests::default() });
    assert!(settled.findings.is_empty() && settled.read_completely);
}

#[test]
fn a_record_may_be_read_before_its_sender_tells_of_it() {
    let mut bench = bench(ACCEPT);
    let content = bench.content(0);
    bench.lands(0, 7, content);
    bench.acked(0, 7);
    assert_eq!(bench.settle().records, Records { sent: 1, acked: 1, landed: 1, ..Records::default() });
}

#[test]
fn acked_and_absent_is_lost_only_where_the_topic_was_read() {
    let mut read = bench(ACCEPT);
    read.acked(0, 7);
    assert_eq!(kinds(&read.settle()), [("records.lost", 1)]);

    let mut short = bench(ACCEPT);
    short.acked(0, 70);
    short.reads[0].to = 60;
    let settled = short.settle();
    assert_eq!((settled.records.lost, settled.records.unverifiable), (0, 1));
    assert!(!settled.read_completely);

    let mut forbidden = bench(ACCEPT);
    forbidden.acked(0, 7);
    forbidden.reads[0].error = Some("not authorised".into());
    assert_eq!(forbidden.settle().records.unverifiable, 1);

    let mut retention = bench(ACCEPT);
    retention.acked(0, 7);
    retention.reads[0].log_start = 10;
    assert_eq!(retention.settle().records.unverifiable, 1);
}

#[test]
fn an_absurd_acked_position_is_lost() {
    let mut bench = bench(ACCEPT);
    bench.sent(0, 2);
    bench.answered(0, End::Status(200), &[ack(0, i64::MAX), ack(99, 0)]);
    assert_eq!(bench.settle().records.lost, 2);
}

#[test]
fn refused_and_found_is_leaked() {
    let mut bench = bench(REFUSE);
    bench.sent(0, 1);
    bench.answered(0, End::Status(403), &[RecordAnswer::Refused]);
    bench.sent(1, 1);
    bench.answered(1, End::Status(403), &[RecordAnswer::Refused]);
    let content = bench.content(10);
    bench.lands(1, 0, content);
    let settled = bench.settle();
    assert_eq!((settled.records.leaked, settled.records.absent), (1, 1));
    assert_eq!(kinds(&settled), [("records.leaked", 1)]);
    assert_eq!(settled.findings[0].examples[0].record.as_deref(), Some("0.10"));
    assert_eq!(settled.findings[0].examples[0].found, ["t/1@0"]);
}

#[test]
fn unknown_is_no_finding_whether_it_landed_or_not() {
    let mut bench = bench(ACCEPT);
    bench.sent(0, 1);
    bench.answered(0, End::TimedOut, &[RecordAnswer::Unknown]);
    bench.sent(1, 1);
    let content = bench.content(0);
    bench.lands(0, 0, content);
    let settled = bench.settle();
    assert_eq!((settled.records.unknown_landed, settled.records.unknown_absent), (1, 1));
    assert_eq!(settled.requests.timed_out, 2);
    assert!(settled.findings.is_empty());
}

#[test]
fn expectations_are_held_against_each_request() {
    let mut wrong = bench(ACCEPT);
    wrong.sent(0, 1);
    wrong.answered(0, End::Status(415), &[RecordAnswer::Refused]);
    assert_eq!(kinds(&wrong.settle()), [("requests.wrongly_refused", 1)]);
    let mut admitted = bench(REFUSE);
    admitted.acked(0, 0);
    let content = admitted.content(0);
    admitted.lands(0, 0, content);
    assert_eq!(kinds(&admitted.settle()), [("requests.wrongly_admitted", 1)]);
}

#[test]
fn what_was_to_be_expected_is_the_attempts() {
    let refused = || [RecordAnswer::Refused];
    let kinds_after = |attempts: &[(Expected, [RecordAnswer; 1])]| {
        let mut bench = bench(ACCEPT);
        for (number, (expect, answers)) in (1..).zip(attempts) {
            bench.attempt(4000, 1, number, *expect);
            bench.attempts.last_mut().unwrap().sent.again = number < attempts.len().try_into().unwrap();
            bench.attempt_answered(4000, number, End::Status(401), answers);
        }
        let settled = bench.settle();
        let details: Vec<String> =
            settled.findings.iter().map(|finding| finding.examples[0].detail.clone()).collect();
        (settled.requests.wrongly_refused, settled.requests.wrongly_admitted, details.join(""))
    };
    let acked = || [RecordAnswer::Acked { partition: None, offset: None }];
    let nothing = (0, 0, String::new());
    let refused_wrongly = (
        1,
        0,
        "1 of 1 records refused, all had to be accepted; its token had expired 0.8 s before".to_owned(),
    );
    let unknown = || [RecordAnswer::Unknown];
    for (attempts, expected) in [
        (vec![(Expected::Either, refused())], &nothing),
        (vec![(Expected::Refuse, refused())], &nothing),
        (vec![(ACCEPT, refused()), (Expected::Either, refused())], &nothing),
        (vec![(ACCEPT, refused()), (ACCEPT, unknown())], &nothing),
        (vec![(Expected::Refuse, refused()), (ACCEPT, refused())], &refused_wrongly),
        (vec![(ACCEPT, unknown()), (ACCEPT, refused())], &refused_wrongly),
    ] {
        assert_eq!(kinds_after(&attempts), *expected, "{attempts:?}");
    }
    // Without a position the record would be looked for in vain; it is lost, and that is another matter.
    let admitted = |attempts: &[(Expected, [RecordAnswer; 1])]| kinds_after(attempts).1;
    assert_eq!(admitted(&[(Expected::Refuse, refused()), (Expected::Refuse, acked())]), 1);
    assert_eq!(admitted(&[(Expected::Either, refused()), (Expected::Refuse, acked())]), 0);
    assert_eq!(admitted(&[(Expected::Either, acked())]), 0);
}

#[test]
fn a_leak_is_a_leak_whatever_was_expected() {
    for expect in [ACCEPT, REFUSE, Expected::Either] {
        let mut bench = bench(expect);
        bench.sent(0, 1);
        bench.answered(0, End::Status(401), &[RecordAnswer::Refused]);
        let content = bench.content(0);
        bench.lands(0, 0, content);
        assert_eq!(bench.settle().records.leaked, 1, "{expect:?}");
    }
}

#[test]
fn a_record_that_had_to_be_refused_and_landed_without_an_answer_was_admitted() {
    let mut bench = bench(REFUSE);
    bench.sent(0, 1);
    bench.answered(0, End::Status(504), &[RecordAnswer::Unknown]);
    let content = bench.content(0);
    bench.lands(0, 0, content);
    assert_eq!(kinds(&bench.settle()), [("requests.wrongly_admitted", 1)]);
}

#[test]
fn a_second_copy_is_a_duplicate_and_a_reread_is_not() {
    let mut bench = bench(ACCEPT);
    bench.acked(0, 0);
    let content = bench.content(0);
    bench.lands(0, 0, content.clone());
    bench.lands(0, 0, content.clone());
    bench.lands(0, 1, content);
    let settled = bench.settle();
    assert_eq!((settled.records.duplicated, settled.records.duplicated_beyond_attempts), (1, 1));
    assert_eq!(settled.records.landed, 1);
}

#[test]
fn a_damaged_identity_is_known_by_its_acked_position() {
    let mut bench = bench(ACCEPT);
    bench.acked(0, 5);
    let mut content = bench.content(0);
    let value = content.value.as_mut().unwrap();
    let at = value.len() - 3;
    value[at] ^= 1;
    bench.lands(0, 5, content.clone());
    // The same damage elsewhere belongs to nobody.
    bench.lands(0, 6, content);
    let settled = bench.settle();
    assert_eq!(kinds(&settled), [("records.corrupted", 1)]);
    assert_eq!((settled.records.landed, settled.records.lost, settled.records.foreign), (1, 0, 1));
}

#[test]
fn of_two_records_acked_at_a_damaged_one_the_closer_is_corrupted() {
    let mut bench = bench(ACCEPT);
    bench.acked(0, 5);
    bench.acked(1, 5);
    let mut content = bench.content(10);
    content.value.as_mut().unwrap()[0] = b'[';
    content.value.as_mut().unwrap().pop();
    bench.lands(0, 5, content);
    let settled = bench.settle();
    let of = |kind| {
        let finding: &Finding = settled.findings.iter().find(|finding| finding.kind == kind).unwrap();
        finding.examples[0].record.clone().unwrap()
    };
    assert_eq!((of("records.lost"), of("records.corrupted")), ("0.0".into(), "0.10".into()));
}

#[test]
fn rewritten_is_reported_and_no_finding() {
    let mut bench = bench(ACCEPT);
    bench.acked(0, 0);
    let mut content = bench.content(0);
    let value = String::from_utf8(content.value.unwrap()).unwrap().replace("1.50", "1.5");
    content.value = Some(value.into_bytes());
    bench.lands(0, 0, content);
    let settled = bench.settle();
    assert_eq!((settled.records.rewritten, settled.records.corrupted), (1, 0));
    assert!(settled.findings.is_empty());
}

#[test]
fn misplaced_is_not_where_the_ack_or_the_request_said() {
    let mut acked = bench(ACCEPT);
    acked.acked(0, 5);
    let content = acked.content(0);
    acked.lands(0, 6, content);
    assert_eq!(kinds(&acked.settle()), [("records.misplaced", 1)]);

    let mut elsewhere = bench_of(IdentityPlace::Member("_landfall".into()), Some(1), ACCEPT);
    elsewhere.acked(0, 5);
    let content = elsewhere.content(0);
    elsewhere.lands(0, 5, content);
    assert_eq!(kinds(&elsewhere.settle()), [("records.misplaced", 1)]);

    let mut nowhere = bench(ACCEPT);
    nowhere.sent(0, 1);
    let answer = RecordAnswer::Acked { partition: None, offset: None };
    nowhere.answered(0, End::Status(200), &[answer]);
    let content = nowhere.content(0);
    nowhere.lands(0, 6, content);
    assert!(nowhere.settle().findings.is_empty());
}

#[test]
fn a_swap_in_a_request_is_reordered_once() {
    let mut bench = bench(ACCEPT);
    bench.sent(0, 3);
    bench.answered(0, End::Status(200), &[ack(0, 1), ack(0, 0), ack(0, 2)]);
    let contents = [bench.content(1), bench.content(0), bench.content(2)];
    for (offset, content) in (0..).zip(contents) {
        bench.lands(0, offset, content);
    }
    let settled = bench.settle();
    assert_eq!(kinds(&settled), [("records.reordered", 1)]);
    assert_eq!(settled.findings[0].examples[0].record.as_deref(), Some("0.1"));
}

#[test]
fn without_identities_position_and_content_tell_and_the_rest_is_left_open() {
    let mut bench = bench_of(IdentityPlace::None, None, ACCEPT);
    bench.acked(0, 5);
    bench.acked(1, 6);
    bench.acked(2, 7);
    bench.sent(3, 1);
    let nowhere = RecordAnswer::Acked { partition: None, offset: None };
    bench.answered(3, End::Status(200), &[nowhere]);
    let content = bench.content(0);
    bench.lands(0, 5, content.clone());
    let damaged = Content { value: Some(b"{\"k\":\"a\",\"n\":7}".to_vec()), ..content.clone() };
    bench.lands(0, 6, damaged);
    // Another producer's, or a record of this run's that has been damaged elsewhere: nobody can tell.
    bench.lands(0, 8, Content { value: Some(b"{\"k\":\"b\",\"n\":1.50}".to_vec()), ..content });
    let settled = bench.settle();
    let r = settled.records;
    assert_eq!((r.landed, r.lost, r.unverifiable, r.corrupted), (2, 1, 1, 1));
    assert_eq!((r.foreign, settled.unattributed), (1, 1));
}

#[test]
fn without_identities_content_tells_what_stands_elsewhere_than_it_was_acked() {
    let mut bench = bench_of(IdentityPlace::None, None, ACCEPT);
    // The ack of each names the place of the next, and the last one's a place where nothing stands.
    for index in 0..3 {
        bench.acked(index, i64::try_from(index).unwrap() + 1);
    }
    let content = bench.content(0);
    for offset in 0..3 {
        bench.lands(0, offset, content.clone());
    }
    let settled = bench.settle();
    // Equal contents cannot be told apart: two stand where one of them was acked.
    let r = settled.records;
    assert_eq!((r.landed, r.lost, r.corrupted, r.misplaced, r.foreign), (3, 0, 0, 1, 0));
    assert_eq!(settled.unattributed, 0);
}

#[test]
fn a_header_tells_whose_a_record_is_and_must_come_back_as_it_was() {
    let mut bench = bench_of(IdentityPlace::Header("h".into()), None, ACCEPT);
    for index in 0..4 {
        bench.acked(index, i64::try_from(index).unwrap());
    }
    let contents: Vec<Content> = (0..4).map(|index| bench.content(index * 10)).collect();
    bench.lands(0, 0, contents[0].clone());
    // Another value under a whole identity.
    bench.lands(0, 1, Content { value: Some(b"{}".to_vec()), ..contents[1].clone() });
    // The header twice.
    let twice = [contents[2].headers.clone(), contents[2].headers.clone()].concat();
    bench.lands(0, 2, Content { headers: twice, ..contents[2].clone() });
    // No header at all: the acked position tells.
    bench.lands(0, 3, Content { headers: Vec::new(), ..contents[3].clone() });
    let settled = bench.settle();
    assert_eq!(kinds(&settled), [("records.corrupted", 3)]);
    assert_eq!((settled.records.landed, settled.records.foreign), (4, 0));
    let details: Vec<&str> =
        settled.findings[0].examples.iter().map(|example| example.detail.as_str()).collect();
    assert!(details[0].contains("value at /k"), "{details:?}");
    assert_eq!(details[1], "header `h` landed, and 1 were sent");
    assert!(details[2].starts_with("header `h` was sent and has not landed; recognised by"), "{details:?}");
}

#[test]
fn other_runs_and_strangers_are_foreign() {
    let mut bench = bench(ACCEPT);
    bench.lands(0, 0, Content { key: None, value: Some(b"hello".to_vec()), headers: Vec::new() });
    let other = RecordId { producer: 0, sequence: 0 }.encode(&RunId::new("other").unwrap());
    bench.lands(
        0,
        1,
        Content {
            key: None,
            value: Some(format!("{{\"_landfall\":\"{other}\"}}").into_bytes()),
            headers: Vec::new(),
        },
    );
    let unsent = bench.content(3);
    bench.lands(0, 2, unsent);
    assert_eq!(bench.settle().records, Records { foreign: 3, ..Records::default() });
}

/// What a simulated path does to a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Lands,
    Lost,
    Doubled,
    Damaged,
    WrongOffset,
    Refused,
    Leaked,
    UnknownLanded,
    UnknownAbsent,
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        6 => Just(Fate::Lands), 1 => Just(Fate::Lost), 1 => Just(Fate::Doubled), 1 => Just(Fate::Damaged),
        1 => Just(Fate::WrongOffset), 1 => Just(Fate::Refused), 1 => Just(Fate::Leaked),
        1 => Just(Fate::UnknownLanded), 1 => Just(Fate::UnknownAbsent),
    ]
}

proptest! {
    /// Whatever befalls the records, each is counted as what befell it, and as nothing else.
    #[test]
    fn each_fate_is_counted_exactly(
        fates in prop::collection::vec(fate(), 0..60),
        damage in any::<prop::sample::Index>(),
        flip in 1..=255_u8,
    ) {
        let mut bench = bench(ACCEPT);
        let mut offset = 0;
        for (index, fate) in (0_u64..).zip(&fates) {
            let mut content = bench.content(index * 10);
            if *fate == Fate::Damaged {
                let value = content.value.as_mut().unwrap();
                let at = damage.index(value.len());
                value[at] ^= flip;
            }
            let copies = match fate {
                Fate::Lost | Fate::Refused | Fate::UnknownAbsent => 0,
                Fate::Doubled => 2,
                _ => 1,
            };
            bench.sent(index, 1);
            let answer = match fate {
                Fate::Refused | Fate::Leaked => RecordAnswer::Refused,
                Fate::UnknownLanded | Fate::UnknownAbsent => RecordAnswer::Unknown,
                Fate::Lost | Fate::WrongOffset => ack(1, offset),
                _ => ack(0, offset),
            };
            bench.answered(index, End::Status(200), &[answer]);
            for _ in 0..copies {
                bench.lands(0, offset, content.clone());
                offset += 1;
            }
        }
        let settled = bench.settle();
        let count = |wanted: &[Fate]| fates.iter().filter(|fate| wanted.contains(fate)).count() as u64;
        let r = settled.records;
        prop_assert_eq!(r.sent, fates.len() as u64);
        prop_assert_eq!(r.landed, count(&[Fate::Lands, Fate::Doubled, Fate::Damaged, Fate::WrongOffset]));
        prop_assert_eq!(r.lost, count(&[Fate::Lost]));
        prop_assert_eq!(r.duplicated, count(&[Fate::Doubled]));
        prop_assert_eq!(r.misplaced, count(&[Fate::WrongOffset]));
        prop_assert_eq!(r.absent, count(&[Fate::Refused]));
        prop_assert_eq!(r.leaked, count(&[Fate::Leaked]));
        prop_assert_eq!(r.unknown_landed, count(&[Fate::UnknownLanded]));
        prop_assert_eq!(r.unknown_absent, count(&[Fate::UnknownAbsent]));
        // A changed byte can leave the JSON value as it was: `1.50` and `1.5 ` are the same number.
        prop_assert_eq!(r.corrupted + r.rewritten, count(&[Fate::Damaged]));
        prop_assert_eq!((r.reordered, r.foreign), (0, 0));
    }
}
