//! A request that goes on while it is answered.

use std::fmt::Write as _;
use std::time::Instant;

use super::ground::Ground;
use super::line::Line;
use crate::app::rest::error::RestError;
use crate::conform::rest::{Account, Came, Entry, Particulars, Sending};
use crate::wire::produce::ProduceFormat;

/// How many records it has.
const RECORDS: usize = 4;

/// Sends a record when the receipt of the one before has come.
pub(super) async fn full_duplex(ground: &Ground) -> Result<Account, RestError> {
    let (topic, format) = (ground.topics[0].clone(), ProduceFormat::V3Json);
    let entries: Vec<Entry> = (0..RECORDS).map(|record| Entry::of(0, record, None)).collect();
    let begun = Instant::now();
    let mut receipts = Vec::new();
    let came = match ground.line().await {
        Ok(mut line) => match spoken(ground, &mut line, &topic, &entries, &mut receipts).await? {
            Ok(()) => Came::of(line.answer().await),
            Err(reason) => Came::Nothing(reason),
        },
        Err(reason) => Came::Nothing(reason),
    };
    let what = "the request".to_owned();
    let sendings = vec![Sending { what, topic, format, entries, came, took: begun.elapsed() }];
    let landed = ground.landed(&ground.topics, RECORDS).await?;
    Ok(Account { sendings, landed, particulars: Particulars::Receipts(receipts), ..Account::default() })
}

async fn spoken(
    ground: &Ground,
    line: &mut Line,
    topic: &str,
    entries: &[Entry],
    receipts: &mut Vec<(bool, Option<bool>)>,
) -> Result<Result<(), String>, RestError> {
    let request = ground.request(topic, ProduceFormat::V3Json, &[]);
    let endpoint = ground.endpoint();
    let mut head = format!(
        "POST {}{} HTTP/1.1\r\nHost: {}\r\nTransfer-Encoding: chunked\r\n",
        endpoint.base_path, request.path, endpoint.authority
    );
    for (name, value) in &request.headers {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    if let Err(reason) = line.write(format!("{head}\r\n").as_bytes()).await {
        return Ok(Err(reason));
    }
    let mut goes_on = true;
    for (number, entry) in entries.iter().enumerate() {
        let record = ground
            .request(topic, ProduceFormat::V3Json, std::slice::from_ref(entry))
            .body
            .unwrap_or_default();
        if let Err(reason) = line.write(format!("{:x}\r\n{record}\r\n", record.len()).as_bytes()).await {
            return Ok(Err(reason));
        }
        // Whoever does not answer once does not answer while the request goes on, and need not be waited for again.
        goes_on = goes_on && line.documents(number + 1).await;
        // Whether it is there is looked at once: that takes longer than all the rest.
        let readable = if goes_on && number == 0 {
            let landed = ground.landed(&ground.topics, number + 1).await?;
            landed.map(|landed| landed.values().map(Vec::len).sum::<usize>() > number)
        } else {
            None
        };
        receipts.push((goes_on, readable));
    }
    Ok(line.write(b"0\r\n\r\n").await)
}
