//! Text that people read: counts, rates, times, and what comes from outside.

use console::measure_text_width;

use crate::result::{Evidence, Quantiles, Verdict};
use crate::stats::time_text;

/// How often something happened.
#[must_use]
pub fn times(count: u64) -> String {
    if count == 1 { "once".to_owned() } else { format!("{} times", grouped(count)) }
}

/// A count with its thousands set apart.
pub(super) fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Text from outside without characters that a terminal would act on, that would turn its direction or begin a line, or
/// that no XML may hold.
#[must_use]
pub fn plain(text: &str) -> String {
    text.chars().map(|c| if acts(c) { '\u{fffd}' } else { c }).collect()
}

/// Whether a character acts on who reads it (a control character, one that turns the direction of text or begins a line),
/// or may not stand in XML.
pub(super) fn acts(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}' | '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{fffe}'..='\u{ffff}'
        )
}

/// [`plain`], and no longer than so many characters.
pub(super) fn short(text: &str, longest: usize) -> String {
    let mut characters = text.chars();
    let mut kept: String = characters.by_ref().take(longest).collect();
    if characters.next().is_some() {
        kept.pop();
        kept.push('…');
    }
    plain(&kept)
}

/// A rate, and its target where there is one: closed load has none.
pub(super) fn rate(achieved_per_s: f64, target_per_s: f64) -> String {
    if target_per_s > 0.0 {
        format!("{achieved_per_s:.1}/s of {target_per_s:.1}/s")
    } else {
        format!("{achieved_per_s:.1}/s")
    }
}

/// Quantiles in a line, each as wide as those of the lines above and below.
pub(super) fn quantiles(q: Quantiles) -> String {
    format!(
        "p50 {:<7} p90 {:<7} p99 {:<7} p99.9 {:<7} max {:<7}",
        time_text(q.p50),
        time_text(q.p90),
        time_text(q.p99),
        time_text(q.p999),
        time_text(q.max)
    )
}

/// What is known of an example in a line: what was answered, and where it was found.
pub(super) fn example(example: &Evidence) -> String {
    let what = match &example.record {
        Some(record) => format!("record {record} of request {}", example.request),
        None => format!("request {}", example.request),
    };
    let found = if example.found.is_empty() {
        String::new()
    } else {
        format!("; found at {}", example.found.join(", "))
    };
    let time = time_text(example.written_us);
    plain(&format!("{what}, written at {time}: {}{found}", example.answer))
}

/// A verdict in two characters.
pub(super) fn mark(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "ok",
        Verdict::Inconclusive => "??",
        Verdict::Invalid => "--",
        Verdict::Fail => "NO",
    }
}

/// Text with spaces behind it, so that it takes so many columns.
pub(super) fn padded(text: &str, width: usize) -> String {
    let missing = width.saturating_sub(measure_text_width(text));
    format!("{text}{}", " ".repeat(missing))
}

/// A part of a whole, as a percentage; of nothing, nothing.
pub(super) fn percent_of(part: u64, whole: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
    let share = part as f64 * 100.0 / whole.max(1) as f64;
    format!("{share:.1} %")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_grouped() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn what_acts_is_replaced_and_what_is_long_is_cut() {
        let hostile = "a\0\u{1b}\n\u{202e}\u{2028}\u{fffe}é|`";
        assert_eq!(plain(hostile), format!("a{}é|`", "\u{fffd}".repeat(6)));
        assert_eq!([short("abcd", 4), short("abcde", 4), short("\n", 4)], ["abcd", "abc…", "\u{fffd}"]);
        assert_eq!([padded("ab", 4), padded("漢", 4), padded("abcde", 4)], ["ab  ", "漢  ", "abcde"]);
    }
}
