//! JSON as a message, as Java's `JsonFormat` reads it and `DynamicMessage` writes it.

use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use protox::prost_reflect::prost::Message as _;
use protox::prost_reflect::{
    Cardinality, DynamicMessage, EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor,
};
use serde_json::{Map, Value};

use super::Misfit;

/// How deep messages may be nested.
const DEPTH: usize = 100;

const CONFIG: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);

type Encoded<T> = Result<T, Misfit>;

fn told<T>(message: String) -> Encoded<T> {
    Err(Misfit::Told(message))
}

/// Appends `json` as a message.
pub(super) fn message(of: &MessageDescriptor, json: &Value, out: &mut Vec<u8>) -> Encoded<()> {
    merge(of, json, 0, out)
}

fn merge(of: &MessageDescriptor, json: &Value, depth: usize, out: &mut Vec<u8>) -> Encoded<()> {
    if of.package_name() == "google.protobuf" && is_well_known(of.name()) {
        return well_known(of, json, depth, out);
    }
    let Value::Object(members) = json else { return told(format!("Expect message object but got: {json}")) };
    let mut fields: Vec<(u32, Vec<u8>)> = Vec::new();
    let mut oneofs: Vec<(String, String)> = Vec::new();
    for (name, value) in members {
        let Some(field) = of.get_field_by_name(name).or_else(|| of.get_field_by_json_name(name)) else {
            return told(format!("Cannot find field: {name} in message {}", of.full_name()));
        };
        if fields.iter().any(|(number, _)| *number == field.number()) {
            return told(format!("Field {} has already been set.", field.full_name()));
        }
        let mut encoded = Vec::new();
        if field.is_map() {
            map(&field, value, depth, &mut encoded)?;
        } else if field.is_list() {
            list(&field, value, depth, &mut encoded)?;
        } else if !single(&field, value, depth, &mut encoded)? {
            continue;
        } else if let Some(oneof) = field.containing_oneof() {
            let other = oneofs.iter().find(|(name, _)| name == oneof.name());
            if let Some((_, other)) = other {
                return told(format!(
                    "Cannot set field {} because another field {other} belonging to the same oneof has already been set ",
                    field.full_name()
                ));
            }
            oneofs.push((oneof.name().to_owned(), field.full_name().to_owned()));
        }
        if !encoded.is_empty() {
            fields.push((field.number(), encoded));
        }
    }
    let mut required = of.fields().filter(|field| field.cardinality() == Cardinality::Required);
    if required.any(|field| fields.iter().all(|(number, _)| *number != field.number())) {
        // Java's message cannot be built then, which is not told as what is wrong with JSON is.
        return Err(Misfit::Unexpected);
    }
    fields.sort_by_key(|(number, _)| *number);
    for (_, encoded) in &fields {
        out.extend_from_slice(encoded);
    }
    Ok(())
}

fn is_well_known(name: &str) -> bool {
    matches!(
        name,
        "Any"
            | "Timestamp"
            | "Duration"
            | "FieldMask"
            | "Struct"
            | "Value"
            | "ListValue"
            | "BoolValue"
            | "Int32Value"
            | "UInt32Value"
            | "Int64Value"
            | "UInt64Value"
            | "StringValue"
            | "BytesValue"
            | "FloatValue"
            | "DoubleValue"
    )
}

fn well_known(of: &MessageDescriptor, json: &Value, depth: usize, out: &mut Vec<u8>) -> Encoded<()> {
    let field = |name: &str| of.get_field_by_name(name).ok_or(Misfit::Unexpected);
    match (of.name(), json) {
        // Members and elements keep their order.
        ("Struct", Value::Object(_)) => return map(&field("fields")?, json, depth, out),
        ("ListValue", Value::Array(_)) => return list(&field("values")?, json, depth, out),
        ("Value", _) => {
            let name = match json {
                Value::Null => "null_value",
                Value::Bool(_) => "bool_value",
                Value::Number(_) => "number_value",
                Value::String(_) => "string_value",
                Value::Object(_) => "struct_value",
                Value::Array(_) => "list_value",
            };
            return single(&field(name)?, json, depth, out).map(|_| ());
        }
        _ => {}
    }
    if of.name().len() > "Value".len() && of.name().ends_with("Value") && of.name() != "ListValue" {
        let field = of.get_field_by_name("value").ok_or(Misfit::Unexpected)?;
        return single(&field, json, 0, out).map(|_| ());
    }
    if matches!(of.name(), "Timestamp" | "Duration" | "FieldMask") {
        // What has no text has no words of its own either.
        text(json)?;
    }
    let Ok(message) = DynamicMessage::deserialize(of.clone(), json) else {
        return match of.name() {
            "Timestamp" => told(format!("Failed to parse timestamp: {json}")),
            "Duration" => told(format!("Failed to parse duration: {json}")),
            "Struct" => told(format!("Expect a map object but found: {json}")),
            "ListValue" => told(format!("Expected an array for values but found {json}")),
            "Any" => told(format!("Missing type url when parsing: {json}")),
            _ => Err(Misfit::Unexpected),
        };
    };
    out.extend_from_slice(&message.encode_to_vec());
    Ok(())
}

/// A field that is not repeated; whether it is set.
fn single(field: &FieldDescriptor, json: &Value, depth: usize, out: &mut Vec<u8>) -> Encoded<bool> {
    let mut content = Vec::new();
    let Some(wire) = value(field, json, depth, &mut content)? else { return Ok(false) };
    let is_default = match wire {
        Wire::Bytes => content.is_empty(),
        Wire::Varint | Wire::Four | Wire::Eight => content.iter().all(|byte| *byte == 0),
    };
    if field.supports_presence() || !is_default {
        tagged(field, wire, &content, out);
    }
    Ok(true)
}

fn list(field: &FieldDescriptor, json: &Value, depth: usize, out: &mut Vec<u8>) -> Encoded<()> {
    let elements = match json {
        Value::Null => return Ok(()),
        Value::Array(elements) => elements,
        _ => return told(format!("Expected an array for {} but found {json}", field.name())),
    };
    let mut packed = Vec::new();
    for element in elements {
        let mut content = Vec::new();
        let Some(wire) = value(field, element, depth, &mut content)? else {
            let name = field.full_name();
            return told(format!("Repeated field elements cannot be null in field: {name}"));
        };
        if field.is_packed() {
            packed.extend_from_slice(&content);
        } else {
            tagged(field, wire, &content, out);
        }
    }
    if !packed.is_empty() {
        tagged(field, Wire::Bytes, &packed, out);
    }
    Ok(())
}

fn map(field: &FieldDescriptor, json: &Value, depth: usize, out: &mut Vec<u8>) -> Encoded<()> {
    let members: &Map<String, Value> = match json {
        Value::Null => return Ok(()),
        Value::Object(members) => members,
        _ => return told(format!("Expect a map object but found: {json}")),
    };
    let Kind::Message(entry) = field.kind() else { return Err(Misfit::Unexpected) };
    let (key_field, value_field) = (entry.map_entry_key_field(), entry.map_entry_value_field());
    for (name, value) in members {
        let mut content = Vec::new();
        // Of an entry both are written, even where they are the default.
        for (part, json) in [(&key_field, &Value::from(name.as_str())), (&value_field, value)] {
            let mut encoded = Vec::new();
            match self::value(part, json, depth, &mut encoded)? {
                Some(wire) => tagged(part, wire, &encoded, &mut content),
                None => return told("Map value cannot be null.".to_owned()),
            }
        }
        tagged(field, Wire::Bytes, &content, out);
    }
    Ok(())
}

/// How a value stands on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wire {
    Varint,
    Eight,
    Bytes,
    Four,
}

fn tagged(field: &FieldDescriptor, wire: Wire, content: &[u8], out: &mut Vec<u8>) {
    let code = match wire {
        Wire::Varint => 0,
        Wire::Eight => 1,
        Wire::Bytes => 2,
        Wire::Four => 5,
    };
    varint(u64::from(field.number() << 3 | code), out);
    if wire == Wire::Bytes {
        varint(content.len() as u64, out);
    }
    out.extend_from_slice(content);
}

fn varint(mut number: u64, out: &mut Vec<u8>) {
    while number > 0x7f {
        out.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    out.push(number.to_le_bytes()[0]);
}

/// The value's content without tag and length, and how it stands; none of null.
#[expect(clippy::too_many_lines, reason = "a case for each kind, each of a few lines")]
fn value(field: &FieldDescriptor, json: &Value, depth: usize, out: &mut Vec<u8>) -> Encoded<Option<Wire>> {
    let kind = field.kind();
    if json.is_null() {
        return match &kind {
            Kind::Message(of) if of.full_name() == "google.protobuf.Value" => {
                well_known(of, json, depth, out).map(|()| Some(Wire::Bytes))
            }
            Kind::Enum(of) if of.full_name() == "google.protobuf.NullValue" => {
                out.push(0);
                Ok(Some(Wire::Varint))
            }
            _ => Ok(None),
        };
    }
    if json.is_object() && !matches!(kind, Kind::Message(_)) {
        return told(format!("Invalid value: {json} for expected type: {}", name_of(&kind)));
    }
    let unsigned = |number: i64| number.cast_unsigned();
    Ok(Some(match &kind {
        Kind::Int32 => {
            varint(unsigned(whole(json, "int32", i32::MIN.into(), i32::MAX.into())?), out);
            Wire::Varint
        }
        Kind::Int64 => {
            varint(unsigned(whole(json, "int64", i64::MIN, i64::MAX)?), out);
            Wire::Varint
        }
        Kind::Sint32 => {
            let number = whole(json, "int32", i32::MIN.into(), i32::MAX.into())?;
            varint(unsigned(number << 1 ^ number >> 63), out);
            Wire::Varint
        }
        Kind::Sint64 => {
            let number = whole(json, "int64", i64::MIN, i64::MAX)?;
            varint(unsigned(number << 1 ^ number >> 63), out);
            Wire::Varint
        }
        Kind::Sfixed32 => {
            let number = whole(json, "int32", i32::MIN.into(), i32::MAX.into())?;
            out.extend_from_slice(&number.to_le_bytes()[..4]);
            Wire::Four
        }
        Kind::Sfixed64 => {
            out.extend_from_slice(&whole(json, "int64", i64::MIN, i64::MAX)?.to_le_bytes());
            Wire::Eight
        }
        Kind::Uint32 => {
            varint(positive(json, "uint32", u32::MAX.into())?, out);
            Wire::Varint
        }
        Kind::Uint64 => {
            varint(positive(json, "uint64", u64::MAX)?, out);
            Wire::Varint
        }
        Kind::Fixed32 => {
            out.extend_from_slice(&positive(json, "uint32", u32::MAX.into())?.to_le_bytes()[..4]);
            Wire::Four
        }
        Kind::Fixed64 => {
            out.extend_from_slice(&positive(json, "uint64", u64::MAX)?.to_le_bytes());
            Wire::Eight
        }
        Kind::Bool => {
            match text(json)?.as_str() {
                "true" => out.push(1),
                "false" => out.push(0),
                _ => return told(format!("Invalid bool value: {json}")),
            }
            Wire::Varint
        }
        Kind::Float => {
            out.extend_from_slice(&float(json)?.to_le_bytes());
            Wire::Four
        }
        Kind::Double => {
            let text = text(json)?;
            let Some(double) = real(&text) else { return told(format!("Not a double value: {json}")) };
            if double.is_infinite() && !text.ends_with("Infinity") {
                return told(format!("Out of range double value: {json}"));
            }
            out.extend_from_slice(&double.to_le_bytes());
            Wire::Eight
        }
        Kind::String => {
            out.extend_from_slice(text(json)?.as_bytes());
            Wire::Bytes
        }
        Kind::Bytes => {
            let text = text(json)?;
            let decoded = GeneralPurpose::new(&STANDARD, CONFIG).decode(&text);
            let decoded = decoded.or_else(|_| GeneralPurpose::new(&URL_SAFE, CONFIG).decode(&text));
            out.extend_from_slice(&decoded.or_else(|_| told(no_base64(&text)))?);
            Wire::Bytes
        }
        Kind::Enum(of) => {
            varint(unsigned(enumerated(of, json)?.into()), out);
            Wire::Varint
        }
        Kind::Message(of) => {
            if depth + 1 >= DEPTH {
                return told("Hit recursion limit.".to_owned());
            }
            merge(of, json, depth + 1, out)?;
            Wire::Bytes
        }
    }))
}

/// As Java names the type.
fn name_of(kind: &Kind) -> &'static str {
    match kind {
        Kind::Double => "DOUBLE",
        Kind::Float => "FLOAT",
        Kind::Int32 => "INT32",
        Kind::Int64 => "INT64",
        Kind::Uint32 => "UINT32",
        Kind::Uint64 => "UINT64",
        Kind::Sint32 => "SINT32",
        Kind::Sint64 => "SINT64",
        Kind::Fixed32 => "FIXED32",
        Kind::Fixed64 => "FIXED64",
        Kind::Sfixed32 => "SFIXED32",
        Kind::Sfixed64 => "SFIXED64",
        Kind::Bool => "BOOL",
        Kind::String => "STRING",
        Kind::Bytes => "BYTES",
        Kind::Message(_) => "MESSAGE",
        Kind::Enum(_) => "ENUM",
    }
}

/// The text of a scalar; of an array with one element, that element's.
fn text(json: &Value) -> Encoded<String> {
    match json {
        Value::String(text) => Ok(text.clone()),
        Value::Bool(_) | Value::Number(_) => Ok(json.to_string()),
        Value::Array(elements) if elements.len() == 1 => text(&elements[0]),
        Value::Null => told("JsonNull".to_owned()),
        Value::Object(_) => told("JsonObject".to_owned()),
        // The exception says nothing.
        Value::Array(_) => told("null".to_owned()),
    }
}

/// What Guava says of a text that is base64 in neither alphabet.
fn no_base64(text: &str) -> String {
    const EXCEPTION: &str = "com.google.common.io.BaseEncoding$DecodingException";
    let content = text.trim_end_matches('=');
    let is_known = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let length = content.chars().count();
    if length % 4 == 1 {
        return format!("{EXCEPTION}: Invalid input length {length}");
    }
    match content.chars().find(|c| !is_known(c)) {
        Some(c) if c.is_ascii_graphic() => format!("{EXCEPTION}: Unrecognized character: {c}"),
        Some(c) => format!("{EXCEPTION}: Unrecognized character: 0x{:x}", u32::from(c)),
        None => format!("{EXCEPTION}: Invalid input length {length}"),
    }
}

/// A whole number, which may be written with a fraction of zeroes or an exponent.
fn integer(json: &Value) -> Option<i128> {
    let text = text(json).ok()?;
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text.as_str(), 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let fraction = fraction.trim_end_matches('0');
    let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
    let exponent = exponent.checked_sub(i32::try_from(fraction.len()).ok()?)?;
    let power = 10_i128.checked_pow(exponent.unsigned_abs());
    match (digits, exponent) {
        (0, _) => Some(0),
        (_, 0..) => digits.checked_mul(power?),
        _ => power.filter(|power| digits % power == 0).map(|power| digits / power),
    }
}

fn whole(json: &Value, name: &str, least: i64, most: i64) -> Encoded<i64> {
    let number = integer(json).and_then(|number| i64::try_from(number).ok());
    match number.filter(|number| (least..=most).contains(number)) {
        Some(number) => Ok(number),
        None => told(format!("Not an {name} value: {json}")),
    }
}

fn positive(json: &Value, name: &str, most: u64) -> Encoded<u64> {
    let Some(number) = integer(json) else { return told(format!("Not an {name} value: {json}")) };
    match u64::try_from(number).ok().filter(|number| *number <= most) {
        Some(number) => Ok(number),
        None => told(format!("Out of range {name} value: {json}")),
    }
}

fn real(text: &str) -> Option<f64> {
    match text {
        "NaN" => Some(f64::NAN),
        "Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        _ if text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.')) => {
            text.parse().ok().filter(|number: &f64| !number.is_nan())
        }
        _ => None,
    }
}

fn float(json: &Value) -> Encoded<f32> {
    let text = text(json)?;
    let Some(double) = real(&text) else {
        return told(match text.as_str() {
            "" => "empty String".to_owned(),
            _ => format!("For input string: \"{text}\""),
        });
    };
    if double.is_finite() && double.abs() > f64::from(f32::MAX) * (1.0 + 1e-6)
        || double.is_infinite() && !text.ends_with("Infinity")
    {
        return told(format!("Out of range float value: {json}"));
    }
    #[expect(clippy::cast_possible_truncation, reason = "as the proxy does")]
    Ok(double as f32)
}

fn enumerated(of: &EnumDescriptor, json: &Value) -> Encoded<i32> {
    let name = text(json)?;
    if let Some(value) = of.get_value_by_name(&name) {
        return Ok(value.number());
    }
    let number = integer(json).and_then(|number| i32::try_from(number).ok());
    let is_open = of.parent_file().syntax() == protox::prost_reflect::Syntax::Proto3;
    match number.filter(|number| is_open || of.get_value(*number).is_some()) {
        Some(number) => Ok(number),
        None => told(format!("Invalid enum value: {name} for enum type: {}", of.full_name())),
    }
}
