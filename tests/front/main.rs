//! The front of the path, end to end over sockets: identity provider, authorizer, gateway and balancer.

#![expect(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

mod authorizer;
mod balancer;
mod faults;
mod gateway;
mod idp;
mod limits;
mod stage;
