//! A Kafka that nobody here wrote and that asks for TLS and a password: who is known is served, and whatever stands in the
//! way is told in one sentence, without the password. See `real_kafka/process.rs` for what it takes.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "real_kafka/process.rs"]
#[expect(dead_code, reason = "this test needs less of it than the other")]
mod process;
#[path = "real_kafka/secured.rs"]
mod secured;

use std::process::{Command, Output};

use secured::{LISTENERS, PASSWORD, Secured};

const WRONG: &str = "hare-51d20-hunter";

impl Secured {
    /// `landfall run` for a second with this listener and these properties, in a folder of its own where the authorities are.
    fn run(&self, listener: &str, properties: &str, password: &str) -> Output {
        let place = LISTENERS.iter().position(|name| *name == listener).unwrap();
        self.run_at(self.ports[place], properties, password)
    }

    fn run_at(&self, port: u16, properties: &str, password: &str) -> Output {
        let reports = tempfile::tempdir().unwrap();
        let path = self.authorities.path().join("scenario.yaml");
        let scenario = format!(
            "version: 1\nname: secured\n\
             stack:\n  idp: none\n  gateway: none\n  kafka:\n    kind: external\n    bootstrap: \"localhost:{port}\"\n\
             \x20   create_topics: true\n    properties: {{ sasl.username: landfall, sasl.password: {{ env: KAFKA_PASSWORD }}, \
             {properties} }}\n\
             topics: [{{ name: secured, partitions: 2 }}]\npartners: [{{ name: shop, secret: generated }}]\n\
             workload: [{{ partner: shop, topic: secured, format: v2-json, \
             payload: {{ template: {{ n: {{ $sequence: {{}} }} }} }}, arrivals: {{ constant: 50/s }}, for: 1s }}]\n\
             grace: 1s\n"
        );
        std::fs::write(&path, scenario).unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_landfall"))
            .arg("run")
            .arg(&path)
            .arg("--verbose")
            .arg("--reports")
            .arg(reports.path())
            .env("KAFKA_PASSWORD", password)
            .env("SSL_CERT_FILE", self.authorities.path().join("ca.pem"))
            .output()
            .unwrap();
        for text in [&output.stdout, &output.stderr] {
            let text = String::from_utf8_lossy(text);
            assert!(!text.contains("hunter"), "the password is shown: {text}");
        }
        output
    }

    /// A run that ends with code 3, and says this in one line.
    fn refused(output: &Output, parts: &[&str]) {
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(3), "{told}{}", String::from_utf8_lossy(&output.stdout));
        let line =
            told.lines().find(|line| line.contains("cannot be used")).unwrap_or_else(|| panic!("{told}"));
        for part in parts {
            assert!(line.contains(part), "{part}: {line}");
        }
        println!("{line}");
    }
}

fn passed(output: &Output) {
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{out}{err}");
}

/// One after another, since each is a load for the whole machine.
#[test]
fn who_is_known_is_served_and_what_stands_in_the_way_is_told() {
    let Some(secured) = Secured::start("localhost") else { return };
    let plain = "security.protocol: SASL_SSL, sasl.mechanism: PLAIN";
    let scram = "security.protocol: sasl_ssl, sasl.mechanism: SCRAM-SHA-512";
    // Beside the scenario's file; and with nothing said, the system's, which `SSL_CERT_FILE` names.
    let ca = "ssl.ca.location: ca.pem";
    passed(&secured.run("GOOD", &format!("{scram}, {ca}"), PASSWORD));
    passed(&secured.run("GOOD", plain, PASSWORD));

    for properties in [plain, scram] {
        let output = secured.run("GOOD", properties, WRONG);
        Secured::refused(&output, &["refuses who landfall says it is", "the password in `kafka.properties`"]);
    }
    let output = secured.run("GOOD", "security.protocol: SASL_SSL, sasl.mechanism: SCRAM-SHA-256", PASSWORD);
    Secured::refused(&output, &["does not take the SASL mechanism", "SCRAM-SHA-512"]);
    let output = secured.run("GOOD", &format!("{scram}, ssl.ca.location: stranger.pem"), PASSWORD);
    Secured::refused(&output, &["signed by an authority that is not trusted", "ssl.ca.location"]);
    let output = secured.run("EXPIRED", scram, PASSWORD);
    Secured::refused(&output, &["its certificate has expired"]);
    let output = secured.run("OTHER", scram, PASSWORD);
    Secured::refused(&output, &["is not for this host name but for kafka.example"]);
    // TLS where there is none, and none where there is.
    let port = secured.kafka.bootstrap().rsplit_once(':').unwrap().1.parse().unwrap();
    Secured::refused(&secured.run_at(port, plain, PASSWORD), &["does not speak TLS"]);
    let output = secured.run("GOOD", "security.protocol: SASL_PLAINTEXT, sasl.mechanism: PLAIN", PASSWORD);
    Secured::refused(&output, &["security.protocol"]);
}
