//! Taking a stack's containers away on every way out: it does not depend on the runtime that the run had, nor on what was
//! being made when it ended.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::engine::{Engine, EngineError, remove_stack};

/// How long what is being made is waited for.
const MAKING: Duration = Duration::from_secs(30);
/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// What a stack has in the engine, from the first thing that is made on. Dropped, all of it is taken away.
pub(super) struct Removal {
    engine: Engine,
    stack: String,
    /// Held by whoever is making something, so that it is not overlooked when everything goes.
    making: Arc<()>,
}

impl Removal {
    pub(super) fn new(engine: Engine, stack: String) -> Self {
        Self { engine, stack, making: Arc::new(()) }
    }

    /// Does what makes something in the engine to its end, even if nobody waits for it any more: then it is known that there
    /// is something to take away.
    pub(super) async fn detached<T: Send + 'static>(
        &self,
        task: impl Future<Output = Result<T, EngineError>> + Send + 'static,
    ) -> Result<T, EngineError> {
        let held = self.making.clone();
        let task = tokio::spawn(async move {
            let outcome = task.await;
            drop(held);
            outcome
        });
        task.await.unwrap_or_else(|error| {
            Err(EngineError::Asked { action: "start a container", reason: error.to_string() })
        })
    }
}

impl Drop for Removal {
    fn drop(&mut self) {
        let began = Instant::now();
        while Arc::strong_count(&self.making) > 1 && began.elapsed() < MAKING {
            std::thread::sleep(LOOK);
        }
        take_away(self.engine.address().to_owned(), self.stack.clone());
    }
}

/// Takes away everything of the stack, and returns when it is gone. What the engine refuses is told in the log; the next run
/// tries again.
fn take_away(address: String, stack: String) {
    // A thread of its own, since this may be called on a thread that drives tasks.
    let gone = std::thread::Builder::new().name("take-down".into()).spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        runtime.block_on(async {
            let engine = Engine::connect(Some(&address)).await.map_err(|error| error.to_string())?;
            remove_stack(&engine, &stack).await.map_err(|error| error.to_string())
        })
    });
    let outcome = match gone {
        Ok(thread) => thread.join().unwrap_or_else(|_| Err("the thread failed".into())),
        Err(error) => Err(error.to_string()),
    };
    if let Err(error) = outcome {
        tracing::error!(error, "containers could not be taken away");
    }
}
