//! Where records get their keys from, and keys that are drawn.

use rand_distr::{Distribution as _, Uniform, Zipf};
use rand_xoshiro::SplitMix64;

use super::{Format, json};

/// Where the records of a stream get their keys from.
#[derive(Debug, Clone, PartialEq)]
pub enum Key {
    /// The value at this JSON pointer (RFC 6901) of the payload; null where it points at nothing.
    Pointer(String),
    /// The cell in this column of a CSV feed.
    Column(String),
    /// Drawn for each record: `prefix` and a number below the number of keys.
    Drawn {
        /// What stands before the number.
        prefix: String,
        /// How the number is drawn.
        spread: KeySpread,
    },
}

/// How often each of the keys is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum KeySpread {
    /// Each of `keys` equally often.
    Uniform {
        /// How many there are, at least 1.
        keys: u64,
    },
    /// Key `n` of `keys` in proportion to `1 / (n + 1)^exponent`: the first most often.
    Zipf {
        /// How many there are, at least 1.
        keys: u64,
        /// At least 0, and finite; with 0 it is uniform.
        exponent: f64,
    },
}

/// Keys that cannot be drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("keys need a number of keys of 1 at least, and a finite exponent of 0 at least")]
pub struct KeySpreadError;

/// Draws keys.
#[derive(Debug, Clone)]
pub(super) struct KeyDrawer {
    plain: Vec<u8>,
    /// The prefix as a JSON string without its end.
    quoted: Vec<u8>,
    numbers: Numbers,
}

#[derive(Debug, Clone)]
enum Numbers {
    Uniform(Uniform<u64>),
    Zipf(Zipf<f64>),
}

impl KeyDrawer {
    pub(super) fn new(prefix: &str, spread: KeySpread) -> Result<Self, KeySpreadError> {
        let numbers = match spread {
            KeySpread::Uniform { keys } => {
                Uniform::new(0, keys).map(Numbers::Uniform).map_err(|_| KeySpreadError)?
            }
            KeySpread::Zipf { keys, exponent } => {
                if keys == 0 || !exponent.is_finite() {
                    return Err(KeySpreadError);
                }
                #[expect(clippy::cast_precision_loss, reason = "nobody draws from 2^53 keys")]
                let zipf = Zipf::new(keys as f64, exponent);
                zipf.map(Numbers::Zipf).map_err(|_| KeySpreadError)?
            }
        };
        let mut quoted = Vec::new();
        json::push(&mut quoted, prefix);
        quoted.pop();
        Ok(Self { plain: prefix.as_bytes().to_vec(), quoted, numbers })
    }

    /// The number of a record's key.
    pub(super) fn draw(&self, draws: &mut SplitMix64) -> u64 {
        match &self.numbers {
            Numbers::Uniform(uniform) => uniform.sample(draws),
            Numbers::Zipf(zipf) => {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "a rank is a whole number from 1 to the number of keys"
                )]
                let rank = zipf.sample(draws) as u64;
                rank - 1
            }
        }
    }

    /// Appends the key of this number, as it lands in a stream of `format`.
    pub(super) fn push(&self, number: u64, format: Format, out: &mut Vec<u8>) {
        match format {
            Format::Json => self.push_json(number, out),
            Format::Binary | Format::Text => {
                out.extend_from_slice(&self.plain);
                out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
            }
        }
    }

    /// Appends the key as a JSON string.
    pub(super) fn push_json(&self, number: u64, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.quoted);
        out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
        out.push(b'"');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{RecordId, draws};

    const DRAWN: u64 = 200_000;

    /// How far the counts of keys drawn lie from what `weight` expects, as Pearson's chi-square, and its degrees
    /// of freedom. Keys that are expected fewer than ten times are counted together.
    fn chi_square(spread: KeySpread, keys: u64, weight: impl Fn(u64) -> f64) -> (f64, f64) {
        let drawer = KeyDrawer::new("", spread).unwrap();
        let mut counts = vec![0_u64; usize::try_from(keys).unwrap()];
        for sequence in 0..DRAWN {
            let mut draws = draws::of_record(42, RecordId { producer: 3, sequence });
            counts[usize::try_from(drawer.draw(&mut draws)).unwrap()] += 1;
        }
        let total: f64 = (0..keys).map(&weight).sum();
        let (mut sum, mut cells) = (0.0, 0.0);
        let (mut expected, mut seen) = (0.0, 0.0);
        for (key, count) in (0..keys).zip(counts) {
            expected += 200_000.0 * weight(key) / total;
            seen += f64::from(u32::try_from(count).unwrap());
            if expected >= 10.0 || key == keys - 1 {
                sum += (seen - expected) * (seen - expected) / expected;
                cells += 1.0;
                (expected, seen) = (0.0, 0.0);
            }
        }
        (sum, cells - 1.0)
    }

    /// Chi-square of `degrees` has this mean and deviation; four deviations are beyond the 99.99th percentile.
    fn as_expected((sum, degrees): (f64, f64)) {
        let deviation = (2.0 * degrees).sqrt();
        assert!((sum - degrees).abs() < 4.0 * deviation, "chi-square {sum} of {degrees} degrees");
    }

    #[test]
    fn uniform_keys_are_drawn_equally_often() {
        as_expected(chi_square(KeySpread::Uniform { keys: 1000 }, 1000, |_| 1.0));
        as_expected(chi_square(KeySpread::Zipf { keys: 1000, exponent: 0.0 }, 1000, |_| 1.0));
    }

    #[test]
    fn zipf_keys_are_drawn_as_their_rank_says() {
        for exponent in [0.5, 1.0, 1.1, 2.0] {
            let weight = |key: u64| f64::from(u32::try_from(key + 1).unwrap()).powf(-exponent);
            as_expected(chi_square(KeySpread::Zipf { keys: 1000, exponent }, 1000, weight));
        }
        // The test itself can fail: another exponent is told from it.
        let weight = |key: u64| f64::from(u32::try_from(key + 1).unwrap()).powf(-1.15);
        let (sum, degrees) = chi_square(KeySpread::Zipf { keys: 1000, exponent: 1.1 }, 1000, weight);
        assert!(sum > degrees + 4.0 * (2.0 * degrees).sqrt(), "{sum}");
    }

    #[test]
    fn a_key_is_text_or_a_json_string() {
        let drawer = KeyDrawer::new("a\"é-", KeySpread::Uniform { keys: 1 }).unwrap();
        let text = |format| {
            let mut out = Vec::new();
            drawer.push(7, format, &mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!([text(Format::Json), text(Format::Binary)], ["\"a\\\"é-7\"", "a\"é-7"]);
        assert_eq!(text(Format::Text), text(Format::Binary));
    }

    #[test]
    fn keys_that_cannot_be_drawn_are_refused() {
        for spread in [
            KeySpread::Uniform { keys: 0 },
            KeySpread::Zipf { keys: 0, exponent: 1.0 },
            KeySpread::Zipf { keys: 5, exponent: -1.0 },
            KeySpread::Zipf { keys: 5, exponent: f64::NAN },
            KeySpread::Zipf { keys: 5, exponent: f64::INFINITY },
        ] {
            assert!(KeyDrawer::new("", spread).is_err(), "{spread:?}");
        }
    }
}
