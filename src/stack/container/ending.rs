//! What results say of containers when a run is over: what they used, how they ended, what they printed last.

use std::net::SocketAddr;
use std::ops::Range;
use std::time::Instant;

use super::Containers;
use super::events::Newcomer;
use crate::engine::{Container, ContainerState};
use crate::result::BoxReport;
use crate::stats::{box_figures, micros};

/// How many of its last lines are kept.
const LINES: usize = 20;

impl Containers {
    /// From now on what they use is looked at, in the seconds after `start`.
    pub(in crate::stack) fn load_starts(&mut self, start: Instant) {
        self.watch.start(start);
    }

    /// The load has ended: nothing more befalls the containers, those that are paused go on, and brokers that are down are
    /// started, so that the topics can be read. Gives why the path was not what it was to be, where a container has ended by
    /// itself, a fault could not be shown, or one was not shown in a load that went to its end.
    pub(in crate::stack) async fn load_is_over(&mut self, to_its_end: bool) -> Option<String> {
        let showing = std::mem::take(&mut self.showing);
        showing.not_undone().for_each(|sentence| self.events.tell(sentence));
        // What has been told already is the cause, and may be that of others.
        if to_its_end && self.events.failed().is_none() {
            showing.unfinished().for_each(|sentence| self.events.fail(sentence));
        }
        drop(showing);
        self.note_ends().await;
        let brokers = self.cluster.iter().flat_map(|cluster| &cluster.brokers);
        let brokers: Vec<&Container> = brokers.map(|broker| &broker.container).collect();
        for container in self.all() {
            let Ok(state) = container.state().await else { continue };
            let name = container.name();
            if state.paused {
                let _ = container.unpause().await;
            } else if !state.running
                && self.events.is_down(name)
                && brokers.iter().any(|broker| broker.name() == name)
            {
                let _ = container.start().await;
            }
        }
        self.events.failed()
    }

    /// Looks at all, and does nothing to them. Gives why they are not what they were to be, where one has ended by itself, now or
    /// earlier.
    pub(in crate::stack) async fn note_ends(&self) -> Option<String> {
        for container in self.all() {
            let Ok(state) = container.state().await else { continue };
            self.note_end(container, &state);
        }
        self.events.failed()
    }

    /// Notes that a container in this state has ended by itself, if it has.
    pub(super) fn note_end(&self, container: &Container, state: &ContainerState) {
        let name = container.name();
        if let Some(how) = ended(state).filter(|_| state.was_started() && !self.events.is_down(name)) {
            self.events.ended(name, &how);
        }
    }

    fn all(&self) -> impl Iterator<Item = &Container> {
        let brokers =
            self.cluster.iter().flat_map(|cluster| &cluster.brokers).map(|broker| &broker.container);
        let proxies = self.proxies.iter().chain(&self.spares).map(|replica| &replica.container);
        let workers = self.workers.iter().map(|worker| &worker.container);
        brokers.chain(proxies).chain(workers).chain(&self.idp).chain(&self.registry_itself)
    }

    /// The proxies that were taken into service while the load ran, with where they are reached.
    pub(in crate::stack) fn in_service_since(&self) -> Vec<(String, SocketAddr)> {
        let came = self.spares.iter().map(|spare| (spare.container.name().to_owned(), spare.address));
        came.filter(|(name, _)| self.events.newcomer(name).is_some_and(|newcomer| newcomer.took.is_some()))
            .collect()
    }

    /// The boxes among `spares` that a fault has started while the load ran.
    pub(in crate::stack) fn newcomers(&self, spares: &[BoxReport]) -> Vec<BoxReport> {
        let come = |spare: &BoxReport| {
            let Newcomer { since, took } = self.events.newcomer(&spare.name)?;
            let since_ms = u64::try_from(since.as_millis()).ok();
            Some(BoxReport { since_ms, start_us: took.map_or(0, micros), ..spare.clone() })
        };
        spares.iter().filter_map(come).collect()
    }

    /// Puts into `boxes` what each has used; `measured` are the measured phases, in milliseconds after the load began. Of one that has
    /// come later, what it used before it was in service is not measured: its start.
    pub(in crate::stack) fn add_telemetry(&self, boxes: &mut [BoxReport], measured: &[Range<u64>]) {
        for part in boxes {
            let Some(report) = &mut part.container else { continue };
            let since = part.since_ms.unwrap_or(0);
            let measured: Vec<Range<u64>> = measured
                .iter()
                .map(|time| time.start.max(since)..time.end)
                .filter(|time| !time.is_empty())
                .collect();
            report.telemetry = self.watch.telemetry(&part.name).map(|mut telemetry| {
                telemetry.figures = box_figures(&telemetry.seconds, telemetry.cpus, &measured);
                telemetry
            });
        }
    }

    /// Puts into `boxes` how those ended that do not run, and the end of their logs; of all of them, where `all`.
    pub(in crate::stack) async fn add_endings(&self, boxes: &mut [BoxReport], all: bool) {
        for container in self.watch.containers() {
            let found = boxes.iter_mut().find(|part| part.name == container.name());
            let Some(report) = found.and_then(|part| part.container.as_mut()) else { continue };
            // As it was when the load had ended: later, proxies may have been stopped.
            report.ended = self.events.ending(container.name());
            let by_itself = report.ended.is_some();
            if !by_itself && self.events.is_down(container.name()) {
                report.ended = Some("taken down on purpose".to_owned());
            }
            if all || by_itself {
                report.log_end = self.end_of_log(&container).await;
            }
        }
    }

    async fn end_of_log(&self, container: &Container) -> Vec<String> {
        container.tail(LINES, &self.redaction).await.unwrap_or_default()
    }
}

fn ended(state: &ContainerState) -> Option<String> {
    match state {
        // Killed for want of memory and started again is told too.
        ContainerState { out_of_memory: true, .. } => Some("it had no memory left".to_owned()),
        ContainerState { running: true, .. } => None,
        state => Some(format!("exit code {}", state.exit_code.unwrap_or_default())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_has_ended_says_how() {
        let state = |running, out_of_memory| {
            ended(&ContainerState {
                running,
                out_of_memory,
                exit_code: Some(137),
                ..ContainerState::default()
            })
        };
        assert_eq!(state(true, false), None);
        assert_eq!(state(false, false).as_deref(), Some("exit code 137"));
        assert_eq!(state(false, true).as_deref(), Some("it had no memory left"));
    }
}
