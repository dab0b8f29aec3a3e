//! The load's times and its account, against servers that misbehave.

mod addresses;
mod classes;
mod closed;
mod early;
mod harness;
mod http2;
mod retries;
mod stall;
mod stop;
mod threads;
mod tls;
mod wear;
mod workers;
