//! `landfall token mint`: a token of whatever claims, signed by a key at hand.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::{Change, TokenError};
use crate::jose::{Algorithm, PrivateKey, Signer, SigningError};
use crate::scenario::{ClaimValues, TokenProfile};
use crate::secret::Secret;

/// What token is wanted.
#[derive(Debug)]
pub struct Order {
    /// Who signs it.
    pub key: Arc<PrivateKey>,
    /// How; `None`: as the profile does, or else as the key can.
    pub algorithm: Option<Algorithm>,
    /// The key's name; `None`: its thumbprint (RFC 7638).
    pub kid: Option<String>,
    /// What tokens look like.
    pub profile: TokenProfile,
    /// `iss`.
    pub issuer: String,
    /// Whom it is for.
    pub audience: Option<String>,
    /// The client's id.
    pub client: String,
    /// What is permitted, with blanks between.
    pub scope: Option<String>,
    /// How long it lives.
    pub life: Duration,
    /// Changes of the claims, in order.
    pub claims: Vec<Change>,
    /// Changes of the header, in order.
    pub header: Vec<Change>,
}

/// A token that has been made.
#[derive(Debug)]
pub struct Minted {
    /// The token.
    pub token: Secret,
    /// How it is signed.
    pub algorithm: Algorithm,
    /// The key's name, as the key set has it.
    pub kid: String,
    /// The key set with the public key.
    pub jwks: Value,
}

/// Makes a token `now`, in seconds since 1970, with this id.
///
/// # Errors
/// [`TokenError::Signing`] where algorithm and key do not go together.
pub fn mint(order: &Order, now: u64, jti: &str) -> Result<Minted, TokenError> {
    let Order { key, profile, .. } = order;
    let algorithm = algorithm_for(key, order.algorithm, profile)?;
    let kid = order.kid.clone().unwrap_or_else(|| key.public().thumbprint());
    let mut header = Map::new();
    header.insert("alg".to_owned(), algorithm.name().into());
    header.extend(profile.issues.typ.clone().map(|typ| ("typ".to_owned(), typ.into())));
    header.insert("kid".to_owned(), kid.clone().into());
    order.header.iter().for_each(|change| change.apply(&mut header));
    let mut claims = profile.issues.claims_of(&ClaimValues {
        issuer: &order.issuer,
        client: &order.client,
        audience: order.audience.as_deref(),
        scope: order.scope.as_deref(),
        jti,
        now,
        life: order.life.as_secs(),
    });
    order.claims.iter().for_each(|change| change.apply(&mut claims));
    let mut jwk = key.public().to_jwk(&kid, algorithm);
    if !profile.issues.keys_name_algorithm {
        jwk.shift_remove("alg");
    }
    let token = Signer::new(key.clone(), algorithm, &header).sign(&claims)?;
    Ok(Minted { token: Secret::new(token), algorithm, kid, jwks: json!({"keys": [jwk]}) })
}

/// The algorithm that was asked for, or else the profile's where the key can do that, or else what the key can do.
fn algorithm_for(
    key: &PrivateKey,
    asked: Option<Algorithm>,
    profile: &TokenProfile,
) -> Result<Algorithm, SigningError> {
    let fits = |algorithm: &Algorithm| algorithm.key_kind() == Some(key.kind());
    match asked {
        Some(algorithm) if !fits(&algorithm) => Err(SigningError { kind: key.kind(), algorithm }),
        Some(algorithm) => Ok(algorithm),
        None => Ok(Some(profile.issues.algorithm).filter(fits).unwrap_or(key.kind().usual_algorithm())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::{Compact, KeyKind, PublicKey};
    use crate::scenario::profile;

    fn order(kind: KeyKind, profile: TokenProfile) -> Order {
        Order {
            key: Arc::new(PrivateKey::generate(kind).unwrap()),
            algorithm: None,
            kid: None,
            profile,
            issuer: "http://idp".into(),
            audience: Some("ingest".into()),
            client: "shop".into(),
            scope: Some("a:write b:write".into()),
            life: Duration::from_mins(5),
            claims: Vec::new(),
            header: Vec::new(),
        }
    }

    fn decoded(minted: &Minted) -> (Value, Value) {
        let parts = Compact::split(minted.token.expose()).unwrap();
        let read = |bytes: Option<Vec<u8>>| serde_json::from_slice(&bytes.unwrap()).unwrap();
        (read(parts.decoded_header()), read(parts.decoded_payload()))
    }

    fn verifies(minted: &Minted) -> bool {
        let parts = Compact::split(minted.token.expose()).unwrap();
        let key = PublicKey::from_jwk(&minted.jwks["keys"][0]).unwrap();
        key.verifies(minted.algorithm, parts.signing_input().as_bytes(), &parts.decoded_signature().unwrap())
    }

    #[test]
    fn a_token_is_as_the_profile_has_it_and_verifies_by_its_key_set() {
        let order = order(KeyKind::Ed25519, TokenProfile::default());
        let minted = mint(&order, 100, "7").unwrap();
        let thumbprint = order.key.public().thumbprint();
        let (header, claims) = decoded(&minted);
        assert_eq!(header, json!({"alg": "EdDSA", "typ": "at+jwt", "kid": thumbprint}));
        let expected = json!({"iss": "http://idp", "iat": 100, "exp": 400, "aud": "ingest", "sub": "shop",
            "client_id": "shop", "jti": "7", "scope": "a:write b:write"});
        assert_eq!(claims, expected);
        assert!(verifies(&minted));
        assert_eq!(minted.jwks["keys"][0]["kid"], Value::from(thumbprint));
    }

    #[test]
    fn every_kind_of_key_signs_in_its_own_way() {
        for kind in KeyKind::ALL {
            let minted = mint(&order(kind, TokenProfile::default()), 1, "x").unwrap();
            assert_eq!(minted.algorithm.key_kind(), Some(kind));
            assert!(verifies(&minted), "{kind:?}");
        }
    }

    #[test]
    fn an_algorithm_must_fit_the_key() {
        let mut order = order(KeyKind::P256, TokenProfile::default());
        order.algorithm = Some(Algorithm::Rs256);
        let error = mint(&order, 1, "x").unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains("P256 makes no RS256"), "{error}");
        order.algorithm = Some(Algorithm::Hs256);
        assert!(matches!(mint(&order, 1, "x"), Err(TokenError::Signing(_))));
        order.algorithm = Some(Algorithm::Es256);
        assert!(mint(&order, 1, "x").is_ok());
    }

    #[test]
    fn changes_come_last_and_may_be_anything() {
        let mut order = order(KeyKind::P256, profile("keycloak").unwrap());
        order.claims = ["exp=1", "aud=", "extra=[1]"].map(|change| change.parse().unwrap()).into();
        order.header = ["alg=none", "kid=", "crit=[\"x\"]"].map(|change| change.parse().unwrap()).into();
        order.kid = Some("k".into());
        let minted = mint(&order, 100, "x").unwrap();
        let (header, claims) = decoded(&minted);
        assert_eq!(header, json!({"alg": "none", "typ": "JWT", "crit": ["x"]}));
        assert_eq!((&claims["exp"], &claims["extra"], claims.get("aud")), (&json!(1), &json!([1]), None));
        assert_eq!((minted.kid.as_str(), &minted.jwks["keys"][0]["kid"]), ("k", &json!("k")));
        assert!(verifies(&minted), "it is signed all the same");
    }
}
