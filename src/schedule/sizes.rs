//! How many records each request holds.

use rand_distr::{Distribution as _, Poisson, StandardUniform};

use super::draws::{Draws, Purpose};

/// The number of records of each request: a function of the seed and of the request's index. Always at least 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Sizes(Kind);

#[derive(Debug, Clone, PartialEq)]
enum Kind {
    Fixed(u32),
    /// From the first to the second, both included.
    Uniform(u32, u32),
    Poisson(Poisson<f64>),
    /// Sizes, each with the sum of the weights up to it.
    Weighted(Box<[(u32, u64)]>),
}

impl Sizes {
    /// The same for every request. Zero counts as one.
    #[must_use]
    pub fn fixed(records: u32) -> Self {
        Self(Kind::Fixed(records.max(1)))
    }

    /// Any number from `from` to `to`, both included, each as often as any other.
    #[must_use]
    pub fn uniform(from: u32, to: u32) -> Self {
        let from = from.max(1);
        Self(Kind::Uniform(from, to.max(from)))
    }

    /// Poisson's distribution of this mean, with ones for its zeros. A mean that is none counts as zero.
    #[must_use]
    pub fn poisson(mean: f64) -> Self {
        Self(Poisson::new(mean).map_or(Kind::Fixed(1), Kind::Poisson))
    }

    /// Sizes with weights: each is as frequent as its share of the sum of all weights. Ones where there are none.
    #[must_use]
    pub fn weighted(sizes: &[(u32, u32)]) -> Self {
        let mut sum = 0;
        let sums = sizes.iter().filter(|(_, weight)| *weight > 0).map(|(size, weight)| {
            sum += u64::from(*weight);
            ((*size).max(1), sum)
        });
        let sums: Box<[(u32, u64)]> = sums.collect();
        Self(if sums.is_empty() { Kind::Fixed(1) } else { Kind::Weighted(sums) })
    }

    /// The number of records of request `index`; `seed` is [`super::workload_seed`]'s.
    #[must_use]
    pub fn at(&self, seed: u64, index: u64) -> u32 {
        let generator = || Draws::new(seed, Purpose::Sizes).at(index);
        match &self.0 {
            Kind::Fixed(records) => *records,
            Kind::Uniform(from, to) => {
                let more = below(StandardUniform.sample(&mut generator()), u64::from(to - from) + 1);
                from + u32::try_from(more).unwrap_or(to - from)
            }
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a float-to-int cast saturates, and nothing is negative"
            )]
            Kind::Poisson(poisson) => (poisson.sample(&mut generator()) as u32).max(1),
            Kind::Weighted(sums) => {
                let sum = sums.last().map_or(1, |(_, sum)| *sum);
                let at = below(StandardUniform.sample(&mut generator()), sum);
                sums.iter().find(|(_, sum)| at < *sum).map_or(1, |(size, _)| *size)
            }
        }
    }
}

/// Maps `drawn`, any number, to one below `end`, each from as many as any other, but for one in 2⁶⁴/`end`.
fn below(drawn: u64, end: u64) -> u64 {
    let product = u128::from(drawn) * u128::from(end);
    u64::try_from(product >> 64).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    const DRAWN: u64 = 100_000;

    /// How often each size comes.
    fn counts(sizes: &Sizes) -> BTreeMap<u32, f64> {
        (0..DRAWN).fold(BTreeMap::new(), |mut counts, index| {
            *counts.entry(sizes.at(42, index)).or_default() += 1.0;
            counts
        })
    }

    /// Five standard deviations of a count with this expectation; one of the counts below is beyond by chance in
    /// less than one of 50,000 seeds, and the seed is fixed.
    #[track_caller]
    fn near(count: f64, expected: f64) {
        assert!((count - expected).abs() < 5.0 * expected.sqrt(), "{count}, not {expected}");
    }

    #[test]
    fn each_size_comes_as_often_as_it_should() {
        assert_eq!(counts(&Sizes::fixed(10)), BTreeMap::from([(10, 100_000.0)]));

        let uniform = counts(&Sizes::uniform(3, 12));
        assert!(uniform.keys().copied().eq(3..=12), "{uniform:?}");
        for count in uniform.values() {
            near(*count, 10_000.0);
        }

        let weighted = counts(&Sizes::weighted(&[(1, 70), (10, 25), (100, 5), (1000, 0)]));
        assert!(weighted.keys().copied().eq([1, 10, 100]), "{weighted:?}");
        for (size, share) in [(1, 0.7), (10, 0.25), (100, 0.05)] {
            near(weighted[&size], share * 100_000.0);
        }

        let poisson = counts(&Sizes::poisson(2.0));
        // e⁻² · 2ᵏ / k!, zeros and ones together.
        for (size, share) in [(1, 0.406_005_85), (2, 0.270_670_57), (3, 0.180_447_04), (4, 0.090_223_52)] {
            near(poisson[&size], share * 100_000.0);
        }
    }

    #[test]
    fn large_means_keep_mean_and_variance() {
        let sizes = Sizes::poisson(400.0);
        let drawn: Vec<f64> = (0..DRAWN).map(|index| f64::from(sizes.at(1, index))).collect();
        #[expect(clippy::cast_precision_loss, reason = "a small number")]
        let count = DRAWN as f64;
        let mean = drawn.iter().sum::<f64>() / count;
        let variance = drawn.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / count;
        assert!((mean - 400.0).abs() < 0.3 && (variance - 400.0).abs() < 9.0, "{mean} {variance}");
    }

    proptest! {
        #[test]
        fn there_is_always_a_record(from: u32, to: u32, mean: f64, weights: Vec<(u32, u32)>, seed: u64, index: u64) {
            for sizes in [
                Sizes::fixed(from), Sizes::uniform(from, to), Sizes::poisson(mean), Sizes::weighted(&weights),
            ] {
                prop_assert!(sizes.at(seed, index) >= 1);
                prop_assert_eq!(sizes.at(seed, index), sizes.clone().at(seed, index));
            }
            let (from, to) = (from.max(1), to.max(from).max(1));
            prop_assert!((from..=to).contains(&Sizes::uniform(from, to).at(seed, index)));
        }
    }
}
