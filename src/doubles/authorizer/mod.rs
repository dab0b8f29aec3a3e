//! Lambda authorizer for a REST API: verifies a partner's access token and says, as an IAM policy, which
//! topics it may write. It answers the Lambda Invoke API (AWS Lambda API reference, "Invoke").

mod claims;
mod examine;
mod flaw;
mod function;
mod header;
mod json;
mod keys;
mod policy;
mod rules;
mod signature;
mod words;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

pub use self::examine::{Examination, KeySet, Presented, Refusal, Signature, Terms, examine};
use self::function::Function;
use self::rules::Rules;
use super::http::{BindError, Server, Source, SourceError, bind};
use crate::scenario::{Accepts, Flaw, KeyTimes, TlsSettings};

/// The function's name; the runtime interface emulator knows the literal word `function` instead.
const FUNCTION_NAMES: [&str; 2] = ["landfall-authorizer", "function"];

/// How an [`Authorizer`] is set up.
#[derive(Debug, Clone)]
pub struct AuthorizerConfig {
    /// Loopback address to listen on.
    pub bind: IpAddr,
    /// TCP port; 0 lets the system choose.
    pub port: u16,
    /// `iss` that tokens must have, to the letter.
    pub issuer: String,
    /// `aud` that tokens must have, alone or among others.
    pub audience: String,
    /// URL of the issuer's keys.
    pub jwks_uri: String,
    /// How TLS is spoken there, where it is an https URL.
    pub jwks_tls: TlsSettings,
    /// What stands before `/topics/…` and `/v3/…` in the API's paths, for instance `/kafka`; mostly nothing.
    pub prefix: String,
    /// What tokens must be like besides.
    pub accepts: Accepts,
    /// How long keys are kept.
    pub keys: KeyTimes,
    /// The mistake that it makes; `None`: none.
    pub flaw: Option<Flaw>,
}

/// Why an [`Authorizer`] could not be started.
#[derive(Debug, thiserror::Error)]
pub enum AuthorizerError {
    /// The port is not to be had.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The listener failed.
    #[error("cannot serve the authorizer: {0}; start it again")]
    Serve(#[source] std::io::Error),
    /// The keys cannot be fetched from where they are said to be.
    #[error("cannot fetch keys by the identity provider's jwks_uri: {0}")]
    JwksUri(#[from] SourceError),
}

/// A running authorizer; it stops when this is dropped.
#[derive(Debug)]
pub struct Authorizer {
    server: Server,
    function: Arc<Function>,
}

impl Authorizer {
    /// Starts to serve. Keys are fetched with the first token.
    ///
    /// # Errors
    /// [`AuthorizerError`], as it says.
    pub async fn start(config: AuthorizerConfig) -> Result<Self, AuthorizerError> {
        let AuthorizerConfig {
            bind: address,
            port,
            issuer,
            audience,
            jwks_uri,
            jwks_tls,
            prefix,
            accepts,
            keys,
            flaw,
        } = config;
        let set = Source::new(&jwks_uri, &jwks_tls)?;
        let listener = bind("authorizer", SocketAddr::new(address, port)).await?;
        let rules = Rules { issuer, audience, accepts, flaw };
        let function = Arc::new(Function::new(rules, &prefix, set, keys));
        let serving = function.clone();
        let server = Server::start(listener, move |request, _| {
            let function = serving.clone();
            async move { function.invoked(request).await }
        })
        .map_err(AuthorizerError::Serve)?;
        Ok(Self { server, function })
    }

    /// URL to which events are posted.
    #[must_use]
    pub fn invoke_url(&self) -> String {
        let [name, _] = FUNCTION_NAMES;
        format!("http://{}/2015-03-31/functions/{name}/invocations", self.server.address())
    }

    /// From now on it makes this mistake, or none. It forgets its keys, and whatever else it remembers.
    pub fn set_flaw(&self, flaw: Option<Flaw>) {
        self.function.set_flaw(flaw);
    }

    /// It forgets its keys, and whatever else it remembers, as if it had just been started.
    pub fn forget(&self) {
        self.function.forget();
    }

    /// Invocations being worked on.
    #[must_use]
    pub fn in_flight(&self) -> u64 {
        self.server.in_flight()
    }
}
