//! API keys and their usage plans (Amazon API Gateway Developer Guide, "Usage plans and API keys for REST APIs").

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use super::call::Call;
use super::throttle::{RateLimit, TokenBucket};
use crate::api::ApiKeySource;
use crate::secret::Secret;
use crate::wire::gateway::ResponseType;

/// An API key, with what its usage plan allows.
#[derive(Debug, Clone)]
pub struct ApiKey {
    /// Its name, which access logs show.
    pub name: String,
    /// The key itself.
    pub value: Secret,
    /// How fast requests may come with it.
    pub throttle: Option<RateLimit>,
    /// How many requests it is good for, as long as the gateway runs.
    pub quota: Option<u64>,
}

/// The API's keys.
pub(super) struct ApiKeys(Vec<Plan>);

struct Plan {
    key: ApiKey,
    bucket: Option<TokenBucket>,
    used: AtomicU64,
}

impl ApiKeys {
    pub(super) fn new(keys: Vec<ApiKey>) -> Self {
        let plan =
            |key: ApiKey| Plan { bucket: key.throttle.map(TokenBucket::new), key, used: AtomicU64::new(0) };
        Self(keys.into_iter().map(plan).collect())
    }

    /// Checks the key of a request that must have one, and counts its use; the key's name stands in the call afterwards.
    pub(super) fn check(&self, call: &mut Call, now: Instant) -> Result<(), ResponseType> {
        let value = match call.plan.api_key_source {
            ApiKeySource::Header => call.headers.get("x-api-key").and_then(|value| value.to_str().ok()),
            ApiKeySource::Authorizer => {
                call.authorized.as_ref().and_then(|result| result.usage_identifier_key.as_deref())
            }
        };
        let plan = value.and_then(|value| self.0.iter().find(|plan| same(plan.key.value.expose(), value)));
        let plan = plan.ok_or(ResponseType::InvalidApiKey)?;
        call.api_key = Some(plan.key.name.clone());
        if plan.bucket.as_ref().is_some_and(|bucket| !bucket.admits(now)) {
            return Err(ResponseType::Throttled);
        }
        let used = plan.used.fetch_add(1, Ordering::Relaxed);
        if plan.key.quota.is_some_and(|quota| used >= quota) {
            return Err(ResponseType::QuotaExceeded);
        }
        Ok(())
    }
}

/// Whether two keys are the same, in a time that does not tell where they differ.
fn same(one: &str, other: &str) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(one.as_bytes(), other.as_bytes()).is_ok()
}
