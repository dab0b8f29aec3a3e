//! Which headers pass the gateway, and how (Amazon API Gateway Developer Guide, "Amazon API Gateway important
//! notes", table of headers for HTTP proxy integrations).

use std::net::SocketAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};

use super::call::API_ID;
use crate::wire::gateway::FAULT_HEADER;

/// Most bytes of all headers together: names, values and line ends.
pub(super) const HEADERS_LIMIT: usize = 10_240;

/// Request headers that do not reach the back end. Host and Content-Length are made anew; Connection is
/// documented to pass, but has not been seen to. The fault header is not for clients to set.
const DROPPED_REQUEST: [&str; 19] = [
    "connection",
    "content-encoding",
    "content-length",
    "content-md5",
    "expect",
    "host",
    "keep-alive",
    "max-forwards",
    "proxy-authenticate",
    "proxy-connection",
    "server",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
    "www-authenticate",
    "x-amzn-apigateway-api-id",
    FAULT_HEADER,
];

/// Response headers that do not reach the client.
const DROPPED_RESPONSE: [&str; 9] = [
    "expect",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
];

/// Response headers that reach the client under another name: `x-amzn-remapped-` and the old one.
const REMAPPED: [&str; 11] = [
    "authorization",
    "connection",
    "content-length",
    "content-md5",
    "date",
    "max-forwards",
    "server",
    "user-agent",
    "www-authenticate",
    "x-amz-apigw-id",
    "x-amzn-requestid",
];

/// Whether a header says where a message ends: no mapping may set it, or another response would begin within this one.
pub(super) fn frames(name: &HeaderName) -> bool {
    ["connection", "content-length", "transfer-encoding"].contains(&name.as_str())
}

/// Bytes of all headers together.
pub(super) fn total_size(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len() + "\r\n".len()).sum()
}

/// The headers that the back end gets for a request of `client`, received by the gateway at `gateway`.
pub(super) fn to_backend(
    request: &HeaderMap,
    client: SocketAddr,
    gateway: SocketAddr,
    now: SystemTime,
) -> HeaderMap {
    let mut headers = without(request, &DROPPED_REQUEST);
    let mut forwarded: Vec<String> = request
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok().map(str::to_owned))
        .collect();
    forwarded.push(client.ip().to_string());
    set(&mut headers, "x-forwarded-for", &forwarded.join(", "));
    set(&mut headers, "x-forwarded-port", &gateway.port().to_string());
    set(&mut headers, "x-forwarded-proto", "http");
    set(&mut headers, "x-amzn-apigateway-api-id", API_ID);
    let traced = headers.get("x-amzn-trace-id").and_then(|value| value.to_str().ok());
    if !traced.is_some_and(|value| value.contains("Root=")) {
        set(&mut headers, "x-amzn-trace-id", &new_trace_id(now));
    }
    headers
}

/// The headers that the client gets for a back end's response.
pub(super) fn to_client(response: &HeaderMap) -> HeaderMap {
    let mut headers = without(response, &DROPPED_RESPONSE);
    for name in REMAPPED.into_iter().filter(|name| response.contains_key(*name)) {
        let name = HeaderName::from_static(name);
        let values: Vec<HeaderValue> = headers.get_all(&name).iter().cloned().collect();
        headers.remove(&name);
        let remapped = HeaderName::try_from(format!("x-amzn-remapped-{name}"));
        let remapped = remapped.expect("a header name stays one behind a prefix");
        for value in values {
            headers.append(&remapped, value);
        }
    }
    headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
    headers
}

fn without(headers: &HeaderMap, dropped: &[&str]) -> HeaderMap {
    headers
        .iter()
        .filter(|(name, _)| !dropped.contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

fn set(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

/// A root trace id of AWS X-Ray: version, seconds since 1970 in hexadecimal, 96 random bits.
fn new_trace_id(now: SystemTime) -> String {
    let seconds = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let random = uuid::Uuid::new_v4().simple().to_string();
    format!("Root=1-{seconds:08x}-{}", &random[..24])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn towards_the_back_end() {
        let request = headers(&[
            ("accept", "a"),
            ("authorization", "Bearer x"),
            ("content-encoding", "gzip"),
            ("content-length", "7"),
            ("host", "gateway"),
            ("via", "1.1 x"),
            ("x-forwarded-for", "192.0.2.1"),
            ("x-landfall-fault", "forward-denied"),
            ("x-own", "1"),
            ("x-own", "2"),
        ]);
        let (client, gateway) = ("192.0.2.7:999".parse().unwrap(), "127.0.0.1:8080".parse().unwrap());
        let now = UNIX_EPOCH + std::time::Duration::from_secs(0x6540_0001);
        let passed = to_backend(&request, client, gateway, now);
        let trace = passed["x-amzn-trace-id"].to_str().unwrap();
        assert!(trace.starts_with("Root=1-65400001-") && trace.len() == 40, "{trace}");
        let mut rest: Vec<String> = passed
            .iter()
            .filter(|(name, _)| *name != "x-amzn-trace-id")
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .collect();
        rest.sort();
        assert_eq!(
            rest,
            [
                "accept: a",
                "authorization: Bearer x",
                "x-amzn-apigateway-api-id: landfall00",
                "x-forwarded-for: 192.0.2.1, 192.0.2.7",
                "x-forwarded-port: 8080",
                "x-forwarded-proto: http",
                "x-own: 1",
                "x-own: 2",
            ]
        );
    }

    #[test]
    fn a_trace_goes_on() {
        let request = headers(&[("x-amzn-trace-id", "Root=1-65400000-000000000000000000000000")]);
        let address = "127.0.0.1:1".parse().unwrap();
        let passed = to_backend(&request, address, address, UNIX_EPOCH);
        assert_eq!(passed["x-amzn-trace-id"], "Root=1-65400000-000000000000000000000000");
    }

    #[test]
    fn towards_the_client() {
        let response = headers(&[
            ("content-length", "7"),
            ("date", "d"),
            ("server", "Jetty"),
            ("www-authenticate", "Basic"),
            ("x-amzn-requestid", "r"),
            ("transfer-encoding", "chunked"),
            ("via", "1.1 x"),
            ("x-own", "1"),
        ]);
        let passed = to_client(&response);
        let mut rest: Vec<String> =
            passed.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
        rest.sort();
        assert_eq!(
            rest,
            [
                "content-type: application/json",
                "x-amzn-remapped-content-length: 7",
                "x-amzn-remapped-date: d",
                "x-amzn-remapped-server: Jetty",
                "x-amzn-remapped-www-authenticate: Basic",
                "x-amzn-remapped-x-amzn-requestid: r",
                "x-own: 1",
            ]
        );
    }

    #[test]
    fn the_size_counts_line_ends() {
        assert_eq!(total_size(&headers(&[("ab", "cde"), ("f", "")])), 2 + 3 + 2 + 1 + 2);
    }
}
