//! Tables, and figures in words.

use maud::{Markup, html};

use crate::report::text::grouped;
use crate::result::Quantiles;
use crate::stats::time_text;

/// Headings of [`cells`].
pub(super) const QUANTILES: [&str; 6] = ["p50", "p90", "p99", "p99.9", "max", "values"];

/// Quantiles in words, and how many values they are of.
pub(super) fn cells(times: Quantiles) -> [String; 6] {
    let Quantiles { p50, p90, p99, p999, max, count } = times;
    let text = |time| if count == 0 { "–".to_owned() } else { time_text(time) };
    [text(p50), text(p90), text(p99), text(p999), text(max), grouped(count)]
}

/// A table of quantiles: a row each of a name, what it means, and its times.
pub(super) fn quantiles(caption: &str, rows: &[(&str, &str, Quantiles)]) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label=(caption) {
            table {
                caption { (caption) }
                thead {
                    tr {
                        th.text scope="col" { "time" }
                        @for name in QUANTILES { th scope="col" { (name) } }
                        th.text scope="col" { "is" }
                    }
                }
                tbody {
                    @for (name, meaning, q) in rows {
                        tr {
                            th.text scope="row" { (name) }
                            @for cell in cells(*q) { td { (cell) } }
                            td.text.long { (meaning) }
                        }
                    }
                }
            }
        }
    }
}

/// A table of names and values.
pub(super) fn facts(caption: &str, rows: &[(&str, Markup)]) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label=(caption) {
            table {
                caption { (caption) }
                tbody { @for (name, value) in rows { tr { th.text scope="row" { (name) } td.text.long { (value) } } } }
            }
        }
    }
}

/// A share as a bar, beside the number that tells it.
pub(super) fn share(part: u64, whole: u64) -> Markup {
    #[expect(clippy::cast_precision_loss, reason = "shown as a bar")]
    let share = if whole == 0 { 0.0 } else { part as f64 / whole as f64 };
    // What is not nothing is seen.
    let width = if part == 0 { 0.0 } else { (share * 100.0).max(0.7) };
    html! {
        svg.share viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true" {
            rect x="0" y="1" height="8" width=(format!("{width:.1}")) {}
        }
    }
}
