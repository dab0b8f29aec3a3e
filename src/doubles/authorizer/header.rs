//! A token taken apart, up to where its signature is checked (RFC 7515, RFC 8725).

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::{Map, Value};

use super::json::{self, Twice};
use super::rules::{Refused, Rules};
use crate::jose::{Algorithm, Compact, from_base64url};
use crate::scenario::Flaw;

/// Longest token that is looked at, in bytes. The gateway takes 10,240 bytes of headers.
const TOKEN_LIMIT: usize = 16 * 1024;
/// Longest header, in bytes of its base64url. A chain of certificates finds room in it.
const HEADER_LIMIT: usize = 8 * 1024;

/// The token of an `Authorization` header's value.
pub(super) fn bearer<'a>(authorization: &'a str, rules: &Rules) -> Result<&'a str, Refused> {
    if rules.flaw == Some(Flaw::AnyScheme) {
        return authorization.split_whitespace().next_back().ok_or(Refused::Scheme);
    }
    let (scheme, token) = authorization.split_once(' ').ok_or(Refused::Scheme)?;
    let any_case = rules.accepts.any_case_scheme && scheme.eq_ignore_ascii_case("Bearer");
    if any_case || scheme == "Bearer" { Ok(token) } else { Err(Refused::Scheme) }
}

/// What a token says it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenType {
    /// `at+jwt`: an access token with all that RFC 9068 demands.
    Rfc9068,
    /// Another type that is accepted: `JWT`, or none.
    Plain,
}

/// A token whose header is acceptable. Nothing in it is proven yet.
pub(super) struct Token<'a> {
    pub(super) parts: Compact<'a>,
    /// `None`: it is not signed, which is the mistake made.
    pub(super) algorithm: Option<Algorithm>,
    pub(super) key_id: Option<String>,
    pub(super) kind: TokenType,
    /// All members of the header.
    pub(super) header: Map<String, Value>,
}

impl<'a> Token<'a> {
    /// Takes a token apart and looks at its header.
    pub(super) fn read(token: &'a str, rules: &Rules) -> Result<Self, Refused> {
        let parts = Some(token).filter(|token| token.len() <= TOKEN_LIMIT).and_then(Compact::split);
        let parts = parts.filter(|parts| parts.header.len() <= HEADER_LIMIT).ok_or(Refused::Form)?;
        let header = decoded(parts.header, rules).ok_or(Refused::Form)?;
        let header = json::object(&header, Twice::Refused).ok_or(Refused::Form)?;
        let algorithm = agreed(header.get("alg"), rules)?;
        let kind = accepted_type(&header, rules)?;
        let key_id = match header.get("kid") {
            None => None,
            Some(Value::String(id)) => Some(id.clone()),
            Some(_) => return Err(Refused::Header),
        };
        Ok(Self { parts, algorithm, key_id, kind, header })
    }

    pub(super) fn payload(&self, rules: &Rules) -> Option<Vec<u8>> {
        decoded(self.parts.payload, rules)
    }

    pub(super) fn signature(&self, rules: &Rules) -> Option<Vec<u8>> {
        decoded(self.parts.signature, rules)
    }
}

/// The bytes of a part.
fn decoded(part: &str, rules: &Rules) -> Option<Vec<u8>> {
    if rules.flaw != Some(Flaw::LenientBase64) {
        return from_base64url(part);
    }
    let config = GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let part = part.replace('+', "-").replace('/', "_");
    GeneralPurpose::new(&URL_SAFE, config).decode(part).ok()
}

/// The algorithm, which must be one of those agreed on (RFC 8725, section 3.1). A code that whoever checks it can make is
/// never one.
fn agreed(name: Option<&Value>, rules: &Rules) -> Result<Option<Algorithm>, Refused> {
    let name = name.and_then(Value::as_str).ok_or(Refused::Algorithm)?;
    let known = Algorithm::of_name(name);
    let signs = |algorithm: &Algorithm| algorithm.key_kind().is_some();
    let taken = match rules.flaw {
        Some(Flaw::AcceptsNone) if name.eq_ignore_ascii_case("none") => return Ok(None),
        Some(Flaw::HmacWithPublicKey | Flaw::KidAsPath) if known.is_some_and(|known| !signs(&known)) => known,
        Some(Flaw::AnyAlgorithm) => known.filter(signs),
        _ => known.filter(signs).filter(|algorithm| rules.accepts.algorithms.contains(algorithm)),
    };
    taken.map(Some).ok_or(Refused::Algorithm)
}

fn accepted_type(header: &Map<String, Value>, rules: &Rules) -> Result<TokenType, Refused> {
    // No extension is understood (RFC 7515, section 4.1.11), nor is an unencoded payload (RFC 7797) or a token within the
    // token (RFC 7519, section 5.2).
    let extended = header.contains_key("cty")
        || header.contains_key("b64")
        || (header.contains_key("crit") && rules.flaw != Some(Flaw::IgnoresCritical));
    if extended {
        return Err(Refused::Header);
    }
    let typ = match header.get("typ") {
        _ if rules.flaw == Some(Flaw::AnyType) => return Ok(TokenType::Plain),
        None if rules.accepts.untyped => return Ok(TokenType::Plain),
        // Section 4.1.9: `application/` may be left out, and case does not matter.
        Some(Value::String(typ)) => typ.to_ascii_lowercase(),
        _ => return Err(Refused::Header),
    };
    let typ = typ.strip_prefix("application/").unwrap_or(&typ);
    match typ {
        _ if !rules.accepts.types.iter().any(|accepted| accepted == typ) => Err(Refused::Header),
        "at+jwt" => Ok(TokenType::Rfc9068),
        _ => Ok(TokenType::Plain),
    }
}
