//! The identity provider.

use std::time::Duration;

use super::container::IdpContainer;
use super::gateway::ThrottleSpec;
use super::profile::TokenProfile;
use super::stack::TlsSettings;

/// Identity provider.
#[derive(Debug, Clone, PartialEq)]
pub enum IdpSpec {
    /// landfall's double.
    Embedded(Box<EmbeddedIdp>),
    /// One in a container.
    Container(Box<IdpContainer>),
    /// One that runs already.
    External(Box<ExternalIdp>),
    /// No tokens are fetched or sent.
    None,
}

/// landfall's own identity provider.
#[derive(Debug, Clone, PartialEq)]
pub struct EmbeddedIdp {
    /// TCP port on loopback; 0 lets the system choose.
    pub port: u16,
    /// Life of the access tokens that it issues.
    pub token_life: Duration,
    /// The API that its tokens are for, as `aud` names it.
    pub audience: String,
    /// What its tokens look like; the scenario's `algorithm` is in it already.
    pub profile: TokenProfile,
    /// The issuers besides the first, which partners get their tokens from.
    pub issuers: Vec<IssuerSpec>,
    /// How many token requests may come; `None`: any number.
    pub rate_limit: Option<ThrottleSpec>,
    /// How many seconds its clock is fast.
    pub clock_s: i64,
    /// TCP port on loopback by which it is told what to do; `None`: there is none.
    pub admin: Option<u16>,
}

/// One more issuer of the same provider, with keys of its own.
#[derive(Debug, Clone, PartialEq)]
pub struct IssuerSpec {
    /// Its name in the scenario.
    pub name: String,
    /// What its tokens look like; where it is, `issues.issuer_path` says.
    pub profile: TokenProfile,
}

/// An identity provider that runs already.
#[derive(Debug, Clone, PartialEq)]
pub struct ExternalIdp {
    /// Where its metadata is.
    pub place: MetadataPlace,
    /// What `aud` must be, or hold.
    pub audience: String,
    /// By which parameter of a token request the audience is asked for.
    pub audience_parameter: AudienceParameter,
    /// What its tokens look like.
    pub profile: TokenProfile,
    /// How TLS is spoken to it.
    pub tls: TlsSettings,
}

/// Where a provider's metadata is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MetadataPlace {
    /// Where an issuer has it (OpenID Connect Discovery 1.0, section 4; else RFC 8414, section 3). The metadata must name
    /// it to the letter.
    Issuer(String),
    /// At this URL; it says itself who the issuer is.
    Url(String),
}

/// How a token request says which API it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AudienceParameter {
    /// Not at all.
    None,
    /// By `audience`, as Auth0 has it.
    Audience,
    /// By `resource` (RFC 8707, section 2).
    Resource,
}
