//! Records whose identity is damaged, or that have none.

use crate::ledger::bench::{ACCEPT, Bench, ack, bench, bench_of, bench_stamped, kinds};
use crate::record::{Content, End, IdentityPlace, RecordAnswer, Timestamps};
use crate::result::Finding;

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
fn an_ack_that_is_given_once_more_is_one_claim() {
    let acks = [ack(0, 5), ack(0, 6), ack(0, 6)];
    let mut bench = bench(ACCEPT);
    for (number, said) in (1..).zip(acks) {
        bench.attempt(0, 1, number, ACCEPT);
        bench.attempts.last_mut().unwrap().sent.again = number < 3;
        bench.attempt_answered(0, number, End::Status(200), &[said]);
    }
    let content = bench.content(0);
    bench.lands(0, 5, content.clone());
    bench.lands(0, 6, content);
    let records = bench.settle().records;
    assert_eq!((records.landed, records.misplaced, records.duplicated), (1, 0, 1));
    assert_eq!(records.duplicated_beyond_attempts, 0);
}

#[test]
fn without_identity_a_record_that_stands_at_both_its_places_is_duplicated() {
    // However early the acks come.
    for early in [0, 1, 2] {
        let mut bench = bench_of(IdentityPlace::None, None, ACCEPT);
        let content = bench.content(0);
        let lands = |bench: &mut Bench| {
            bench.lands(0, 5, content.clone());
            bench.lands(0, 6, content.clone());
        };
        for number in 1..=2 {
            if number > early {
                lands(&mut bench);
            }
            bench.attempt(0, 1, number, ACCEPT);
            bench.attempts.last_mut().unwrap().sent.again = number < 2;
            bench.attempt_answered(0, number, End::Status(200), &[ack(0, 4 + i64::from(number))]);
        }
        lands(&mut bench);
        let settled = bench.settle();
        let records = settled.records;
        assert_eq!((records.landed, records.misplaced, records.duplicated), (1, 0, 1), "{early}");
        assert_eq!((records.foreign, settled.unattributed), (0, 0), "{early}");
    }
}

#[test]
fn without_identities_another_timestamp_is_corrupted_and_not_misplaced() {
    let times = Timestamps { start_ms: 1_000, step_ms: 1 };
    for first in [true, false] {
        let mut bench = bench_stamped(IdentityPlace::None, None, ACCEPT, Some(times));
        if first {
            bench.acked(0, 5);
        }
        let shifted = Content { timestamp_ms: Some(7), ..bench.content(0) };
        bench.lands(0, 5, shifted);
        if !first {
            bench.acked(0, 5);
        }
        let settled = bench.settle();
        assert_eq!(kinds(&settled), [("records.corrupted", 1)], "{settled:#?}");
        assert!(settled.findings[0].examples[0].detail.contains("timestamp: sent 1000 ms, landed 7 ms"));
    }
}
