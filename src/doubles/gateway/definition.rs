//! Definitions of APIs: those in files, and the one that ships with landfall.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use crate::api::{Api, AuthorizerKind, NotAnApi, Parameter, Place, Stage, read};

/// Longest file that is read, in bytes: far beyond what API Gateway takes in (6 MB).
const LONGEST: u64 = 32 << 20;

/// Why a file is no definition.
#[derive(Debug, thiserror::Error)]
pub enum ApiFileError {
    /// It cannot be read.
    #[error("cannot read the API definition {path}: {source}; check the path")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// It is too long.
    #[error("the API definition {path} is longer than 32 MiB; an export is not")]
    TooLong {
        /// The file.
        path: PathBuf,
    },
    /// It is neither JSON nor YAML.
    #[error("the API definition {path} is neither JSON nor YAML: {message}")]
    Syntax {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        message: String,
    },
    /// It defines no REST API.
    #[error("the API definition {path} cannot be used: {source}")]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: NotAnApi,
    },
}

/// Reads a definition from a file of JSON or YAML.
///
/// # Errors
/// [`ApiFileError`], as it says.
pub fn read_api(path: &Path) -> Result<Api, ApiFileError> {
    let unreadable = |source| ApiFileError::Unreadable { path: path.to_owned(), source };
    if std::fs::metadata(path).map_err(unreadable)?.len() > LONGEST {
        return Err(ApiFileError::TooLong { path: path.to_owned() });
    }
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    let document =
        document(&text).map_err(|message| ApiFileError::Syntax { path: path.to_owned(), message })?;
    read(&document).map_err(|source| ApiFileError::Content { path: path.to_owned(), source })
}

/// The produce path of a REST proxy, as an export: what is served where no definition is named.
const PRODUCE: &str = include_str!("../../../fixtures/gateway/produce.yaml");

/// What can be said of the definition that ships.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProduceOptions {
    /// Headers that every request must have, not blank.
    pub required_headers: Vec<String>,
    /// How long an authorizer result is kept for the same credentials; zero: not at all.
    pub authorizer_ttl: Duration,
    /// Whether what does not look like `Bearer` and a token is refused before the authorizer is asked.
    pub validate_credentials: bool,
    /// How long the back end may take.
    pub integration_timeout: Duration,
}

/// The security scheme of [`produce_api`]'s authorizer.
pub const PRODUCE_AUTHORIZER: &str = "jwt";
/// The stage of [`produce_api`].
const STAGE: &str = "prod";
/// The stage variable that says where its back end is, as host and port.
const BACKEND: &str = "backend";

/// The stage of [`produce_api`], in front of a back end that is called `host`, with its port.
#[must_use]
pub fn produce_stage(host: String) -> Stage {
    Stage {
        name: STAGE.into(),
        variables: [(BACKEND.to_owned(), host)].into(),
        base_path: format!("/{STAGE}"),
    }
}

/// The definition that ships: `POST /topics/{topic}`, `POST /topics/{topic}/partitions/{partition}` and `POST
/// /v3/clusters/{cluster}/topics/{topic}/records` behind one authorizer of the type TOKEN.
///
/// # Errors
/// [`ApiFileError`], were it damaged.
pub fn produce_api(options: &ProduceOptions) -> Result<Api, ApiFileError> {
    let path = PathBuf::from("produce.yaml");
    let document =
        document(PRODUCE).map_err(|message| ApiFileError::Syntax { path: path.clone(), message })?;
    let mut api = read(&document).map_err(|source| ApiFileError::Content { path, source })?;
    for authorizer in api.authorizers.values_mut() {
        authorizer.ttl = options.authorizer_ttl;
        if let (AuthorizerKind::Token { expression, .. }, false) =
            (&mut authorizer.kind, options.validate_credentials)
        {
            *expression = None;
        }
    }
    for route in &mut api.routes {
        let Some(integration) = &mut route.integration else { continue };
        integration.timeout = options.integration_timeout;
        if route.validator.is_some() {
            route.parameters.retain(|parameter| parameter.place != Place::Header);
            let header =
                |name: &String| Parameter { name: name.clone(), place: Place::Header, required: true };
            route.parameters.extend(options.required_headers.iter().map(header));
        }
    }
    Ok(api)
}

/// A text of JSON or YAML as a document for [`read`]. What begins as JSON is read as such, whose errors are plainer.
///
/// # Errors
/// What is wrong with it, and where.
pub fn document(text: &str) -> Result<Value, String> {
    if text.trim_start().starts_with('{') {
        return serde_json::from_str(text).map_err(|error| error.to_string());
    }
    serde_saphyr::from_str(text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_and_yaml_say_the_same() {
        let yaml = "swagger: '2.0'\npaths:\n  /a:\n    get: { timeoutInMillis: 29000, x: 'no', y: null }\n";
        let json = r#"{"swagger":"2.0","paths":{"/a":{"get":{"timeoutInMillis":29000,"x":"no","y":null}}}}"#;
        assert_eq!(document(yaml), document(json));
        assert!(document("{\"a\": }").is_err_and(|error| error.contains("line 1 column 7")));
        assert!(document("a: [1").is_err_and(|error| error.contains("line 1")), "{:?}", document("a: [1"));
    }
}
