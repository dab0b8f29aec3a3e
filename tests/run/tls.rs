//! TLS on the way, in whole runs: at the gateway, by HTTP/1.1 and HTTP/2, and between it and the proxy.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::time::SystemTime;

use landfall::doubles::broker::{Broker, BrokerConfig, TopicConfig};
use landfall::doubles::proxy::{Proxy, ProxyConfig};
use landfall::kafka::Access;
use landfall::tls::Identity;
use rcgen::{CertificateParams, KeyPair};
use tokio::net::{TcpListener, TcpStream};

use crate::harness::{Ended, Landfall};

fn passed(ended: &Ended) {
    let result = ended.result();
    assert_eq!((ended.code, result.records.landed), (Some(0), 500), "{}{}", ended.stdout, ended.stderr);
    assert_eq!(result.requests.accepted, 50);
}

#[test]
fn a_gateway_with_a_certificate_of_its_own_is_trusted_by_the_load() {
    for protocol in ["http/1.1", "h2"] {
        let ended = Landfall::short_quickstart()
            .set("stack.gateway.tls=generated")
            .set(&format!("workload[0].protocol={protocol}"))
            .end();
        passed(&ended);
        let gateway = ended.result().boxes.iter().find(|found| found.name == "gateway").unwrap().clone();
        assert!(gateway.endpoint.unwrap().starts_with("https://127.0.0.1:"));
        let authority = ended.file("gateway-ca.pem");
        assert!(authority.starts_with("-----BEGIN CERTIFICATE-----") && !authority.contains("KEY"));
    }
}

/// A certificate for `name` and its key, in files of `folder`. It is its own authority.
fn certificate(folder: &Path, name: &str) -> String {
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
    let certificate = params.self_signed(&key).expect("a certificate");
    let (chain, secret) = (folder.join("chain.pem"), folder.join("key.pem"));
    std::fs::write(&chain, certificate.pem()).expect("it can be written");
    std::fs::write(&secret, key.serialize_pem()).expect("it can be written");
    format!("certificate: {}, key: {}", chain.display(), secret.display())
}

#[test]
fn a_certificate_from_files_is_served() {
    let folder = tempfile::tempdir().unwrap();
    let files = certificate(folder.path(), "api.example");
    let trusted = folder.path().join("chain.pem");
    let call = |more: &str| Landfall::short_quickstart().set(&format!("stack.gateway.tls={{{files}{more}}}"));
    passed(&call(&format!(", ca: {}, server_name: api.example", trusted.display())).end());
    // Trusted, but not by the name that the load asks for.
    let ended = call(&format!(", ca: {}", trusted.display())).end();
    assert_eq!((ended.code, ended.result.is_none()), (Some(3), true), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("cannot agree on TLS") && ended.stderr.contains("server_name"),
        "{}",
        ended.stderr
    );
    // The key of another certificate.
    let other = tempfile::tempdir().unwrap();
    certificate(other.path(), "api.example");
    std::fs::copy(other.path().join("key.pem"), folder.path().join("key.pem")).unwrap();
    let ended = call("").end();
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("chain.pem") && ended.stderr.contains("belongs together"),
        "{}",
        ended.stderr
    );
    std::fs::remove_file(folder.path().join("key.pem")).unwrap();
    let ended = call("").end();
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(ended.stderr.contains("private key") && ended.stderr.contains("key.pem"), "{}", ended.stderr);
}

/// Speaks TLS for `proxy`; where it does.
async fn secured(proxy: &Proxy, identity: Identity) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    let (address, proxy) = (listener.local_addr().expect("it is bound"), proxy.address());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let identity = identity.clone();
            tokio::spawn(async move {
                let Ok(mut stream) = identity.acceptor().accept(stream).await else { return };
                let mut proxy = TcpStream::connect(proxy).await.expect("the proxy listens");
                let _ = tokio::io::copy_bidirectional(&mut stream, &mut proxy).await;
            });
        }
    });
    address.port()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_https_proxy_stands_behind_the_gateway() {
    let topic = TopicConfig { name: "quakes".into(), partitions: 6, configs: [].into() };
    let broker =
        Broker::start(BrokerConfig { topics: vec![topic], ..BrokerConfig::default() }).await.unwrap();
    let config = ProxyConfig::new(IpAddr::V4(Ipv4Addr::LOCALHOST), Access::plain(broker.bootstrap()));
    let proxy = Proxy::start(config).await.unwrap();
    let identity = Identity::generated(SystemTime::now(), None).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, identity.authority().unwrap()).unwrap();
    let port = secured(&proxy, identity).await;
    let tls = format!("tls: {{ ca: {} }}", ca.display());
    let call = Landfall::short_quickstart()
        .set(&format!("stack.proxy={{kind: external, url: \"https://localhost:{port}\", {tls}}}"))
        .set(&format!("stack.kafka={{kind: external, bootstrap: \"{}\"}}", broker.bootstrap()))
        .set("grace=1s");
    let ended = tokio::task::spawn_blocking(|| call.end()).await.unwrap();
    passed(&ended);
}
