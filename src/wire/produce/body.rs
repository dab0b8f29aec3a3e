//! Writing the body of a produce request into a buffer, record by record. Nothing is allocated once the buffer has
//! grown to the longest body.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use jiff::Timestamp;
use jiff::fmt::temporal::DateTimePrinter;

use super::ProduceFormat;

/// RFC 3339 in UTC, to the millisecond.
const PRINTER: DateTimePrinter = DateTimePrinter::new().precision(Some(3));

/// How a key or a value is written.
type Push = fn(&mut Vec<u8>, &[u8]);

/// The body of a produce request that is being written.
#[derive(Debug)]
pub struct RequestBody<'b> {
    out: &'b mut Vec<u8>,
    format: ProduceFormat,
    partition: Option<i32>,
    begun: bool,
}

impl<'b> RequestBody<'b> {
    /// Begins a body behind what stands in `out`. `partition` is the one that each record of v3 names; in v2 the
    /// path names it.
    pub fn begin(out: &'b mut Vec<u8>, format: ProduceFormat, partition: Option<i32>) -> Self {
        if matches!(format, ProduceFormat::V2Json | ProduceFormat::V2Binary) {
            out.extend_from_slice(b"{\"records\":[");
        }
        Self { out, format, partition, begun: false }
    }

    /// Adds a record. Key, value and headers' values are what shall land: JSON text, UTF-8 or any bytes, as the
    /// format says; `None` is null. A null key's member is left out. v2 has no headers and no timestamps (milliseconds since
    /// 1970), and leaves them out.
    pub fn push<'h>(
        &mut self,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: impl IntoIterator<Item = (&'h str, Option<&'h [u8]>)>,
        timestamp_ms: Option<i64>,
    ) {
        let stamp = timestamp_ms.and_then(|ms| Timestamp::from_millisecond(ms).ok());
        match self.format {
            ProduceFormat::V2Json => self.v2(key, value, push_json),
            ProduceFormat::V2Binary => self.v2(key, value, push_base64),
            ProduceFormat::V3Json => self.v3(("JSON", push_json), key, value, headers, stamp),
            ProduceFormat::V3Binary => self.v3(("BINARY", push_base64), key, value, headers, stamp),
            ProduceFormat::V3String => self.v3(("STRING", push_text), key, value, headers, stamp),
        }
        self.begun = true;
    }

    /// Ends the body.
    pub fn end(self) {
        if matches!(self.format, ProduceFormat::V2Json | ProduceFormat::V2Binary) {
            self.out.extend_from_slice(b"]}");
        }
    }

    fn v2(&mut self, key: Option<&[u8]>, value: Option<&[u8]>, push: Push) {
        let out = &mut *self.out;
        if self.begun {
            out.push(b',');
        }
        out.push(b'{');
        if let Some(key) = key {
            out.extend_from_slice(b"\"key\":");
            push(out, key);
            out.push(b',');
        }
        out.extend_from_slice(b"\"value\":");
        push_or_null(out, value, push);
        out.push(b'}');
    }

    fn v3<'h>(
        &mut self,
        (kind, push): (&str, Push),
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: impl IntoIterator<Item = (&'h str, Option<&'h [u8]>)>,
        stamp: Option<Timestamp>,
    ) {
        let out = &mut *self.out;
        if self.begun {
            out.push(b'\n');
        }
        out.push(b'{');
        if let Some(partition) = self.partition {
            out.extend_from_slice(b"\"partition_id\":");
            out.extend_from_slice(itoa::Buffer::new().format(partition).as_bytes());
            out.push(b',');
        }
        if let Some(stamp) = stamp {
            out.extend_from_slice(b"\"timestamp\":\"");
            PRINTER.print_timestamp(&stamp, &mut *out).expect("memory can be written to");
            out.extend_from_slice(b"\",");
        }
        let mut first = true;
        for (name, value) in headers {
            out.extend_from_slice(if first { b"\"headers\":[{\"name\":" } else { b",{\"name\":" });
            first = false;
            push_text(out, name.as_bytes());
            out.extend_from_slice(b",\"value\":");
            push_or_null(out, value, push_base64);
            out.push(b'}');
        }
        if !first {
            out.extend_from_slice(b"],");
        }
        let typed = |out: &mut Vec<u8>, member: &[u8], data: Option<&[u8]>| {
            out.extend_from_slice(member);
            out.extend_from_slice(b":{\"type\":\"");
            out.extend_from_slice(kind.as_bytes());
            out.extend_from_slice(b"\",\"data\":");
            push_or_null(out, data, push);
            out.push(b'}');
        };
        if key.is_some() {
            typed(out, b"\"key\"", key);
            out.push(b',');
        }
        typed(out, b"\"value\"", value);
        out.push(b'}');
    }
}

fn push_or_null(out: &mut Vec<u8>, value: Option<&[u8]>, push: Push) {
    match value {
        Some(bytes) => push(out, bytes),
        None => out.extend_from_slice(b"null"),
    }
}

fn push_json(out: &mut Vec<u8>, json: &[u8]) {
    out.extend_from_slice(json);
}

/// A JSON string. Bytes that are not UTF-8 have no place in one, and are replaced.
fn push_text(out: &mut Vec<u8>, text: &[u8]) {
    serde_json::to_writer(out, &String::from_utf8_lossy(text)).expect("memory can be written to");
}

fn push_base64(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'"');
    let start = out.len();
    let length = base64::encoded_len(bytes.len(), true).expect("what fits in memory has a length in base64");
    out.resize(start + length, 0);
    STANDARD.encode_slice(bytes, &mut out[start..]).expect("the room is as long as the text");
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    type Record =
        (Option<&'static [u8]>, Option<&'static [u8]>, &'static [(&'static str, Option<&'static [u8]>)]);

    fn body(format: ProduceFormat, partition: Option<i32>, records: &[Record]) -> String {
        let mut out = b"before ".to_vec();
        let mut body = RequestBody::begin(&mut out, format, partition);
        for (key, value, headers) in records {
            body.push(*key, *value, headers.iter().copied(), None);
        }
        body.end();
        String::from_utf8(out).unwrap().strip_prefix("before ").unwrap().to_owned()
    }

    #[test]
    fn bodies_of_v2_are_compact_and_tell_null_from_empty() {
        let json = body(
            ProduceFormat::V2Json,
            None,
            &[(Some(b"\"k\""), Some(b"{\"a\":1}"), &[]), (None, None, &[])],
        );
        assert_eq!(json, "{\"records\":[{\"key\":\"k\",\"value\":{\"a\":1}},{\"value\":null}]}");
        let binary = body(
            ProduceFormat::V2Binary,
            Some(3),
            &[(None, Some(b"hi"), &[("h", None)]), (Some(b""), Some(b""), &[])],
        );
        assert_eq!(binary, "{\"records\":[{\"value\":\"aGk=\"},{\"key\":\"\",\"value\":\"\"}]}");
    }

    #[test]
    fn bodies_of_v3_are_records_a_line() {
        let json = body(
            ProduceFormat::V3Json,
            Some(7),
            &[(Some(b"\"k\""), Some(b"[1]"), &[("h", Some(b"v1"))]), (None, None, &[])],
        );
        assert_eq!(
            json,
            "{\"partition_id\":7,\"headers\":[{\"name\":\"h\",\"value\":\"djE=\"}],\
             \"key\":{\"type\":\"JSON\",\"data\":\"k\"},\"value\":{\"type\":\"JSON\",\"data\":[1]}}\n\
             {\"partition_id\":7,\"value\":{\"type\":\"JSON\",\"data\":null}}"
        );
        let binary = body(
            ProduceFormat::V3Binary,
            None,
            &[(Some(b""), Some(b"\xff"), &[("a", None), ("\"", Some(b""))])],
        );
        assert_eq!(
            binary,
            "{\"headers\":[{\"name\":\"a\",\"value\":null},{\"name\":\"\\\"\",\"value\":\"\"}],\
             \"key\":{\"type\":\"BINARY\",\"data\":\"\"},\"value\":{\"type\":\"BINARY\",\"data\":\"/w==\"}}"
        );
        let text = body(ProduceFormat::V3String, None, &[(None, Some("é\"\n".as_bytes()), &[])]);
        assert_eq!(text, "{\"value\":{\"type\":\"STRING\",\"data\":\"é\\\"\\n\"}}");
    }

    #[test]
    fn records_of_v3_carry_their_timestamps() {
        let stamped = |format| {
            let mut out = Vec::new();
            let mut body = RequestBody::begin(&mut out, format, None);
            body.push(None, Some(b"1"), [], Some(1_767_225_600_050));
            body.end();
            String::from_utf8(out).unwrap()
        };
        let expected =
            "{\"timestamp\":\"2026-01-01T00:00:00.050Z\",\"value\":{\"type\":\"JSON\",\"data\":1}}";
        assert_eq!(stamped(ProduceFormat::V3Json), expected);
        assert_eq!(stamped(ProduceFormat::V2Json), "{\"records\":[{\"value\":1}]}");
    }

    #[test]
    fn every_body_is_the_json_that_it_should_be() {
        let records: [Record; 2] = [(Some(b"1"), Some(b"2"), &[]), (None, Some(b"3"), &[])];
        for format in [ProduceFormat::V2Json, ProduceFormat::V2Binary] {
            let body: Value = serde_json::from_str(&body(format, None, &records)).unwrap();
            assert_eq!(body["records"].as_array().unwrap().len(), 2);
        }
        for format in [ProduceFormat::V3Json, ProduceFormat::V3Binary, ProduceFormat::V3String] {
            let text = body(format, None, &records);
            let parsed: Vec<Value> =
                serde_json::Deserializer::from_str(&text).into_iter().collect::<Result<_, _>>().unwrap();
            assert_eq!((parsed.len(), parsed[1].get("key")), (2, None));
        }
        assert_eq!(body(ProduceFormat::V3Json, None, &[]), "");
        assert_eq!(body(ProduceFormat::V2Json, None, &[]), json!({"records": []}).to_string());
    }
}
