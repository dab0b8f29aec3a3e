//! What has been done to containers while the load ran: told in the result, and known where it is asked who has ended by itself.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What has been done to containers.
#[derive(Clone, Default)]
pub(super) struct Events(Arc<Mutex<Told>>);

#[derive(Default)]
struct Told {
    /// In sentences, in the order in which it happened.
    sentences: Vec<String>,
    /// Boxes that do not run because a fault has stopped them.
    down: BTreeSet<String>,
    /// How those ended that did so by themselves.
    endings: BTreeMap<String, String>,
    /// Those that were started while the load ran, and were not there before.
    newcomers: BTreeMap<String, Newcomer>,
    /// The first thing that did not go as it should.
    failed: Option<String>,
}

/// A box that has come while the load ran.
#[derive(Debug, Clone, Copy)]
pub(in crate::stack) struct Newcomer {
    /// When it was taken into service, or started, where it was not yet: so long after the load began.
    pub(in crate::stack) since: Duration,
    /// How long it took from its start until it could be used; `None`: it cannot be used yet.
    pub(in crate::stack) took: Option<Duration>,
}

impl Events {
    fn locked(&self) -> MutexGuard<'_, Told> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn tell(&self, sentence: String) {
        tracing::info!(sentence, "containers");
        self.locked().sentences.push(sentence);
    }

    /// Says what did not go as it should, so that the run is not what it was to be.
    pub(super) fn fail(&self, sentence: String) {
        self.locked().failed.get_or_insert_with(|| sentence.clone());
        self.tell(sentence);
    }

    /// A box has ended by itself, in this way. What is told already is not told again.
    pub(super) fn ended(&self, name: &str, how: &str) {
        if self.locked().endings.insert(name.to_owned(), how.to_owned()).is_none() {
            self.fail(format!("the container of {name} has ended by itself ({how})"));
        }
    }

    /// How a box ended that did so by itself.
    pub(super) fn ending(&self, name: &str) -> Option<String> {
        self.locked().endings.get(name).cloned()
    }

    /// A box was started that was not there when the path came up, or taken into service.
    pub(super) fn comes(&self, name: &str, newcomer: Newcomer) {
        self.locked().newcomers.insert(name.to_owned(), newcomer);
    }

    /// What is known of a box that has come while the load ran; `None` where none of this name has.
    pub(super) fn newcomer(&self, name: &str) -> Option<Newcomer> {
        self.locked().newcomers.get(name).copied()
    }

    pub(super) fn is_down(&self, name: &str) -> bool {
        self.locked().down.contains(name)
    }

    pub(super) fn set_down(&self, name: &str, down: bool) {
        let mut told = self.locked();
        if down {
            told.down.insert(name.to_owned());
        } else {
            told.down.remove(name);
        }
    }

    pub(super) fn all(&self) -> Vec<String> {
        self.locked().sentences.clone()
    }

    /// The first thing that did not go as it should.
    pub(super) fn failed(&self) -> Option<String> {
        self.locked().failed.clone()
    }
}
