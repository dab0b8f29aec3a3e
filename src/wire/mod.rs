//! Messages as they stand on the wire: HTTP/1.1 responses, and the shapes of REST produce, OAuth, Lambda and gateway. Pure.

pub mod gateway;
pub mod http1;
pub mod lambda;
pub mod oauth;
pub mod produce;
