//! SIGINT and SIGTERM: the first asks the run to end well, the second ends it at once.

use std::process;
use std::time::Duration;

use tokio::sync::watch;

use crate::app::clean::clean_own;
use crate::app::exit;
use crate::app::run::Interrupt;

/// How long taking away this process's own containers may take.
const OWN: Duration = Duration::from_secs(10);

/// Listens for signals within the current tokio runtime.
///
/// # Errors
/// The system's, where a handler cannot be installed.
pub(super) fn listen() -> std::io::Result<watch::Receiver<Option<Interrupt>>> {
    let (tell, told) = watch::channel(None);
    let mut signals = Signals::new()?;
    tokio::spawn(async move {
        let first = signals.next().await;
        let _ = tell.send(Some(first));
        tell!("landfall: {} received, finishing; once more to stop at once", first.name());
        let second = signals.next().await;
        // The run is not waited for any more: what is in this process ends with it, and containers would not.
        clean_own(OWN).await;
        process::exit(i32::from(exit::of_interrupt(second)));
    });
    Ok(told)
}

#[cfg(unix)]
struct Signals {
    int: tokio::signal::unix::Signal,
    term: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { int: signal(SignalKind::interrupt())?, term: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) -> Interrupt {
        tokio::select! {
            _ = self.int.recv() => Interrupt::Interrupted,
            _ = self.term.recv() => Interrupt::Terminated,
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> Interrupt {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        Interrupt::Interrupted
    }
}
