//! `landfall conform auth`, through the binary: against landfall's own authorizer as it should be and with mistakes, and
//! against functions that others' libraries make.

mod deployed;
mod functions;
mod harness;
mod mistakes;
mod whole;
