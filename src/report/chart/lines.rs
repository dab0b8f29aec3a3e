//! Lines over an axis, each a figure.

use maud::{Markup, html};

use super::{Axis, Caption, FRAME, HEIGHT, axes, image, place};

/// A line.
#[derive(Debug)]
pub(in crate::report) struct Series<'a> {
    /// As the legend has it.
    pub(in crate::report) name: &'a str,
    /// Class of its colour and dashes, for instance `s1`.
    pub(in crate::report) class: &'static str,
    /// Where it goes, in the axes' figures; `None` breaks it.
    pub(in crate::report) points: Vec<Option<(f64, f64)>>,
}

/// A chart of lines, with a legend.
pub(in crate::report) fn lines(caption: Caption<'_>, x: &Axis, y: &Axis, series: &[Series<'_>]) -> Markup {
    let drawn = html! {
        (axes(x, y))
        @for line in series {
            path.line.(line.class) data-series=(line.name) d=(path(x, y, &line.points)) {}
        }
        path.cursor d="" {}
    };
    html! {
        (legend(series.iter().map(|line| (line.name, line.class))))
        (image(caption, HEIGHT, &drawn))
    }
}

/// Names beside their colours.
pub(super) fn legend<'n>(names: impl Iterator<Item = (&'n str, &'n str)>) -> Markup {
    html! {
        ul.legend {
            @for (name, class) in names {
                li {
                    svg viewBox="0 0 24 10" width="24" height="10" aria-hidden="true" {
                        path.line.(class) d="M1 5H23" {}
                    }
                    (name)
                }
            }
        }
    }
}

/// A point alone is a dot: a line of no length with round ends.
fn path(x: &Axis, y: &Axis, points: &[Option<(f64, f64)>]) -> String {
    let mut d = String::new();
    let mut pen = false;
    for (index, point) in points.iter().enumerate() {
        let Some((at, value)) = point else {
            pen = false;
            continue;
        };
        let (at, value) = (place(FRAME.x(x, *at)), place(FRAME.y(y, *value)));
        if pen {
            // After the first point of a line, pairs are lines (SVG 2, 9.3.4).
            d.push(' ');
        } else {
            d.push('M');
        }
        d.push_str(&at);
        d.push(' ');
        d.push_str(&value);
        if !pen && points.get(index + 1).is_none_or(Option::is_none) {
            d.push_str("h0");
        }
        pen = true;
    }
    d
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_breaks_the_line_and_a_point_alone_is_a_dot() {
        let (x, y) = (Axis::seconds(10.0), Axis::counts("n", 10.0));
        let points = [Some((0.0, 0.0)), Some((5.0, 5.0)), None, Some((10.0, 10.0))];
        assert_eq!(path(&x, &y, &points), "M72 258 469 135M866 12h0");
    }
}
