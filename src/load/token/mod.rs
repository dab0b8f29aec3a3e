//! Access tokens: fetched by OAuth 2 client credentials (RFC 6749, section 4.4), kept and renewed beside the load, and
//! read by the load threads without waiting.

mod fetch;
mod keeper;
mod request;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::Notify;

use crate::record::Validity;
use crate::secret::Secret;

pub use fetch::{Fetched, PATIENCE, TokenError, fetch_all};
pub use keeper::{Keeper, PartnerTokens, TokenReport, TokenSource};
pub use request::{ClientProof, Credentials};

/// An access token of a partner's.
#[derive(Debug)]
pub struct Token {
    /// The token itself.
    pub secret: Secret,
    /// When it was asked for: it is no older.
    pub issued: Instant,
    /// When it has expired for certain.
    pub expires: Instant,
    /// How long it is good, in the run's own time.
    pub validity: Validity,
    /// Number of the token among its partner's, from 1.
    pub serial: u64,
}

/// A partner's current token, which a keeper replaces and load threads read.
#[derive(Debug)]
pub struct TokenCell {
    /// Serial of the current token.
    version: AtomicU64,
    current: Mutex<Arc<Token>>,
    /// The statuses upon which the token is renewed.
    renew_on: Vec<u16>,
    /// Serial of the last token that was answered so.
    refused: AtomicU64,
    /// Wakes the keeper then.
    refusal: Notify,
}

impl TokenCell {
    fn new(token: Token, renew_on: Vec<u16>) -> Self {
        Self {
            version: AtomicU64::new(token.serial),
            current: Mutex::new(Arc::new(token)),
            renew_on,
            refused: AtomicU64::new(0),
            refusal: Notify::new(),
        }
    }

    /// Notes with which status a request with the token of this serial was answered, where that makes the token be renewed:
    /// once, however many were under way with it.
    pub fn answered(&self, serial: u64, status: u16) {
        if self.renew_on.contains(&status) && self.refused.fetch_max(serial, Ordering::AcqRel) < serial {
            self.refusal.notify_one();
        }
    }

    /// Waits until the token of this serial has been answered so.
    async fn refused(&self, serial: u64) {
        while self.refused.load(Ordering::Acquire) < serial {
            self.refusal.notified().await;
        }
    }

    /// Serial of the current token: one that has been read is current for as long as this is its own.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// The current token. Takes a lock, which is never held for longer than it takes to copy a pointer.
    #[must_use]
    pub fn current(&self) -> Arc<Token> {
        self.lock().clone()
    }

    fn replace(&self, token: Token) {
        let serial = token.serial;
        *self.lock() = Arc::new(token);
        self.version.store(serial, Ordering::Release);
    }

    fn lock(&self) -> MutexGuard<'_, Arc<Token>> {
        // The pointer is whole, whatever happened to who held the lock.
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A load thread's view of a partner's token: it holds the token that it saw last, and takes the cell's lock only when
/// there is another.
#[derive(Debug)]
pub(super) struct TokenReader {
    cell: Arc<TokenCell>,
    held: Arc<Token>,
}

impl TokenReader {
    /// A reader of `cell`.
    pub(super) fn new(cell: Arc<TokenCell>) -> Self {
        let held = cell.current();
        Self { cell, held }
    }

    /// Notes with which status a request with `token` was answered.
    pub(super) fn answered(&self, token: &Token, status: u16) {
        self.cell.answered(token.serial, status);
    }

    /// The current token. Neither locks nor allocates unless it has changed.
    pub(super) fn current(&mut self) -> &Arc<Token> {
        if self.cell.version() != self.held.serial {
            self.held = self.cell.current();
        }
        &self.held
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(serial: u64) -> Token {
        let now = Instant::now();
        let validity = Validity { good_until_us: serial, expired_us: serial };
        Token { secret: Secret::new(serial.to_string()), issued: now, expires: now, validity, serial }
    }

    #[test]
    fn a_reader_sees_each_new_token_and_keeps_it() {
        let cell = Arc::new(TokenCell::new(token(1), Vec::new()));
        let mut reader = TokenReader::new(cell.clone());
        assert_eq!(reader.current().secret.expose(), "1");
        let held = Arc::as_ptr(reader.current());
        assert_eq!(Arc::as_ptr(reader.current()), held);
        cell.replace(token(2));
        assert_eq!((cell.version(), reader.current().secret.expose()), (2, "2"));
    }

    #[test]
    fn readers_on_other_threads_never_go_back() {
        let cell = Arc::new(TokenCell::new(token(1), Vec::new()));
        std::thread::scope(|scope| {
            for _ in 0..2 {
                let mut reader = TokenReader::new(cell.clone());
                scope.spawn(move || {
                    let mut last = 0;
                    while last < 1000 {
                        let serial = reader.current().serial;
                        assert!(serial >= last, "{serial} after {last}");
                        last = serial;
                    }
                });
            }
            for serial in 2..=1000 {
                cell.replace(token(serial));
            }
        });
    }
}
