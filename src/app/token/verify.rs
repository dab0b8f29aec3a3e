//! `landfall token verify`: by which key a token is signed.

use serde_json::Value;

use super::{Input, TokenError};
use crate::app::published_keys::PublishedKeys;
use crate::jose::{Algorithm, Compact};
use crate::result::Verification;

/// Says by which of the keys a token is signed. Claims are not looked at, nor what keys are meant for.
///
/// # Errors
/// [`TokenError::NoJwt`] where it is no signed token.
pub fn verify(input: &Input, keys: &PublishedKeys) -> Result<Verification, TokenError> {
    let no_jwt = || TokenError::NoJwt("verify");
    let parts = Compact::split(input.token()).ok_or_else(no_jwt)?;
    let header = parts.decoded_header().and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
    let header = header.filter(Value::is_object).ok_or_else(no_jwt)?;
    let said = header.get("alg").and_then(Value::as_str).unwrap_or_default();
    let algorithm = Algorithm::of_name(said).filter(|algorithm| algorithm.key_kind().is_some());
    let Some(algorithm) = algorithm else {
        let said = said.chars().take(40).collect::<String>();
        return Ok(Verification::Bad(format!("`alg` is `{said}`, which is no signature by a key pair")));
    };
    let name = header.get("kid").and_then(Value::as_str);
    let signers = keys.signers(&parts, algorithm);
    let named = signers.iter().find(|(kid, _)| name.is_none() || *kid == name);
    Ok(match (named, name) {
        (Some((kid, _)), _) => {
            Verification::Good { kid: kid.map(str::to_owned), algorithm: algorithm.name().to_owned() }
        }
        (None, Some(name)) => {
            let called =
                |kid: Option<&str>| kid.map_or("without a name".to_owned(), |kid| format!("`{kid}`"));
            Verification::Bad(match signers.first() {
                Some((other, _)) => {
                    format!("the header names the key `{name}`, and the key {} has signed it", called(*other))
                }
                None if keys.names().any(|kid| kid == name) => {
                    format!("the key `{name}` is in the set, and has not signed this token as it stands")
                }
                None => format!("there is no key `{name}` among the {} of the set", keys.count()),
            })
        }
        (None, None) => Verification::Bad(format!(
            "the header names no key, and none of the {} of the set has signed this token as it stands",
            keys.count()
        )),
    })
}
