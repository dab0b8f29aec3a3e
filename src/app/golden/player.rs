//! Plays one recording in a setting.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::error::ReplayError;
use super::exchange::{Broken, Came, Plan, exchange};
use super::setting::Setting;
use crate::conform::golden::{GoldenRecord, GoldenRequest, Recording, Write, placed, writes};
use crate::load::Target;
use crate::verify::TailRecord;

/// How long it is waited for an answer where the recorded proxy gave none.
const SILENCE: Duration = Duration::from_secs(2);
/// How long records that are still missing may take to appear.
const LATE: Duration = Duration::from_secs(2);
/// How often it is looked for them.
const LOOK: Duration = Duration::from_millis(20);

/// What came of a recording.
pub(super) enum Played {
    /// The exchange as it went, in the form of a recording.
    Seen(Box<Recording>),
    /// It cannot be played, for this reason.
    Not(String),
}

/// Sends what was recorded, and notes what comes back and lands.
pub(super) async fn play(
    recording: &Recording,
    setting: &mut Setting,
    limit: Duration,
) -> Result<Played, ReplayError> {
    let cluster = (recording.setup.cluster_id.as_str(), setting.cluster_id.as_str());
    let placed = placed(&recording.request, cluster).and_then(|request| {
        Ok((writes(&request, &setting.endpoint.authority, &setting.endpoint.base_path)?, request))
    });
    let ((writes, half_close), request) = match placed {
        Ok(placed) => placed,
        Err(reason) => return Ok(Played::Not(reason.to_string())),
    };
    let recorded = recording.answers();
    let plan = Plan {
        writes: &writes,
        half_close,
        head: recording.request.method == "HEAD",
        // A client that waits for none of them does not tell.
        interim: recorded.iter().any(|answer| answer.status < 200),
        answers: recorded.len(),
        lingers: None,
    };
    let limit = if recorded.is_empty() { SILENCE } else { limit };
    let answers = match exchange(&setting.endpoint, &plan, limit).await {
        Ok(came) => came.answers,
        // It is an answer that is none.
        Err(Broken::Malformed(_)) => Vec::new(),
        Err(unconnected) => {
            return Err(ReplayError::NoProxy {
                url: format!("(at {})", recording.id),
                reason: unconnected.to_string(),
            });
        }
    };
    let expected = recording.landed_count.map_or_else(
        || recording.landed.as_ref().map_or(0, Vec::len),
        |count| usize::try_from(count).unwrap_or(usize::MAX),
    );
    let mut landed = setting.landed()?;
    let begun = tokio::time::Instant::now();
    while let Some(records) = landed.as_mut().filter(|records| records.len() < expected) {
        if begun.elapsed() >= LATE {
            break;
        }
        tokio::time::sleep(LOOK).await;
        records.extend(setting.landed()?.unwrap_or_default());
    }
    let several = recording.responses.is_some();
    let mut setup = recording.setup.clone();
    setup.cluster_id.clone_from(&setting.cluster_id);
    Ok(Played::Seen(Box::new(Recording {
        id: recording.id.clone(),
        title: recording.title.clone(),
        request,
        response: answers.first().cloned(),
        responses: (several || answers.len() > 1).then_some(answers),
        landed: landed.map(|records| records.into_iter().map(golden_record).collect()),
        server_closed_connection: None,
        client_observed: None,
        landed_truncated: false,
        landed_count: None,
        proxy: serde_json::Map::new(),
        broker: recording.broker.clone(),
        setup,
    })))
}

/// What is waited for.
#[derive(Debug, Clone, Copy)]
pub(in crate::app) struct Awaited {
    /// How many answers.
    pub(in crate::app) answers: usize,
    /// Whether interim answers are some of them; else they are passed over.
    pub(in crate::app) interim: bool,
    /// How long it is looked, after these, whether more comes and whether the connection ends; `None`: it is not.
    pub(in crate::app) lingers: Option<Duration>,
}

impl Awaited {
    /// One answer that is none of an interim kind.
    pub(in crate::app) const ONE: Self = Self { answers: 1, interim: false, lingers: None };
}

/// Sends a request, and gives what came back, or why nothing did.
pub(in crate::app) async fn send(
    request: &GoldenRequest,
    endpoint: &Target,
    awaited: Awaited,
    limit: Duration,
) -> Result<Came, String> {
    let (writes, half_close) =
        writes(request, &endpoint.authority, &endpoint.base_path).map_err(|reason| reason.to_string())?;
    let Awaited { answers, interim, lingers } = awaited;
    let head = request.method == "HEAD";
    let plan = Plan { writes: &writes, half_close, head, interim, answers, lingers };
    let came = exchange(endpoint, &plan, limit).await.map_err(|broken| broken.to_string())?;
    if came.answers.is_empty() && answers > 0 {
        return Err(format!("no answer within {} s, or the connection ended without one", limit.as_secs()));
    }
    Ok(came)
}

/// Lets the proxy write to a topic, so that it knows it when the broker goes.
pub(in crate::app) async fn warm(topic: &str, setting: &Setting) -> Result<(), ReplayError> {
    let body = "{\"records\":[{\"value\":\"warm\"}]}";
    let request = format!(
        "POST /topics/{topic} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/vnd.kafka.json.v2+json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        setting.endpoint.authority,
        body.len()
    );
    let writes = [Write { pause: Duration::ZERO, bytes: request.into_bytes() }];
    let plan =
        Plan { writes: &writes, half_close: false, head: false, interim: false, answers: 1, lingers: None };
    let answered = exchange(&setting.endpoint, &plan, Duration::from_secs(10)).await;
    answered
        .map(|_| ())
        .map_err(|broken| ReplayError::NoProxy { url: format!("(for {topic})"), reason: broken.to_string() })
}

/// A record as golden files have it.
pub(in crate::app) fn golden_record(record: TailRecord) -> GoldenRecord {
    let encoded = |bytes: Vec<u8>| STANDARD.encode(bytes);
    GoldenRecord {
        topic: record.topic,
        partition: record.partition,
        offset: record.offset,
        key_b64: record.key.map(encoded),
        value_b64: record.value.map(encoded),
        value_len: None,
        value_sha256: None,
        headers: record.headers.into_iter().map(|(name, value)| (name, value.map(encoded))).collect(),
        timestamp: record.timestamp,
        timestamp_type: if record.append_time { "LogAppendTime" } else { "CreateTime" }.to_owned(),
    }
}
