//! Waiting for sockets and for due times, whichever comes first.
//!
//! `mio` waits for sockets, but counts time in milliseconds. So a due time is set on a timer that is one of the
//! sources waited for: on Linux a `timerfd`, which keeps nanoseconds and is not delayed by the thread's timer slack.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use mio::event::Source;
use mio::{Events, Interest, Poll, Token, Waker};

use super::clock::{Clock, Nanos};

/// Events taken at once.
const CAPACITY: usize = 1024;
const TIMER: Token = Token(usize::MAX);
const WAKER: Token = Token(usize::MAX - 1);

/// What a socket is ready for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ready {
    /// The number that it was registered under.
    pub(super) slot: usize,
    pub(super) readable: bool,
    pub(super) writable: bool,
    /// The other side has closed, or there is an error to be had.
    pub(super) closed: bool,
}

/// One thread's poller.
#[derive(Debug)]
pub(super) struct Poller {
    poll: Poll,
    events: Events,
    timer: timer::Timer,
    waker: Arc<Waker>,
}

impl Poller {
    pub(super) fn new() -> io::Result<Self> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKER)?);
        let timer = timer::Timer::new(poll.registry())?;
        Ok(Self { poll, events: Events::with_capacity(CAPACITY), timer, waker })
    }

    /// Ends a wait from another thread.
    pub(super) fn waker(&self) -> Arc<Waker> {
        self.waker.clone()
    }

    /// Watches a socket for reading and writing, edge-triggered: an event comes when something has changed.
    pub(super) fn register(&self, source: &mut impl Source, slot: usize) -> io::Result<()> {
        self.poll.registry().register(source, Token(slot), Interest::READABLE | Interest::WRITABLE)
    }

    /// Waits until a socket is ready, `until` has come (`None`: never) or the waker was used; then
    /// [`Poller::ready`] has the sockets.
    pub(super) fn wait(&mut self, until: Option<Nanos>, clock: &Clock) -> io::Result<()> {
        let left = until.map(|until| (until, until.saturating_sub(clock.now())));
        let timeout = match left {
            Some((_, 0)) => Some(Duration::ZERO),
            Some((until, left)) => self.timer.set(until, Duration::from_nanos(left))?,
            None => None,
        };
        match self.poll.poll(&mut self.events, timeout) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                self.events.clear();
                Ok(())
            }
            other => other,
        }
    }

    /// The sockets that the last wait found ready.
    pub(super) fn ready(&self) -> impl Iterator<Item = Ready> + '_ {
        self.events.iter().filter(|event| event.token().0 < WAKER.0).map(|event| Ready {
            slot: event.token().0,
            readable: event.is_readable(),
            writable: event.is_writable(),
            closed: event.is_read_closed() || event.is_error(),
        })
    }
}

#[cfg(target_os = "linux")]
mod timer {
    use std::io;
    use std::os::fd::{AsRawFd as _, OwnedFd};
    use std::time::Duration;

    use mio::unix::SourceFd;
    use mio::{Interest, Registry};
    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
        timerfd_settime,
    };

    use crate::load::clock::Nanos;

    /// A `timerfd` on the monotonic clock. It need not be read: setting it anew clears it.
    #[derive(Debug)]
    pub(super) struct Timer {
        descriptor: OwnedFd,
        /// What it was set to last.
        until: Nanos,
    }

    impl Timer {
        pub(super) fn new(registry: &Registry) -> io::Result<Self> {
            let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
            let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
            registry.register(&mut SourceFd(&timer.as_raw_fd()), super::TIMER, Interest::READABLE)?;
            Ok(Self { descriptor: timer, until: 0 })
        }

        /// Sets the timer to `until`, which is in the future; the poll itself then needs no time-out.
        pub(super) fn set(&mut self, until: Nanos, left: Duration) -> io::Result<Option<Duration>> {
            if self.until == until {
                return Ok(None);
            }
            let value = Timespec {
                tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
                tv_nsec: i64::from(left.subsec_nanos()),
            };
            let set = Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value: value };
            timerfd_settime(&self.descriptor, TimerfdTimerFlags::empty(), &set)?;
            self.until = until;
            Ok(None)
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod timer {
    use std::io;
    use std::time::Duration;

    use mio::Registry;

    use crate::load::clock::Nanos;

    /// The poll's own time-out: where there is no `timerfd`, lag of a millisecond shows in the results.
    #[derive(Debug)]
    pub(super) struct Timer;

    impl Timer {
        #[expect(clippy::unnecessary_wraps, reason = "the same shape as on Linux")]
        pub(super) fn new(_registry: &Registry) -> io::Result<Self> {
            Ok(Self)
        }

        #[expect(clippy::unnecessary_wraps, reason = "the same shape as on Linux")]
        pub(super) fn set(&mut self, _until: Nanos, left: Duration) -> io::Result<Option<Duration>> {
            Ok(Some(left))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn waits_for_due_times_and_is_never_early() {
        let clock = Clock::new(Instant::now());
        let mut poller = Poller::new().unwrap();
        for micros in [50, 1_300, 4_700] {
            let due = clock.now() + micros * 1_000;
            while clock.now() < due {
                poller.wait(Some(due), &clock).unwrap();
            }
            // A due time in the past does not wait, whatever the timer was set to.
            poller.wait(Some(due), &clock).unwrap();
            assert_eq!(poller.ready().count(), 0);
        }
        // The same due time twice, with another wait in between that does not reach it.
        let due = clock.now() + 20_000_000;
        let waker = poller.waker();
        waker.wake().unwrap();
        while clock.now() < due {
            poller.wait(Some(due), &clock).unwrap();
        }
    }

    #[test]
    fn the_waker_ends_a_wait() {
        let clock = Clock::new(Instant::now());
        let mut poller = Poller::new().unwrap();
        let waker = poller.waker();
        let waking = std::thread::spawn(move || waker.wake());
        poller.wait(None, &clock).unwrap();
        waking.join().unwrap().unwrap();
    }
}
