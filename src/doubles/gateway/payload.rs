//! Reading a request's body as the gateway does: up to 10 MB, decompressed, as text.

use std::io::Read;

use bytes::{Bytes, BytesMut};
use flate2::read::{MultiGzDecoder, ZlibDecoder};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use hyper::header::{CONTENT_ENCODING, EXPECT, HeaderMap};

/// Longest body, in bytes (API Gateway quotas: "Payload size", 10 MB).
pub(super) const PAYLOAD_LIMIT: usize = 10_485_760;

/// How much more than the limit is read, and thrown away, before the refusal is sent. A client that is still
/// sending when the connection closes may never see the answer.
const DISCARD_LIMIT: usize = 4 * PAYLOAD_LIMIT;

/// Why a payload is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PayloadError {
    /// It is longer than [`PAYLOAD_LIMIT`], as sent or decompressed.
    TooLarge,
    /// The client went away or framed it wrongly.
    Broken,
    /// Its coding is none of gzip, deflate and identity, or it is not well-formed in that coding.
    Coding,
}

/// Reads the body as sent.
pub(super) async fn read(headers: &HeaderMap, mut body: Incoming) -> Result<Bytes, PayloadError> {
    let announced = body.size_hint().lower() > PAYLOAD_LIMIT as u64;
    if announced && headers.contains_key(EXPECT) {
        // The client waits for a go-ahead that it will not get.
        return Err(PayloadError::TooLarge);
    }
    let mut read = BytesMut::new();
    let mut total = 0_usize;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| PayloadError::Broken)?.into_data() else { continue };
        // Most come in one piece.
        if body.is_end_stream() && total == 0 && data.len() <= PAYLOAD_LIMIT {
            return Ok(data);
        }
        total = total.saturating_add(data.len());
        if total > DISCARD_LIMIT {
            break;
        }
        if total <= PAYLOAD_LIMIT {
            read.extend_from_slice(&data);
        } else {
            read = BytesMut::new();
        }
    }
    if total > PAYLOAD_LIMIT { Err(PayloadError::TooLarge) } else { Ok(read.freeze()) }
}

/// Undoes the body's content coding. The gateway decompresses before it validates and forwards.
pub(super) fn decode(headers: &HeaderMap, body: Bytes) -> Result<Bytes, PayloadError> {
    let mut codings = headers.get_all(CONTENT_ENCODING).iter();
    let Some(coding) = codings.next() else { return Ok(body) };
    let coding = coding.to_str().map_err(|_| PayloadError::Coding)?.trim();
    if codings.next().is_some() {
        return Err(PayloadError::Coding);
    }
    match coding.to_ascii_lowercase().as_str() {
        "identity" | "" => Ok(body),
        "gzip" => inflate(MultiGzDecoder::new(body.as_ref())),
        "deflate" => {
            let mut decoder = ZlibDecoder::new(body.as_ref());
            let inflated = inflate(&mut decoder)?;
            // The decoder stops at the end of the stream, whatever stands behind it.
            if decoder.total_in() == body.len() as u64 { Ok(inflated) } else { Err(PayloadError::Coding) }
        }
        _ => Err(PayloadError::Coding),
    }
}

fn inflate(decoder: impl Read) -> Result<Bytes, PayloadError> {
    let mut inflated = Vec::new();
    let mut bounded = decoder.take(PAYLOAD_LIMIT as u64 + 1);
    bounded.read_to_end(&mut inflated).map_err(|_| PayloadError::Coding)?;
    if inflated.len() > PAYLOAD_LIMIT { Err(PayloadError::TooLarge) } else { Ok(Bytes::from(inflated)) }
}

/// A body that is not of a binary media type, as it passes either way: bytes that are not UTF-8 are replaced (Developer
/// Guide, "Binary media types for REST APIs").
pub(super) fn as_text(body: Bytes) -> Bytes {
    if std::str::from_utf8(&body).is_ok() {
        return body;
    }
    Bytes::from(String::from_utf8_lossy(&body).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::{GzEncoder, ZlibEncoder};
    use hyper::header::HeaderValue;
    use std::io::Write;

    fn decoded(coding: &'static str, body: &[u8]) -> Result<Bytes, PayloadError> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding));
        decode(&headers, Bytes::copy_from_slice(body))
    }

    fn gzip(body: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(body).unwrap();
        encoder.finish().unwrap()
    }

    fn zlib(body: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(body).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn the_three_codings() {
        assert_eq!(decoded("GZIP", &gzip(b"hello")).unwrap(), "hello");
        assert_eq!(decoded("deflate", &zlib(b"hello")).unwrap(), "hello");
        assert_eq!(decoded("identity", b"hello").unwrap(), "hello");
    }

    #[test]
    fn other_and_corrupt_codings() {
        for coding in ["br", "zstd", "gzip, gzip", "x"] {
            assert_eq!(decoded(coding, &gzip(b"hello")), Err(PayloadError::Coding));
        }
        let (gzip, zlib) = (gzip(b"hello"), zlib(b"hello"));
        for (coding, whole) in [("gzip", &gzip), ("deflate", &zlib)] {
            let end = whole.len();
            let mut flipped = whole.clone();
            flipped[end / 2] ^= 0xFF;
            for bad in [&whole[..end - 1], &[whole.as_slice(), b"x"].concat(), b"hello", b"", &flipped] {
                assert_eq!(decoded(coding, bad), Err(PayloadError::Coding), "{coding} {bad:?}");
            }
        }
    }

    #[test]
    fn a_bomb_is_stopped_at_the_limit() {
        let zeros = vec![0; PAYLOAD_LIMIT + 1];
        assert_eq!(decoded("gzip", &gzip(&zeros)), Err(PayloadError::TooLarge));
        assert_eq!(decoded("deflate", &zlib(&zeros[1..])).map(|body| body.len()), Ok(PAYLOAD_LIMIT));
    }

    #[test]
    fn bytes_that_are_no_text_are_replaced() {
        assert_eq!(as_text(Bytes::from_static(b"a\xFFb")), "a\u{FFFD}b");
        assert_eq!(as_text(Bytes::from_static("ä".as_bytes())), "ä");
    }
}
