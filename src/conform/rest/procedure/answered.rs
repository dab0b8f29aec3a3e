//! What an answer says of each record.

use serde_json::{Map, Value};

use crate::conform::golden::{GoldenResponse, unpacked};

/// What an answer says of one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Receipt {
    /// It stands there.
    At(i32, i64),
    /// It does not, as these words say.
    Refused(String),
}

/// What an answer says of each record: the entries of v2, or the receipts of v3.
#[must_use]
pub fn receipts(answer: &GoldenResponse) -> Vec<Receipt> {
    let body = unpacked(answer, answer.body().ok().flatten().unwrap_or_default());
    let documents = serde_json::Deserializer::from_slice(&body).into_iter::<Value>();
    let each = documents.map_while(Result::ok).flat_map(|document| match document {
        Value::Object(mut members) => match members.remove("offsets") {
            Some(Value::Array(entries)) => entries,
            _ => vec![Value::Object(members)],
        },
        other => vec![other],
    });
    each.map(|entry| receipt(&entry)).collect()
}

fn receipt(entry: &Value) -> Receipt {
    let number = |members: &Map<String, Value>, names: [&str; 2]| {
        names.iter().find_map(|name| members.get(*name).and_then(Value::as_i64))
    };
    let at = entry.as_object().and_then(|members| {
        let partition = number(members, ["partition", "partition_id"])?;
        let offset = number(members, ["offset", "offset"])?;
        Some((i32::try_from(partition).ok()?, offset))
    });
    at.map_or_else(
        || Receipt::Refused(entry.to_string()),
        |(partition, offset)| Receipt::At(partition, offset),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions_tell_where_records_stand() {
        let read = |body: &str| {
            receipts(&GoldenResponse { status: 200, body: Some(body.into()), ..GoldenResponse::default() })
        };
        let v2 = r#"{"offsets":[{"partition":2,"offset":7,"error_code":null},{"partition":null,"offset":null,"error_code":50003}]}"#;
        let refused = r#"{"partition":null,"offset":null,"error_code":50003}"#;
        assert_eq!(read(v2), [Receipt::At(2, 7), Receipt::Refused(refused.into())]);
        let v3 = "{\"error_code\":200,\"partition_id\":1,\"offset\":3}\r\n{\"error_code\":400,\"message\":\"m\"}\r\n";
        let refused = r#"{"error_code":400,"message":"m"}"#;
        assert_eq!(read(v3), [Receipt::At(1, 3), Receipt::Refused(refused.into())]);
        assert_eq!(read("no json"), []);
    }
}
