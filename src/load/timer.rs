//! Sleeping until a due time more precisely than tokio's timer, which ticks once a millisecond.

use std::io;
use std::time::{Duration, Instant};

#[cfg(target_os = "linux")]
mod clock {
    use std::io;
    use std::time::{Duration, Instant};

    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
        timerfd_settime,
    };
    use tokio::net::unix::pipe;

    /// A `timerfd` on the monotonic clock, watched by the thread's own event loop. It is read like a pipe:
    /// eight bytes when it has expired.
    #[derive(Debug)]
    pub(super) struct Clock(pipe::Receiver);

    impl Clock {
        pub(super) fn new() -> io::Result<Self> {
            let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
            let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
            Ok(Self(pipe::Receiver::from_owned_fd_unchecked(timer)?))
        }

        /// Sleeps for the time left until `due`; may return a little early.
        pub(super) async fn sleep(&self, due: Instant, left: Duration) -> io::Result<()> {
            let value = Timespec {
                tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
                tv_nsec: i64::from(left.subsec_nanos()),
            };
            let interval = Timespec { tv_sec: 0, tv_nsec: 0 };
            let set = Itimerspec { it_interval: interval, it_value: value };
            timerfd_settime(&self.0, TimerfdTimerFlags::empty(), &set)?;
            while Instant::now() < due {
                self.0.readable().await?;
                match self.0.try_read(&mut [0; 8]) {
                    Ok(_) => return Ok(()),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(())
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod clock {
    use std::io;
    use std::time::{Duration, Instant};

    /// tokio's timer: where there is no `timerfd`, lag of a millisecond shows in the results.
    #[derive(Debug)]
    pub(super) struct Clock;

    impl Clock {
        #[expect(clippy::unnecessary_wraps, reason = "the same shape as on Linux")]
        pub(super) fn new() -> io::Result<Self> {
            Ok(Self)
        }

        pub(super) async fn sleep(&self, due: Instant, _left: Duration) -> io::Result<()> {
            tokio::time::sleep_until(due.into()).await;
            Ok(())
        }
    }
}

/// A sleeper for one task of the load thread.
#[derive(Debug)]
pub(super) struct Timer(clock::Clock);

impl Timer {
    pub(super) fn new() -> io::Result<Self> {
        clock::Clock::new().map(Self)
    }

    /// Returns when `due` has come, at once if it has passed.
    pub(super) async fn sleep_until(&self, due: Instant) {
        while let Some(left) =
            due.checked_duration_since(Instant::now()).filter(|left| *left > Duration::ZERO)
        {
            if self.0.sleep(due, left).await.is_err() {
                // A timer that fails is no reason to send at the wrong time.
                tokio::time::sleep_until(due.into()).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn never_early_and_the_past_is_now() {
        let timer = Timer::new().unwrap();
        for micros in [50, 1_300, 4_700] {
            let due = Instant::now() + Duration::from_micros(micros);
            timer.sleep_until(due).await;
            assert!(Instant::now() >= due);
        }
        timer.sleep_until(Instant::now()).await;
    }
}
