//! End to end: the `landfall` binary as people use it, one module a capability.

mod bad_input;
mod determinism;
mod external;
mod faults;
mod harness;
mod healthy;
mod interrupt;
mod payloads;
mod up;
