//! Stock clients at landfall's identity provider, unmodified: what they fetch, and what they make of it.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use landfall::doubles::idp::{Client, Credential, Idp, IdpConfig};
use landfall::jose::{Algorithm, KeyKind, PrivateKey};
use landfall::scenario::profile;
use landfall::secret::Secret;
use serde_json::{Value, json};

use crate::stage::{client, tool};

const AUDIENCE: &str = "https://api.example.com/ingest";
/// Authlib, as many do, joins both for HTTP Basic without encoding them first (RFC 6749, section 2.3.1), so that it needs
/// some in which nothing has to be.
const PLAIN: (&str, &str) = ("seismic", "s3cret-that-is-plain");
/// All that encoding and Basic get wrong.
const ODD: (&str, &str) = ("seis:mic", "s3cret +:%ä");

async fn start(name: &str, algorithm: Algorithm, signer: &PrivateKey) -> Idp {
    let client = |id: &str, credential| Client {
        id: id.into(),
        credential,
        scopes: vec!["quakes:write".to_owned(), "ships:write".to_owned()],
    };
    let secret = |(id, secret): (&str, &str)| client(id, Credential::Secret(Secret::new(secret)));
    let mut config = IdpConfig::new(IpAddr::V4(Ipv4Addr::LOCALHOST), AUDIENCE);
    config.profile = profile(name).unwrap();
    config.profile.issues.algorithm = algorithm;
    config.clients =
        vec![secret(PLAIN), secret(ODD), client("signer", Credential::Key(signer.public().clone()))];
    let idp = Idp::start(config).await.unwrap();
    // Other keys must not confuse anybody.
    idp.publish(vec![json!({"kty": "RSA", "use": "enc", "kid": "enc", "n": "AQAB", "e": "AQAB"})]);
    let _ = idp.rotate(false).unwrap();
    idp
}

/// What a script of theirs prints about the provider.
async fn told(
    program: &str,
    script: &Path,
    idp: &Idp,
    (id, secret): (&str, &str),
    signer: &PrivateKey,
) -> Value {
    let mut command = Command::new(program);
    command.arg(script).env("ISSUER", idp.issuer()).env("AUDIENCE", AUDIENCE);
    command.env("CLIENT", id).env("SECRET", secret).env("SIGNER", "signer");
    command.env("KEY", signer.to_pem().unwrap().expose()).env("OAUTHLIB_INSECURE_TRANSPORT", "1");
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    assert!(output.status.success(), "{}: {}", idp.issuer(), String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Every profile once, and every algorithm.
const ROWS: [(&str, Algorithm); 10] = [
    ("landfall", Algorithm::Rs256),
    ("cognito", Algorithm::Rs384),
    ("auth0", Algorithm::Rs512),
    ("okta", Algorithm::Ps256),
    ("keycloak", Algorithm::Ps384),
    ("entra-v1", Algorithm::Ps512),
    ("entra-v2", Algorithm::Es256),
    ("landfall", Algorithm::Es384),
    ("okta", Algorithm::Es512),
    ("auth0", Algorithm::EdDsa),
];

/// Who the token is for, by the provider's own claim.
fn named(name: &str, claims: &Value) -> Value {
    let claim = match name {
        "okta" => "cid",
        "auth0" | "keycloak" | "entra-v2" => "azp",
        "entra-v1" => "appid",
        _ => "client_id",
    };
    claims[claim].clone()
}

#[tokio::test]
async fn authlib_requests_oauthlib_and_pyjwt() {
    let Some(python) = tool("LANDFALL_PYTHON") else { return };
    let signer = Arc::new(PrivateKey::generate(KeyKind::Rsa).unwrap());
    for (name, algorithm) in ROWS {
        let idp = start(name, algorithm, &signer).await;
        let told = told(&python, &client("oauth_clients.py"), &idp, PLAIN, &signer).await;
        for way in ["basic", "post", "audience", "requests-oauthlib", "requests-oauthlib in the body"] {
            assert_eq!(named(name, &told[way]), PLAIN.0, "{name} {way}: {told}");
            assert_eq!(told[way]["iss"], idp.issuer());
        }
        assert_eq!(named(name, &told["signed"]), "signer", "{name}: {told}");
        assert_eq!(told["refused"], "OAuthError: invalid_client");
    }
}

#[tokio::test]
async fn openid_client_and_jose() {
    let Some(_) = tool("LANDFALL_NODE_MODULES") else { return };
    let signer = Arc::new(PrivateKey::generate(KeyKind::P256).unwrap());
    for (name, algorithm) in ROWS {
        let idp = start(name, algorithm, &signer).await;
        let told = told("node", &client("openid_client.mjs"), &idp, ODD, &signer).await;
        for way in ["basic", "post", "resource"] {
            assert_eq!(named(name, &told[way]), ODD.0, "{name} {way}: {told}");
            assert_eq!(
                (&told[way]["iss"], &told[way]["alg"]),
                (&json!(idp.issuer()), &json!(algorithm.name()))
            );
        }
        assert_eq!(named(name, &told["signed"]), "signer", "{name}: {told}");
        assert_eq!(told["refused"], "invalid_client");
    }
}
