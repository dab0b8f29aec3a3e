//! Files with keys and tokens.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::Arc;

use super::TokenError;
use crate::app::whole_file::write_whole;
use crate::jose::PrivateKey;

/// The private key in a PEM file.
///
/// # Errors
/// [`TokenError`]: it cannot be read, or holds none.
pub fn read_key(path: &Path) -> Result<Arc<PrivateKey>, TokenError> {
    let failed = |source| TokenError::Read { what: "key", path: path.to_owned(), source };
    let text = fs::read_to_string(path).map_err(failed)?;
    let key = PrivateKey::from_pem(&text);
    key.map(Arc::new).map_err(|source| TokenError::Key { path: path.to_owned(), source })
}

/// Writes a file that nobody but its owner can read, and that is not there yet.
///
/// # Errors
/// [`TokenError::Exists`] and [`TokenError::Write`].
pub fn write_owner_only(path: &Path, text: &str) -> Result<(), TokenError> {
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::AlreadyExists => TokenError::Exists(path.to_owned()),
        _ => TokenError::Write { path: path.to_owned(), source },
    };
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    owner_only(&mut options);
    let mut file = options.open(path).map_err(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(|error| {
        // Half a file is none; and it is this one's own.
        let _ = fs::remove_file(path);
        failed(error)
    })
}

#[cfg(unix)]
fn owner_only(options: &mut OpenOptions) {
    use std::os::unix::fs::OpenOptionsExt as _;
    options.mode(0o600);
}

#[cfg(not(unix))]
fn owner_only(_: &mut OpenOptions) {}

/// Puts a file that nobody but its owner can read in the place of what is there.
///
/// # Errors
/// [`TokenError::Write`].
pub(super) fn replace_owner_only(path: &Path, text: &str) -> Result<(), TokenError> {
    if holds_a_key(path) {
        return Err(TokenError::Exists(path.to_owned()));
    }
    let failed = |source| TokenError::Write { path: path.to_owned(), source };
    let name = path.file_name().ok_or_else(|| failed(io::ErrorKind::InvalidFilename.into()))?;
    let draft = path.with_file_name(format!(".{}-{}", name.to_string_lossy(), std::process::id()));
    write_owner_only(&draft, text)?;
    fs::rename(&draft, path).map_err(|error| {
        let _ = fs::remove_file(&draft);
        failed(error)
    })
}

/// Writes a file that anybody may read, in the place of what is there.
///
/// # Errors
/// [`TokenError::Write`].
pub fn write_public(path: &Path, text: &str) -> Result<(), TokenError> {
    if holds_a_key(path) {
        return Err(TokenError::Exists(path.to_owned()));
    }
    let failed = |source| TokenError::Write { path: path.to_owned(), source };
    let name = path.file_name().ok_or_else(|| failed(io::ErrorKind::InvalidFilename.into()))?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    write_whole(folder, &name.to_string_lossy(), text).map_err(failed)
}

/// Whether a private key stands there, which nothing else may take the place of.
fn holds_a_key(path: &Path) -> bool {
    fs::read_to_string(path).is_ok_and(|text| text.contains("PRIVATE KEY-----"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    fn mode(path: &Path) -> u32 {
        use std::os::unix::fs::PermissionsExt as _;
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[cfg(unix)]
    #[test]
    fn what_is_secret_is_its_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (key, tokens) = (folder.path().join("key.pem"), folder.path().join("evil.ndjson"));
        write_owner_only(&key, "s3cret").unwrap();
        assert_eq!(mode(&key), 0o600);
        assert!(matches!(write_owner_only(&key, "other"), Err(TokenError::Exists(_))));
        fs::write(&tokens, "-----BEGIN PRIVATE KEY-----").unwrap();
        assert!(matches!(write_public(&tokens, "{}"), Err(TokenError::Exists(_))));
        assert!(matches!(replace_owner_only(&tokens, "{}"), Err(TokenError::Exists(_))));
        fs::remove_file(&tokens).unwrap();
        assert_eq!(fs::read_to_string(&key).unwrap(), "s3cret");
        // One that everybody could read before.
        fs::write(&tokens, "old").unwrap();
        replace_owner_only(&tokens, "new").unwrap();
        assert_eq!((mode(&tokens), fs::read_to_string(&tokens).unwrap()), (0o600, "new".to_owned()));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn what_cannot_be_written_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let nowhere = folder.path().join("gone/file");
        assert!(matches!(write_owner_only(&nowhere, ""), Err(TokenError::Write { .. })));
        assert!(matches!(replace_owner_only(Path::new("/"), ""), Err(TokenError::Write { .. })));
        let broken = folder.path().join("key.pem");
        fs::write(&broken, "hunter2").unwrap();
        let error = read_key(&broken).unwrap_err().to_string();
        assert!(error.contains("there is no private key") && !error.contains("hunter2"), "{error}");
    }
}
