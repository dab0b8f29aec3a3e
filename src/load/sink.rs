//! Where a load thread reports to while it runs.

use super::report::Interval;
use crate::record::{Answer, Sent};

/// Takes what one load thread reports. The thread calls it between requests, so nothing here may block, and in the
/// steady state nothing should allocate.
pub trait Sink: Send {
    /// An attempt ended; the times in both are those of the happening.
    fn attempt(&mut self, sent: &Sent, answer: Answer<'_>);

    /// The thread has nothing to do for the moment: what has been gathered may be handed on.
    fn idle(&mut self);

    /// A second is over. Gives back an interval to fill next, whose content does not matter.
    fn second(&mut self, interval: Box<Interval>) -> Box<Interval>;
}
