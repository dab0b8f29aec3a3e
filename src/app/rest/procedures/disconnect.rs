//! Clients that go before they have an answer.

use std::time::Duration;

use super::at_once::one;
use super::ground::{Ground, json, records};
use super::line::bytes_of;
use crate::app::rest::error::RestError;
use crate::conform::rest::{Account, Came, Entry, Sending};
use crate::wire::produce::Api;

/// Sends a request, whole or half of it, and hangs up. Behind half of one comes another that is whole: what the topic then holds
/// is known to be all.
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
    let took = Duration::ZERO;
    if whole {
        let sendings = vec![Sending { what: "the request".to_owned(), topic, format, entries, came, took }];
        let landed = ground.landed(&ground.topics, records(&sendings)).await?;
        return Ok(Account { sendings, landed, ..Account::default() });
    }
    let after =
        one(ground, "the request after".to_owned(), &topic, format, vec![Entry::of(1, 0, None)]).await;
    // No record of it may land.
    let half =
        Sending { what: "half of a request".to_owned(), topic, format, entries: Vec::new(), came, took };
    let landed = ground.landed(&ground.topics, 0).await?;
    Ok(Account { sendings: vec![half, after], landed, ..Account::default() })
}
