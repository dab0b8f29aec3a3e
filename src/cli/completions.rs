//! `landfall completions`.

use std::process::ExitCode;

use clap_complete::Shell;

use super::printed;

/// Options of `landfall completions`.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// For which shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

pub(super) fn main(options: &Options) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(options.shell, &mut super::command(), "landfall", &mut script);
    printed(&String::from_utf8_lossy(&script))
}
