//! The sending end of a bounded channel, for a thread that must never wait.

use std::collections::VecDeque;
use std::sync::mpsc::{SyncSender, TrySendError};

/// Sends in order, and keeps what finds no room until it is asked again.
#[derive(Debug)]
pub(super) struct Outbox<T> {
    channel: SyncSender<T>,
    kept: VecDeque<T>,
}

impl<T> Outbox<T> {
    pub(super) fn new(channel: SyncSender<T>) -> Self {
        Self { channel, kept: VecDeque::with_capacity(16) }
    }

    /// Sends an item, after all that is kept; or keeps it. Never blocks, and allocates only where more than a few
    /// are kept.
    pub(super) fn send(&mut self, item: T) {
        self.kept.push_back(item);
        self.flush();
    }

    /// Sends what is kept, as far as there is room. What nobody will receive any more is dropped.
    pub(super) fn flush(&mut self) {
        while let Some(item) = self.kept.pop_front() {
            if let Err(TrySendError::Full(item)) = self.channel.try_send(item) {
                self.kept.push_front(item);
                return;
            }
        }
    }
}

impl<T> Drop for Outbox<T> {
    /// The thread is at its end and may wait: nothing is lost.
    fn drop(&mut self) {
        for item in self.kept.drain(..) {
            let _ = self.channel.send(item);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::sync_channel;

    #[test]
    fn what_finds_no_room_waits_and_keeps_its_place() {
        let (channel, received) = sync_channel(2);
        let mut outbox = Outbox::new(channel);
        (0..5).for_each(|item| outbox.send(item));
        assert_eq!(received.recv(), Ok(0));
        outbox.send(5);
        assert_eq!(received.try_iter().collect::<Vec<_>>(), [1, 2]);
        outbox.flush();
        assert_eq!(received.try_iter().collect::<Vec<_>>(), [3, 4]);
        let last = std::thread::spawn(move || drop(outbox));
        assert_eq!(received.iter().collect::<Vec<_>>(), [5]);
        last.join().unwrap();
    }

    #[test]
    fn nobody_to_receive_is_no_reason_to_wait() {
        let (channel, received) = sync_channel(1);
        let mut outbox = Outbox::new(channel);
        (0..3).for_each(|item| outbox.send(item));
        drop(received);
        outbox.send(3);
    }
}
