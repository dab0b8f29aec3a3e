//! Which requests may have been begun. Each load thread writes down, of each of its streams, up to which index it will
//! begin requests, before it begins them: so a run that was killed tells what it may have sent, and nothing else.
//!
//! The file has its full size from the beginning, eight bytes for each stream and thread, so that a full disk does not
//! stand in the way of a reservation; and what was written is the system's, so that no kill takes it back. What was
//! reserved in vain is given back. Behind all reservations stands whether the load has ended.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::FileExt as _;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// Bytes of a reservation.
const SLOT: usize = 8;
/// A thread reserves about as many requests as it begins in this time.
const AHEAD: Duration = Duration::from_millis(100);
/// And no more than so many.
const MOST: u64 = 1 << 20;

/// The reservations of a run.
#[derive(Debug, Clone)]
pub(in crate::app) struct Reserved {
    file: Arc<File>,
    streams: usize,
    threads: usize,
    failed: Arc<OnceLock<String>>,
}

impl Reserved {
    /// Reservations of `streams` and `threads`, in an empty file that can be written.
    ///
    /// # Errors
    /// Where the disk does not take the file.
    pub(in crate::app) fn new(mut file: File, streams: usize, threads: usize) -> io::Result<Self> {
        let size = streams.saturating_mul(threads).saturating_add(1).saturating_mul(SLOT);
        file.write_all(&vec![0; size])?;
        Ok(Self { file: Arc::new(file), streams, threads, failed: Arc::default() })
    }

    /// The reservations of one load thread.
    pub(in crate::app) fn of_thread(&self, thread: usize) -> ReservedThread {
        ReservedThread { all: self.clone(), thread, paces: vec![Pace::default(); self.streams] }
    }

    /// Notes that the load has ended, and that all its attempts are in the journal: nothing is tried again any more.
    pub(in crate::app) fn load_has_ended(&self) {
        let _ = self.write(1, place(self.streams, 0, self.threads));
    }

    fn write(&self, number: u64, place: u64) -> io::Result<()> {
        self.file.write_all_at(&number.to_le_bytes(), place)
    }

    /// Why the disk took no more, if it did not.
    pub(in crate::app) fn failed(&self) -> Option<&str> {
        self.failed.get().map(String::as_str)
    }

    /// Reads reservations back.
    ///
    /// # Errors
    /// Where they cannot be read.
    pub(in crate::app) fn read(file: &File, streams: usize, threads: usize) -> io::Result<Reservations> {
        let slot = |stream: usize, thread: usize| {
            let mut bytes = [0; SLOT];
            file.read_exact_at(&mut bytes, place(stream, thread, threads))?;
            io::Result::Ok(u64::from_le_bytes(bytes))
        };
        let of_stream = |stream: usize| (0..threads).map(|thread| slot(stream, thread)).collect();
        Ok(Reservations {
            begun: (0..streams).map(of_stream).collect::<io::Result<_>>()?,
            load_has_ended: slot(streams, 0)? != 0,
        })
    }
}

/// What had been reserved when a run was killed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::app) struct Reservations {
    /// Of each stream, of each thread, up to which index requests may have been begun.
    pub(in crate::app) begun: Vec<Vec<u64>>,
    /// Whether the load had ended, with all its attempts in the journal.
    pub(in crate::app) load_has_ended: bool,
}

fn place(stream: usize, thread: usize, threads: usize) -> u64 {
    ((stream * threads + thread) * SLOT) as u64
}

/// How fast a stream goes.
#[derive(Debug, Clone, Copy)]
struct Pace {
    /// Requests of the last reservation.
    requests: u64,
    reserved: Option<Instant>,
}

impl Default for Pace {
    fn default() -> Self {
        Self { requests: 1, reserved: None }
    }
}

impl Pace {
    /// How many requests to reserve at `now`, when all of the last reservation have been begun.
    fn next(&mut self, now: Instant) -> u64 {
        if let Some(before) = self.reserved {
            let took = now.saturating_duration_since(before);
            if took < AHEAD {
                self.requests = (self.requests * 2).min(MOST);
            } else if took > 3 * AHEAD {
                self.requests = (self.requests / 2).max(1);
            }
        }
        self.reserved = Some(now);
        self.requests
    }
}

/// The reservations of one load thread.
#[derive(Debug)]
pub(in crate::app) struct ReservedThread {
    all: Reserved,
    thread: usize,
    paces: Vec<Pace>,
}

impl ReservedThread {
    /// Reserves the request at `index` of a stream, and those that follow soon. Gives the index of the first one that is
    /// not reserved; `None` where the disk does not take it.
    pub(in crate::app) fn reserve(&mut self, stream: u16, index: u64, now: Instant) -> Option<u64> {
        let Self { all, thread, paces } = self;
        let stream = usize::from(stream);
        // Of k threads each begins every kth request.
        let requests = paces.get_mut(stream)?.next(now).saturating_mul(all.threads as u64);
        let end = index.saturating_add(requests.max(1));
        match all.write(end, place(stream, *thread, all.threads)) {
            Ok(()) => Some(end),
            Err(error) => {
                let _ = all.failed.set(error.to_string());
                None
            }
        }
    }

    /// Gives back what was reserved in vain: of this thread's requests of the stream none has been begun from `index` on.
    /// Gives the index of the first one that is not reserved then.
    pub(in crate::app) fn give_back(&mut self, stream: u16, index: u64) -> u64 {
        let Self { all, thread, .. } = self;
        // Where it fails, more is reserved than need be.
        let _ = all.write(index, place(usize::from(stream), *thread, all.threads));
        index
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_begun_was_reserved_and_what_is_reserved_follows_the_pace() {
        let file = tempfile::tempfile().unwrap();
        let reserved = Reserved::new(file.try_clone().unwrap(), 3, 2).unwrap();
        let mut thread = reserved.of_thread(1);
        let start = Instant::now();
        let (mut end, mut calls) = (0, 0);
        // A thousand requests a second of this thread's.
        for index in (1..20_000).step_by(2) {
            if index >= end {
                end = thread.reserve(2, index, start + Duration::from_micros(index * 500)).unwrap();
                calls += 1;
                let read = Reserved::read(&file, 3, 2).unwrap();
                assert_eq!(read.begun, [vec![0, 0], vec![0, 0], vec![0, end]]);
                assert!(!read.load_has_ended);
            }
            assert!(index < end);
        }
        assert!((40..130).contains(&calls), "{calls} reservations in ten seconds");
        // Half a second of its load at most.
        assert!(end < 20_000 + 1_000, "{end}");
        assert_eq!(thread.give_back(2, 20_000), 20_000);
        reserved.load_has_ended();
        let read = Reserved::read(&file, 3, 2).unwrap();
        assert_eq!((read.begun[2][1], read.load_has_ended), (20_000, true));
    }

    #[test]
    fn a_slow_stream_reserves_one_by_one() {
        let mut thread = Reserved::new(tempfile::tempfile().unwrap(), 1, 1).unwrap().of_thread(0);
        let start = Instant::now();
        let ends =
            (0..5_u32).map(|index| thread.reserve(0, index.into(), start + index * Duration::from_secs(1)));
        assert!(ends.eq((1..6).map(Some)));
    }

    #[test]
    fn a_disk_that_fails_is_told() {
        let path = tempfile::NamedTempFile::new().unwrap();
        let read_only = File::open(path.path()).unwrap();
        let reserved = Reserved { file: Arc::new(read_only), streams: 1, threads: 1, failed: Arc::default() };
        assert_eq!(reserved.of_thread(0).reserve(0, 0, Instant::now()), None);
        assert!(reserved.failed().is_some());
    }
}
