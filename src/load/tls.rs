//! What is trusted at the other end of a TLS connection, and by which name it is known.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};

use crate::scenario::TlsSettings;

/// Why TLS cannot be spoken as wanted.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The file of authorities.
    #[error("cannot read certificates from {path}: {reason}; it must be a PEM file with one or more of them")]
    Authorities {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The system's authorities.
    #[error(
        "this system has no certificates of authorities: {reason}; name a file with `tls: {{ ca: FILE }}`"
    )]
    NoSystemAuthorities {
        /// Why.
        reason: String,
    },
    /// A name that TLS cannot ask for.
    #[error("`{name}` is no name that a TLS server can have; set `tls: {{ server_name: NAME }}`")]
    Name {
        /// As given.
        name: String,
    },
    /// The settings as a whole.
    #[error("cannot set TLS up: {0}")]
    Setup(#[from] rustls::Error),
}

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
    /// [`TlsError`], as it says.
    pub fn new(settings: &TlsSettings, host: &str, protocols: &[&[u8]]) -> Result<Self, TlsError> {
        let name = settings.server_name.as_deref().unwrap_or(host);
        let server =
            ServerName::try_from(name.to_owned()).map_err(|_| TlsError::Name { name: name.into() })?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(authorities(settings)?)
            .with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        Ok(Self { config: Arc::new(config), name: server })
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

fn authorities(settings: &TlsSettings) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    if let Some(path) = &settings.ca {
        let wrong = |reason: String| TlsError::Authorities { path: path.clone(), reason };
        for certificate in CertificateDer::pem_file_iter(path).map_err(|error| wrong(error.to_string()))? {
            let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
            roots.add(certificate).map_err(|error| wrong(error.to_string()))?;
        }
        if roots.is_empty() {
            return Err(wrong("it holds none".into()));
        }
    } else {
        let found = rustls_native_certs::load_native_certs();
        roots.add_parsable_certificates(found.certs);
        if roots.is_empty() {
            let reason = found.errors.first().map_or_else(|| "none was found".into(), ToString::to_string);
            return Err(TlsError::NoSystemAuthorities { reason });
        }
    }
    Ok(roots)
}
