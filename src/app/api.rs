//! Definitions of APIs, from files.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::api::{Api, NotAnApi, read};

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

/// A text of JSON or YAML as a value. What begins as JSON is read as such, whose errors are plainer.
fn document(text: &str) -> Result<Value, String> {
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
