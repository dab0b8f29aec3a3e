//! How requests travel: connections, time-outs, further attempts.

use std::time::Duration;

use super::arrivals::MOST_WORKERS;
use crate::scenario::decode::{Fields, Item};
use crate::scenario::error::{Problems, nearest, quoted};
use crate::scenario::model::{
    Arrivals, Backoff, Connections, Jitter, Phase, Protocol, RetryOn, RetrySpec, Timeouts,
};
use crate::scenario::quantity::format_duration;

/// Requests at once on an HTTP/2 connection where the scenario says nothing, and the most of them.
const STREAMS: u16 = 8;
const MOST_STREAMS: u16 = 250;

/// Connections where the scenario says nothing, and arrivals are open.
const CONNECTIONS: u16 = 8;

/// Time-outs where the scenario says nothing.
const CONNECT: Duration = Duration::from_secs(5);
const WHOLE: Duration = Duration::from_secs(35);

/// The longest wait between attempts where the scenario says nothing and no wait of its own is longer.
const WAIT: Duration = Duration::from_mins(1);

const MS: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_hours(1);

/// What a further attempt follows on if the scenario says nothing: what a client can expect to be better next time.
const RETRIED: [RetryOn; 5] = [
    RetryOn::Status(429),
    RetryOn::StatusClass(5),
    RetryOn::TimedOut,
    RetryOn::Reset,
    RetryOn::RefusedConnection,
];

/// Reads `protocol`. Of the doubles only a gateway with TLS speaks HTTP/2.
pub(super) fn read_protocol(
    fields: &mut Fields<'_>,
    speaks_http2: bool,
    problems: &mut Problems,
) -> Protocol {
    const PROTOCOLS: [(&str, Protocol); 2] = [("http/1.1", Protocol::Http1), ("h2", Protocol::Http2)];
    let Some(item) = fields.optional("protocol") else { return Protocol::Http1 };
    let protocol = item.choice(&PROTOCOLS, problems).unwrap_or(Protocol::Http1);
    if protocol == Protocol::Http2 && !speaks_http2 {
        item.suggest(
            problems,
            "cannot be HTTP/2: the embedded gateway speaks it over TLS only, and the embedded proxy does not",
            "set `stack.gateway.tls: generated`, or use an external proxy and `gateway: { kind: none }`",
        );
    }
    protocol
}

/// Reads `connections`, a number or a mapping, of a workload with such phases.
pub(super) fn read_connections(
    fields: &mut Fields<'_>,
    protocol: Protocol,
    phases: &[Phase],
    problems: &mut Problems,
) -> Connections {
    let workers = phases.iter().filter_map(|phase| match phase.arrivals {
        Arrivals::Closed { workers, .. } => Some(workers),
        Arrivals::Open { .. } | Arrivals::Replay { .. } => None,
    });
    let workers = workers.max();
    let streams = match protocol {
        Protocol::Http1 => 1,
        Protocol::Http2 => STREAMS,
    };
    let mut connections =
        Connections { count: workers.unwrap_or(CONNECTIONS), streams, requests_each: None, life: None };
    let Some(item) = fields.optional("connections") else { return connections };
    let count_item = if item.node.is_mapping() {
        let Some(mut fields) = item.fields(problems) else { return connections };
        let count = fields.optional("count");
        let streams_item = fields.optional("streams");
        if let Some(item) = &streams_item
            && protocol == Protocol::Http1
        {
            item.suggest(problems, "can be set for HTTP/2 only", "write `protocol: h2` beside it");
        }
        let streams = streams_item.and_then(|item| item.integer(&(1..=MOST_STREAMS), problems));
        connections.streams = streams.unwrap_or(connections.streams);
        connections.requests_each =
            fields.optional("requests_each").and_then(|item| item.integer(&(1..=1_000_000_000), problems));
        let day = Duration::from_hours(24);
        connections.life = fields.optional("life").and_then(|item| item.duration(&(MS..=day), problems));
        if protocol == Protocol::Http2 && (connections.requests_each.is_some() || connections.life.is_some())
        {
            let message = "can be limited in requests and life for HTTP/1.1 only";
            item.suggest(problems, message, "remove `requests_each` and `life`");
        }
        fields.finish(&[], problems);
        count
    } else {
        Some(item)
    };
    if let Some(item) = count_item
        && let Some(count) = item.integer(&(1..=MOST_WORKERS), problems)
    {
        if let Some(workers) = workers.filter(|workers| count < *workers) {
            let message =
                format!("must be at least {workers}: each worker of closed arrivals has a connection");
            item.suggest(problems, message, "remove it, or lower `workers`");
        }
        connections.count = count;
    }
    connections
}

/// Reads `timeout`, a duration or a mapping.
pub(super) fn read_timeouts(fields: &mut Fields<'_>, problems: &mut Problems) -> Timeouts {
    let mut timeouts = Timeouts { connect: CONNECT, first_byte: WHOLE, whole: WHOLE };
    let Some(item) = fields.optional("timeout") else { return timeouts };
    let range = MS..=HOUR;
    if !item.node.is_mapping() {
        timeouts.whole = item.duration(&range, problems).unwrap_or(WHOLE);
        timeouts.first_byte = timeouts.whole;
        return timeouts;
    }
    let Some(mut fields) = item.fields(problems) else { return timeouts };
    let connect = fields.optional("connect").and_then(|item| item.duration(&range, problems));
    let first_item = fields.optional("first_byte");
    let first_byte = first_item.as_ref().and_then(|item| item.duration(&range, problems));
    let whole_item = fields.optional("whole");
    let whole = whole_item.as_ref().and_then(|item| item.duration(&range, problems));
    fields.finish(&[], problems);
    timeouts.connect = connect.unwrap_or(CONNECT);
    timeouts.whole = whole.unwrap_or(WHOLE);
    timeouts.first_byte = first_byte.unwrap_or(timeouts.whole);
    if let Some(item) = first_item
        && whole.is_some() == whole_item.is_some()
        && timeouts.first_byte > timeouts.whole
    {
        let whole = format_duration(timeouts.whole);
        item.suggest(
            problems,
            format!("must be at most `whole`, which is {whole}: it is a part of it"),
            "raise `whole`",
        );
    }
    timeouts
}

/// Reads `retry`, a mapping or `none`.
pub(super) fn read_retry(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<RetrySpec> {
    const EXAMPLE: &str = "write for instance `retry: { times: 3, wait: 100ms }`, or `retry: none`";
    let item = fields.optional("retry")?;
    if let Some(written) = item.written() {
        if written != "none" {
            item.suggest(problems, "must say how often and after what wait, or `none`", EXAMPLE);
        }
        return None;
    }
    let mut fields = item.fields(problems)?;
    let times = fields.required("times", "3", problems).and_then(|item| item.integer(&(1..=100), problems));
    let backoff = match (fields.optional("wait"), fields.optional("exponential")) {
        (Some(wait), None) => wait.duration(&(Duration::ZERO..=HOUR), problems).map(Backoff::Fixed),
        (None, Some(exponential)) => read_exponential(&exponential, problems),
        (None, None) => {
            item.suggest(problems, "does not say how long to wait between attempts", EXAMPLE);
            None
        }
        (Some(_), Some(second)) => {
            second.suggest(problems, "cannot stand beside `wait`", "remove one of the two");
            None
        }
    };
    let retry_after = fields.optional("retry_after").and_then(|item| item.flag(problems)).unwrap_or(false);
    let longest = match backoff {
        Some(Backoff::Fixed(wait)) => wait,
        Some(Backoff::Exponential { max, .. }) => max,
        None => Duration::ZERO,
    };
    let max_item = fields.optional("max_wait");
    let max_wait = max_item.as_ref().and_then(|item| item.duration(&(longest..=HOUR), problems));
    let on = match fields.optional("on") {
        Some(item) => read_conditions(&item, problems),
        None => Some(RETRIED.to_vec()),
    };
    fields.finish(&[("attempts", "what is counted is further attempts: write `times: 3`")], problems);
    let max_wait = max_wait.unwrap_or(longest.max(WAIT));
    Some(RetrySpec { times: times?, backoff: backoff?, retry_after, max_wait, on: on? })
}

fn read_exponential(item: &Item<'_>, problems: &mut Problems) -> Option<Backoff> {
    const JITTERS: [(&str, Jitter); 3] =
        [("none", Jitter::None), ("full", Jitter::Full), ("equal", Jitter::Equal)];
    let mut fields = item.fields(problems)?;
    let base =
        fields.required("base", "100ms", problems).and_then(|item| item.duration(&(MS..=HOUR), problems));
    let max = fields
        .required("max", "5s", problems)
        .and_then(|item| item.duration(&(base.unwrap_or(MS)..=HOUR), problems));
    let jitter = match fields.optional("jitter") {
        Some(item) => item.choice(&JITTERS, problems),
        None => Some(Jitter::Full),
    };
    fields.finish(&[], problems);
    Some(Backoff::Exponential { base: base?, max: max?, jitter: jitter? })
}

fn read_conditions(item: &Item<'_>, problems: &mut Problems) -> Option<Vec<RetryOn>> {
    let items = item.list(problems)?;
    if items.is_empty() {
        item.suggest(problems, "must have at least one item", "remove it, or write `retry: none`");
        return None;
    }
    let before = problems.count();
    let mut conditions = Vec::new();
    for item in &items {
        let Some(condition) = read_condition(item, problems) else { continue };
        if conditions.contains(&condition) {
            item.fail(problems, format!("{} stands here twice", quoted(item.written().unwrap_or_default())));
        }
        conditions.push(condition);
    }
    (problems.count() == before).then_some(conditions)
}

fn read_condition(item: &Item<'_>, problems: &mut Problems) -> Option<RetryOn> {
    const NAMES: [(&str, RetryOn); 5] = [
        ("4xx", RetryOn::StatusClass(4)),
        ("5xx", RetryOn::StatusClass(5)),
        ("timed-out", RetryOn::TimedOut),
        ("reset", RetryOn::Reset),
        ("refused-connection", RetryOn::RefusedConnection),
    ];
    let written = item.written().unwrap_or_default();
    if let Ok(status) = written.parse::<u16>() {
        let fitting = (400..=599).contains(&status);
        if !fitting {
            item.fail(problems, format!("must be a status from 400 to 599, and is {status}"));
        }
        return fitting.then_some(RetryOn::Status(status));
    }
    let condition = NAMES.iter().find(|(name, _)| *name == written).map(|(_, condition)| *condition);
    if condition.is_none() {
        let names: Vec<&str> = NAMES.iter().map(|(name, _)| *name).collect();
        let message = format!("{} is nothing that a retry could follow on", quoted(written));
        let suggestion = match nearest(written, &names) {
            near if near.starts_with("did you mean") => near,
            all => format!("{all}, and statuses such as 429"),
        };
        item.suggest(problems, message, suggestion);
    }
    condition
}

#[cfg(test)]
mod tests {
    use super::super::tests::{with, workload};
    use super::*;

    const S: Duration = Duration::from_secs(1);

    #[track_caller]
    fn refused(fields: &str, sentence: &str) {
        let error = with(&format!("    {fields}\n")).expect_err(fields);
        assert!(error.contains(sentence) && error.lines().count() == 1, "{fields}: {error}");
    }

    #[test]
    fn connections_are_a_number_or_more() {
        let read =
            |text: &str| with(&format!("    connections: {text}\n")).map(|workload| workload.connections);
        let plain = |count| Ok(Connections { count, streams: 1, requests_each: None, life: None });
        assert_eq!(read("null"), plain(8));
        assert_eq!(read("3"), plain(3));
        assert_eq!(read("{ count: 3 }"), plain(3));
        let churned = Connections { count: 8, streams: 1, requests_each: Some(100), life: Some(30 * S) };
        assert_eq!(read("{ requests_each: 100, life: 30s }"), Ok(churned));
        refused("connections: { count: 0 }", "connections.count: must be a whole number from 1 to 1000");
        refused("connections: { requests_each: 0 }", "connections.requests_each: must be a whole number");
        refused("connections: { life: 0s }", "connections.life: must be from 1ms to 24h");
        refused("connections: [8]", "connections: must be a whole number from 1 to 1000, and is a list");
        refused("connections: { cuont: 8 }", "did you mean `count`?");
    }

    #[test]
    fn each_worker_of_closed_arrivals_has_a_connection() {
        let read = |more: &str| {
            workload("{ closed: { workers: 20 } }", "1s", &format!("    payload: {{ file: r }}\n{more}"))
                .map(|workload| workload.connections.count)
        };
        assert_eq!(read(""), Ok(20));
        assert_eq!(read("    connections: { life: 5s }\n"), Ok(20));
        assert_eq!(read("    connections: 30\n"), Ok(30));
        let error = read("    connections: 19\n").unwrap_err();
        assert!(error.contains("connections: must be at least 20: each worker"), "{error}");
    }

    #[test]
    fn time_outs_are_one_or_three() {
        let read = |text: &str| {
            with(&format!("    timeout: {text}\n")).map(|workload| {
                let Timeouts { connect, first_byte, whole } = workload.timeouts;
                [connect, first_byte, whole].map(|timeout| timeout.as_secs())
            })
        };
        assert_eq!(read("null"), Ok([5, 35, 35]));
        assert_eq!(read("10s"), Ok([5, 10, 10]));
        assert_eq!(read("{ whole: 10s }"), Ok([5, 10, 10]));
        assert_eq!(read("{ first_byte: 10s }"), Ok([5, 10, 35]));
        assert_eq!(read("{ connect: 60s, first_byte: 10s, whole: 11s }"), Ok([60, 10, 11]));
        refused("timeout: 0s", "timeout: must be from 1ms to 1h");
        refused("timeout: [1s]", "timeout: must be a duration such as 30s, and is a list");
        refused("timeout: { whole: 61m }", "timeout.whole: must be from 1ms to 1h");
        refused("timeout: { whole: 10, first_byte: 50s }", "timeout.whole: has no unit");
        refused("timeout: { first_byte: 36s }", "timeout.first_byte: must be at most `whole`, which is 35s");
    }

    #[test]
    fn retries_are_read() {
        let read = |text: &str| with(&format!("    retry: {text}\n")).map(|workload| workload.retry);
        assert_eq!(read("none"), Ok(None));
        assert_eq!(read("null"), Ok(None));
        let plain = RetrySpec {
            times: 3,
            backoff: Backoff::Fixed(S / 10),
            retry_after: false,
            max_wait: 60 * S,
            on: RETRIED.to_vec(),
        };
        assert_eq!(read("{ times: 3, wait: 100ms }"), Ok(Some(plain.clone())));
        let exponential = |max, jitter| Backoff::Exponential { base: S / 10, max, jitter };
        let backoff = exponential(5 * S, Jitter::Full);
        assert_eq!(
            read("{ times: 3, exponential: { base: 100ms, max: 5s } }"),
            Ok(Some(RetrySpec { backoff, ..plain.clone() }))
        );
        // No wait that is asked for is cut.
        let backoff = exponential(120 * S, Jitter::Equal);
        assert_eq!(
            read("{ times: 3, exponential: { base: 100ms, max: 2m, jitter: equal } }"),
            Ok(Some(RetrySpec { backoff, max_wait: 120 * S, ..plain.clone() }))
        );
        let on = "[429, 5xx, timed-out, reset, refused-connection, '401', 4xx]";
        let expected = [&RETRIED[..], &[RetryOn::Status(401), RetryOn::StatusClass(4)]].concat();
        assert_eq!(
            read(&format!("{{ times: 3, wait: 100ms, retry_after: true, max_wait: 2s, on: {on} }}")),
            Ok(Some(RetrySpec { retry_after: true, max_wait: 2 * S, on: expected, ..plain }))
        );
    }

    #[test]
    fn retries_that_make_no_sense_say_why() {
        for (text, sentence) in [
            ("3", "retry: must say how often and after what wait"),
            ("{ wait: 1s }", "retry.times: is missing"),
            ("{ times: 0, wait: 1s }", "retry.times: must be a whole number from 1 to 100"),
            ("{ times: 3 }", "retry: does not say how long to wait"),
            ("{ times: 3, wait: 1s, exponential: { base: 1s, max: 2s } }", "cannot stand beside `wait`"),
            ("{ times: 3, wait: 61m }", "retry.wait: must be from 0s to 1h"),
            ("{ times: 3, exponential: { base: 1s, max: 999ms } }", "exponential.max: must be from 1s to 1h"),
            ("{ times: 3, exponential: { base: 0s, max: 1s } }", "exponential.base: must be from 1ms"),
            ("{ times: 3, exponential: { base: 1s, max: 2s, jitter: odd } }", "`odd` is not possible"),
            ("{ times: 3, wait: 2s, max_wait: 1s }", "retry.max_wait: must be from 2s to 1h, and is 1s"),
            ("{ times: 3, wait: 1s, retry_after: 5s }", "retry.retry_after: must be true or false"),
            ("{ times: 3, wait: 1s, on: [] }", "retry.on: must have at least one item"),
            (
                "{ times: 3, wait: 1s, on: [200] }",
                "retry.on[0]: must be a status from 400 to 599, and is 200",
            ),
            ("{ times: 3, wait: 1s, on: [429, 429] }", "retry.on[1]: `429` stands here twice"),
            ("{ times: 3, wait: 1s, on: [resset] }", "did you mean `reset`?"),
            ("{ times: 3, wait: 1s, on: [cold] }", "`refused-connection`, and statuses such as 429"),
            ("{ times: 3, wait: 1s, on: [[1]] }", "is nothing that a retry could follow on"),
            ("{ attempts: 3, times: 2, wait: 1s }", "write `times: 3`"),
        ] {
            refused(&format!("retry: {text}"), sentence);
        }
    }

    #[test]
    fn a_condition_means_its_statuses() {
        let means = |condition: RetryOn| [401, 429, 503].map(|status| condition.means_status(status));
        assert_eq!(means(RetryOn::Status(429)), [false, true, false]);
        assert_eq!(means(RetryOn::StatusClass(4)), [true, true, false]);
        assert_eq!(means(RetryOn::StatusClass(5)), [false, false, true]);
        assert_eq!(means(RetryOn::TimedOut), [false; 3]);
    }
}
