//! `landfall token fetch`: a token of an identity provider's, as a partner gets it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use hyper::Uri;
use serde_json::Value;

use super::{TokenError, read_key, trust_hint};
use crate::jose::Compact;
use crate::load::{self, ClientProof, Credentials, Fetched, Target, fetch_all};
use crate::scenario::{
    AudienceParameter, IdpSpec, MetadataPlace, Protocol, Scenario, TlsSettings, host_is_allowed,
};
use crate::secret::Secret;
use crate::stack::{PartnerAuth, Provider, StackError, discover, of_partner};

/// How many names of partners a message repeats.
const KNOWN: usize = 10;

/// Where tokens are to be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Where {
    /// The issuer's metadata say.
    Issuer(String),
    /// At this URL.
    Endpoint(String),
}

/// How a client proves who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Auth {
    /// By a secret in HTTP Basic.
    Basic,
    /// By a secret in the request's body.
    Post,
    /// By a token that it signs.
    PrivateKeyJwt,
}

/// Where a secret is, or a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Held {
    /// The secret is in an environment variable.
    Env(String),
    /// The secret is the first line of a file.
    File(PathBuf),
    /// The key is a PEM file.
    Key(PathBuf),
}

/// Who asks for what.
#[derive(Debug, Clone)]
pub struct Ask {
    /// Whom.
    pub of: Where,
    /// Client id.
    pub client: String,
    /// How it proves that it is.
    pub auth: Auth,
    /// With what.
    pub held: Held,
    /// What is to be permitted, with blanks between; empty: what the provider thinks fit.
    pub scope: String,
    /// The API that the token is to be for, and by which parameter that is said.
    pub audience: (AudienceParameter, String),
    /// Who is trusted, where it is not the system's authorities.
    pub ca: Option<PathBuf>,
}

/// A token, and what is worth knowing of it.
#[derive(Debug)]
pub struct Got {
    /// The token.
    pub token: Secret,
    /// Sentences for who asked.
    pub notes: Vec<String>,
}

/// Gets a token.
///
/// # Errors
/// [`TokenError`]; no message holds a secret or a token.
pub async fn fetch(ask: &Ask) -> Result<Got, TokenError> {
    let proof = proof(ask.auth, &ask.held)?;
    let tls = TlsSettings { ca: ask.ca.clone(), ..TlsSettings::default() };
    let url = match &ask.of {
        Where::Endpoint(url) => url.clone(),
        Where::Issuer(issuer) => {
            is_issuer(issuer)?;
            let place = MetadataPlace::Issuer(issuer.clone());
            discover(&place, &tls).await.map_err(unknown)?.token_endpoint
        }
    };
    let host = url.parse::<Uri>().unwrap_or_default().host().unwrap_or_default().to_owned();
    let host = host.trim_matches(['[', ']']).to_owned();
    // One request is no load, and goes where it was told to go.
    let endpoint = Target::resolve(&url, std::slice::from_ref(&host), &tls, Protocol::Http1).await?;
    let mut notes = Vec::new();
    if endpoint.tls.is_none() && !host_is_allowed(&host, &[]) {
        notes.push(format!(
            "{host} is asked without TLS: whoever listens on the way has the credentials and the token"
        ));
    }
    let credentials = Credentials {
        endpoint,
        endpoint_url: url,
        client_id: ask.client.clone(),
        proof,
        scope: ask.scope.clone(),
        audience: ask.audience.clone(),
    };
    get(credentials, notes).await
}

/// That it can be one: an http or https URL, and not that of the metadata.
fn is_issuer(issuer: &str) -> Result<(), TokenError> {
    let uri: Uri = issuer.parse().unwrap_or_default();
    let wrong = |hint| Err(TokenError::Issuer { issuer: issuer.to_owned(), hint });
    if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        // What stands before the host is not repeated.
        return Err(TokenError::Issuer {
            issuer: "the URL given".to_owned(),
            hint: "; credentials are given by `--secret-env` or `--secret-file`",
        });
    }
    if uri.path().contains("/.well-known/") {
        return wrong("; leave out `/.well-known/…`, where its metadata are");
    }
    if matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some() {
        Ok(())
    } else {
        wrong("")
    }
}

/// Of a provider that does not say what it has.
fn unknown(source: StackError) -> TokenError {
    let hint = trust_hint(&source.to_string());
    TokenError::Metadata { source, hint }
}

/// Gets a token as a partner of a scenario, whose identity provider runs already, gets it.
///
/// # Errors
/// [`TokenError`]; no message holds a secret or a token.
pub async fn fetch_as(scenario: &Scenario, name: &str) -> Result<Got, TokenError> {
    let partner = scenario.partners.iter().find(|partner| partner.name == name).ok_or_else(|| {
        let known = scenario.partners.iter().map(|partner| format!("`{}`", partner.name)).take(KNOWN);
        TokenError::NoPartner { name: name.to_owned(), known: known.collect::<Vec<_>>().join(", ") }
    })?;
    let IdpSpec::External(spec) = &scenario.stack.idp else { return Err(TokenError::NotExternal) };
    let proof = match of_partner(partner).map_err(TokenError::Stack)? {
        PartnerAuth::Basic(secret) => ClientProof::Basic(secret),
        PartnerAuth::Post(secret) => ClientProof::Post(secret),
        PartnerAuth::PrivateKeyJwt(key) => ClientProof::PrivateKeyJwt(key),
    };
    let provider = Provider::discovered(spec, &scenario.allow_hosts).await.map_err(TokenError::Stack)?;
    let url = &provider.token_endpoint;
    let credentials = Credentials {
        endpoint: Target::resolve(url, &scenario.allow_hosts, &provider.tls, Protocol::Http1).await?,
        endpoint_url: url.clone(),
        client_id: partner.client_id.clone(),
        proof,
        scope: partner.scope.clone(),
        audience: (provider.audience_parameter, provider.audience.clone()),
    };
    get(credentials, Vec::new()).await
}

/// Asks, and says what is worth knowing of the answer.
async fn get(credentials: Credentials, mut notes: Vec<String>) -> Result<Got, TokenError> {
    // Whoever looks on wants to know what the provider says, and not to wait.
    let fetched = fetch_all(std::slice::from_ref(&credentials), Duration::ZERO).await.pop();
    match fetched {
        Some(Ok(fetched)) => {
            notes.extend(told(&fetched, &credentials.scope));
            Ok(Got { token: fetched.secret, notes })
        }
        Some(Err(source)) => {
            let hint = match &source {
                load::TokenError::Unavailable { reason, .. } if reason.contains("HTTP 404") => {
                    "; that URL is not its token endpoint's: give that in full, or the `--issuer`".to_owned()
                }
                load::TokenError::Unavailable { reason, .. } => trust_hint(reason).to_owned(),
                load::TokenError::Busy { wait: Some(wait), .. } => {
                    format!("; it wants to be asked again in {} s", wait.as_secs())
                }
                load::TokenError::Busy { wait: None, .. } => String::new(),
                load::TokenError::Refused { reason, .. } => {
                    hint(reason, &credentials.proof).map_or_else(String::new, |hint| format!("; {hint}"))
                }
            };
            Err(TokenError::Fetch { source, hint })
        }
        // There is one answer for each of the credentials.
        None => Err(TokenError::NoToken),
    }
}

/// What the client proves itself with.
fn proof(auth: Auth, held: &Held) -> Result<ClientProof, TokenError> {
    const SECRET: &str = "the client's secret: `--secret-env NAME` or `--secret-file FILE`";
    match (auth, held) {
        (Auth::PrivateKeyJwt, Held::Key(path)) => Ok(ClientProof::PrivateKeyJwt(read_key(path)?)),
        (Auth::PrivateKeyJwt, _) => Err(TokenError::Proof {
            auth: "private-key-jwt",
            needs: "the client's private key: `--key FILE`",
        }),
        (Auth::Basic, held) => match secret(held)? {
            Some(secret) => Ok(ClientProof::Basic(secret)),
            None => Err(TokenError::Proof { auth: "basic", needs: SECRET }),
        },
        (Auth::Post, held) => match secret(held)? {
            Some(secret) => Ok(ClientProof::Post(secret)),
            None => Err(TokenError::Proof { auth: "post", needs: SECRET }),
        },
    }
}

fn secret(held: &Held) -> Result<Option<Secret>, TokenError> {
    match held {
        Held::Key(_) => Ok(None),
        Held::Env(name) => {
            let value = std::env::var(name).ok().filter(|value| !value.is_empty());
            value.map(|value| Some(Secret::new(value))).ok_or_else(|| TokenError::NoVariable(name.clone()))
        }
        Held::File(path) => first_line(path).map(Some),
    }
}

fn first_line(path: &Path) -> Result<Secret, TokenError> {
    let failed = |source| TokenError::Read { what: "secret", path: path.to_owned(), source };
    let text = std::fs::read_to_string(path).map_err(failed)?;
    let line = text.lines().next().filter(|line| !line.is_empty());
    line.map(Secret::new).ok_or_else(|| TokenError::NoSecret(path.to_owned()))
}

/// What is worth knowing of a token that came.
fn told(fetched: &Fetched, asked: &str) -> Vec<String> {
    let kind = match algorithm(&fetched.secret) {
        Some(algorithm) => format!("a Bearer token, a JSON web token signed by {algorithm}"),
        None => "a Bearer token that is no JSON web token: an authorizer that looks at tokens itself can make nothing of it"
            .to_owned(),
    };
    let life = match fetched.life {
        Some(life) => format!("it lives for {}", crate::stats::span_text(life.as_secs())),
        None => "the provider does not say how long it lives".to_owned(),
    };
    let scope = match (&fetched.scope, asked) {
        (Some(scope), asked) if !asked.is_empty() && scope != asked => {
            format!("scope granted: `{scope}`, asked for: `{asked}`")
        }
        (Some(scope), _) => format!("scope granted: `{scope}`"),
        // RFC 6749, section 5.1: then it is what was asked for.
        (None, "") => "the provider does not say which scope it granted".to_owned(),
        (None, asked) => format!("scope granted: `{asked}`, as asked for"),
    };
    vec![kind, life, scope]
}

/// The `alg` of a token that is a signed JSON web token.
fn algorithm(token: &Secret) -> Option<String> {
    let header = Compact::split(token.expose())?.decoded_header()?;
    let header: Value = serde_json::from_slice(&header).ok()?;
    Some(header.get("alg")?.as_str()?.chars().filter(char::is_ascii_graphic).take(20).collect())
}

/// What may help, by the error's code (RFC 6749, section 5.2; RFC 8707, section 2).
fn hint(reason: &str, proof: &ClientProof) -> Option<&'static str> {
    let (_, code) = reason.split_once(", ")?;
    Some(match code.split(' ').next()? {
        "invalid_client" => match proof {
            ClientProof::Basic(_) => "or the client authenticates in another way: try `--auth post`",
            ClientProof::Post(_) => "or the client authenticates in another way: try `--auth basic`",
            ClientProof::PrivateKeyJwt(_) => {
                "or the provider does not know this key for this client, or wants another audience in the assertion"
            }
        },
        "unauthorized_client" => "this client may not have tokens for itself (grant `client_credentials`)",
        "unsupported_grant_type" => {
            "this provider issues no tokens to clients for themselves (grant `client_credentials`)"
        }
        "invalid_scope" => {
            "leave `--scope` out to see what the client gets, or ask with the API's name before it"
        }
        "invalid_target" => "the provider does not know this API; look at `--audience` or `--resource`",
        "invalid_request" => {
            "the provider may want `--scope`, or `--audience` or `--resource`, by which the API is named"
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn basic() -> ClientProof {
        ClientProof::Basic(Secret::new("s"))
    }

    #[test]
    fn a_refusal_is_explained_by_its_code() {
        let hint = |reason: &str, proof: ClientProof| hint(reason, &proof).unwrap_or_default();
        assert!(hint("HTTP 401, invalid_client (who, me)", basic()).contains("--auth post"));
        assert!(hint("HTTP 400, invalid_scope", basic()).contains("--scope"));
        assert!(hint("HTTP 400, invalid_target (x)", basic()).contains("--resource"));
        assert_eq!(hint("HTTP 400, own_code (invalid_scope)", basic()), "");
    }

    #[test]
    fn a_secret_is_the_first_line_and_not_empty() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        std::fs::write(&path, "hunter2\nrest\n").unwrap();
        let held = Held::File(path.clone());
        assert!(
            matches!(proof(Auth::Post, &held), Ok(ClientProof::Post(secret)) if secret.expose() == "hunter2")
        );
        assert!(matches!(proof(Auth::PrivateKeyJwt, &held), Err(TokenError::Proof { .. })));
        assert!(matches!(proof(Auth::Basic, &Held::Key(path.clone())), Err(TokenError::Proof { .. })));
        let error = proof(Auth::PrivateKeyJwt, &Held::Key(path.clone())).unwrap_err();
        assert!(matches!(error, TokenError::Key { .. }) && !error.to_string().contains("hunter2"), "{error}");
        std::fs::write(&path, "\nhunter2\n").unwrap();
        assert!(matches!(proof(Auth::Basic, &held), Err(TokenError::NoSecret(_))));
        let held = Held::Env("LANDFALL_NO_SUCH_VARIABLE".into());
        assert!(matches!(proof(Auth::Basic, &held), Err(TokenError::NoVariable(_))));
    }
}
