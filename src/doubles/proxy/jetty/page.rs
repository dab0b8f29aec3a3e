//! The pages that Jetty answers with in place of the proxy.

use std::borrow::Cow;
use std::fmt::Write as _;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{ACCEPT, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::{Response, StatusCode};

use super::head::Refusal;
use crate::doubles::http::Answer;
use crate::scenario::ProxyRelease;

const NO_CACHE: HeaderValue = HeaderValue::from_static("must-revalidate,no-cache,no-store");
const HTML: HeaderValue = HeaderValue::from_static("text/html;charset=iso-8859-1");

/// The reason phrase of a response, where it is not its status' own: an extension.
#[derive(Debug, Clone)]
pub(in crate::doubles::proxy) struct Reason(pub(in crate::doubles::proxy) Cow<'static, str>);

/// Marks what Jetty answers in place of the proxy: an extension.
#[derive(Debug, Clone)]
pub(super) struct Page;

/// The answer to a request that the parser refused, after which the connection ends.
pub(super) fn refused_by_parser(refusal: Refusal, release: ProxyRelease) -> Answer {
    let Refusal { status, reason, target } = refusal;
    let code = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    if release == ProxyRelease::Confluent8_3 {
        let target = target.as_deref().unwrap_or("/badMessage");
        let page = error_page(release, code, &reason, target);
        return answer(code, HTML, page.into(), true);
    }
    let page = format!("<h1>Bad Message {status}</h1><pre>reason: {reason}</pre>");
    let mut response = answer(code, HTML, page.into(), false);
    response.extensions_mut().insert(Reason(reason));
    response
}

/// What a client will look at, as Jetty's error handler understands its Accept.
enum Wanted {
    Html,
    Json,
    Text,
    Nothing,
}

/// The answer that the servlet container gives where Jersey gives none of its own: a page of the kind that the client
/// accepts.
pub(in crate::doubles::proxy) fn refused_by_servlet(
    status: StatusCode,
    headers: &HeaderMap,
    path: &str,
    release: ProxyRelease,
) -> Answer {
    let reason = status.canonical_reason().unwrap_or_default();
    let servlet = release.is_6_2();
    match wanted(headers) {
        Wanted::Html => answer(status, HTML, error_page(release, status, reason, path).into(), true),
        Wanted::Json => {
            let servlet = if servlet { "\"servlet\":\"default\",\n" } else { "" };
            let path = path.replace('\\', "\\\\").replace('"', "\\\"");
            let text = format!(
                "{{\n{servlet}\"message\":\"{reason}\",\n\"url\":\"{path}\",\n\"status\":\"{}\"\n}}",
                status.as_u16()
            );
            answer(status, HeaderValue::from_static("application/json"), text.into(), true)
        }
        Wanted::Text => {
            let code = status.as_u16();
            let mut text =
                format!("HTTP ERROR {code} {reason}\nURI: {path}\nSTATUS: {code}\nMESSAGE: {reason}\n");
            if servlet {
                text.push_str("SERVLET: default\n");
            }
            answer(status, HeaderValue::from_static("text/plain;charset=iso-8859-1"), text.into(), true)
        }
        Wanted::Nothing => {
            let mut response = Response::new(Full::new(Bytes::new()));
            *response.status_mut() = status;
            response.headers_mut().insert(CACHE_CONTROL, NO_CACHE);
            response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
            response.extensions_mut().insert(Page);
            response
        }
    }
}

fn wanted(headers: &HeaderMap) -> Wanted {
    let mut values = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).peekable();
    if values.peek().is_none() {
        return Wanted::Html;
    }
    let mut ranges: Vec<(f32, &str)> = values
        .flat_map(|value| value.split(','))
        .map(|range| {
            let mut parts = range.split(';').map(str::trim);
            let kind = parts.next().unwrap_or_default();
            let quality = parts.find_map(|part| part.strip_prefix("q=")?.parse().ok());
            (quality.unwrap_or(1.0), kind)
        })
        .collect();
    ranges.sort_by(|a, b| b.0.total_cmp(&a.0));
    for (quality, kind) in ranges {
        if quality <= 0.0 {
            continue;
        }
        match kind {
            "text/html" | "text/*" | "*/*" => return Wanted::Html,
            "text/json" | "application/json" => return Wanted::Json,
            "text/plain" => return Wanted::Text,
            _ => {}
        }
    }
    Wanted::Nothing
}

fn error_page(release: ProxyRelease, status: StatusCode, message: &str, uri: &str) -> String {
    let code = status.as_u16();
    let (charset, newline, servlet) = match release {
        ProxyRelease::Confluent6_2_0 => ("utf-8", "", true),
        ProxyRelease::Confluent6_2 => ("ISO-8859-1", "", true),
        ProxyRelease::Confluent7_9 => ("ISO-8859-1", "", false),
        ProxyRelease::Confluent8_3 => ("ISO-8859-1", "\n", false),
    };
    let escaped = |text: &str| {
        let text =
            text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
        if release == ProxyRelease::Confluent8_3 { text.replace('\'', "&apos;") } else { text }
    };
    let (message, uri) = (escaped(message), escaped(uri));
    let mut page = format!(
        "<html>\n<head>\n<meta http-equiv=\"Content-Type\" content=\"text/html;charset={charset}\"/>\n\
         <title>Error {code} {message}</title>\n</head>\n<body>{newline}<h2>HTTP ERROR {code} {message}</h2>\n<table>\n"
    );
    let mut row = |name: &str, value: &str| {
        // Text can be written to.
        let _ = writeln!(page, "<tr><th>{name}:</th><td>{value}</td></tr>");
    };
    row("URI", &uri);
    row("STATUS", &code.to_string());
    row("MESSAGE", &message);
    if servlet {
        row("SERVLET", "default");
    }
    page.push_str("</table>\n\n</body>\n</html>\n");
    page
}

fn answer(status: StatusCode, kind: HeaderValue, page: Bytes, no_cache: bool) -> Answer {
    let length = HeaderValue::from(page.len());
    let mut response = Response::new(Full::new(page));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    if no_cache {
        headers.insert(CACHE_CONTROL, NO_CACHE);
    }
    headers.insert(CONTENT_TYPE, kind);
    headers.insert(CONTENT_LENGTH, length);
    response.extensions_mut().insert(Page);
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt as _;

    fn of(accept: &[&'static str]) -> (Option<String>, String) {
        let mut headers = HeaderMap::new();
        for value in accept {
            headers.append(ACCEPT, HeaderValue::from_static(value));
        }
        let response =
            refused_by_servlet(StatusCode::BAD_REQUEST, &headers, "/topics/p1", ProxyRelease::Confluent7_9);
        let kind = response.headers().get(CONTENT_TYPE).map(|kind| kind.to_str().unwrap().to_owned());
        let body = futures_executor::block_on(response.into_body().collect()).unwrap().to_bytes();
        (kind, String::from_utf8(body.to_vec()).unwrap())
    }

    #[test]
    fn the_page_is_of_a_kind_that_the_client_accepts() {
        let (kind, page) = of(&[]);
        assert_eq!((kind.as_deref(), page.len()), (Some("text/html;charset=iso-8859-1"), 335));
        assert_eq!(of(&["text/html;q=0.5, application/json"]).0.as_deref(), Some("application/json"));
        assert_eq!(of(&["text/plain"]).0.as_deref(), Some("text/plain;charset=iso-8859-1"));
        assert_eq!(of(&["application/vnd.kafka.v2+json"]), (None, String::new()));
    }
}
