//! Where a load thread reports to while it runs.

use super::report::Interval;
use crate::record::{Answer, Sent};

/// Takes what one load thread reports. The thread calls it between requests, so nothing here may block, and in the
/// steady state nothing should allocate.
pub trait Sink: Send {
    /// An attempt ended; the times in both are those of the happening.
    fn attempt(&mut self, sent: &Sent, answer: Answer<'_>);

    /// A stream's request of this index is about to be begun for the first time: the index up to which this thread's
    /// requests may be begun without asking again; `None` if it must not be begun, since the load is stopped. Who keeps no
    /// account of that lets all begin.
    fn reserve(&mut self, _producer: u16, _index: u64) -> Option<u64> {
        Some(u64::MAX)
    }

    /// Of this thread's requests of a stream, those from `index` on have not been begun, and are not about to be: what was
    /// reserved of them may be given back. The index up to which its requests may be begun without asking again.
    fn give_back(&mut self, _producer: u16, _index: u64) -> u64 {
        u64::MAX
    }

    /// The thread has nothing to do for the moment: what has been gathered may be handed on.
    fn idle(&mut self);

    /// A second is over. Gives back an interval to fill next, whose content does not matter.
    fn second(&mut self, interval: Box<Interval>) -> Box<Interval>;
}
