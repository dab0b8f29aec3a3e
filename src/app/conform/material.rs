//! Getting what the cases are made of: tokens of two partners, the provider's keys, and keys that it does not have.

use std::path::Path as FilePath;
use std::sync::Arc;
use std::time::SystemTime;

use serde_json::Value;

use super::tokens::{Tokens, Writers, decoded, writers};
use super::{ConformError, Path};
use crate::app::published_keys::{Place, PublishedKeys};
use crate::app::run::credentials_of;
use crate::conform::auth::{Attacker, Material, Object, Other, Signing};
use crate::doubles::idp::Idp;
use crate::jose::{Algorithm, Compact, KeyKind, PrivateKey, PublicKey};
use crate::load::Target;
use crate::scenario::{Accepts, GatewaySpec, Protocol};
use crate::secret::Secret;
use crate::stack::{PartnerAuth, Provider};
use crate::tls::self_signed;

/// How the embedded provider signs now.
pub(super) fn embedded_signer(idp: &Idp) -> Signing {
    let (key, kid, algorithm) = idp.current_signer();
    Signing { key, algorithm, kid }
}

/// The provider's key that signed a token, and how.
pub(super) async fn signed_with(
    provider: &Provider,
    token: &Secret,
) -> Result<(PublicKey, Algorithm), ConformError> {
    let (header, _) = decoded(token)?;
    let algorithm = header.get("alg").and_then(Value::as_str).and_then(Algorithm::of_name);
    let (algorithm, parts) = algorithm.zip(Compact::split(token.expose())).ok_or(ConformError::NoJwt)?;
    let place = provider.keys()?;
    let keys = PublishedKeys::get(&Place::Url(place.to_owned()), &provider.tls).await?;
    let signer = keys.signers(&parts, algorithm).into_iter().next();
    let (_, key) = signer.ok_or_else(|| ConformError::Unsigned(place.to_owned()))?;
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

/// Gathers everything; `key` is a file with the provider's private key. What depends on the target is not yet known.
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
    let (public, algorithm) = signed_with(provider, &token).await?;
    let (attacker, rsa) = foreign_keys().await?;
    let embedded = stack.idp().map(embedded_signer);
    let signer = match key {
        Some(path) => Some(given_key(path, &public, algorithm, &header)?),
        None => embedded,
    };
    // Of a gateway that runs elsewhere the profile tells what it takes, and nothing how it keeps keys.
    let (leeway, key_times) = match &scenario.stack.gateway {
        GatewaySpec::Embedded { leeway, keys, .. } => (*leeway, Some(*keys)),
        GatewaySpec::External { .. } | GatewaySpec::None => (provider.profile.accepts.leeway, None),
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
        base_path: String::new(),
        sink: None,
        own: stack.authorizer().is_some(),
        cold: stack.forgets_keys(),
        copies: stack.authorizer_copies(),
        clock: false,
        cache: stack.authorizer_ttl(),
        run: run.to_owned(),
        token,
    };
    Ok((material, tokens))
}
