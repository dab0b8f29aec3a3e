//! `landfall man`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::{exit, printed};

/// Options of `landfall man`.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Write a page for each command to this folder, rather than print the main page
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub(super) fn main(options: &Options) -> ExitCode {
    let done = match &options.out {
        Some(folder) => write_pages(folder).map(|()| String::new()),
        None => main_page(),
    };
    match done {
        Ok(page) => printed(&page),
        Err(error) => {
            let folder = options.out.as_deref().unwrap_or(Path::new("")).display();
            tell!("landfall: cannot write manual pages to {folder}: {error}; check `--out`");
            ExitCode::from(exit::USAGE)
        }
    }
}

fn write_pages(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    clap_mangen::generate_to(super::command(), folder)
}

fn main_page() -> std::io::Result<String> {
    let mut page = Vec::new();
    clap_mangen::Man::new(super::command()).render(&mut page)?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}
