//! Collecting events: one thread feeds the ledger with what the load and the reader report.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use crate::ledger::Ledger;
use crate::load::{Interval, Sink};
use crate::record::{Answer, AnswerView, Answers, Landed, Sent};

enum Event {
    Attempt(Sent, Answer),
    Landed(Landed),
    /// Answered when everything before it has been entered.
    Flush(Sender<()>),
}

/// The thread that keeps the ledger.
pub(super) struct Collector {
    events: Sender<Event>,
    ledger: Arc<Mutex<Ledger>>,
    thread: JoinHandle<()>,
}

impl Collector {
    pub(super) fn start(ledger: Ledger) -> std::io::Result<Self> {
        let (events, received) = channel();
        let ledger = Arc::new(Mutex::new(ledger));
        let shared = ledger.clone();
        let thread =
            std::thread::Builder::new().name("ledger".into()).spawn(move || keep(&received, &shared))?;
        Ok(Self { events, ledger, thread })
    }

    /// Where a load thread reports to.
    pub(super) fn load(&self) -> LoadSink {
        LoadSink { events: self.events.clone() }
    }

    /// Where the reader reports to.
    pub(super) fn landed(&self) -> impl Fn(Landed) + Clone + Send + 'static {
        let events = self.events.clone();
        move |landed| drop(events.send(Event::Landed(landed)))
    }

    /// The ledger with everything entered that had been reported when this was called. Blocks.
    pub(super) fn up_to_date(&self) -> MutexGuard<'_, Ledger> {
        let (done, entered) = channel();
        if self.events.send(Event::Flush(done)).is_ok() {
            let _ = entered.recv();
        }
        lock(&self.ledger)
    }

    /// Ends the thread, once all who report have gone, and gives the ledger out. `None` if the thread failed.
    pub(super) fn into_ledger(self) -> Option<Ledger> {
        let Self { events, ledger, thread } = self;
        drop(events);
        thread.join().ok()?;
        Arc::into_inner(ledger)?.into_inner().ok()
    }
}

fn keep(received: &Receiver<Event>, ledger: &Mutex<Ledger>) {
    while let Ok(first) = received.recv() {
        let mut ledger = lock(ledger);
        // What has gathered meanwhile goes in under the same lock.
        for event in std::iter::once(first).chain(received.try_iter()) {
            match event {
                Event::Attempt(sent, answer) => {
                    ledger.sent(&sent);
                    ledger.answer(&answer);
                }
                Event::Landed(landed) => ledger.landed(&landed),
                Event::Flush(done) => drop(done.send(())),
            }
        }
    }
}

fn lock(ledger: &Mutex<Ledger>) -> MutexGuard<'_, Ledger> {
    ledger.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Where one load thread reports to.
#[derive(Clone)]
pub(super) struct LoadSink {
    events: Sender<Event>,
}

impl Sink for LoadSink {
    fn attempt(&mut self, sent: &Sent, answer: AnswerView<'_>) {
        let AnswerView { answered_us, end, note, answers } = answer;
        let answers = match answers {
            [all] => Answers::All(*all),
            each => Answers::Each(each.to_vec()),
        };
        let answer = Answer { request: sent.request, attempt: sent.attempt, answered_us, end, note, answers };
        // The thread ends only after the last sender has gone.
        drop(self.events.send(Event::Attempt(*sent, answer)));
    }

    fn idle(&mut self) {}

    fn second(&mut self, interval: Box<Interval>) -> Box<Interval> {
        interval
    }
}
