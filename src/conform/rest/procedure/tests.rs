//! What is said of accounts that are as they must be, and of those that are not.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use semver::Version;

use super::*;
use crate::conform::Level;
use crate::conform::golden::{GoldenRecord, GoldenResponse};
use crate::conform::rest::{Assessment, Standard, read_profile};
use crate::result::CaseOutcome;
use crate::wire::produce::ProduceFormat;

/// A request with the key `k` whose records are answered with these offsets of partition 0.
fn sending(number: usize, offsets: &[i64]) -> Sending {
    let entries = (0..offsets.len()).map(|record| Entry::of(number, record, Some("k")));
    let told: Vec<String> =
        offsets.iter().map(|offset| format!("{{\"partition\":0,\"offset\":{offset}}}")).collect();
    let body = format!("{{\"offsets\":[{}]}}", told.join(","));
    Sending {
        what: format!("request {number}"),
        topic: "t".into(),
        format: ProduceFormat::V2Json,
        entries: entries.collect(),
        came: Came::Answer(GoldenResponse { status: 200, body: Some(body), ..GoldenResponse::default() }),
        took: Duration::ZERO,
    }
}

/// These records in their order, each as the number of its request and its own.
fn landed(records: &[(usize, usize)]) -> BTreeMap<String, Vec<GoldenRecord>> {
    let record = |(offset, (request, number)): (i64, &(usize, usize))| {
        let Entry { key, value } = Entry::of(*request, *number, Some("k"));
        GoldenRecord {
            topic: "t".into(),
            offset,
            key_b64: key.map(|key| STANDARD.encode(key)),
            value_b64: Some(STANDARD.encode(value)),
            ..GoldenRecord::default()
        }
    };
    [("t".to_owned(), (0..).zip(records).map(record).collect())].into()
}

fn fields(procedure: Procedure, account: &Account) -> Vec<String> {
    judge_procedure(procedure, account).mismatches.into_iter().map(|mismatch| mismatch.field).collect()
}

#[test]
fn each_answer_must_speak_of_its_own_records() {
    let kept = |sendings: Vec<Sending>, records: &[(usize, usize)]| {
        fields(
            Procedure::KeepAlive,
            &Account { sendings, landed: Some(landed(records)), ..Account::default() },
        )
    };
    let three = [(0, 0), (0, 1), (1, 0)];
    assert_eq!(kept(vec![sending(0, &[0, 1]), sending(1, &[2])], &three), [""; 0]);
    // Exchanged, taken from the answer before, beyond the end.
    let exchanged = kept(vec![sending(0, &[1, 0]), sending(1, &[2])], &three);
    assert_eq!(exchanged, ["offsets", "offsets", "order"]);
    assert_eq!(kept(vec![sending(0, &[0, 1]), sending(1, &[0])], &three), ["offsets"]);
    assert_eq!(kept(vec![sending(0, &[0, 1]), sending(1, &[7])], &three), ["offsets"]);
    // Lost, twice there, nobody's.
    assert_eq!(kept(vec![sending(0, &[0, 1]), sending(1, &[2])], &three[..2]), ["offsets", "landed"]);
    let twice = [(0, 0), (0, 1), (1, 0), (1, 0)];
    assert_eq!(kept(vec![sending(0, &[0, 1]), sending(1, &[2])], &twice), ["landed"]);
    assert_eq!(kept(vec![sending(0, &[0, 1])], &three), ["landed"]);
    // Not an entry for each, and no answer.
    let mut short = sending(0, &[0]);
    short.entries.push(Entry::of(0, 1, Some("k")));
    assert_eq!(kept(vec![short], &three[..2]), ["entries"]);
    let unanswered = Sending { came: Came::Nothing("reset".into()), ..sending(0, &[0]) };
    assert_eq!(kept(vec![unanswered], &three[..1]), ["answer"]);
    let in_doubt = Sending { came: Came::InDoubt(Err("reset".into())), ..sending(0, &[0]) };
    assert_eq!(kept(vec![in_doubt.clone()], &three[..1]), [""; 0]);
    assert_eq!(kept(vec![in_doubt], &[]), [""; 0]);
    // It may fail, and what it says was written is there all the same.
    let said = |offset: i64| {
        let answered = sending(0, &[offset]);
        let Came::Answer(answer) = answered.came.clone() else { panic!("it is answered") };
        Sending { came: Came::InDoubt(Ok(answer)), ..answered }
    };
    assert_eq!(kept(vec![said(0)], &three[..1]), [""; 0]);
    assert_eq!(kept(vec![said(5)], &three[..1]), ["offsets"]);
    assert_eq!(kept(vec![said(0)], &[]), ["offsets"]);
}

#[test]
fn what_is_sent_later_stands_behind() {
    let order = |first: i64, second: i64| {
        let sendings = vec![sending(0, &[first]), sending(1, &[second])];
        fields(Procedure::SequentialOrder, &Account { sendings, ..Account::default() })
    };
    assert_eq!(order(3, 4), [""; 0]);
    assert_eq!((order(4, 3), order(4, 4)), (vec!["order".to_owned()], vec!["order".to_owned()]));
}

#[test]
fn half_a_request_writes_nothing_and_receipts_come_one_by_one() {
    let half = |came: Came, records: &[(usize, usize)]| {
        let position = i64::try_from(records.len()).unwrap() - 1;
        let sendings = vec![Sending { came, ..sending(0, &[]) }, sending(1, &[position.max(0)])];
        fields(
            Procedure::DisconnectAmidRequest,
            &Account { sendings, landed: Some(landed(records)), ..Account::default() },
        )
    };
    assert_eq!(half(Came::Unread, &[(1, 0)]), [""; 0]);
    assert_eq!(half(Came::Unread, &[(0, 0), (1, 0)]), ["landed"]);
    // Nothing was sent, or nothing can be written there: then nothing is shown.
    assert_eq!(half(Came::Nothing("refused".into()), &[(1, 0)]), ["answer"]);
    assert_eq!(half(Came::Unread, &[]), ["offsets", "landed"]);
    let look = |seen: Result<u16, String>| {
        let looks = vec![Look { what: "GET /".into(), expected: vec![200], seen }];
        fields(Procedure::PortStaysOpen, &Account { looks, ..Account::default() })
    };
    assert_eq!(look(Ok(200)), [""; 0]);
    assert_eq!((look(Ok(500)), look(Err("it hung".into()))), (vec!["status".into()], vec!["answer".into()]));
    let duplex = |receipts: &[(bool, Option<bool>)]| {
        let particulars = Particulars::Receipts(receipts.to_vec());
        fields(Procedure::FullDuplex, &Account { particulars, ..Account::default() })
    };
    assert_eq!(duplex(&[(true, Some(true)), (true, None)]), [""; 0]);
    assert_eq!(duplex(&[(true, Some(false)), (false, None)]), ["landed", "order"]);
}

#[test]
fn waits_add_up_and_a_gateway_does_not_wait_for_them() {
    let wait = Duration::from_secs(1);
    let blocked = |one: u64, three: u64| {
        let refused = "{\"offsets\":[{\"error_code\":50003}]}".to_owned();
        let refused_thrice =
            "{\"offsets\":[{\"error_code\":50003},{\"error_code\":50003},{\"error_code\":50003}]}".to_owned();
        let of = |number, count: usize, body, took| Sending {
            came: Came::Answer(GoldenResponse { status: 200, body: Some(body), ..GoldenResponse::default() }),
            took: Duration::from_millis(took),
            ..sending(number, &vec![0; count])
        };
        let sendings = vec![of(0, 1, refused, one), of(1, 3, refused_thrice, three)];
        let particulars = Particulars::Waits(wait);
        fields(Procedure::SerialBlocking, &Account { sendings, particulars, ..Account::default() })
    };
    assert_eq!(blocked(1010, 3020), [""; 0]);
    assert_eq!(blocked(1010, 1020), ["time", "time"]);
    assert_eq!(blocked(100, 3000), ["time"]);
    let gateway = |came: Option<u64>, records: &[(usize, usize)]| {
        let particulars = Particulars::Gateway(wait, came.map(Duration::from_millis));
        let sendings = vec![Sending { came: Came::InDoubt(Err("late".into())), ..sending(0, &[0]) }];
        fields(
            Procedure::LaterThanGateway,
            &Account { sendings, landed: Some(landed(records)), particulars, ..Account::default() },
        )
    };
    assert_eq!(gateway(None, &[(0, 0)]), [""; 0]);
    assert_eq!(
        (gateway(Some(500), &[(0, 0)]), gateway(None, &[])),
        (vec!["time".to_owned()], vec!["landed".to_owned()])
    );
}

#[test]
fn a_profile_names_what_a_release_makes_of_a_procedure() {
    let text =
        "name: p\ndeviations: [{ case: rest/acks, versions: '<7', outcome: acks-leader, reason: old }]";
    let profile = read_profile("p", text).unwrap();
    let case = ProcedureCase {
        id: "rest/acks/x".into(),
        procedure: Procedure::Acknowledgements,
        api: Api::V2,
        evidence: Evidence::Source,
    };
    let outcome = |asked: &[i16], version| {
        let account = Account {
            particulars: Particulars::Acks(asked.iter().copied().collect::<BTreeSet<i16>>()),
            ..Account::default()
        };
        let standard = Standard { profile: Some(&profile), version: &Version::new(version, 0, 0) };
        let finding = judge_procedure(case.procedure, &account);
        let Assessment { outcome, .. } = assess_procedure(&case, Level::Must, standard, finding);
        outcome
    };
    assert_eq!((outcome(&[-1], 7), outcome(&[1], 7)), (CaseOutcome::Passed, CaseOutcome::Failed));
    assert_eq!((outcome(&[1], 6), outcome(&[-1], 6)), (CaseOutcome::Passed, CaseOutcome::Warned));
    assert_eq!((outcome(&[0], 6), outcome(&[], 7)), (CaseOutcome::Failed, CaseOutcome::Failed));
}

#[test]
fn a_proxy_that_stops_takes_nobody() {
    let stopped = |takes| {
        let particulars = Particulars::Stopped(takes);
        fields(Procedure::StoppedInHand, &Account { particulars, ..Account::default() })
    };
    assert_eq!((stopped(false), stopped(true)), (vec![], vec!["connection".to_owned()]));
}
