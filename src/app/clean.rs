//! `landfall clean`: takes away what killed runs have left in the container engine.

use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::engine::{Engine, EngineError, Fate, FoundStack, MADE_STACKS, Owner, remove_stack, stacks};

/// What is to be cleaned.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Only this stack, also where nobody here can tell whether its owner lives; `None`: all that are abandoned.
    pub stack: Option<String>,
    /// That one even if its owner lives.
    pub force: bool,
    /// Nothing is taken away; it is only said what would be.
    pub dry_run: bool,
}

/// What became of a stack.
#[derive(Debug)]
pub struct Cleaned {
    /// Which.
    pub stack: FoundStack,
    /// What may be done with it.
    pub fate: Fate,
    /// What was done.
    pub done: Done,
}

/// What was done with a stack.
#[derive(Debug)]
pub enum Done {
    /// It was taken away.
    Removed,
    /// It would have been.
    WouldBeRemoved,
    /// It was left where it is.
    Left,
    /// It could not be taken away.
    Failed(EngineError),
}

/// Why nothing was cleaned.
#[derive(Debug, thiserror::Error)]
pub enum CleanError {
    /// The engine.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// No such stack.
    #[error(
        "there is no stack {stack} in the container engine; `landfall clean --dry-run` lists those that there are"
    )]
    Unknown {
        /// As asked.
        stack: String,
    },
    /// A stack in use.
    #[error(
        "the stack {stack} is in use: process {pid} has started it and runs; end that process, which takes it away, or add \
         `--force`"
    )]
    Used {
        /// Which.
        stack: String,
        /// Its owner's number.
        pid: u32,
    },
}

/// Takes away what is wanted. Gives every stack that there was, or the one that was asked for.
///
/// # Errors
/// [`CleanError`], before anything is taken away.
pub async fn clean(wanted: &Wanted) -> Result<Vec<Cleaned>, CleanError> {
    let engine = Engine::connect(std::env::var("DOCKER_HOST").ok().as_deref()).await?;
    let here = Owner::this();
    let mut found = stacks(&engine).await?;
    if let Some(stack) = &wanted.stack {
        found.retain(|found| found.stack == *stack);
        if found.is_empty() {
            return Err(CleanError::Unknown { stack: stack.clone() });
        }
    }
    let mut cleaned = Vec::new();
    for stack in found {
        let fate = stack.fate(here.as_ref());
        if let (Some(_), Fate::Used, false) = (&wanted.stack, fate, wanted.force) {
            let pid = stack.owner.as_ref().map_or(0, |owner| owner.pid);
            return Err(CleanError::Used { stack: stack.stack, pid });
        }
        let done = match (goes(fate, wanted), wanted.dry_run) {
            (false, _) => Done::Left,
            (true, true) => Done::WouldBeRemoved,
            (true, false) => match remove_stack(&engine, &stack.stack).await {
                Ok(_) => Done::Removed,
                Err(error) => Done::Failed(error),
            },
        };
        cleaned.push(Cleaned { stack, fate, done });
    }
    Ok(cleaned)
}

/// Whether a stack of this fate is to go.
fn goes(fate: Fate, wanted: &Wanted) -> bool {
    match fate {
        Fate::Abandoned => true,
        Fate::Doubtful => wanted.stack.is_some(),
        Fate::Used => wanted.stack.is_some() && wanted.force,
    }
}

/// Takes away what this process has started itself, and waits for that no longer than `limit`. A process that has started
/// nothing does not ask the engine.
pub async fn clean_own(limit: Duration) {
    if !MADE_STACKS.load(Ordering::Acquire) {
        return;
    }
    let removal = async {
        let here = Owner::this()?;
        let engine = Engine::connect(std::env::var("DOCKER_HOST").ok().as_deref()).await.ok()?;
        let own = stacks(&engine).await.ok()?.into_iter().filter(|stack| stack.owner.as_ref() == Some(&here));
        for stack in own {
            // What is left, the next run takes away.
            let _ = remove_stack(&engine, &stack.stack).await;
        }
        Some(())
    };
    let _ = tokio::time::timeout(limit, removal).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_named_goes_beyond_what_is_abandoned() {
        let wanted = |named: bool, force| Wanted { stack: named.then(|| "s".into()), force, dry_run: false };
        let fates = [Fate::Abandoned, Fate::Doubtful, Fate::Used];
        let go = |wanted: &Wanted| fates.map(|fate| goes(fate, wanted));
        assert_eq!(go(&wanted(false, false)), [true, false, false]);
        assert_eq!(go(&wanted(false, true)), [true, false, false]);
        assert_eq!(go(&wanted(true, false)), [true, true, false]);
        assert_eq!(go(&wanted(true, true)), [true, true, true]);
    }
}
