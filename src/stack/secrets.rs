//! Fetching the secrets that a scenario refers to, or making them up.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::StackError;
use super::provider::Provider;
use crate::doubles::broker::Credentials;
use crate::jose::{KeyKind, PrivateKey};
use crate::scenario::{ClientAuth, IDP_PLACEHOLDERS, Partner, SaslSpec, Scenario, SecretSource, Value};
use crate::secret::Secret;

/// What a partner authenticates with at the identity provider.
#[derive(Debug, Clone)]
pub enum PartnerAuth {
    /// A secret in HTTP Basic.
    Basic(Secret),
    /// A secret in the request's body.
    Post(Secret),
    /// A key by which it signs tokens.
    PrivateKeyJwt(Arc<PrivateKey>),
}

/// What each partner authenticates with, in the scenario's order.
pub(super) fn of_partners(scenario: &Scenario) -> Result<Vec<PartnerAuth>, StackError> {
    scenario.partners.iter().map(of_partner).collect()
}

/// What a partner authenticates with.
///
/// # Errors
/// [`StackError`]: its secret, or its key, is not where the scenario says.
pub fn of_partner(partner: &Partner) -> Result<PartnerAuth, StackError> {
    let secret = |source| resolve(&format!("secret of partner `{}`", partner.name), source);
    Ok(match &partner.auth {
        ClientAuth::Basic(source) => PartnerAuth::Basic(secret(source)?),
        ClientAuth::Post(source) => PartnerAuth::Post(secret(source)?),
        ClientAuth::PrivateKeyJwt(source) => {
            PartnerAuth::PrivateKeyJwt(Arc::new(key_of(&partner.name, source)?))
        }
    })
}

/// A private key: made up, or from PEM.
fn key_of(partner: &str, source: &SecretSource) -> Result<PrivateKey, StackError> {
    let what = format!("key of partner `{partner}`");
    let key = match source {
        SecretSource::Generated => PrivateKey::generate(KeyKind::P256),
        SecretSource::File(path) => PrivateKey::from_pem(&read(&what, path)?),
        other => PrivateKey::from_pem(resolve(&what, other)?.expose()),
    };
    key.map_err(|source| StackError::Key { what, source })
}

/// The headers of each partner, in the scenario's order.
pub(super) fn of_headers(scenario: &Scenario) -> Result<Vec<Vec<(String, Secret)>>, StackError> {
    let of_partner = |partner: &Partner| {
        let header = |(name, value): (&String, &Value)| {
            let what = format!("header `{name}` of partner `{}`", partner.name);
            let value = resolve_value(&what, value)?;
            let legal = value.expose().bytes().all(|b| (0x20..0x7f).contains(&b));
            if legal { Ok((name.clone(), value)) } else { Err(StackError::HeaderValue { what }) }
        };
        partner.headers.iter().map(header).collect()
    };
    scenario.partners.iter().map(of_partner).collect()
}

/// The environment variables of a function, what stands for something of the identity provider put in.
pub(super) fn of_environment(
    scheme: &str,
    variables: &BTreeMap<String, Value>,
    provider: &Provider,
) -> Result<BTreeMap<String, Secret>, StackError> {
    let fact = |placeholder: &str| match placeholder {
        "${idp.issuer}" => Ok(provider.issuer.as_str()),
        "${idp.audience}" => Ok(provider.audience.as_str()),
        _ => provider.keys(),
    };
    let variable = |(name, value): (&String, &Value)| {
        let what = format!("environment variable `{name}` of the authorizer `{scheme}`");
        let value = match value {
            Value::Plain(text) => {
                let mut named = IDP_PLACEHOLDERS.into_iter().filter(|placeholder| text.contains(placeholder));
                let put_in = |text: String, placeholder: &str| -> Result<String, StackError> {
                    Ok(text.replace(placeholder, fact(placeholder)?))
                };
                Secret::new(named.try_fold(text.clone(), put_in)?)
            }
            Value::Reference(_) => resolve_value(&what, value)?,
        };
        Ok((name.clone(), value))
    };
    variables.iter().map(variable).collect()
}

/// An API key of the embedded gateway.
pub(super) fn of_api_key(name: &str, source: &SecretSource) -> Result<Secret, StackError> {
    resolve(&format!("API key `{name}`"), source)
}

fn resolve_value(what: &str, value: &Value) -> Result<Secret, StackError> {
    match value {
        Value::Plain(text) => Ok(Secret::new(text.clone())),
        Value::Reference(source) => resolve(what, source),
    }
}

/// Environment variables of the containers of a box.
pub(super) fn of_box(
    name: &str,
    variables: &BTreeMap<String, Value>,
) -> Result<Vec<(String, Secret)>, StackError> {
    let variable = |(variable, value): (&String, &Value)| {
        let what = format!("environment variable `{variable}` of the box {name}");
        Ok((variable.clone(), resolve_value(&what, value)?))
    };
    variables.iter().map(variable).collect()
}

/// Those of a box's environment variables that are secrets: what is held elsewhere than in the scenario.
pub(super) fn hidden<'a>(
    variables: &'a BTreeMap<String, Value>,
    resolved: &'a [(String, Secret)],
) -> impl Iterator<Item = Secret> + 'a {
    let is_reference = |name: &String| matches!(variables.get(name), Some(Value::Reference(_)));
    resolved.iter().filter(move |(name, _)| is_reference(name)).map(|(_, value)| value.clone())
}

/// What boxes may be sent that is a secret: what partners authenticate with, and headers that are held elsewhere than in the
/// scenario.
pub(super) fn sent<'a>(
    scenario: &'a Scenario,
    auths: &'a [PartnerAuth],
    headers: &'a [Vec<(String, Secret)>],
) -> impl Iterator<Item = Secret> + 'a {
    let auths = auths.iter().filter_map(|auth| match auth {
        PartnerAuth::Basic(secret) | PartnerAuth::Post(secret) => Some(secret.clone()),
        PartnerAuth::PrivateKeyJwt(_) => None,
    });
    let headers = scenario.partners.iter().zip(headers);
    auths.chain(headers.flat_map(|(partner, resolved)| hidden(&partner.headers, resolved)))
}

/// librdkafka properties with their values.
pub(super) fn of_properties(
    properties: &BTreeMap<String, Value>,
) -> Result<BTreeMap<String, Secret>, StackError> {
    properties
        .iter()
        .map(|(name, value)| {
            let value = resolve_value(&format!("Kafka property `{name}`"), value)?;
            Ok((name.clone(), value))
        })
        .collect()
}

/// What clients of the embedded broker must say.
pub(super) fn of_broker(sasl: &SaslSpec) -> Result<Credentials, StackError> {
    let password = resolve("password of the embedded Kafka", &sasl.password)?;
    Ok(Credentials { username: sasl.username.clone(), password })
}

fn resolve(what: &str, source: &SecretSource) -> Result<Secret, StackError> {
    match source {
        // 122 random bits from the system's generator.
        SecretSource::Generated => Ok(Secret::new(uuid::Uuid::new_v4().simple().to_string())),
        SecretSource::Env(name) => std::env::var(name)
            .map(Secret::new)
            .map_err(|_| StackError::NoVariable { what: what.into(), name: name.clone() }),
        SecretSource::File(path) => Ok(Secret::new(read(what, path)?.lines().next().unwrap_or_default())),
        SecretSource::Line { file, line, of } => {
            let text = read(what, file)?;
            let found = text.lines().count();
            match text.lines().nth(line - 1).filter(|_| found == *of) {
                Some(secret) => Ok(Secret::new(secret)),
                None => Err(StackError::SecretLines {
                    what: what.into(),
                    path: file.clone(),
                    found,
                    expected: *of,
                }),
            }
        }
    }
}

fn read(what: &str, path: &Path) -> Result<String, StackError> {
    std::fs::read_to_string(path).map_err(|source| StackError::NoSecretFile {
        what: what.into(),
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{AudienceParameter, TlsSettings, TokenProfile};

    #[test]
    fn a_files_first_line_is_the_secret() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        std::fs::write(&path, "s3cret\nrest\n").unwrap();
        assert_eq!(resolve("x", &SecretSource::File(path.clone())).unwrap().expose(), "s3cret");
        std::fs::remove_file(&path).unwrap();
        let error = resolve("secret of partner `p`", &SecretSource::File(path)).unwrap_err();
        assert!(error.to_string().starts_with("secret of partner `p`: cannot read the secret from "));
    }

    #[test]
    fn a_function_learns_the_provider() {
        let provider = Provider {
            issuer: "http://127.0.0.1:1/".into(),
            token_endpoint: "http://127.0.0.1:1/token".into(),
            jwks_uri: Some("http://127.0.0.1:1/keys".into()),
            jwks_uri_inside: Some("http://172.18.0.1:2/keys".into()),
            audience: "api".into(),
            audience_parameter: AudienceParameter::None,
            profile: TokenProfile::default(),
            tls: TlsSettings::default(),
        };
        let plain = |text: &str| Value::Plain(text.into());
        let variables = [
            ("A".to_owned(), plain("${idp.issuer} ${idp.audience} ${idp.issuer}")),
            ("B".to_owned(), plain("${idp.jwks_uri}?x=${HOME}")),
        ];
        let read = of_environment("s", &variables.clone().into(), &provider).unwrap();
        assert_eq!(read["A"].expose(), "http://127.0.0.1:1/ api http://127.0.0.1:1/");
        assert_eq!(read["B"].expose(), "http://127.0.0.1:1/keys?x=${HOME}");
        let inside = of_environment("s", &variables.clone().into(), &provider.from_inside()).unwrap();
        assert_eq!(inside["A"], read["A"], "the issuer is the same wherever one is");
        assert_eq!(inside["B"].expose(), "http://172.18.0.1:2/keys?x=${HOME}");
        let keyless = Provider { jwks_uri: None, ..provider };
        let error = of_environment("s", &variables.clone().into(), &keyless).unwrap_err().to_string();
        assert!(error.contains("does not say where its keys are"), "{error}");
        let [without, _] = variables;
        assert!(of_environment("s", &[without].into(), &keyless).is_ok(), "who needs none gets none");
    }

    #[test]
    fn what_partners_are_known_by_is_hidden_and_what_stands_in_the_scenario_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        std::fs::write(&path, "k3y-of-a-partner").unwrap();
        let text = format!(
            "version: 1\nname: x\ntopics: [{{ name: t }}]\npartners: [{{ name: p, secret: {{ file: '{0}' }}, \
             headers: {{ x-partner-key: {{ file: '{0}' }}, x-region: north }} }}]\n\
             workload: [{{ partner: p, topic: t, format: v2-json, payload: {{ file: r }}, arrivals: {{ constant: 1/s }}, for: 1s }}]\n",
            path.display()
        );
        let scenario =
            crate::scenario::parse(&text, Path::new("x"), &[], &|_| unreachable!("it extends nothing"))
                .unwrap();
        let (auths, headers) = (of_partners(&scenario).unwrap(), of_headers(&scenario).unwrap());
        let hidden: Vec<String> =
            sent(&scenario, &auths, &headers).map(|secret| secret.expose().to_owned()).collect();
        assert_eq!(hidden, ["k3y-of-a-partner"; 2]);
    }

    #[test]
    fn a_key_is_a_whole_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.pem");
        let key = PrivateKey::generate(KeyKind::Ed25519).unwrap();
        std::fs::write(&path, key.to_pem().unwrap().expose()).unwrap();
        let source = SecretSource::File(path.clone());
        assert_eq!(key_of("p", &source).unwrap().public(), key.public());
        std::fs::write(&path, "hunter2").unwrap();
        let error = key_of("p", &source).unwrap_err();
        assert!(error.to_string().starts_with("key of partner `p`: there is no private key"), "{error}");
        assert!(error.is_usage() && !error.to_string().contains("hunter2"));
    }

    #[test]
    fn a_fleet_has_a_line_for_each_member() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secrets");
        std::fs::write(&file, "one\ntwo\n").unwrap();
        let line = |line, of| resolve("x", &SecretSource::Line { file: file.clone(), line, of });
        assert_eq!(
            [line(1, 2), line(2, 2)].map(|secret| secret.unwrap().expose().to_owned()),
            ["one", "two"]
        );
        for error in [line(1, 1), line(3, 3)].map(|secret| secret.unwrap_err()) {
            assert!(error.is_usage() && error.to_string().contains("2 lines"), "{error}");
        }
    }

    #[test]
    fn generated_secrets_differ_and_a_missing_variable_is_named() {
        let make = || resolve("x", &SecretSource::Generated).unwrap();
        assert_ne!(make(), make());
        let error = resolve("x", &SecretSource::Env("LANDFALL_NO_SUCH_VARIABLE".into())).unwrap_err();
        assert_eq!(
            error.to_string(),
            "x: environment variable `LANDFALL_NO_SUCH_VARIABLE` is not set; set it before the run"
        );
    }
}
