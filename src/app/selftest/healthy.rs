//! Healthy runs: everything that may differ from run to run without anything being wrong, drawn at random.

use rand_xoshiro::SplitMix64;
use rand_xoshiro::rand_core::{Rng as _, SeedableRng as _};

use crate::judge::selftest::{Detector, Trial, Wanted};
use crate::result::Verdict;

/// A format, with a place for the identity that it has, and whether its values may be any JSON.
const FORMATS: [(&str, &str); 9] = [
    ("v2-json", "member"),
    ("v2-json", "key"),
    ("v2-json", "none"),
    ("v2-binary", "member"),
    ("v3-json", "member"),
    ("v3-json", "header"),
    ("v3-binary", "member"),
    ("v3-string", "header"),
    ("v3-string", "member"),
];

const VALUES: [&str; 4] = [
    "{order: {$sequence: {}}, note: {$text: {length: {lognormal: {median: 60, sigma: 1}}}}}",
    "{id: {$uuid: {}}, amount: {$float: {min: 0, max: 1000000, digits: 9}}, big: {$int: {min: 0, max: 9007199254740993}}}",
    "{names: [{$choice: [\"Zürich\", \"東京\", \"𝄞\", \"\\\\n\\\\u0000\", \"\"]}], at: {$time: {start: \"2026-01-01T00:00:00Z\", step: 7ms}}}",
    "{nested: {$weighted: [{weight: 3, value: {a: [1, 2, {b: null}]}}, {weight: 1, value: {a: []}}]}, t: true}",
];

const SIZES: [&str; 5] = ["1", "7", "{uniform: [1, 20]}", "{poisson: 6}", "50"];
const KEYS: [&str; 3] = ["{uniform: 1000}", "{zipf: {keys: 50, exponent: 1.2}}", "{uniform: 1}"];
const ARRIVALS: [&str; 4] = [
    "{constant: 110/s}",
    "{poisson: 110/s}",
    "{ramp: {from: 40/s, to: 200/s}}",
    "{closed: {workers: 4, think: 20ms}}",
];

/// So many healthy runs, drawn with `seed`.
pub(super) fn trials(count: u32, seed: u64) -> Vec<Trial> {
    (0..count).map(|number| trial(number, seed)).collect()
}

fn trial(number: u32, seed: u64) -> Trial {
    let mut draws = SplitMix64::seed_from_u64(seed.wrapping_add(u64::from(number)));
    let mut below = move |end: usize| {
        usize::try_from(draws.next_u64() % u64::try_from(end).unwrap_or(u64::MAX)).unwrap_or(0)
    };
    // The first ones go through all formats.
    let (format, identity) =
        FORMATS[if (number as usize) < FORMATS.len() { number as usize } else { below(FORMATS.len()) }];
    let (value, size, arrivals) =
        (VALUES[below(VALUES.len())], SIZES[below(SIZES.len())], ARRIVALS[below(ARRIVALS.len())]);
    let key = if identity == "key" || below(3) == 0 {
        String::new()
    } else {
        format!(", key: {}", KEYS[below(KEYS.len())])
    };
    let stamp = if format.starts_with("v3") && below(3) == 0 {
        ", timestamp: {start: \"2026-01-01T00:00:00Z\", step: 7ms}"
    } else {
        ""
    };
    let partitions = 1 + below(12);
    let mut sets = vec![
        format!("seed={}", below(1 << 30)),
        format!("topics[orders].partitions={partitions}"),
        format!("stack.proxy.replicas={}", 1 + below(4)),
        format!("workload[0].payload={{template: {value}{key}{stamp}}}"),
        format!("workload[0].format={format}"),
        format!("workload[0].identity={identity}"),
        format!("workload[0].records_per_request={size}"),
        format!("workload[0].arrivals={arrivals}"),
        format!("workload[0].connections={}", 4 + below(13)),
    ];
    if below(3) == 0 {
        sets.push(format!("workload[0].partition={}", below(partitions)));
    }
    let mut name = format!("healthy {}: {format}, identity {identity}", number + 1);
    let mut wanted = Vec::new();
    // Retries need something to be tried again for: answers that leave it open. Copies within attempts are what they
    // lead to, and no fault of anybody.
    if below(3) == 0 && identity != "none" {
        let kind = ["error-after-append", "reset-after-append"][below(2)];
        sets.push("workload[0].retry={times: 4, wait: 5ms, on: [5xx, reset]}".into());
        sets.push(format!("faults=[{{box: proxy, kind: {kind}, every: {}}}]", 11 + below(20)));
        name += ", tried again";
        // Whoever has used up the attempts ends with such an answer.
        let perhaps = [Detector::Duplicated, Detector::UnknownLanded, Detector::Failed];
        wanted.extend(perhaps.map(|detector| (detector, Wanted::Perhaps)));
    }
    // A proxy that reads JSON may write it otherwise.
    if format.ends_with("json") {
        wanted.push((Detector::Rewritten, Wanted::Perhaps));
    }
    // Without an identity, records whose answer is lost with the replica belong to nobody.
    if below(4) == 0 && identity != "none" {
        let restart = "{box: proxy, kind: replica-restart, window: [300ms, 600ms]}";
        match sets.iter_mut().find(|set| set.starts_with("faults=")) {
            Some(faults) => *faults = faults.replacen("faults=[", &format!("faults=[{restart}, "), 1),
            None => sets.push(format!("faults=[{restart}]")),
        }
        name += ", a replica restarted";
        // What it had in hand is in doubt; with a single replica, so is what comes while it is away.
        let perhaps = [Detector::UnknownLanded, Detector::UnknownAbsent, Detector::Failed];
        wanted.extend(perhaps.map(|detector| (detector, Wanted::Perhaps)));
    }
    // How fast this machine is says nothing of what is found.
    sets.push("checks=[tokens.failed == 0]".into());
    Trial { name, box_name: None, sets, wanted, verdict: Verdict::Pass }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_restarts_where_records_have_no_identity() {
        let (mut bare, mut restarted) = (0, 0);
        for trial in trials(300, 1) {
            let restarts = trial.sets.iter().any(|set| set.contains("replica-restart"));
            let without = trial.sets.iter().any(|set| set.ends_with("identity=none"));
            assert!(!(restarts && without), "{}", trial.name);
            (bare, restarted) = (bare + u32::from(without), restarted + u32::from(restarts));
        }
        assert!(bare > 10 && restarted > 10);
    }

    #[test]
    fn healthy_scenarios_can_be_read() {
        for trial in trials(300, 1) {
            let read = super::super::scenario(&trial.sets);
            assert!(read.is_ok(), "{}: {}\n{:#?}", trial.name, read.unwrap_err(), trial.sets);
        }
    }
}
