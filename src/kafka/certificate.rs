//! What is wrong with a broker's certificate. OpenSSL only says that it is, so the broker is asked for it once more.

use std::net::{TcpStream, ToSocketAddrs};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::{CertificateError, ClientConnection, Error as TlsError};

use super::Access;
use super::trouble::{Cause, Trouble};
use crate::tls::{client_config, server_name};

/// How long a broker may take for each step of a handshake.
const PATIENCE: Duration = Duration::from_secs(3);

/// The same trouble, and where that is a broker's certificate, with what is wrong with it.
pub(super) fn explain(access: &Access, trouble: Trouble) -> Trouble {
    let (Cause::Certificate, Some(broker)) = (trouble.cause, trouble.broker.as_deref()) else {
        return trouble;
    };
    match shake_hands(access, broker) {
        Some(TlsError::InvalidCertificate(error)) => Trouble { reason: wrong_with(&error), ..trouble },
        _ => Trouble { reason: wrong_with(&CertificateError::UnknownIssuer), ..trouble },
    }
}

/// Where the handshake with the broker ends, if it fails.
fn shake_hands(access: &Access, broker: &str) -> Option<TlsError> {
    let (host, _) = broker.rsplit_once(':')?;
    let name = server_name(host.trim_matches(['[', ']'])).ok()?;
    let authorities = access.authorities().filter(|path| path != "probe");
    let config = client_config(authorities.as_deref().map(Path::new), &[]).ok()?;
    let address = broker.to_socket_addrs().ok()?.next()?;
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    stream.set_write_timeout(Some(PATIENCE)).ok()?;
    let mut connection = ClientConnection::new(Arc::new(config), name).ok()?;
    while connection.is_handshaking() {
        if let Err(error) = connection.complete_io(&mut stream) {
            return error.into_inner()?.downcast::<TlsError>().ok().map(|error| *error);
        }
    }
    None
}

fn wrong_with(error: &CertificateError) -> String {
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "its certificate has expired; let the broker have a new one".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its certificate is not valid yet; check the clocks of both".to_owned()
        }
        CertificateError::NotValidForName => for_others(""),
        CertificateError::NotValidForNameContext { presented, .. } if presented.is_empty() => for_others(""),
        CertificateError::NotValidForNameContext { presented, .. } => {
            let names: Vec<&str> =
                presented.iter().map(|name| name.split_once('(').map_or(name.as_str(), |(_, name)| name)).collect();
            let names: Vec<&str> = names.iter().map(|name| name.trim_matches(['"', ')'])).collect();
            for_others(&format!(" but for {}", names.join(", ")))
        }
        CertificateError::UnknownIssuer => "its certificate is signed by an authority that is not trusted; name the \
                                            authority's certificate (PEM) as `ssl.ca.location` in `kafka.properties`"
            .to_owned(),
        other => format!("its certificate is not accepted: {other}; let the broker have another one"),
    }
}

fn for_others(whom: &str) -> String {
    format!(
        "its certificate is not for this host name{whom}; reach it, and let it advertise itself, by a name that stands there"
    )
}
