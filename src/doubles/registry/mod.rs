//! The schema registry double: subjects with versions of schemas, as Confluent's Schema Registry keeps them.
//!
//! The proxy asks the store within the process, or another registry by HTTP; others reach it by HTTP.

mod api;
mod schema;
mod source;
mod store;

use std::net::{IpAddr, SocketAddr};

use hyper::StatusCode;

use super::http::{BindError, BodyError, Server, bind, read_body};
pub use schema::{Format, InvalidSchema, Schema};
pub use source::{SchemaSource, Unanswered};
pub use store::{Compatibility, Refusal, Registered, Schemas, Store, Words};

pub(super) use schema::Misfit;

/// Longest request body, in bytes.
const BODY_LIMIT: usize = 16 * 1024 * 1024;

/// Why a registry could not be started.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The port.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The system, after binding.
    #[error("cannot serve the schema registry: {0}")]
    Serve(#[from] std::io::Error),
}

/// A running registry. Dropped, it stops accepting; who holds its [`Schemas`] keeps them.
#[derive(Debug)]
pub struct Registry {
    schemas: Schemas,
    server: Server,
}

impl Registry {
    /// Starts an empty one on a port of `address`; 0 lets the system choose.
    ///
    /// # Errors
    /// [`RegistryError`], as it says.
    pub async fn start(address: IpAddr, port: u16) -> Result<Self, RegistryError> {
        let listener = bind("schema registry", SocketAddr::new(address, port)).await?;
        let schemas = Schemas::default();
        let shared = schemas.clone();
        let server = Server::start(listener, move |request, _| {
            let schemas = shared.clone();
            async move {
                let (head, body) = request.into_parts();
                match read_body(body, BODY_LIMIT).await {
                    Ok(body) => api::answer(&schemas, &head.method, head.uri.path(), &body),
                    Err(failed) => {
                        let mut response = hyper::Response::default();
                        *response.status_mut() = match failed {
                            BodyError::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
                            BodyError::Broken => StatusCode::BAD_REQUEST,
                        };
                        response
                    }
                }
            }
        })?;
        Ok(Self { schemas, server })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// What it remembers.
    #[must_use]
    pub fn schemas(&self) -> Schemas {
        self.schemas.clone()
    }
}
