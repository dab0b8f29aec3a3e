//! Requests and answers as reports show them: without a token in them.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use crate::conform::Probe;
use crate::jose::Compact;
use crate::secret::{REDACTED, Secret};

/// Characters of a text that comes from outside.
const LONGEST: usize = 600;
/// Fewer characters than these may be in a text by chance.
const TELLING: usize = 16;

/// What of a token must not be seen: all of it, and its signature, with which the rest could be put together again.
fn parts(secret: &Secret) -> impl Iterator<Item = &str> {
    let whole = secret.expose();
    let signature = whole.rsplit_once('.').map(|(_, signature)| signature);
    [Some(whole), signature].into_iter().flatten().filter(|part| part.len() >= TELLING)
}

/// Whether a text repeats one of these.
pub(super) fn repeats(text: &str, secrets: &[Secret]) -> bool {
    secrets.iter().flat_map(parts).any(|part| text.contains(part))
}

/// The beginning of a text, without these.
pub(super) fn without(text: &str, secrets: &[Secret]) -> String {
    let mut text = text.to_owned();
    for secret in secrets {
        for part in parts(secret) {
            text = text.replace(part, REDACTED);
        }
    }
    cut(&taken_apart(&text))
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// The request line and the headers, with every token taken apart, so that it can be read and not be used.
pub(super) fn request(base_path: &str, probe: &Probe) -> Vec<String> {
    let base_path = if probe.from_root { "" } else { base_path };
    let mut lines =
        vec![line(&format!("{} {base_path}{} HTTP/1.1", probe.method, probe.target), &probe.secrets)];
    let headers =
        probe.headers.iter().map(|(name, value)| format!("{name}: {}", line(value.expose(), &probe.secrets)));
    lines.extend(headers);
    lines
}

fn line(text: &str, secrets: &[Secret]) -> String {
    let mut text = text.to_owned();
    for secret in secrets {
        text = text.replace(secret.expose(), &described(secret.expose()));
    }
    without(&taken_apart(&text), secrets)
}

/// The text with whatever looks like a signed token taken apart, be it said to be secret or not: a token may stand within
/// another.
fn taken_apart(text: &str) -> String {
    static TOKEN: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"[\w-]{8,}\.[\w-]{8,}\.[\w-]{16,}").expect("the expression is legal and small")
    });
    TOKEN.replace_all(text, |found: &Captures<'_>| described(&found[0])).into_owned()
}

/// A token in words: what its header and its claims say, and how long its signature is.
fn described(token: &str) -> String {
    let readable = |bytes: Option<Vec<u8>>| bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    let parts = Compact::split(token).and_then(|parts| {
        let (header, claims) = (readable(parts.decoded_header())?, readable(parts.decoded_payload())?);
        let signature = parts.decoded_signature().map_or(parts.signature.len(), |bytes| bytes.len());
        let (header, claims) = (taken_apart(&header), taken_apart(&claims));
        Some(format!("<{header} {claims} and {signature} bytes of signature>"))
    });
    parts.unwrap_or_else(|| format!("<{} characters>", token.chars().count()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conform::{Expected, Refusal};
    use crate::jose::base64url;

    fn token() -> String {
        let signature = base64url([7; 64]);
        format!("{}.{}.{signature}", base64url(r#"{"alg":"ES256"}"#), base64url(r#"{"sub":"shop"}"#))
    }

    #[test]
    fn a_request_is_shown_without_its_token() {
        let token = token();
        let probe = Probe {
            what: String::new(),
            method: "POST",
            target: format!("/topics/t?access_token={token}"),
            headers: vec![("Authorization".into(), Secret::new(format!("Bearer {token}")))],
            body: String::new(),
            marker: String::new(),
            secrets: vec![Secret::new(token.clone())],
            trap: None,
            may_break: false,
            from_root: false,
            may_echo: false,
            not_of: Vec::new(),
            expected: Expected::Refused(Refusal::Anyhow),
        };
        let lines = request("/prod", &probe);
        let read = r#"<{"alg":"ES256"} {"sub":"shop"} and 64 bytes of signature>"#;
        assert_eq!(
            lines,
            [
                format!("POST /prod/topics/t?access_token={read} HTTP/1.1"),
                format!("Authorization: Bearer {read}")
            ]
        );
        assert_eq!(described("not.a"), "<5 characters>");
    }

    #[test]
    fn a_token_within_a_token_and_one_that_nobody_named_are_taken_apart() {
        let inner = token();
        let header = base64url(r#"{"alg":"RS256"}"#);
        let outer = format!("{header}.{}.{}", base64url(&inner), base64url([9; 32]));
        let secrets = [Secret::new(outer.clone())];
        for (text, secrets) in [(&outer, &secrets[..]), (&outer, &[]), (&inner, &[])] {
            let shown = line(&format!("Bearer {text}"), secrets);
            let signature = inner.rsplit_once('.').unwrap().1;
            assert!(!shown.contains(signature) && shown.contains(r#"{"sub":"shop"}"#), "{shown}");
        }
    }

    #[test]
    fn a_repeated_signature_is_seen_and_taken_out() {
        let token = token();
        let signature = token.rsplit_once('.').unwrap().1.to_owned();
        let secrets = [Secret::new(token.clone())];
        for text in [format!("no '{token}' here"), format!("x{signature}y")] {
            assert!(repeats(&text, &secrets));
            assert!(!without(&text, &secrets).contains(&signature));
        }
        assert!(!repeats("{\"message\":\"Unauthorized\"}", &secrets));
        assert!(!repeats("a", &[Secret::new("a")]), "what is so short is no secret");
        assert_eq!(without(&"ä".repeat(700), &[]).chars().count(), LONGEST + 1);
    }
}
