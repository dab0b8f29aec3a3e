//! `landfall conform rest`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use super::super::{changes, print, printed, right};
use super::against::Proxy;
use super::playing::{delivered, playing};
use crate::app::conform::deliver;
use crate::app::golden::Against;
use crate::app::rest::{
    Options as Plan, RecordedOptions, SCENARIO, TIME_SCALE, dry, listed, own_profile, profile_of_adapter,
    recorded, rest, rest_in_containers,
};
use crate::conform::Strictness;
use crate::conform::rest::read_weakness;
use crate::doubles::fault::Injector;
use crate::scenario::{self, Fault, Scenario};

/// What is tried where boxes in containers are, and all that says something else.
const OTHERS: [&str; 6] = ["target", "release", "time_scale", "weak", "registry", "recorded"];

/// Options of `landfall conform rest`.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("boxes").multiple(true).args(["stack", "provider"])))]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(super) struct Options {
    #[command(flatten)]
    proxy: Proxy,
    /// Scenario whose Kafka and proxies are brought up and tried; the proxies must be containers. The rest of the path is left out
    #[arg(long, value_name = "SCENARIO", conflicts_with_all = OTHERS)]
    stack: Option<PathBuf>,
    /// Change a value of that scenario, for instance `stack.proxy.adapter=karapace`; may be repeated
    #[arg(long = "set", value_name = "PATH=VALUE", requires = "boxes")]
    sets: Vec<String>,
    /// What the proxies and Kafka are where that scenario says `embedded`, or nothing; without `--stack`, of Confluent's proxy and
    /// a broker
    #[arg(long, value_name = "KIND", value_parser = ["embedded", "container"], conflicts_with_all = OTHERS)]
    provider: Option<String>,
    /// Implementation that the proxy is: confluent, karapace or strimzi-bridge, with @VERSION behind it for another release than
    /// the profile's own; or a profile in a file; or none, to hold it to what is required. By default confluent; for landfall's
    /// own proxy what it is known for, in the release that it stands for; and in containers what the adapter says
    #[arg(long, value_name = "PROFILE[@VERSION]")]
    profile: Option<String>,
    /// Try only cases whose id contains this, for instance `v2.binary`; may be repeated
    #[arg(long = "filter", visible_alias = "only", value_name = "PART")]
    filter: Vec<String>,
    /// Judge the recordings of a golden file by the cases that are made of them; nothing is started, and nothing is sent
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = ["target", "release", "time_scale", "list", "dry_run", "fail_fast", "auto_create", "registry", "at_once", "limit"]
    )]
    recorded: Option<PathBuf>,
    /// List every requirement with its cases, or why it has none, and try nothing
    #[arg(long)]
    list: bool,
    /// Print the requests that would be sent, and send none
    #[arg(long)]
    dry_run: bool,
    /// What ought to hold (SHOULD) must
    #[arg(long)]
    strict: bool,
    /// A case that could not be tried is no pass: exit code 4
    #[arg(long)]
    require_all: bool,
    /// Stop at the first failure
    #[arg(long)]
    fail_fast: bool,
    /// YAML list of failures that are excused, each with `case`, `reason` and `expires`
    #[arg(long, value_name = "FILE")]
    expected_failures: Option<PathBuf>,
    /// Whether Kafka creates topics that somebody asks for (auto.create.topics.enable); landfall's own broker does not unless told
    #[arg(long, value_name = "on|off", value_parser = on_or_off)]
    auto_create: Option<bool>,
    /// Let landfall's own proxy or broker show a fault, to see that it is found, for instance `duplicate` or
    /// `drop-after-ack:every=5`
    #[arg(long, value_name = "FAULT[:every=N]", value_parser = read_weakness, conflicts_with = "target")]
    weak: Option<Fault>,
    /// Whether the proxy at --target reaches a schema registry; cases that ask for either are tried only where it is said
    #[arg(long, value_name = "on|off", value_parser = on_or_off, requires = "target")]
    registry: Option<bool>,
    /// How many cases are tried at once
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64), default_value_t = 8)]
    at_once: u16,
    /// How long one case may take
    #[arg(long, value_name = "TIME", value_parser = super::against::duration, default_value = "150s")]
    limit: Duration,
    /// Folder for the result (conformance.json, conformance.html, junit.xml)
    #[arg(long, value_name = "DIR", default_value = "reports/conform-rest")]
    out: PathBuf,
    /// Print nothing but errors
    #[arg(long)]
    quiet: bool,
}

impl Options {
    /// The scenario whose boxes are tried, if they are in containers.
    fn scenario(&self) -> Result<Option<Scenario>, ExitCode> {
        if self.stack.is_none() && self.provider.is_none() {
            return Ok(None);
        }
        let sets = changes(self.provider.as_deref(), &self.sets);
        right(match &self.stack {
            Some(file) => scenario::read(file, &sets),
            None => scenario::parse(SCENARIO, Path::new("rest-proxy.yaml"), &sets, &scenario::load_file),
        })
        .map(Some)
    }

    /// By which profile what is tried is judged.
    fn profile_of(&self, against: Option<&Against>) -> Option<String> {
        match (self.profile.as_deref(), against) {
            (Some("none"), _) => None,
            (Some(named), _) => Some(named.to_owned()),
            (None, Some(Against::Embedded(embedded))) => Some(own_profile(embedded.release)),
            (None, _) => Some("confluent".to_owned()),
        }
    }
}

fn on_or_off(text: &str) -> Result<bool, String> {
    match text {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err("write on or off".into()),
    }
}

pub(super) fn main(options: &Options) -> ExitCode {
    if options.list || options.dry_run {
        let text = if options.list { listed(&options.filter) } else { dry(&options.filter) };
        return match text {
            Ok(text) => printed(&text),
            Err(error) => {
                tell!("landfall: {error}");
                ExitCode::from(error.exit_code())
            }
        };
    }
    let strictness = Strictness { strict: options.strict, require_all: options.require_all };
    if let Some(file) = &options.recorded {
        return judge_recordings(
            &RecordedOptions {
                file: file.clone(),
                profile: options.profile_of(None),
                only: options.filter.clone(),
                strictness,
                excuses: options.expected_failures.clone(),
                folder: options.out.clone(),
            },
            options.quiet,
        );
    }
    let scenario = match options.scenario() {
        Ok(scenario) => scenario,
        Err(code) => return code,
    };
    let mut against = match options.proxy.against(TIME_SCALE) {
        Ok(against) => against,
        Err(code) => return code,
    };
    if let (Against::Embedded(embedded), Some(fault)) = (&mut against, &options.weak) {
        embedded.faults.push(Arc::new(Injector::new(fault.clone(), 1)));
    }
    let profile = match (&scenario, &options.profile) {
        (Some(scenario), None) => profile_of_adapter(scenario),
        _ => options.profile_of(Some(&against)),
    };
    let plan = Plan {
        profile,
        against,
        only: options.filter.clone(),
        strictness,
        excuses: options.expected_failures.clone(),
        fail_fast: options.fail_fast,
        limit: options.limit,
        at_once: usize::from(options.at_once),
        auto_create: options.auto_create,
        registry: options.registry,
        folder: options.out.clone(),
    };
    let outcome = playing(options.quiet, "cases tried", async |interrupt, each| {
        let result = match &scenario {
            // It is large, and there is one.
            Some(scenario) => Box::pin(rest_in_containers(scenario, &plan, interrupt, each)).await,
            None => Box::pin(rest(&plan, interrupt, each)).await,
        };
        let result = result.map_err(|error| (error.exit_code(), error.to_string()))?;
        deliver(&result, &plan.folder).map_err(|error| (error.exit_code(), error.to_string()))?;
        Ok(result)
    });
    delivered(outcome, options.quiet, &options.out)
}

/// Judges recordings as data, and tells which are not as is expected, and how many are.
fn judge_recordings(options: &RecordedOptions, quiet: bool) -> ExitCode {
    let (result, fitting) = match recorded(options) {
        Ok(judged) => judged,
        Err(error) => {
            tell!("landfall: {error}");
            return ExitCode::from(error.exit_code());
        }
    };
    if let Err(error) = deliver(&result, &options.folder) {
        tell!("landfall: {error}");
        return ExitCode::from(error.exit_code());
    }
    let profile = result.profile.clone();
    let code = delivered(Ok(result), quiet, &options.folder);
    if !quiet {
        for (id, reason) in &fitting.others {
            print(&format!("  {id}: {reason}\n"));
        }
    }
    print(&format!("{} of {} rows fit what is expected of {profile}\n", fitting.fit, fitting.of));
    code
}
