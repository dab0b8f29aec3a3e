//! `landfall token`: through the binary, and what it says of tokens against what the authorizer does with them.

mod agreement;
mod attack;
mod fetch;
mod harness;
mod inspect;
mod mint;
