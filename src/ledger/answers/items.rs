//! Reading the items of an answer without keeping them: each becomes its record's answer as it is parsed.

use std::fmt;

use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::is_refusal;
use crate::record::RecordAnswer;
use crate::wire::produce::v3::WRITTEN;

/// Reads the `offsets` of a v2 answer, of which no more than `records` count. False where the body is no
/// `ProduceResponse`: `out` may hold anything then.
pub(super) fn read_v2(body: &[u8], records: usize, out: &mut Vec<RecordAnswer>) -> bool {
    let mut parser = serde_json::Deserializer::from_slice(body);
    let response = Response { items: Items { records, out } };
    response.deserialize(&mut parser).and_then(|()| parser.end()).is_ok()
}

/// Reads the receipts of a v3 answer, one after another, up to `records` or to what is no receipt. False where
/// there is none.
pub(super) fn read_v3(body: &[u8], records: usize, out: &mut Vec<RecordAnswer>) -> bool {
    let mut receipts = serde_json::Deserializer::from_slice(body).into_iter::<Receipt>();
    while out.len() < records {
        // Fields would be read from a list, too, and a list is no receipt.
        let rest = body.get(receipts.byte_offset()..).unwrap_or_default();
        if !rest.trim_ascii_start().starts_with(b"{") {
            break;
        }
        let Some(Ok(receipt)) = receipts.next() else { break };
        out.push(receipt.answer());
    }
    !out.is_empty()
}

/// A receipt of v3, as far as it matters.
#[derive(Deserialize)]
struct Receipt {
    #[serde(default)]
    error_code: Option<i64>,
    #[serde(default)]
    partition_id: Option<i32>,
    #[serde(default)]
    offset: Option<i64>,
}

impl Receipt {
    fn answer(&self) -> RecordAnswer {
        match (self.error_code, self.partition_id, self.offset) {
            (None | Some(WRITTEN), Some(partition), Some(offset)) => acked(Some(partition), Some(offset)),
            (Some(code), ..) if is_refusal(code) => RecordAnswer::Refused,
            _ => RecordAnswer::Unknown,
        }
    }
}

/// An item of v2.
#[derive(Deserialize)]
struct Item {
    #[serde(default)]
    partition: Option<i32>,
    #[serde(default)]
    offset: Option<i64>,
    #[serde(default)]
    error_code: Option<i64>,
    #[serde(default)]
    error: Option<Text>,
}

impl Item {
    fn answer(&self) -> RecordAnswer {
        match (self.error_code, &self.error) {
            (None, None) => acked(self.partition, self.offset),
            (Some(code), _) if is_refusal(code) => RecordAnswer::Refused,
            _ => RecordAnswer::Unknown,
        }
    }
}

fn acked(partition: Option<i32>, offset: Option<i64>) -> RecordAnswer {
    RecordAnswer::Acked {
        partition: partition.filter(|partition| *partition >= 0),
        offset: offset.filter(|offset| *offset >= 0),
    }
}

/// Some text, which is not kept.
struct Text;

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Skip;
        impl Visitor<'_> for Skip {
            type Value = Text;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_str<E>(self, _: &str) -> Result<Text, E> {
                Ok(Text)
            }
        }
        deserializer.deserialize_str(Skip)
    }
}

/// The whole of a v2 answer: what `#[derive(Deserialize)]` makes of `ProduceResponse`, but that its items go to
/// [`Items`].
struct Response<'o> {
    items: Items<'o>,
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum Field {
    Offsets,
    KeySchemaId,
    ValueSchemaId,
    #[serde(other)]
    Other,
}

impl<'de> DeserializeSeed<'de> for Response<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_struct(
            "ProduceResponse",
            &["offsets", "key_schema_id", "value_schema_id"],
            self,
        )
    }
}

impl<'de> Visitor<'de> for Response<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a produce response")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let mut items = Some(self.items);
        let (mut key_schema, mut value_schema) = (false, false);
        while let Some(field) = members.next_key()? {
            match field {
                Field::Offsets => {
                    let items = items.take().ok_or_else(|| A::Error::duplicate_field("offsets"))?;
                    members.next_value_seed(items)?;
                }
                Field::KeySchemaId if key_schema => {
                    return Err(A::Error::duplicate_field("key_schema_id"));
                }
                Field::ValueSchemaId if value_schema => {
                    return Err(A::Error::duplicate_field("value_schema_id"));
                }
                Field::KeySchemaId => {
                    key_schema = true;
                    members.next_value::<Option<i32>>()?;
                }
                Field::ValueSchemaId => {
                    value_schema = true;
                    members.next_value::<Option<i32>>()?;
                }
                Field::Other => {
                    members.next_value::<IgnoredAny>()?;
                }
            }
        }
        if items.is_some() { Err(A::Error::missing_field("offsets")) } else { Ok(()) }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        elements.next_element_seed(self.items)?.ok_or_else(|| A::Error::missing_field("offsets"))?;
        elements.next_element::<Option<i32>>()?;
        elements.next_element::<Option<i32>>()?;
        Ok(())
    }
}

/// A list of items, whose answers go to `out`.
struct Items<'o> {
    records: usize,
    out: &'o mut Vec<RecordAnswer>,
}

impl<'de> DeserializeSeed<'de> for Items<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Items<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of items")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        while let Some(item) = elements.next_element::<Item>()? {
            if self.out.len() < self.records {
                self.out.push(item.answer());
            }
        }
        Ok(())
    }
}
