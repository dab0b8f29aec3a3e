//! landfall: performance and conformance test harness for HTTP-to-Kafka ingestion paths.

pub mod doubles;
pub mod judge;
pub mod ledger;
pub mod load;
pub mod record;
pub mod result;
pub mod scenario;
pub mod schedule;
pub mod secret;
pub mod stats;
pub mod verify;
pub mod wire;
