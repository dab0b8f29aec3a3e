//! Faults of containers that wait for their time or befall somebody, and what of them is not over when the load is.

use std::sync::Arc;

use tokio::task::JoinHandle;

use crate::doubles::fault::Injector;
use crate::scenario::FaultKind;

/// Faults that wait for their time, until this is dropped.
#[derive(Default)]
pub(super) struct Showing(Vec<Shown>);

/// A fault that waits for its time, or befalls somebody.
pub(super) struct Shown {
    pub(super) injector: Arc<Injector>,
    /// How many containers it is to befall.
    pub(super) of: u64,
    pub(super) task: JoinHandle<()>,
}

impl Showing {
    pub(super) fn add(&mut self, shown: Shown) {
        self.0.push(shown);
    }

    /// What faults have taken down, or held, and not brought back, in sentences.
    pub(super) fn not_undone(&self) -> impl Iterator<Item = String> {
        let open = self.0.iter().filter(|shown| !shown.task.is_finished());
        let undoes = |kind: FaultKind| {
            matches!(
                kind,
                FaultKind::ContainerStop
                    | FaultKind::ContainerKill
                    | FaultKind::ContainerPause
                    | FaultKind::BrokerStop
                    | FaultKind::BrokerKill
                    | FaultKind::BrokerPause
            )
        };
        let begun = open.filter(move |shown| undoes(shown.injector.kind()) && shown.injector.injected() > 0);
        begun.map(|shown| {
            format!(
                "the fault `{}` was not over when the load ended: how the path is when the container is back was not seen",
                shown.injector.kind().name()
            )
        })
    }

    /// The faults that have not befallen all that they were to and go on, in sentences.
    pub(super) fn unfinished(&self) -> impl Iterator<Item = String> {
        let open = self.0.iter().filter(|shown| !shown.task.is_finished());
        open.filter_map(|Shown { injector, of, .. }| {
            let befallen = injector.injected();
            (befallen < *of).then(|| {
                format!(
                    "the fault `{}` had befallen {befallen} of {of} containers when the load ended; let it begin earlier, or the load \
                     last longer",
                    injector.kind().name()
                )
            })
        })
    }
}

impl Drop for Showing {
    fn drop(&mut self) {
        self.0.iter().for_each(|shown| shown.task.abort());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{Fault, Pace};

    fn shown(kind: FaultKind, befallen: u64, task: JoinHandle<()>) -> Shown {
        let injector = Arc::new(Injector::new(Fault::new(kind, Pace::Every(1)), 0));
        injector.took_effect(befallen);
        Shown { injector, of: 2, task }
    }

    fn goes_on() -> JoinHandle<()> {
        tokio::spawn(std::future::pending())
    }

    #[tokio::test]
    async fn what_is_down_or_held_when_the_load_ends_is_told_and_nothing_else() {
        let told = |kind, befallen| Showing(vec![shown(kind, befallen, goes_on())]).not_undone().count();
        for kind in [FaultKind::ContainerStop, FaultKind::ContainerPause, FaultKind::BrokerKill] {
            assert_eq!((told(kind, 0), told(kind, 1)), (0, 1), "{kind:?}");
        }
        // That one stays, and the other goes, is what they are for.
        assert_eq!((told(FaultKind::ScaleOut, 1), told(FaultKind::ScaleIn, 1)), (0, 0));
    }

    #[tokio::test]
    async fn a_fault_is_unfinished_until_it_has_befallen_all_or_has_ended() {
        let shown = |befallen: u64, task: JoinHandle<()>| shown(FaultKind::RollingRestart, befallen, task);
        let told = |shown: Shown| Showing(vec![shown]).unfinished().collect::<Vec<_>>();
        assert_eq!(told(shown(2, goes_on())), Vec::<String>::new());
        let half = told(shown(1, goes_on()));
        assert!(half[0].contains("`rolling-restart` had befallen 1 of 2 containers"), "{half:?}");
        let ended = tokio::spawn(async {});
        while !ended.is_finished() {
            tokio::task::yield_now().await;
        }
        assert_eq!(told(shown(0, ended)), Vec::<String>::new());
    }
}
