//! What of a program's output may be a credential, and is not written anywhere.

use std::ops::Range;

use super::REDACTED;

/// What a JSON object begins with in base64url: every JSON web token, and each part of a cut one that begins with its
/// head.
const JWT: &str = "eyJ";

/// Shortest run of characters that is taken for a JSON web token or the beginning of one.
const SHORTEST_JWT: usize = 12;

/// The scheme, in lower case.
const BEARER: &str = "bearer";

/// `line` without the literals of `known`, without what follows the word `Bearer`, and without what looks like a
/// JSON web token or its beginning. Rather too much is taken out than too little.
#[must_use]
pub fn redact(line: &str, known: &[String]) -> String {
    // All are found in the line as it is: what one kind takes out might hide the rest of another.
    let literals = known.iter().flat_map(|secret| line.match_indices(secret.as_str()));
    let mut found: Vec<Range<usize>> = literals.map(|(start, secret)| start..start + secret.len()).collect();
    found.extend(bearers(line));
    found.extend(jwts(line));
    found.sort_by_key(|range| range.start);
    let mut kept = String::with_capacity(line.len());
    let mut rest = 0;
    for Range { start, end } in found {
        if start > rest || rest == 0 {
            kept.push_str(&line[rest..start]);
            kept.push_str(REDACTED);
        }
        rest = rest.max(end);
    }
    kept.push_str(&line[rest..]);
    kept
}

/// A character of RFC 6750's `b64token`.
fn is_of_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte)
}

/// Where tokens stand that follow their scheme.
fn bearers(line: &str) -> Vec<Range<usize>> {
    // Lower case has as many bytes, since only ASCII changes.
    let lower = line.to_ascii_lowercase();
    let tokens = lower.match_indices(BEARER).filter_map(|(scheme, _)| {
        let after = scheme + BEARER.len();
        let token = after + separator(&line[after..]);
        let length = line[token..].bytes().take_while(|byte| is_of_token(*byte)).count();
        (token > after && length > 0).then_some(token..token + length)
    });
    tokens.collect()
}

/// Length of what stands between the scheme and the token, however it is encoded.
fn separator(text: &str) -> usize {
    let mut rest = text;
    while let Some(shorter) =
        ["%20", " ", "\t", ":", "=", "+"].iter().find_map(|part| rest.strip_prefix(part))
    {
        rest = shorter;
    }
    text.len() - rest.len()
}

/// Where JSON web tokens stand, or their beginnings.
fn jwts(line: &str) -> impl Iterator<Item = Range<usize>> {
    line.match_indices(JWT).filter_map(|(start, _)| {
        let run = line[start..].bytes();
        let length = run.take_while(|byte| byte.is_ascii_alphanumeric() || b"-_.=".contains(byte)).count();
        (length >= SHORTEST_JWT).then_some(start..start + length)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn credentials_are_taken_out_and_the_rest_stays() {
        for (line, expected) in [
            ("nothing to hide", "nothing to hide"),
            ("token eyJhbGciOiJS.eyJpc3MiOiJ4.c2ln-_ end", "token [redacted] end"),
            ("{'authorizationToken': 'Bearer abc.def~+/=='}", "{'authorizationToken': 'Bearer [redacted]'}"),
            ("authorization=BEARER%20opaque&x=1", "authorization=BEARER%20[redacted]&x=1"),
            ("bearer: a, Bearer\tb", "bearer: [redacted], Bearer\t[redacted]"),
            ("Bearer", "Bearer"),
            ("the bearer.", "the bearer."),
            ("a cut one: eyJhbGciOiJSUzI1NiIs", "a cut one: [redacted]"),
            ("\"eyJhbGciOiJS.e\",\"eyJhbGciOiJS.f\"", "\"[redacted]\",\"[redacted]\""),
            ("eyJ is short", "eyJ is short"),
            ("ключ Bearer é eyJhbGciOiJSü", "ключ Bearer é [redacted]ü"),
            ("the password is hunter22", "the password is [redacted]"),
            ("hunter22", "[redacted]"),
            ("eyJhbGciOhunter22JS.e.s", "[redacted]"),
            ("Bearer a.hunter22/b", "Bearer [redacted]"),
            ("Bearer abcBearer def", "Bearer [redacted] [redacted]"),
            ("xhunter2222y", "x[redacted]y"),
        ] {
            assert_eq!(redact(line, &["hunter22".to_owned(), "hunter2222".to_owned()]), expected, "{line}");
        }
    }

    proptest! {
        #[test]
        fn a_token_never_remains(
            before in ".{0,12}",
            token in "eyJ[A-Za-z0-9_-]{9,20}\\.[A-Za-z0-9_-]{3,20}\\.[A-Za-z0-9_-]{3,20}",
            after in "( .{0,12})?",
        ) {
            let found = redact(&format!("{before}{token}{after}"), &[]);
            prop_assert!(!found.contains(&token[3..]), "{}", found);
            let opaque = format!("x{}", &token[3..12]);
            let found = redact(&format!("{before}Bearer {opaque}{after}"), &[]);
            prop_assert!(!found.contains(&format!("Bearer {opaque}")), "{}", found);
        }
    }
}
