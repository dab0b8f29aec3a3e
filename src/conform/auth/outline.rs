//! The cases without a target: what there is, for who wants to know.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::material::{Attacker, Material, Object, Other, Signing};
use super::{Case, GROUPS};
use crate::jose::{Algorithm, KeyError, KeyKind, PrivateKey, Signer};
use crate::scenario::{Accepts, KeyTimes, TokenProfile};
use crate::secret::Secret;

/// When the tokens are issued; any time does.
const NOW: u64 = 1_800_000_000;

/// All cases, as if there were a target that gives whatever they need, in the order of their ids.
///
/// # Errors
/// [`KeyError::Generate`], where the system has no randomness: the tokens of the cases are signed.
pub fn outline() -> Result<Vec<Case>, KeyError> {
    let material = material()?;
    let mut cases: Vec<Case> = GROUPS.iter().flat_map(|write_down| write_down(&material, NOW)).collect();
    cases.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(cases)
}

fn key(kind: KeyKind) -> Result<Arc<PrivateKey>, KeyError> {
    PrivateKey::generate(kind).map(Arc::new)
}

/// Everything that cases can need, of a provider that there is not.
pub(super) fn material() -> Result<Material, KeyError> {
    let signer = Signing { key: key(KeyKind::Rsa)?, algorithm: Algorithm::Rs256, kid: "main".into() };
    let header = object([("alg", json!("RS256")), ("typ", json!("at+jwt")), ("kid", json!("main"))]);
    let claims = |client: &str, scope: &str| {
        object([
            ("iss", json!("http://127.0.0.1:1")),
            ("aud", json!("landfall-api")),
            ("sub", json!(client)),
            ("client_id", json!(client)),
            ("iat", json!(NOW)),
            ("exp", json!(NOW + 3600)),
            ("jti", json!(client)),
            ("scope", json!(scope)),
        ])
    };
    let sign = |claims: &Object| {
        let signer = Signer::new(signer.key.clone(), signer.algorithm, &header);
        signer.sign(claims).map(Secret::new).map_err(|_| KeyError::Kind)
    };
    let own = claims("shop", "orders:write");
    Ok(Material {
        accepts: Accepts {
            leeway: Duration::from_secs(4),
            // The marks of people's tokens in all profiles that ship.
            absent: ["scp", "sid", "uid", "username"].map(str::to_owned).into(),
            ..TokenProfile::default().accepts
        },
        token: sign(&own)?,
        header: header.clone(),
        public: signer.key.public().clone(),
        audience: "landfall-api".into(),
        client_secret: Some(Secret::new("the-secret-of-the-shop")),
        topic: "orders".into(),
        other: Some(Other { token: sign(&claims("bank", "ledger:write"))?, topic: "ledger".into() }),
        spare: Signing { key: key(KeyKind::Rsa)?, algorithm: Algorithm::Rs256, kid: "spare".into() },
        attacker: Attacker {
            rsa: key(KeyKind::Rsa)?,
            p256: key(KeyKind::P256)?,
            p384: key(KeyKind::P384)?,
            ed25519: key(KeyKind::Ed25519)?,
            certificate: vec![0x30, 0],
        },
        base_path: "/prod".into(),
        sink: Some("http://127.0.0.1:2".into()),
        rotation: Some(KeyTimes::default()),
        own: true,
        cold: true,
        copies: 1,
        clock: true,
        cache: Some(Duration::from_secs(1)),
        run: "run".into(),
        claims: own,
        signer: Some(signer),
    })
}

fn object<const N: usize>(members: [(&str, Value); N]) -> Object {
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>()
}
