//! Which fields the decoder asks for, and which it refuses with a sentence of their own: told to tests, which hold it
//! against the schema. Nothing of this is there otherwise.

use std::cell::RefCell;
use std::collections::BTreeSet;

/// What was asked for: the path of a mapping, and the name of a field of it.
#[derive(Debug, Default)]
pub(super) struct Asked {
    pub(super) fields: BTreeSet<(String, String)>,
    pub(super) refused: BTreeSet<String>,
}

thread_local! {
    static ASKED: RefCell<Option<Asked>> = const { RefCell::new(None) };
}

/// A field that is asked for.
pub(super) fn note(path: &str, name: &str) {
    ASKED.with_borrow_mut(|asked| {
        if let Some(asked) = asked {
            asked.fields.insert((path.to_owned(), name.to_owned()));
        }
    });
}

/// Fields that are refused, each with its sentence.
pub(super) fn note_refused(refused: &[(&str, &str)]) {
    ASKED.with_borrow_mut(|asked| {
        if let Some(asked) = asked {
            asked.refused.extend(refused.iter().map(|(name, _)| (*name).to_owned()));
        }
    });
}

/// What is asked for while `read` runs on this thread.
pub(super) fn during(read: impl FnOnce()) -> Asked {
    ASKED.set(Some(Asked::default()));
    read();
    ASKED.take().unwrap_or_default()
}

/// Reads another file, whose fields are not noted.
pub(super) fn apart<T>(read: impl FnOnce() -> T) -> T {
    let outer = ASKED.take();
    let value = read();
    ASKED.set(outer);
    value
}
