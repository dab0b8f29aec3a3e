//! Charts as plain SVG, drawn once and shown as they are. Colours are the page's: shapes name a class, and no more.
//!
//! Each chart is an image with a title and a description; the page puts its figures into a table beside it.

mod axis;
mod flow;
mod heat;
mod lines;
mod stack;

use maud::{Markup, html};

pub(super) use axis::Axis;
pub(super) use flow::{Flow, flow};
pub(super) use heat::heat;
pub(super) use lines::{Series, lines};
pub(super) use stack::{Layer, stack};

/// What a chart is called, and what it says in a sentence.
#[derive(Debug, Clone, Copy)]
pub(super) struct Caption<'a> {
    /// Unique in the page.
    pub(super) id: &'a str,
    pub(super) title: &'a str,
    pub(super) says: &'a str,
}

/// Size of a chart, in units that come near pixels.
const WIDTH: f64 = 880.0;
const HEIGHT: f64 = 300.0;
const FRAME: Plot = Plot { left: 72.0, right: WIDTH - 14.0, top: 12.0, bottom: HEIGHT - 42.0 };

/// The part of a chart's image within which its axes lie.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plot {
    pub(super) left: f64,
    pub(super) right: f64,
    pub(super) top: f64,
    pub(super) bottom: f64,
}

impl Plot {
    /// That of each chart with axes.
    pub(super) fn of_charts() -> Self {
        FRAME
    }

    fn x(self, axis: &Axis, value: f64) -> f64 {
        self.left + axis.place(value) * (self.right - self.left)
    }

    fn y(self, axis: &Axis, value: f64) -> f64 {
        self.bottom - axis.place(value) * (self.bottom - self.top)
    }
}

/// An image of a height, with what is said of it.
fn image(caption: Caption<'_>, height: f64, content: &Markup) -> Markup {
    let Caption { id, title, says } = caption;
    html! {
        svg.chart id=(id) viewBox=(format!("0 0 {WIDTH} {height}")) role="img"
            aria-labelledby=(format!("{id}-title {id}-says"))
        {
            title id=(format!("{id}-title")) { (title) }
            desc id=(format!("{id}-says")) { (says) }
            (content)
        }
    }
}

/// Both axes with their names, ticks and a faint grid.
fn axes(x: &Axis, y: &Axis) -> Markup {
    let f = FRAME;
    html! {
        g.grid aria-hidden="true" {
            @for tick in y.ticks() {
                path d=(format!("M{} {}H{}", f.left, place(f.y(y, tick.value)), f.right)) {}
            }
            @for tick in x.ticks() {
                path d=(format!("M{} {}V{}", place(f.x(x, tick.value)), f.top, f.bottom)) {}
            }
        }
        g.ticks aria-hidden="true" {
            @for tick in y.ticks() {
                text x=(f.left - 8.0) y=(place(f.y(y, tick.value) + 4.0)) text-anchor="end" { (tick.label) }
            }
            @for tick in x.ticks() {
                text x=(place(f.x(x, tick.value))) y=(f.bottom + 18.0) text-anchor="middle" { (tick.label) }
            }
            text.name x=(f.right) y=(HEIGHT - 6.0) text-anchor="end" { (x.name()) }
            text.name x="0" y="0" transform=(format!("translate(14 {}) rotate(-90)", f.top)) text-anchor="end" {
                (y.name())
            }
        }
    }
}

/// A place as charts write it: to the hundredth, which nobody sees, without zeros that say nothing.
fn place(value: f64) -> String {
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_short() {
        assert_eq!([0.0, -0.001, 1.5, 10.0, 2.345].map(place), ["0", "0", "1.5", "10", "2.35"]);
    }
}
