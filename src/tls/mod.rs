//! TLS: who a server is, and who is trusted at the other end of a connection.

mod authority;
mod identity;
mod trust;

pub use authority::{Authority, Certified, Validity};
pub use identity::{HTTP2, Identity, IdentityError, self_signed};
pub use trust::{TrustError, client_config, client_trusting, server_name};
