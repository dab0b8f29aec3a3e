//! `landfall conform replay`.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use super::super::{exit, print};
use super::playing::{Playing, playing, tell_left};
use crate::app::golden::{self, replay};
use crate::result::Replay;

/// Options of `landfall conform replay`.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    #[command(flatten)]
    playing: Playing,
    /// YAML list of rules that let more pass for identical, each with a reason
    #[arg(long, value_name = "FILE")]
    rules: Option<PathBuf>,
    /// Also write the outcome to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

pub(super) fn main(options: &Options) -> ExitCode {
    let plan = match options.playing.plan(options.rules.clone()) {
        Ok(plan) => plan,
        Err(code) => return code,
    };
    let outcome = playing(options.playing.quiet, "recordings played", async |interrupt, each| {
        replay(&plan, interrupt, each).await.map_err(|error| (error.exit_code(), error.to_string()))
    });
    let result = match outcome {
        Ok(result) => result,
        Err(code) => return code,
    };
    if let Some(file) = &options.json {
        let text = serde_json::to_string_pretty(&result).unwrap_or_default() + "\n";
        if let Err(error) = std::fs::write(file, text) {
            tell!("landfall: cannot write {}: {error}; name another file", file.display());
            return ExitCode::from(exit::unwritten(code(&result)));
        }
    }
    tell_left(&result.appeared);
    let mut text = String::new();
    if !options.playing.quiet {
        for rule in golden::rules(&plan).unwrap_or_default() {
            let what = rule.ignore.or(rule.text).unwrap_or_default();
            let _ = writeln!(text, "  widened   {what} {}: {}", of(&rule.id), rule.reason);
        }
        text.push_str(&told(&result));
    }
    let _ = writeln!(text, "{} not playable", result.not_playable);
    let _ = writeln!(text, "{} of {} identical", result.identical, result.total);
    print(&text);
    ExitCode::from(code(&result))
}

/// Of which recordings a rule speaks.
fn of(id: &str) -> String {
    if id.is_empty() { "everywhere".into() } else { format!("in `{id}`") }
}

/// What differs, and what could not be played.
fn told(result: &Replay) -> String {
    let mut text = String::new();
    for different in &result.different {
        let _ = writeln!(text, "  differs   {}", different.id);
        for difference in &different.differences {
            let _ = writeln!(text, "            {}", difference.field);
            let _ = writeln!(text, "              recorded  {}", difference.recorded);
            let _ = writeln!(text, "              seen      {}", difference.seen);
        }
    }
    for unplayable in &result.unplayable {
        let _ = writeln!(text, "  unplayed  {}: {}", unplayable.id, unplayable.reason);
    }
    text
}

/// 0 where all are identical, 1 where one differs, 4 where some could not be played.
fn code(result: &Replay) -> u8 {
    match (result.different.len(), result.not_playable) {
        (0, 0) => exit::PASS,
        (0, _) => exit::UNDECIDED,
        _ => exit::FAIL,
    }
}
