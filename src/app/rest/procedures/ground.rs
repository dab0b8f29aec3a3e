//! Where a procedure is carried out: endpoints, topics, and the Kafka in which it is looked what landed.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::line::Line;
use crate::app::golden::golden_record;
use crate::app::rest::error::RestError;
use crate::conform::golden::{GoldenRecord, GoldenRequest, GoldenResponse};
use crate::conform::rest::{Came, Entry, Look, Sending};
use crate::kafka::Access;
use crate::load::Target;
use crate::verify::{Tail, VerifyError};
use crate::wire::produce::{Api, ProduceFormat};

/// How long a record may take that nobody expects.
const LATE: Duration = Duration::from_secs(2);
/// How long it may take in a Kafka of landfall's own.
const PROMPT: Duration = Duration::from_millis(500);
/// How long records may take that are expected, and of which nobody may have an answer.
const AWAITED: Duration = Duration::from_secs(6);
/// How long a broker of landfall's own may take to be reached again.
const RETURN: Duration = Duration::from_secs(5);
/// How often it is looked for it.
const LOOK: Duration = Duration::from_millis(50);

/// Where a procedure is carried out.
pub(super) struct Ground {
    /// The proxies, one as a rule.
    pub(super) endpoints: Vec<Target>,
    pub(super) cluster: String,
    /// The topics that have been made for it.
    pub(super) topics: Vec<String>,
    /// `None`: nobody can look what landed.
    pub(super) kafka: Option<Access>,
    /// Whether Kafka is landfall's own.
    pub(super) own: bool,
    /// How long an answer is waited for.
    pub(super) limit: Duration,
}

impl Ground {
    pub(super) fn endpoint(&self) -> &Target {
        &self.endpoints[0]
    }

    pub(super) async fn line(&self) -> Result<Line, String> {
        Line::open(self.endpoint(), self.limit).await
    }

    /// The request that writes these records.
    pub(super) fn request(&self, topic: &str, format: ProduceFormat, entries: &[Entry]) -> GoldenRequest {
        Sending::request(topic, &self.cluster, format, entries)
    }

    /// What stands in `topics`, once as much is there as is `expected` at least, or it has been waited for long enough.
    pub(super) async fn landed(
        &self,
        topics: &[String],
        expected: usize,
    ) -> Result<Option<BTreeMap<String, Vec<GoldenRecord>>>, RestError> {
        let Some(kafka) = &self.kafka else { return Ok(None) };
        let begun = Instant::now();
        let patience = match (expected, self.own) {
            (0, true) => PROMPT,
            (0, false) => LATE,
            _ => AWAITED,
        };
        loop {
            let (access, names) = (kafka.clone(), topics.to_vec());
            let read = tokio::task::spawn_blocking(move || Tail::whole(access, &names)).await;
            // A task that panics is a bug, and its message has been printed.
            let read = read.map_err(|error| VerifyError::Thread(std::io::Error::other(error)))?;
            let records = match read {
                // A broker that has been away may not be back yet.
                Err(_) if self.own && begun.elapsed() < RETURN => {
                    tokio::time::sleep(LOOK).await;
                    continue;
                }
                read => read?,
            };
            let enough = records.len() >= expected && (self.own || begun.elapsed() >= LATE);
            if enough && expected > 0 || begun.elapsed() >= patience {
                let mut by_topic: BTreeMap<String, Vec<GoldenRecord>> = BTreeMap::new();
                for record in records.into_iter().map(golden_record) {
                    by_topic.entry(record.topic.clone()).or_default().push(record);
                }
                return Ok(Some(by_topic));
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Asks over a line, and notes what came.
    pub(super) async fn sent(
        &self,
        line: &mut Line,
        endpoint: &Target,
        (what, topic): (String, &str),
        format: ProduceFormat,
        entries: Vec<Entry>,
    ) -> Sending {
        let request = self.request(topic, format, &entries);
        let begun = Instant::now();
        let came = Came::of(line.ask(&request, endpoint).await);
        Sending { what, topic: topic.to_owned(), format, entries, came, took: begun.elapsed() }
    }
}

/// A request without a body, of which the status matters.
pub(super) async fn look(
    what: &str,
    endpoint: &Target,
    request: &GoldenRequest,
    expected: &[u16],
    limit: Duration,
) -> Look {
    let answer: Result<GoldenResponse, String> = match Line::open(endpoint, limit).await {
        Ok(mut line) => line.ask(request, endpoint).await,
        Err(reason) => Err(reason),
    };
    Look { what: what.to_owned(), expected: expected.to_vec(), seen: answer.map(|answer| answer.status) }
}

/// GET of a path.
pub(super) fn get(path: String) -> GoldenRequest {
    GoldenRequest { method: "GET".to_owned(), path, ..GoldenRequest::default() }
}

/// The format for JSON.
pub(super) fn json(api: Api) -> ProduceFormat {
    match api {
        Api::V2 => ProduceFormat::V2Json,
        Api::V3 => ProduceFormat::V3Json,
    }
}

/// How many records these requests have.
pub(super) fn records(sendings: &[Sending]) -> usize {
    sendings.iter().map(|sending| sending.entries.len()).sum()
}
