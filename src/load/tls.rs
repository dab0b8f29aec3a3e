//! TLS connections to one endpoint.

use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::scenario::TlsSettings;
use crate::tls::{HTTP2, TrustError, client_config, server_name};

/// Makes TLS connections to one endpoint.
#[derive(Debug, Clone)]
pub struct Tls {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
}

impl Tls {
    /// Reads what is trusted. `host` is the URL's; `protocols` are offered in this order (ALPN, RFC 7301).
    ///
    /// # Errors
    /// [`TrustError`], as it says.
    pub fn new(settings: &TlsSettings, host: &str, protocols: &[&[u8]]) -> Result<Self, TrustError> {
        let name = server_name(settings.server_name.as_deref().unwrap_or(host))?;
        let config = client_config(settings.ca.as_deref(), protocols)?;
        Ok(Self { config: Arc::new(config), name })
    }

    /// Speaks TLS over `stream`.
    ///
    /// # Errors
    /// What the other end or its certificate has against it.
    pub async fn connect(&self, stream: TcpStream) -> std::io::Result<TlsStream<TcpStream>> {
        TlsConnector::from(self.config.clone()).connect(self.name.clone(), stream).await
    }

    /// Agrees on TLS over `stream`, and no more; tells whether HTTP/2 has been agreed on.
    ///
    /// # Errors
    /// What the other end or its certificate has against it.
    pub(super) async fn shake_hands(&self, stream: TcpStream) -> std::io::Result<bool> {
        let stream = self.connect(stream).await?;
        Ok(stream.get_ref().1.alpn_protocol() == Some(HTTP2))
    }

    /// Whether nothing but HTTP/2 will do.
    pub(super) fn wants_http2(&self) -> bool {
        self.config.alpn_protocols == [HTTP2]
    }

    /// A connection that has not begun.
    pub(super) fn begin(&self) -> Result<ClientConnection, rustls::Error> {
        let mut connection = ClientConnection::new(self.config.clone(), self.name.clone())?;
        // Requests are written whole, however long they are.
        connection.set_buffer_limit(None);
        Ok(connection)
    }
}

impl PartialEq for Tls {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.config, &other.config) && self.name == other.name
    }
}

impl Eq for Tls {}
