//! The good tokens that cases are made of: whose they are, and getting them, once and again.

use std::time::Duration;

use serde_json::Value;

use super::ConformError;
use super::material::{embedded_signer, signed_with};
use crate::conform::auth::{Material, Object};
use crate::jose::{Algorithm, Compact, PublicKey};
use crate::load::{Credentials, PATIENCE, fetch_all};
use crate::scenario::{Expect, Scenario};
use crate::secret::Secret;
use crate::stack::Stack;

/// Two partners that may write, each to a topic of its own, by place in the scenario; the second may be missing.
pub(super) struct Writers {
    pub(super) first: (usize, String),
    pub(super) second: Option<(usize, String)>,
}

/// The scenario's writers.
///
/// # Errors
/// [`ConformError::NoWriter`], where nobody may write.
pub(super) fn writers(scenario: &Scenario) -> Result<Writers, ConformError> {
    let mut writers = scenario.workloads.iter().filter_map(|workload| {
        let partner = scenario.partners.get(workload.partner)?;
        let topic = scenario.topics.get(workload.topic)?;
        (partner.expect == Expect::Accept).then(|| (workload.partner, topic.name.clone()))
    });
    let first = writers.next().ok_or(ConformError::NoWriter)?;
    let second = writers.find(|(partner, topic)| *partner != first.0 && *topic != first.1);
    Ok(Writers { first, second })
}

/// What good tokens are fetched with.
pub(super) struct Tokens {
    pub(super) first: Credentials,
    pub(super) second: Option<Credentials>,
}

impl Tokens {
    /// A token of each.
    pub(super) async fn fetch(&self) -> Result<(Secret, Option<Secret>), ConformError> {
        let credentials: Vec<Credentials> =
            std::iter::once(&self.first).chain(&self.second).cloned().collect();
        let mut fetched = fetch_all(&credentials, PATIENCE).await.into_iter();
        let token = fetched.next().ok_or(ConformError::NoProvider)??.secret;
        let other = fetched.next().transpose()?.map(|fetched| fetched.secret);
        Ok((token, other))
    }

    /// Fetches tokens anew where those of the material will have ended at `until`, in seconds since 1970; and learns the
    /// provider's key where another one has signed them.
    ///
    /// # Errors
    /// [`ConformError::Token`], where the provider gives none any more, and what is wrong with its keys.
    pub(super) async fn renew(
        &self,
        stack: &Stack,
        material: &mut Material,
        until: u64,
    ) -> Result<(), ConformError> {
        // A fraction is as good a date as a whole number.
        let end = material.claims.get("exp").and_then(Value::as_f64);
        let end = end.and_then(|end| Duration::try_from_secs_f64(end).ok());
        if end.is_none_or(|end| end > Duration::from_secs(until)) {
            return Ok(());
        }
        let (token, of_other) = self.fetch().await?;
        (material.header, material.claims) = decoded(&token)?;
        material.token = token;
        self.follow(stack, material).await?;
        if let Some((other, token)) = material.other.as_mut().zip(of_other) {
            other.token = token;
        }
        Ok(())
    }
}

impl Tokens {
    /// Learns with which key the material's token is signed. A private key that was given by hand is not the provider's any
    /// more where it has changed: what is signed with it would be wrong for that alone.
    async fn follow(&self, stack: &Stack, material: &mut Material) -> Result<(), ConformError> {
        if is_signed_by(&material.public, &material.token) {
            return Ok(());
        }
        let provider = stack.provider().ok_or(ConformError::NoProvider)?;
        (material.public, _) = signed_with(provider, &material.token).await?;
        material.signer = stack.idp().map(embedded_signer);
        Ok(())
    }
}

/// Whether this key has signed a token.
fn is_signed_by(public: &PublicKey, token: &Secret) -> bool {
    let signed = Compact::split(token.expose()).and_then(|parts| {
        let header: Object = serde_json::from_slice(&parts.decoded_header()?).ok()?;
        let algorithm = Algorithm::of_name(header.get("alg")?.as_str()?)?;
        Some(public.verifies(algorithm, parts.signing_input().as_bytes(), &parts.decoded_signature()?))
    });
    signed.unwrap_or(false)
}

/// Header and claims of a token that a provider has issued.
pub(super) fn decoded(token: &Secret) -> Result<(Object, Object), ConformError> {
    let parts = Compact::split(token.expose()).ok_or(ConformError::NoJwt)?;
    let object = |bytes: Option<Vec<u8>>| -> Option<Object> { serde_json::from_slice(&bytes?).ok() };
    let header = object(parts.decoded_header()).ok_or(ConformError::NoJwt)?;
    let claims = object(parts.decoded_payload()).ok_or(ConformError::NoJwt)?;
    Ok((header, claims))
}

#[cfg(test)]
mod tests {
    use std::path::Path as FilePath;

    use super::*;
    use crate::app::conform::{Path, SCENARIO, material};
    use crate::scenario;
    use crate::stack::Logs;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_key_that_changes_under_way_is_learned() {
        let folder = tempfile::tempdir().unwrap();
        let name = FilePath::new("authentication.yaml");
        let scenario = scenario::parse(SCENARIO, name, &[], &|_| unreachable!("it extends nothing")).unwrap();
        let stack = Stack::start(&scenario, Logs { folder: folder.path(), trace: None }).await.unwrap();
        let path = Path { stack: &stack, scenario: &scenario };
        let (mut material, tokens) = material::gather(&path, None, "run").await.unwrap();
        let (before, never) = (material.clone(), u64::MAX);
        tokens.renew(&stack, &mut material, never).await.unwrap();
        assert!(material.public == before.public && material.token.expose() != before.token.expose());
        let kid = stack.idp().unwrap().rotate(true).unwrap();
        tokens.renew(&stack, &mut material, never).await.unwrap();
        assert_ne!(material.public, before.public);
        let signer = material.signer.unwrap();
        assert!(signer.kid == kid && *signer.key.public() == material.public);
        assert_eq!(material.header["kid"], kid);
    }
}
