//! Who works on which invocation: free workers, cold starts, and the line of those that wait.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

use super::error::FunctionError;
use super::output::Log;
use super::process::Process;
use super::report::FunctionReport;
use super::runtime_api::Event;
use super::worker::{End, InitFailure, Worker};
use super::{FunctionConfig, Outcome};

/// Invocations that may wait for a worker. Lambda throttles, too.
const LINE_LIMIT: usize = 1_000;

/// How long a worker that has answered is waited for rather than another started: it asks for its next event at once,
/// unless its function works on. So one call after the other is one worker's, and no cold start.
const RETURN: Duration = Duration::from_millis(100);

/// All workers of a function.
#[derive(Debug)]
pub(super) struct Pool {
    config: FunctionConfig,
    log: Arc<Log>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Workers that wait for an event, the one that did last at the end.
    free: Vec<Worker>,
    /// Workers that there are, or are being started.
    running: usize,
    /// Workers that have answered and are not free yet.
    returning: usize,
    /// Invocations that wait, the first one in front.
    line: VecDeque<oneshot::Sender<Place>>,
    /// Every process that may still be there.
    processes: Vec<Weak<Process>>,
    /// Workers that were ever started.
    started: u32,
    stopped: bool,
    report: FunctionReport,
}

/// Where an invocation is worked on.
#[derive(Debug)]
enum Place {
    /// By this worker.
    Worker(Worker),
    /// By one that is to be started.
    Room,
}

/// Why there is no place.
enum NoPlace {
    Full,
    Stopped,
}

impl Pool {
    pub(super) fn new(config: FunctionConfig, log: Log) -> Self {
        Self { config, log: Arc::new(log), state: Mutex::default() }
    }

    pub(super) fn config(&self) -> &FunctionConfig {
        &self.config
    }

    pub(super) fn report(&self) -> FunctionReport {
        FunctionReport { lines_unlogged: self.log.unlogged(), ..self.state().report }
    }

    /// Starts the first worker.
    pub(super) async fn warm_up(&self) -> Result<(), FunctionError> {
        {
            let mut state = self.state();
            (state.running, state.returning) = (1, 1);
        }
        let worker = self.start_worker().await.map_err(|failure| failure.error(&self.config))?;
        self.is_free(worker);
        Ok(())
    }

    /// Works on an event. What came of it goes to `outcome` at once; this returns when the worker is free again, or
    /// lost.
    pub(super) async fn invoke(&self, event: Event, outcome: oneshot::Sender<Outcome>) {
        self.state().report.invocations += 1;
        let place = match self.place().await {
            Ok(place) => place,
            Err(none) => {
                let stopped = matches!(none, NoPlace::Stopped);
                self.state().report.throttled += u64::from(!stopped);
                let _ = outcome.send(if stopped { Outcome::Stopped } else { Outcome::Throttled });
                return;
            }
        };
        let worker = match place {
            Place::Worker(worker) => worker,
            Place::Room => {
                self.state().report.cold_starts += 1;
                match self.start_worker().await {
                    Ok(worker) => worker,
                    Err(failure) => {
                        Self::is_lost(&mut self.state());
                        let _ = outcome.send(Outcome::NotStarted(failure.outcome(&event.id, &self.config)));
                        return;
                    }
                }
            }
        };
        let (counted, told) = oneshot::channel();
        let counting = async {
            // It is counted before it is told, so that who was told finds it counted.
            let told = told.await.unwrap_or(Outcome::Stopped);
            let answered = matches!(told, Outcome::Response(_) | Outcome::Error(_));
            self.count(&told);
            let _ = outcome.send(told);
            answered
        };
        let (end, answered) = tokio::join!(worker.invoke(event, counted), counting);
        match end {
            End::Ready => self.is_free(worker),
            End::Lost => {
                // There are never more processes than workers.
                worker.process().ended().await;
                drop(worker);
                let mut state = self.state();
                state.report.lost_between += u64::from(answered);
                state.returning -= 1;
                Self::is_lost(&mut state);
            }
        }
    }

    /// Takes the workers that wait for an event out of service and kills their processes; the next invocation starts
    /// another. True where no worker was busy or about to be free.
    pub(super) fn retire(&self) -> (Vec<Worker>, bool) {
        let mut state = self.state();
        let free = std::mem::take(&mut state.free);
        state.running -= free.len();
        for worker in &free {
            worker.process().kill();
        }
        (free, state.running == 0)
    }

    /// Kills all processes. Nothing is started any more.
    pub(super) fn stop(&self) -> Vec<Arc<Process>> {
        let (free, line, processes) = {
            let mut state = self.state();
            state.stopped = true;
            let processes: Vec<_> = state.processes.iter().filter_map(Weak::upgrade).collect();
            (std::mem::take(&mut state.free), std::mem::take(&mut state.line), processes)
        };
        for process in &processes {
            process.kill();
        }
        drop((free, line));
        processes
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // It is whole after each of its operations.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts what came of an event. Its worker is free, or lost, very soon.
    fn count(&self, outcome: &Outcome) {
        let mut state = self.state();
        state.returning += 1;
        let report = &mut state.report;
        match outcome {
            Outcome::Error(_) => report.errors += 1,
            Outcome::TimedOut(_) => report.timeouts += 1,
            Outcome::Crashed(_) => report.crashes += 1,
            Outcome::Response(_) | Outcome::NotStarted(_) | Outcome::Throttled | Outcome::Stopped => {}
        }
    }

    /// A place for an invocation, as soon as there is one.
    async fn place(&self) -> Result<Place, NoPlace> {
        let (mut granted, soon) = {
            let mut state = self.state();
            if state.stopped {
                return Err(NoPlace::Stopped);
            }
            while let Some(worker) = state.free.pop() {
                if !worker.process().has_ended() {
                    return Ok(Place::Worker(worker));
                }
                state.running -= 1;
                state.report.lost_between += 1;
            }
            state.line.retain(|waiting| !waiting.is_closed());
            let soon = state.returning > state.line.len();
            if !soon && let Some(room) = self.room(&mut state) {
                return Ok(room);
            }
            if state.line.len() >= LINE_LIMIT {
                return Err(NoPlace::Full);
            }
            state.report.waited += u64::from(!soon);
            let (grant, granted) = oneshot::channel();
            state.line.push_back(grant);
            (granted, soon)
        };
        if soon {
            if let Ok(granted) = timeout(RETURN, &mut granted).await {
                return granted.map_err(|_| NoPlace::Stopped);
            }
            let mut state = self.state();
            match granted.try_recv() {
                Ok(place) => return Ok(place),
                Err(oneshot::error::TryRecvError::Closed) => return Err(NoPlace::Stopped),
                Err(oneshot::error::TryRecvError::Empty) => {}
            }
            if let Some(room) = self.room(&mut state) {
                // Whoever is free next sees under this lock that nobody waits here any more.
                drop(granted);
                return Ok(room);
            }
            state.report.waited += 1;
        }
        granted.await.map_err(|_| NoPlace::Stopped)
    }

    /// Room for one more worker, taken.
    fn room(&self, state: &mut State) -> Option<Place> {
        let room = state.running < self.config.workers.get();
        state.running += usize::from(room);
        room.then_some(Place::Room)
    }

    /// Starts a worker in room that was taken.
    async fn start_worker(&self) -> Result<Worker, InitFailure> {
        let number = {
            let mut state = self.state();
            state.started += 1;
            state.started
        };
        let begun = Instant::now();
        let started = async {
            let worker = Worker::spawn(&self.config, number, self.log.clone()).await;
            let worker = worker.map_err(|error| InitFailure::Spawn(Box::new(error)))?;
            self.register(&worker)?;
            worker.init(self.config.init_timeout).await?;
            Ok(worker)
        };
        let started = started.await;
        let report = &mut self.state().report;
        match &started {
            Ok(_) => report.inits.add(begun.elapsed()),
            Err(_) => report.failed_inits += 1,
        }
        started
    }

    /// Sees to it that a process is killed when the pool stops.
    fn register(&self, worker: &Worker) -> Result<(), InitFailure> {
        let mut state = self.state();
        if state.stopped {
            return Err(InitFailure::Spawn(Box::new(FunctionError::Stopped(self.config.name.clone()))));
        }
        state.processes.retain(|process| process.strong_count() > 0);
        state.processes.push(Arc::downgrade(worker.process()));
        Ok(())
    }

    /// Hands a worker that has returned to the first in the line, or keeps it.
    fn is_free(&self, worker: Worker) {
        let mut state = self.state();
        state.returning -= 1;
        if state.stopped {
            return;
        }
        let mut place = Place::Worker(worker);
        while let Some(waiting) = state.line.pop_front() {
            match waiting.send(place) {
                Ok(()) => return,
                Err(back) => place = back,
            }
        }
        if let Place::Worker(worker) = place {
            state.free.push(worker);
        }
    }

    /// Gives the room of a worker that is no more to the first in the line.
    fn is_lost(state: &mut State) {
        while let Some(waiting) = state.line.pop_front() {
            if waiting.send(Place::Room).is_ok() {
                return;
            }
        }
        state.running -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;
    use std::num::NonZeroUsize;

    /// A pool that believes in `running` workers, which are busy, of two.
    fn pool(running: usize) -> Pool {
        let mut config = FunctionConfig::new("f", vec![]);
        config.workers = NonZeroUsize::new(2).unwrap();
        let pool = Pool::new(config, Log::open(None).unwrap());
        pool.state().running = running;
        pool
    }

    #[tokio::test]
    async fn room_is_taken_and_then_a_line_forms_that_is_bounded() {
        let pool = pool(1);
        assert!(matches!(pool.place().await, Ok(Place::Room)));
        let mut waiting: Vec<_> = (0..LINE_LIMIT).map(|_| Box::pin(pool.place())).collect();
        for place in &mut waiting {
            assert!(place.now_or_never().is_none());
        }
        assert!(matches!(pool.place().await, Err(NoPlace::Full)));
        assert_eq!(pool.report().waited, LINE_LIMIT as u64);
        // A worker that is lost makes room for the first, and one that has given up waits no longer.
        drop(waiting.remove(0));
        Pool::is_lost(&mut pool.state());
        assert!(matches!(waiting.remove(0).await, Ok(Place::Room)));
        assert_eq!(pool.state().running, 2);
        pool.stop();
        assert!(matches!(waiting.remove(0).await, Err(NoPlace::Stopped)));
        assert!(matches!(pool.place().await, Err(NoPlace::Stopped)));
    }

    #[tokio::test]
    async fn retiring_leaves_those_that_work_alone() {
        let pool = pool(1);
        let (retired, all) = pool.retire();
        assert!(retired.is_empty() && !all && pool.state().running == 1);
        pool.state().running = 0;
        assert!(pool.retire().1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_worker_that_is_about_to_be_free_is_waited_for_but_not_for_long() {
        let pool = pool(1);
        pool.state().returning = 1;
        let mut first = Box::pin(pool.place());
        assert!((&mut first).now_or_never().is_none());
        // There is one to be waited for, and it is the first's.
        assert!(matches!(pool.place().now_or_never(), Some(Ok(Place::Room))));
        pool.state().running = 1;
        let begun = Instant::now();
        assert!(matches!(first.await, Ok(Place::Room)));
        assert_eq!((begun.elapsed(), pool.report().waited), (RETURN, 0));
        // Where there is no room after all, it waits.
        let late = Box::pin(pool.place());
        let loss = async {
            tokio::time::sleep(RETURN * 2).await;
            assert_eq!(pool.report().waited, 1);
            Pool::is_lost(&mut pool.state());
        };
        let (place, ()) = tokio::join!(late, loss);
        assert!(matches!(place, Ok(Place::Room)));
    }
}
