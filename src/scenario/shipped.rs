//! Files that ship with landfall and are named by their names, beside those of people's own, which are named by their paths.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::{Origin, Place, Problems, Unreadable, nearest, quoted};
use super::extends::Load;

/// Files of one kind that ship, each with its name and text.
pub(super) struct Shipped {
    /// What they are, for instance `profile`.
    pub(super) what: &'static str,
    pub(super) files: &'static [(&'static str, &'static str)],
}

impl Shipped {
    /// The text that `text` means, and where it is from: a name of one that ships, or the path of a file. What ends with
    /// `.yaml` or `.yml`, or holds a slash, is a path. `path` is that of the field at `at`.
    pub(super) fn text(
        &self,
        text: &str,
        (at, path): (&Place, &str),
        load: Load<'_>,
        problems: &mut Problems,
    ) -> Option<(Cow<'static, str>, PathBuf)> {
        let extension = Path::new(text).extension();
        if !text.contains('/') && extension.is_none_or(|of| of != "yaml" && of != "yml") {
            let Some((name, shipped)) = self.files.iter().find(|(name, _)| *name == text) else {
                let names: Vec<&str> = self.files.iter().map(|(name, _)| *name).collect();
                let message = format!("no {} {} ships with landfall", self.what, quoted(text));
                let remedy = format!("{}; a file of your own ends with .yaml", nearest(text, &names));
                problems.suggest(at, path, message, remedy);
                return None;
            };
            return Some((Cow::Borrowed(shipped), PathBuf::from(name)));
        }
        let file = at.resolve(text);
        match load(&file) {
            Ok(text) => Some((Cow::Owned(text), file)),
            Err(Unreadable { line: 0, message, .. }) => {
                problems.add(at, path, format!("{} {message}", quoted(&file.display().to_string())));
                None
            }
            Err(Unreadable { line, column, message }) => {
                let origin = Arc::new(Origin::File(file));
                problems.add(&Place { origin, line, column }, "", message);
                None
            }
        }
    }
}
