//! Fetching a document: one GET on a connection of its own, as those do who need it once in some minutes.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::client::conn::http1::handshake;
use hyper::header::{ACCEPT, DATE, HOST};
use hyper::http::response::Parts;
use hyper::{Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::scenario::TlsSettings;
use crate::tls::{TrustError, client_config, server_name};

/// Where a document is.
#[derive(Clone)]
pub struct Source {
    uri: Uri,
    /// Host and port.
    authority: String,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source").field("uri", &self.uri).finish_non_exhaustive()
    }
}

/// Why nothing can be fetched from there.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// No URL that documents are fetched from.
    #[error("{0:?} is no http or https URL with a host and without credentials")]
    Url(String),
    /// TLS cannot be spoken there as wanted.
    #[error(transparent)]
    Trust(#[from] TrustError),
}

impl Source {
    /// The document at an http or https URL; `tls` says how the latter is spoken to.
    ///
    /// # Errors
    /// [`SourceError`], as it says.
    pub fn new(url: &str, tls: &TlsSettings) -> Result<Self, SourceError> {
        let wrong = || SourceError::Url(url.to_owned());
        let uri: Uri = url.parse().map_err(|_| wrong())?;
        let authority = uri.authority().filter(|authority| !authority.as_str().contains('@'));
        let authority = authority.ok_or_else(wrong)?;
        let (port, tls) = match uri.scheme_str() {
            Some("http") => (80, None),
            Some("https") => {
                let host = authority.host().trim_matches(['[', ']']);
                let name = server_name(tls.server_name.as_deref().unwrap_or(host))?;
                let config = client_config(tls.ca.as_deref(), &[b"http/1.1"])?;
                (443, Some((TlsConnector::from(Arc::new(config)), name)))
            }
            _ => return Err(wrong()),
        };
        let authority = format!("{}:{}", authority.host(), authority.port_u16().unwrap_or(port));
        Ok(Self { uri, authority, tls })
    }

    /// Fetches the document, of `limit` bytes at most. Redirections are not followed. It does not end by itself if the server
    /// never answers.
    ///
    /// # Errors
    /// What the connection or the server has against it.
    pub async fn get(&self, limit: usize) -> io::Result<(StatusCode, Bytes)> {
        let (head, body) = self.fetch(limit).await?;
        Ok((head.status, body))
    }

    /// What the server says of the time when it answers, whatever the answer is.
    ///
    /// # Errors
    /// What the connection or the server has against it.
    pub async fn date(&self) -> io::Result<Option<String>> {
        let (head, _) = self.fetch(usize::MAX).await?;
        Ok(head.headers.get(DATE).and_then(|date| date.to_str().ok()).map(str::to_owned))
    }

    async fn fetch(&self, limit: usize) -> io::Result<(Parts, Bytes)> {
        let stream = TcpStream::connect(self.authority.as_str()).await?;
        match &self.tls {
            None => self.ask(stream, limit).await,
            Some((connector, name)) => {
                let stream = connector.connect(name.clone(), stream).await?;
                self.ask(stream, limit).await
            }
        }
    }

    async fn ask<S>(&self, stream: S, limit: usize) -> io::Result<(Parts, Bytes)>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let (mut sender, connection) = handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
        let path = self.uri.path_and_query().map_or("/", |path| path.as_str());
        let host = self.uri.authority().map_or("", |authority| authority.as_str());
        let request = Request::get(path)
            .header(HOST, host)
            .header(ACCEPT, "application/json")
            .body(Empty::<Bytes>::new())
            .map_err(io::Error::other)?;
        let answer = async {
            let response = sender.send_request(request).await.map_err(io::Error::other)?;
            let (head, body) = response.into_parts();
            let body = Limited::new(body, limit).collect().await.map_err(io::Error::other)?;
            Ok((head, body.to_bytes()))
        };
        tokio::pin!(answer, connection);
        tokio::select! {
            biased;
            answer = &mut answer => answer,
            // How the connection ended, the answer tells.
            _ = &mut connection => answer.await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_an_http_url() {
        let source = |url: &str| Source::new(url, &TlsSettings::default());
        assert_eq!(source("http://127.0.0.1/a?b").unwrap().authority, "127.0.0.1:80");
        assert_eq!(source("http://[::1]:7").unwrap().authority, "[::1]:7");
        for bad in ["", "127.0.0.1:80", "ftp://a", "http://u:p@a/"] {
            assert!(matches!(source(bad), Err(SourceError::Url(_))), "{bad}");
        }
    }
}
