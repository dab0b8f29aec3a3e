//! Which headers pass the gateway, and how (Amazon API Gateway Developer Guide, "Amazon API Gateway important
//! notes", table of headers for HTTP proxy integrations).

use std::net::SocketAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
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

/// How many headers the gateway adds to a request, at most.
const ADDED: usize = 6;

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
    "x-amzn-remapped-authorization",
    "x-amzn-remapped-connection",
    "x-amzn-remapped-content-length",
    "x-amzn-remapped-content-md5",
    "x-amzn-remapped-date",
    "x-amzn-remapped-max-forwards",
    "x-amzn-remapped-server",
    "x-amzn-remapped-user-agent",
    "x-amzn-remapped-www-authenticate",
    "x-amzn-remapped-x-amz-apigw-id",
    "x-amzn-remapped-x-amzn-requestid",
];

/// Whether a header says where a message ends: no mapping may set it, or another response would begin within this one.
pub(super) fn frames(name: &HeaderName) -> bool {
    ["connection", "content-length", "transfer-encoding"].contains(&name.as_str())
}

/// Bytes of all headers together.
pub(super) fn total_size(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len() + "\r\n".len()).sum()
}

/// Where clients reach the gateway.
#[derive(Debug, Clone, Copy)]
pub(super) struct Front {
    pub(super) port: u16,
    /// `http` or `https`.
    pub(super) scheme: &'static str,
}

/// The headers that the back end gets for a request of `client`, which came to `front`.
pub(super) fn to_backend(
    request: &HeaderMap,
    client: SocketAddr,
    front: Front,
    now: SystemTime,
) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(request.len() + ADDED);
    for (name, value) in request {
        if !DROPPED_REQUEST.contains(&name.as_str()) {
            headers.append(name, value.clone());
        }
    }
    let mut forwarded = String::new();
    for value in request.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok()) {
        forwarded.push_str(value);
        forwarded.push_str(", ");
    }
    forwarded.push_str(&client.ip().to_string());
    set(&mut headers, "x-forwarded-for", forwarded);
    headers.insert("x-forwarded-port", HeaderValue::from(front.port));
    headers.insert("x-forwarded-proto", HeaderValue::from_static(front.scheme));
    headers.insert("x-amzn-apigateway-api-id", HeaderValue::from_static(API_ID));
    let traced = headers.get("x-amzn-trace-id").and_then(|value| value.to_str().ok());
    if !traced.is_some_and(|value| value.contains("Root=")) {
        set(&mut headers, "x-amzn-trace-id", new_trace_id(now));
    }
    headers
}

/// The headers that the client gets for a back end's response.
pub(super) fn to_client(response: &HeaderMap) -> HeaderMap {
    // Two ids and perhaps a type come to it.
    let mut headers = HeaderMap::with_capacity(response.len() + 3);
    for (name, value) in response {
        if DROPPED_RESPONSE.contains(&name.as_str()) {
            continue;
        }
        let prefix = "x-amzn-remapped-".len();
        let remapped = REMAPPED.into_iter().find(|remapped| remapped[prefix..] == *name.as_str());
        headers.append(remapped.map_or_else(|| name.clone(), HeaderName::from_static), value.clone());
    }
    headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
    headers
}

fn set(headers: &mut HeaderMap, name: &'static str, value: String) {
    if let Ok(value) = HeaderValue::from_maybe_shared(Bytes::from(value)) {
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
        let (client, front) = ("192.0.2.7:999".parse().unwrap(), Front { port: 8080, scheme: "https" });
        let now = UNIX_EPOCH + std::time::Duration::from_secs(0x6540_0001);
        let passed = to_backend(&request, client, front, now);
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
                "x-forwarded-proto: https",
                "x-own: 1",
                "x-own: 2",
            ]
        );
    }

    #[test]
    fn a_trace_goes_on() {
        let request = headers(&[("x-amzn-trace-id", "Root=1-65400000-000000000000000000000000")]);
        let (client, front) = ("127.0.0.1:1".parse().unwrap(), Front { port: 1, scheme: "http" });
        let passed = to_backend(&request, client, front, UNIX_EPOCH);
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
