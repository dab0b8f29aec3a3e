//! TLS: who a server is, and who is trusted at the other end of a connection.

mod identity;
mod trust;

pub use identity::{HTTP2, Identity, IdentityError, self_signed};
pub use trust::{TrustError, client_config, server_name};
