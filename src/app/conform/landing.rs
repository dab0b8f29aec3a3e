//! Which records landed, by what stands in them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::kafka::Access;
use crate::record::{Landed, RunId};
use crate::stack::Stack;
use crate::verify::{Reader, ReaderConfig, VerifyError, baseline};

/// How often it is looked whether all has been read.
const POLL: Duration = Duration::from_millis(20);
/// How long reading may take.
const LIMIT: Duration = Duration::from_mins(2);

/// What stands in a case's record.
#[derive(Deserialize)]
struct Marked {
    case: String,
}

/// The topics, being read.
pub(super) struct Landing {
    reader: Reader,
    landed: Arc<Mutex<BTreeMap<String, u64>>>,
    unread: Option<String>,
}

impl Landing {
    /// Begins to read `topics` from where they end now.
    ///
    /// # Errors
    /// [`VerifyError`], where Kafka does not answer or a topic is not there.
    pub(super) async fn start(kafka: Access, run: RunId, topics: Vec<String>) -> Result<Self, VerifyError> {
        let landed = Arc::new(Mutex::new(BTreeMap::new()));
        let noted = landed.clone();
        let sink = move |record: Landed| {
            let marked = record.value.and_then(|value| serde_json::from_slice::<Marked>(&value).ok());
            if let Some(Marked { case }) = marked {
                *noted.lock().unwrap_or_else(PoisonError::into_inner).entry(case).or_default() += 1;
            }
        };
        let config = ReaderConfig { kafka, run, topics };
        let begun = tokio::task::spawn_blocking(move || -> Result<_, VerifyError> {
            let from = baseline(&config)?;
            let reader = Reader::start(&config, &from, Instant::now(), sink)?;
            Ok((reader, from))
        });
        // A task that panics is a bug, and its message has been printed.
        let (reader, from) =
            begun.await.map_err(|error| VerifyError::Thread(std::io::Error::other(error)))??;
        let unread = from.forbidden.values().next().cloned();
        Ok(Self { reader, landed, unread })
    }

    /// Reads on until nothing is left that could have been written by now; then, how many records landed by what stands
    /// in them, or why nobody knows.
    pub(super) async fn read(&self, stack: &Stack) -> Result<BTreeMap<String, u64>, String> {
        if let Some(reason) = &self.unread {
            return Err(reason.clone());
        }
        stack.quiesce().await;
        let settling = stack.settling();
        if !settling.kafka_tells {
            // Who is refused late, or written late, is not told by anybody.
            tokio::time::sleep(settling.grace).await;
        }
        let deadline = Instant::now() + LIMIT;
        loop {
            let ends = tokio::task::block_in_place(|| self.reader.look());
            if self.reader.has_read_what_it_may(&ends) {
                break;
            }
            if Instant::now() >= deadline {
                return Err(format!("they were not read to their end within {} s", LIMIT.as_secs()));
            }
            tokio::time::sleep(POLL).await;
        }
        let refused = self.reader.progress().into_values().find_map(|progress| progress.error);
        match refused {
            Some(error) => Err(error.message),
            None => Ok(self.landed.lock().unwrap_or_else(PoisonError::into_inner).clone()),
        }
    }
}
