//! The files of a self-test: the matrix, and the runs that went wrong.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::SelftestError;
use crate::app::journal::START;
use crate::app::whole_file::write_whole;

/// What is written, in the order in which it is.
pub(super) const NAMES: [&str; 3] = ["selftest.md", "selftest.html", "selftest.json"];

/// Where the folders of runs stand.
pub(super) fn runs(folder: &Path) -> PathBuf {
    folder.join("runs")
}

/// Removes what an earlier test has left, so that nobody takes it for this one's.
///
/// # Errors
/// [`SelftestError::Unwritable`] where it cannot be removed.
pub(super) fn clear(folder: &Path) -> Result<(), SelftestError> {
    for name in NAMES {
        let path = folder.join(name);
        gone(fs::remove_file(&path)).map_err(|source| SelftestError::Unwritable { path, source })?;
    }
    let runs = runs(folder);
    let unwritable = |path: PathBuf| move |source| SelftestError::Unwritable { path, source };
    let entries = match fs::read_dir(&runs) {
        Ok(entries) => entries,
        Err(error) => return gone(Err(error)).map_err(unwritable(runs)),
    };
    for entry in entries {
        let path = entry.map_err(unwritable(runs.clone()))?.path();
        if is_run(&path) {
            gone(fs::remove_dir_all(&path)).map_err(unwritable(path))?;
        }
    }
    // Not where there is something of somebody else's.
    let _ = fs::remove_dir(&runs);
    Ok(())
}

/// Whether this is the folder of a run of a self-test: named as those are, and with a run's files or none in it.
fn is_run(path: &Path) -> bool {
    let named = path.file_name().and_then(|name| name.to_str()).is_some_and(|name| {
        name.len() == 12 && name.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    });
    let holds = || {
        path.join(START).is_file()
            || path.join("result.json").is_file()
            || fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none())
    };
    named && path.is_dir() && holds()
}

fn gone(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Writes a file: whole, or not at all.
///
/// # Errors
/// [`SelftestError::Unwritable`], for instance on a full disk.
pub(super) fn write(folder: &Path, name: &str, text: &str) -> Result<(), SelftestError> {
    let path = folder.join(name);
    write_whole(folder, name, text).map_err(|source| SelftestError::Unwritable { path, source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_earlier_test_has_left_goes_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        assert!(clear(&folder.path().join("none")).is_ok());
        for name in NAMES {
            write(folder.path(), name, "x").unwrap();
        }
        let runs = runs(folder.path());
        let make = |name: &str, file: &str| {
            fs::create_dir_all(runs.join(name)).unwrap();
            fs::write(runs.join(name).join(file), "").unwrap();
        };
        make("0123456789ab", START);
        make("ba9876543210", "result.json");
        make("aaaaaaaaaaaa", "letter.txt");
        make("mine", "result.json");
        fs::create_dir_all(runs.join("bbbbbbbbbbbb")).unwrap();
        fs::write(folder.path().join("notes.md"), "").unwrap();
        clear(folder.path()).unwrap();
        let left = |path: &Path| {
            let mut names: Vec<_> =
                fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name()).collect();
            names.sort();
            names
        };
        assert_eq!(left(folder.path()), ["notes.md", "runs"]);
        assert_eq!(left(&runs), ["aaaaaaaaaaaa", "mine"]);
    }

    #[test]
    fn what_cannot_be_written_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("selftest.md")).unwrap();
        let error = write(folder.path(), "selftest.md", "x").unwrap_err();
        assert!(error.to_string().contains("name another folder"), "{error}");
        assert!(!folder.path().join(".selftest.md").exists());
    }
}
