//! The bytes of a recorded request, as they are to be sent again.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::body::Unbuildable;
use super::recording::{GoldenRequest, decoded};

/// Bytes to send, after a pause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// How long nothing is sent before.
    pub pause: Duration,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// The same request for another cluster: the id that was recorded is replaced by the second of `cluster`.
///
/// # Errors
/// [`Unbuildable::Base64`], where the recording is damaged.
pub fn placed(request: &GoldenRequest, (from, to): (&str, &str)) -> Result<GoldenRequest, Unbuildable> {
    if from.is_empty() || from == to {
        return Ok(request.clone());
    }
    let bytes = |text: &String| {
        decoded(text).map(|bytes| STANDARD.encode(replaced(&bytes, from.as_bytes(), to.as_bytes())))
    };
    let mut request = request.clone();
    request.path = request.path.replace(from, to);
    request.body = request.body.map(|body| body.replace(from, to));
    request.body_b64 = request.body_b64.as_ref().map(bytes).transpose()?;
    request.raw_b64 = request.raw_b64.as_ref().map(bytes).transpose()?;
    for send in request.sends.iter_mut().flatten() {
        send.0 = bytes(&send.0)?;
    }
    Ok(request)
}

/// The writes of a request, and whether it ends before it is whole, so that the sender must say that nothing more comes.
/// `authority` stands in `Host` where the recording has none. Where the proxy stands below a path, `base` is put before the
/// request's.
///
/// # Errors
/// [`Unbuildable`], where the body is elided and cannot be built again.
pub fn writes(
    request: &GoldenRequest,
    authority: &str,
    base: &str,
) -> Result<(Vec<Write>, bool), Unbuildable> {
    if !base.is_empty() && (request.sends.is_some() || request.raw_b64.is_some()) {
        return Err(Unbuildable::Below(base.to_owned()));
    }

    let writes: Vec<Write> = match (&request.sends, &request.raw_b64) {
        (Some(sends), _) => sends
            .iter()
            .map(|send| {
                let pause = Duration::try_from_secs_f64(send.1).unwrap_or_default();
                Ok(Write { pause, bytes: decoded(&send.0)? })
            })
            .collect::<Result<_, _>>()?,
        (None, Some(raw)) => vec![Write { pause: Duration::ZERO, bytes: decoded(raw)? }],
        (None, None) => vec![Write { pause: Duration::ZERO, bytes: composed(request, authority, base)? }],
    };
    let all: Vec<u8> = writes.iter().flat_map(|write| write.bytes.iter().copied()).collect();
    let cut_short = is_cut_short(&all);
    Ok((writes, cut_short))
}

/// Head and body.
fn composed(request: &GoldenRequest, authority: &str, base: &str) -> Result<Vec<u8>, Unbuildable> {
    let body = request.body()?;
    let version = request.http_version.as_deref().unwrap_or("HTTP/1.1");
    let mut bytes = Vec::new();
    // Only a path has something before it: not a whole URL, and not the server itself.
    let base = if request.path.starts_with('/') { base } else { "" };
    latin(&mut bytes, &format!("{} {base}{} {version}\r\n", request.method, request.path));
    let has = |name: &str| request.headers.iter().any(|(field, _)| field.eq_ignore_ascii_case(name));
    // A recording whose head is whole names the host; of others, a client library added what is needed.
    let whole = has("Host");
    if !whole {
        latin(&mut bytes, &format!("Host: {authority}\r\n"));
    }
    for (name, value) in &request.headers {
        latin(&mut bytes, &format!("{name}: {value}\r\n"));
    }
    if request.chunked && !has("Transfer-Encoding") {
        latin(&mut bytes, "Transfer-Encoding: chunked\r\n");
    } else if let Some(body) = body.as_ref().filter(|_| !whole && !has("Content-Length") && !request.chunked)
    {
        latin(&mut bytes, &format!("Content-Length: {}\r\n", body.len()));
    }
    latin(&mut bytes, "\r\n");
    let body = body.unwrap_or_default();
    if request.chunked {
        if !body.is_empty() {
            latin(&mut bytes, &format!("{:x}\r\n", body.len()));
            bytes.extend_from_slice(&body);
            latin(&mut bytes, "\r\n");
        }
        latin(&mut bytes, "0\r\n\r\n");
    } else {
        bytes.extend_from_slice(&body);
    }
    Ok(bytes)
}

/// Text of a head as its bytes: one byte for each character, where it has a place in one.
fn latin(bytes: &mut Vec<u8>, text: &str) {
    for c in text.chars() {
        match u8::try_from(u32::from(c)) {
            Ok(byte) => bytes.push(byte),
            Err(_) => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(at) = rest.windows(from.len()).position(|window| window == from) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(to);
        rest = &rest[at + from.len()..];
    }
    out.extend_from_slice(rest);
    out
}

/// Whether the head promises more than follows.
fn is_cut_short(bytes: &[u8]) -> bool {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return true };
    let (head, body) = (String::from_utf8_lossy(&bytes[..end]), &bytes[end + 4..]);
    let field = |name: &str| {
        head.split("\r\n").skip(1).find_map(|line| {
            let (field, value) = line.split_once(':')?;
            field.eq_ignore_ascii_case(name).then(|| value.trim().to_ascii_lowercase())
        })
    };
    if field("transfer-encoding").is_some_and(|coding| coding.ends_with("chunked")) {
        let last = |window: &[u8]| window == b"\n0\r\n";
        return !(body.starts_with(b"0\r\n") || body.windows(4).any(last)) || !body.ends_with(b"\r\n\r\n");
    }
    let waits = field("expect").is_some();
    field("content-length")
        .and_then(|length| length.parse::<usize>().ok())
        // Who waits to be told to go on, and is not, has said all that it wanted to.
        .is_some_and(|length| length > body.len() && !(waits && body.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(request: &GoldenRequest) -> (String, bool) {
        let (writes, cut_short) = writes(&placed(request, ("AAA", "BBB")).unwrap(), "h:1", "").unwrap();
        (String::from_utf8(writes.into_iter().flat_map(|write| write.bytes).collect()).unwrap(), cut_short)
    }

    #[test]
    fn a_head_is_sent_as_it_was_and_completed_where_a_library_did() {
        let request = GoldenRequest {
            method: "POST".into(),
            path: "/v3/clusters/AAA/topics".into(),
            headers: vec![("X".into(), "é".into())],
            body: Some("{}".into()),
            ..GoldenRequest::default()
        };
        let (writes, cut_short) = writes(&placed(&request, ("AAA", "BBB")).unwrap(), "h:1", "").unwrap();
        let expected =
            b"POST /v3/clusters/BBB/topics HTTP/1.1\r\nHost: h:1\r\nX: \xe9\r\nContent-Length: 2\r\n\r\n{}";
        assert_eq!((writes[0].bytes.as_slice(), cut_short), (&expected[..], false));

        let whole = GoldenRequest {
            headers: vec![("Host".into(), "x".into()), ("Content-Length".into(), "9".into())],
            ..request.clone()
        };
        let expected = "POST /v3/clusters/BBB/topics HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{}";
        assert_eq!(sent(&whole), (expected.to_owned(), true));

        let chunked = GoldenRequest { chunked: true, headers: Vec::new(), ..request };
        let expected = "POST /v3/clusters/BBB/topics HTTP/1.1\r\nHost: h:1\r\nTransfer-Encoding: chunked\r\n\r\n\
                        2\r\n{}\r\n0\r\n\r\n";
        assert_eq!(sent(&chunked), (expected.to_owned(), false));
    }

    #[test]
    fn a_proxy_may_stand_below_a_path() {
        let request = |path: &str| GoldenRequest {
            method: "GET".into(),
            path: path.into(),
            ..GoldenRequest::default()
        };
        for (path, line) in
            [("/topics", "GET /kafka/topics "), ("*", "GET * "), ("http://h/", "GET http://h/ ")]
        {
            let (writes, _) = writes(&request(path), "h:1", "/kafka").unwrap();
            assert!(writes[0].bytes.starts_with(line.as_bytes()), "{path}");
        }
        let raw = GoldenRequest { raw_b64: Some(String::new()), ..request("/") };
        assert_eq!(writes(&raw, "h:1", "/kafka").unwrap_err(), Unbuildable::Below("/kafka".into()));
    }

    #[test]
    fn what_is_cut_short_is_told() {
        for (bytes, expected) in [
            ("GET / HTTP/1.1\r\n\r\n", false),
            ("GET / HTTP/1.1\r\n", true),
            ("POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nab", true),
            ("POST / HTTP/1.1\r\nContent-Length: x\r\n\r\nab", false),
            ("POST / HTTP/1.1\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n", false),
            ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n", false),
            ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", false),
            ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n", true),
        ] {
            assert_eq!(is_cut_short(bytes.as_bytes()), expected, "{bytes}");
        }
    }
}
