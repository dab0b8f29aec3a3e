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

/// What is wrong with a header: the member that it is about, and the reason.
pub(super) type Wrong = (&'static str, Refused);

impl<'a> Token<'a> {
    /// Takes a token apart and looks at its header.
    pub(super) fn read(token: &'a str, rules: &Rules) -> Result<Self, Refused> {
        let (token, refusals) = Self::examined(token, rules)?;
        match refusals.first() {
            Some((_, refused)) => Err(*refused),
            None => Ok(token),
        }
    }

    /// The same, with all that is wrong with the header, and which member that is about. What is wrong counts as absent.
    pub(super) fn examined(token: &'a str, rules: &Rules) -> Result<(Self, Vec<Wrong>), Refused> {
        let parts = Some(token).filter(|token| token.len() <= TOKEN_LIMIT).and_then(Compact::split);
        let parts = parts.filter(|parts| parts.header.len() <= HEADER_LIMIT).ok_or(Refused::Form)?;
        let header = decoded(parts.header, rules).ok_or(Refused::Form)?;
        let header = json::object(&header, Twice::Refused).ok_or(Refused::Form)?;
        let algorithm = agreed(header.get("alg"), rules);
        let kind = accepted_type(header.get("typ"), rules);
        let key_id = key_id(header.get("kid"));
        let found = [
            ("alg", algorithm.err()),
            ("extension", understood(&header, rules).err()),
            ("typ", kind.err()),
            ("kid", key_id.as_ref().err().copied()),
        ];
        let refusals = found.into_iter().filter_map(|(about, refused)| Some((about, refused?))).collect();
        let algorithm = algorithm.ok().flatten();
        let kind = kind.unwrap_or(TokenType::Plain);
        let key_id = key_id.ok().flatten();
        Ok((Self { parts, algorithm, key_id, kind, header }, refusals))
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

/// The members of a header that say that more must be understood than is here: extensions (RFC 7515, section 4.1.11), an
/// unencoded payload (RFC 7797), and a token within the token (RFC 7519, section 5.2).
pub(super) const EXTENSIONS: [&str; 3] = ["cty", "b64", "crit"];

fn understood(header: &Map<String, Value>, rules: &Rules) -> Result<(), Refused> {
    let counts = |name: &&str| *name != "crit" || rules.flaw != Some(Flaw::IgnoresCritical);
    let extended = EXTENSIONS.into_iter().filter(counts).any(|name| header.contains_key(name));
    if extended { Err(Refused::Header) } else { Ok(()) }
}

fn key_id(value: Option<&Value>) -> Result<Option<String>, Refused> {
    match value {
        None => Ok(None),
        Some(Value::String(id)) => Ok(Some(id.clone())),
        Some(_) => Err(Refused::Header),
    }
}

fn accepted_type(value: Option<&Value>, rules: &Rules) -> Result<TokenType, Refused> {
    let typ = match value {
        _ if rules.flaw == Some(Flaw::AnyType) => return Ok(TokenType::Plain),
        None if rules.accepts.untyped => return Ok(TokenType::Plain),
        // RFC 7515, section 4.1.9: `application/` may be left out, and case does not matter.
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
