//! A token request: who asks, how that is proven, and for what.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue};
use serde_json::json;

use crate::jose::{PrivateKey, Signer};
use crate::load::Target;
use crate::scenario::AudienceParameter;
use crate::secret::{REDACTED, Secret};
use crate::wire::oauth::{JWT_BEARER, TokenRequest};

/// How long an assertion is good for, in seconds.
const ASSERTION_LIFE_S: u64 = 60;

/// A partner at its IdP.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// Where tokens are to be had.
    pub endpoint: Target,
    /// The same as the IdP calls it, to the letter.
    pub endpoint_url: String,
    /// Client id.
    pub client_id: String,
    /// How the partner proves that it is this client.
    pub proof: ClientProof,
    /// Scope asked for; empty asks for none.
    pub scope: String,
    /// The API that the token is to be for, and by which parameter that is said.
    pub audience: (AudienceParameter, String),
}

/// How a client authenticates at the token endpoint.
#[derive(Debug, Clone)]
pub enum ClientProof {
    /// By a secret in HTTP Basic (RFC 6749, section 2.3.1).
    Basic(Secret),
    /// By a secret in the request's body.
    Post(Secret),
    /// By a token that it signs anew each time (RFC 7523, section 2.2).
    PrivateKeyJwt(Arc<PrivateKey>),
}

/// The request, with the time now.
pub(super) fn token_request(credentials: &Credentials) -> Result<Request<Full<Bytes>>, String> {
    let mut form = TokenRequest {
        grant_type: Some("client_credentials".into()),
        scope: Some(credentials.scope.clone()).filter(|scope| !scope.is_empty()),
        ..TokenRequest::default()
    };
    match &credentials.audience {
        (AudienceParameter::None, _) => {}
        (AudienceParameter::Audience, audience) => form.audience = Some(audience.clone()),
        (AudienceParameter::Resource, audience) => form.resource = vec![audience.clone()],
    }
    let mut basic = None;
    match &credentials.proof {
        ClientProof::Basic(secret) => {
            let value =
                HeaderValue::try_from(format!("Basic {}", basic_pair(&credentials.client_id, secret)));
            let mut value = value.map_err(|_| "its credentials cannot stand in a header".to_owned())?;
            value.set_sensitive(true);
            basic = Some(value);
        }
        ClientProof::Post(secret) => {
            form.client_id = Some(credentials.client_id.clone());
            form.client_secret = Some(secret.expose().to_owned());
        }
        ClientProof::PrivateKeyJwt(key) => {
            form.client_id = Some(credentials.client_id.clone());
            form.client_assertion_type = Some(JWT_BEARER.to_owned());
            form.client_assertion = Some(assertion(credentials, key)?);
        }
    }
    let path = Some(credentials.endpoint.base_path.as_str()).filter(|path| !path.is_empty()).unwrap_or("/");
    let mut request = Request::post(path)
        .header(HOST, credentials.endpoint.authority.as_str())
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(ACCEPT, "application/json");
    if let Some(basic) = basic {
        request = request.header(AUTHORIZATION, basic);
    }
    request.body(Full::new(Bytes::from(form.to_form()))).map_err(|error| error.to_string())
}

/// A token by which the client says who it is: good for a minute, and once.
fn assertion(credentials: &Credentials, key: &Arc<PrivateKey>) -> Result<String, String> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let algorithm = key.kind().usual_algorithm();
    let header = json!({"alg": algorithm.name(), "typ": "JWT", "kid": key.public().thumbprint()});
    let claims = json!({
        "iss": credentials.client_id,
        "sub": credentials.client_id,
        // Section 3 allows the token endpoint's URL, which more providers take than their issuer.
        "aud": credentials.endpoint_url,
        "iat": now,
        "exp": now + ASSERTION_LIFE_S,
        "jti": uuid::Uuid::new_v4().to_string(),
    });
    Signer::new(key.clone(), algorithm, &header).sign(&claims).map_err(|error| error.to_string())
}

/// An IdP may repeat what it was sent, in any of the forms in which it was sent.
pub(super) fn without(credentials: &Credentials, words: String) -> String {
    let secret = match &credentials.proof {
        ClientProof::Basic(secret) | ClientProof::Post(secret) => secret,
        // Every token begins so: `{"`, encoded.
        ClientProof::PrivateKeyJwt(_) => {
            let shown = |word: &str| if word.contains("eyJ") { REDACTED.to_owned() } else { word.to_owned() };
            return words.split(' ').map(shown).collect::<Vec<_>>().join(" ");
        }
    };
    if secret.expose().is_empty() {
        return words;
    }
    let pair = basic_pair(&credentials.client_id, secret);
    [pair.as_str(), form_encoded(secret.expose()).as_str(), secret.expose()]
        .into_iter()
        .fold(words, |words, form| words.replace(form, REDACTED))
}

/// Client id and secret as HTTP Basic has them (RFC 6749, section 2.3.1).
fn basic_pair(client_id: &str, secret: &Secret) -> String {
    let (id, secret) = (form_encoded(client_id), form_encoded(secret.expose()));
    STANDARD.encode(format!("{id}:{secret}"))
}

fn form_encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::{Algorithm, Compact, KeyKind};
    use http_body_util::BodyExt as _;
    use serde_json::Value;

    fn credentials(proof: ClientProof) -> Credentials {
        let endpoint =
            Target { addresses: Vec::new(), authority: "idp:1".into(), base_path: String::new(), tls: None };
        Credentials {
            endpoint,
            endpoint_url: "http://idp:1/".into(),
            client_id: "a:b".into(),
            proof,
            scope: "s".into(),
            audience: (AudienceParameter::Resource, "urn:api".into()),
        }
    }

    /// Whether the request has a header with credentials, and its form.
    async fn sent(credentials: &Credentials) -> (bool, TokenRequest) {
        let (head, body) = token_request(credentials).unwrap().into_parts();
        assert_eq!(head.uri, "/");
        let body = body.collect().await.unwrap().to_bytes();
        (head.headers.contains_key(AUTHORIZATION), TokenRequest::from_form(&body).unwrap())
    }

    #[tokio::test]
    async fn a_client_says_who_it_is_in_one_way() {
        let (header, form) = sent(&credentials(ClientProof::Basic(Secret::new("p")))).await;
        assert!(header && form.client_id.is_none() && form.client_secret.is_none());
        assert_eq!((form.resource, form.audience), (vec!["urn:api".to_owned()], None));
        let (header, form) = sent(&credentials(ClientProof::Post(Secret::new("p")))).await;
        assert!(!header && form.client_id.as_deref() == Some("a:b"));
        assert_eq!(form.client_secret.as_deref(), Some("p"));
        let key = Arc::new(PrivateKey::generate(KeyKind::P384).unwrap());
        let credentials = credentials(ClientProof::PrivateKeyJwt(key.clone()));
        let (header, form) = sent(&credentials).await;
        assert!(!header && form.client_secret.is_none());
        assert_eq!(form.client_assertion_type.as_deref(), Some(JWT_BEARER));
        let assertion = form.client_assertion.unwrap();
        let parts = Compact::split(&assertion).unwrap();
        let claims: Value = serde_json::from_slice(&parts.decoded_payload().unwrap()).unwrap();
        assert_eq!(
            (&claims["iss"], &claims["sub"], &claims["aud"]),
            (&json!("a:b"), &json!("a:b"), &json!("http://idp:1/"))
        );
        let signature = parts.decoded_signature().unwrap();
        assert!(key.public().verifies(Algorithm::Es384, parts.signing_input().as_bytes(), &signature));
        let (_, again) = sent(&credentials).await;
        assert_ne!(again.client_assertion.unwrap(), assertion, "each is good once");
    }

    #[test]
    fn what_an_idp_repeats_shows_no_secret() {
        let secret = credentials(ClientProof::Basic(Secret::new("hun ter")));
        let pair = STANDARD.encode("a%3Ab:hun+ter");
        let words = without(&secret, format!("no hun ter, hun+ter or {pair} here"));
        assert_eq!(words, "no [redacted], [redacted] or [redacted] here");
        let key = Arc::new(PrivateKey::generate(KeyKind::Ed25519).unwrap());
        let signed = credentials(ClientProof::PrivateKeyJwt(key));
        assert_eq!(without(&signed, "bad 'eyJhbGciOiJFUzI1NiJ9.e30.AA' here".into()), "bad [redacted] here");
    }
}
