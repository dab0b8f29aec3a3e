//! `landfall calibrate`.

use std::path::PathBuf;
use std::process::ExitCode;

use super::{exit, print, runtime};
use crate::app::calibrate::{CalibrateError, Measured, keep, measure};
use crate::stats::time_text;

/// Options of `landfall calibrate`.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Keep the result in FILE, rather than where later runs look for it
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Do not say what is being measured
    #[arg(long)]
    quiet: bool,
}

pub(super) fn main(options: &Options) -> ExitCode {
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(code) => return code,
    };
    let _entered = runtime.enter();
    let measured = measure(|what| {
        if !options.quiet {
            tell!("measuring {what}");
        }
    });
    let kept = measured.and_then(|measured| Ok((keep(&measured, options.file.as_deref())?, measured)));
    match kept {
        Ok((path, measured)) => {
            print(&format!("{}  kept in    {}\n", summary(&measured), path.display()));
            ExitCode::from(exit::PASS)
        }
        Err(error) => {
            tell!("landfall: {error}");
            let files = matches!(error, CalibrateError::NoHome | CalibrateError::Unwritable { .. });
            ExitCode::from(if files { exit::USAGE } else { exit::STACK })
        }
    }
}

fn summary(measured: &Measured) -> String {
    let Measured { calibration, wakeup_us, peak_rate_per_s, tried, .. } = measured;
    let busy = tried.iter().filter(|tried| tried.kept).map(|tried| tried.cpu_share).fold(0.0, f64::max);
    format!(
        "this machine, one load thread, a server beside it that does nothing\n\
         \x20 wakes up   p50 {}  p99 {}  max {} after a due time\n\
         \x20 honest to  {:.0} requests a second ({:.0} % of a CPU)\n\
         \x20 at most    {peak_rate_per_s:.0} requests a second, with no time left\n",
        time_text(wakeup_us.p50),
        time_text(wakeup_us.p99),
        time_text(wakeup_us.max),
        calibration.honest_rate_per_s,
        busy * 100.0,
    )
}
