//! The good tokens that cases are made of: whose they are, and getting them, once and again.

use std::time::Duration;

use serde_json::Value;

use super::ConformError;
use crate::conform::auth::{Material, Object};
use crate::jose::Compact;
use crate::load::{Credentials, PATIENCE, fetch_all};
use crate::scenario::{Expect, Scenario};
use crate::secret::Secret;

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

    /// Fetches tokens anew where those of the material will have ended at `until`, in seconds since 1970.
    ///
    /// # Errors
    /// [`ConformError::Token`], where the provider gives none any more.
    pub(super) async fn renew(&self, material: &mut Material, until: u64) -> Result<(), ConformError> {
        // A fraction is as good a date as a whole number.
        let end = material.claims.get("exp").and_then(Value::as_f64);
        let end = end.and_then(|end| Duration::try_from_secs_f64(end).ok());
        if end.is_none_or(|end| end > Duration::from_secs(until)) {
            return Ok(());
        }
        let (token, of_other) = self.fetch().await?;
        (material.header, material.claims) = decoded(&token)?;
        material.token = token;
        if let Some((other, token)) = material.other.as_mut().zip(of_other) {
            other.token = token;
        }
        Ok(())
    }
}

/// Header and claims of a token that a provider has issued.
pub(super) fn decoded(token: &Secret) -> Result<(Object, Object), ConformError> {
    let parts = Compact::split(token.expose()).ok_or(ConformError::NoJwt)?;
    let object = |bytes: Option<Vec<u8>>| -> Option<Object> { serde_json::from_slice(&bytes?).ok() };
    let header = object(parts.decoded_header()).ok_or(ConformError::NoJwt)?;
    let claims = object(parts.decoded_payload()).ok_or(ConformError::NoJwt)?;
    Ok((header, claims))
}
