//! The broker, as a client sees it that shares no code with librdkafka.

use std::process::Command;

use crate::users::start_with_sasl;
use crate::{start, topic};

/// An interpreter with a client that shares no code with this project's: `LANDFALL_PYTHON` names one that has the
/// package `kafka-python`.
fn python() -> Option<String> {
    let python = std::env::var("LANDFALL_PYTHON").ok();
    if python.is_none() {
        let demanded = std::env::var_os("LANDFALL_REQUIRE_TOOLS").is_some();
        assert!(!demanded, "LANDFALL_REQUIRE_TOOLS is set, and LANDFALL_PYTHON names no interpreter");
        println!("did not run: LANDFALL_PYTHON names no interpreter with kafka-python");
    }
    python
}

#[tokio::test(flavor = "multi_thread")]
async fn kafka_python_says_who_it_is() {
    let Some(python) = python() else { return };
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/kafka_python_client.py");
    for mechanism in ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] {
        let broker = start_with_sasl().await;
        let output = Command::new(&python)
            .args([script, &broker.bootstrap(), "t"])
            .env("KAFKA_MECHANISM", mechanism)
            .envs([("KAFKA_USERNAME", "landfall"), ("KAFKA_PASSWORD", "hunter2")])
            .output()
            .unwrap();
        assert!(output.status.success(), "{mechanism}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn kafka_python_reads_back_what_it_wrote() {
    let Some(python) = python() else { return };
    let broker = start(vec![topic("python", 3, &[])]).await;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/kafka_python_client.py");
    let output = Command::new(python).args([script, &broker.bootstrap(), "python"]).output().unwrap();
    assert!(
        output.status.success(),
        "{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    let landed: i64 = (0..3).filter_map(|partition| broker.high_watermark("python", partition)).sum();
    assert!(landed > 0);
}
