//! What the containers use, looked at once a second from the beginning of the load on.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use crate::engine::{Container, ContainerState, Vitals};
use crate::result::{BoxSecond, BoxSeconds, Telemetry};

/// How often they are looked at.
const EVERY: Duration = Duration::from_secs(1);
/// How long the engine may take to tell of one. One that takes longer is not known of in that second.
const PATIENCE: Duration = Duration::from_millis(900);
/// The most rows of a container. When there are more, two and two become one.
const MOST_ROWS: usize = 3600;

/// The containers that are watched.
#[derive(Debug, Default)]
pub(super) struct Watch {
    boxes: Arc<Mutex<Vec<Watched>>>,
    task: Option<JoinHandle<()>>,
}

/// A container with what was seen of it.
#[derive(Debug)]
struct Watched {
    container: Container,
    cpus: f64,
    /// Whether the engine told what is known of it last.
    by_engine: bool,
    seen: Recorder,
}

impl Watch {
    /// Watches this one too. One of the same name as another takes its place: a box that was made anew.
    pub(super) fn add(&self, container: Container, cpus: f64) {
        let mut boxes = locked(&self.boxes);
        match boxes.iter_mut().find(|watched| watched.container.name() == container.name()) {
            Some(watched) => (watched.container, watched.cpus) = (container, cpus),
            None => boxes.push(Watched { container, cpus, by_engine: false, seen: Recorder::default() }),
        }
    }

    /// Looks at them at `start`, and every second from then on.
    pub(super) fn start(&mut self, start: Instant) {
        let boxes = self.boxes.clone();
        self.stop();
        self.task = Some(tokio::spawn(async move {
            let mut ticks = tokio::time::interval_at(start.into(), EVERY);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
            loop {
                ticks.tick().await;
                look(&boxes, start).await;
            }
        }));
    }

    fn stop(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
        }
    }

    /// What was seen of the box of this name, the figures not worked out yet; `None` where nothing was.
    pub(super) fn telemetry(&self, name: &str) -> Option<Telemetry> {
        let boxes = locked(&self.boxes);
        let watched = boxes.iter().find(|watched| watched.container.name() == name)?;
        let seconds = watched.seen.seconds();
        let source = if watched.by_engine { "engine" } else { "kernel" };
        (!seconds.at_ms.is_empty()).then(|| Telemetry {
            source: source.to_owned(),
            cpus: watched.cpus,
            seconds,
            ..Telemetry::default()
        })
    }

    /// The containers.
    pub(super) fn containers(&self) -> Vec<Container> {
        locked(&self.boxes).iter().map(|watched| watched.container.clone()).collect()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stop();
    }
}

fn locked(boxes: &Mutex<Vec<Watched>>) -> MutexGuard<'_, Vec<Watched>> {
    boxes.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Looks at all of them, at the same time.
async fn look(boxes: &Mutex<Vec<Watched>>, start: Instant) {
    let containers: Vec<Container> = locked(boxes).iter().map(|watched| watched.container.clone()).collect();
    let looks = containers.iter().map(|container| tokio::time::timeout(PATIENCE, look_at(container)));
    let seen = futures_util::future::join_all(looks).await;
    let mut boxes = locked(boxes);
    for (container, look) in containers.iter().zip(seen) {
        let watched = boxes.iter_mut().find(|watched| watched.container.id() == container.id());
        let (Some(watched), Ok(Some(look))) = (watched, look) else { continue };
        if look.vitals.cpu_us.is_some() {
            watched.by_engine = look.by_engine;
        }
        let after = look.at.saturating_duration_since(start).as_millis();
        watched.seen.take(u64::try_from(after).unwrap_or(u64::MAX), &look.state, look.vitals);
    }
}

/// What was seen in one look.
struct Look {
    at: Instant,
    state: ContainerState,
    vitals: Vitals,
    by_engine: bool,
}

async fn look_at(container: &Container) -> Option<Look> {
    let state = container.state().await.ok()?;
    let (vitals, by_engine) = match container.vitals(&state) {
        Ok(vitals) => (vitals, false),
        Err(_) if !state.running => (Vitals::default(), false),
        // It may just have ended; then the next look tells.
        Err(_) => (container.vitals_by_engine().await.unwrap_or_default(), true),
    };
    Some(Look { at: Instant::now(), state, vitals, by_engine })
}

/// Makes rows out of looks: what is used since the last one, across restarts.
#[derive(Debug, Default)]
struct Recorder {
    rows: Vec<BoxSecond>,
    /// How many rows as they come become one.
    together: usize,
    /// How many of the last row's are in it.
    within: usize,
    last: Option<(Life, Vitals)>,
    restarts: u64,
}

/// A start of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Life {
    pid: u32,
    started_at: String,
}

impl Recorder {
    fn take(&mut self, at_ms: u64, state: &ContainerState, vitals: Vitals) {
        if !state.was_started() {
            return;
        }
        let life = Life { pid: state.pid, started_at: state.started_at.clone() };
        // One that has ended has no number, and still the start that it had.
        let anew = self.last.as_ref().is_some_and(|(last, _)| last.started_at != life.started_at);
        self.restarts += u64::from(anew);
        // What a container used in the life before, after the last look at it, nobody knows.
        let before = self.last.as_ref().filter(|_| !anew).map(|(_, vitals)| *vitals);
        let first = self.last.is_none();
        let since = |figure: fn(&Vitals) -> Option<u64>| {
            let now = figure(&vitals)?;
            match &before {
                Some(before) => Some(now.saturating_sub(figure(before)?)),
                // What a container had used when it was looked at for the first time is not of the load, or is its start.
                None => (!first).then_some(now),
            }
        };
        let row = BoxSecond {
            at_ms,
            ran: state.running,
            restarts: self.restarts,
            cpu_us: since(|vitals| vitals.cpu_us),
            throttled_us: since(|vitals| vitals.throttled_us),
            throttled_periods: since(|vitals| vitals.throttled_periods),
            rss_bytes: vitals.rss_bytes,
            memory_bytes: vitals.memory_bytes,
            threads: vitals.threads,
            fds: vitals.fds,
        };
        self.last = Some((life, vitals));
        self.push(row);
    }

    fn push(&mut self, row: BoxSecond) {
        self.together = self.together.max(1);
        let open = self.within < self.together && self.rows.len() > 1;
        match self.rows.last_mut() {
            Some(last) if open => {
                *last = joined(*last, row);
                self.within += 1;
            }
            _ => {
                self.rows.push(row);
                self.within = 1;
            }
        }
        if self.rows.len() > MOST_ROWS && self.within == self.together {
            // The first is where counting begins, and stays alone.
            let (first, rest) = self.rows.split_at(1);
            let pairs = rest.chunks(2).map(|pair| pair.iter().copied().reduce(joined).unwrap_or_default());
            let whole = rest.len().is_multiple_of(2);
            self.rows = first.iter().copied().chain(pairs).collect();
            self.within = if whole { self.together * 2 } else { self.together };
            self.together *= 2;
        }
    }

    fn seconds(&self) -> BoxSeconds {
        self.rows.iter().copied().collect()
    }
}

/// Two rows as one: what is used adds up, of what is held the most stays.
fn joined(one: BoxSecond, next: BoxSecond) -> BoxSecond {
    let sum = |one: Option<u64>, next: Option<u64>| match (one, next) {
        (Some(one), Some(next)) => Some(one.saturating_add(next)),
        (one, next) => one.or(next),
    };
    BoxSecond {
        at_ms: next.at_ms,
        ran: one.ran && next.ran,
        restarts: next.restarts,
        cpu_us: sum(one.cpu_us, next.cpu_us),
        throttled_us: sum(one.throttled_us, next.throttled_us),
        throttled_periods: sum(one.throttled_periods, next.throttled_periods),
        rss_bytes: one.rss_bytes.max(next.rss_bytes),
        memory_bytes: one.memory_bytes.max(next.memory_bytes),
        threads: one.threads.max(next.threads),
        fds: one.fds.max(next.fds),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(pid: u32, start: &str) -> ContainerState {
        ContainerState { running: pid > 0, pid, started_at: start.into(), ..ContainerState::default() }
    }

    fn used(cpu_us: u64) -> Vitals {
        Vitals { cpu_us: Some(cpu_us), rss_bytes: Some(cpu_us * 10), ..Vitals::default() }
    }

    #[test]
    fn what_is_used_counts_from_the_beginning_of_the_load_and_across_restarts() {
        let mut seen = Recorder::default();
        seen.take(0, &state(7, "a"), used(5_000_000));
        seen.take(1000, &state(7, "a"), used(5_200_000));
        // Killed: its control group is gone.
        seen.take(2000, &state(0, "a"), Vitals::default());
        seen.take(3000, &state(9, "b"), used(70_000));
        seen.take(4000, &state(9, "b"), used(90_000));
        let rows = seen.seconds();
        assert_eq!(rows.cpu_us, [None, Some(200_000), None, Some(70_000), Some(20_000)]);
        assert_eq!(rows.ran, [true, true, false, true, true]);
        assert_eq!(rows.restarts, [0, 0, 0, 1, 1]);
        assert_eq!(rows.rss_bytes[2..4], [None, Some(700_000)]);
        assert_eq!(rows.threads, [None; 5]);
    }

    #[test]
    fn a_container_that_is_started_later_was_not_down_before() {
        let mut seen = Recorder::default();
        seen.take(0, &state(0, "0001-01-01T00:00:00Z"), Vitals::default());
        seen.take(1000, &state(7, "a"), used(40));
        seen.take(2000, &state(7, "a"), used(100));
        let rows = seen.seconds();
        assert_eq!((rows.at_ms, rows.ran, rows.restarts), (vec![1000, 2000], vec![true; 2], vec![0; 2]));
        assert_eq!(rows.cpu_us, [None, Some(60)]);
    }

    #[test]
    fn a_restart_between_two_looks_is_seen() {
        let mut seen = Recorder::default();
        seen.take(0, &state(7, "a"), used(50));
        // The number may even be the same.
        seen.take(1000, &state(7, "b"), used(60));
        assert_eq!((seen.seconds().restarts, seen.seconds().cpu_us), (vec![0, 1], vec![None, Some(60)]));
    }

    #[test]
    fn a_long_run_has_longer_rows_and_the_same_sums() {
        let mut seen = Recorder::default();
        let looks = 4 * MOST_ROWS as u64 + 11;
        for look in 0..looks {
            let vitals = Vitals { threads: Some(look), ..used(look * 3) };
            seen.take(look * 1000, &state(7, "a"), vitals);
        }
        let rows = seen.seconds();
        assert!(rows.at_ms.len() <= MOST_ROWS + 1 && rows.at_ms.len() > MOST_ROWS / 2);
        assert_eq!(rows.cpu_us.iter().flatten().sum::<u64>(), (looks - 1) * 3);
        assert_eq!((rows.at_ms[0], rows.at_ms.last()), (0, Some(&((looks - 1) * 1000))));
        assert_eq!(rows.threads.last(), Some(&Some(looks - 1)));
        let steps: Vec<u64> = rows.at_ms.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(steps[..steps.len() - 1].iter().all(|step| *step == steps[0]), "{steps:?}");
    }
}
