//! The step that proves a token: a key of the issuer's that fits it, and its signature.

use std::sync::Arc;
use std::time::Instant;

use super::flaw;
use super::header::Token;
use super::keys::{FetchError, KeySource, VerifyKey};
use super::rules::{Refused, Rules};
use crate::jose::Algorithm;
use crate::scenario::Flaw;

/// What stands in the way of a proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unproven {
    /// The token does.
    Refused(Refused),
    /// The issuer does, whose keys are not to be had.
    Keys(FetchError),
}

impl From<Refused> for Unproven {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

/// Checks the signature of a token that arrived at `now`.
pub(super) async fn check(
    token: &Token<'_>,
    keys: &Arc<KeySource>,
    rules: &Rules,
    now: Instant,
) -> Result<(), Unproven> {
    let algorithm = match (rules.flaw, token.algorithm) {
        (Some(Flaw::AcceptsNoSignature), _) if token.parts.signature.is_empty() => return Ok(()),
        (Some(Flaw::IgnoresSignature), _) | (Some(Flaw::AcceptsNone), None) => return Ok(()),
        (_, algorithm) => algorithm.ok_or(Refused::Algorithm)?,
    };
    let message = token.parts.signing_input();
    let signature = token.signature(rules).ok_or(Refused::Signature)?;
    if algorithm.key_kind().is_none() {
        let secrets = secrets(token, keys, rules, now).await?;
        let fits = |secret: &Vec<u8>| flaw::authenticates(algorithm, secret, message.as_bytes(), &signature);
        return if secrets.iter().any(fits) { Ok(()) } else { Err(Refused::Signature.into()) };
    }
    let keys = fitting_keys(token, algorithm, keys, rules, now).await?;
    let fits = |key: &Arc<VerifyKey>| key.key.verifies(algorithm, message.as_bytes(), &signature);
    if keys.iter().any(fits) { Ok(()) } else { Err(Refused::Signature.into()) }
}

/// The keys that may have signed the token: one, for it must be told which one is meant.
async fn fitting_keys(
    token: &Token<'_>,
    algorithm: Algorithm,
    source: &Arc<KeySource>,
    rules: &Rules,
    now: Instant,
) -> Result<Vec<Arc<VerifyKey>>, Unproven> {
    let id = token.key_id.as_deref();
    let keys = match rules.flaw {
        Some(Flaw::TrustsJwk) if token.header.contains_key("jwk") => flaw::key_in_header(token),
        Some(Flaw::TrustsJku) if token.header.contains_key("jku") => flaw::keys_fetched(token, now).await,
        Some(Flaw::IgnoresKid) => source.find(None, now).await.map_err(Unproven::Keys)?,
        _ if id.is_none() && !rules.accepts.without_kid => return Err(Refused::Key.into()),
        _ => source.find(id, now).await.map_err(Unproven::Keys)?,
    };
    // Without a name there must be one key only, whatever it is for; of one name, one for this algorithm (RFC 7517,
    // section 4.5: a name may stand at keys of different kinds).
    if rules.flaw != Some(Flaw::IgnoresKid) && id.is_none() && keys.len() > 1 {
        return Err(Refused::Key.into());
    }
    let any_algorithm = rules.flaw == Some(Flaw::AnyAlgorithm);
    let fitting: Vec<_> = keys.into_iter().filter(|key| any_algorithm || key.is_for(algorithm)).collect();
    if fitting.len() > 1 && rules.flaw != Some(Flaw::IgnoresKid) {
        return Err(Refused::Key.into());
    }
    if fitting.is_empty() { Err(Refused::Key.into()) } else { Ok(fitting) }
}

/// What a mistaken authorizer takes for the secret of an HMAC.
async fn secrets(
    token: &Token<'_>,
    source: &Arc<KeySource>,
    rules: &Rules,
    now: Instant,
) -> Result<Vec<Vec<u8>>, Unproven> {
    match (rules.flaw, token.key_id.as_deref()) {
        (Some(Flaw::KidAsPath), Some(path)) => Ok(flaw::secret_in_file(path).await.into_iter().collect()),
        (Some(Flaw::HmacWithPublicKey), id) => {
            let keys = source.find(id, now).await.map_err(Unproven::Keys)?;
            Ok(keys.iter().flat_map(|key| flaw::secrets_of(&key.key)).collect())
        }
        _ => Err(Refused::Algorithm.into()),
    }
}
