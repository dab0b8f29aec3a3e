//! The files of a result.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use super::ConformError;
use crate::app::whole_file::write_whole;
use crate::report::conformance;
use crate::result::Conformance;

/// What is written, in the order in which it is: what programs read comes last, so that where it stands the rest does.
const NAMES: [&str; 3] = ["junit.xml", "conformance.html", RESULT];

/// What programs read.
pub(super) const RESULT: &str = "conformance.json";

/// Makes the folder, and removes what an earlier suite has left, so that nobody takes it for this one's.
///
/// # Errors
/// [`ConformError::Folder`].
pub(in crate::app) fn clear(folder: &Path) -> Result<(), ConformError> {
    let failed = |source| ConformError::Folder { path: folder.to_owned(), source };
    fs::create_dir_all(folder).map_err(failed)?;
    for name in NAMES {
        match fs::remove_file(folder.join(name)) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
    }
    Ok(())
}

/// Writes the result into a folder: as a page, as `JUnit`'s XML, and as JSON.
///
/// # Errors
/// [`ConformError::Folder`].
pub fn deliver(result: &Conformance, folder: &Path) -> Result<(), ConformError> {
    for name in NAMES {
        let text = match name {
            "junit.xml" => Ok(conformance::junit(result)),
            "conformance.html" => Ok(conformance::html(result)),
            _ => serde_json::to_string_pretty(result).map(|json| json + "\n"),
        };
        text.map_err(std::io::Error::other)
            .and_then(|text| write_whole(folder, name, &text))
            .map_err(|source| ConformError::Folder { path: folder.to_owned(), source })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_earlier_suite_has_left_goes_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["junit.xml", "conformance.json", "lambda-x.log"] {
            fs::write(folder.path().join(name), "x").unwrap();
        }
        clear(folder.path()).unwrap();
        let left: Vec<_> =
            fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["lambda-x.log"]);
    }
}
