//! `landfall conform record`.

use std::path::PathBuf;
use std::process::ExitCode;

use super::super::{exit, print};
use super::playing::{Playing, playing, tell_left};
use crate::app::golden::{Recorded, record};

/// Options of `landfall conform record`.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    #[command(flatten)]
    playing: Playing,
    /// The golden file to write
    #[arg(long, short, value_name = "FILE")]
    out: PathBuf,
    /// Name of the proxy that is recorded, for who reads the file
    #[arg(long, value_name = "NAME", default_value = "")]
    proxy_name: String,
    /// Its version
    #[arg(long, value_name = "VERSION", default_value = "")]
    proxy_version: String,
}

pub(super) fn main(options: &Options) -> ExitCode {
    let plan = match options.playing.plan(None) {
        Ok(plan) => plan,
        Err(code) => return code,
    };
    let outcome = playing(options.playing.quiet, "recordings played", async |interrupt, each| {
        record(&plan, interrupt, each).await.map_err(|error| (error.exit_code(), error.to_string()))
    });
    let Recorded { mut seen, unplayable: not, appeared } = match outcome {
        Ok(recorded) => recorded,
        Err(code) => return code,
    };
    let mut text = String::new();
    for recording in &mut seen {
        for (name, value) in [("name", &options.proxy_name), ("version", &options.proxy_version)] {
            if !value.is_empty() {
                recording.proxy.insert(name.to_owned(), value.as_str().into());
            }
        }
        text.push_str(&serde_json::to_string(recording).unwrap_or_default());
        text.push('\n');
    }
    if let Err(error) = std::fs::write(&options.out, text) {
        tell!("landfall: cannot write {}: {error}; name another file", options.out.display());
        return ExitCode::from(exit::USAGE);
    }
    tell_left(&appeared);
    for unplayable in &not {
        tell!("landfall: not recorded: {}: {}", unplayable.id, unplayable.reason);
    }
    print(&format!("{} exchanges in {}\n", seen.len(), options.out.display()));
    ExitCode::from(if not.is_empty() { exit::PASS } else { exit::UNDECIDED })
}
