//! Ending a run early because of what is answered: shares of the answers of the last seconds.

use std::collections::VecDeque;

use crate::scenario::{Statuses, StopRule};

/// Over how many seconds shares are taken.
const SECONDS: usize = 10;
/// So few answers say nothing.
const LEAST: u64 = 5;

/// The rules of `stop_on`, and the answers of the last seconds.
#[derive(Debug, Clone)]
pub struct AnswerWatch {
    rules: Vec<StopRule>,
    /// Of each second: all answers, and those of each rule.
    window: VecDeque<(u64, Vec<u64>)>,
}

impl AnswerWatch {
    /// Watches for all of `rules`.
    #[must_use]
    pub fn new(rules: &[StopRule]) -> Self {
        Self { rules: rules.to_vec(), window: VecDeque::new() }
    }

    /// Takes the next second: all its answers, and how many had which status. Gives the first rule that strikes with what
    /// was seen.
    pub fn second(&mut self, answers: u64, with: impl Fn(Statuses) -> u64) -> Option<String> {
        if self.window.len() == SECONDS {
            self.window.pop_front();
        }
        self.window.push_back((answers, self.rules.iter().map(|rule| with(rule.on)).collect()));
        let total: u64 = self.window.iter().map(|(answers, _)| answers).sum();
        self.rules.iter().enumerate().find_map(|(place, rule)| {
            let seen: u64 = self.window.iter().filter_map(|(_, of)| of.get(place)).sum();
            #[expect(clippy::cast_precision_loss, reason = "nobody is answered 2^53 times in ten seconds")]
            let percent = seen as f64 / total as f64 * 100.0;
            (seen >= LEAST && percent > rule.percent).then(|| {
                let StopRule { on, percent: limit } = rule;
                format!(
                    "more than {limit}% of the answers are {on} (seen {seen} of {total} within {} s, {percent:.1}%)",
                    self.window.len()
                )
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seconds with so many answers, of them 429 and 503.
    fn watch(seconds: &[(u64, u64, u64)]) -> Vec<Option<String>> {
        let mut watch = AnswerWatch::new(&StopRule::USUAL);
        let second = |(answers, throttled, failed): &(u64, u64, u64)| {
            watch.second(*answers, |on| {
                u64::from(on.contains(429)) * throttled + u64::from(on.contains(503)) * failed
            })
        };
        seconds.iter().map(second).collect()
    }

    #[test]
    fn a_share_of_the_last_seconds_strikes() {
        let told = watch(&[(100, 0, 0), (100, 1, 0), (100, 2, 0), (100, 2, 0)]);
        assert_eq!(told[..3], [None, None, None], "few of them say nothing");
        let expected = "more than 1% of the answers are 429 (seen 5 of 400 within 4 s, 1.2%)";
        assert_eq!(told[3].as_deref(), Some(expected));
        let told = watch(&[(100, 0, 5), (10, 0, 1)]);
        assert_eq!(told[0], None, "no more than the share");
        assert_eq!(
            told[1].as_deref(),
            Some("more than 5% of the answers are 5xx (seen 6 of 110 within 2 s, 5.5%)")
        );
    }

    #[test]
    fn one_bad_answer_stops_nothing_and_old_ones_are_forgotten() {
        assert!(watch(&[(1, 1, 0), (0, 0, 0), (1, 0, 1)]).iter().all(Option::is_none));
        let mut seconds = vec![(1000, 4, 0)];
        seconds.extend([(100, 0, 0); 9]);
        seconds.push((100, 4, 0));
        assert!(watch(&seconds).iter().all(Option::is_none));
    }
}
