//! How many requests a client's bytes hold at most (RFC 9112, "Message Body Length" and "Persistence"). Where a server that
//! reads leniently might see another end of a request than one that reads strictly, that request is the last.

/// The most requests that may be taken from these bytes.
pub(crate) fn requests(mut rest: &[u8]) -> u64 {
    let mut count = 0;
    loop {
        // Empty lines before a request do not count (RFC 9112, 2.2).
        let begin = rest.iter().position(|byte| !b"\r\n".contains(byte)).unwrap_or(rest.len());
        rest = &rest[begin..];
        let Some((head, after)) = head(rest) else { return count };
        count += 1;
        let Some(next) = Framing::of(&head).and_then(|framing| framing.skip(after)) else { return count };
        rest = next;
    }
}

/// The lines up to the first empty one, without their ends, and what follows.
pub(crate) fn head(mut rest: &[u8]) -> Option<(Vec<&[u8]>, &[u8])> {
    let mut lines = Vec::new();
    loop {
        let (line, after) = line(rest)?;
        if line.is_empty() {
            return Some((lines, after));
        }
        lines.push(line);
        rest = after;
    }
}

/// A line without its end, which may be a line feed alone (RFC 9112, 2.2).
fn line(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = text.iter().position(|byte| *byte == b'\n')?;
    let line = &text[..end];
    Some((line.strip_suffix(b"\r").unwrap_or(line), &text[end + 1..]))
}

/// Where a request ends that another may follow.
pub(crate) enum Framing {
    Length(usize),
    Chunked,
}

impl Framing {
    /// `None` where it is in doubt, or where nothing may follow.
    pub(crate) fn of(head: &[&[u8]]) -> Option<Self> {
        let (first, fields) = head.split_first()?;
        let mut persists = first.ends_with(b" HTTP/1.1");
        let is_old = first.ends_with(b" HTTP/1.0");
        if !persists && !is_old || head.iter().any(|line| line.contains(&b'\r') || line.contains(&0)) {
            return None;
        }
        let (mut closes, mut lengths, mut codings) = (false, Vec::new(), Vec::new());
        for field in fields {
            let colon = field.iter().position(|byte| *byte == b':')?;
            let name = field[..colon].to_ascii_lowercase();
            if name.is_empty() || name.contains(&b' ') || name.contains(&b'\t') {
                return None;
            }
            let value = field[colon + 1..].to_ascii_lowercase();
            let mut items = value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
            match name.as_slice() {
                b"content-length" => lengths.extend(items.map(<[u8]>::to_vec)),
                b"transfer-encoding" => codings.extend(items.map(<[u8]>::to_vec)),
                b"connection" => {
                    closes |= items.clone().any(|item| item == b"close");
                    persists |= items.any(|item| item == b"keep-alive");
                }
                _ => {}
            }
        }
        if closes || !persists {
            return None;
        }
        let chunked = codings.iter().position(|coding| coding == b"chunked");
        match (lengths.split_first(), chunked) {
            (None, None) if codings.is_empty() => Some(Self::Length(0)),
            (None, Some(at)) if at + 1 == codings.len() && !is_old => Some(Self::Chunked),
            (Some((length, others)), None)
                if codings.is_empty() && others.iter().all(|other| other == length) =>
            {
                let digits = std::str::from_utf8(length).ok()?;
                let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
                plain.then(|| digits.parse().ok().map(Self::Length))?
            }
            _ => None,
        }
    }

    /// What follows the body.
    pub(crate) fn skip<'b>(&self, body: &'b [u8]) -> Option<&'b [u8]> {
        match self {
            Self::Length(length) => body.get(*length..),
            Self::Chunked => after_chunks(body),
        }
    }
}

fn after_chunks(mut rest: &[u8]) -> Option<&[u8]> {
    loop {
        let (line, after) = whole_line(rest)?;
        let digits = line.split(|byte| *byte == b';').next()?.trim_ascii_end();
        let plain = digits.iter().all(u8::is_ascii_hexdigit);
        let size = usize::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok().filter(|_| plain)?;
        if size == 0 {
            rest = after;
            break;
        }
        rest = after.get(size..)?.strip_prefix(b"\r\n")?;
    }
    loop {
        let (line, after) = whole_line(rest)?;
        if line.is_empty() {
            return Some(after);
        }
        rest = after;
    }
}

/// A line whose end is a carriage return and a line feed, and which has no other of either.
fn whole_line(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = text.iter().position(|byte| b"\r\n".contains(byte))?;
    Some((&text[..end], text[end..].strip_prefix(b"\r\n")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_up_to_the_first_whose_end_is_in_doubt() {
        for (fields, body, expected) in [
            ("", "", 2),
            ("Content-Length: 3\r\n", "abc", 2),
            ("Content-Length: 3, 3\r\n", "abc", 2),
            ("Content-Length: 3\r\nContent-Length: 4\r\n", "abc", 1),
            ("Content-Length: +3\r\n", "abc", 1),
            ("Content-Length: 999\r\n", "abc", 1),
            ("Transfer-Encoding: chunked\r\n", "3;x=y\r\nabc\r\n0\r\nA: b\r\n\r\n", 2),
            ("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n", 2),
            ("Transfer-Encoding: chunked, gzip\r\n", "0\r\n\r\n", 1),
            ("Transfer-Encoding: chunked\r\n", "3\nabc\r\n0\r\n\r\n", 1),
            ("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n", 1),
            ("Connection: x, Close\r\n", "", 1),
            ("A : b\r\n", "", 1),
            ("A: b\r\n c\r\n", "", 1),
            ("A: b\rc\r\n", "", 1),
        ] {
            let first = format!("POST / HTTP/1.1\r\n{fields}\r\n{body}");
            let both = format!("{first}GET / HTTP/1.1\r\n\r\n");
            assert_eq!(requests(both.as_bytes()), expected, "{both}");
        }
        assert_eq!(requests(b"GET / HTTP/1.0\r\n\r\nGET / HTTP/1.0\r\n\r\n"), 1);
        assert_eq!(requests(b"\r\nGET / HTTP/1.1\nA: b\n\nGET / HTTP/1.1\r\n"), 1);
    }
}
