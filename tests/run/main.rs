//! End to end: the `landfall` binary as people use it, one module a capability.

mod abort;
mod bad_input;
mod determinism;
mod disk;
mod external;
mod faults;
mod faults_in_doubt;
mod faults_of_the_network;
mod faults_on_the_way;
mod foreign_proxy;
mod gateway;
mod harness;
mod healthy;
mod histogram_logs;
mod interrupt;
mod live;
mod parts;
mod payloads;
mod recover;
mod sasl;
mod schedules;
mod selftest;
mod stall;
mod tls;
mod tokens;
mod up;
