//! Recordings of a REST proxy's exchanges, and whether another one's are identical to them.
//!
//! A golden file is a sequence of lines, each a JSON object with one [`Recording`]: what was sent, what came back, what then
//! stood in the topics, and how broker and proxy were set up. Whoever plays it (in `app`) hands in what it saw; here both are
//! brought to a normal form, in which nothing is left that varies from one run of the same proxy to the next,
//! and [compared](compare).

mod body;
mod compare;
mod normal;
mod offsets;
mod recording;
mod request;
mod varying;

pub use body::{Elided, Generated, Unbuildable};
pub use compare::{Difference, compare};
pub use normal::unpacked;
pub use offsets::{positions, topic_of};
pub use recording::{
    GoldenError, GoldenRecord, GoldenRequest, GoldenResponse, Recording, Send, Setup, read_golden,
};
pub use request::{Write, placed, writes};
pub use varying::{Widening, WideningError, read_widenings};
