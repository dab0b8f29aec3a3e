//! Compressing responses for clients that take them so (API Gateway Developer Guide, "Payload compression for REST
//! APIs").

use std::io::{self, Write};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use http_body_util::{BodyExt, Full};
use hyper::header::{ACCEPT_ENCODING, CONTENT_ENCODING, HeaderMap, HeaderValue};

use crate::doubles::http::Answer;

/// A coding that the gateway knows, beside none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Coding {
    Gzip,
    Deflate,
}

/// The answer to a request with these headers, compressed if its body has `least` bytes or more and the client takes it
/// so. What the back end has compressed stays as it is.
pub(super) async fn compressed(answer: Answer, request: &HeaderMap, least: u64) -> Answer {
    let Some(coding) = coding(request) else { return answer };
    if answer.headers().contains_key(CONTENT_ENCODING) {
        return answer;
    }
    let (mut head, body) = answer.into_parts();
    let Ok(body) = body.collect().await;
    let body = body.to_bytes();
    let packed = (!body.is_empty() && body.len() as u64 >= least).then(|| pack(coding, &body).ok()).flatten();
    let body = match packed {
        None => body,
        Some(packed) => {
            head.headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
            Bytes::from(packed)
        }
    };
    Answer::from_parts(head, Full::new(body))
}

/// The first coding of `Accept-Encoding` that the gateway knows; `None` where that is none at all. A coding of the
/// quality 0 is refused (RFC 9110, section 12.5.3).
fn coding(request: &HeaderMap) -> Option<Coding> {
    let values = request.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).find_map(|listed| {
        let (name, quality) = listed.split_once(';').unwrap_or((listed, ""));
        let quality = quality.trim().strip_prefix("q=").map(str::parse::<f32>);
        if quality == Some(Ok(0.0)) {
            return None;
        }
        [Coding::Gzip, Coding::Deflate]
            .into_iter()
            .find(|known| name.trim().eq_ignore_ascii_case(known.name()))
    })
}

impl Coding {
    fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
        }
    }
}

fn pack(coding: Coding, body: &[u8]) -> io::Result<Vec<u8>> {
    match coding {
        Coding::Gzip => {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(body)?;
            encoder.finish()
        }
        Coding::Deflate => {
            let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(body)?;
            encoder.finish()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_coding_that_is_known_and_wanted_counts() {
        for (accepted, expected) in [
            ("gzip", Some(Coding::Gzip)),
            ("br, GZIP;q=0.5, deflate", Some(Coding::Gzip)),
            ("deflate, gzip", Some(Coding::Deflate)),
            ("gzip;q=0, deflate", Some(Coding::Deflate)),
            ("identity", None),
            ("gzip; q=0.0", None),
            ("", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(accepted));
            assert_eq!(coding(&headers), expected, "{accepted}");
        }
    }
}
