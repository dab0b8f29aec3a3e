//! Scalars, and what the YAML 1.2 core schema makes of them.

/// A scalar as written.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Scalar {
    pub(super) text: String,
    /// Written plainly, so that the core schema decides what it is; otherwise it is text.
    pub(super) plain: bool,
}

/// What a scalar is by the core schema (YAML 1.2.2, section 10.3.2).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Resolved<'t> {
    Null,
    Bool(bool),
    Integer(i128),
    Float(f64),
    Text(&'t str),
}

impl Scalar {
    pub(super) fn resolve(&self) -> Resolved<'_> {
        if !self.plain {
            return Resolved::Text(&self.text);
        }
        match self.text.as_str() {
            "" | "~" | "null" | "Null" | "NULL" => Resolved::Null,
            "true" | "True" | "TRUE" => Resolved::Bool(true),
            "false" | "False" | "FALSE" => Resolved::Bool(false),
            ".nan" | ".NaN" | ".NAN" => Resolved::Float(f64::NAN),
            text => number(text).unwrap_or(Resolved::Text(text)),
        }
    }
}

/// `text` as a number, if it is one.
fn number(text: &str) -> Option<Resolved<'_>> {
    if let Some(octal) = text.strip_prefix("0o") {
        return based(octal, 8);
    }
    if let Some(hexadecimal) = text.strip_prefix("0x") {
        return based(hexadecimal, 16);
    }
    let (sign, digits) = match text.as_bytes().first()? {
        b'-' => (-1.0, &text[1..]),
        b'+' => (1.0, &text[1..]),
        _ => (1.0, text),
    };
    if matches!(digits, ".inf" | ".Inf" | ".INF") {
        return Some(Resolved::Float(sign * f64::INFINITY));
    }
    let mantissa = digits.split_once(['e', 'E']).map_or(digits, |(mantissa, _)| mantissa);
    let starts_as_number = mantissa.trim_start_matches('.').starts_with(|c: char| c.is_ascii_digit());
    if !starts_as_number || !mantissa.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return None;
    }
    if digits.bytes().all(|b| b.is_ascii_digit())
        && let Ok(integer) = text.parse()
    {
        return Some(Resolved::Integer(integer));
    }
    text.parse().ok().map(Resolved::Float)
}

fn based(digits: &str, radix: u32) -> Option<Resolved<'_>> {
    let all_digits = !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix));
    if !all_digits {
        return None;
    }
    i128::from_str_radix(digits, radix).ok().map(Resolved::Integer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_follow_the_core_schema() {
        let resolved = |text: &str| format!("{:?}", Scalar { text: text.into(), plain: true }.resolve());
        for (text, expected) in [
            ("", "Null"),
            ("~", "Null"),
            ("null", "Null"),
            ("True", "Bool(true)"),
            ("yes", "Text(\"yes\")"),
            ("off", "Text(\"off\")"),
            ("8", "Integer(8)"),
            ("-08", "Integer(-8)"),
            ("+3", "Integer(3)"),
            ("0x1F", "Integer(31)"),
            ("0o17", "Integer(15)"),
            ("0x", "Text(\"0x\")"),
            ("0x+1", "Text(\"0x+1\")"),
            ("1_000", "Text(\"1_000\")"),
            ("1.5", "Float(1.5)"),
            (".5", "Float(0.5)"),
            ("1e3", "Float(1000.0)"),
            ("-.inf", "Float(-inf)"),
            (".nan", "Float(NaN)"),
            ("inf", "Text(\"inf\")"),
            ("NaN", "Text(\"NaN\")"),
            (".", "Text(\".\")"),
            ("..5", "Text(\"..5\")"),
            ("1.2.3", "Text(\"1.2.3\")"),
            ("-", "Text(\"-\")"),
            ("250ms", "Text(\"250ms\")"),
            ("400/s", "Text(\"400/s\")"),
        ] {
            assert_eq!(resolved(text), expected, "{text}");
        }
    }
}
