//! OAuth 2.0 messages: token request, response and error (RFC 6749), server metadata (RFC 8414 and OpenID
//! Connect Discovery 1.0) and key sets (RFC 7517).

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// `client_assertion_type` of a token that the client has signed (RFC 7523, section 2.2).
pub const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A request to the token endpoint, as its form body carries it (RFC 6749, section 4.4.2). Parameters that
/// are empty count as absent (section 3.2).
#[derive(Clone, Default, PartialEq, Eq)]
pub struct TokenRequest {
    /// `client_credentials`, for instance.
    pub grant_type: Option<String>,
    /// Scopes asked for, separated by spaces.
    pub scope: Option<String>,
    /// Client id, where the client authenticates in the body.
    pub client_id: Option<String>,
    /// Client secret, where the client authenticates in the body.
    pub client_secret: Option<String>,
    /// What kind of assertion the client authenticates by (RFC 7521, section 4.2): [`JWT_BEARER`].
    pub client_assertion_type: Option<String>,
    /// The assertion.
    pub client_assertion: Option<String>,
    /// The API that the token is to be for, as Auth0 and others have it.
    pub audience: Option<String>,
    /// The same by RFC 8707, section 2, which may stand several times.
    pub resource: Vec<String>,
}

/// A parameter stands more than once, which RFC 6749, section 3.2, forbids.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the parameter {0:?} stands more than once in the token request; send each once")]
pub struct RepeatedParameter(pub String);

impl TokenRequest {
    /// Reads a form body (`application/x-www-form-urlencoded`). Unknown parameters are ignored, as section
    /// 3.2 demands, but may not be repeated either.
    ///
    /// # Errors
    /// [`RepeatedParameter`] names the first parameter that stands twice.
    pub fn from_form(body: &[u8]) -> Result<Self, RepeatedParameter> {
        let mut request = Self::default();
        let mut seen = BTreeSet::new();
        for (name, value) in form_urlencoded::parse(body) {
            if name == "resource" {
                request.resource.extend(Some(value.into_owned()).filter(|value| !value.is_empty()));
                continue;
            }
            if !seen.insert(name.clone()) {
                return Err(RepeatedParameter(name.into_owned()));
            }
            let place = match name.as_ref() {
                "grant_type" => &mut request.grant_type,
                "scope" => &mut request.scope,
                "client_id" => &mut request.client_id,
                "client_secret" => &mut request.client_secret,
                "client_assertion_type" => &mut request.client_assertion_type,
                "client_assertion" => &mut request.client_assertion,
                "audience" => &mut request.audience,
                _ => continue,
            };
            *place = Some(value.into_owned()).filter(|value| !value.is_empty());
        }
        Ok(request)
    }

    /// The form body.
    #[must_use]
    pub fn to_form(&self) -> String {
        let parameters = [
            ("grant_type", &self.grant_type),
            ("scope", &self.scope),
            ("client_id", &self.client_id),
            ("client_secret", &self.client_secret),
            ("client_assertion_type", &self.client_assertion_type),
            ("client_assertion", &self.client_assertion),
            ("audience", &self.audience),
        ];
        let mut form = form_urlencoded::Serializer::new(String::new());
        for (name, value) in parameters {
            if let Some(value) = value {
                form.append_pair(name, value);
            }
        }
        for resource in &self.resource {
            form.append_pair("resource", resource);
        }
        form.finish()
    }
}

impl fmt::Debug for TokenRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenRequest")
            .field("grant_type", &self.grant_type)
            .field("scope", &self.scope)
            .field("client_id", &self.client_id)
            .field("client_secret", &self.client_secret.as_ref().map(|_| "[redacted]"))
            .field("client_assertion_type", &self.client_assertion_type)
            .field("client_assertion", &self.client_assertion.as_ref().map(|_| "[redacted]"))
            .field("audience", &self.audience)
            .field("resource", &self.resource)
            .finish()
    }
}

/// A successful answer of the token endpoint (RFC 6749, section 5.1).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenResponse {
    /// The token.
    pub access_token: String,
    /// `Bearer`; to be compared without regard to case.
    pub token_type: String,
    /// Life of the token, in seconds. Some providers write a text, or a fraction; what cannot be read is as if it were not
    /// there, for the token itself may be good.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lenient_seconds")]
    pub expires_in: Option<u64>,
    /// Scopes granted, separated by spaces; absent where none is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
}

/// Whole seconds of a number or of a text that is one.
fn lenient_seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let whole = text.split_once('.').map_or(text.as_str(), |(whole, _)| whole);
    Ok(whole.trim().parse().ok())
}

impl fmt::Debug for TokenResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenResponse")
            .field("access_token", &"[redacted]")
            .field("token_type", &self.token_type)
            .field("expires_in", &self.expires_in)
            .field("scope", &self.scope)
            .finish()
    }
}

/// Why the token endpoint refused (RFC 6749, section 5.2): those of its codes that fit the client credentials
/// grant of a server that grants it to all of its clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenErrorCode {
    /// A parameter is missing, repeated or malformed, or two ways of authenticating are mixed.
    InvalidRequest,
    /// Client authentication failed.
    InvalidClient,
    /// The server does not know this grant.
    UnsupportedGrantType,
    /// The scope is malformed or more than the client may have.
    InvalidScope,
    /// The token would be for an API that the server does not know (RFC 8707, section 2).
    InvalidTarget,
    /// Too many requests have come; RFC 6749 has no code for that, and this is Auth0's.
    TooManyRequests,
}

/// An error of the token endpoint (RFC 6749, section 5.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenError {
    /// The code.
    pub error: TokenErrorCode,
    /// Text for the client's developer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_description: Option<String>,
}

/// Metadata of an authorization server (RFC 8414, section 2; OpenID Connect Discovery 1.0, section 3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// Issuer: equal, to the letter, to the `iss` of its tokens.
    pub issuer: String,
    /// URL of the token endpoint.
    pub token_endpoint: String,
    /// URL of the key set; one may have none (RFC 8414, section 2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks_uri: Option<String>,
    /// Response types of the authorization endpoint; empty where there is no such endpoint.
    #[serde(default)]
    pub response_types_supported: Vec<String>,
    /// Grants.
    #[serde(default)]
    pub grant_types_supported: Vec<String>,
    /// How clients may authenticate at the token endpoint.
    #[serde(default)]
    pub token_endpoint_auth_methods_supported: Vec<String>,
    /// Algorithms of the assertions that they may authenticate by.
    #[serde(default)]
    pub token_endpoint_auth_signing_alg_values_supported: Vec<String>,
    /// Scopes that some client may have.
    #[serde(default)]
    pub scopes_supported: Vec<String>,
    /// Subject types (OpenID Connect).
    #[serde(default)]
    pub subject_types_supported: Vec<String>,
    /// Signature algorithms (OpenID Connect).
    #[serde(default)]
    pub id_token_signing_alg_values_supported: Vec<String>,
}

/// A set of keys (RFC 7517, section 5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jwks {
    /// The keys, each a JWK.
    pub keys: Vec<Value>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_read_and_written() {
        let request =
            TokenRequest::from_form(b"grant_type=client_credentials&scope=a%3Awrite+b&x=1&client_id=")
                .unwrap();
        assert_eq!(request.scope.as_deref(), Some("a:write b"));
        assert_eq!(request.client_id, None, "an empty parameter counts as absent");
        assert_eq!(TokenRequest::from_form(request.to_form().as_bytes()), Ok(request));
    }

    #[test]
    fn a_repeated_parameter_is_refused_even_if_unknown_or_empty() {
        let request = TokenRequest::from_form(b"resource=a&resource=b&resource=&audience=c").unwrap();
        assert_eq!(request.resource, ["a", "b"], "which RFC 8707, section 2, allows");
        assert_eq!(TokenRequest::from_form(request.to_form().as_bytes()), Ok(request));
        for body in ["scope=a&scope=b", "x=1&x=1", "client_id=&client_id=a"] {
            assert!(TokenRequest::from_form(body.as_bytes()).is_err(), "{body}");
        }
    }

    #[test]
    fn a_life_may_be_written_in_several_ways() {
        let life = |life: &str| {
            let text = format!(r#"{{"access_token":"a","token_type":"Bearer","expires_in":{life}}}"#);
            serde_json::from_str::<TokenResponse>(&text).unwrap().expires_in
        };
        assert_eq!(["3599", "\"3599\"", "3599.5"].map(life), [Some(3599); 3]);
        assert_eq!(["null", "\"soon\"", "-1", "{}"].map(life), [None; 4]);
    }

    #[test]
    fn debug_shows_no_secret() {
        let request = TokenRequest {
            client_secret: Some("hunter2".into()),
            client_assertion: Some("hunter2".into()),
            ..TokenRequest::default()
        };
        let response = TokenResponse {
            access_token: "hunter2".into(),
            token_type: "Bearer".into(),
            expires_in: Some(1),
            scope: None,
        };
        assert!(!format!("{request:?} {response:#?}").contains("hunter2"));
    }
}
