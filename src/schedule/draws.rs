//! Randomness: generators that are functions of a seed, a purpose and an index, and of nothing else.

use rand_xoshiro::SplitMix64;
use rand_xoshiro::rand_core::{Rng as _, SeedableRng as _};

/// What is drawn for. No two purposes share their numbers, though they share a seed.
#[derive(Debug, Clone, Copy)]
pub(super) enum Purpose {
    Gaps,
    Sizes,
    Waits,
}

impl Purpose {
    fn salt(self) -> u64 {
        u64::from_be_bytes(match self {
            Self::Gaps => *b"arrivals",
            Self::Sizes => *b"requests",
            Self::Waits => *b"attempts",
        })
    }
}

/// Draws for one purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Draws(u64);

impl Draws {
    pub(super) fn new(seed: u64, purpose: Purpose) -> Self {
        Self(scrambled(seed ^ purpose.salt()))
    }

    /// Those of one part: a phase, the number of an attempt.
    pub(super) fn part(self, part: u64) -> Self {
        Self(scrambled(self.0 ^ part))
    }

    /// The generator of `index`. No two indices have generators that begin alike.
    pub(super) fn at(self, index: u64) -> SplitMix64 {
        SplitMix64::seed_from_u64(scrambled(self.0 ^ index))
    }
}

/// The seed of one workload's schedule, sizes and waits, where `seed` is the scenario's and `workload` the place
/// in it.
#[must_use]
pub fn workload_seed(seed: u64, workload: u16) -> u64 {
    scrambled(scrambled(seed) ^ u64::from(workload))
}

/// Maps different numbers to different ones, near ones far apart.
fn scrambled(number: u64) -> u64 {
    SplitMix64::seed_from_u64(number).next_u64()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn seeds_purposes_parts_and_indices_are_told_apart() {
        let mut seen = HashSet::new();
        for seed in [workload_seed(0, 0), workload_seed(0, 1), workload_seed(1, 0)] {
            for purpose in [Purpose::Gaps, Purpose::Sizes, Purpose::Waits] {
                for part in 0..4 {
                    for index in 0..200 {
                        let first = Draws::new(seed, purpose).part(part).at(index).next_u64();
                        assert!(seen.insert(first), "{seed} {purpose:?} {part} {index}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_number_depends_on_nothing_but_its_index() {
        let draws = Draws::new(7, Purpose::Gaps);
        let at = |index| draws.at(index).next_u64();
        let backwards: Vec<u64> = (0..50).rev().map(at).collect();
        let forwards: Vec<u64> = (0..50).map(at).collect();
        assert!(forwards.iter().eq(backwards.iter().rev()));
    }
}
