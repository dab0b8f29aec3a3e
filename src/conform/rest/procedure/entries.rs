//! Whether each answer speaks of its own records, and these stand where it says, once, and in their order.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::account::{Account, Came, Entry, Sending};
use super::answered::{Receipt, receipts};
use crate::conform::golden::GoldenRecord;
use crate::conform::rest::evaluate::{ANSWER, Mismatch, OFFSETS};

/// Mismatches of one procedure that are told; more would say no more.
const MOST: usize = 8;

/// In what an account is not of requests each of which was answered for its own records.
pub(super) fn own(account: &Account) -> Vec<Mismatch> {
    let mut found = Vec::new();
    for sending in &account.sendings {
        match &sending.came {
            Came::Unread | Came::InDoubt(Err(_)) => {}
            // It may say that it failed; what it says was written must be.
            Came::InDoubt(Ok(answer)) => {
                let told = receipts(answer);
                let written = told.iter().any(|receipt| matches!(receipt, Receipt::At(..)));
                if answer.status == 200 && written {
                    found.extend(of_one(sending, &told, landed_in(account, sending)));
                }
            }
            Came::Nothing(reason) => {
                found.push(Mismatch::new(ANSWER, format!("{}: an answer", sending.what), reason.clone()));
            }
            Came::Answer(answer) if answer.status != 200 => {
                let body = answer.body.clone().unwrap_or_default();
                let seen = format!("{}: {body}", answer.status);
                found.push(Mismatch::new("status", format!("{}: 200", sending.what), seen));
            }
            Came::Answer(answer) => {
                found.extend(of_one(sending, &receipts(answer), landed_in(account, sending)));
            }
        }
    }
    found.extend(once(account));
    found.truncate(MOST);
    found
}

/// What stands in a request's topic; `None`: nobody could look.
fn landed_in<'a>(account: &'a Account, sending: &Sending) -> Option<&'a [GoldenRecord]> {
    let landed = account.landed.as_ref()?;
    Some(landed.get(&sending.topic).map_or(&[][..], Vec::as_slice))
}

fn of_one(sending: &Sending, told: &[Receipt], landed: Option<&[GoldenRecord]>) -> Vec<Mismatch> {
    let Sending { what, entries, .. } = sending;
    if told.len() != entries.len() {
        let expected = format!("{what}: {} entries", entries.len());
        return vec![Mismatch::new("entries", expected, format!("{} entries", told.len()))];
    }
    let mut found = Vec::new();
    let mut last: BTreeMap<i32, i64> = BTreeMap::new();
    for (number, (entry, told)) in (1..).zip(entries.iter().zip(told)) {
        let of = format!("{what}, record {number}");
        let Receipt::At(partition, offset) = *told else {
            let Receipt::Refused(words) = told else { continue };
            found.push(Mismatch::new(OFFSETS, format!("{of}: a position"), words.clone()));
            continue;
        };
        if let Some(landed) = landed {
            let stands = landed.iter().find(|it| it.partition == partition && it.offset == offset);
            if stands.is_none_or(|record| !is(record, entry)) {
                let seen = stands.map_or_else(|| "nothing".to_owned(), shown);
                let expected = format!("{of}: {} at {partition}:{offset}, as answered", words(entry));
                found.push(Mismatch::new(OFFSETS, expected, seen));
            }
        }
        let before = last.insert(partition, offset);
        if let Some(before) = before.filter(|before| *before >= offset) {
            let expected = format!("{of}: behind {partition}:{before}, where the record before it stands");
            found.push(Mismatch::new("order", expected, format!("{partition}:{offset}")));
        }
    }
    found
}

/// Each record must stand in its topic as often as it was sent, and nothing else.
fn once(account: &Account) -> Vec<Mismatch> {
    let Some(landed) = &account.landed else { return Vec::new() };
    let mut sent: BTreeMap<(&str, &str), (usize, bool)> = BTreeMap::new();
    for sending in &account.sendings {
        let in_doubt = matches!(sending.came, Came::InDoubt(_));
        for entry in &sending.entries {
            let (times, doubted) = sent.entry((&sending.topic, &entry.value)).or_default();
            *times += 1;
            *doubted |= in_doubt;
        }
    }
    let mut stands: BTreeMap<(&str, String), usize> = BTreeMap::new();
    for (topic, records) in landed {
        for record in records {
            *stands.entry((topic, value(record))).or_default() += 1;
        }
    }
    let mut found = Vec::new();
    for ((topic, value), (times, doubted)) in &sent {
        let seen = stands.remove(&(*topic, (*value).to_owned())).unwrap_or(0);
        if seen != *times && !doubted {
            found.push(Mismatch::new("landed", format!("{value} {times} times"), format!("{seen} times")));
        }
    }
    found.extend(stands.into_iter().map(|((_, value), seen)| {
        Mismatch::new("landed", "what was sent, and nothing else", format!("{value} {seen} times"))
    }));
    found
}

/// Whether a record is the one that was sent.
pub(super) fn is(record: &GoldenRecord, entry: &Entry) -> bool {
    let same = |encoded: &Option<String>, text: Option<&String>| {
        encoded.as_deref().and_then(|text| STANDARD.decode(text).ok()).as_deref()
            == text.map(String::as_bytes)
    };
    same(&record.value_b64, Some(&entry.value)) && same(&record.key_b64, entry.key.as_ref())
}

fn value(record: &GoldenRecord) -> String {
    let bytes = record.value_b64.as_deref().and_then(|text| STANDARD.decode(text).ok());
    bytes.map_or_else(|| "null".to_owned(), |bytes| String::from_utf8_lossy(&bytes).into_owned())
}

fn shown(record: &GoldenRecord) -> String {
    let key = record.key_b64.as_deref().and_then(|text| STANDARD.decode(text).ok());
    match key {
        Some(key) => format!("{} with key {}", value(record), String::from_utf8_lossy(&key)),
        None => value(record),
    }
}

fn words(entry: &Entry) -> String {
    match &entry.key {
        Some(key) => format!("{} with key {key}", entry.value),
        None => entry.value.clone(),
    }
}
