//! What a run writes down so that it can be settled even if landfall is killed: what was started, which requests may
//! have been begun, and what became of their attempts.

mod attempts;
mod reserved;
mod start;

pub(super) use attempts::{Journal, LATE};
pub(super) use reserved::{Reservations, Reserved, ReservedThread};
pub(super) use start::{PayloadDigest, Start, StartError};

/// What was started.
pub(super) const START: &str = "start.json";
/// Which requests may have been begun.
pub(super) const RESERVED: &str = "reserved.bin";
/// Every attempt, to be told again.
pub(super) const JOURNAL: &str = "journal.bin";
