//! Requests one after another: with one key, over one connection, through two proxies in turn, the same one twice.

use std::time::{Duration, Instant};

use super::ground::{Ground, get, json, look, records};
use super::line::Line;
use crate::app::rest::error::RestError;
use crate::conform::golden::GoldenRequest;
use crate::conform::rest::{Account, Came, Entry, Look, Sending};
use crate::wire::produce::Api;

/// How many requests have one key.
const SEQUENCE: usize = 20;
/// How long a broker may take to hear of a topic that another has made.
const HEARD_OF: Duration = Duration::from_secs(10);
/// How often it is asked.
const AGAIN: Duration = Duration::from_millis(100);
/// How many go over one connection.
const KEPT: usize = 30;

/// Requests with one key, to each proxy in turn.
pub(super) async fn sequential(ground: &Ground, api: Api) -> Result<Account, RestError> {
    let requests =
        (0..SEQUENCE).map(|number| (ground.topics[0].clone(), vec![Entry::of(number, 0, Some("k"))]));
    one_after_another(ground, api, requests.collect()).await
}

/// Requests to two topics and of some sizes, over one connection.
pub(super) async fn keep_alive(ground: &Ground, api: Api) -> Result<Account, RestError> {
    let requests = (0..KEPT).map(|number| {
        // Of each size two in a row to one topic: an answer that is given again could be taken for the next one's.
        let (topic, size) = (&ground.topics[number / 6 % ground.topics.len()], 1 + number / 2 % 3);
        let key = |record: usize| format!("k{}", record % 2);
        let entries = (0..size).map(|record| Entry::of(number, record, Some(&key(record))));
        (topic.clone(), entries.collect())
    });
    one_after_another(ground, api, requests.collect()).await
}

/// The same request twice.
pub(super) async fn same_again(ground: &Ground, api: Api) -> Result<Account, RestError> {
    let request = || (ground.topics[0].clone(), vec![Entry::of(0, 0, None), Entry::of(0, 1, None)]);
    one_after_another(ground, api, vec![request(), request()]).await
}

/// Sends requests, each when the answer to the one before has come; over one connection to each proxy. Ends at the first that
/// is not answered.
async fn one_after_another(
    ground: &Ground,
    api: Api,
    requests: Vec<(String, Vec<Entry>)>,
) -> Result<Account, RestError> {
    let mut lines: Vec<Option<Line>> = ground.endpoints.iter().map(|_| None).collect();
    let mut sendings = Vec::new();
    let of = requests.len();
    for (number, (topic, entries)) in requests.into_iter().enumerate() {
        let turn = number % lines.len();
        let endpoint = &ground.endpoints[turn];
        let what = format!("request {} of {of}", number + 1);
        let sending = match open(&mut lines[turn], ground, turn).await {
            Ok(line) => ground.sent(line, endpoint, (what, &topic), json(api), entries).await,
            Err(reason) => Sending {
                what,
                topic,
                format: json(api),
                entries,
                came: Came::Nothing(reason),
                took: Duration::ZERO,
            },
        };
        let goes_on = matches!(sending.came, Came::Answer(_));
        sendings.push(sending);
        if !goes_on {
            break;
        }
    }
    let landed = ground.landed(&ground.topics, records(&sendings)).await?;
    Ok(Account { sendings, landed, ..Account::default() })
}

async fn open<'l>(line: &'l mut Option<Line>, ground: &Ground, turn: usize) -> Result<&'l mut Line, String> {
    if line.is_none() {
        *line = Some(Line::open(&ground.endpoints[turn], ground.limit).await?);
    }
    line.as_mut().ok_or_else(|| "there is no connection".to_owned())
}

/// A topic that is made through the first of two proxies and written to through both, the second one first.
pub(super) async fn topic_of_another(
    ground: &mut Ground,
    topic: &str,
    api: Api,
) -> Result<Account, RestError> {
    let topics = format!("/v3/clusters/{}/topics", ground.cluster);
    let [one, other] = [ground.endpoints[0].clone(), ground.endpoints[1].clone()];
    let body = format!("{{\"topic_name\":\"{topic}\",\"partitions_count\":1,\"replication_factor\":1}}");
    let make = GoldenRequest {
        method: "POST".to_owned(),
        path: topics.clone(),
        headers: vec![("Content-Type".to_owned(), "application/json".to_owned())],
        body: Some(body),
        ..GoldenRequest::default()
    };
    let ask = get(format!("{topics}/{topic}"));
    let mut looks = Vec::new();
    for (what, endpoint, request, expected) in [
        ("the first proxy asked for a topic that is not there", &one, &ask, 404),
        ("the second proxy asked for it", &other, &ask, 404),
        ("the first proxy told to make it", &one, &make, 201),
        ("the second proxy asked for it again", &other, &ask, 200),
    ] {
        let begun = Instant::now();
        // The broker that the second one asks may hear of the topic later than the one that has made it.
        let is_there = looks.last().is_some_and(|look: &Look| look.seen == Ok(201));
        looks.push(loop {
            let seen = look(what, endpoint, request, &[expected], ground.limit).await;
            if seen.seen == Ok(expected) || !is_there || begun.elapsed() >= HEARD_OF {
                break seen;
            }
            tokio::time::sleep(AGAIN).await;
        });
    }
    ground.topics = vec![topic.to_owned()];
    ground.endpoints = vec![other, one];
    let requests = (0..4).map(|number| (topic.to_owned(), vec![Entry::of(number, 0, Some("k"))])).collect();
    // Nobody can look into a topic that has not been made.
    if looks.iter().any(|look| look.seen.as_ref().is_ok_and(|status| *status == 201)) {
        let account = one_after_another(ground, api, requests).await?;
        return Ok(Account { looks, ..account });
    }
    Ok(Account { looks, ..Account::default() })
}
