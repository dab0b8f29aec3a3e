//! Why a command about tokens came to nothing.

use std::io;
use std::path::PathBuf;

use crate::app::conform::ConformError;
use crate::app::exit;
use crate::app::published_keys::KeysError;
use crate::jose::{KeyError, SigningError};
use crate::load::{self, TargetError};
use crate::scenario::ScenarioError;
use crate::stack::StackError;

/// Why a command about tokens came to nothing. No message holds a token or a secret.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// A file.
    #[error("cannot read the {what} from {path}: {source}; name a file that can be read")]
    Read {
        /// What it should hold.
        what: &'static str,
        /// Which.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Standard input.
    #[error("cannot read a token from standard input: {0}; name a file that holds one")]
    Stdin(#[source] io::Error),
    /// More than a token.
    #[error(
        "there is more than {0} bytes where a token should be; give one token, or one header `Authorization`"
    )]
    TooLong(u64),
    /// Nothing.
    #[error(
        "there is no token; give one on standard input, or in a file, alone or as a header `Authorization: Bearer …`"
    )]
    NoToken,
    /// Several lines.
    #[error("there are {0} lines where one token should be; give one token, or one header `Authorization`")]
    Lines(usize),
    /// Not a signed token.
    #[error(
        "it is no JSON web token that is signed, so there is nothing to {0}; look at it by `landfall token inspect`"
    )]
    NoJwt(&'static str),
    /// A file that is to be written.
    #[error("cannot write {path}: {source}; name a file that can be written")]
    Write {
        /// Which.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A key's file that is there already.
    #[error(
        "{0} is there already, and a key in it may be in use; name another file, or give this one by `--key`"
    )]
    Exists(PathBuf),
    /// A private key.
    #[error("cannot use the key in {path}: {source}")]
    Key {
        /// Its file.
        path: PathBuf,
        /// Why.
        #[source]
        source: KeyError,
    },
    /// A private key that cannot be made.
    #[error(transparent)]
    NoKey(#[from] KeyError),
    /// A key and an algorithm that do not go together.
    #[error(transparent)]
    Signing(#[from] SigningError),
    /// A key that has not signed the token.
    #[error("the key in {0} is not the one that signed the token; give the provider's own key, or none")]
    OtherKey(PathBuf),
    /// A profile.
    #[error(transparent)]
    Profile(ScenarioError),
    /// Public keys.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// None of the public keys.
    #[error(
        "the token is not signed by a key of {0}, so what is made of it means nothing; give the issuer's own key set"
    )]
    Unsigned(String),
    /// A place that nobody allowed.
    #[error(
        "{what} is at `{host}`, which is not on this machine, so no evil tokens are made of it; if you may attack it, say \
         `--allow-host {host}`"
    )]
    Forbidden {
        /// What is there.
        what: &'static str,
        /// Its host.
        host: String,
    },
    /// No topic.
    #[error(
        "the token permits to write to no topic by this profile; name one by `--topic`, or another profile"
    )]
    NoTopic,
    /// No audience.
    #[error("the token says not for which API it is; name that by `--audience`")]
    NoAudience,
    /// An issuer that is none.
    #[error(
        "`{issuer}` is no issuer: write http://host:port or https://host, and whatever path its tokens' `iss` has behind it{hint}"
    )]
    Issuer {
        /// As given.
        issuer: String,
        /// What may help, with a separator before it; mostly nothing.
        hint: &'static str,
    },
    /// The identity provider's metadata.
    #[error("{source}{hint}")]
    Metadata {
        /// What is wrong with them.
        #[source]
        source: StackError,
        /// What may help, with a separator before it; mostly nothing.
        hint: &'static str,
    },
    /// What a scenario says of its identity provider, or of a partner.
    #[error(transparent)]
    Stack(StackError),
    /// A partner that the scenario does not have.
    #[error("the scenario has no partner `{name}`; there are: {known}")]
    NoPartner {
        /// As given.
        name: String,
        /// Those that there are.
        known: String,
    },
    /// A scenario whose identity provider does not run by itself.
    #[error(
        "the scenario's identity provider is none that runs already (`stack.idp.kind: external`); of landfall's own one, \
         `landfall up` prints the commands that fetch tokens"
    )]
    NotExternal,
    /// The token endpoint's URL.
    #[error(transparent)]
    Endpoint(#[from] TargetError),
    /// The identity provider.
    #[error("{source}{hint}")]
    Fetch {
        /// What it said.
        #[source]
        source: load::TokenError,
        /// What may help, with a separator before it; mostly nothing.
        hint: String,
    },
    /// A secret that should be in the environment.
    #[error("the environment variable `{0}` is not set, or empty; put the client's secret there")]
    NoVariable(String),
    /// A secret that should be in a file.
    #[error("the first line of {0} is empty; the client's secret should stand there")]
    NoSecret(PathBuf),
    /// A key where a secret is wanted, or the other way round.
    #[error("`--auth {auth}` needs {needs}")]
    Proof {
        /// As given.
        auth: &'static str,
        /// The options that it needs.
        needs: &'static str,
    },
    /// What spoils tokens.
    #[error(transparent)]
    Spoiling(#[from] ConformError),
}

impl TokenError {
    /// The exit code.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Fetch { source: load::TokenError::Refused { .. }, .. } => exit::FAIL,
            Self::Fetch {
                source: load::TokenError::Unavailable { .. } | load::TokenError::Busy { .. },
                ..
            }
            | Self::Keys(KeysError { fetched: true, .. })
            | Self::Endpoint(TargetError::Resolve { .. })
            | Self::NoKey(_) => exit::STACK,
            Self::Stack(error) | Self::Metadata { source: error, .. } if !error.is_usage() => exit::STACK,
            Self::Spoiling(error) => error.exit_code(),
            _ => exit::USAGE,
        }
    }
}
