//! Bytes under way in one direction, and when they may arrive (pure: times are arguments).

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::time::Duration;

use bytes::{Buf, Bytes};
use tokio::time::Instant;

use super::fault::ConnectionFault;

/// So many bytes may be under way.
const BYTES: usize = 256 * 1024;
/// In so many pieces.
const PIECES: usize = 1024;

#[derive(Debug)]
enum Piece {
    Bytes(Bytes),
    End,
    Broken(ErrorKind),
}

/// What arrives next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next<'a> {
    /// These bytes; never none.
    Bytes(&'a [u8]),
    /// The orderly end. It stays.
    End,
    /// A broken connection. It stays.
    Broken(ErrorKind),
}

/// A queue of pieces, each with the time of its coming in.
#[derive(Debug, Default)]
pub(super) struct Lane {
    pieces: VecDeque<(Instant, Piece)>,
    bytes: usize,
    closed: bool,
    /// When the last bytes have arrived that were throttled.
    free: Option<Instant>,
}

impl Lane {
    /// How many bytes may still come in.
    pub(super) fn room(&self) -> usize {
        if self.closed || self.pieces.len() >= PIECES { 0 } else { BYTES - self.bytes }
    }

    /// Lets `bytes` come in, of which there must be room for all.
    pub(super) fn push(&mut self, bytes: &[u8], now: Instant) {
        self.bytes += bytes.len();
        self.pieces.push_back((now, Piece::Bytes(Bytes::copy_from_slice(bytes))));
    }

    /// Nothing comes in after this, which is an orderly end, or else what went wrong.
    pub(super) fn close(&mut self, broken: Option<ErrorKind>, now: Instant) {
        if !self.closed {
            self.closed = true;
            self.pieces.push_back((now, broken.map_or(Piece::End, Piece::Broken)));
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Whether bytes are under way, and not an end alone.
    pub(super) fn holds_bytes(&self) -> bool {
        self.bytes > 0
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Whether what follows can as well be had from the socket, which tells of its end as often as it is asked.
    pub(super) fn is_clear(&self) -> bool {
        matches!(self.pieces.front(), None | Some((_, Piece::End)))
    }

    /// When something arrives next; `None` if nothing does.
    pub(super) fn due(&self, fault: Option<ConnectionFault>) -> Option<Instant> {
        let (came, piece) = self.pieces.front()?;
        match fault {
            Some(ConnectionFault::Delay { each_way }) => came.checked_add(each_way),
            Some(ConnectionFault::Stall | ConnectionFault::BlackHole) => None,
            Some(ConnectionFault::Throttle { bytes_per_s }) => {
                let length = match piece {
                    Piece::Bytes(bytes) => bytes.len().min(portion(bytes_per_s)),
                    Piece::End | Piece::Broken(_) => 0,
                };
                Some(self.begins(*came) + time_of(length, bytes_per_s))
            }
            Some(ConnectionFault::Reset { .. } | ConnectionFault::Refuse) | None => Some(*came),
        }
    }

    /// What has arrived by `now`.
    pub(super) fn next(&self, fault: Option<ConnectionFault>, now: Instant) -> Option<Next<'_>> {
        if self.due(fault)? > now {
            return None;
        }
        let (_, piece) = self.pieces.front()?;
        Some(match (piece, fault) {
            (Piece::Bytes(bytes), Some(ConnectionFault::Throttle { bytes_per_s })) => {
                Next::Bytes(&bytes[..bytes.len().min(portion(bytes_per_s))])
            }
            (Piece::Bytes(bytes), _) => Next::Bytes(bytes),
            (Piece::End, _) => Next::End,
            (Piece::Broken(kind), _) => Next::Broken(*kind),
        })
    }

    /// Takes out the first `count` of [`Next::Bytes`].
    pub(super) fn consume(&mut self, count: usize, fault: Option<ConnectionFault>) {
        let Some((came, Piece::Bytes(bytes))) = self.pieces.front_mut() else { return };
        let (came, count) = (*came, count.min(bytes.len()));
        bytes.advance(count);
        let all = bytes.is_empty();
        self.bytes -= count;
        self.free = match fault {
            Some(ConnectionFault::Throttle { bytes_per_s }) => {
                Some(self.begins(came) + time_of(count, bytes_per_s))
            }
            _ => None,
        };
        if all {
            self.pieces.pop_front();
        }
    }

    /// Takes out [`Next::End`], which has been passed on.
    pub(super) fn consume_end(&mut self) {
        if matches!(self.pieces.front(), Some((_, Piece::End))) {
            self.pieces.pop_front();
        }
    }

    /// When bytes that came in then begin to pass, one after the other.
    fn begins(&self, came: Instant) -> Instant {
        self.free.map_or(came, |free| free.max(came))
    }
}

/// So many bytes pass at once of what is throttled: those of a fiftieth of a second.
fn portion(bytes_per_s: u64) -> usize {
    usize::try_from(bytes_per_s / 50).unwrap_or(usize::MAX).max(1)
}

fn time_of(bytes: usize, bytes_per_s: u64) -> Duration {
    let nanoseconds = bytes as u128 * 1_000_000_000 / u128::from(bytes_per_s.max(1));
    // No more than a second: a portion takes a fiftieth of one, or is one byte.
    Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(1_000_000_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn bytes(next: Option<Next<'_>>) -> &[u8] {
        match next {
            Some(Next::Bytes(bytes)) => bytes,
            other => panic!("{other:?} is no bytes"),
        }
    }

    #[test]
    fn what_is_delayed_arrives_that_much_later_and_in_order() {
        let (mut lane, start) = (Lane::default(), Instant::now());
        let fault = Some(ConnectionFault::Delay { each_way: 2 * SECOND });
        lane.push(b"ab", start);
        lane.push(b"c", start + SECOND);
        lane.close(None, start + SECOND);
        assert_eq!(lane.next(fault, start + SECOND), None);
        assert_eq!(lane.due(fault), Some(start + 2 * SECOND));
        assert_eq!(bytes(lane.next(fault, start + 2 * SECOND)), b"ab");
        lane.consume(1, fault);
        assert_eq!(bytes(lane.next(fault, start + 2 * SECOND)), b"b");
        lane.consume(1, fault);
        assert_eq!(lane.next(fault, start + 2 * SECOND), None);
        assert_eq!(bytes(lane.next(fault, start + 3 * SECOND)), b"c");
        lane.consume(1, fault);
        assert_eq!(lane.next(fault, start + 3 * SECOND), Some(Next::End));
        lane.consume_end();
        assert!(lane.is_empty() && lane.is_closed());
    }

    #[test]
    fn what_is_throttled_passes_in_portions() {
        let (mut lane, start) = (Lane::default(), Instant::now());
        let fault = Some(ConnectionFault::Throttle { bytes_per_s: 1000 });
        lane.push(&[7; 1000], start);
        let mut passed = 0;
        while let Some(due) = lane.due(fault) {
            assert_eq!(due, start + Duration::from_millis(passed + 20));
            assert_eq!(lane.next(fault, due - Duration::from_millis(1)), None);
            assert_eq!(bytes(lane.next(fault, due)).len(), 20);
            lane.consume(20, fault);
            passed += 20;
        }
        assert_eq!(passed, 1000);
        // The line has been free for a while: no time is saved up.
        lane.push(&[7; 20], start + 5 * SECOND);
        assert_eq!(lane.due(fault), Some(start + 5 * SECOND + Duration::from_millis(20)));
        let none = Some(ConnectionFault::Throttle { bytes_per_s: 0 });
        assert_eq!(lane.due(none), Some(start + 6 * SECOND));
    }

    #[test]
    fn what_is_stalled_stays_and_goes_on_when_the_fault_is_lifted() {
        let (mut lane, start) = (Lane::default(), Instant::now());
        lane.push(b"a", start);
        lane.close(Some(ErrorKind::ConnectionReset), start);
        let stall = Some(ConnectionFault::Stall);
        assert_eq!((lane.due(stall), lane.next(stall, start + SECOND)), (None, None));
        assert_eq!(bytes(lane.next(None, start)), b"a");
        lane.consume(1, None);
        assert!(!lane.is_clear());
        assert_eq!(lane.next(None, start), Some(Next::Broken(ErrorKind::ConnectionReset)));
    }

    #[test]
    fn there_is_room_for_so_much_in_so_many_pieces() {
        let (mut lane, start) = (Lane::default(), Instant::now());
        lane.push(&[0; 1000], start);
        assert_eq!(lane.room(), BYTES - 1000);
        lane.push(&vec![0; BYTES - 1000], start);
        assert_eq!(lane.room(), 0);
        lane.consume(1000, None);
        assert_eq!(lane.room(), 1000);
        let mut lane = Lane::default();
        (0..PIECES).for_each(|_| lane.push(b"x", start));
        assert_eq!(lane.room(), 0);
    }
}
