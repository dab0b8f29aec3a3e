//! Partners.

use super::SecretSource;

/// A client identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partner {
    /// Name within the scenario.
    pub name: String,
    /// OAuth client id.
    pub client_id: String,
    /// OAuth client secret.
    pub secret: SecretSource,
    /// Scopes asked for and granted, separated by spaces.
    pub scope: String,
    /// What every request of this partner must meet with.
    pub expect: Expect,
}

/// What must happen to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// It must be accepted.
    Accept,
    /// It must be refused.
    Refuse,
}
