//! landfall: performance and conformance test harness for HTTP-to-Kafka ingestion paths.
//!
//! It proves that every record that was acknowledged has landed, once, whole and in order; that nothing that
//! was refused has landed; and that this holds at the promised rate and latency.
//!
//! # The rooms
//! Imports point down this list; rooms of one floor do not import each other, but for `stack` → `doubles`. A
//! test enforces it.
//!
//! | floor | rooms |
//! |---|---|
//! | entry | [`cli`]: one file a command; parses, calls the app, prints, sets the exit code |
//! | commands | [`app`]: what a command does, start to end |
//! | work | [`stack`] builds the path and takes it down · [`doubles`] stand-ins for its boxes · [`load`] sends · [`verify`] reads Kafka back · [`judge`] verdicts · [`report`] renders results |
//! | pure | [`ledger`] the account of every record · [`schedule`] when requests are due · [`stats`] histograms |
//! | ground | [`scenario`] · [`result`] · [`record`] · [`wire`] · [`api`] · [`kafka`] · [`tls`] |
//! | keys | [`jose`] tokens, signed and taken apart |
//! | bottom | [`secret`] |

pub mod api;
pub mod app;
pub mod cli;
pub mod conform;
pub mod doubles;
pub mod engine;
pub mod jose;
pub mod judge;
pub mod kafka;
pub mod ledger;
pub mod load;
pub mod record;
pub mod report;
pub mod result;
pub mod scenario;
pub mod schedule;
pub mod secret;
pub mod stack;
pub mod stats;
pub mod tls;
pub mod verify;
pub mod wire;
