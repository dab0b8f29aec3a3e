//! Small histories, each with the one settlement that it must come to.

use super::*;
use crate::ledger::bench::{ACCEPT, REFUSE, ack, bench, bench_of, kinds};
use crate::record::{Content, End, Expected, IdentityPlace, RecordAnswer, RunId};
use proptest::prelude::*;

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
fn what_may_have_been_compacted_away_is_not_lost() {
    let mut compacted = bench(ACCEPT);
    compacted.reads.iter_mut().for_each(|read| read.compacted = true);
    compacted.acked(0, 7);
    // Beyond the end nothing has ever stood.
    compacted.acked(1, 10_000);
    compacted.sent(2, 1);
    let nowhere = RecordAnswer::Acked { partition: Some(0), offset: None };
    compacted.answered(2, End::Status(200), &[nowhere]);
    let settled = compacted.settle();
    assert_eq!((settled.records.lost, settled.records.unverifiable), (1, 2));
    assert!(settled.read_completely);
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
fn other_runs_and_strangers_are_foreign() {
    let mut bench = bench(ACCEPT);
    bench.lands(
        0,
        0,
        Content { key: None, value: Some(b"hello".to_vec()), headers: Vec::new(), timestamp_ms: None },
    );
    let other = RecordId { producer: 0, sequence: 0 }.encode(&RunId::new("other").unwrap());
    bench.lands(
        0,
        1,
        Content {
            key: None,
            value: Some(format!("{{\"_landfall\":\"{other}\"}}").into_bytes()),
            headers: Vec::new(),
            timestamp_ms: None,
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
