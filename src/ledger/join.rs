//! Acks and copies meet at their places: in the partition's window while they come close together, aside where they do
//! not, and in the end in the store, where what was put aside is merged by place.

use std::collections::{BTreeMap, HashMap};

use super::place::{Place, Side, Store, StoreError, Unmatched};
use super::sorter::{Sorter, merged};
use super::window::{Brought, Retired, Slot, Times, Window};
use crate::record::{RecordId, TopicPartition};

/// How much is held in memory while acks and copies wait for each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Offsets of a partition in which they meet.
    pub window: usize,
    /// Those that wait beyond, of all partitions together.
    pub aside: usize,
    /// Records whose order is to be looked at again in the end, and copies that no ack names.
    pub apart: usize,
}

impl Default for Bounds {
    /// 2.5 MiB for a partition at most, and some 100 MiB aside where everything goes wrong.
    fn default() -> Self {
        Self { window: 1 << 16, aside: 1 << 20, apart: 1 << 20 }
    }
}

/// Partitions of higher numbers have no windows: no topic has them, and an ack may name any number.
const PARTITIONS: i32 = 1 << 14;

/// All places where acks and copies are to meet.
#[derive(Debug)]
pub(super) struct Join {
    bounds: Bounds,
    topics: Vec<Vec<Window>>,
    /// What waits outside of the windows.
    aside: HashMap<(Place, RecordId), Waiting>,
    store: Option<Box<dyn Store>>,
    store_is_full: bool,
    /// Records whose order must be looked at again, with their places.
    pub(super) apart: Apart,
    /// Whether it is the sum of several.
    is_sum: bool,
}

/// What waits for its counterpart.
#[derive(Debug, Clone, Copy)]
enum Waiting {
    /// An ack that is still to be met, with its times while they are known.
    Claim(Option<Times>),
    Landing,
}

impl Waiting {
    fn of(side: Side) -> Self {
        match side {
            Side::Claim => Self::Claim(None),
            Side::Landing => Self::Landing,
        }
    }

    fn side(self) -> Side {
        match self {
            Self::Claim(_) => Side::Claim,
            Self::Landing => Side::Landing,
        }
    }
}

/// Records that did not come in the order of their offsets, or that seem to have been overtaken.
#[derive(Debug)]
pub(super) struct Apart {
    most: usize,
    pub(super) places: BTreeMap<RecordId, Place>,
    /// Such records beyond the bound: their order is not checked.
    pub(super) beyond: u64,
}

impl Apart {
    pub(super) fn new(most: usize) -> Self {
        Self { most, places: BTreeMap::new(), beyond: 0 }
    }

    /// Adds one, unless there are too many already.
    pub(super) fn add(&mut self, id: RecordId, place: Place) {
        if let Some(first) = self.places.get_mut(&id) {
            // Of several copies the first one counts.
            *first = (*first).min(place);
        } else if self.places.len() < self.most {
            self.places.insert(id, place);
        } else {
            self.beyond += 1;
        }
    }
}

impl Join {
    pub(super) fn new(topics: usize, bounds: Bounds, store: Option<Box<dyn Store>>) -> Self {
        let topics = (0..topics).map(|_| Vec::new()).collect();
        let apart = Apart::new(bounds.apart);
        Self { bounds, topics, aside: HashMap::new(), store, store_is_full: false, apart, is_sum: false }
    }

    /// An ack names a place. How long after being written the record was seen, if it was.
    pub(super) fn claim(&mut self, place: Place, id: RecordId, times: Times) -> Option<u64> {
        if self.meets_aside(place, id, Side::Claim).is_some() {
            // The window has passed it already.
            self.apart.add(id, place);
            return None;
        }
        self.bring(place, id, Slot::Claim { id, times }, Waiting::Claim(Some(times)))
    }

    /// A record stands at a place. How long after being written it was seen, if its ack is known.
    pub(super) fn land(&mut self, place: Place, id: RecordId, readable_us: u64) -> Option<u64> {
        self.read(place);
        if let Some(waited) = self.meets_aside(place, id, Side::Landing) {
            let Waiting::Claim(Some(times)) = waited else {
                self.apart.add(id, place);
                return None;
            };
            self.settle(place, id, times);
            return Some(readable_us.saturating_sub(times.written_us));
        }
        self.bring(place, id, Slot::Landing { id, readable_us }, Waiting::Landing)
    }

    /// A record without an identity stands at a place, and an ack may tell whose it is.
    pub(super) fn land_nameless(&mut self, place: Place) {
        self.read(place);
        if let Some(window) = self.window(place.at) {
            window.bring(place.offset, Slot::Nameless);
        }
    }

    /// An ack tells whose a record is that was read before, and the record is that.
    pub(super) fn settle(&mut self, place: Place, id: RecordId, times: Times) {
        if self.window(place.at).is_some_and(|window| window.settle(place.offset, id, times)) {
            self.retire(place.at);
        } else {
            self.apart.add(id, place);
        }
    }

    fn retire(&mut self, at: TopicPartition) {
        let mut gone = Vec::new();
        if let Some(window) = self.window(at) {
            window.retire(&mut |retired| gone.push(retired));
        }
        self.retired(at, gone);
    }

    /// Something stands at a place that belongs to nobody, as far as is known.
    pub(super) fn read(&mut self, place: Place) {
        let mut gone = Vec::new();
        if let Some(window) = self.window(place.at) {
            window.read(place.offset, &mut |retired| gone.push(retired));
        }
        self.retired(place.at, gone);
    }

    /// The record whose claim waits at this place in the window.
    pub(super) fn claimant(&self, place: Place) -> Option<(RecordId, Times)> {
        let partition = usize::try_from(place.at.partition).ok()?;
        self.topics.get(usize::from(place.at.topic))?.get(partition)?.claimant(place.offset)
    }

    /// One past the last offset of the partition that was read.
    pub(super) fn read_to(&self, at: TopicPartition) -> i64 {
        let window = usize::try_from(at.partition)
            .ok()
            .and_then(|partition| self.topics.get(usize::from(at.topic))?.get(partition));
        window.map_or(0, Window::read_to)
    }

    fn window(&mut self, at: TopicPartition) -> Option<&mut Window> {
        if at.partition >= PARTITIONS {
            return None;
        }
        let most = self.bounds.window;
        let windows = self.topics.get_mut(usize::from(at.topic))?;
        let partition = usize::try_from(at.partition).ok()?;
        if partition >= windows.len() {
            windows.resize_with(partition + 1, || Window::new(most));
        }
        windows.get_mut(partition)
    }

    /// The counterpart that waits aside, and does so no more.
    fn meets_aside(&mut self, place: Place, id: RecordId, side: Side) -> Option<Waiting> {
        if self.aside.is_empty() {
            return None;
        }
        let key = (place, id);
        let meets = self.aside.get(&key).is_some_and(|waiting| waiting.side() != side);
        if meets { self.aside.remove(&key) } else { None }
    }

    /// Brings something to its window, or puts it aside as `waiting`.
    fn bring(&mut self, place: Place, id: RecordId, coming: Slot, waiting: Waiting) -> Option<u64> {
        let window = self.window(place.at);
        match window.map_or(Brought::NoPlace, |window| window.bring(place.offset, coming)) {
            Brought::Matched { took_us } => {
                self.retire(place.at);
                Some(took_us)
            }
            Brought::Waits => None,
            Brought::NoPlace => {
                self.put_aside(place, id, waiting);
                None
            }
        }
    }

    fn retired(&mut self, at: TopicPartition, retired: Vec<Retired>) {
        for gone in retired {
            match gone {
                Retired::Claim { offset, id, times } => {
                    self.put_aside(Place { at, offset }, id, Waiting::Claim(Some(times)));
                }
                Retired::Landing { offset, id } => {
                    self.put_aside(Place { at, offset }, id, Waiting::Landing);
                }
                Retired::Overtaken { offset, id } => {
                    self.apart.add(id, Place { at, offset });
                }
            }
        }
    }

    fn put_aside(&mut self, place: Place, id: RecordId, waiting: Waiting) {
        self.aside.insert((place, id), waiting);
        if self.aside.len() >= self.bounds.aside
            && let Some(store) = self.store.as_mut().filter(|_| !self.store_is_full)
            && let Err(run) = store.keep(sorted(&mut self.aside))
        {
            // From now on it stays in memory.
            self.store_is_full = true;
            self.aside = run.into_iter().map(|one| ((one.place, one.id), Waiting::of(one.side))).collect();
        }
    }

    /// Ends the meeting: tells of everything that met late, and of everything that never met, in the order of places.
    ///
    /// # Errors
    /// [`StoreError`] where what was put aside cannot be read back.
    pub(super) fn finish(&mut self, mut each: impl FnMut(Unmatched)) -> Result<(), StoreError> {
        self.close_windows();
        let mut store = self.store.take();
        let here = sorted(&mut self.aside);
        let apart = &mut self.apart;
        let mut runs = store.as_mut().map(|store| store.runs()).unwrap_or_default();
        runs.push(Box::new(here.into_iter().map(Ok)));
        let mut waiting: Option<Unmatched> = None;
        for unmatched in merged(runs) {
            let unmatched = unmatched?;
            match waiting.take() {
                Some(before) if (before.place, before.id) == (unmatched.place, unmatched.id) => {
                    if before.side == unmatched.side {
                        waiting = Some(unmatched);
                    } else {
                        apart.add(before.id, before.place);
                    }
                }
                Some(before) => {
                    each(before);
                    waiting = Some(unmatched);
                }
                None => waiting = Some(unmatched),
            }
        }
        waiting.into_iter().for_each(each);
        self.store = store;
        Ok(())
    }

    /// Takes in what another has, whose attempts and offsets are others. Both end to meet within windows.
    pub(super) fn merge(&mut self, mut other: Self) -> Result<(), StoreError> {
        self.close_windows();
        other.close_windows();
        self.is_sum = true;
        let mut store = other.store.take();
        let runs = store.as_mut().map(|store| store.runs()).unwrap_or_default();
        for run in runs {
            for unmatched in run {
                self.take_in(unmatched?);
            }
        }
        for unmatched in sorted(&mut other.aside) {
            self.take_in(unmatched);
        }
        self.apart.beyond += other.apart.beyond;
        for (id, place) in other.apart.places {
            self.apart.add(id, place);
        }
        Ok(())
    }

    fn take_in(&mut self, Unmatched { place, id, side, .. }: Unmatched) {
        if self.meets_aside(place, id, side).is_some() {
            self.apart.add(id, place);
        } else {
            self.put_aside(place, id, Waiting::of(side));
        }
    }

    /// Puts aside what waits in the windows. What has been read stays read.
    fn close_windows(&mut self) {
        for topic in 0..self.topics.len() {
            for partition in 0..self.topics[topic].len() {
                let mut gone = Vec::new();
                self.topics[topic][partition].retire_all(&mut |retired| gone.push(retired));
                let at = TopicPartition {
                    topic: u16::try_from(topic).unwrap_or(u16::MAX),
                    partition: i32::try_from(partition).unwrap_or(i32::MAX),
                };
                self.retired(at, gone);
            }
        }
    }

    /// Whether what was set apart may not be all that was overtaken: there was too much of it, or it was settled by several.
    pub(super) fn order_is_open(&self) -> bool {
        self.is_sum || self.apart.beyond > 0
    }

    /// A sorter of claims, in the space that nothing needs any more once all has met.
    pub(super) fn sorter(&mut self) -> Sorter {
        let mut store = self.store.take();
        if let Some(store) = &mut store {
            store.clear();
        }
        Sorter::new(self.bounds.aside, store, self.store_is_full)
    }

    /// How many wait for their counterpart, in memory.
    pub(super) fn waiting(&self) -> usize {
        self.aside.len() + self.topics.iter().flatten().map(Window::len).sum::<usize>()
    }

    /// Takes out the records whose order must be looked at again.
    pub(super) fn take_apart(&mut self) -> Apart {
        std::mem::replace(&mut self.apart, Apart::new(self.bounds.apart))
    }

    pub(super) fn bounds(&self) -> Bounds {
        self.bounds
    }
}

fn sorted(aside: &mut HashMap<(Place, RecordId), Waiting>) -> Vec<Unmatched> {
    let drained = std::mem::take(aside).into_iter();
    let mut run: Vec<Unmatched> =
        drained.map(|((place, id), waiting)| Unmatched::new(place, id, waiting.side())).collect();
    run.sort_unstable();
    run
}
