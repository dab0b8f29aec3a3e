//! How arrivals stand within the number that is expected.

/// How arrivals stand within the expected number. Where the rate is constant, this is how they stand in time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Spacing {
    /// Evenly: arrival i is due when i + `offset` are expected.
    Even {
        /// At least 0 and below 1.
        offset: f64,
    },
    /// At random, as independent clients come: the next arrival is due when one more is expected on average, and
    /// the share that is left to wait is drawn from the exponential distribution (a Poisson process).
    Poisson,
}

impl Spacing {
    /// Even spacing for one of several workloads, numbered from 0, of which `expected` arrivals are expected. The
    /// workloads are offset against each other, so that those of the same rate do not all send at once; by so
    /// little, though, that none has fewer arrivals for it.
    #[must_use]
    pub fn even(workload: u16, expected: f64) -> Self {
        /// Multiples of the golden ratio spread best, however many there are.
        const GOLDEN: f64 = 0.618_033_988_749_894_9;
        let slack = expected - (expected.ceil() - 1.0);
        Self::Even { offset: (f64::from(workload) * GOLDEN).fract() * slack.clamp(0.0, 1.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn offset(workload: u16, expected: f64) -> f64 {
        match Spacing::even(workload, expected) {
            Spacing::Even { offset } => offset,
            Spacing::Poisson => panic!("not even"),
        }
    }

    #[test]
    fn workloads_stand_apart_as_far_as_there_is_room() {
        let offsets = [0, 1, 2, 3].map(|workload| offset(workload, 4000.0));
        for (index, one) in offsets.iter().enumerate() {
            assert!(offsets[..index].iter().all(|other| (one - other).abs() > 0.14), "{offsets:?}");
        }
        assert!((offset(1, 0.5) - 0.309_016_994).abs() < 1e-9);
        assert!((offset(9, 0.0) - 0.0).abs() < 1.0);
    }

    proptest! {
        #[test]
        fn an_offset_takes_no_arrival_away(workload: u16, expected in 0.0..1e6_f64) {
            let offset = offset(workload, expected);
            prop_assert!((0.0..1.0).contains(&offset));
            let fewer = expected.ceil() - (expected - offset).ceil().max(0.0);
            prop_assert!(fewer.abs() < 0.5, "{} fewer", fewer);
        }
    }
}
