//! Boxes in containers: real Kafka over `SASL_SSL`, proxies through adapters, faults of containers, and nothing left over.
//!
//! The images are those of `fixtures/images/build`; `LANDFALL_TEST_IMAGES` says that they are there, and an engine too.
//! Where it is not `1`, it is the tag of landfall's.

mod alone;
mod authorizer;
mod clean;
mod conform;
mod elsewhere;
mod faults;
mod flaws;
#[expect(dead_code, reason = "it is that of tests/run, which uses more of it")]
#[path = "../run/harness.rs"]
mod harness;
#[expect(clippy::unwrap_used, dead_code, reason = "it is that of tests/real_kafka.rs, which uses more of it")]
#[path = "../real_kafka/process.rs"]
mod process;
mod provider;
mod quickstart;
#[expect(
    clippy::unwrap_used,
    dead_code,
    reason = "it is that of tests/secured_kafka.rs, which uses more of it"
)]
#[path = "../real_kafka/secured.rs"]
mod secured;
mod trouble;
