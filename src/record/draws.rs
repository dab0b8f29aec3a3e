//! The randomness of a record: a generator of its own, a function of the seed and of who the record is.

use rand_xoshiro::SplitMix64;
use rand_xoshiro::rand_core::{Rng as _, SeedableRng as _};

use super::RecordId;

/// The generator of the record `id`. Of one seed and producer, no two records' generators begin alike: each
/// step below maps different numbers to different ones.
pub(super) fn of_record(seed: u64, id: RecordId) -> SplitMix64 {
    let stream = scrambled(scrambled(seed) ^ u64::from(id.producer));
    SplitMix64::seed_from_u64(scrambled(stream ^ id.sequence))
}

fn scrambled(number: u64) -> u64 {
    SplitMix64::seed_from_u64(number).next_u64()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn each_record_has_its_own_and_always_the_same() {
        let first = |seed, producer, sequence| of_record(seed, RecordId { producer, sequence }).next_u64();
        let mut seen = HashSet::new();
        for seed in 0..8 {
            for producer in 0..8 {
                for sequence in 0..200 {
                    assert!(seen.insert(first(seed, producer, sequence)), "{seed} {producer} {sequence}");
                }
            }
        }
        assert_eq!(first(1, 2, 3), first(1, 2, 3));
    }
}
