//! The book under `docs/`: what is made from the code is what is committed, and what is written by hand holds.
//!
//! `LANDFALL_UPDATE_DOCS=1 cargo test --test docs` writes what is made from the code anew.

mod book;
mod commands;
mod fidelity;
mod markdown;
mod reference;
mod requirements;
mod rest_faults;
mod results;
mod schemas;
mod templates;

use std::path::{Path, PathBuf};

/// A file of the repository.
fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Whether pages are being made: then nothing is held against them, which are half made.
fn is_making() -> bool {
    let making = std::env::var_os("LANDFALL_UPDATE_DOCS").is_some_and(|value| value == "1");
    if making {
        println!("did not compare: pages are being made; run it again without LANDFALL_UPDATE_DOCS");
    }
    making
}

/// Holds `text` against the committed file, or writes it where that is asked for.
fn keep(path: &str, text: &str) {
    let file = repository(path);
    let committed = std::fs::read_to_string(&file).unwrap_or_default();
    if is_making() {
        if committed != text {
            std::fs::create_dir_all(file.parent().expect("it has a folder")).expect("folders can be made");
            std::fs::write(&file, text).expect("the file can be written");
        }
        return;
    }
    assert!(
        committed == text,
        "{path} is not what the code makes; `LANDFALL_UPDATE_DOCS=1 cargo test --test docs` writes it anew"
    );
}

/// What a page says first that is made from `source`.
fn made_from(source: &str) -> String {
    format!("<!-- Made from {source} by `LANDFALL_UPDATE_DOCS=1 cargo test --test docs`. -->\n\n")
}
