//! Where a scenario was read from.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The files and changes that make up a scenario, so that it can be read once more as it was. Holds no secret, since
/// scenario files hold none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The scenario's file, absolute.
    pub path: PathBuf,
    /// The texts of this file and of those that it extends, by absolute path.
    pub files: Vec<(PathBuf, String)>,
    /// The changes that were applied to them, each a `path=value`.
    pub sets: Vec<String>,
}
