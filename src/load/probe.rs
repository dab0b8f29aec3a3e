//! How late this machine wakes a thread that waits for a due time: the floor under every generator lag.

use std::io;
use std::time::{Duration, Instant};

use super::clock::{Clock, micros, nanos};
use super::poller::Poller;
use crate::stats::Histogram;

/// Time between two due times. It is no whole part of a scheduler's tick, so that ticks are met at all their phases.
const GAP: Duration = Duration::from_micros(2_718);

/// Waits for due times as a load thread does, with nothing to send, for so long; returns how late it was woken, in
/// microseconds. Blocks.
///
/// # Errors
/// The system's, where there is no poller to be had.
pub fn wake_up_probe(length: Duration) -> io::Result<Histogram> {
    let clock = Clock::new(Instant::now());
    let mut poller = Poller::new()?;
    let mut late = Histogram::new();
    let mut due = nanos(GAP);
    while due < nanos(length) {
        let mut now = clock.now();
        while now < due {
            poller.wait(Some(due), &clock)?;
            now = clock.now();
        }
        late.record(micros(now - due));
        // Due times stand still, as those of a schedule do; what was missed by a whole gap is not made up for.
        due += nanos(GAP) * ((now - due) / nanos(GAP) + 1);
    }
    Ok(late)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_due_times_are_waited_for() {
        let late = wake_up_probe(Duration::from_millis(60)).unwrap();
        assert!((1..=22).contains(&late.count()), "{}", late.count());
    }
}
