//! The step that proves a token: a key of the issuer's that fits it, and its signature.

use std::sync::Arc;
use std::time::Instant;

use super::flaw;
use super::header::Token;
use super::keys::{FetchError, KeySource, VerifyKey, named};
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
    let keys = candidates(token, keys, rules, now).await?;
    let keys = fitting(keys, token, algorithm, rules)?;
    let fits = |key: &Arc<VerifyKey>| key.key.verifies(algorithm, message.as_bytes(), &signature);
    if keys.iter().any(fits) { Ok(()) } else { Err(Refused::Signature.into()) }
}

/// Checks the signature of a token by keys that are at hand, as [`check`] does without a mistake: the name of the key that
/// signed it, where it has one.
pub(super) fn check_by(
    token: &Token<'_>,
    algorithm: Algorithm,
    keys: &[Arc<VerifyKey>],
    rules: &Rules,
) -> Result<Option<String>, Refused> {
    let signature = token.signature(rules).ok_or(Refused::Signature)?;
    let named = named(keys, token.key_id.as_deref());
    let message = token.parts.signing_input();
    let verifies = |key: &Arc<VerifyKey>| key.key.verifies(algorithm, message.as_bytes(), &signature);
    let key =
        fitting(named, token, algorithm, rules)?.into_iter().find(verifies).ok_or(Refused::Signature)?;
    Ok(key.id.clone())
}

/// The keys that the token may mean.
async fn candidates(
    token: &Token<'_>,
    source: &Arc<KeySource>,
    rules: &Rules,
    now: Instant,
) -> Result<Vec<Arc<VerifyKey>>, Unproven> {
    let id = token.key_id.as_deref();
    match rules.flaw {
        Some(Flaw::TrustsJwk) if token.header.contains_key("jwk") => Ok(flaw::key_in_header(token)),
        Some(Flaw::TrustsJku) if token.header.contains_key("jku") => Ok(flaw::keys_fetched(token, now).await),
        Some(Flaw::IgnoresKid) => source.find(None, now).await.map_err(Unproven::Keys),
        _ => {
            nameable(token, rules)?;
            source.find(id, now).await.map_err(Unproven::Keys)
        }
    }
}

/// That the token says which key is meant, where it must.
pub(super) fn nameable(token: &Token<'_>, rules: &Rules) -> Result<(), Refused> {
    if token.key_id.is_none() && !rules.accepts.without_kid { Err(Refused::Key) } else { Ok(()) }
}

/// The keys of these that may have signed the token: one, for it must be told which one is meant.
fn fitting(
    keys: Vec<Arc<VerifyKey>>,
    token: &Token<'_>,
    algorithm: Algorithm,
    rules: &Rules,
) -> Result<Vec<Arc<VerifyKey>>, Refused> {
    // Without a name there must be one key only, whatever it is for; of one name, one for this algorithm (RFC 7517,
    // section 4.5: a name may stand at keys of different kinds).
    if rules.flaw != Some(Flaw::IgnoresKid) && token.key_id.is_none() && keys.len() > 1 {
        return Err(Refused::Key);
    }
    let any_algorithm = rules.flaw == Some(Flaw::AnyAlgorithm);
    let fitting: Vec<_> = keys.into_iter().filter(|key| any_algorithm || key.is_for(algorithm)).collect();
    if fitting.len() > 1 && rules.flaw != Some(Flaw::IgnoresKid) {
        return Err(Refused::Key);
    }
    if fitting.is_empty() { Err(Refused::Key) } else { Ok(fitting) }
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
