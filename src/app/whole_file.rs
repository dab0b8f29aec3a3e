//! Writing files that are there whole, or not at all.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

/// Writes a file into a folder, which is made where it is not there.
///
/// # Errors
/// What the system says, for instance on a full disk; then nothing is left.
pub(super) fn write_whole(folder: &Path, name: &str, text: &str) -> io::Result<()> {
    let (draft, path) = (folder.join(format!(".{name}")), folder.join(name));
    fs::create_dir_all(folder)
        .and_then(|()| fs::File::create(&draft))
        .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&draft, &path))
        .inspect_err(|_| {
            let _ = fs::remove_file(&draft);
        })
}
