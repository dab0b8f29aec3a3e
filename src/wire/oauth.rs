//! OAuth 2.0 messages: token request, response and error (RFC 6749), server metadata (RFC 8414 and OpenID
//! Connect Discovery 1.0) and key sets (RFC 7517).

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

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
            if !seen.insert(name.clone()) {
                return Err(RepeatedParameter(name.into_owned()));
            }
            let place = match name.as_ref() {
                "grant_type" => &mut request.grant_type,
                "scope" => &mut request.scope,
                "client_id" => &mut request.client_id,
                "client_secret" => &mut request.client_secret,
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
        ];
        let mut form = form_urlencoded::Serializer::new(String::new());
        for (name, value) in parameters {
            if let Some(value) = value {
                form.append_pair(name, value);
            }
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
    /// Life of the token, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in: Option<u64>,
    /// Scopes granted, separated by spaces; absent where none is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
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
    /// URL of the key set.
    pub jwks_uri: String,
    /// Response types of the authorization endpoint; empty where there is no such endpoint.
    pub response_types_supported: Vec<String>,
    /// Grants.
    pub grant_types_supported: Vec<String>,
    /// How clients may authenticate at the token endpoint.
    pub token_endpoint_auth_methods_supported: Vec<String>,
    /// Scopes that some client may have.
    pub scopes_supported: Vec<String>,
    /// Subject types (OpenID Connect).
    pub subject_types_supported: Vec<String>,
    /// Signature algorithms (OpenID Connect).
    pub id_token_signing_alg_values_supported: Vec<String>,
}

/// A set of keys (RFC 7517, section 5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jwks {
    /// The public keys.
    pub keys: Vec<RsaJwk>,
}

/// A public RSA key (RFC 7517, section 4; RFC 7518, section 6.3.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RsaJwk {
    /// `RSA`
    pub kty: String,
    /// `sig`
    #[serde(rename = "use")]
    pub public_use: String,
    /// `RS256`
    pub alg: String,
    /// Key id.
    pub kid: String,
    /// Modulus, base64url of its big-endian bytes.
    pub n: String,
    /// Exponent, likewise.
    pub e: String,
}

/// Header of an access token (RFC 9068, section 2.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenHeader {
    /// `RS256`
    pub alg: String,
    /// `at+jwt`
    pub typ: String,
    /// Id of the key that signed.
    pub kid: String,
}

/// Claims of an access token (RFC 9068, section 2.2). Times are seconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenClaims {
    /// Issuer.
    pub iss: String,
    /// Audience.
    pub aud: String,
    /// Subject: the client itself under the client credentials grant.
    pub sub: String,
    /// Client.
    pub client_id: String,
    /// When it was issued.
    pub iat: u64,
    /// When it ends: it must not be accepted on or after this.
    pub exp: u64,
    /// Unique id.
    pub jti: String,
    /// Scopes granted, separated by spaces; absent where none is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
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
        for body in ["scope=a&scope=b", "x=1&x=1", "client_id=&client_id=a"] {
            assert!(TokenRequest::from_form(body.as_bytes()).is_err(), "{body}");
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let request = TokenRequest { client_secret: Some("hunter2".into()), ..TokenRequest::default() };
        let response = TokenResponse {
            access_token: "hunter2".into(),
            token_type: "Bearer".into(),
            expires_in: Some(1),
            scope: None,
        };
        assert!(!format!("{request:?} {response:#?}").contains("hunter2"));
    }
}
