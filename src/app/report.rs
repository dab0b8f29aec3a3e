//! Reading results back: a file, or the folder of a run.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::journal::START;
use super::run::RESULT;
use crate::result::{RunResult, SCHEMA};

/// Why something is no result that can be shown.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// There is nothing of this name.
    #[error("there is no {path}; name a result.json, or the folder of a run that holds one")]
    Missing {
        /// Which.
        path: PathBuf,
    },
    /// A folder without a result.
    #[error("{path} holds no {RESULT}; name the folder of a single run, for instance reports/9c1e52f07ab4")]
    Empty {
        /// Which.
        path: PathBuf,
    },
    /// The folder of a run that has not come to its end.
    #[error(
        "{path} holds what a run without a result has left; wait for its end, or finish it with `landfall recover {path}`"
    )]
    Unsettled {
        /// Which.
        path: PathBuf,
    },
    /// The system does not let it be read.
    #[error("cannot read the result {path}: {source}; check its permissions")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It is not JSON.
    #[error("{path} is not JSON: {source}; name a result.json that landfall has written")]
    NotJson {
        /// Which.
        path: PathBuf,
        /// Where it stops to be.
        #[source]
        source: serde_json::Error,
    },
    /// It is something else that landfall writes.
    #[error("{path} is {what}, and no result of a run; name the result.json of a run")]
    SomethingElse {
        /// Which.
        path: PathBuf,
        /// What it is.
        what: &'static str,
    },
    /// It is JSON, and no result.
    #[error("{path} is no result of landfall's: {source}; name a result.json as landfall has written it")]
    NotAResult {
        /// Which.
        path: PathBuf,
        /// What is wanting.
        #[source]
        source: serde_json::Error,
    },
    /// A newer landfall wrote it, in a shape that this one would misunderstand.
    #[error(
        "{path} has schema {schema}, which landfall {landfall} wrote; this landfall reads up to schema {SCHEMA}: use \
         landfall {landfall} or newer"
    )]
    Newer {
        /// Which.
        path: PathBuf,
        /// Its schema.
        schema: u64,
        /// What its `versions` say, or that they say nothing.
        landfall: String,
    },
}

/// Reads the result that stands in a file, or in the folder of a run; with it where its file is.
///
/// # Errors
/// [`ReadError`], as each says.
pub fn read(path: &Path) -> Result<(PathBuf, RunResult), ReadError> {
    let file = if path.is_dir() { path.join(RESULT) } else { path.to_owned() };
    let text = match fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(missing(path)),
        Err(source) => return Err(ReadError::Unreadable { path: file, source }),
    };
    let result = parse(&file, &text)?;
    Ok((file, result))
}

/// What is wrong where there is no file.
fn missing(path: &Path) -> ReadError {
    let path = path.to_owned();
    if !path.is_dir() {
        ReadError::Missing { path }
    } else if path.join(START).exists() {
        ReadError::Unsettled { path }
    } else {
        ReadError::Empty { path }
    }
}

fn parse(path: &Path, text: &str) -> Result<RunResult, ReadError> {
    let path = || path.to_owned();
    let value: Value =
        serde_json::from_str(text).map_err(|source| ReadError::NotJson { path: path(), source })?;
    let has = |member| value.get(member).is_some();
    if has("detectors") && has("rows") {
        return Err(ReadError::SomethingElse { path: path(), what: "the matrix of a self-test" });
    }
    if let Some(schema) =
        value.get("schema").and_then(Value::as_u64).filter(|schema| *schema > u64::from(SCHEMA))
    {
        let version = value.pointer("/versions/landfall").and_then(Value::as_str);
        // It is shown, and it comes from outside.
        let safe = |text: &&str| {
            text.len() < 40 && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+'))
        };
        let landfall = version.filter(safe).unwrap_or("of an unknown version").to_owned();
        return Err(ReadError::Newer { path: path(), schema, landfall });
    }
    serde_json::from_str(text).map_err(|source| ReadError::NotAResult { path: path(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error_of(text: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x.json");
        fs::write(&file, text).unwrap();
        let error = read(&file).unwrap_err().to_string();
        assert!(error.starts_with(&file.display().to_string()), "{error}");
        error[file.display().to_string().len()..].to_owned()
    }

    #[test]
    fn what_is_no_result_is_told_from_one() {
        assert!(error_of("{").contains(" is not JSON: EOF"));
        assert!(error_of("[]").contains(" is no result of landfall's: "));
        assert!(error_of("{\"schema\":1,\"run\":\"a\"}").contains("missing field `verdict`"));
        let selftest = error_of("{\"schema\":1,\"detectors\":[],\"rows\":[]}");
        assert!(selftest.contains("the matrix of a self-test"), "{selftest}");
        let newer = "{\"schema\":7,\"versions\":{\"landfall\":\"3.1.0\"}}";
        assert_eq!(
            error_of(newer),
            " has schema 7, which landfall 3.1.0 wrote; this landfall reads up to schema 1: use landfall 3.1.0 or newer"
        );
        let hostile = error_of("{\"schema\":7,\"versions\":{\"landfall\":\"\\u001b[31m\"}}");
        assert!(hostile.contains("landfall of an unknown version wrote"), "{hostile}");
    }

    #[test]
    fn what_is_not_there_is_told_with_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let told = |path: &Path| read(path).unwrap_err().to_string();
        assert!(told(&folder.path().join("x")).contains("name a result.json, or the folder"));
        assert!(told(folder.path()).contains("holds no result.json"));
        fs::write(folder.path().join(START), "{}").unwrap();
        assert!(told(folder.path()).contains("`landfall recover "));
    }
}
