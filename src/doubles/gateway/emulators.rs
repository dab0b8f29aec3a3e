//! One function in several containers with Lambda's runtime interface emulator, each of which takes one invocation at a time
//! and breaks down over a second.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hyper::Uri;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};

/// For how long one is left alone that does not accept connections. It fails at once and would be free for nearly every arrival.
const REST: Duration = Duration::from_secs(1);

/// The emulators of one function.
#[derive(Debug)]
pub struct Emulators {
    urls: Vec<Uri>,
    /// How long an emulator may take for an answer. One that takes longer is used again, whatever it does.
    limit: Duration,
    state: Mutex<State>,
    permits: Arc<Semaphore>,
    /// How many are left alone.
    resting: watch::Sender<usize>,
    /// Ends their rest.
    again: Notify,
    /// How many invocations have waited until one was free.
    waited: AtomicU64,
}

#[derive(Debug)]
struct State {
    /// Those that are free. The first has been for longest.
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
    /// Whether it was reached, as far as is known.
    reached: bool,
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
        let (resting, waited) = (watch::Sender::new(0), AtomicU64::new(0));
        Ok(Self { urls, limit, state: Mutex::new(state), permits, resting, again: Notify::new(), waited })
    }

    /// How many they are. They are asked in turn, as long as one is free when it is its turn.
    #[must_use]
    pub fn copies(&self) -> usize {
        self.urls.len()
    }

    /// How long the first invocation of each took that has had one.
    #[must_use]
    pub fn first_invocations(&self) -> Vec<Duration> {
        self.state().first.iter().copied().flatten().collect()
    }

    /// How many invocations have waited until one was free.
    #[must_use]
    pub fn waited(&self) -> u64 {
        self.waited.load(Ordering::Relaxed)
    }

    /// All have been started anew: those that were left alone are used again.
    pub async fn started_anew(&self) {
        self.again.notify_waiters();
        // The sender lives as long as this.
        let _ = self.resting.subscribe().wait_for(|resting| *resting == 0).await;
    }

    /// How long an answer is waited for.
    pub(super) fn limit(&self) -> Duration {
        self.limit
    }

    /// One of them, as soon as one is free. `None` where all are left alone, as none accepts connections.
    pub(super) async fn lease(self: &Arc<Self>) -> Option<Lease> {
        let permit = match self.permits.clone().try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => self.wait().await?,
        };
        let place = self.state().free.pop_front()?;
        Some(Lease { emulators: self.clone(), place, since: Instant::now(), reached: true, _permit: permit })
    }

    async fn wait(&self) -> Option<OwnedSemaphorePermit> {
        let all = self.urls.len();
        let mut resting = self.resting.subscribe();
        if *resting.borrow() == all {
            return None;
        }
        self.waited.fetch_add(1, Ordering::Relaxed);
        tokio::select! {
            // The semaphore is never closed.
            permit = self.permits.clone().acquire_owned() => permit.ok(),
            _ = resting.wait_for(|resting| *resting == all) => None,
        }
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

    /// It does not accept connections: it is left alone for a while.
    pub(super) fn rest(mut self) {
        self.reached = false;
        self.emulators.resting.send_modify(|resting| *resting += 1);
        tokio::spawn(async move {
            let _ = tokio::time::timeout(REST, self.emulators.again.notified()).await;
            self.emulators.resting.send_modify(|resting| *resting -= 1);
        });
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let took = self.since.elapsed();
        let mut state = self.emulators.state();
        if self.reached {
            state.first[self.place].get_or_insert(took);
        }
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

    #[tokio::test(start_paused = true)]
    async fn one_that_cannot_be_reached_is_left_alone_for_a_while() {
        let urls = vec!["http://127.0.0.1:1/a".to_owned(), "http://127.0.0.1:1/b".to_owned()];
        let emulators = Arc::new(Emulators::new(urls, Duration::from_secs(1)).unwrap());
        emulators.lease().await.unwrap().rest();
        for _ in 0..3 {
            assert_eq!(emulators.lease().await.unwrap().url().path(), "/b", "the other takes them all");
        }
        assert_eq!(emulators.waited(), 0);
        let other = emulators.lease().await.unwrap();
        let mut third = Box::pin(emulators.lease());
        assert!((&mut third).now_or_never().is_none());
        assert_eq!(emulators.waited(), 1);
        other.rest();
        assert!(third.await.is_none(), "who waits is told as soon as nobody is left");
        assert!(emulators.lease().await.is_none());
        assert_eq!((emulators.waited(), emulators.first_invocations().len()), (1, 1));
        tokio::time::sleep(REST * 2).await;
        assert_eq!(emulators.lease().await.unwrap().url().path(), "/a", "it is tried again");
        assert_eq!(emulators.state().free.len(), 2);
        emulators.lease().await.unwrap().rest();
        tokio::task::yield_now().await;
        let since = tokio::time::Instant::now();
        emulators.started_anew().await;
        assert_eq!((emulators.lease().await.unwrap().url().path(), since.elapsed()), ("/a", Duration::ZERO));
    }

    #[test]
    fn only_http_is_spoken_to_them() {
        let urls = |url: &str| Emulators::new(vec![url.to_owned()], Duration::ZERO).err();
        assert_eq!(urls("https://a/b"), Some("https://a/b".to_owned()));
        assert_eq!(urls("http://a/b"), None);
    }
}
