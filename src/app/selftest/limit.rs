//! A limit on the time that a run may take.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::app::run::Interrupt;

/// How long a run that is told to stop may take for it, before it is left alone.
const GRACE: Duration = Duration::from_secs(30);

/// Begins something that stops when its receiver says so, and passes on what `interrupt` says. `None` where it took
/// longer than `limit`, and was told to stop.
pub(super) async fn within<F: Future>(
    limit: Duration,
    interrupt: &mut watch::Receiver<Option<Interrupt>>,
    begin: impl FnOnce(watch::Receiver<Option<Interrupt>>) -> F,
) -> Option<F::Output> {
    let (stop, stopped) = watch::channel(None);
    let mut running = Box::pin(begin(stopped));
    let mut end = Box::pin(tokio::time::sleep(limit));
    let (mut told, mut late) = (false, false);
    loop {
        tokio::select! {
            ended = &mut running => return (!late).then_some(ended),
            signal = signalled(interrupt), if !told => {
                told = true;
                if signal.is_some() {
                    stop.send_replace(signal);
                }
            }
            () = &mut end => {
                if late {
                    return None;
                }
                late = true;
                stop.send_replace(Some(Interrupt::Terminated));
                end.as_mut().reset(Instant::now() + GRACE);
            }
        }
    }
}

/// The signal that came; `None` where none can come any more.
async fn signalled(interrupt: &mut watch::Receiver<Option<Interrupt>>) -> Option<Interrupt> {
    interrupt.wait_for(Option::is_some).await.ok().and_then(|signal| *signal)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_mins(3);

    #[tokio::test(start_paused = true)]
    async fn what_takes_too_long_is_told_to_stop_and_left_alone_if_it_does_not() {
        let (_sender, mut interrupt) = watch::channel(None);
        assert_eq!(within(LIMIT, &mut interrupt, |_| std::future::ready(7)).await, Some(7));
        let begun = Instant::now();
        let stops = |mut stopped: watch::Receiver<_>| async move { signalled(&mut stopped).await };
        assert_eq!(within(LIMIT, &mut interrupt, stops).await, None);
        assert!((LIMIT..LIMIT + GRACE).contains(&begun.elapsed()));
        let begun = Instant::now();
        assert_eq!(within(LIMIT, &mut interrupt, |_| std::future::pending::<()>()).await, None);
        assert!(begun.elapsed() >= LIMIT + GRACE);
    }

    #[tokio::test(start_paused = true)]
    async fn a_signal_is_passed_on() {
        let (_sender, mut interrupt) = watch::channel(Some(Interrupt::Interrupted));
        let stops = |mut stopped: watch::Receiver<_>| async move { signalled(&mut stopped).await };
        assert_eq!(within(LIMIT, &mut interrupt, stops).await, Some(Some(Interrupt::Interrupted)));
    }
}
