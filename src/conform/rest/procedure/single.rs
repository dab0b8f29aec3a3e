//! What is asked of single procedures.

use std::collections::BTreeSet;
use std::time::Duration;

use super::account::{Account, Came, Look, Sending};
use super::answered::{Receipt, receipts};
use super::entries::is;
use crate::conform::rest::evaluate::{ANSWER, Mismatch};

/// The share of a time-out that must have passed before it is taken to be over: clocks are read at both ends.
const ALMOST: f64 = 0.95;

/// In what looks did not show what they had to.
pub(super) fn looks(looks: &[Look]) -> Vec<Mismatch> {
    let wrong =
        looks.iter().filter(|look| !look.seen.as_ref().is_ok_and(|seen| look.expected.contains(seen)));
    let told = wrong.map(|Look { what, expected, seen }| {
        let expected: Vec<String> = expected.iter().map(u16::to_string).collect();
        match seen {
            Ok(seen) => {
                Mismatch::new("status", format!("{what}: {}", expected.join(" or ")), seen.to_string())
            }
            Err(reason) => Mismatch::new(ANSWER, format!("{what}: an answer"), reason.clone()),
        }
    });
    told.collect()
}

/// Receipts must come before more is sent, and their records be there.
pub(super) fn one_by_one(receipts: &[(bool, Option<bool>)]) -> Vec<Mismatch> {
    let mut found = Vec::new();
    for (number, (came, readable)) in (1..).zip(receipts) {
        if !came {
            let expected = format!("the receipt of record {number} before more is sent");
            found.push(Mismatch::new("order", expected, "none yet"));
        } else if *readable == Some(false) {
            let expected = format!("record {number}, whose receipt has come, in the topic");
            found.push(Mismatch::new("landed", expected, "not there yet"));
        }
    }
    found
}

/// The first request must take one wait, and the second, of three records, three; none may be written.
pub(super) fn one_wait_each(account: &Account, wait: Duration) -> Vec<Mismatch> {
    let mut found = Vec::new();
    for sending in &account.sendings {
        let count = sending.entries.len();
        match &sending.came {
            Came::Answer(answer) => {
                let refused = |receipt: &Receipt| matches!(receipt, Receipt::Refused(_));
                let told = receipts(answer);
                if answer.status != 200 || told.len() != count || !told.iter().all(refused) {
                    let seen = format!("{}: {}", answer.status, answer.body.clone().unwrap_or_default());
                    let expected = format!("{}: {count} errors", sending.what);
                    found.push(Mismatch::new("entries", expected, seen));
                }
            }
            _ => found.push(Mismatch::new(ANSWER, format!("{}: an answer", sending.what), "none")),
        }
        let least = wait.mul_f64(ALMOST) * u32::try_from(count).unwrap_or(u32::MAX);
        if sending.took < least {
            let expected = format!("{}: after {} ms or more", sending.what, least.as_millis());
            found.push(Mismatch::new("time", expected, format!("after {} ms", sending.took.as_millis())));
        }
    }
    if let [one, three] = account.sendings.as_slice()
        && one.took + wait > three.took
    {
        let expected = format!("{}: a wait longer than {}", three.what, one.what);
        let seen = format!("{} ms and {} ms", three.took.as_millis(), one.took.as_millis());
        found.push(Mismatch::new("time", expected, seen));
    }
    found
}

/// No answer may come for as long as a gateway waits, and the record must land all the same.
pub(super) fn after_the_gateway(account: &Account, waits: Duration, came: Option<Duration>) -> Vec<Mismatch> {
    let mut found = Vec::new();
    if let Some(came) = came.filter(|came| *came < waits) {
        let expected = format!("no answer within {} ms", waits.as_millis());
        found.push(Mismatch::new("time", expected, format!("one after {} ms", came.as_millis())));
    }
    let stands = |sending: &Sending| {
        let landed = account.landed.as_ref()?;
        let records = landed.get(&sending.topic).map_or(&[][..], Vec::as_slice);
        Some(sending.entries.iter().all(|entry| records.iter().any(|record| is(record, entry))))
    };
    if let Some(late) = account.sendings.iter().find(|sending| stands(sending) == Some(false)) {
        let expected = format!("the record of {}, once the broker is back", late.what);
        found.push(Mismatch::new("landed", expected, "not there"));
    }
    found
}

/// Which acknowledgements the broker was asked for, in words.
pub(super) fn acks(asked: &BTreeSet<i16>) -> String {
    let one = |acks: &i16| match acks {
        -1 => "all replicas in sync".to_owned(),
        0 => "nobody".to_owned(),
        1 => "the leader".to_owned(),
        other => format!("{other} replicas"),
    };
    let told: Vec<String> = asked.iter().map(one).collect();
    if told.is_empty() { "no request came".to_owned() } else { told.join(" and ") }
}
