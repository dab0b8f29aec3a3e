//! Shapes of messages on the wire, without any I/O.

pub mod produce;
