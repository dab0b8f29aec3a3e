//! A heat map: how many there were of each size, over time.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use maud::{Markup, html};

use super::super::text::grouped;
use super::{Axis, Caption, FRAME, HEIGHT, axes, image, place};

/// Shades, from few to many.
const SHADES: usize = 6;

/// A heat map of `cells`: for each place in time (number of a column) and each size (its bounds on the axis), a count.
/// `columns` are where each column begins and ends.
pub(in crate::report) fn heat(
    caption: Caption<'_>,
    x: &Axis,
    y: &Axis,
    columns: &[(f64, f64)],
    rows: &BTreeMap<u16, (f64, f64)>,
    cells: &BTreeMap<(u16, usize), u64>,
) -> Markup {
    let most = cells.values().copied().max().unwrap_or(0);
    let mut paths = vec![String::new(); SHADES];
    for (row, (low, high)) in rows {
        let (bottom, top) = (FRAME.y(y, *low), FRAME.y(y, *high));
        let of_row = cells.range((*row, 0)..=(*row, usize::MAX));
        for ((_, column), count) in of_row.filter(|(_, count)| **count > 0) {
            let Some((begins, ends)) = columns.get(*column) else { continue };
            let (left, right) = (FRAME.x(x, *begins), FRAME.x(x, *ends));
            let [left, top, right, bottom] = [left, top, right, bottom].map(place);
            // Writing to a string cannot fail.
            let _ = write!(paths[shade(*count, most)], "M{left} {bottom}V{top}H{right}V{bottom}z");
        }
    }
    let drawn = html! {
        (axes(x, y))
        @for (number, d) in paths.iter().enumerate() {
            path.(format!("heat-{number}")) data-shade=(number) d=(d) {}
        }
        path.cursor d="" {}
    };
    html! {
        ul.legend {
            @for number in (0..SHADES).filter(|number| bounds(*number, most).is_some()) {
                li {
                    svg viewBox="0 0 24 10" width="24" height="10" aria-hidden="true" {
                        path.(format!("heat-{number}")) d="M0 0H24V10H0z" {}
                    }
                    (range(number, most))
                }
            }
        }
        (image(caption, HEIGHT, &drawn))
    }
}

/// The shade of a count: by the logarithm, so that a few show beside many.
fn shade(count: u64, most: u64) -> usize {
    (0..SHADES).find(|shade| count <= bound(*shade, most)).unwrap_or(SHADES - 1)
}

/// The greatest count of a shade.
fn bound(shade: usize, most: u64) -> u64 {
    if shade + 1 >= SHADES {
        return most;
    }
    #[expect(clippy::cast_precision_loss, reason = "bounds of shades need no more")]
    let bound = (most as f64).powf((shade + 1) as f64 / SHADES as f64);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it lies between 0 and the most"
    )]
    let bound = bound.floor() as u64;
    bound
}

/// The least and the greatest count of a shade; few counts need few shades.
fn bounds(shade: usize, most: u64) -> Option<(u64, u64)> {
    let from = if shade == 0 { 1 } else { bound(shade - 1, most) + 1 };
    let to = bound(shade, most);
    (from <= to).then_some((from, to))
}

/// The counts of a shade, in words.
fn range(shade: usize, most: u64) -> String {
    match bounds(shade, most) {
        Some((from, to)) if from < to => format!("{} to {}", grouped(from), grouped(to)),
        Some((from, _)) => grouped(from),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_count_has_the_shade_whose_range_says_so() {
        for most in [1, 2, 7, 100, 4_321] {
            for count in 1..=most {
                let shade = shade(count, most);
                let (from, to) = bounds(shade, most).unwrap();
                assert!((from..=to).contains(&count), "{count} of {most}: {shade}");
            }
        }
        assert_eq!(range(0, 1), "1");
        assert_eq!(bounds(2, 1), None);
        assert_eq!(range(5, 1_000_000), "100,001 to 1,000,000");
    }
}
