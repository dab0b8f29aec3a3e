//! TLS: who is trusted, and by which name it is asked for.

use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use landfall::load::{Report, Target, TargetError};
use landfall::record::Class;
use landfall::scenario::{Protocol, TlsSettings};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection};

use crate::harness::{Server, Told, ack, response, send, stream_with};

/// An ack whose body ends with the connection.
const UNTIL_THE_END: &[u8] = b"HTTP/1.1 200 OK\r\n\r\n{\"offsets\":[{\"partition\":0,\"offset\":0}]}";

/// An authority in a file, and what a server that it vouches for has.
pub(crate) struct Authority {
    folder: tempfile::TempDir,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::<String>::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let issuer = CertifiedIssuer::self_signed(params, key).expect("an authority");
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("ca.pem"), issuer.pem()).expect("it can be written");
        Self { folder, issuer }
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// What a server needs that has a certificate for `name` and speaks `protocols`.
    pub(crate) fn vouch(&self, name: &str, protocols: &[&[u8]]) -> Arc<ServerConfig> {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        let chain = vec![CertificateDer::from(certificate.der().to_vec())];
        let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .expect("they fit");
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        Arc::new(config)
    }

    /// A server with a certificate for `name` that acks; it notes the names that it is asked for.
    fn server(&self, name: &str) -> (Server, Arc<Mutex<Vec<Option<String>>>>) {
        self.server_saying(name, |tls| tls.writer().write_all(&ack()).is_ok())
    }

    /// A server that answers each request with what `say` has ready, all of it in one write; where that gives false, the
    /// connection ends after it.
    fn server_saying(
        &self,
        name: &str,
        say: fn(&mut ServerConnection) -> bool,
    ) -> (Server, Arc<Mutex<Vec<Option<String>>>>) {
        let config = self.vouch(name, &[b"http/1.1"]);
        let asked: Arc<Mutex<Vec<Option<String>>>> = Arc::default();
        let names = asked.clone();
        let server = Server::start(move |mut conversation| {
            let mut tls = ServerConnection::new(config.clone()).expect("a connection");
            let stream = &mut conversation.stream;
            if tls.complete_io(stream).is_err() {
                return;
            }
            names.lock().expect("no panic").push(tls.server_name().map(ToOwned::to_owned));
            let mut secured = rustls::Stream::new(&mut tls, stream);
            let mut unread = Vec::new();
            let mut more = [0; 4096];
            while let Ok(count @ 1..) = secured.read(&mut more) {
                unread.extend_from_slice(&more[..count]);
                // Requests come one at a time, and each ends with its record.
                if unread.ends_with(b"\"}}]}") {
                    unread.clear();
                    let goes_on = say(secured.conn);
                    if secured.flush().is_err() || !goes_on {
                        return;
                    }
                }
            }
        });
        (server, asked)
    }
}

fn send_to(server: &Server, ca: Option<PathBuf>, server_name: Option<&str>) -> (Report, Told) {
    let settings = TlsSettings { ca, server_name: server_name.map(ToOwned::to_owned) };
    let url = server.url().replace("http://", "https://");
    send(stream_with(&url, &settings, Protocol::Http1))
}

#[test]
fn a_trusted_server_is_spoken_to_and_asked_for_by_name() {
    let authority = Authority::new();
    let (server, asked) = authority.server("kafka.example");
    let (report, told) = send_to(&server, Some(authority.file()), Some("kafka.example"));
    assert_eq!((report.overall.accepted, report.socket_errors), (50, 0), "{:?}", told.attempts[0]);
    let asked = asked.lock().expect("no panic");
    assert_eq!(*asked, vec![Some("kafka.example".to_owned()); 2]);
}

#[test]
fn what_follows_an_answer_is_not_taken_for_the_next_one() {
    let authority = Authority::new();
    // Records of their own, which come together.
    let (server, _) = authority.server_saying("127.0.0.1", |tls| {
        let junk = response("403 Forbidden", "", "");
        tls.writer().write_all(&ack()).is_ok() && tls.writer().write_all(&junk).is_ok()
    });
    let (report, told) = send_to(&server, Some(authority.file()), None);
    assert_eq!((report.overall.accepted, report.attempts.total()), (50, 50), "{:?}", told.notes());
    assert!(server.connections.load(Ordering::SeqCst) >= 50);
}

#[test]
fn only_an_end_that_was_announced_ends_a_body() {
    let authority = Authority::new();
    let (announced, _) = authority.server_saying("127.0.0.1", |tls| {
        tls.writer().write_all(UNTIL_THE_END).expect("room");
        tls.send_close_notify();
        false
    });
    let (report, told) = send_to(&announced, Some(authority.file()), None);
    assert_eq!((report.overall.accepted, report.attempts.total()), (50, 50), "{:?}", told.notes());

    let (cut_off, _) = authority.server_saying("127.0.0.1", |tls| {
        tls.writer().write_all(UNTIL_THE_END).expect("room");
        false
    });
    let (report, told) = send_to(&cut_off, Some(authority.file()), None);
    assert_eq!((report.attempts.of(Class::Reset), report.attempts.total()), (50, 50), "{:?}", told.ends());
}

#[test]
fn an_address_may_stand_in_the_certificate() {
    let authority = Authority::new();
    let (server, asked) = authority.server("127.0.0.1");
    let (report, _) = send_to(&server, Some(authority.file()), None);
    assert_eq!(report.overall.accepted, 50);
    // No name is asked for by an address (RFC 6066, section 3).
    assert!(asked.lock().expect("no panic").iter().all(Option::is_none));
}

#[test]
fn another_name_and_another_authority_are_not_trusted() {
    let authority = Authority::new();
    let (server, _) = authority.server("kafka.example");
    let stranger = Authority::new();
    for (ca, name) in [(authority.file(), "other.example"), (stranger.file(), "kafka.example")] {
        let (report, told) = send_to(&server, Some(ca), Some(name));
        assert_eq!((report.overall.accepted, report.attempts.of(Class::Reset)), (0, 50));
        let note = told.attempts[0].1.note.as_deref().expect("a reason");
        assert!(note.starts_with("cannot connect: ") && note.contains("certificate"), "{note}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_agreed_on_is_told_before_any_load() {
    let authority = Authority::new();
    let (server, asked) = authority.server("127.0.0.1");
    let url = server.url().replace("http://", "https://");
    let check = async |ca: Option<PathBuf>, name: Option<&str>, protocol| {
        let settings = TlsSettings { ca, server_name: name.map(ToOwned::to_owned) };
        let target = Target::resolve(&url, &[], &settings, protocol).await.expect("a target");
        target.check_tls(&url).await
    };
    assert!(check(Some(authority.file()), None, Protocol::Http1).await.is_ok());
    // Of another authority, of another name, of another protocol.
    let other = Authority::new();
    for (ca, name) in [(other.file(), None), (authority.file(), Some("kafka.example"))] {
        let error = check(Some(ca), name, Protocol::Http1).await.expect_err("it is not trusted");
        assert!(matches!(error, TargetError::Handshake { .. }), "{error}");
    }
    assert!(check(Some(authority.file()), None, Protocol::Http2).await.is_err());
    assert_eq!(asked.lock().expect("no panic").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_knows_no_protocols_speaks_no_http_2() {
    let authority = Authority::new();
    let config = authority.vouch("127.0.0.1", &[]);
    let server = Server::start(move |mut conversation| {
        let mut tls = ServerConnection::new(config.clone()).expect("a connection");
        let _ = tls.complete_io(&mut conversation.stream);
    });
    let url = server.url().replace("http://", "https://");
    let settings = TlsSettings { ca: Some(authority.file()), server_name: None };
    let target = Target::resolve(&url, &[], &settings, Protocol::Http2).await.expect("a target");
    let error = target.check_tls(&url).await.expect_err("it speaks HTTP/1.1 only");
    assert!(matches!(error, TargetError::NoHttp2 { .. }), "{error}");
}
