//! The front of the path, end to end over sockets: identity provider, authorizer, gateway and balancer;
//! and the proxy itself.

#![expect(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

mod access;
mod authorization;
mod authorizer;
mod balancer;
mod compression;
mod defined;
mod definition;
mod faults;
mod forwarding;
mod gateway;
mod idp;
mod limits;
mod malformed;
mod proxy_http;
mod proxy_schemas;
mod proxy_v3;
mod shapes;
mod stage;
mod tls;
mod tokens;
mod validation;
