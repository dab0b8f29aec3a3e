//! `landfall conform auth`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::super::{printed, right};
use super::playing::{delivered, playing};
use crate::app::conform::{LIMIT, Options as Plan, SCENARIO, auth, deliver, listed};
use crate::conform::Strictness;
use crate::report;
use crate::scenario::{self, Flaw, Scenario, Unreadable};

/// Options of `landfall conform auth`.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(super) struct Options {
    /// Scenario with the gateway, its authorizer and its identity provider; landfall's own ones by default
    #[arg(value_name = "SCENARIO")]
    file: Option<PathBuf>,
    /// Change a value of the scenario; may be repeated
    #[arg(long = "set", value_name = "PATH=VALUE")]
    sets: Vec<String>,
    /// Try only cases whose id contains this, for instance `14-key-url` or `auth/01`; may be repeated
    #[arg(long = "only", value_name = "PART")]
    only: Vec<String>,
    /// List the cases, and try none
    #[arg(long)]
    list: bool,
    /// What ought to hold (SHOULD) must
    #[arg(long)]
    strict: bool,
    /// A case that could not be tried is no pass: exit code 4
    #[arg(long)]
    require_all: bool,
    /// Let landfall's own authorizer make a mistake, to see that it is found, for instance `accepts-none`
    #[arg(long, value_name = "MISTAKE", value_parser = flaw)]
    weak: Option<Flaw>,
    /// The identity provider's private key (PEM), where the provider is not landfall's own: with it tokens can be wrong and
    /// well signed
    #[arg(long, value_name = "FILE")]
    signing_key: Option<PathBuf>,
    /// Folder for the result (conformance.json, conformance.html, junit.xml) and for logs
    #[arg(long, value_name = "DIR", default_value = "reports/conform-auth")]
    out: PathBuf,
    /// Print nothing but errors
    #[arg(long)]
    quiet: bool,
}

/// The mistake of this name.
fn flaw(name: &str) -> Result<Flaw, String> {
    let all = || Flaw::ALL.map(Flaw::name).join(", ");
    let found = Flaw::ALL.into_iter().find(|flaw| flaw.name() == name);
    found.ok_or_else(|| format!("there is no such mistake; there are: {}", all()))
}

pub(super) fn main(options: &Options) -> ExitCode {
    if options.list {
        return match listed(&options.only) {
            Ok(cases) => printed(&report::conformance::list(&cases)),
            Err(error) => {
                tell!("landfall: {error}");
                ExitCode::from(error.exit_code())
            }
        };
    }
    let scenario = match read(options) {
        Ok(scenario) => scenario,
        Err(code) => return code,
    };
    let plan = Plan {
        only: options.only.clone(),
        strictness: Strictness { strict: options.strict, require_all: options.require_all },
        flaw: options.weak,
        signing_key: options.signing_key.clone(),
        limit: LIMIT,
        folder: options.out.clone(),
    };
    let outcome = playing(options.quiet, "groups of cases tried", async |interrupt, each| {
        let result = Box::pin(auth(&scenario, &plan, interrupt, each)).await;
        result
            .and_then(|result| deliver(&result, &plan.folder).map(|()| result))
            .map_err(|error| (error.exit_code(), error.to_string()))
    });
    delivered(outcome, options.quiet, &options.out)
}

/// The scenario that is named, or the one that ships.
fn read(options: &Options) -> Result<Scenario, ExitCode> {
    right(match &options.file {
        Some(file) => scenario::read(file, &options.sets),
        None => scenario::parse(SCENARIO, Path::new("authentication.yaml"), &options.sets, &|_| {
            Err(Unreadable { line: 0, column: 0, message: "the scenario that ships extends nothing".into() })
        }),
    })
}
