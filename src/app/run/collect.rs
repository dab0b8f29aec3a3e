//! Collecting events: one thread feeds the ledger with what the load threads and the reader report.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::monitor::Intervals;
use super::outbox::Outbox;
use crate::app::journal::{Journal, LATE, Reserved, ReservedThread};
use crate::ledger::{Ledger, Quotes};
use crate::load::{Interval, Sink, Stop};
use crate::record::{Answer, End, Landed, Note, RecordAnswer, Sent};
use crate::secret::REDACTED;
use crate::stats::Histogram;

/// Events that may wait for the ledger. A reader that is faster waits; a load thread keeps its batches instead.
const WAITING: usize = 4096;
/// Events that are entered before the journal is looked after, and others may look at the ledger.
const AT_ONCE: usize = 1024;
/// Attempts in a full batch.
const FULL: usize = 256;
/// Records in a full batch.
const FULL_RECORDS: usize = 4096;
/// Batches of one load thread that are kept for use again.
const SPARE: usize = 8;
/// A load thread with nothing to do hands on what it has gathered no more often than this: each time may wake the
/// ledger's thread.
const HAND_ON: Duration = Duration::from_millis(1);
/// Different notes of answers that are told apart, for the log.
const NOTES: usize = 100;

enum Event {
    Attempts(Batch),
    Landed(Landed),
    /// Answered when everything before it has been entered.
    Flush(Sender<()>),
}

/// Records so far, for live views. Of a request that is tried again, each attempt's acks count.
#[derive(Debug, Default)]
pub(super) struct Counts {
    sent: AtomicU64,
    acked: AtomicU64,
    landed: AtomicU64,
}

impl Counts {
    /// Records sent, acks received, records read from the topics.
    pub(super) fn read(&self) -> (u64, u64, u64) {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        (read(&self.sent), read(&self.acked), read(&self.landed))
    }
}

/// The thread that keeps the ledger.
pub(in crate::app) struct Collector {
    events: SyncSender<Event>,
    ledger: Arc<Mutex<Ledger>>,
    counts: Arc<Counts>,
    thread: JoinHandle<Kept>,
}

/// What the thread has beside the ledger, when it ends.
pub(in crate::app) struct Kept {
    pub(super) journal: Journal,
    /// From written to seen.
    pub(super) readable: Histogram,
}

impl Collector {
    /// Starts the thread. The load is stopped where the disk does not take the journal.
    pub(in crate::app) fn start(ledger: Ledger, journal: Journal, stop: Stop) -> std::io::Result<Self> {
        let (events, received) = sync_channel(WAITING);
        let ledger = Arc::new(Mutex::new(ledger));
        let counts = Arc::new(Counts::default());
        let (shared, counting) = (ledger.clone(), counts.clone());
        let thread = std::thread::Builder::new()
            .name("ledger".into())
            .spawn(move || keep(&received, &shared, &counting, journal, &stop))?;
        Ok(Self { events, ledger, counts, thread })
    }

    /// Where the load thread of a number reports to; its seconds go to what `intervals` gives for it, and what it is about
    /// to send to `reserved`. The load is stopped where the disk does not take that.
    pub(super) fn sinks(
        &self,
        intervals: impl Fn(usize) -> Intervals + Send + 'static,
        reserved: Reserved,
        stop: Stop,
    ) -> impl FnMut(usize) -> LoadSink + Send + 'static {
        let events = self.events.clone();
        move |thread| {
            let reserved = (reserved.of_thread(thread), stop.clone());
            LoadSink::new(events.clone(), intervals(thread), reserved)
        }
    }

    /// Where the reader reports to.
    pub(in crate::app) fn landed(&self) -> impl Fn(Landed) + Clone + Send + 'static {
        let events = self.events.clone();
        // The thread ends only after the last sender has gone.
        move |landed| drop(events.send(Event::Landed(landed)))
    }

    /// Records so far.
    pub(super) fn counts(&self) -> Arc<Counts> {
        self.counts.clone()
    }

    /// The ledger with everything entered, and written down, that had been reported when this was called. Blocks.
    pub(super) fn up_to_date(&self) -> MutexGuard<'_, Ledger> {
        let (done, entered) = channel();
        if self.events.send(Event::Flush(done)).is_ok() {
            let _ = entered.recv();
        }
        lock(&self.ledger)
    }

    /// Ends the thread, once all who report have gone, and gives out what it has kept. `None` if the thread failed.
    pub(super) fn finish(self) -> Option<(Ledger, Kept)> {
        let Self { events, ledger, counts: _, thread } = self;
        drop(events);
        let kept = thread.join().ok()?;
        Some((Arc::into_inner(ledger)?.into_inner().ok()?, kept))
    }
}

/// Attempts that a load thread has gathered. It goes back where it came from, to be filled again.
#[derive(Debug)]
struct Batch {
    heads: Vec<Head>,
    /// The answers of all heads, one after the other.
    answers: Vec<RecordAnswer>,
    home: SyncSender<Batch>,
}

/// An attempt without its answers.
#[derive(Debug)]
struct Head {
    sent: Sent,
    answered_us: u64,
    end: End,
    note: Option<Note>,
    /// How many of the batch's answers are its own.
    answers: usize,
}

impl Batch {
    /// Gives back the attempts in their order, and goes home empty.
    fn empty(mut self, mut each: impl FnMut(&Sent, Answer<'_>)) {
        let Self { heads, answers: flat, home } = &mut self;
        let mut rest = flat.as_slice();
        for Head { sent, answered_us, end, note, answers } in heads.drain(..) {
            let (answers, others) = rest.split_at(answers);
            rest = others;
            each(&sent, Answer { answered_us, end, note, answers });
        }
        flat.clear();
        let home = home.clone();
        // Where its thread has ended or has spare ones enough, it goes.
        let _ = home.try_send(self);
    }
}

/// What one load thread reports to. Nothing here waits for anybody.
pub(super) struct LoadSink {
    events: Outbox<Event>,
    filling: Batch,
    home: SyncSender<Batch>,
    spare: Receiver<Batch>,
    handed_on: Instant,
    intervals: Intervals,
    reserved: ReservedThread,
    stop: Stop,
}

impl LoadSink {
    fn new(
        events: SyncSender<Event>,
        intervals: Intervals,
        (reserved, stop): (ReservedThread, Stop),
    ) -> Self {
        let (home, spare) = sync_channel(SPARE);
        let filling = fresh(&home);
        let events = Outbox::new(events);
        Self { events, filling, home, spare, handed_on: Instant::now(), intervals, reserved, stop }
    }

    fn hand_on(&mut self) {
        self.handed_on = Instant::now();
        if self.filling.heads.is_empty() {
            self.events.flush();
            return;
        }
        let next = self.spare.try_recv().unwrap_or_else(|_| fresh(&self.home));
        self.events.send(Event::Attempts(std::mem::replace(&mut self.filling, next)));
    }
}

fn fresh(home: &SyncSender<Batch>) -> Batch {
    Batch { heads: Vec::with_capacity(FULL), answers: Vec::with_capacity(FULL), home: home.clone() }
}

impl Sink for LoadSink {
    fn attempt(&mut self, sent: &Sent, answer: Answer<'_>) {
        let Answer { answered_us, end, note, answers } = answer;
        self.filling.answers.extend_from_slice(answers);
        self.filling.heads.push(Head { sent: *sent, answered_us, end, note, answers: answers.len() });
        if self.filling.heads.len() >= FULL || self.filling.answers.len() >= FULL_RECORDS {
            self.hand_on();
        }
    }

    fn reserve(&mut self, producer: u16, index: u64) -> Option<u64> {
        let reserved = self.reserved.reserve(producer, index, Instant::now());
        if reserved.is_none() {
            self.stop.stop();
        }
        reserved
    }

    fn give_back(&mut self, producer: u16, index: u64) -> u64 {
        self.reserved.give_back(producer, index)
    }

    fn idle(&mut self) {
        if self.handed_on.elapsed() >= HAND_ON {
            self.hand_on();
        }
    }

    fn second(&mut self, interval: Box<Interval>) -> Box<Interval> {
        self.hand_on();
        self.intervals.send(interval)
    }
}

impl Drop for LoadSink {
    fn drop(&mut self) {
        self.hand_on();
    }
}

fn keep(
    received: &Receiver<Event>,
    ledger: &Mutex<Ledger>,
    counts: &Counts,
    mut journal: Journal,
    stop: &Stop,
) -> Kept {
    let mut notes = Notes { quotes: lock(ledger).quotes().clone(), told: HashSet::new() };
    let mut readable = Histogram::new();
    loop {
        journal.write_if_late();
        if journal.failed().is_some() && !stop.is_asked() {
            stop.stop();
        }
        let first = match received.recv_timeout(LATE) {
            Ok(first) => first,
            Err(RecvTimeoutError::Timeout) => continue,
            Err(RecvTimeoutError::Disconnected) => break,
        };
        let mut ledger = lock(ledger);
        // What has gathered meanwhile goes in under the same lock.
        for event in std::iter::once(first).chain(received.try_iter().take(AT_ONCE)) {
            match event {
                Event::Attempts(batch) => batch.empty(|sent, answer| {
                    count(counts, sent, &answer);
                    notes.look_at(sent, &answer);
                    journal.attempt(sent, &answer);
                    ledger.attempt(sent, &answer, &mut |took_us| readable.record(took_us));
                }),
                Event::Landed(landed) => {
                    counts.landed.fetch_add(1, Ordering::Relaxed);
                    ledger.landed(&landed, &mut |took_us| readable.record(took_us));
                }
                Event::Flush(done) => {
                    journal.write();
                    let _ = done.send(());
                }
            }
        }
    }
    Kept { journal, readable }
}

fn count(counts: &Counts, sent: &Sent, answer: &Answer<'_>) {
    if sent.attempt == 1 {
        counts.sent.fetch_add(u64::from(sent.records), Ordering::Relaxed);
    }
    let acked = (0..sent.records).filter(|index| answer.get(*index as usize).is_acked()).count();
    counts.acked.fetch_add(acked as u64, Ordering::Relaxed);
}

/// The notes of answers that have been seen, so that the log tells of each once.
struct Notes {
    quotes: Quotes,
    told: HashSet<String>,
}

impl Notes {
    fn look_at(&mut self, sent: &Sent, answer: &Answer<'_>) {
        let Some(note) = &answer.note else { return };
        if self.told.len() < NOTES && !self.told.contains(note.gist()) {
            self.told.insert(note.gist().to_owned());
            let request = format!("{}.{}", sent.request.producer, sent.request.index);
            // Debug quotes the text, which comes from outside: it cannot make lines of its own.
            tracing::warn!(%request, end = ?answer.end, note = ?self.quotes.note(note).unwrap_or(REDACTED), "first answer of its kind");
        }
    }
}

fn lock(ledger: &Mutex<Ledger>) -> MutexGuard<'_, Ledger> {
    ledger.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::RequestId;

    const ACK: RecordAnswer = RecordAnswer::Acked { partition: Some(0), offset: Some(7) };

    fn sent(index: u64, records: u32) -> Sent {
        Sent {
            request: RequestId { producer: 0, index },
            attempt: 1,
            first_sequence: index * u64::from(records),
            records,
            written_us: index,
            expect: crate::record::Expected::Accept,
            token_expires_us: crate::record::NEVER,
            again: false,
        }
    }

    fn view(answers: &[RecordAnswer]) -> Answer<'_> {
        Answer { answered_us: 9, end: End::Status(200), note: None, answers }
    }

    fn sink(waiting: usize) -> (LoadSink, Receiver<Event>) {
        let (events, received) = sync_channel(waiting);
        let (intervals, _) = Intervals::unheard(0);
        let reserved = Reserved::new(tempfile::tempfile().unwrap(), 1, 1).unwrap().of_thread(0);
        (LoadSink::new(events, intervals, (reserved, Stop::default())), received)
    }

    fn batch(event: Event) -> Batch {
        match event {
            Event::Attempts(batch) => batch,
            _ => panic!("a load thread reports attempts only"),
        }
    }

    #[test]
    fn what_comes_out_is_what_went_in() {
        let (mut sink, received) = sink(8);
        let each = [ACK, RecordAnswer::Refused, RecordAnswer::Unknown];
        sink.attempt(&sent(0, 3), view(&each));
        sink.attempt(&sent(1, 3), Answer { note: Some("why".into()), ..view(&[RecordAnswer::Refused]) });
        sink.attempt(&sent(2, 0), view(&[]));
        drop(sink);
        let mut seen = Vec::new();
        batch(received.recv().unwrap()).empty(|sent, answer| {
            seen.push((sent.request.index, answer.answers.to_vec(), answer.note.clone(), answer.end));
        });
        let ok = End::Status(200);
        assert_eq!(
            seen,
            [
                (0, each.to_vec(), None, ok),
                (1, vec![RecordAnswer::Refused], Some("why".into()), ok),
                (2, vec![], None, ok)
            ]
        );
    }

    #[test]
    fn batches_are_used_again_and_do_not_grow() {
        let (mut sink, received) = sink(8);
        let answers = [ACK; 10];
        let mut seen = HashSet::new();
        for round in 0..100_u64 {
            for index in 0..FULL as u64 {
                sink.attempt(&sent(round * FULL as u64 + index, 10), view(&answers));
            }
            let batch = batch(received.try_recv().unwrap());
            seen.insert((batch.heads.as_ptr().addr(), batch.heads.capacity()));
            batch.empty(|_, _| {});
        }
        // One that is filled, and one that is being emptied.
        assert!(seen.len() <= 2, "{seen:?}");
    }

    #[test]
    fn a_full_channel_holds_up_nobody_and_loses_nothing() {
        let (mut sink, received) = sink(1);
        let attempts = 5 * FULL as u64 + 3;
        for index in 0..attempts {
            sink.attempt(&sent(index, 1), view(&[ACK]));
        }
        let end = std::thread::spawn(move || drop(sink));
        let mut next = 0;
        for event in &received {
            batch(event).empty(|sent, _| {
                assert_eq!(sent.request.index, next);
                next += 1;
            });
        }
        assert_eq!(next, attempts);
        end.join().unwrap();
    }

    #[test]
    fn idle_hands_on_what_has_gathered_when_some_time_has_passed() {
        let (mut sink, received) = sink(8);
        sink.attempt(&sent(0, 1), view(&[ACK]));
        sink.handed_on = Instant::now() + HAND_ON;
        sink.idle();
        assert!(received.try_recv().is_err());
        sink.handed_on = Instant::now().checked_sub(HAND_ON).unwrap();
        sink.idle();
        assert!(received.try_recv().is_ok());
        // With nothing gathered there is nothing to tell.
        sink.handed_on = Instant::now().checked_sub(HAND_ON).unwrap();
        sink.idle();
        assert!(received.try_recv().is_err());
    }
}
