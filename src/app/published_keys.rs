//! Getting an issuer's public keys, from a file or a URL.

use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use hyper::{StatusCode, Uri};
use serde_json::Value;

use super::token::trust_hint;
use crate::doubles::authorizer::KeySet;
use crate::doubles::http::Source;
use crate::jose::{Algorithm, Compact, PublicKey};
use crate::scenario::TlsSettings;

/// How long fetching may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longest set that is read, in bytes.
const LIMIT: usize = 1024 * 1024;

/// Why there are no keys.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "cannot use the keys at {place}: {reason}; it must be a key set, `{{\"keys\": […]}}` (RFC 7517, section 5)"
)]
pub struct KeysError {
    /// File or URL.
    pub place: String,
    /// Whether they had to be fetched.
    pub fetched: bool,
    /// What is wrong.
    pub reason: String,
}

/// Where a key set is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A file.
    File(PathBuf),
    /// An http or https URL.
    Url(String),
}

impl FromStr for Place {
    type Err = std::convert::Infallible;

    /// What begins as an http or https URL is one.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let begins =
            |scheme: &str| text.get(..scheme.len()).is_some_and(|head| head.eq_ignore_ascii_case(scheme));
        let url = begins("http://") || begins("https://");
        Ok(if url { Self::Url(text.to_owned()) } else { Self::File(PathBuf::from(text)) })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            // People do write passwords into URLs.
            Self::Url(url) if url.contains('@') => f.write_str("the URL given"),
            Self::Url(url) => f.write_str(url),
        }
    }
}

impl Place {
    /// The host that it is fetched from; `None` where it is a file.
    #[must_use]
    pub fn host(&self) -> Option<String> {
        match self {
            Self::File(_) => None,
            Self::Url(url) => {
                let uri: Uri = url.parse().unwrap_or_default();
                Some(uri.host().unwrap_or(url).trim_matches(['[', ']']).to_owned())
            }
        }
    }
}

/// The keys that an issuer has published.
#[derive(Debug, Clone)]
pub struct PublishedKeys {
    place: String,
    bytes: Vec<u8>,
    keys: Vec<Value>,
}

impl PublishedKeys {
    /// Reads or fetches them; `tls` is how TLS is spoken there.
    ///
    /// # Errors
    /// [`KeysError`].
    pub async fn get(place: &Place, tls: &TlsSettings) -> Result<Self, KeysError> {
        let unusable = |reason: String| KeysError {
            place: place.to_string(),
            fetched: matches!(place, Place::Url(_)),
            reason,
        };
        let bytes = match place {
            Place::File(path) => read(path),
            Place::Url(url) => fetch(url, tls).await,
        };
        let bytes = bytes.map_err(unusable)?;
        let set: Value = serde_json::from_slice(&bytes).map_err(|error| unusable(error.to_string()))?;
        let keys = set.get("keys").and_then(Value::as_array).cloned();
        let keys = keys.ok_or_else(|| unusable("it has no list `keys`".to_owned()))?;
        Ok(Self { place: place.to_string(), bytes, keys })
    }

    /// Where they are from.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.place
    }

    /// As an authorizer takes them.
    #[must_use]
    pub fn set(&self) -> Option<KeySet> {
        KeySet::parse(&self.bytes)
    }

    /// How many there are, of whatever kind.
    #[must_use]
    pub fn count(&self) -> usize {
        self.keys.len()
    }

    /// The names of the keys, in their order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().filter_map(name)
    }

    /// The keys by which the token's signature is good, each with its name.
    #[must_use]
    pub fn signers(&self, parts: &Compact<'_>, algorithm: Algorithm) -> Vec<(Option<&str>, PublicKey)> {
        let Some(signature) = parts.decoded_signature() else { return Vec::new() };
        let message = parts.signing_input();
        let keys = self.keys.iter().filter_map(|jwk| Some((name(jwk), PublicKey::from_jwk(jwk).ok()?)));
        keys.filter(|(_, key)| key.verifies(algorithm, message.as_bytes(), &signature)).collect()
    }
}

fn name(jwk: &Value) -> Option<&str> {
    jwk.get("kid").and_then(Value::as_str)
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| error.to_string())?;
    file.take(LIMIT as u64).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    Ok(bytes)
}

async fn fetch(url: &str, tls: &TlsSettings) -> Result<Vec<u8>, String> {
    // The URL is not repeated: people do write passwords into URLs.
    let source = Source::new(url, tls).map_err(|_| {
        "it cannot be fetched: give an http or https URL with a host and without credentials, and a PEM file as `--ca`"
            .to_owned()
    })?;
    let (status, body) = match tokio::time::timeout(PATIENCE, source.get(LIMIT)).await {
        Ok(answer) => answer.map_err(|error| {
            let reason = error.to_string();
            let hint = trust_hint(&reason);
            reason + hint
        })?,
        Err(_) => return Err(format!("no answer within {} s", PATIENCE.as_secs())),
    };
    if status == StatusCode::OK {
        Ok(body.to_vec())
    } else {
        Err(format!("the answer is HTTP {}", status.as_u16()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::token::TokenError;

    #[test]
    fn a_place_is_a_url_or_a_file() {
        let place = |text: &str| text.parse::<Place>().unwrap();
        for (text, host) in [
            ("http://127.0.0.1:8/keys", Some("127.0.0.1")),
            ("HTTPS://[::1]/keys", Some("::1")),
            ("https://idp.example/keys", Some("idp.example")),
            ("http//x", None),
            ("jwks.json", None),
        ] {
            assert_eq!(place(text).host().as_deref(), host, "{text}");
        }
        assert_eq!(place("http://u:hunter2@h/").to_string(), "the URL given");
    }

    #[tokio::test]
    async fn what_is_no_key_set_is_told_without_its_content() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("jwks.json");
        for (text, reason) in
            [("hunter2", "expected value"), ("{}", "no list `keys`"), ("[]", "no list `keys`")]
        {
            std::fs::write(&file, text).unwrap();
            let error =
                PublishedKeys::get(&Place::File(file.clone()), &TlsSettings::default()).await.unwrap_err();
            let (code, error) = (TokenError::from(error.clone()).exit_code(), error.to_string());
            assert!(error.contains(reason) && !error.contains("hunter2") && code == 2, "{error}");
        }
        let error =
            PublishedKeys::get(&Place::Url("http://u:hunter2@127.0.0.1/".into()), &TlsSettings::default())
                .await
                .unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
        assert_eq!(TokenError::from(error).exit_code(), 3);
    }
}
