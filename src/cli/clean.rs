//! `landfall clean`.

use std::process::ExitCode;

use super::{exit, print, runtime};
use crate::app::clean::{CleanError, Cleaned, Done, Wanted, clean};
use crate::engine::Fate;

pub(super) const EXIT_CODES: &str = "\
Exit codes: 0 done, also where there was nothing; 2 wrong usage, or the stack named is not there or in use;
3 the container engine does not answer, or did not take something away.";

/// Options of `landfall clean`.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Say what would be taken away, and leave it
    #[arg(long)]
    dry_run: bool,
    /// Take away this stack and no other, even where nobody here can tell whether the process that started it still runs
    #[arg(long, value_name = "ID")]
    stack: Option<String>,
    /// Take away the stack that `--stack` names even if the process that started it runs
    #[arg(long, requires = "stack")]
    force: bool,
}

pub(super) fn main(options: &Options) -> ExitCode {
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(code) => return code,
    };
    let Options { dry_run, stack, force } = options;
    let wanted = Wanted { stack: stack.clone(), force: *force, dry_run: *dry_run };
    match runtime.block_on(clean(&wanted)) {
        Ok(cleaned) => {
            print(&told(&cleaned));
            let failed = cleaned.iter().any(|cleaned| matches!(cleaned.done, Done::Failed(_)));
            ExitCode::from(if failed { exit::STACK } else { exit::PASS })
        }
        Err(error) => {
            tell!("landfall: {error}");
            ExitCode::from(match error {
                CleanError::Engine(_) => exit::STACK,
                CleanError::Unknown { .. } | CleanError::Used { .. } => exit::USAGE,
            })
        }
    }
}

fn told(cleaned: &[Cleaned]) -> String {
    if cleaned.is_empty() {
        return "there is nothing of landfall's in the container engine\n".to_owned();
    }
    let line = |Cleaned { stack, fate, done }: &Cleaned| {
        let parts: Vec<&str> = stack.containers.iter().chain(&stack.networks).map(String::as_str).collect();
        let what = match done {
            Done::Removed => "taken away".to_owned(),
            Done::WouldBeRemoved => "would be taken away".to_owned(),
            Done::Left => {
                format!("left: {}", why(*fate, &stack.stack, stack.owner.as_ref().map(|owner| owner.pid)))
            }
            Done::Failed(error) => format!("still there: {error}"),
        };
        format!("{}  {what} ({})\n", stack.stack, parts.join(", "))
    };
    cleaned.iter().map(line).collect()
}

/// Why a stack is left.
fn why(fate: Fate, stack: &str, pid: Option<u32>) -> String {
    match (fate, pid) {
        (Fate::Used, Some(pid)) => format!("in use by process {pid}"),
        (Fate::Used | Fate::Abandoned, _) => "in use".to_owned(),
        (Fate::Doubtful, _) => format!(
            "whether it is in use cannot be told from here, since another machine or container started it; \
             `landfall clean --stack {stack}` takes it away"
        ),
    }
}
