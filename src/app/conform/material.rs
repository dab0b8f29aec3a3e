//! Getting what the cases are made of: tokens of two partners, the provider's keys, and keys that it does not have.

use std::path::Path as FilePath;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use hyper::StatusCode;
use serde_json::Value;

use super::{ConformError, Path};
use crate::app::run::credentials_of;
use crate::conform::auth::{Attacker, Material, Object, Other, Signing};
use crate::doubles::http::Source;
use crate::jose::{Algorithm, Compact, KeyKind, PrivateKey, PublicKey};
use crate::load::{Credentials, Target, fetch_all};
use crate::scenario::{Accepts, Expect, GatewaySpec, Protocol, Scenario};
use crate::secret::Secret;
use crate::stack::{PartnerAuth, Provider};
use crate::tls::self_signed;

/// How long the provider's keys may take.
const KEYS: Duration = Duration::from_secs(10);
/// Longest key set that is read, in bytes.
const SET: usize = 1024 * 1024;

/// Two partners that may write, each to a topic of its own, by place in the scenario; the second may be missing.
struct Writers {
    first: (usize, String),
    second: Option<(usize, String)>,
}

fn writers(scenario: &Scenario) -> Result<Writers, ConformError> {
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
    first: Credentials,
    second: Option<Credentials>,
}

impl Tokens {
    /// A token of each.
    async fn fetch(&self) -> Result<(Secret, Option<Secret>), ConformError> {
        let credentials: Vec<Credentials> =
            std::iter::once(&self.first).chain(&self.second).cloned().collect();
        let mut fetched = fetch_all(&credentials).await.into_iter();
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
fn decoded(token: &Secret) -> Result<(Object, Object), ConformError> {
    let parts = Compact::split(token.expose()).ok_or(ConformError::NoJwt)?;
    let object = |bytes: Option<Vec<u8>>| -> Option<Object> { serde_json::from_slice(&bytes?).ok() };
    let header = object(parts.decoded_header()).ok_or(ConformError::NoJwt)?;
    let claims = object(parts.decoded_payload()).ok_or(ConformError::NoJwt)?;
    Ok((header, claims))
}

/// The provider's published keys.
async fn keys(provider: &Provider) -> Result<Vec<Value>, ConformError> {
    let uri = &provider.jwks_uri;
    let unusable = |reason: String| ConformError::Keys { uri: uri.clone(), reason };
    let source = Source::new(uri, &provider.tls).map_err(|error| unusable(error.to_string()))?;
    let (status, body) = match tokio::time::timeout(KEYS, source.get(SET)).await {
        Ok(answer) => answer.map_err(|error| unusable(error.to_string()))?,
        Err(_) => return Err(unusable(format!("no answer within {} s", KEYS.as_secs()))),
    };
    if status != StatusCode::OK {
        return Err(unusable(format!("it answers {}", status.as_u16())));
    }
    let set: Value = serde_json::from_slice(&body).map_err(|error| unusable(error.to_string()))?;
    Ok(set.get("keys").and_then(Value::as_array).cloned().unwrap_or_default())
}

/// The key that signed a token.
fn signed_with(keys: &[Value], token: &Secret, uri: &str) -> Result<(PublicKey, Algorithm), ConformError> {
    let (header, _) = decoded(token)?;
    let algorithm = header.get("alg").and_then(Value::as_str).and_then(Algorithm::of_name);
    let algorithm = algorithm.ok_or(ConformError::NoJwt)?;
    let parts = Compact::split(token.expose()).ok_or(ConformError::NoJwt)?;
    let (input, signature) = (parts.signing_input(), parts.decoded_signature().unwrap_or_default());
    let signs = |key: &PublicKey| key.verifies(algorithm, input.as_bytes(), &signature);
    let key = keys.iter().filter_map(|key| PublicKey::from_jwk(key).ok()).find(signs);
    let key = key.ok_or_else(|| ConformError::Keys {
        uri: uri.to_owned(),
        reason: "the key that signed the partner's token is not among them".to_owned(),
    })?;
    Ok((key, algorithm))
}

/// New keys, which nobody knows.
pub(in crate::app) async fn foreign_keys() -> Result<(Attacker, Arc<PrivateKey>), ConformError> {
    // Searching for primes takes long enough to hold up a runtime's thread.
    let made = tokio::task::spawn_blocking(|| -> Result<_, ConformError> {
        let key = |kind| PrivateKey::generate(kind).map(Arc::new);
        let rsa = key(KeyKind::Rsa)?;
        let pem = rsa.to_pem().ok_or(crate::jose::KeyError::Generate)?;
        let attacker = Attacker {
            certificate: self_signed(&pem, "idp.example", SystemTime::now())?,
            p256: key(KeyKind::P256)?,
            p384: key(KeyKind::P384)?,
            ed25519: key(KeyKind::Ed25519)?,
            rsa,
        };
        Ok((attacker, key(KeyKind::Rsa)?))
    });
    made.await.map_err(|_| crate::jose::KeyError::Generate)?
}

/// A key of the provider's kind.
pub(in crate::app) async fn spare_key(
    algorithm: Algorithm,
    rsa: Arc<PrivateKey>,
) -> Result<Signing, ConformError> {
    let kind = algorithm.key_kind().unwrap_or(KeyKind::Rsa);
    let key = if kind == KeyKind::Rsa {
        rsa
    } else {
        let made = tokio::task::spawn_blocking(move || PrivateKey::generate(kind).map(Arc::new));
        made.await.map_err(|_| crate::jose::KeyError::Generate)??
    };
    Ok(Signing { kid: key.public().thumbprint(), key, algorithm })
}

/// The provider's private key, from a file.
fn given_key(
    path: &FilePath,
    public: &PublicKey,
    algorithm: Algorithm,
    header: &Object,
) -> Result<Signing, ConformError> {
    let unusable = |reason: String| ConformError::SigningKey { path: path.to_owned(), reason };
    let text = std::fs::read_to_string(path).map_err(|error| unusable(error.to_string()))?;
    let key = PrivateKey::from_pem(&text).map_err(|error| unusable(error.to_string()))?;
    if key.public() != public {
        return Err(unusable("the partner's token is signed with another key".to_owned()));
    }
    let kid = header.get("kid").and_then(Value::as_str).unwrap_or_default().to_owned();
    Ok(Signing { key: Arc::new(key), algorithm, kid })
}

/// Gathers everything; `key` is a file with the provider's private key. `sink` is the URL of a place that the target must not call, where it could reach one; `clock` is
/// not yet known.
pub(super) async fn gather(
    path: &Path<'_>,
    key: Option<&FilePath>,
    run: &str,
) -> Result<(Material, Tokens), ConformError> {
    let Path { stack, scenario } = path;
    let provider = stack.provider().ok_or(ConformError::NoProvider)?;
    let Writers { first, second } = writers(scenario)?;
    let endpoint =
        Target::resolve(&provider.token_endpoint, &scenario.allow_hosts, &provider.tls, Protocol::Http1)
            .await?;
    let credentials = |partner: usize| credentials_of(scenario, stack, partner, &endpoint);
    let tokens = Tokens {
        first: credentials(first.0).ok_or(ConformError::NoProvider)?,
        second: second.as_ref().and_then(|(partner, _)| credentials(*partner)),
    };
    let (token, of_other) = tokens.fetch().await?;
    let other = second.zip(of_other).map(|((_, topic), token)| Other { token, topic });
    let (header, claims) = decoded(&token)?;
    let (public, algorithm) = signed_with(&keys(provider).await?, &token, &provider.jwks_uri)?;
    let (attacker, rsa) = foreign_keys().await?;
    let embedded = stack.idp().map(|idp| {
        let (key, kid, algorithm) = idp.current_signer();
        Signing { key, algorithm, kid }
    });
    let signer = match key {
        Some(path) => Some(given_key(path, &public, algorithm, &header)?),
        None => embedded,
    };
    // Of a gateway that runs elsewhere the profile tells what it takes, and nothing how it keeps keys.
    let (leeway, key_times) = match &scenario.stack.gateway {
        GatewaySpec::Embedded { leeway, keys, .. } => (*leeway, Some(*keys)),
        GatewaySpec::None => (provider.profile.accepts.leeway, None),
    };
    let rotation = key_times.filter(|_| stack.idp().is_some());
    let material = Material {
        accepts: Accepts { leeway, ..provider.profile.accepts.clone() },
        header,
        claims,
        public,
        audience: provider.audience.clone(),
        client_secret: match stack.partner_auth(first.0) {
            Some(PartnerAuth::Basic(secret) | PartnerAuth::Post(secret)) => Some(secret.clone()),
            _ => None,
        },
        topic: first.1,
        other,
        rotation,
        signer,
        spare: spare_key(algorithm, rsa).await?,
        attacker,
        sink: None,
        own: stack.authorizer().is_some(),
        cold: stack.forgets_keys(),
        clock: false,
        cache: stack.authorizer_ttl(),
        run: run.to_owned(),
        token,
    };
    Ok((material, tokens))
}
