//! Media types and what a client accepts, read as Jersey reads them: stricter than most about what is malformed, and
//! careless of qualities of zero.

/// A media type or a range of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MediaType {
    kind: String,
    subtype: String,
    /// By name.
    parameters: Vec<(String, String)>,
    /// In thousandths.
    quality: u16,
}

/// A header that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed;

impl MediaType {
    /// Reads a Content-Type.
    pub(super) fn content(value: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader(value);
        let read = reader.media_type(Strict::Type)?;
        if reader.0.is_empty() { Ok(read) } else { Err(Malformed) }
    }

    /// Whether it is of the type `name`, or a range with it.
    pub(super) fn fits(&self, name: &str) -> bool {
        let Some((kind, subtype)) = name.split_once('/') else { return false };
        let same = |mine: &str, other: &str| mine == "*" || mine.eq_ignore_ascii_case(other);
        // A range of all types is one of all subtypes, whatever it says.
        self.kind == "*" || same(&self.kind, kind) && same(&self.subtype, subtype)
    }

    pub(super) fn is_range(&self) -> bool {
        self.kind == "*" || self.subtype == "*"
    }

    /// Whether Jackson takes documents of this type.
    pub(super) fn is_json(&self) -> bool {
        self.subtype.eq_ignore_ascii_case("json") || self.subtype.ends_with("+json")
    }

    /// The value of a parameter; its name in small letters.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// How it stands in a Content-Type.
    fn text(&self) -> String {
        let mut text = format!("{}/{}", self.kind, self.subtype);
        for (name, value) in &self.parameters {
            let quoted = value.is_empty() || !value.bytes().all(is_token);
            let value = if quoted {
                format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
            } else {
                value.clone()
            };
            text.extend([";", name, "=", &value]);
        }
        text
    }
}

/// What a client accepts, best first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Accepted(Vec<MediaType>);

impl Accepted {
    /// Reads the values of Accept; without any, everything is accepted.
    pub(super) fn read<'v>(values: impl Iterator<Item = &'v [u8]>) -> Result<Self, Malformed> {
        let joined = values.collect::<Vec<_>>().join(&b","[..]);
        let mut ranges = Vec::new();
        let mut reader = Reader(&joined);
        reader.skip_spaces();
        while !reader.0.is_empty() {
            ranges.push(reader.media_type(Strict::Range)?);
            reader.skip_spaces();
            if !reader.0.is_empty() {
                reader.separator(b',')?;
                reader.skip_spaces();
            }
        }
        let wildcards = |range: &MediaType| {
            if range.kind == "*" { 2 } else { u8::from(range.subtype == "*") }
        };
        ranges.sort_by_key(|range| (u16::MAX - range.quality, wildcards(range)));
        Ok(Self(ranges))
    }

    /// The Content-Type of an answer that could be of the type `name`, with what the client says more of it; `None` where
    /// it does not accept that.
    pub(super) fn answer(&self, name: &str) -> Option<String> {
        if self.0.is_empty() {
            return Some(name.to_owned());
        }
        let best = self.0.iter().find(|range| range.fits(name))?;
        Some(if best.is_range() { name.to_owned() } else { best.text() })
    }

    /// The first of `names` that fits the best range that any of them fits.
    pub(super) fn preferred<'n>(&self, names: &[&'n str]) -> Option<&'n str> {
        if self.0.is_empty() {
            return names.first().copied();
        }
        self.0.iter().find_map(|range| names.iter().find(|name| range.fits(name)).copied())
    }

    /// The best range as it would stand in a Content-Type, where it is no range.
    pub(super) fn best(&self) -> Option<String> {
        self.0.first().filter(|best| !best.is_range()).map(MediaType::text)
    }
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?={}".contains(&byte)
}

/// Which of the two grammars is read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Strict {
    Type,
    /// The subtype may be missing, and a quality may be there.
    Range,
}

/// What is left of a header.
struct Reader<'v>(&'v [u8]);

impl Reader<'_> {
    fn skip_spaces(&mut self) {
        self.0 = self.0.trim_ascii_start();
    }

    fn separator(&mut self, wanted: u8) -> Result<(), Malformed> {
        self.0 = self.0.strip_prefix(&[wanted]).ok_or(Malformed)?;
        Ok(())
    }

    fn token(&mut self) -> Result<String, Malformed> {
        let end = self.0.iter().position(|byte| !is_token(*byte)).unwrap_or(self.0.len());
        let (token, rest) = self.0.split_at(end);
        self.0 = rest;
        if token.is_empty() { Err(Malformed) } else { Ok(String::from_utf8_lossy(token).into_owned()) }
    }

    fn value(&mut self) -> Result<String, Malformed> {
        let Some(mut rest) = self.0.strip_prefix(b"\"") else { return self.token() };
        let mut value = Vec::new();
        loop {
            match rest {
                [b'"', after @ ..] => {
                    self.0 = after;
                    return Ok(String::from_utf8_lossy(&value).into_owned());
                }
                [b'\\', byte, after @ ..] | [byte, after @ ..] => {
                    value.push(*byte);
                    rest = after;
                }
                [] => return Err(Malformed),
            }
        }
    }

    fn media_type(&mut self, strict: Strict) -> Result<MediaType, Malformed> {
        self.skip_spaces();
        let kind = self.token()?;
        let mut subtype = "*".to_owned();
        if self.0.first() == Some(&b'/') || strict == Strict::Type {
            self.separator(b'/')?;
            subtype = self.token()?;
        }
        let (mut parameters, mut quality) = (Vec::new(), 1000);
        loop {
            self.skip_spaces();
            match self.0.first() {
                None => break,
                Some(b',') if strict == Strict::Range => break,
                Some(_) => self.separator(b';')?,
            }
            self.skip_spaces();
            if matches!(self.0.first(), None | Some(b';' | b',')) {
                continue;
            }
            let name = self.token()?.to_ascii_lowercase();
            self.separator(b'=')?;
            let value = self.value()?;
            match (strict, name.as_str()) {
                (Strict::Range, "q") => quality = thousandths(&value)?,
                (Strict::Range, "qs") => {}
                _ => parameters.push((name, value)),
            }
        }
        parameters.sort();
        Ok(MediaType { kind, subtype, parameters, quality })
    }
}

/// A quality: from 0 to 1 with three digits at most.
fn thousandths(text: &str) -> Result<u16, Malformed> {
    let (whole, fraction) = match text.split_once('.') {
        Some(("", "")) => return Err(Malformed),
        Some(parts) => parts,
        None => (text, ""),
    };
    let whole: u16 = match whole {
        "0" => 0,
        "1" => 1000,
        "" if !fraction.is_empty() => 0,
        _ => return Err(Malformed),
    };
    if fraction.len() > 3 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Malformed);
    }
    let fraction: u16 = format!("{fraction:0<3}").parse().map_err(|_| Malformed)?;
    if whole + fraction > 1000 { Err(Malformed) } else { Ok(whole + fraction) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const V2: &str = "application/vnd.kafka.v2+json";

    fn answer(accept: &str) -> Result<Option<String>, Malformed> {
        Accepted::read(std::iter::once(accept.as_bytes())).map(|accepted| accepted.answer(V2))
    }

    #[test]
    fn the_answers_type_is_as_the_client_wants_it() {
        for accept in [
            "",
            "*/*",
            "*",
            "application/*",
            "*/json",
            "text/html, */*;q=0.1",
            "*/*;q=0",
            "application/*;charset=utf-8",
            "application/json, application/vnd.kafka.v2+json",
            "application/vnd.kafka.v2+json;;",
            "application/vnd.kafka.v2+json;qs=0.2,",
        ] {
            assert_eq!(answer(accept), Ok(Some(V2.to_owned())), "{accept}");
        }
        for accept in ["garbage", "application/json", "application/*+json", "text/plain"] {
            assert_eq!(answer(accept), Ok(None), "{accept}");
        }
        for (accept, more) in [
            ("application/vnd.kafka.v2+json; charset=\"utf-8\"", "charset=utf-8"),
            ("*/*, application/vnd.kafka.v2+json;charset=utf-8", "charset=utf-8"),
            ("application/vnd.kafka.v2+json;a=b;q=0.3;c=d", "a=b;c=d"),
            ("application/vnd.kafka.v2+json;a=\"x\\\"y\"", "a=\"x\\\"y\""),
        ] {
            assert_eq!(answer(accept), Ok(Some(format!("{V2};{more}"))), "{accept}");
        }
    }

    #[test]
    fn malformed_ranges_are_told() {
        for accept in [
            ",",
            ",*/*",
            "application/json,,application/vnd.kafka.v2+json",
            "application/",
            "/json",
            "a/b/c",
            "application/vnd.kafka.v2+json;q=abc",
            "application/vnd.kafka.v2+json;q=2",
            "application/vnd.kafka.v2+json; q",
            "application/vnd.kafka.v2+json application/json",
            "application/vnd.kafka.v2+json;a=\"x",
            "\"",
        ] {
            assert_eq!(answer(accept), Err(Malformed), "{accept}");
        }
    }

    #[test]
    fn content_types_are_read_strictly() {
        for good in ["a/b", " a/b ; charset=utf-8 ", "a/b;", "a/b; ; x=\"\"", "a/b;x=\"b;c\"", "*/*", "A/B"] {
            assert!(MediaType::content(good.as_bytes()).is_ok(), "{good}");
        }
        for bad in [
            "",
            "a",
            "a/",
            "/b",
            "a / b",
            "a/ b",
            "a/b c",
            "a/b, c/d",
            "a/b;x",
            "a/b;x=",
            "a/b;x = y",
            "a/b/c",
        ] {
            assert_eq!(MediaType::content(bad.as_bytes()), Err(Malformed), "{bad}");
        }
        let upper = MediaType::content(b"APPLICATION/VND.KAFKA.V2+JSON").unwrap();
        assert!(upper.fits(V2) && !upper.is_json());
    }
}
