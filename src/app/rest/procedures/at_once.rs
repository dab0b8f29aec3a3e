//! Many requests at the same time, and many records in one.

use std::time::Instant;

use futures_util::future::join_all;

use super::ground::{Ground, records};
use crate::app::rest::error::RestError;
use crate::conform::rest::{Account, Came, Entry, Sending};
use crate::wire::produce::{Api, ProduceFormat};

/// How many requests there are at the same time.
const REQUESTS: usize = 24;
/// The most records of one of them.
const LARGEST: usize = 8;
/// How many records there are in one request that has many.
const MANY: usize = 400;
/// How many keys they have.
const KEYS: usize = 17;

fn formats(api: Api) -> &'static [ProduceFormat] {
    match api {
        Api::V2 => &[ProduceFormat::V2Json, ProduceFormat::V2Binary],
        // Not every release takes strings.
        Api::V3 => &[ProduceFormat::V3Json, ProduceFormat::V3Binary],
    }
}

/// Requests of several sizes, formats and topics at the same time.
pub(super) async fn isolation(ground: &Ground, api: Api) -> Result<Account, RestError> {
    let each = (0..REQUESTS).map(|number| {
        let format = formats(api)[number % formats(api).len()];
        let key = format!("k{}", number % 5);
        let entries = (0..=number % LARGEST).map(|record| Entry::of(number, record, Some(&key)));
        // Neighbours of one size go to one topic.
        let topic = &ground.topics[number / LARGEST % ground.topics.len()];
        one(ground, format!("request {} of {REQUESTS}", number + 1), topic, format, entries.collect())
    });
    let sendings = join_all(each).await;
    let landed = ground.landed(&ground.topics, records(&sendings)).await?;
    Ok(Account { sendings, landed, ..Account::default() })
}

/// One request of many records.
pub(super) async fn many(ground: &Ground, api: Api) -> Result<Account, RestError> {
    let key = |record: usize| format!("k{}", record % KEYS);
    let entries = (0..MANY).map(|record| Entry::of(0, record, Some(&key(record)))).collect();
    let topic = &ground.topics[0];
    let sendings = vec![one(ground, "the request".to_owned(), topic, formats(api)[0], entries).await];
    let landed = ground.landed(&ground.topics, MANY).await?;
    Ok(Account { sendings, landed, ..Account::default() })
}

/// A request over a connection of its own.
pub(super) async fn one(
    ground: &Ground,
    what: String,
    topic: &str,
    format: ProduceFormat,
    entries: Vec<Entry>,
) -> Sending {
    let request = ground.request(topic, format, &entries);
    let begun = Instant::now();
    let answer = match ground.line().await {
        Ok(mut line) => line.ask(&request, ground.endpoint()).await,
        Err(reason) => Err(reason),
    };
    let came = Came::of(answer);
    Sending { what, topic: topic.to_owned(), format, entries, came, took: begun.elapsed() }
}
