//! The schema registry double: subjects with versions of schemas, as Confluent's Schema Registry keeps them.
//!
//! The proxy asks the store within the process; others reach it by HTTP.

mod schema;
mod store;

pub use schema::{Format, InvalidSchema, Schema};
pub use store::{Compatibility, Refusal, Registered, Schemas, Store, Words};

pub(super) use schema::Misfit;
