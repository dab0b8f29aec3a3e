//! What the rest of the path must know of the identity provider, and learning it from one that runs already.

use std::time::Duration;

use hyper::{StatusCode, Uri};

use super::StackError;
use crate::doubles::http::Source;
use crate::doubles::idp::Idp;
use crate::scenario::{
    AudienceParameter, EmbeddedIdp, ExternalIdp, MetadataPlace, TlsSettings, TokenProfile, host_is_allowed,
};
use crate::wire::oauth::Metadata;

/// How long an external provider may take to tell what it has.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longest metadata that is read, in bytes.
const METADATA_LIMIT: usize = 256 * 1024;

/// What those must know who fetch its tokens, or check them.
#[derive(Debug, Clone, PartialEq)]
pub struct Provider {
    /// `iss` of its tokens, to the letter.
    pub issuer: String,
    /// Where tokens are to be had.
    pub token_endpoint: String,
    /// URL of its keys; not every provider publishes them.
    pub jwks_uri: Option<String>,
    /// The same as containers of the stack reach it, where that is another one.
    pub jwks_uri_inside: Option<String>,
    /// `aud` of its tokens for the path's API.
    pub audience: String,
    /// By which parameter of a token request that is asked for.
    pub audience_parameter: AudienceParameter,
    /// What its tokens look like.
    pub profile: TokenProfile,
    /// How TLS is spoken to it, where its URLs are https.
    pub tls: TlsSettings,
}

impl Provider {
    /// landfall's own.
    pub(super) fn embedded(idp: &Idp, spec: &EmbeddedIdp) -> Self {
        Self {
            issuer: idp.issuer().to_owned(),
            token_endpoint: idp.token_endpoint(),
            // Whoever checks its tokens does so on this machine.
            jwks_uri: Some(idp.own_jwks_uri()),
            jwks_uri_inside: idp.inside_jwks_uri(),
            audience: spec.audience.clone(),
            audience_parameter: AudienceParameter::None,
            profile: spec.profile.clone(),
            tls: TlsSettings::default(),
        }
    }

    /// URL of its keys, for what cannot do without.
    ///
    /// # Errors
    /// [`StackError::NoKeys`], where the provider publishes none.
    pub fn keys(&self) -> Result<&str, StackError> {
        self.jwks_uri.as_deref().ok_or_else(|| StackError::NoKeys { issuer: self.issuer.clone() })
    }

    /// The same as containers of the stack see it.
    #[must_use]
    pub fn from_inside(&self) -> Self {
        let inside = self.jwks_uri_inside.clone();
        Self { jwks_uri: inside.or_else(|| self.jwks_uri.clone()), ..self.clone() }
    }

    /// One that runs already, by what it says of itself; its endpoints must be on this machine, or at hosts that are
    /// `allowed`.
    ///
    /// # Errors
    /// [`StackError`]: it says nothing, that it is another one, or that its endpoints are elsewhere.
    pub async fn discovered(spec: &ExternalIdp, allowed: &[String]) -> Result<Self, StackError> {
        let metadata = discover(&spec.place, &spec.tls).await?;
        for (name, url) in endpoints(&metadata) {
            let uri: Uri = url.parse().unwrap_or_default();
            let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
            if !host_is_allowed(host, allowed) {
                return Err(StackError::ProviderForbidden { name, host: host.to_owned() });
            }
        }
        Ok(Self {
            issuer: metadata.issuer,
            token_endpoint: metadata.token_endpoint,
            jwks_uri: metadata.jwks_uri,
            jwks_uri_inside: None,
            audience: spec.audience.clone(),
            audience_parameter: spec.audience_parameter,
            profile: spec.profile.clone(),
            tls: spec.tls.clone(),
        })
    }
}

/// The metadata of a provider, which must be those of the issuer that was named.
///
/// # Errors
/// [`StackError::NoMetadata`], [`StackError::OtherIssuer`] and [`StackError::ProviderInsecure`].
pub async fn discover(place: &MetadataPlace, tls: &TlsSettings) -> Result<Metadata, StackError> {
    let (urls, issuer) = match place {
        MetadataPlace::Issuer(issuer) => (well_known(issuer), Some(issuer)),
        MetadataPlace::Url(url) => (vec![url.clone()], None),
    };
    let mut reasons = Vec::new();
    for url in urls {
        match metadata(&url, tls).await {
            Ok(metadata) => {
                return of_issuer(&url, metadata, issuer).and_then(|found| kept_secret(&url, found));
            }
            Err(reason) => reasons.push(format!("{url}: {reason}")),
        }
    }
    Err(StackError::NoMetadata { reasons: reasons.join("; ") })
}

/// OpenID Connect Discovery 1.0, section 4.3, and RFC 8414, section 3.3: identical, or not to be used.
fn of_issuer(url: &str, metadata: Metadata, issuer: Option<&String>) -> Result<Metadata, StackError> {
    match issuer.filter(|issuer| **issuer != metadata.issuer) {
        None => Ok(metadata),
        Some(issuer) => Err(StackError::OtherIssuer {
            url: url.to_owned(),
            expected: issuer.clone(),
            found: metadata.issuer,
        }),
    }
}

/// The metadata, where what is asked for over TLS stays there: secrets go to the token endpoint, and keys are trusted. On this
/// machine nobody is on the way.
fn kept_secret(url: &str, metadata: Metadata) -> Result<Metadata, StackError> {
    let in_the_open = |place: &str| {
        let uri: Uri = place.parse().unwrap_or_default();
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
        uri.scheme_str() == Some("http") && !host_is_allowed(host, &[])
    };
    let open = endpoints(&metadata).find(|(_, place)| url.starts_with("https://") && in_the_open(place));
    match open.map(|(name, _)| name) {
        Some(name) => Err(StackError::ProviderInsecure { url: url.to_owned(), name }),
        None => Ok(metadata),
    }
}

/// What metadata name that is used, each by its member.
fn endpoints(metadata: &Metadata) -> impl Iterator<Item = (&'static str, &String)> {
    let keys = metadata.jwks_uri.iter().map(|url| ("jwks_uri", url));
    std::iter::once(("token_endpoint", &metadata.token_endpoint)).chain(keys)
}

/// Where an issuer has its metadata: behind itself by OpenID Connect Discovery 1.0, section 4, or between its host and its
/// path by RFC 8414, section 3.
fn well_known(issuer: &str) -> Vec<String> {
    let base = issuer.trim_end_matches('/');
    let (scheme, rest) = base.split_once("://").unwrap_or(("http", base));
    let (host, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    vec![
        format!("{base}/.well-known/openid-configuration"),
        format!("{scheme}://{host}/.well-known/oauth-authorization-server{path}"),
    ]
}

async fn metadata(url: &str, tls: &TlsSettings) -> Result<Metadata, String> {
    let source = Source::new(url, tls).map_err(|error| error.to_string())?;
    let (status, body) = match tokio::time::timeout(PATIENCE, source.get(METADATA_LIMIT)).await {
        Ok(answer) => answer.map_err(|error| error.to_string())?,
        Err(_) => return Err(format!("no answer within {} s", PATIENCE.as_secs())),
    };
    if status != StatusCode::OK {
        return Err(format!("it answers HTTP {}", status.as_u16()));
    }
    serde_json::from_slice(&body).map_err(|error| format!("its answer is no metadata: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_with_tls_goes_on_with_it_but_on_this_machine() {
        let kept = |url: &str, endpoint: &str| {
            let text = format!(
                r#"{{"issuer":"i","token_endpoint":"{endpoint}","jwks_uri":"https://a.example/k","response_types_supported":[],
                "grant_types_supported":[],"token_endpoint_auth_methods_supported":[],"scopes_supported":[],
                "subject_types_supported":[],"id_token_signing_alg_values_supported":[]}}"#
            );
            kept_secret(url, serde_json::from_str(&text).unwrap()).is_ok()
        };
        assert!(!kept("https://a.example/m", "http://a.example/t"));
        assert!(kept("https://a.example/m", "https://b.example/t"));
        assert!(
            kept("https://a.example/m", "http://127.0.0.1:1/t")
                && kept("http://a.example/m", "http://a.example/t")
        );
    }

    #[test]
    fn a_provider_need_not_publish_keys() {
        let text = r#"{"issuer":"https://i","token_endpoint":"https://i/t"}"#;
        let metadata: Metadata = serde_json::from_str(text).unwrap();
        assert_eq!(endpoints(&metadata).map(|(name, _)| name).collect::<Vec<_>>(), ["token_endpoint"]);
        assert_eq!(serde_json::to_value(&metadata).unwrap().get("jwks_uri"), None);
    }

    #[test]
    fn metadata_is_behind_the_issuer_or_before_its_path() {
        for (issuer, openid, oauth) in [
            (
                "https://h",
                "https://h/.well-known/openid-configuration",
                "https://h/.well-known/oauth-authorization-server",
            ),
            (
                "http://h:1/a/b/",
                "http://h:1/a/b/.well-known/openid-configuration",
                "http://h:1/.well-known/oauth-authorization-server/a/b",
            ),
        ] {
            assert_eq!(well_known(issuer), [openid, oauth]);
        }
    }
}
