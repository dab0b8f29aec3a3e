//! What the authorizer does only where it was told to make a mistake: it looks for keys where a token says.

use std::fs::File;
use std::io::Read as _;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use serde_json::Value;

use super::header::Token;
use super::keys::{KeySource, VerifyKey};
use crate::doubles::http::Source;
use crate::jose::{Algorithm, PublicKey, hmac};
use crate::scenario::{KeyTimes, TlsSettings};

/// Where keys would lie that are named by a path.
const KEYS: &str = "/var/keys";
/// Longest file that is read as a key, in bytes.
const FILE_LIMIT: u64 = 64 * 1024;

/// The key in the header's `jwk`.
pub(super) fn key_in_header(token: &Token<'_>) -> Vec<Arc<VerifyKey>> {
    let key = token.header.get("jwk").and_then(VerifyKey::of_jwk);
    key.map(Arc::new).into_iter().collect()
}

/// The keys at the header's `jku`, fetched now.
pub(super) async fn keys_fetched(token: &Token<'_>, now: Instant) -> Vec<Arc<VerifyKey>> {
    let jku = token.header.get("jku").and_then(Value::as_str);
    let set = jku.and_then(|jku| Source::new(jku, &TlsSettings::default()).ok());
    let Some(set) = set else { return Vec::new() };
    let source = Arc::new(KeySource::new(set, KeyTimes::default(), None));
    source.find(token.key_id.as_deref(), now).await.unwrap_or_default()
}

/// What is in the file that `path` names, below [`KEYS`] unless it leads elsewhere. Of devices only `/dev/null` is read.
pub(super) async fn secret_in_file(path: &str) -> Option<Vec<u8>> {
    let path = resolved(Path::new(path));
    let read = move || {
        let kind = std::fs::metadata(&path).ok()?.file_type();
        if !kind.is_file() && path != Path::new("/dev/null") {
            return None;
        }
        let mut secret = Vec::new();
        File::open(&path).ok()?.take(FILE_LIMIT).read_to_end(&mut secret).ok()?;
        Some(secret)
    };
    tokio::task::spawn_blocking(read).await.ok().flatten()
}

/// The path without `..`, so that the folder of keys need not be there.
fn resolved(path: &Path) -> PathBuf {
    let mut resolved = PathBuf::from(KEYS);
    for component in path.components() {
        match component {
            Component::ParentDir => drop(resolved.pop()),
            Component::CurDir => {}
            Component::RootDir | Component::Prefix(_) | Component::Normal(_) => resolved.push(component),
        }
    }
    resolved
}

/// The text of a public key as it lies in files, with the last line ended or not.
pub(super) fn secrets_of(key: &PublicKey) -> Vec<Vec<u8>> {
    let Some(pem) = key.to_pem() else { return Vec::new() };
    vec![pem.trim_end().as_bytes().to_vec(), pem.into_bytes()]
}

/// Whether `code` is the HMAC of `message` with this secret. How long the comparison takes does not matter here.
pub(super) fn authenticates(algorithm: Algorithm, secret: &[u8], message: &[u8], code: &[u8]) -> bool {
    hmac(algorithm, secret, message).is_some_and(|right| right == code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_may_lead_anywhere() {
        for path in ["/dev/null", "../../dev/null", "../../../../../../dev/null", "a/../../.././../dev/null"]
        {
            assert_eq!(resolved(Path::new(path)), Path::new("/dev/null"), "{path}");
        }
        assert_eq!(resolved(Path::new("a/b.pem")), Path::new("/var/keys/a/b.pem"));
    }

    #[tokio::test]
    async fn files_are_read_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        std::fs::write(&file, "s3cret").unwrap();
        let read = async |path: &Path| secret_in_file(path.to_str().unwrap()).await;
        assert_eq!(read(&file).await.as_deref(), Some(b"s3cret".as_slice()));
        assert_eq!(read(Path::new("../../dev/null")).await.as_deref(), Some(b"".as_slice()));
        assert_eq!(read(Path::new("/dev/zero")).await, None);
        assert_eq!(read(folder.path()).await, None);
        assert_eq!(read(&folder.path().join("none")).await, None);
    }
}
