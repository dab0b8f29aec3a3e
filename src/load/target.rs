//! Where load goes, and where it may go: loopback, and hosts that the scenario names.

use std::net::SocketAddr;
use std::time::Duration;

use hyper::Uri;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::tls::Tls;
use crate::scenario::{Protocol, TlsSettings, host_is_allowed};
use crate::tls::{HTTP2, TrustError};

/// How long agreeing on TLS may take.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// An HTTP endpoint that load may be sent to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Where to connect: the first of the host's addresses that accepts.
    pub addresses: Vec<SocketAddr>,
    /// The `Host` header.
    pub authority: String,
    /// Path before every request's own, without a trailing slash.
    pub base_path: String,
    /// How TLS is spoken there; `None`: it is not.
    pub tls: Option<Tls>,
}

/// Why an endpoint cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// Not a URL of the kind that can be used.
    #[error("`{url}` is no endpoint: write http://host:port or https://host:port, optionally with a path")]
    Url {
        /// As given.
        url: String,
    },
    /// Unknown host.
    #[error("cannot resolve the host of `{url}`: {source}; check the name")]
    Resolve {
        /// As given.
        url: String,
        /// What the resolver said.
        #[source]
        source: std::io::Error,
    },
    /// TLS cannot be spoken there as wanted.
    #[error("`{url}`: {source}")]
    Tls {
        /// As given.
        url: String,
        /// Why.
        #[source]
        source: TrustError,
    },
    /// The other end does not agree.
    #[error(
        "cannot agree on TLS with `{url}`: {source}; `ca` of its `tls` says who is trusted, `server_name` under which name"
    )]
    Handshake {
        /// As given.
        url: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The other end speaks TLS, and no HTTP/2 over it.
    #[error("`{url}` does not agree on HTTP/2 over TLS (ALPN); leave `protocol` out, which means HTTP/1.1")]
    NoHttp2 {
        /// As given.
        url: String,
    },
    /// A host that nobody allowed.
    #[error(
        "`{host}` is not on this machine, so load may not go there; name it in the scenario's `allow_hosts`"
    )]
    Forbidden {
        /// The host.
        host: String,
    },
}

/// A URL that cannot be used, without what people write into URLs that nobody else should read: passwords, and tokens in
/// queries.
fn shown(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").map_or(("", url), |(scheme, rest)| (scheme, rest));
    let separator = if rest.len() < url.len() { "://" } else { "" };
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let path = path.find(['?', '#']).map_or(path.to_owned(), |end| format!("{}…", &path[..=end]));
    match authority.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}{separator}…@{host}{path}"),
        None => format!("{scheme}{separator}{authority}{path}"),
    }
}

impl Target {
    /// Resolves `url` and makes sure that load may go there: every address of the host must be loopback, or
    /// the host be one of `allow_hosts`. `tls` says how an https URL is to be spoken to, and `protocol` what is
    /// offered there.
    ///
    /// # Errors
    /// [`TargetError`], as it says.
    pub async fn resolve(
        url: &str,
        allow_hosts: &[String],
        tls: &TlsSettings,
        protocol: Protocol,
    ) -> Result<Self, TargetError> {
        let wrong = || TargetError::Url { url: shown(url) };
        let uri: Uri = url.parse().map_err(|_| wrong())?;
        let (Some(scheme @ ("http" | "https")), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(wrong());
        };
        if authority.as_str().contains('@') || uri.query().is_some() {
            return Err(wrong());
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        let port = authority.port_u16().unwrap_or(if scheme == "https" { 443 } else { 80 });
        let addresses: Vec<SocketAddr> = tokio::net::lookup_host((host, port))
            .await
            .map_err(|source| TargetError::Resolve { url: url.to_owned(), source })?
            .collect();
        let on_this_machine = addresses.iter().all(|address| address.ip().to_canonical().is_loopback());
        // A name that is allowed without being named (`localhost`) must really be this machine.
        let named = host_is_allowed(host, allow_hosts) && !host_is_allowed(host, &[]);
        if !on_this_machine && !named {
            return Err(TargetError::Forbidden { host: host.to_owned() });
        }
        if addresses.is_empty() {
            return Err(wrong());
        }
        let base_path = uri.path().trim_end_matches('/').to_owned();
        let offered: &[u8] = match protocol {
            Protocol::Http1 => b"http/1.1",
            Protocol::Http2 => HTTP2,
        };
        let tls = match scheme {
            "https" => Some(
                Tls::new(tls, host, &[offered])
                    .map_err(|source| TargetError::Tls { url: url.to_owned(), source })?,
            ),
            _ => None,
        };
        // As clients send it (RFC 9110, section 7.2, and RFC 3986, section 6.2.3): without the port that is the scheme's own.
        let own = if scheme == "https" { ":443" } else { ":80" };
        let authority = authority.as_str();
        let authority = authority.strip_suffix(own).unwrap_or(authority).to_owned();
        Ok(Self { addresses, authority, base_path, tls })
    }

    /// Makes sure that TLS can be agreed on, where it is spoken: connections that break all the same would tell less. An
    /// endpoint that does not accept connections is left to the load.
    ///
    /// # Errors
    /// [`TargetError::Handshake`] or [`TargetError::NoHttp2`] with what is not agreed on.
    pub async fn check_tls(&self, url: &str) -> Result<(), TargetError> {
        let Some(tls) = &self.tls else { return Ok(()) };
        let Ok(stream) = TcpStream::connect(self.addresses.as_slice()).await else { return Ok(()) };
        let agreed = match timeout(HANDSHAKE, tls.shake_hands(stream)).await {
            Ok(agreed) => agreed,
            Err(_) => Err(std::io::ErrorKind::TimedOut.into()),
        };
        match agreed {
            Ok(http2) if http2 || !tls.wants_http2() => Ok(()),
            Ok(_) => Err(TargetError::NoHttp2 { url: url.to_owned() }),
            Err(source) => Err(TargetError::Handshake { url: url.to_owned(), source }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn resolve(url: &str, allow: &[&str]) -> Result<Target, TargetError> {
        let allow: Vec<String> = allow.iter().map(|host| (*host).to_owned()).collect();
        Target::resolve(url, &allow, &TlsSettings::default(), Protocol::Http1).await
    }

    #[tokio::test]
    async fn loopback_is_always_allowed() {
        let target = resolve("http://127.0.0.1:8082/prod/", &[]).await.unwrap();
        assert_eq!(target.addresses, ["127.0.0.1:8082".parse().unwrap()]);
        let hosts = [
            "http://127.0.0.1:80",
            "https://localhost:443/prod",
            "http://127.0.0.1:443",
            "https://[::1]:443",
        ];
        let mut authorities = Vec::new();
        for url in hosts {
            authorities.push(resolve(url, &[]).await.unwrap().authority);
        }
        assert_eq!(authorities, ["127.0.0.1", "localhost", "127.0.0.1:443", "[::1]"]);
        assert_eq!((target.authority.as_str(), target.base_path.as_str()), ("127.0.0.1:8082", "/prod"));
        assert!(resolve("http://[::1]:1", &[]).await.is_ok());
    }

    #[tokio::test]
    async fn another_host_must_be_named() {
        // 192.0.2.0/24 is for documentation (RFC 5737); nothing is sent, an address needs no resolver.
        let refused = resolve("http://192.0.2.1:80", &["192.0.2.2"]).await.unwrap_err();
        assert!(matches!(refused, TargetError::Forbidden { host } if host == "192.0.2.1"));
        assert!(resolve("http://192.0.2.1:80", &["192.0.2.1"]).await.is_ok());
    }

    #[tokio::test]
    async fn only_http_urls() {
        for url in ["", "127.0.0.1:80", "ftp://127.0.0.1", "http://user:pw@127.0.0.1", "http://127.0.0.1/?a"]
        {
            assert!(matches!(resolve(url, &[]).await, Err(TargetError::Url { .. })), "{url}");
        }
    }

    #[test]
    fn no_password_or_token_of_a_url_is_shown() {
        for (url, expected) in [
            ("http://user:p@ss@127.0.0.1/a", "http://…@127.0.0.1/a"),
            ("user:pw@h:1", "…@h:1"),
            ("http://h/a?token=t#x", "http://h/a?…"),
            ("ftp://127.0.0.1", "ftp://127.0.0.1"),
            ("http://h/a@b", "http://h/a@b"),
            ("", ""),
        ] {
            assert_eq!(shown(url), expected);
        }
    }
}
