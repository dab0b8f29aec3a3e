//! Message shapes as they stand on the wire: REST produce, OAuth, Lambda and gateway. Pure data.

pub mod gateway;
pub mod lambda;
pub mod oauth;
pub mod produce;
