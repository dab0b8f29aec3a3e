//! Clients that go before they have an answer.

use std::time::Duration;

use super::ground::{Ground, json, records};
use super::line::bytes_of;
use crate::app::rest::error::RestError;
use crate::conform::rest::{Account, Came, Entry, Sending};
use crate::wire::produce::Api;

/// Sends a request, whole or half of it, and hangs up.
pub(super) async fn hang_up(ground: &Ground, api: Api, whole: bool) -> Result<Account, RestError> {
    let format = json(api);
    let topic = ground.topics[0].clone();
    let entries: Vec<Entry> = (0..3).map(|record| Entry::of(0, record, None)).collect();
    let request = ground.request(&topic, format, &entries);
    let sent = async {
        let bytes = bytes_of(&request, ground.endpoint())?;
        let mut line = ground.line().await?;
        let head = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap_or(0);
        // In the midst of the second record.
        let end = if whole { bytes.len() } else { head + (bytes.len() - head) / 2 };
        line.write(&bytes[..end]).await
    };
    let came: Result<(), String> = sent.await;
    let came = came.map_or_else(Came::Nothing, |()| Came::Unread);
    let what = if whole { "the request" } else { "half of the request" };
    let sendings =
        vec![Sending { what: what.to_owned(), topic, format, entries, came, took: Duration::ZERO }];
    let landed = ground.landed(&ground.topics, if whole { records(&sendings) } else { 0 }).await?;
    Ok(Account { sendings, landed, ..Account::default() })
}
