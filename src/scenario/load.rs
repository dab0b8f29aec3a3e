//! Getting a scenario file's text, or a sentence that says why there is none.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use super::error::Unreadable;

/// Bytes a scenario file may hold.
const MOST_BYTES: u64 = 1 << 20;

/// Reads the text of the scenario file at `path`.
///
/// # Errors
/// [`Unreadable`] if it cannot be opened or read, is a directory, is larger than 1 MiB or is not UTF-8.
pub fn load_file(path: &Path) -> Result<String, Unreadable> {
    let whole = |message: String| Unreadable { line: 0, column: 0, message };
    let mut file = File::open(path).map_err(|error| whole(format!("cannot be opened: {error}")))?;
    if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
        return Err(whole("is a directory; name a scenario file in it".to_owned()));
    }
    let mut bytes = Vec::new();
    file.by_ref()
        .take(MOST_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| whole(format!("cannot be read: {error}")))?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(whole("is larger than 1 MiB, so it is no scenario file".to_owned()));
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let before = String::from_utf8_lossy(&error.as_bytes()[..valid]).into_owned();
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Unreadable {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            message: format!(
                "is not UTF-8: the byte 0x{:02x} here belongs to no character; save the file as UTF-8",
                error.as_bytes()[valid]
            ),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_text_file_is_one_sentence() {
        let folder = tempfile::tempdir().unwrap();
        let error = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            load_file(&path).unwrap_err()
        };
        let not_utf8 = error("latin1.yaml", b"a: 1\nb: \xe9\n");
        assert_eq!((not_utf8.line, not_utf8.column), (2, 4));
        assert!(not_utf8.message.contains("0xe9"), "{not_utf8}");
        assert!(error("large.yaml", &vec![b' '; (1 << 20) + 1]).message.contains("larger than 1 MiB"));
        assert!(load_file(folder.path()).unwrap_err().message.contains("is a directory"));
        let missing = load_file(&folder.path().join("missing.yaml")).unwrap_err();
        assert!(missing.message.contains("cannot be opened"), "{missing}");
    }

    #[test]
    fn a_file_of_just_the_limit_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("full.yaml");
        std::fs::write(&path, vec![b' '; 1 << 20]).unwrap();
        assert_eq!(load_file(&path).map(|text| text.len()), Ok(1 << 20));
    }
}
