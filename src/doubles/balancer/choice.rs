//! Which target a connection goes to (pure).

use std::cmp::Reverse;
use std::net::{IpAddr, SocketAddr};

use rand_xoshiro::SplitMix64;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

/// How a target is chosen for each new connection, among those that may have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Choice {
    /// One after the other.
    #[default]
    Round,
    /// By the client's IP address: the same address goes to the same target for as long as that one may have
    /// connections, and when targets come or go, only those addresses move that have to (rendezvous hashing;
    /// Thaler and Ravishankar, "Using name-based mappings to increase hit rates", 1998). It is what a target group's
    /// stickiness by source IP does.
    BySource,
}

impl Choice {
    /// Puts `targets` into the order in which they are to be tried. `turn` counts the connections.
    pub(super) fn order(self, turn: usize, source: IpAddr, targets: &mut [SocketAddr]) {
        match self {
            Self::Round if targets.is_empty() => {}
            Self::Round => targets.rotate_left(turn % targets.len()),
            Self::BySource => targets.sort_by_key(|target| Reverse(weight(source, *target))),
        }
    }
}

/// How strongly `source` is drawn to `target`: the same on every machine and in every run.
fn weight(source: IpAddr, target: SocketAddr) -> u64 {
    let mixed = [source, target.ip()].into_iter().fold(u64::from(target.port()), |mixed, address| {
        let bits = match address {
            IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
            IpAddr::V6(address) => address.to_bits(),
        };
        let [high, low] = [bits >> 64, bits & u128::from(u64::MAX)]
            .map(|half| u64::try_from(half).expect("half of 128 bits are 64"));
        mix(mix(mixed ^ high) ^ low)
    });
    mix(mixed)
}

fn mix(bits: u64) -> u64 {
    SplitMix64::seed_from_u64(bits).next_u64()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn targets(count: u16) -> Vec<SocketAddr> {
        (1..=count).map(|port| SocketAddr::from(([127, 0, 0, 1], port))).collect()
    }

    fn first(source: u32, among: &[SocketAddr]) -> SocketAddr {
        let mut among = among.to_vec();
        Choice::BySource.order(0, IpAddr::V4(source.into()), &mut among);
        among[0]
    }

    #[test]
    fn in_turn_each_is_first_once_a_round() {
        let ports = (0..4).map(|turn| {
            let mut order = targets(3);
            Choice::Round.order(turn, IpAddr::from([9, 9, 9, 9]), &mut order);
            order.iter().map(SocketAddr::port).collect::<Vec<_>>()
        });
        assert_eq!(ports.collect::<Vec<_>>(), [vec![1, 2, 3], vec![2, 3, 1], vec![3, 1, 2], vec![1, 2, 3]]);
        Choice::Round.order(7, IpAddr::from([9, 9, 9, 9]), &mut []);
    }

    #[test]
    fn by_source_the_shares_are_even_and_stable() {
        let four = targets(4);
        let mut shares: BTreeMap<SocketAddr, u32> = BTreeMap::new();
        for source in 0..4000 {
            *shares.entry(first(source, &four)).or_default() += 1;
            let reversed: Vec<SocketAddr> = four.iter().rev().copied().collect();
            assert_eq!(
                first(source, &four),
                first(source, &reversed),
                "the targets' order counts for nothing"
            );
        }
        // Four standard deviations of a fair share are 110.
        assert!(shares.len() == 4 && shares.values().all(|share| (890..1110).contains(share)), "{shares:?}");
    }

    #[test]
    fn by_source_only_those_move_that_have_to() {
        let (four, three) = (targets(4), targets(3));
        for source in 0..1000 {
            let before = first(source, &four);
            if before != four[3] {
                assert_eq!(first(source, &three), before);
            }
        }
    }

    #[test]
    fn an_address_of_version_6_is_drawn_too() {
        let sources = (0..64_u128).map(|bits| {
            let mut order = targets(4);
            Choice::BySource.order(0, IpAddr::V6((bits << 64).into()), &mut order);
            order[0]
        });
        assert_eq!(sources.collect::<std::collections::BTreeSet<_>>().len(), 4);
    }
}
