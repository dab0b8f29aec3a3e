//! The target of a request line: what Jetty takes for its path, and what it refuses.

use super::head::Refusal;
use crate::scenario::ProxyRelease;

/// The path that a target names, percent-encoded as it came; the query is left out.
///
/// # Errors
/// As Jetty refuses it.
pub(super) fn path_of(target: &[u8], release: ProxyRelease) -> Result<String, Refusal> {
    let end = target.iter().position(|byte| matches!(byte, b'?' | b'#')).unwrap_or(target.len());
    let target = &target[..end];
    if target == b"*" {
        return Ok("*".to_owned());
    }
    let path = if target.starts_with(b"/") {
        target
    } else {
        let scheme = target.windows(3).position(|three| three == b"://").ok_or_else(bad)?;
        let rest = &target[scheme + 3..];
        rest.iter().position(|byte| *byte == b'/').map_or(b"/".as_slice(), |at| &rest[at..])
    };
    well_encoded(path)?;
    if release == ProxyRelease::Confluent8_3 {
        is_plain(path)?;
    }
    stays_below_root(path)?;
    Ok(String::from_utf8_lossy(path).into_owned())
}

fn bad() -> Refusal {
    Refusal::new(400, "Bad Request")
}

/// Refuses what is no percent-encoding, and an encoded NUL. Jetty also knows those with `u` and four digits.
fn well_encoded(path: &[u8]) -> Result<(), Refusal> {
    let mut rest = path;
    while let Some(at) = rest.iter().position(|byte| *byte == b'%') {
        rest = &rest[at + 1..];
        let digits = if rest.first() == Some(&b'u') { rest.get(1..5) } else { rest.get(..2) };
        let digits = digits.filter(|digits| digits.iter().all(u8::is_ascii_hexdigit)).ok_or_else(bad)?;
        if digits.iter().all(|digit| *digit == b'0') {
            return Err(bad());
        }
    }
    Ok(())
}

/// Refuses what could be understood in two ways, as Jetty 12 does.
fn is_plain(path: &[u8]) -> Result<(), Refusal> {
    let ambiguous =
        |reason: &'static str| Refusal { target: Some("/badURI".to_owned()), ..Refusal::new(400, reason) };
    let mut segments = path.split(|byte| *byte == b'/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        if segment.is_empty() && segments.peek().is_some() {
            return Err(ambiguous("Ambiguous URI empty segment"));
        }
        if segment.contains(&b'%') && dots(segment).is_some() {
            return Err(ambiguous("Ambiguous URI path segment"));
        }
    }
    Ok(())
}

/// Refuses a path that leaves the root, and a parameter at a segment of dots.
fn stays_below_root(path: &[u8]) -> Result<(), Refusal> {
    let mut depth: usize = 0;
    for segment in path.split(|byte| *byte == b'/').skip(1) {
        let name = segment.split(|byte| *byte == b';').next().unwrap_or_default();
        let dots = match name.len() {
            1..=6 => dots(name),
            _ => None,
        };
        match dots {
            Some(_) if name.len() < segment.len() => {
                return Err(Refusal::new(400, "Ambiguous path parameters"));
            }
            Some(2) => depth = depth.checked_sub(1).ok_or_else(bad)?,
            Some(_) => {}
            None => depth += 1,
        }
    }
    Ok(())
}

/// How many dots a segment consists of, encoded or not, if it is one or two and nothing else.
fn dots(segment: &[u8]) -> Option<usize> {
    let (mut rest, mut count) = (segment, 0);
    while !rest.is_empty() {
        rest = if let Some(rest) = rest.strip_prefix(b".") {
            rest
        } else if rest.len() >= 3 && rest[..2] == *b"%2" && rest[2].eq_ignore_ascii_case(&b'e') {
            &rest[3..]
        } else {
            return None;
        };
        count += 1;
    }
    (1..=2).contains(&count).then_some(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_taken_as_they_come() {
        for (target, path) in [
            ("/topics?x=/", "/topics"),
            ("/topics#f", "/topics"),
            ("http://h:1/topics/a%2Fb?q", "/topics/a%2Fb"),
            ("http://h", "/"),
            ("*", "*"),
            ("/topics/../topics", "/topics/../topics"),
            ("/topics/%u0041", "/topics/%u0041"),
            ("/topics/é", "/topics/é"),
        ] {
            assert_eq!(path_of(target.as_bytes(), ProxyRelease::Confluent7_9).unwrap(), path);
        }
    }

    #[test]
    fn what_jetty_cannot_decode_or_resolve_is_refused() {
        for target in ["topics", "/%", "/%zz", "/%00", "/../topics", "/..", "/%2e%2e/topics", "/a/../.."] {
            assert_eq!(
                path_of(target.as_bytes(), ProxyRelease::Confluent7_9).unwrap_err().reason,
                "Bad Request",
                "{target}"
            );
        }
        assert_eq!(
            path_of(b"/.;/topics", ProxyRelease::Confluent7_9).unwrap_err().reason,
            "Ambiguous path parameters"
        );
        for (target, reason) in [
            ("//topics", "Ambiguous URI empty segment"),
            ("/topics/%2e%2e/topics", "Ambiguous URI path segment"),
        ] {
            assert!(path_of(target.as_bytes(), ProxyRelease::Confluent7_9).is_ok(), "{target}");
            let refusal = path_of(target.as_bytes(), ProxyRelease::Confluent8_3).unwrap_err();
            assert_eq!((refusal.reason.as_ref(), refusal.target.as_deref()), (reason, Some("/badURI")));
        }
    }
}
