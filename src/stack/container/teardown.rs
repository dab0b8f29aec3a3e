//! Taking a stack's containers away on every way out: it does not depend on the runtime that the run had, nor on what was
//! being made when it ended.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::engine::{Engine, remove_stack};

/// How long what is being made is waited for.
const MAKING: Duration = Duration::from_secs(30);
/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// Takes away everything of the stack, and returns when it is gone. What the engine refuses is told in the log; the next run
/// tries again.
pub(super) fn take_down(engine: &Engine, stack: &str, making: &Arc<()>) {
    let began = Instant::now();
    while Arc::strong_count(making) > 1 && began.elapsed() < MAKING {
        std::thread::sleep(LOOK);
    }
    let address = engine.address().to_owned();
    let stack = stack.to_owned();
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
