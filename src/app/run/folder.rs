//! The folder that a run leaves behind: `<reports>/<run>/`.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::app::journal::START;
use crate::record::RunId;

/// The folder of one run; it exists and can be written to.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    /// Held as long as a run, or recovering one, uses the folder.
    _lock: Option<fs::File>,
}

/// Why a run's report has no place.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// It cannot be made.
    #[error("cannot write reports to {path}: {source}; name another folder with `--reports`")]
    Unwritable {
        /// Which.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// Another run's result stands there.
    #[error("{path} holds the result of another run; choose another `--run-id`, or remove it")]
    Taken {
        /// Which.
        path: PathBuf,
    },
    /// What another run left behind that was killed, or is under way.
    #[error(
        "{path} holds what a run without a result has left; finish it with `landfall recover {path}`, choose another \
         `--run-id`, or remove it"
    )]
    Unsettled {
        /// Which.
        path: PathBuf,
    },
}

/// The result of the run.
pub(in crate::app) const RESULT: &str = "result.json";
/// The result as a page.
const PAGE: &str = "report.html";
/// The load's times, second by second.
pub(super) const INTERVALS: &str = "intervals.hlog";
/// The load's times as a whole.
pub(super) const HISTOGRAMS: &str = "histograms.hlog";
/// What happened, in words.
const LOG: &str = "landfall.log";

impl Folder {
    /// Makes the folder and proves that it can be written to, before anything is sent.
    ///
    /// # Errors
    /// [`FolderError`] where it cannot, or where a result stands there already.
    pub fn create(reports: &Path, run: &RunId) -> Result<Self, FolderError> {
        let path = reports.join(run.as_str());
        let unwritable = |source| FolderError::Unwritable { path: path.clone(), source };
        fs::create_dir_all(&path).map_err(unwritable)?;
        if path.join(RESULT).exists() {
            return Err(FolderError::Taken { path });
        }
        let Ok(lock) = lock(&path) else { return Err(FolderError::Unsettled { path }) };
        if path.join(START).exists() {
            return Err(FolderError::Unsettled { path });
        }
        let probe = path.join(".writable");
        fs::write(&probe, b"").and_then(|()| fs::remove_file(&probe)).map_err(unwritable)?;
        Ok(Self { path, _lock: lock })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the result stands.
    #[must_use]
    pub fn result_path(&self) -> PathBuf {
        self.path.join(RESULT)
    }

    /// Makes the file of the verbose log.
    ///
    /// # Errors
    /// [`FolderError::Unwritable`], as it says.
    pub fn create_log(&self) -> Result<fs::File, FolderError> {
        self.create_file(LOG)
    }

    /// Makes a file in it.
    pub(super) fn create_file(&self, name: &str) -> Result<fs::File, FolderError> {
        let path = self.path.join(name);
        let options = fs::File::options().read(true).write(true).create(true).truncate(true).open(&path);
        options.map_err(|source| FolderError::Unwritable { path, source })
    }

    /// The folder of a run that has been there before; `None` where somebody uses it.
    pub(in crate::app) fn of_killed(path: PathBuf) -> Option<Self> {
        let lock = lock(&path).ok()?;
        Some(Self { path, _lock: lock })
    }

    /// The error of a file in it.
    pub(in crate::app) fn unwritable(&self, source: std::io::Error) -> FolderError {
        FolderError::Unwritable { path: self.path.clone(), source }
    }

    /// Writes the result: whole, or not at all.
    ///
    /// # Errors
    /// [`FolderError::Unwritable`], for instance on a full disk.
    pub fn write_result(&self, json: &str) -> Result<(), FolderError> {
        self.write_whole(RESULT, json)
    }

    /// Where the page stands.
    #[must_use]
    pub fn page_path(&self) -> PathBuf {
        self.path.join(PAGE)
    }

    /// Writes the page: whole, or not at all.
    ///
    /// # Errors
    /// [`FolderError::Unwritable`], for instance on a full disk.
    pub fn write_page(&self, html: &str) -> Result<(), FolderError> {
        self.write_whole(PAGE, html)
    }

    /// Writes a file: whole, or not at all.
    pub(super) fn write_whole(&self, name: &str, text: &str) -> Result<(), FolderError> {
        let unwritable = |source| FolderError::Unwritable { path: self.path.clone(), source };
        let draft = self.path.join(format!(".{name}"));
        let mut file = fs::File::create(&draft).map_err(unwritable)?;
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(unwritable)?;
        fs::rename(&draft, self.path.join(name)).map_err(unwritable)
    }

    /// Removes the folder if nothing was written to it.
    pub fn discard_if_empty(self) {
        let _ = fs::remove_dir(&self.path);
    }
}

/// Somebody else uses the folder.
struct InUse;

/// Takes a folder for oneself. A file system without locks is no reason not to run.
fn lock(path: &Path) -> Result<Option<fs::File>, InUse> {
    let Ok(folder) = fs::File::open(path) else { return Ok(None) };
    match folder.try_lock() {
        Ok(()) => Ok(Some(folder)),
        Err(fs::TryLockError::WouldBlock) => Err(InUse),
        Err(fs::TryLockError::Error(_)) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_is_never_overwritten_and_an_empty_folder_goes() {
        let reports = tempfile::tempdir().unwrap();
        let run = RunId::new("r1").unwrap();
        let folder = Folder::create(reports.path(), &run).unwrap();
        folder.write_result("{}").unwrap();
        assert_eq!(fs::read_to_string(folder.result_path()).unwrap(), "{}");
        assert!(matches!(Folder::create(reports.path(), &run), Err(FolderError::Taken { .. })));
        let empty = Folder::create(reports.path(), &RunId::new("r2").unwrap()).unwrap();
        let path = empty.path().to_owned();
        empty.discard_if_empty();
        assert!(!path.exists());
    }

    #[test]
    fn nobody_else_uses_the_folder_of_a_run() {
        let reports = tempfile::tempdir().unwrap();
        let run = RunId::new("r1").unwrap();
        let folder = Folder::create(reports.path(), &run).unwrap();
        let path = folder.path().to_owned();
        assert!(matches!(Folder::create(reports.path(), &run), Err(FolderError::Unsettled { .. })));
        assert!(Folder::of_killed(path.clone()).is_none());
        drop(folder);
        assert!(Folder::of_killed(path).is_some());
    }

    #[test]
    fn a_file_in_the_way_is_told() {
        let reports = tempfile::tempdir().unwrap();
        let file = reports.path().join("file");
        fs::write(&file, "").unwrap();
        let error = Folder::create(&file, &RunId::new("r").unwrap()).unwrap_err();
        assert!(error.to_string().contains("name another folder"), "{error}");
    }
}
