//! The stretch of a partition in which acks and copies are still to meet: a slot for each offset, retired in the order
//! of the offsets once it is settled.

use std::collections::VecDeque;

use crate::record::RecordId;

/// What stands in a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slot {
    /// Nothing yet.
    Empty,
    /// Claimed by an ack, and not read yet.
    Claim { id: RecordId, times: Times },
    /// Read, without an identity: an ack may tell whose it is.
    Nameless,
    /// Read, and not claimed yet.
    Landing { id: RecordId, readable_us: u64 },
    /// Claimed and read.
    Matched { id: RecordId, times: Times },
}

/// When a record's request began to leave, and when the ack had been read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Times {
    pub(super) written_us: u64,
    pub(super) answered_us: u64,
}

/// What became of something that was brought to a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Brought {
    /// Its counterpart was there; how long after being written it was seen.
    Matched { took_us: u64 },
    /// It waits for its counterpart.
    Waits,
    /// There is no slot for it.
    NoPlace,
}

/// Offsets in which acks of a partition wait while nothing of it has been read: it may not exist.
const UNREAD: usize = 1024;

/// The window of one partition.
#[derive(Debug)]
pub(super) struct Window {
    /// Slots that it has at most.
    most: usize,
    /// Offset of the first slot.
    base: i64,
    slots: VecDeque<Slot>,
    /// One past the last offset that was read.
    read_to: i64,
    begun: bool,
    retired: bool,
    /// Latest first byte of the records retired so far.
    written_us: u64,
}

/// What leaves a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Retired {
    /// An ack whose record was not there.
    Claim { offset: i64, id: RecordId, times: Times },
    /// A record without an ack.
    Landing { offset: i64, id: RecordId },
    /// A record that was acked before one that stands in front of it began to leave: it has been overtaken, unless its
    /// key is another.
    Overtaken { offset: i64, id: RecordId },
}

impl Window {
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            base: 0,
            slots: VecDeque::new(),
            read_to: 0,
            begun: false,
            retired: false,
            written_us: 0,
        }
    }

    /// An ack names this offset, or something has been read there.
    pub(super) fn bring(&mut self, offset: i64, coming: Slot) -> Brought {
        let Some(slot) = self.slot(offset) else { return Brought::NoPlace };
        match (*slot, coming) {
            (Slot::Empty, _) => {
                *slot = coming;
                Brought::Waits
            }
            (Slot::Claim { id, times }, Slot::Landing { id: found, readable_us })
            | (Slot::Landing { id: found, readable_us }, Slot::Claim { id, times })
                if id == found =>
            {
                *slot = Slot::Matched { id, times };
                Brought::Matched { took_us: readable_us.saturating_sub(times.written_us) }
            }
            _ => Brought::NoPlace,
        }
    }

    /// The record at this offset has met its ack elsewhere. False where there is no slot for it to say so.
    pub(super) fn settle(&mut self, offset: i64, id: RecordId, times: Times) -> bool {
        match self.slot(offset) {
            Some(slot @ (Slot::Empty | Slot::Nameless)) => {
                *slot = Slot::Matched { id, times };
                true
            }
            _ => false,
        }
    }

    /// The claim at this offset, if one waits there.
    pub(super) fn claimant(&self, offset: i64) -> Option<(RecordId, Times)> {
        let index = usize::try_from(offset.checked_sub(self.base)?).ok()?;
        match self.slots.get(index)? {
            Slot::Claim { id, times } => Some((*id, *times)),
            _ => None,
        }
    }

    /// The slot of an offset, if the window reaches there.
    fn slot(&mut self, offset: i64) -> Option<&mut Slot> {
        let most = if self.read_to == 0 { self.most.min(UNREAD) } else { self.most };
        if !self.begun {
            (self.begun, self.base) = (true, offset);
        }
        while offset < self.base {
            let missing = usize::try_from(self.base.checked_sub(offset)?).ok()?;
            // What has been retired does not come back.
            if self.retired || self.slots.len() + missing > most {
                return None;
            }
            self.slots.push_front(Slot::Empty);
            self.base -= 1;
        }
        let index = usize::try_from(offset.checked_sub(self.base)?).ok()?;
        if index >= most {
            return None;
        }
        if index >= self.slots.len() {
            self.slots.resize(index + 1, Slot::Empty);
        }
        self.slots.get_mut(index)
    }

    /// An offset has been read: makes room for it, by retiring what stands too far before it.
    pub(super) fn read(&mut self, offset: i64, retired: &mut impl FnMut(Retired)) {
        self.read_to = self.read_to.max(offset.saturating_add(1));
        if !self.begun {
            (self.begun, self.base) = (true, offset);
        }
        let most = i64::try_from(self.most).unwrap_or(i64::MAX);
        let held = i64::try_from(self.slots.len()).unwrap_or(i64::MAX);
        if !self.retired && self.base.saturating_sub(offset) > most.saturating_sub(held) {
            // An ack of an absurd offset came first.
            self.retire_all(retired);
            (self.base, self.retired) = (offset, false);
        }
        let first = offset.saturating_sub(most).saturating_add(1);
        while self.base < first && !self.slots.is_empty() {
            self.retire_one(retired);
        }
        // A gap, as compaction leaves them, is crossed at once.
        self.base = self.base.max(first);
    }

    /// Retires from the beginning what is settled.
    pub(super) fn retire(&mut self, retired: &mut impl FnMut(Retired)) {
        while let Some(slot) = self.slots.front() {
            match slot {
                Slot::Empty if self.base >= self.read_to => return,
                Slot::Empty | Slot::Matched { .. } => self.retire_one(retired),
                Slot::Claim { .. } | Slot::Landing { .. } | Slot::Nameless => return,
            }
        }
    }

    /// Retires everything.
    pub(super) fn retire_all(&mut self, retired: &mut impl FnMut(Retired)) {
        while !self.slots.is_empty() {
            self.retire_one(retired);
        }
    }

    fn retire_one(&mut self, retired: &mut impl FnMut(Retired)) {
        let Some(slot) = self.slots.pop_front() else { return };
        let offset = self.base;
        self.base = self.base.saturating_add(1);
        self.retired = true;
        match slot {
            Slot::Empty | Slot::Nameless => {}
            Slot::Claim { id, times } => retired(Retired::Claim { offset, id, times }),
            Slot::Landing { id, .. } => retired(Retired::Landing { offset, id }),
            Slot::Matched { id, times } => {
                if times.answered_us < self.written_us {
                    retired(Retired::Overtaken { offset, id });
                }
                self.written_us = self.written_us.max(times.written_us);
            }
        }
    }

    /// One past the last offset that was read.
    pub(super) fn read_to(&self) -> i64 {
        self.read_to
    }

    /// Slots that are held.
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }
}
