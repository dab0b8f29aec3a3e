//! Sorting by place what is too much for memory: runs are sorted, put aside, and merged.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::place::{Run, Store, StoreError, Unmatched};

/// Sorts what it is given by place, in a store where it is much.
#[derive(Debug)]
pub(super) struct Sorter {
    most: usize,
    here: Vec<Unmatched>,
    store: Option<Box<dyn Store>>,
    store_is_full: bool,
}

impl Sorter {
    /// In memory are `most` at once, and more where there is no store, or it is full.
    pub(super) fn new(most: usize, store: Option<Box<dyn Store>>, store_is_full: bool) -> Self {
        Self { most, here: Vec::new(), store, store_is_full }
    }

    pub(super) fn add(&mut self, claim: Unmatched) {
        self.here.push(claim);
        if self.here.len() >= self.most
            && let Some(store) = self.store.as_mut().filter(|_| !self.store_is_full)
        {
            let mut run = std::mem::take(&mut self.here);
            run.sort_unstable();
            run.dedup();
            if let Err(run) = store.keep(run) {
                self.store_is_full = true;
                self.here = run;
            }
        }
    }

    /// Gives all back, in order.
    ///
    /// # Errors
    /// [`StoreError`] where what was put aside cannot be read back.
    pub(super) fn finish(mut self, mut each: impl FnMut(Unmatched)) -> Result<(), StoreError> {
        self.here.sort_unstable();
        self.here.dedup();
        let mut runs = self.store.as_mut().map(|store| store.runs()).unwrap_or_default();
        runs.push(Box::new(self.here.into_iter().map(Ok)));
        for claim in merged(runs) {
            each(claim?);
        }
        Ok(())
    }
}

/// The runs as one, in order; what cannot be read ends it.
pub(super) fn merged(runs: Vec<Run<'_>>) -> impl Iterator<Item = Result<Unmatched, StoreError>> {
    let mut runs = runs;
    let mut failed = None;
    let mut heads = BinaryHeap::new();
    for (index, run) in runs.iter_mut().enumerate() {
        match run.next() {
            Some(Ok(first)) => heads.push(Reverse((first, index))),
            Some(Err(error)) => failed = Some(error),
            None => {}
        }
    }
    std::iter::from_fn(move || {
        if let Some(error) = failed.take() {
            heads.clear();
            return Some(Err(error));
        }
        let Reverse((least, index)) = heads.pop()?;
        match runs[index].next() {
            Some(Ok(next)) => heads.push(Reverse((next, index))),
            Some(Err(error)) => failed = Some(error),
            None => {}
        }
        Some(Ok(least))
    })
}
