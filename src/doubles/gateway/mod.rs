//! API gateway: an Amazon API Gateway REST API, in one stage, in front of the REST proxy. What it serves stands in a
//! definition, as API Gateway exports it; where none is named, in the one that ships with landfall.
//!
//! | file | what it holds |
//! |---|---|
//! | `serve` | what becomes of a request, step by step |
//! | `call` | a request in hand, and what mappings and templates find in it |
//! | `authorize`, `emulators`, `event`, `cache`, `policy` | asking authorizers, and what their results say |
//! | `payload`, `headers`, `compression` | how bodies and headers pass |
//! | `integration`, `backend`, `connection`, `exchange` | what back ends get, and what becomes of their answers |
//! | `response` | what the gateway answers by itself |
//! | `api_key`, `throttle` | who may send how much |
//! | `access_log`, `trace` | a line for each request, and how long requests were at each hop |
//! | `witness` | what was told of callers, where somebody wants to know |
//! | `definition` | definitions from files, and the one that ships |

mod access_log;
mod api_key;
mod authorize;
mod backend;
mod cache;
mod call;
mod compression;
mod connection;
mod definition;
mod emulators;
mod event;
mod exchange;
mod headers;
mod integration;
mod payload;
pub mod policy;
mod response;
mod serve;
mod throttle;
mod trace;
mod witness;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use self::access_log::AccessLog;
pub use self::access_log::{AccessLogConfig, AccessLogError, DEFAULT_FORMAT};
pub use self::api_key::ApiKey;
use self::api_key::ApiKeys;
use self::authorize::Authorizers;
pub use self::authorize::{AuthorizerCode, FixedAnswer};
pub use self::backend::Backend;
use self::backend::Backends;
pub use self::definition::{
    ApiFileError, PRODUCE_AUTHORIZER, ProduceOptions, document, produce_api, produce_stage, read_api,
};
pub use self::emulators::Emulators;
use self::headers::Front;
use self::serve::Service;
pub use self::throttle::RateLimit;
pub(in crate::doubles) use self::throttle::TokenBucket;
use self::trace::Tracer;
pub use self::trace::{TraceConfig, TraceError};
pub use self::witness::Told;
use self::witness::Witness;
use super::fault::{Injector, of_kinds};
use super::http::{BindError, Server, Terms, authority, bind};
use crate::api::{NotServable, Plan, Surroundings};
use crate::result::HopTimes;
use crate::scenario::FaultKind;
use crate::tls::Identity;

/// How long a client's connection may idle (API Gateway quotas, "Client idle connection").
const IDLE: Duration = Duration::from_secs(310);

/// How a [`Gateway`] is set up.
#[derive(Debug)]
pub struct GatewayConfig {
    /// Address to listen on.
    pub bind: IpAddr,
    /// The host in its URL; `None`: the address that is listened on.
    pub host: Option<String>,
    /// TCP port; 0 lets the system choose.
    pub port: u16,
    /// Who it is to clients, which must speak TLS then, and may speak HTTP/2; `None`: they may do neither.
    pub identity: Option<Identity>,
    /// What is served.
    pub plan: Plan,
    /// What stands in for the back ends that the plan's integrations name, by their origin.
    pub backends: BTreeMap<String, Backend>,
    /// Where the code of the plan's authorizers runs, by security scheme.
    pub authorizers: BTreeMap<String, AuthorizerCode>,
    /// How long an authorizer may take. [`DEFAULT_AUTHORIZER_TIMEOUT`] where nothing speaks against it.
    pub authorizer_timeout: Duration,
    /// The API's keys.
    pub api_keys: Vec<ApiKey>,
    /// How many requests may pass in the stage; `None`: all.
    pub throttle: Option<RateLimit>,
    /// And in the account that the stage belongs to, whose other requests are not there; `None`: all.
    pub account_throttle: Option<RateLimit>,
    /// Where requests are logged; `None`: nowhere.
    pub access_log: Option<AccessLogConfig>,
    /// Where requests are traced; `None`: nowhere.
    pub trace: Option<TraceConfig>,
    /// Faults to show; those of other boxes are ignored.
    pub injectors: Vec<Arc<Injector>>,
}

impl GatewayConfig {
    /// The same with the definition that ships, in front of one back end, which is called `host`, with its port.
    ///
    /// # Errors
    /// [`GatewayError`], were the definition damaged.
    pub fn produce(
        bind: IpAddr,
        options: &ProduceOptions,
        host: String,
        backend: Backend,
        authorizer: AuthorizerCode,
    ) -> Result<Self, GatewayError> {
        let origin = format!("http://{host}");
        let around = Surroundings {
            stage: produce_stage(host),
            origins: [origin.clone()].into(),
            authorizers: [PRODUCE_AUTHORIZER.to_owned()].into(),
            used: Vec::new(),
        };
        let plan = Plan::new(&produce_api(options)?, around)?;
        let authorizers = [(PRODUCE_AUTHORIZER.to_owned(), authorizer)].into();
        Ok(Self::new(bind, plan, [(origin, backend)].into(), authorizers))
    }

    /// A gateway on `bind`, at any free port, that serves `plan`, has no keys and no limits, and logs nothing.
    #[must_use]
    pub fn new(
        bind: IpAddr,
        plan: Plan,
        backends: BTreeMap<String, Backend>,
        authorizers: BTreeMap<String, AuthorizerCode>,
    ) -> Self {
        Self {
            bind,
            host: None,
            port: 0,
            identity: None,
            plan,
            backends,
            authorizers,
            authorizer_timeout: DEFAULT_AUTHORIZER_TIMEOUT,
            api_keys: Vec::new(),
            throttle: None,
            account_throttle: None,
            access_log: None,
            trace: None,
            injectors: Vec::new(),
        }
    }
}

/// How long a REST API waits for its authorizer is not documented; this is a guess.
pub const DEFAULT_AUTHORIZER_TIMEOUT: Duration = Duration::from_secs(30);

/// Why a [`Gateway`] could not be started.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// The port is not to be had.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The listener failed.
    #[error("cannot serve the gateway: {0}; start it again")]
    Serve(#[source] std::io::Error),
    /// An authorizer's URL is none.
    #[error("the authorizer's URL {0:?} is not an http URL; give its invoke URL")]
    AuthorizerUrl(String),
    /// The definition that ships cannot be read.
    #[error(transparent)]
    ApiFile(#[from] ApiFileError),
    /// The definition that ships cannot be served.
    #[error(transparent)]
    Api(#[from] NotServable),
    /// There is no trace.
    #[error(transparent)]
    Trace(#[from] TraceError),
    /// There is no access log.
    #[error(transparent)]
    AccessLog(#[from] AccessLogError),
}

/// A running gateway; it stops when this is dropped.
#[derive(Debug)]
pub struct Gateway {
    server: Server,
    base_url: String,
    leaking: Arc<AtomicU64>,
    tracer: Arc<Tracer>,
    witness: Arc<Witness>,
    authorizers: Arc<Authorizers>,
}

impl Gateway {
    /// Starts to serve. Neither authorizers nor back ends need be up yet.
    ///
    /// # Errors
    /// [`GatewayError`], as it says.
    pub async fn start(config: GatewayConfig) -> Result<Self, GatewayError> {
        let listener = bind("gateway", SocketAddr::new(config.bind, config.port)).await?;
        let address = listener.local_addr().map_err(GatewayError::Serve)?;
        let scheme = if config.identity.is_some() { "https" } else { "http" };
        let plan = Arc::new(config.plan);
        let ttl = |scheme: &str| plan.authorizers.get(scheme).map_or(Duration::ZERO, |planned| planned.ttl);
        let authorizers = Authorizers::new(config.authorizer_timeout, config.authorizers, ttl);
        let authorizers = Arc::new(authorizers.map_err(GatewayError::AuthorizerUrl)?);
        let leaking = Arc::new(AtomicU64::new(0));
        let tracer = Arc::new(Tracer::new(config.trace.as_ref())?);
        let witness = Arc::<Witness>::default();
        let service = Arc::new(Service {
            front: Front { port: address.port(), scheme },
            plan: plan.clone(),
            authorizers: authorizers.clone(),
            backends: Backends::new(config.backends),
            api_keys: ApiKeys::new(config.api_keys),
            throttle: config.throttle.map(TokenBucket::new),
            account_throttle: config.account_throttle.map(TokenBucket::new),
            access_log: config.access_log.as_ref().map(AccessLog::open).transpose()?,
            tracer: tracer.clone(),
            witness: witness.clone(),
            flushes: of_kinds(&config.injectors, &[FaultKind::FlushAuthorizers]),
            of_denied: of_kinds(&config.injectors, &[FaultKind::AdmitDenied, FaultKind::ForwardDenied]),
            of_allowed: of_kinds(
                &config.injectors,
                &[FaultKind::DropHeader, FaultKind::TruncateBody, FaultKind::LateSuccess],
            ),
            leaking: leaking.clone(),
        });
        let terms = Terms { idle: IDLE, identity: config.identity };
        let server = Server::start_with(listener, terms, move |request, client| {
            service.clone().answer(request, client.address)
        })
        .map_err(GatewayError::Serve)?;
        let authority = authority(config.host.as_deref(), address);
        let base_url = format!("{scheme}://{authority}{}", plan.stage.base_path);
        Ok(Self { server, base_url, leaking, tracer, witness, authorizers })
    }

    /// URL under which the API's paths stand, without a trailing slash: `http://address:port/stage`, as a rule.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// Empties the caches of all authorizers, as API Gateway's `FlushStageAuthorizersCache` does: the next request with any
    /// credentials asks its authorizer again.
    pub fn flush_authorizers(&self) {
        self.authorizers.flush();
    }

    /// How long requests have been at each hop so far, in the order in which they pass.
    #[must_use]
    pub fn hops(&self) -> Vec<HopTimes> {
        self.tracer.hops()
    }

    /// From now on it remembers of the last requests what was told of their callers: by the authorizer to the gateway, and in
    /// headers to the back end.
    pub fn watch_callers(&self) {
        self.witness.watch();
    }

    /// What was told of the caller of the request with this id (`x-amzn-RequestId`); `None` where that is not remembered.
    #[must_use]
    pub fn told_of_caller(&self, request_id: &str) -> Option<Told> {
        self.witness.told(request_id)
    }

    /// Requests being worked on, and those forwarded behind their refusal by a fault.
    #[must_use]
    pub fn in_flight(&self) -> u64 {
        // In this order: a forward is counted before its request ends.
        let serving = self.server.in_flight();
        serving + self.leaking.load(Ordering::Acquire)
    }
}
