//! landfall: performance and conformance test harness for HTTP-to-Kafka ingestion paths.

pub mod doubles;
pub mod scenario;
pub mod secret;
pub mod wire;
