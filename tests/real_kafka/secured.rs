//! A Kafka that nobody here wrote and that asks for TLS and a password: the user `landfall` is known to it.

use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use tempfile::TempDir;

use crate::process::{Kafka, free_ports};

/// The password of `landfall`.
pub(crate) const PASSWORD: &str = "tortoise-7c1e9-hunter";

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority(name: &str) -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// Writes `NAME.pem`, a key and a certificate for `host` that ends with this year.
fn certificate(folder: &Path, name: &str, host: &str, last_year: i32, authority: &Authority) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, host);
    (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(last_year, 12, 31));
    let certificate = params.signed_by(&key, authority).unwrap();
    let pem = format!("{}{}{}", key.serialize_pem(), certificate.pem(), authority.pem());
    std::fs::write(folder.join(format!("{name}.pem")), pem).unwrap();
}

/// A cluster with a listener for each certificate, and where these listen.
pub(crate) struct Secured {
    pub(crate) kafka: Kafka,
    /// `ca.pem`, which has signed all certificates, and `stranger.pem`.
    pub(crate) authorities: TempDir,
    /// By their places in [`LISTENERS`].
    pub(crate) ports: [u16; 3],
}

/// Names of the listeners. Of the certificates, one is good, one has expired, and one is for another host.
pub(crate) const LISTENERS: [&str; 3] = ["GOOD", "EXPIRED", "OTHER"];

impl Secured {
    /// Starts it at this host. `None` where no jars are named.
    pub(crate) fn start(host: &str) -> Option<Self> {
        let (folder, authorities) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (known, stranger) = (authority("known"), authority("stranger"));
        std::fs::write(authorities.path().join("ca.pem"), known.pem()).unwrap();
        std::fs::write(authorities.path().join("stranger.pem"), stranger.pem()).unwrap();
        certificate(folder.path(), "GOOD", host, 2090, &known);
        certificate(folder.path(), "EXPIRED", host, 2020, &known);
        certificate(folder.path(), "OTHER", "kafka.example", 2090, &known);
        let ports: [u16; 3] = free_ports(host);
        let listeners: Vec<String> =
            LISTENERS.iter().zip(ports).map(|(name, port)| format!("{name}://{host}:{port}")).collect();
        let mut more =
            "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,GOOD:SASL_SSL,\
                        EXPIRED:SASL_SSL,OTHER:SASL_SSL\n"
                .to_owned();
        let module = "org.apache.kafka.common.security";
        for name in LISTENERS {
            let prefix = format!("listener.name.{}", name.to_lowercase());
            let lines = [
                format!("{prefix}.ssl.keystore.type=PEM"),
                format!("{prefix}.ssl.keystore.location={}/{name}.pem", folder.path().display()),
                format!("{prefix}.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-512"),
                format!(
                    "{prefix}.plain.sasl.jaas.config={module}.plain.PlainLoginModule required user_landfall=\"{PASSWORD}\";"
                ),
                format!("{prefix}.scram-sha-512.sasl.jaas.config={module}.scram.ScramLoginModule required;"),
            ];
            more.extend(lines.iter().map(|line| format!("{line}\n")));
        }
        let scram = format!("SCRAM-SHA-512=[name=landfall,password={PASSWORD}]");
        let kafka = Kafka::start_with(folder, &listeners, &more, &["--add-scram", &scram])?;
        Some(Self { kafka, authorities, ports })
    }
}
