//! The HTTP server under the HTTP doubles: binds, serves, counts what is in flight, stops. It speaks HTTP/1.1; over TLS,
//! HTTP/2 as well.

mod answer;
mod authority;
mod body;
mod connection;
mod listening;
mod server;
mod source;

pub use answer::{Answer, AnswerBody, Ending, Pieces};
pub use authority::{authority, reachable};
pub use body::{BodyError, read_body};
pub use connection::Client;
pub(super) use connection::Unbroken;
pub(super) use listening::Listening;
pub(super) use server::InFlight;
pub use server::{BindError, Server, Terms, bind};
pub use source::{Source, SourceError};
