//! Counts over time, one upon the other: how much there was of each, and of all.

use std::fmt::Write as _;

use maud::{Markup, html};

use super::lines::legend;
use super::{Axis, Caption, FRAME, HEIGHT, axes, image, place};

/// What lies on the layers below it.
#[derive(Debug)]
pub(in crate::report) struct Layer<'a> {
    pub(in crate::report) name: &'a str,
    /// Class of its colour, for instance `o-failed`.
    pub(in crate::report) class: &'static str,
    /// Whether it is hatched, so that it is told from its neighbours without colours.
    pub(in crate::report) hatched: bool,
    /// Its height in each step, one for each of the steps.
    pub(in crate::report) heights: Vec<f64>,
}

/// A chart of layers over steps: `steps` are where each begins and ends, rising.
pub(in crate::report) fn stack(
    caption: Caption<'_>,
    x: &Axis,
    y: &Axis,
    steps: &[(f64, f64)],
    layers: &[Layer<'_>],
) -> Markup {
    let mut below = vec![0.0; steps.len()];
    let mut areas = Vec::new();
    for layer in layers {
        let above: Vec<f64> =
            below.iter().zip(&layer.heights).map(|(below, height)| below + height).collect();
        areas.push((layer, area(x, y, steps, &below, &above)));
        below = above;
    }
    let drawn = html! {
        defs {
            pattern #hatch width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)" {
                path d="M0 0V7" {}
            }
        }
        (axes(x, y))
        @for (layer, d) in &areas {
            path.area.(layer.class) data-series=(layer.name) d=(d) {}
            @if layer.hatched { path.hatched d=(d) {} }
        }
        path.cursor d="" {}
    };
    html! {
        (legend(layers.iter().map(|layer| (layer.name, layer.class))))
        (image(caption, HEIGHT, &drawn))
    }
}

/// The area between two heights: a box a step, left out where it has none.
fn area(x: &Axis, y: &Axis, steps: &[(f64, f64)], below: &[f64], above: &[f64]) -> String {
    let mut d = String::new();
    for (step, (below, above)) in steps.iter().zip(below.iter().zip(above)) {
        if above <= below {
            continue;
        }
        let [left, right] = [step.0, step.1].map(|at| place(FRAME.x(x, at)));
        let [bottom, top] = [*below, *above].map(|value| place(FRAME.y(y, value)));
        // Writing to a string cannot fail.
        let _ = write!(d, "M{left} {bottom}V{top}H{right}V{bottom}z");
    }
    d
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_stand_upon_each_other() {
        let (x, y) = (Axis::seconds(10.0), Axis::counts("n", 10.0));
        let steps = [(0.0, 5.0), (5.0, 10.0)];
        assert_eq!(area(&x, &y, &steps, &[0.0, 1.0], &[10.0, 1.0]), "M72 258V12H469V258z");
    }
}
