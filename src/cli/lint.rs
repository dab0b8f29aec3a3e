//! `landfall lint`.

use std::path::PathBuf;
use std::process::ExitCode;

use super::{exit, print, print_whole};
use crate::api::{Level, lint};
use crate::doubles::gateway::read_api;
use crate::report;

/// Options of `landfall lint`.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    #[command(subcommand)]
    of: Of,
}

#[derive(Debug, clap::Subcommand)]
enum Of {
    /// Look for traps in the definition of an API, as API Gateway exports it (OpenAPI 3.0 or Swagger 2.0, JSON or YAML).
    /// Exit codes: 0 no trap; 1 traps, or what landfall's gateway cannot serve; 2 no such definition
    Api(ApiOptions),
}

#[derive(Debug, clap::Args)]
struct ApiOptions {
    /// The export: `aws apigateway get-export --parameters extensions='apigateway' --export-type oas30 …`
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Print the remarks as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn main(options: &Options) -> ExitCode {
    let Of::Api(options) = &options.of;
    let api = match read_api(&options.file) {
        Ok(api) => api,
        Err(error) => {
            tell!("landfall: {error}");
            return ExitCode::from(exit::USAGE);
        }
    };
    let remarks = lint(&api);
    if options.json {
        match serde_json::to_string_pretty(&remarks) {
            Ok(json) => {
                if let Err(code) = print_whole(&format!("{json}\n")) {
                    return code;
                }
            }
            Err(error) => {
                tell!("landfall: cannot write the remarks as JSON: {error}; this is a bug of landfall's");
                return ExitCode::from(exit::STACK);
            }
        }
    } else {
        print(&report::lint(&options.file.display().to_string(), &api, &remarks));
    }
    let grave = remarks.iter().any(|remark| remark.level != Level::Note);
    ExitCode::from(if grave { exit::FAIL } else { exit::PASS })
}
