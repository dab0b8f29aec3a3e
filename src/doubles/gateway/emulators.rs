//! One function in several containers with Lambda's runtime interface emulator, each of which takes one invocation at a time
//! and breaks down over a second.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hyper::Uri;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The emulators of one function.
#[derive(Debug)]
pub struct Emulators {
    urls: Vec<Uri>,
    /// How long an emulator may take for an answer. One that takes longer is used again, whatever it does.
    limit: Duration,
    state: Mutex<State>,
    permits: Arc<Semaphore>,
}

#[derive(Debug)]
struct State {
    /// Those that are free. The first has been for longest, so that one that is gone gets no more than its share.
    free: VecDeque<usize>,
    /// How long the first invocation of each took: its cold start is in it.
    first: Vec<Option<Duration>>,
}

/// An emulator that nobody else uses until this is dropped.
#[derive(Debug)]
pub(super) struct Lease {
    emulators: Arc<Emulators>,
    place: usize,
    since: Instant,
    _permit: OwnedSemaphorePermit,
}

impl Emulators {
    /// Those at `urls`, of Lambda's Invoke API.
    ///
    /// # Errors
    /// The first that is no http URL.
    pub fn new(urls: Vec<String>, limit: Duration) -> Result<Self, String> {
        let uri = |url: String| match url.parse::<Uri>() {
            Ok(uri) if uri.scheme_str() == Some("http") => Ok(uri),
            _ => Err(url),
        };
        let urls = urls.into_iter().map(uri).collect::<Result<Vec<_>, _>>()?;
        let state = State { free: (0..urls.len()).collect(), first: vec![None; urls.len()] };
        let permits = Arc::new(Semaphore::new(urls.len()));
        Ok(Self { urls, limit, state: Mutex::new(state), permits })
    }

    /// How long the first invocation of each took that has had one.
    #[must_use]
    pub fn first_invocations(&self) -> Vec<Duration> {
        self.state().first.iter().copied().flatten().collect()
    }

    /// How long an answer is waited for.
    pub(super) fn limit(&self) -> Duration {
        self.limit
    }

    /// One of them, as soon as one is free. `None` where there are none.
    pub(super) async fn lease(self: &Arc<Self>) -> Option<Lease> {
        // The semaphore is never closed.
        let permit = self.permits.clone().acquire_owned().await.ok()?;
        let place = self.state().free.pop_front()?;
        Some(Lease { emulators: self.clone(), place, since: Instant::now(), _permit: permit })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // It is whole after each of its operations.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lease {
    pub(super) fn url(&self) -> &Uri {
        &self.emulators.urls[self.place]
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let took = self.since.elapsed();
        let mut state = self.emulators.state();
        state.first[self.place].get_or_insert(took);
        // Before the permit, so that who gets that finds it.
        state.free.push_back(self.place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;

    #[tokio::test]
    async fn each_takes_one_at_a_time_and_in_turn() {
        let urls = vec!["http://127.0.0.1:1/a".to_owned(), "http://127.0.0.1:1/b".to_owned()];
        let emulators = Arc::new(Emulators::new(urls, Duration::from_secs(1)).unwrap());
        let (one, other) = (emulators.lease().await.unwrap(), emulators.lease().await.unwrap());
        assert_eq!((one.url().path(), other.url().path()), ("/a", "/b"));
        let mut third = Box::pin(emulators.lease());
        assert!((&mut third).now_or_never().is_none());
        assert!(emulators.first_invocations().is_empty());
        drop(other);
        let third = third.await.unwrap();
        assert_eq!((third.url().path(), emulators.first_invocations().len()), ("/b", 1));
        drop((one, third));
        assert_eq!(emulators.lease().await.unwrap().url().path(), "/a");
    }

    #[test]
    fn only_http_is_spoken_to_them() {
        let urls = |url: &str| Emulators::new(vec![url.to_owned()], Duration::ZERO).err();
        assert_eq!(urls("https://a/b"), Some("https://a/b".to_owned()));
        assert_eq!(urls("http://a/b"), None);
    }
}
