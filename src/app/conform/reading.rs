//! Reading the results of suites back: a file, or the folder that it stands in.

use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::files::RESULT;
use crate::result::{CONFORMANCE_SCHEMA, Conformance};

/// Why something is no result of a suite.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It cannot be read.
    #[error("cannot read {path}: {source}; name a {RESULT}, or the folder of a suite that holds one")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It is something else.
    #[error(
        "{path} is no result of a conformance suite: {source}; name a {RESULT} as landfall has written it"
    )]
    SomethingElse {
        /// Which.
        path: PathBuf,
        /// What is wanting.
        #[source]
        source: serde_json::Error,
    },
    /// A newer landfall wrote it, in a shape that this one would misunderstand.
    #[error(
        "{path} has schema {schema}; this landfall reads up to schema {CONFORMANCE_SCHEMA}: use a newer one"
    )]
    Newer {
        /// Which.
        path: PathBuf,
        /// Its schema.
        schema: u64,
    },
}

/// Reads the result of a suite that stands in a file, or in a folder; with it where its file is.
///
/// # Errors
/// [`ReadError`], as each says.
pub fn read(path: &Path) -> Result<(PathBuf, Conformance), ReadError> {
    let file = if path.is_dir() { path.join(RESULT) } else { path.to_owned() };
    let text = std::fs::read_to_string(&file)
        .map_err(|source| ReadError::Unreadable { path: file.clone(), source })?;
    let result = parse(&file, &text)?;
    Ok((file, result))
}

fn parse(path: &Path, text: &str) -> Result<Conformance, ReadError> {
    let something_else = |source| ReadError::SomethingElse { path: path.to_owned(), source };
    let value: Value = serde_json::from_str(text).map_err(something_else)?;
    let schema = value.get("schema").and_then(Value::as_u64).filter(|_| value.get("suite").is_some());
    if let Some(schema) = schema.filter(|schema| *schema > u64::from(CONFORMANCE_SCHEMA)) {
        return Err(ReadError::Newer { path: path.to_owned(), schema });
    }
    serde_json::from_value(value).map_err(something_else)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_result_is_told_with_what_to_do() {
        let told = |text: &str| parse(Path::new("x.json"), text).unwrap_err().to_string();
        assert!(told("{").starts_with("x.json is no result of a conformance suite: EOF"));
        assert!(told("{\"schema\":9,\"run\":\"r\"}").contains("missing field `suite`"));
        assert!(told("{\"schema\":9,\"suite\":\"rest\"}").contains("has schema 9"));
        let folder = tempfile::tempdir().unwrap();
        let missing = read(folder.path()).unwrap_err().to_string();
        assert!(missing.contains("name a conformance.json, or the folder"), "{missing}");
    }
}
