//! What mappings and back ends were told of callers: kept of the last requests, where somebody wants to know.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use super::backend::BackendRequest;
use super::call::Call;
use super::trace::Changes;

/// How many requests are remembered; of more, the oldest are forgotten.
const MOST: usize = 256;

/// What was told, each by its name: `principalId`, a member of the context, or a header that the gateway has set.
pub type Told = Vec<(String, String)>;

/// Remembers what was told of callers, by the ids of their requests.
#[derive(Debug, Default)]
pub(super) struct Witness {
    watching: AtomicBool,
    seen: Mutex<VecDeque<(String, Told)>>,
}

impl Witness {
    /// Begins to remember.
    pub(super) fn watch(&self) {
        self.watching.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_watching(&self) -> bool {
        self.watching.load(Ordering::Relaxed)
    }

    /// Remembers a call that has been answered.
    pub(super) fn add(&self, call: &Call) {
        if !self.is_watching() {
            return;
        }
        let mut told = call.handed.clone();
        if let Some(result) = &call.authorized {
            told.push(("principalId".to_owned(), result.principal_id.clone()));
            let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            told.extend(result.context.iter().flatten().map(|(name, value)| (name.clone(), text(value))));
        }
        let mut seen = self.lock();
        if seen.len() == MOST {
            seen.pop_front();
        }
        seen.push_back((call.ids.request.clone(), told));
    }

    /// What was told of the caller of the request with this id; `None` where that is not remembered.
    pub(super) fn told(&self, request_id: &str) -> Option<Told> {
        let seen = self.lock();
        seen.iter().rev().find(|(id, _)| id == request_id).map(|(_, told)| told.clone())
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(String, Told)>> {
        // Each change leaves it whole.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The headers that the back end gets from the gateway, or with another value than the client sent.
pub(super) fn handed(call: &Call, request: &BackendRequest) -> Told {
    let Changes { set, .. } = Changes::between(&call.headers, request);
    let values = |name: String| {
        let values = request.headers.get_all(&name).iter().filter_map(|value| value.to_str().ok());
        values.map(|value| (name.clone(), value.to_owned())).collect::<Told>()
    };
    set.into_iter().flat_map(values).collect()
}
