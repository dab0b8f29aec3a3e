//! `Double.toString` of Java up to 18 (`FloatingDecimal`), which is not always the shortest text that reads back as the same
//! double (JDK-4511638).

use std::cmp::Ordering;
use std::io::Write as _;

const SHIFT: i32 = 52;
const HIDDEN: u64 = 1 << SHIFT;

/// Bits of the powers of five.
const FIVE_BITS: [i32; 27] =
    [0, 3, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28, 31, 33, 35, 38, 40, 42, 45, 47, 49, 52, 54, 56, 59, 61];

/// Appends `double`; what is infinite becomes a string.
pub(super) fn write(double: f64, out: &mut Vec<u8>) {
    if double.is_infinite() {
        out.extend_from_slice(if double > 0.0 { b"\"Infinity\"" } else { b"\"-Infinity\"" });
    } else {
        push(double, out);
    }
}

/// The text of `double`.
pub(in crate::doubles) fn to_java(double: f64) -> String {
    if double.is_infinite() {
        return if double > 0.0 { "Infinity".to_owned() } else { "-Infinity".to_owned() };
    }
    let mut text = Vec::new();
    push(double, &mut text);
    String::from_utf8(text).unwrap_or_default()
}

/// Plain from 10^-3 to below 10^7, else with an exponent; always a digit after the point.
fn push(double: f64, out: &mut Vec<u8>) {
    if double.is_sign_negative() {
        out.push(b'-');
    }
    if double == 0.0 {
        out.extend_from_slice(b"0.0");
        return;
    }
    let Decimal { digits, exponent } = Decimal::of(double);
    let count = i32::try_from(digits.len()).unwrap_or_default();
    match exponent {
        1..=7 => {
            let whole = usize::try_from(exponent.min(count)).unwrap_or_default();
            out.extend_from_slice(&digits[..whole]);
            out.extend((count..exponent).map(|_| b'0'));
            out.push(b'.');
            out.extend_from_slice(if whole < digits.len() { &digits[whole..] } else { b"0" });
        }
        -2..=0 => {
            out.extend_from_slice(b"0.");
            out.extend((exponent..0).map(|_| b'0'));
            out.extend_from_slice(&digits);
        }
        _ => {
            out.extend_from_slice(&[digits[0], b'.']);
            out.extend_from_slice(if digits.len() > 1 { &digits[1..] } else { b"0" });
            let _ = write!(out, "E{}", exponent - 1);
        }
    }
}

/// 0.digits × 10^exponent.
struct Decimal {
    digits: Vec<u8>,
    exponent: i32,
}

impl Decimal {
    /// Of a finite number that is not 0, without its sign.
    fn of(double: f64) -> Self {
        let bits = double.to_bits();
        let mut fraction = bits & (HIDDEN - 1);
        let mut exponent = i32::try_from(bits >> SHIFT & 0x7ff).unwrap_or_default();
        let mut significant = SHIFT + 1;
        if exponent == 0 {
            // Denormal.
            let zeros = fraction.leading_zeros().cast_signed();
            let shift = zeros - (63 - SHIFT);
            fraction <<= shift;
            exponent = 1 - shift;
            significant = 64 - zeros;
        } else {
            fraction |= HIDDEN;
        }
        Self::of_parts(exponent - 1023, fraction, significant)
    }

    fn of_parts(exponent: i32, fraction: u64, significant: i32) -> Self {
        let tail = fraction.trailing_zeros().cast_signed();
        let fraction_bits = SHIFT + 1 - tail;
        let tiny = (fraction_bits - exponent - 1).max(0);
        if tiny == 0 && exponent <= 62 && fraction_bits < 64 {
            let insignificant =
                if exponent > significant { insignificant_digits(exponent - significant - 1) } else { 0 };
            let whole = if exponent >= SHIFT {
                fraction << (exponent - SHIFT)
            } else {
                fraction >> (SHIFT - exponent)
            };
            return Self::of_whole(whole, insignificant);
        }
        let estimate = estimate(fraction, exponent);
        let five_b = (-estimate).max(0);
        let mut two_b = five_b + tiny + exponent;
        let five_s = estimate.max(0);
        let mut two_s = five_s + tiny;
        let five_m = five_b;
        let mut two_m = two_b - significant;
        let fraction = fraction >> tail;
        two_b -= fraction_bits - 1;
        let common = two_b.min(two_s);
        two_b -= common;
        two_s -= common;
        two_m -= common;
        if fraction_bits == 1 {
            two_m -= 1;
        }
        if two_m < 0 {
            two_b -= two_m;
            two_s -= two_m;
            two_m = 0;
        }
        let five_bits = |power: i32| {
            usize::try_from(power).ok().and_then(|power| FIVE_BITS.get(power)).copied().unwrap_or(power * 3)
        };
        let bits_b = fraction_bits + two_b + five_bits(five_b);
        let bits_tens = two_s + 1 + five_bits(five_s + 1);
        let powers = [(five_b, two_b), (five_s, two_s), (five_m, two_m)];
        if bits_b < 32 && bits_tens < 32 {
            let [b, s, m] = powers
                .map(|(five, two)| 5_i32.wrapping_pow(five.unsigned_abs()).wrapping_shl(two.unsigned_abs()));
            let b = i32::try_from(fraction).unwrap_or_default().wrapping_mul(b);
            Self::generate(estimate, Narrow { b: b.into(), s: s.into(), m: m.into(), in_32_bits: true })
        } else if bits_b < 64 && bits_tens < 64 {
            let [b, s, m] = powers
                .map(|(five, two)| 5_i64.wrapping_pow(five.unsigned_abs()).wrapping_shl(two.unsigned_abs()));
            let b = fraction.cast_signed().wrapping_mul(b);
            Self::generate(estimate, Narrow { b, s, m, in_32_bits: false })
        } else if bits_b < 120 && bits_tens < 120 {
            let [b, s, m] = powers.map(|(five, two)| 5_u128.pow(five.unsigned_abs()) << two);
            Self::generate(estimate, Medium { b: b * u128::from(fraction), s, m })
        } else {
            let [b, s, m] = powers.map(|(five, two)| Big::power(five, two));
            Self::generate(estimate, Wide { b: b.times(fraction), tens: s.times(10), s, m })
        }
    }

    /// A whole number without its last digits, which say nothing.
    fn of_whole(whole: u64, insignificant: u32) -> Self {
        let mut whole = whole;
        let mut exponent = 0;
        if insignificant > 0 {
            let unit = 10_u64.pow(insignificant);
            let rest = whole % unit;
            whole /= unit;
            exponent = insignificant.cast_signed();
            if rest >= unit / 2 {
                whole += 1;
            }
        }
        while whole.is_multiple_of(10) {
            whole /= 10;
            exponent += 1;
        }
        let digits = whole.to_string().into_bytes();
        let exponent = exponent + i32::try_from(digits.len()).unwrap_or_default();
        Self { digits, exponent }
    }

    fn generate(estimate: i32, mut ratio: impl Ratio) -> Self {
        let mut exponent = estimate;
        let mut digits = Vec::with_capacity(18);
        let digit = ratio.step();
        let (mut low, mut high) = ratio.ends();
        if digit == 0 && !high {
            exponent -= 1;
        } else {
            digits.push(b'0' + digit);
        }
        if !(-3..8).contains(&exponent) {
            (low, high) = (false, false);
        }
        while !low && !high {
            let digit = ratio.step();
            (low, high) = ratio.ends();
            digits.push(b'0' + digit);
        }
        exponent += 1;
        let up = high
            && (!low
                || match ratio.half() {
                    Ordering::Equal => digits.last().is_some_and(|digit| digit & 1 != 0),
                    half => half == Ordering::Greater,
                });
        if up {
            round_up(&mut digits, &mut exponent);
        }
        Self { digits, exponent }
    }
}

fn round_up(digits: &mut [u8], exponent: &mut i32) {
    for digit in digits.iter_mut().rev() {
        if *digit != b'9' {
            *digit += 1;
            return;
        }
        *digit = b'0';
    }
    digits[0] = b'1';
    *exponent += 1;
}

/// How many digits of 2^power say nothing.
fn insignificant_digits(power: i32) -> u32 {
    if !(2..64).contains(&power) {
        return 0;
    }
    (1_u64 << power).ilog10()
}

/// The power of ten of the first digit, or one more.
fn estimate(fraction: u64, exponent: i32) -> i32 {
    // Java's own constant, which is not quite the logarithm.
    #[expect(clippy::approx_constant, reason = "as Java writes it")]
    let log_of_two = 0.301_029_995_663_981;
    let mantissa = f64::from_bits(1023 << SHIFT | fraction & (HIDDEN - 1));
    let estimate = (mantissa - 1.5) * 0.289_529_654 + 0.176_091_259 + f64::from(exponent) * log_of_two;
    #[expect(clippy::cast_possible_truncation, reason = "it is between -325 and 309")]
    let estimate = estimate.floor() as i32;
    estimate
}

/// b / s, of which digits are taken, and m, how far the number may be off.
trait Ratio {
    /// Takes the next digit.
    fn step(&mut self) -> u8;
    /// Whether the digits so far are near enough: as they are, and with the last one greater by one.
    fn ends(&self) -> (bool, bool);
    /// What is left, against a half.
    fn half(&self) -> Ordering;
}

/// In 32 or 64 bits, as Java computes, with what overflows.
struct Narrow {
    b: i64,
    s: i64,
    m: i64,
    in_32_bits: bool,
}

impl Narrow {
    fn wrapped(&self, value: i64) -> i64 {
        #[expect(clippy::cast_possible_truncation, reason = "as Java's integers overflow")]
        if self.in_32_bits { i64::from(value as i32) } else { value }
    }

    fn tens(&self) -> i64 {
        self.wrapped(self.s.wrapping_mul(10))
    }
}

impl Ratio for Narrow {
    fn step(&mut self) -> u8 {
        let digit = self.b / self.s;
        self.b = self.wrapped((self.b % self.s).wrapping_mul(10));
        self.m = self.wrapped(self.m.wrapping_mul(10));
        u8::try_from(digit).unwrap_or_default()
    }

    fn ends(&self) -> (bool, bool) {
        if self.m > 0 {
            (self.b < self.m, self.wrapped(self.b.wrapping_add(self.m)) > self.tens())
        } else {
            (true, true)
        }
    }

    fn half(&self) -> Ordering {
        self.wrapped(self.wrapped(self.b << 1).wrapping_sub(self.tens())).cmp(&0)
    }
}

/// In 128 bits, which it never exceeds.
struct Medium {
    b: u128,
    s: u128,
    m: u128,
}

impl Ratio for Medium {
    fn step(&mut self) -> u8 {
        let digit = self.b / self.s;
        self.b = self.b % self.s * 10;
        self.m *= 10;
        u8::try_from(digit).unwrap_or_default()
    }

    fn ends(&self) -> (bool, bool) {
        (self.b < self.m, self.s * 10 <= self.b + self.m)
    }

    fn half(&self) -> Ordering {
        (self.b << 1).cmp(&(self.s * 10))
    }
}

struct Wide {
    b: Big,
    s: Big,
    tens: Big,
    m: Big,
}

impl Ratio for Wide {
    fn step(&mut self) -> u8 {
        let mut digit = 0;
        while self.b >= self.s {
            self.b.subtract(&self.s);
            digit += 1;
        }
        self.b.multiply(10);
        self.m.multiply(10);
        digit
    }

    fn ends(&self) -> (bool, bool) {
        (self.b < self.m, self.tens <= self.b.plus(&self.m))
    }

    fn half(&self) -> Ordering {
        self.b.plus(&self.b).cmp(&self.tens)
    }
}

/// A natural number, the lowest 32 bits first, without leading zeros.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Big(Vec<u32>);

impl Big {
    /// 5^five × 2^two.
    fn power(five: i32, two: i32) -> Self {
        let two = two.unsigned_abs();
        let mut words = vec![0; usize::try_from(two / 32).unwrap_or_default()];
        words.push(1 << (two % 32));
        let mut power = Self(words);
        for _ in 0..five {
            power.multiply(5);
        }
        power
    }

    fn multiply(&mut self, factor: u32) {
        let mut carry = 0;
        for word in &mut self.0 {
            let product = u64::from(*word) * u64::from(factor) + carry;
            *word = low(product);
            carry = product >> 32;
        }
        if carry > 0 {
            self.0.push(low(carry));
        }
    }

    fn times(&self, factor: u64) -> Self {
        let mut lower = self.clone();
        lower.multiply(low(factor));
        let mut upper = self.clone();
        upper.multiply(low(factor >> 32));
        upper.0.insert(0, 0);
        upper.trim();
        lower.trim();
        lower.plus(&upper)
    }

    fn plus(&self, other: &Self) -> Self {
        let mut carry = 0;
        let word = |words: &[u32], index: usize| u64::from(words.get(index).copied().unwrap_or_default());
        let mut sum = Vec::with_capacity(self.0.len().max(other.0.len()) + 1);
        for index in 0..self.0.len().max(other.0.len()) {
            let words = word(&self.0, index) + word(&other.0, index) + carry;
            sum.push(low(words));
            carry = words >> 32;
        }
        if carry > 0 {
            sum.push(low(carry));
        }
        Self(sum)
    }

    /// Takes away `other`, which is not greater.
    fn subtract(&mut self, other: &Self) {
        let mut borrow = false;
        for (index, word) in self.0.iter_mut().enumerate() {
            let taken = other.0.get(index).copied().unwrap_or_default();
            let (rest, first) = word.overflowing_sub(taken);
            let (rest, second) = rest.overflowing_sub(u32::from(borrow));
            *word = rest;
            borrow = first || second;
        }
        self.trim();
    }

    fn trim(&mut self) {
        while self.0.last() == Some(&0) {
            self.0.pop();
        }
    }
}

impl PartialOrd for Big {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Big {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.len().cmp(&other.0.len()).then_with(|| self.0.iter().rev().cmp(other.0.iter().rev()))
    }
}

fn low(value: u64) -> u32 {
    #[expect(clippy::cast_possible_truncation, reason = "the rest is the carry")]
    let low = value as u32;
    low
}
