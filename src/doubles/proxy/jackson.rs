//! JSON text as Jackson writes a tree that it has read: what a Java REST proxy lets land.
//!
//! Numbers with a fraction or exponent become doubles and are written as `Double.toString` does (Java SE API,
//! `java.lang.Double`); integers keep every digit; characters outside the basic plane become escapes.

use std::fmt::Write as _;

use serde_json::{Number, Value};

/// The compact text of `value`.
pub(super) fn write(value: &Value) -> Vec<u8> {
    let mut text = String::new();
    push(&mut text, value);
    text.into_bytes()
}

fn push(text: &mut String, value: &Value) {
    match value {
        Value::Null => text.push_str("null"),
        Value::Bool(true) => text.push_str("true"),
        Value::Bool(false) => text.push_str("false"),
        Value::Number(number) => push_number(text, number),
        Value::String(string) => push_string(text, string),
        Value::Array(elements) => {
            text.push('[');
            for (index, element) in elements.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                push(text, element);
            }
            text.push(']');
        }
        Value::Object(members) => {
            text.push('{');
            for (index, (name, member)) in members.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                push_string(text, name);
                text.push(':');
                push(text, member);
            }
            text.push('}');
        }
    }
}

fn push_number(text: &mut String, number: &Number) {
    let lexeme = number.to_string();
    if lexeme == "-0" {
        text.push('0');
    } else if lexeme.contains(['.', 'e', 'E']) {
        // The nearest double; a lexeme beyond its range is infinite, which Jackson writes as a string.
        push_double(text, lexeme.parse().unwrap_or(f64::NAN));
    } else {
        text.push_str(&lexeme);
    }
}

/// `Double.toString`: plain from 10^-3 to below 10^7, else with an exponent; always a digit after the point.
fn push_double(text: &mut String, double: f64) {
    if double.is_infinite() {
        text.push_str(if double > 0.0 { "\"Infinity\"" } else { "\"-Infinity\"" });
        return;
    }
    if double == 0.0 || (1e-3..1e7).contains(&double.abs()) {
        let plain = format!("{double}");
        text.push_str(&plain);
        if !plain.contains('.') {
            text.push_str(".0");
        }
        return;
    }
    // Rust's exponent form has the shortest digits that read back as the same double, as Java's has.
    let scientific = format!("{double:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    text.push_str(digits);
    if !digits.contains('.') {
        text.push_str(".0");
    }
    let _ = write!(text, "E{exponent}");
}

fn push_string(text: &mut String, string: &str) {
    text.push('"');
    for c in string.chars() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\u{8}' => text.push_str("\\b"),
            '\t' => text.push_str("\\t"),
            '\n' => text.push_str("\\n"),
            '\u{c}' => text.push_str("\\f"),
            '\r' => text.push_str("\\r"),
            '\0'..='\u{1f}' | '\u{10000}'.. => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    let _ = write!(text, "\\u{unit:04X}");
                }
            }
            _ => text.push(c),
        }
    }
    text.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What recordings of REST Proxy 7.9 show for each value.
    #[test]
    fn values_land_as_a_java_proxy_writes_them() {
        for (sent, landed) in [
            ("1.10", "1.1"),
            ("1e2", "100.0"),
            ("-0", "0"),
            ("-0.0", "-0.0"),
            ("0.001", "0.001"),
            ("0.00012", "1.2E-4"),
            ("12345678.9", "1.23456789E7"),
            ("9999999.0", "9999999.0"),
            ("1E400", "\"Infinity\""),
            ("-1e400", "\"-Infinity\""),
            ("123456789012345678901234567890", "123456789012345678901234567890"),
            ("0.1000000000000000055511151231257827", "0.1"),
            ("\"\\ud83d\\ude00 \\u00e9 \\/ \\u001f\"", "\"\\uD83D\\uDE00 \u{e9} / \\u001F\""),
            ("{ \"b\" : [ 1 , true , null ] , \"a\" : \"\" }", "{\"b\":[1,true,null],\"a\":\"\"}"),
        ] {
            let value: Value = serde_json::from_str(sent).unwrap();
            assert_eq!(String::from_utf8(write(&value)).unwrap(), landed, "{sent}");
        }
    }
}
