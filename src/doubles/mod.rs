//! landfall's own stand-ins for the boxes of the path. Each speaks the real protocol on a real loopback
//! socket, so a stock client (curl, a Kafka client, an OAuth library) can use it.

pub mod authorizer;
pub mod balancer;
pub mod broker;
pub mod fault;
pub mod gateway;
pub mod http;
pub mod idp;
mod invoke;
mod jackson;
pub mod lambda;
pub mod null;
pub mod proxy;
pub mod registry;
