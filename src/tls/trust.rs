//! What is trusted at the other end of a TLS connection, and by which name it is known.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};

/// Why TLS cannot be spoken as wanted.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
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

/// A client that trusts the authorities of the PEM file `ca`, or those of the system. It offers `protocols` in this order
/// (ALPN, RFC 7301).
///
/// # Errors
/// [`TrustError`], as it says.
pub fn client_config(ca: Option<&Path>, protocols: &[&[u8]]) -> Result<ClientConfig, TrustError> {
    trusting(authorities(ca)?, protocols)
}

/// A client that trusts the authority whose certificate is `pem`, and nobody else.
///
/// # Errors
/// [`TrustError::Setup`] where that is no certificate.
pub fn client_trusting(pem: &str) -> Result<ClientConfig, TrustError> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()).flatten() {
        roots.add(certificate)?;
    }
    trusting(roots, &[])
}

fn trusting(roots: RootCertStore, protocols: &[&[u8]]) -> Result<ClientConfig, TrustError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    Ok(config)
}

/// The name that a server is asked for (SNI, RFC 6066, section 3), and that its certificate must have.
///
/// # Errors
/// [`TrustError::Name`] where no server can have it.
pub fn server_name(name: &str) -> Result<ServerName<'static>, TrustError> {
    ServerName::try_from(name.to_owned()).map_err(|_| TrustError::Name { name: name.into() })
}

fn authorities(ca: Option<&Path>) -> Result<RootCertStore, TrustError> {
    let mut roots = RootCertStore::empty();
    if let Some(path) = ca {
        let wrong = |reason: String| TrustError::Authorities { path: path.to_owned(), reason };
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
            return Err(TrustError::NoSystemAuthorities { reason });
        }
    }
    Ok(roots)
}
