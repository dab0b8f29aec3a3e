//! What an HTTP answer says about each record of its request: item before status.
//!
//! The table is that of Confluent's REST Proxy, with the codes of Karapace (1, 2) beside; a code that is
//! not listed leaves the record unknown.

mod items;

use crate::record::RecordAnswer;
use crate::wire::produce::{Api, ProduceFormat};

/// Reads the answer to a produce request of `records` records in `format` into `out`, in place of what was there: an
/// answer for each record. `error_type` is the response's `x-amzn-ErrorType`, which only API Gateway sends. Allocates
/// nothing once `out` has grown, but for what the error texts of a refusal need in order to be skipped. Returns whether the
/// answer has items, which only a proxy's has.
pub fn classify(
    status: u16,
    error_type: Option<&str>,
    body: &[u8],
    records: u32,
    format: ProduceFormat,
    out: &mut Vec<RecordAnswer>,
) -> bool {
    let has_items = read_items(status, body, records, format, out);
    if !has_items {
        out.clear();
        out.resize(records as usize, by_status(status, error_type));
    }
    has_items
}

/// Reads what the answer says of each record; records that it is silent about are unknown. False where it has no
/// items: then what stands in `out` says nothing.
fn read_items(
    status: u16,
    body: &[u8],
    records: u32,
    format: ProduceFormat,
    out: &mut Vec<RecordAnswer>,
) -> bool {
    out.clear();
    let records = records as usize;
    let read = match format.api() {
        Api::V2 => items::read_v2(body, records, out),
        // Only a stream that has begun has receipts, and it begins with 200: an error entity is no receipt.
        Api::V3 => (200..300).contains(&status) && items::read_v3(body, records, out),
    };
    out.resize(records, RecordAnswer::Unknown);
    read
}

/// What an answer without items says of every record.
fn by_status(status: u16, error_type: Option<&str>) -> RecordAnswer {
    let before_integration = error_type.is_some_and(|kind| kind.starts_with("Authorizer"));
    match status {
        400..=406 | 411 | 413..=415 | 422 | 429 | 431 => RecordAnswer::Refused,
        500..=599 if before_integration => RecordAnswer::Refused,
        _ => RecordAnswer::Unknown,
    }
}

/// Whether an item's code says for certain that the record was not written. 50003 (Confluent) and 1
/// (Karapace) are retriable: the record may have been written all the same.
fn is_refusal(code: i64) -> bool {
    let status = if code >= 10_000 { code / 100 } else { code };
    matches!(code, 2 | 50002) || matches!(status, 400..=406 | 411 | 413..=415 | 422 | 429)
}

#[cfg(test)]
mod tests;
