//! `landfall schema`.

use std::process::ExitCode;

use super::printed;
use crate::{result, scenario};

/// Options of `landfall schema`.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Which file's shape
    #[arg(value_name = "WHAT")]
    what: What,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum What {
    /// Of scenario files, for editors
    Scenario,
    /// Of token profiles, for editors
    TokenProfile,
    /// Of result.json, as `landfall run` writes it
    Result,
    /// Of conformance.json, as `landfall conform` writes it
    Conformance,
    /// Of the file that `landfall conform replay --json` writes
    Replay,
    /// Of selftest.json, as `landfall selftest` writes it
    Selftest,
}

pub(super) fn main(options: &Options) -> ExitCode {
    match options.what {
        What::Scenario => printed(scenario::SCHEMA),
        What::TokenProfile => printed(scenario::PROFILE_SCHEMA),
        What::Result => printed(&result::schema_text(&result::result_schema())),
        What::Conformance => printed(&result::schema_text(&result::conformance_schema())),
        What::Replay => printed(&result::schema_text(&result::replay_schema())),
        What::Selftest => printed(&result::schema_text(&result::selftest_schema())),
    }
}
