//! What an HTTP answer says about each record of its request: item before status.
//!
//! The table is that of Confluent's REST Proxy, with the codes of Karapace (1, 2) beside; a code that is
//! not listed leaves the record unknown.

use crate::record::{Answers, RecordAnswer};
use crate::wire::produce::{ProduceItem, ProduceResponse};

/// Reads the answer to a produce request of `records` records. `error_type` is the response's
/// `x-amzn-ErrorType`, which only API Gateway sends.
#[must_use]
pub fn classify(status: u16, error_type: Option<&str>, body: &[u8], records: u32) -> Answers {
    if let Ok(response) = serde_json::from_slice::<ProduceResponse>(body) {
        let mut items: Vec<RecordAnswer> = response.offsets.iter().map(item).collect();
        items.resize(records as usize, RecordAnswer::Unknown);
        return Answers::Each(items);
    }
    let before_integration = error_type.is_some_and(|kind| kind.starts_with("Authorizer"));
    match status {
        400..=406 | 411 | 413..=415 | 422 | 429 | 431 => Answers::All(RecordAnswer::Refused),
        500..=599 if before_integration => Answers::All(RecordAnswer::Refused),
        _ => Answers::All(RecordAnswer::Unknown),
    }
}

fn item(item: &ProduceItem) -> RecordAnswer {
    match (item.error_code, &item.error) {
        (None, None) => RecordAnswer::Acked {
            partition: item.partition.filter(|partition| *partition >= 0),
            offset: item.offset.filter(|offset| *offset >= 0),
        },
        (Some(code), _) if is_refusal(code) => RecordAnswer::Refused,
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
mod tests {
    use super::*;
    use RecordAnswer::{Acked, Refused, Unknown};
    use proptest::prelude::*;

    fn items(body: &str, records: u32) -> Vec<RecordAnswer> {
        let answers = classify(200, None, body.as_bytes(), records);
        (0..records as usize).map(|i| answers.get(i)).collect()
    }

    #[test]
    fn each_item_speaks_for_its_record() {
        let body = r#"{"offsets":[
            {"partition":1,"offset":7,"error_code":null,"error":null},
            {"partition":null,"offset":null,"error_code":50003,"error":"Expiring 1 record(s)"},
            {"partition":null,"offset":null,"error_code":50002,"error":"too large"},
            {"partition":0,"offset":-1},
            {"error_code":1,"error":"retry"},
            {"error_code":2,"error":"no"},
            {"error_code":40301,"error":"no"},
            {"error_code":500,"error":"who knows"},
            {"partition":0,"offset":3,"error":"odd"}]}"#;
        let acked = |partition, offset| Acked { partition, offset };
        assert_eq!(
            items(body, 10),
            [
                acked(Some(1), Some(7)),
                Unknown,
                Refused,
                acked(Some(0), None),
                Unknown,
                Refused,
                Refused,
                Unknown,
                Unknown,
                Unknown, // no item
            ]
        );
    }

    #[test]
    fn items_go_before_the_status() {
        let body = br#"{"offsets":[{"partition":0,"offset":1},{"error_code":1,"error":"x"}]}"#;
        let answers = classify(422, None, body, 2);
        assert!(answers.get(0).is_acked());
        assert_eq!(answers.get(1), Unknown);
    }

    #[test]
    fn without_items_the_status_decides() {
        for status in [400, 401, 403, 404, 406, 411, 413, 414, 415, 422, 429, 431] {
            assert_eq!(classify(status, None, b"{\"message\":\"no\"}", 3), Answers::All(Refused), "{status}");
        }
        for status in [200, 204, 302, 408, 409, 500, 502, 503, 504] {
            assert_eq!(classify(status, None, b"<html>", 3), Answers::All(Unknown), "{status}");
        }
    }

    #[test]
    fn a_gateway_that_failed_before_the_integration_has_refused() {
        let authorizer = classify(500, Some("AuthorizerConfigurationException"), b"{\"message\":null}", 1);
        assert_eq!(authorizer, Answers::All(Refused));
        let other = classify(500, Some("InternalServerErrorException"), b"{}", 1);
        assert_eq!(other, Answers::All(Unknown));
    }

    proptest! {
        #[test]
        fn any_answer_gives_an_answer_a_record(status in 100..600_u16, body: Vec<u8>, records in 1..5_u32) {
            let answers = classify(status, None, &body, records);
            prop_assert_eq!(answers.count(records, |_| true), records);
        }
    }
}
