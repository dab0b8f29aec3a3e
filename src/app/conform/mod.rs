//! `landfall conform auth`: what an authorizer takes and refuses, tried case by case.

mod files;
mod landing;
mod material;
mod reading;
mod send;
mod shown;
mod sink;
mod suite;
mod tokens;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use tokio::sync::watch;

pub(super) use self::files::clear;
pub use self::files::deliver;
use self::landing::Landing;
pub(super) use self::material::{foreign_keys, spare_key};
pub use self::reading::{ReadError, read};
use self::sink::Sink;
pub(super) use self::suite::Outcomes;
use self::suite::{Selection, Suite};
use super::exit;
use super::published_keys::KeysError;
use super::run::{Interrupt, random_run_id};
use crate::conform::auth::outline;
use crate::conform::{Conclusion, Strictness, conclude};
use crate::doubles::gateway::DEFAULT_AUTHORIZER_TIMEOUT;
use crate::doubles::http::BindError;
use crate::jose::KeyError;
use crate::load::{Target, TargetError, TokenError};
use crate::record::RunId;
use crate::result::{CONFORMANCE_SCHEMA, CaseReport, Conformance, Totals, Verdict};
use crate::scenario::{ApiSpec, AuthorizerSpec, Flaw, GatewaySpec, Protocol, Scenario};
use crate::stack::{COLD_START, Logs, Stack, StackError};
use crate::tls::IdentityError;
use crate::verify::VerifyError;

/// The scenario of the suite where none is named.
pub const SCENARIO: &str = include_str!("../../../scenarios/authentication.yaml");

/// How long an answer is waited for, where nothing else is said: longer than an authorizer waits for keys.
pub const LIMIT: Duration = Duration::from_secs(12);

/// How much longer than its authorizer a gateway may take.
const MARGIN: Duration = Duration::from_secs(2);

/// How the suite is run.
#[derive(Debug, Clone)]
pub struct Options {
    /// Parts of the ids of cases to be tried; empty: all cases.
    pub only: Vec<String>,
    /// How strictly cases are taken.
    pub strictness: Strictness,
    /// The mistake that the embedded authorizer is to make.
    pub flaw: Option<Flaw>,
    /// A file with the identity provider's private key, PEM, where the provider is not landfall's own.
    pub signing_key: Option<PathBuf>,
    /// How long an answer is waited for.
    pub limit: Duration,
    /// Where boxes may write their logs.
    pub folder: PathBuf,
}

/// Why the suite could not be run.
#[derive(Debug, thiserror::Error)]
pub enum ConformError {
    /// A box did not come up.
    #[error(transparent)]
    Stack(#[from] StackError),
    /// An endpoint cannot be used.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// A partner got no token.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// Kafka cannot be read.
    #[error(transparent)]
    Kafka(#[from] VerifyError),
    /// A key could not be made.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A certificate could not be made.
    #[error(transparent)]
    Certificate(#[from] IdentityError),
    /// There is no port for the sink.
    #[error(transparent)]
    Sink(#[from] BindError),
    /// The path has no identity provider, or no gateway.
    #[error(
        "the scenario has no identity provider, so there is no authorizer to try; give it one, with a gateway behind it"
    )]
    NoProvider,
    /// Nobody may write.
    #[error(
        "the scenario has no workload of a partner that must be accepted; the first such one's token is what cases are made of"
    )]
    NoWriter,
    /// A token that cannot be taken apart.
    #[error(
        "the partner's access token is no JSON web token that is signed, so nothing can be made of it; the suite is for those alone"
    )]
    NoJwt,
    /// The provider's keys.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// Other keys than the provider's.
    #[error(
        "the partner's token is not signed by a key at {0}; check that the identity provider's metadata name the right place"
    )]
    Unsigned(String),
    /// A private key that cannot be used.
    #[error(
        "cannot sign with the key in {path}: {reason}; name the private key of the provider's key set as PEM, or leave it out"
    )]
    SigningKey {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A good token is refused.
    #[error(
        "a good token is not accepted, so no refusal means anything: {reason}; check issuer, audience, keys and scope of the authorizer"
    )]
    Refused {
        /// What came instead.
        reason: String,
    },
    /// There is no embedded authorizer to make a mistake.
    #[error("`--weak` is for landfall's own authorizer, which this scenario does not have; leave it out")]
    NoBuiltin,
    /// A folder.
    #[error("cannot use the folder {path}: {source}; name another with `--out`")]
    Folder {
        /// Which.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A signal came.
    #[error("stopped by {}; there is no result", .0.name())]
    Interrupted(Interrupt),
}

impl ConformError {
    /// The exit code by DESIGN's precedence.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Interrupted(interrupt) => exit::of_interrupt(*interrupt),
            Self::Stack(error) if error.is_usage() => exit::USAGE,
            Self::NoProvider
            | Self::NoWriter
            | Self::NoJwt
            | Self::NoBuiltin
            | Self::SigningKey { .. }
            | Self::Folder { .. } => exit::USAGE,
            _ => exit::STACK,
        }
    }
}

/// A path that is up, and the scenario that says it.
struct Path<'s> {
    stack: &'s Stack,
    scenario: &'s Scenario,
}

/// Tries the authorizer of the scenario's path. `each` is told how many groups of cases of how many are done.
///
/// # Errors
/// [`ConformError`], where there is no result.
pub async fn auth(
    scenario: &Scenario,
    options: &Options,
    interrupt: watch::Receiver<Option<Interrupt>>,
    each: impl FnMut(usize, usize),
) -> Result<Conformance, ConformError> {
    let (started, origin) = (jiff::Timestamp::now(), Instant::now());
    let run = random_run_id();
    files::clear(&options.folder)?;
    let stack = Stack::start(scenario, Logs { folder: &options.folder, trace: None }).await?;
    if options.flaw.is_some() {
        stack.authorizer().ok_or(ConformError::NoBuiltin)?.set_flaw(options.flaw);
    }
    let path = Path { stack: &stack, scenario };
    let mut suite = prepare(&path, &run, options.signing_key.as_deref(), options.limit).await?;
    suite.control().await?;
    let selection = Selection { only: options.only.clone(), quick_but: None };
    let Outcomes { cases, requests, unread, spoilt } = suite.run(&selection, &interrupt, each).await?;
    let conclusion = conclude(&cases, options.strictness, unread.as_deref(), spoilt.as_deref());
    let Conclusion { verdict, reasons, totals, missing } = conclusion;
    let target = stack.produce_url().to_owned();
    let lost = stack.note_ends().await;
    let mut result = Conformance {
        schema: CONFORMANCE_SCHEMA,
        suite: "auth".to_owned(),
        verdict,
        reasons,
        banner: format!(
            "landfall sent tokens to {target} that are wrong on purpose, in run {run}: refusals of that time are its doing."
        ),
        landfall: env!("CARGO_PKG_VERSION").to_owned(),
        run: run.to_string(),
        started: started.to_string(),
        elapsed_us: u64::try_from(origin.elapsed().as_micros()).unwrap_or(u64::MAX),
        target,
        scenario: scenario.name.clone(),
        profile: stack.provider().map(|provider| provider.profile.name.clone()).unwrap_or_default(),
        flaw: options.flaw.map(|flaw| format!("{} ({})", flaw.name(), flaw.sentence())),
        strict: options.strictness.strict,
        require_all: options.strictness.require_all,
        totals: Totals { requests, ..totals },
        missing,
        notes: Vec::new(),
        boxes: stack.boxes().to_vec(),
        cases,
    };
    result.note_boxes(stack.notes(), lost);
    stack.add_endings(&mut result.boxes, result.verdict != Verdict::Pass).await;
    Ok(result)
}

/// Tries the scenario's embedded authorizer with each of `flaws`, one after another on the same path; of the cases that
/// take seconds only those that show the flaw. `each` is told what came of it, and how long it took.
///
/// # Errors
/// [`ConformError`], where the path does not come up, or a signal came.
pub(super) async fn each_flaw(
    scenario: &Scenario,
    logs: &std::path::Path,
    flaws: &[Option<Flaw>],
    interrupt: &watch::Receiver<Option<Interrupt>>,
    mut each: impl FnMut(Option<Flaw>, Outcomes, Duration),
) -> Result<(), ConformError> {
    let stack = Stack::start(scenario, Logs { folder: logs, trace: None }).await?;
    let authorizer = stack.authorizer().ok_or(ConformError::NoBuiltin)?;
    let path = Path { stack: &stack, scenario };
    let run = random_run_id();
    let mut suite = prepare(&path, &run, None, LIMIT).await?;
    suite.control().await?;
    for (number, flaw) in flaws.iter().enumerate() {
        let begun = Instant::now();
        authorizer.set_flaw(*flaw);
        stack.flush_authorizers();
        // Nothing of one round is taken for something of another.
        suite.material.run = format!("{run}-{number}");
        let selection = Selection { only: Vec::new(), quick_but: *flaw };
        each(*flaw, suite.run(&selection, interrupt, |_, _| {}).await?, begun.elapsed());
    }
    Ok(())
}

/// The cases that there are, as far as their ids contain one of these parts.
///
/// # Errors
/// [`ConformError::Key`].
pub fn listed(only: &[String]) -> Result<Vec<CaseReport>, ConformError> {
    let selection = Selection { only: only.to_vec(), quick_but: None };
    let cases = outline()?.into_iter().filter(|case| selection.has(case));
    Ok(cases.map(|case| suite::untried(&case)).collect())
}

/// How long an answer may take since the function that decides may take as long, and the gateway waits for it.
fn patience(scenario: &Scenario) -> Duration {
    let GatewaySpec::Embedded { api: ApiSpec::Definition(definition), .. } = &scenario.stack.gateway else {
        return Duration::ZERO;
    };
    let timeouts = definition.authorizers.values().map(|authorizer| match authorizer {
        AuthorizerSpec::Lambda(function) => function.timeout,
        AuthorizerSpec::Container(function) => function.timeout + COLD_START,
        AuthorizerSpec::Builtin | AuthorizerSpec::Rie { .. } | AuthorizerSpec::Policy { .. } => {
            Duration::ZERO
        }
    });
    timeouts.max().unwrap_or_default().min(DEFAULT_AUTHORIZER_TIMEOUT) + MARGIN
}

/// Gathers what the cases are made of, and begins to read the topics.
async fn prepare<'p>(
    path: &'p Path<'p>,
    run: &RunId,
    key: Option<&std::path::Path>,
    limit: Duration,
) -> Result<Suite<'p>, ConformError> {
    let Path { stack, scenario } = path;
    let target =
        Target::resolve(stack.produce_url(), &scenario.allow_hosts, stack.produce_tls(), Protocol::Http1)
            .await?;
    let (mut material, tokens) = material::gather(path, key, run.as_str()).await?;
    material.base_path.clone_from(&target.base_path);
    let on_this_machine = target.addresses.iter().all(|address| address.ip().to_canonical().is_loopback());
    let sink = if on_this_machine {
        let public = material.attacker.rsa.public();
        let jwk = public.to_jwk(&public.thumbprint(), crate::jose::Algorithm::Rs256);
        let sink = Sink::start(vec![serde_json::Value::Object(jwk)]).await?;
        material.sink = Some(sink.url());
        Some(sink)
    } else {
        None
    };
    let topics = scenario.topics.iter().map(|topic| topic.name.clone()).collect();
    let landing = Landing::start(stack.kafka().clone(), run.clone(), topics).await?;
    let limit = limit.max(patience(scenario));
    stack.watch_callers();
    Ok(Suite { path, target, material, tokens, sink, landing, limit })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_in_a_container_is_given_the_time_that_its_start_takes() {
        let patience = |authorizer: &str| {
            let text = format!(
                "version: 1\nname: x\ntopics: [{{ name: t }}]\npartners: [{{ name: p, secret: generated }}]\n\
                 workload: [{{ partner: p, topic: t, format: v2-json, payload: {{ file: r }}, arrivals: {{ constant: 1/s }}, for: 1s }}]\n\
                 stack: {{ gateway: {{ api: a.yaml, integrations: {{ 'http://b': balancer }}, authorizers: {{ jwt: {authorizer} }} }} }}\n"
            );
            let nothing = |_: &std::path::Path| unreachable!("it extends nothing");
            patience(&crate::scenario::parse(&text, "x".as_ref(), &[], &nothing).unwrap())
        };
        let container = "{ run: container, image: a, handler: h, timeout: 3s }";
        assert_eq!(patience(container), DEFAULT_AUTHORIZER_TIMEOUT + MARGIN);
        assert_eq!(patience("{ run: builtin }"), MARGIN);
    }
}
