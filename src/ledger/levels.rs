//! How often each record occurs, in bits.

use std::ops::Range;

use roaring::RoaringTreemap;

/// A set of sequence numbers.
pub(super) type Set = RoaringTreemap;

/// A multiset of sequence numbers: level `n` holds those that occur at least `n + 1` times. What occurs once costs
/// a bit or less, however often others do.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Levels(Vec<Set>);

impl Levels {
    /// Adds one occurrence; true if it is the first.
    pub(super) fn add(&mut self, sequence: u64) -> bool {
        let level = self.count(sequence);
        match self.0.get_mut(level) {
            Some(set) => drop(set.insert(sequence)),
            None => self.0.push(Set::from_iter([sequence])),
        }
        level == 0
    }

    /// Says of every sequence in the range that it occurs at least `times` times.
    pub(super) fn reach(&mut self, times: u32, range: Range<u64>) {
        let times = times as usize;
        while self.0.len() < times {
            self.0.push(Set::new());
        }
        for set in &mut self.0[..times] {
            set.insert_range(range.clone());
        }
    }

    /// Takes in how often the other says that each occurs, where that is more.
    pub(super) fn reach_also(&mut self, other: &Self) {
        for (level, theirs) in other.0.iter().enumerate() {
            match self.0.get_mut(level) {
                Some(mine) => *mine |= theirs,
                None => self.0.push(theirs.clone()),
            }
        }
    }

    /// Adds every occurrence of the other.
    pub(super) fn add_all(&mut self, other: &Self) {
        let most = self.0.len() + other.0.len();
        let sum = (1..=most).map(|times| {
            // So many occurrences are some of the one and the rest of the other.
            let mut sum = Set::new();
            for mine in 0..=times {
                match (self.at_least(mine), other.at_least(times - mine)) {
                    (Some(mine), Some(theirs)) => sum |= mine & theirs,
                    (Some(all), None) if mine == times => sum |= all,
                    (None, Some(all)) if mine == 0 => sum |= all,
                    _ => {}
                }
            }
            sum
        });
        let mut sum: Vec<Set> = sum.collect();
        while sum.last().is_some_and(Set::is_empty) {
            sum.pop();
        }
        self.0 = sum;
    }

    /// Those that occur at least `times` times, where there may be any.
    pub(super) fn at_least(&self, times: usize) -> Option<&Set> {
        self.0.get(times.checked_sub(1)?)
    }

    /// Whether it occurs at least `times` times.
    pub(super) fn has(&self, times: usize, sequence: u64) -> bool {
        self.at_least(times).is_some_and(|set| set.contains(sequence))
    }

    /// How often it occurs.
    pub(super) fn count(&self, sequence: u64) -> usize {
        // Who occurs n times stands in the first n levels.
        self.0.partition_point(|set| set.contains(sequence))
    }

    /// Those that occur at all.
    pub(super) fn all(&self) -> Set {
        self.0.first().cloned().unwrap_or_default()
    }

    /// The highest number of occurrences.
    pub(super) fn highest(&self) -> usize {
        self.0.len()
    }

    /// Packs what has been gathered.
    pub(super) fn optimize(&mut self) {
        for set in &mut self.0 {
            set.optimize();
        }
    }

    /// Bytes that it holds, when written down.
    pub(super) fn size(&self) -> usize {
        self.0.iter().map(Set::serialized_size).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn counted(sequences: &[u64]) -> BTreeMap<u64, usize> {
        let mut counts = BTreeMap::new();
        for sequence in sequences {
            *counts.entry(*sequence).or_default() += 1;
        }
        counts
    }

    fn levels(sequences: &[u64]) -> Levels {
        let mut levels = Levels::default();
        for sequence in sequences {
            levels.add(*sequence);
        }
        levels
    }

    proptest! {
        #[test]
        fn counts_are_those_of_a_map(sequences in prop::collection::vec(0..12_u64, 0..40)) {
            let levels = levels(&sequences);
            let counts = counted(&sequences);
            for sequence in 0..12 {
                let count = counts.get(&sequence).copied().unwrap_or(0);
                prop_assert_eq!(levels.count(sequence), count);
                prop_assert!(count == 0 || levels.has(count, sequence));
                prop_assert!(!levels.has(count + 1, sequence));
            }
        }
    }

    proptest! {
        #[test]
        fn sums_are_of_occurrences(a: Vec<u8>, b: Vec<u8>) {
            let of = |sequences: &[u8]| {
                let mut levels = Levels::default();
                for sequence in sequences {
                    levels.add(u64::from(sequence % 8));
                }
                levels
            };
            let mut sum = of(&a);
            sum.add_all(&of(&b));
            prop_assert_eq!(sum, of(&[a, b].concat()));
        }
    }

    #[test]
    fn attempts_reach_their_number() {
        let mut levels = Levels::default();
        levels.reach(2, 3..5);
        levels.reach(1, 0..10);
        assert_eq!((0..6).map(|sequence| levels.count(sequence)).collect::<Vec<_>>(), [1, 1, 1, 2, 2, 1]);
    }
}
