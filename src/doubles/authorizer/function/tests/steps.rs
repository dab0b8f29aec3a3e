//! The steps of a function that makes no mistake.

use super::*;

/// The strict function's own steps, without an event around them.
pub(super) struct Steps {
    rules: Rules,
    keys: Arc<KeySource>,
    _issuer: Issuer,
}

impl Steps {
    pub(super) async fn new(set: Value, accepts: Accepts) -> Self {
        let issuer = Issuer::start(set).await;
        let rules = Rules { issuer: "https://idp".into(), audience: "ingest".into(), accepts, flaw: None };
        Self {
            rules,
            keys: Arc::new(KeySource::new(issuer.keys(), KeyTimes::default(), None)),
            _issuer: issuer,
        }
    }

    pub(super) async fn default() -> Self {
        Self::new(issuers_keys(), TokenProfile::default().accepts).await
    }

    /// Those of the default profile, but for what `change` does.
    pub(super) async fn but(change: impl FnOnce(&mut Accepts)) -> Self {
        let mut accepts = TokenProfile::default().accepts;
        change(&mut accepts);
        Self::new(issuers_keys(), accepts).await
    }

    pub(super) async fn check_at(&self, token: &str, seconds: u64) -> Result<Caller, Refused> {
        let token = Token::read(token, &self.rules)?;
        match signature::check(&token, &self.keys, &self.rules, Instant::now()).await {
            Ok(()) => claims::check(&token, &self.rules, UNIX_EPOCH + Duration::from_secs(seconds)),
            Err(Unproven::Refused(refused)) => Err(refused),
            Err(Unproven::Keys(error)) => panic!("{error}"),
        }
    }

    pub(super) async fn check(&self, token: &str) -> Result<Caller, Refused> {
        self.check_at(token, NOW).await
    }

    /// Of a token with these claims.
    pub(super) async fn claims(&self, claims: &Value) -> Result<Caller, Refused> {
        self.check(&sign(&header(), claims)).await
    }

    /// Of a token with this header.
    pub(super) async fn header(&self, header: &Value) -> Result<Caller, Refused> {
        self.check(&sign(header, &claims())).await
    }
}
