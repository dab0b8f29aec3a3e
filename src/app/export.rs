//! Files that a report goes to: written whole, or not at all.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Why a report has no place.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The folder that it is to stand in is not there.
    #[error("cannot write {path}: there is no such folder; make it, or name another file")]
    NoFolder {
        /// Which file.
        path: PathBuf,
    },
    /// There is a folder of its name.
    #[error("cannot write {path}: it is a folder; name a file")]
    IsFolder {
        /// Which.
        path: PathBuf,
    },
    /// The system does not let it be written.
    #[error("cannot write {path}: {source}; name another file, or make room")]
    Unwritable {
        /// Which.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// Whether a file can stand there, as far as that can be told without writing it.
///
/// # Errors
/// [`ExportError::NoFolder`] and [`ExportError::IsFolder`].
pub fn check(path: &Path) -> Result<(), ExportError> {
    let path = path.to_owned();
    let has_folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.is_dir(),
        _ => true,
    };
    if path.is_dir() {
        Err(ExportError::IsFolder { path })
    } else if has_folder {
        Ok(())
    } else {
        Err(ExportError::NoFolder { path })
    }
}

/// Writes a file: whole, or not at all. What is no regular file, such as a pipe, is written to as it is.
///
/// # Errors
/// [`ExportError::Unwritable`], for instance on a full disk.
pub fn write_whole(path: &Path, text: &str) -> Result<(), ExportError> {
    write(path, text).map_err(|source| ExportError::Unwritable { path: path.to_owned(), source })
}

/// Adds to the end of a file, which is made where it is not there.
///
/// # Errors
/// [`ExportError::Unwritable`], as it says.
pub fn append(path: &Path, text: &str) -> Result<(), ExportError> {
    let file = fs::File::options().append(true).create(true).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|source| ExportError::Unwritable { path: path.to_owned(), source })
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    let there = fs::metadata(path).ok();
    if is_held(path) || there.as_ref().is_some_and(|there| !there.is_file()) {
        return fs::File::options().append(true).open(path)?.write_all(text.as_bytes());
    }
    // What a link names is replaced, not the link.
    let path = if there.is_some() { fs::canonicalize(path)? } else { path.to_owned() };
    let draft = draft(&path);
    let written = (|| {
        let mut file = fs::File::options().write(true).create_new(true).open(&draft)?;
        if let Some(there) = &there {
            file.set_permissions(there.permissions())?;
        }
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&draft, &path)
    })();
    if written.is_err() {
        let _ = fs::remove_file(&draft);
    }
    written
}

/// Whether the path is that of an open file, as `/dev/stderr` is: it must stay the one it is, and what stands in it, too.
fn is_held(path: &Path) -> bool {
    // Not what it leads to: that is a file like others.
    let named = path.parent().and_then(|parent| fs::canonicalize(parent).ok());
    let named = named.map(|parent| parent.join(path.file_name().unwrap_or_default()));
    let Some(named) = named else { return false };
    let of_process =
        named.parent().is_some_and(|parent| parent.starts_with("/proc") && parent.ends_with("fd"));
    of_process || ["/dev/stdin", "/dev/stdout", "/dev/stderr"].iter().any(|held| named == Path::new(held))
}

/// Whether two paths are of one file, or will be when both are written.
#[must_use]
pub fn is_same(one: &Path, other: &Path) -> bool {
    let place = |path: &Path| {
        fs::canonicalize(path).ok().or_else(|| {
            let parent =
                path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
            Some(fs::canonicalize(parent).ok()?.join(path.file_name()?))
        })
    };
    one == other || place(one).is_some_and(|one| place(other) == Some(one))
}

/// Removes what an earlier run has left at a place, so that nobody takes it for this one's. What is no file stays.
///
/// # Errors
/// [`ExportError::Unwritable`], as it says.
pub fn clear(path: &Path) -> Result<(), ExportError> {
    if is_held(path) || !fs::metadata(path).is_ok_and(|there| there.is_file()) {
        return Ok(());
    }
    fs::remove_file(path).map_err(|source| ExportError::Unwritable { path: path.to_owned(), source })
}

/// A file beside it that nobody else writes to, and that begins with a dot, so that collectors pass over it.
fn draft(path: &Path) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}.{}", std::process::id(), uuid::Uuid::new_v4().simple()));
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    #[test]
    fn a_file_is_replaced_whole_and_nothing_stays_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("a.xml"), folder.path().join("link"));
        write_whole(&file, "one").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        symlink(&file, &link).unwrap();
        write_whole(&link, "two").unwrap();
        append(&file, "three").unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "twothree");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn what_is_no_file_is_written_to_as_it_is() {
        write_whole(Path::new("/dev/null"), "gone").unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }

    #[test]
    fn one_file_is_known_by_all_its_paths() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        assert!(is_same(&at("a"), &at("./a")) && !is_same(&at("a"), &at("b")));
        fs::write(at("a"), "").unwrap();
        symlink(at("a"), at("link")).unwrap();
        assert!(is_same(&at("a"), &at("link")));
        clear(&at("a")).unwrap();
        assert!(!at("a").exists());
        clear(&at("a")).unwrap();
        clear(Path::new("/dev/null")).unwrap();
        assert!(Path::new("/dev/null").exists() && is_held(Path::new("/dev/stderr")));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn memory_that_is_a_folder_holds_files_like_others() {
        let folder = tempfile::tempdir_in("/dev/shm").unwrap();
        let file = folder.path().join("a.xml");
        write_whole(&file, "one").unwrap();
        write_whole(&file, "two").unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "two");
    }

    #[test]
    fn a_place_that_is_none_is_told() {
        let folder = tempfile::tempdir().unwrap();
        assert!(check(folder.path()).unwrap_err().to_string().contains("it is a folder"));
        let nowhere = folder.path().join("none/a");
        assert!(check(&nowhere).unwrap_err().to_string().contains("no such folder"));
        assert!(write_whole(&nowhere, "").unwrap_err().to_string().contains("cannot write"));
        check(Path::new("a")).unwrap();
    }
}
