//! Who a server is to clients that speak TLS: a certificate of their own for a while, or the one that people have.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use rcgen::{CertificateParams, DnType, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use super::authority::{Authority, Validity};
use crate::secret::Secret;

/// What is agreed on by ALPN (RFC 7301), the better first.
const PROTOCOLS: [&[u8]; 2] = [HTTP2, b"http/1.1"];
/// HTTP/2, as ALPN calls it (RFC 9113, section 3.2).
pub const HTTP2: &[u8] = b"h2";

/// The names of this machine's loopback.
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// Why there is no identity.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// A file.
    #[error("cannot read the {what} from {path}: {reason}; it must be a PEM file")]
    File {
        /// `certificates` or `private key`.
        what: &'static str,
        /// Which.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// Certificate and key do not fit, or are of a kind that nobody speaks.
    #[error(
        "cannot serve TLS with the certificate {path} and its key: {source}; give a pair that belongs together"
    )]
    Pair {
        /// The certificate's file.
        path: PathBuf,
        /// Why.
        #[source]
        source: rustls::Error,
    },
    /// A certificate could not be made.
    #[error("cannot make a certificate: {0}; name one with `tls: {{ certificate: FILE, key: FILE }}`")]
    Making(String),
}

/// A certificate that `key`, a private key as PEM, has given itself, as DER: nobody has a reason to trust it.
///
/// # Errors
/// [`IdentityError::Making`] where the key is none that certificates have.
pub fn self_signed(key: &Secret, name: &str, now: SystemTime) -> Result<Vec<u8>, IdentityError> {
    let making = |error: rcgen::Error| IdentityError::Making(error.to_string());
    let key = KeyPair::from_pem(key.expose()).map_err(making)?;
    let mut leaf = CertificateParams::new(vec![name.to_owned()]).map_err(making)?;
    leaf.distinguished_name.push(DnType::CommonName, name);
    let Validity { from, until } = Validity::around(now);
    (leaf.not_before, leaf.not_after) = (from.into(), until.into());
    Ok(leaf.self_signed(&key).map_err(making)?.der().to_vec())
}

/// A certificate with its key, and what is offered with them: TLS 1.2 and 1.3, HTTP/2 and HTTP/1.1. The key is never
/// shown.
#[derive(Clone)]
pub struct Identity {
    acceptor: TlsAcceptor,
    authority: Option<Arc<str>>,
}

impl Identity {
    /// A certificate for `localhost`, the loopback addresses and `host`, good from `now` on, by an authority of its own. Both are
    /// made anew, and nobody else can ever sign with them: their keys are in no file.
    ///
    /// # Errors
    /// [`IdentityError::Making`] where the system has no randomness.
    pub fn generated(now: SystemTime, host: Option<&str>) -> Result<Self, IdentityError> {
        let authority = Authority::new(now)?;
        let names: Vec<&str> = LOOPBACK.into_iter().chain(host).collect();
        let certified = authority.certify(&names, Validity::around(now))?;
        let key = PrivateKeyDer::try_from(certified.key)
            .map_err(|error| IdentityError::Making(error.to_owned()))?;
        let config = configured(vec![certified.certificate.into()], key)
            .map_err(|error| IdentityError::Making(error.to_string()))?;
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), authority: Some(authority.pem().into()) })
    }

    /// The certificate of a PEM file, with those that lead to its authority behind it, and the key of another.
    ///
    /// # Errors
    /// [`IdentityError`], as it says.
    pub fn from_files(certificate: &Path, key: &Path) -> Result<Self, IdentityError> {
        let chain = certificates(certificate)?;
        let key_path = key;
        let key = PrivateKeyDer::from_pem_file(key).map_err(|error| IdentityError::File {
            what: "private key",
            path: key_path.to_owned(),
            reason: error.to_string(),
        })?;
        let config = configured(chain, key)
            .map_err(|source| IdentityError::Pair { path: certificate.to_owned(), source })?;
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), authority: None })
    }

    /// The certificate of the authority that signed a generated one, in PEM: whoever trusts it trusts the server.
    #[must_use]
    pub fn authority(&self) -> Option<&str> {
        self.authority.as_deref()
    }

    /// What takes connections.
    #[must_use]
    pub fn acceptor(&self) -> &TlsAcceptor {
        &self.acceptor
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Identity").finish_non_exhaustive()
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, IdentityError> {
    let wrong = |reason: String| IdentityError::File { what: "certificates", path: path.to_owned(), reason };
    let read = CertificateDer::pem_file_iter(path).map_err(|error| wrong(error.to_string()))?;
    let chain: Vec<_> = read.collect::<Result<_, _>>().map_err(|error| wrong(error.to_string()))?;
    if chain.is_empty() { Err(wrong("it holds none".into())) } else { Ok(chain) }
}

fn configured(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<ServerConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).into();
    Ok(config)
}
