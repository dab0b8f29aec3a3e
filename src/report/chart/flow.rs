//! A flow: what a number parts into, and those parts into others, each as broad as its share.

use std::fmt::Write as _;

use maud::{Markup, html};

use super::super::text::grouped;
use super::{Caption, WIDTH, image, place};

/// A part of a flow, and its own parts. A part without parts is an end.
#[derive(Debug)]
pub(in crate::report) struct Flow<'a> {
    pub(in crate::report) name: &'a str,
    pub(in crate::report) count: u64,
    /// Class of its colour: `good`, `bad`, `doubt` or `plain`.
    pub(in crate::report) class: &'static str,
    pub(in crate::report) parts: Vec<Flow<'a>>,
}

/// Height of the whole, if nothing is small.
const BREADTH: f64 = 200.0;
/// The least height for an end: its name must find room.
const ROOM: f64 = 34.0;
/// The least height of what is not nothing.
const THIN: f64 = 2.0;
/// Width of a bar.
const BAR: f64 = 14.0;
/// Between the bars of one level and the next.
const LEVEL: f64 = (WIDTH - 210.0 - BAR) / 2.0;
const TOP: f64 = 4.0;

/// The chart of a flow of at most three levels.
pub(in crate::report) fn flow(caption: Caption<'_>, root: &Flow<'_>) -> Markup {
    let mut drawn = Drawn::default();
    let height = draw(root, root.count, 0, TOP, &mut drawn).slot;
    let content = html! {
        @for (class, d) in &drawn.ribbons { path.ribbon.(class) d=(d) {} }
        @for bar in &drawn.bars {
            rect.(bar.class) x=(place(bar.x)) y=(place(bar.y)) width=(BAR) height=(place(bar.height)) {}
        }
        @for bar in &drawn.bars {
            text.node.none[bar.count == 0] x=(place(bar.x + BAR + 7.0)) y=(place(bar.middle - 2.0)) {
                tspan.count { (grouped(bar.count)) }
                tspan x=(place(bar.x + BAR + 7.0)) dy="15" { (bar.name) }
            }
        }
    };
    image(caption, height + 2.0 * TOP, &content)
}

#[derive(Default)]
struct Drawn<'a> {
    ribbons: Vec<(&'static str, String)>,
    bars: Vec<Bar<'a>>,
}

struct Bar<'a> {
    name: &'a str,
    count: u64,
    class: &'static str,
    x: f64,
    y: f64,
    height: f64,
    /// Middle of the room that it has.
    middle: f64,
}

/// Where a part was drawn.
struct Placed {
    /// Height of the room that it takes.
    slot: f64,
    y: f64,
    height: f64,
}

/// Draws a part and its parts, from `top` downwards.
fn draw<'a>(part: &Flow<'a>, whole: u64, level: u32, top: f64, drawn: &mut Drawn<'a>) -> Placed {
    let height = breadth(part.count, whole);
    let x = f64::from(level) * LEVEL;
    let mut below = top;
    let mut placed = Vec::new();
    for inner in &part.parts {
        let at = draw(inner, whole, level + 1, below, drawn);
        below += at.slot;
        placed.push((inner, at));
    }
    let slot = (below - top).max(height + 6.0).max(ROOM);
    let y = top + (slot - height) / 2.0;
    // Each part leaves where the one before it ended.
    let mut from = y;
    for (inner, at) in placed {
        if inner.count > 0 {
            let leaves = share(inner.count, part.count) * height;
            drawn.ribbons.push((inner.class, ribbon((x + BAR, from, leaves), (x + LEVEL, at.y, at.height))));
            from += leaves;
        }
    }
    drawn.bars.push(Bar {
        name: part.name,
        count: part.count,
        class: part.class,
        x,
        y,
        height,
        middle: top + slot / 2.0,
    });
    Placed { slot, y, height }
}

/// A band from one side to another: each is x, y and height.
fn ribbon((x, y, height): (f64, f64, f64), (to_x, to_y, to_height): (f64, f64, f64)) -> String {
    let middle = place(f64::midpoint(x, to_x));
    let (bottom, to_bottom) = (place(y + height), place(to_y + to_height));
    let [x, y, to_x, to_y] = [x, y, to_x, to_y].map(place);
    let mut d = String::new();
    // Writing to a string cannot fail.
    let _ = write!(
        d,
        "M{x} {y}C{middle} {y} {middle} {to_y} {to_x} {to_y}V{to_bottom}\
         C{middle} {to_bottom} {middle} {bottom} {x} {bottom}z"
    );
    d
}

fn breadth(count: u64, whole: u64) -> f64 {
    if count == 0 { 0.0 } else { (share(count, whole) * BREADTH).max(THIN) }
}

#[expect(clippy::cast_precision_loss, reason = "shown as a height")]
fn share(count: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { count as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part<'a>(name: &'a str, count: u64, parts: Vec<Flow<'a>>) -> Flow<'a> {
        Flow { name, count, class: "plain", parts }
    }

    #[test]
    fn parts_are_as_high_as_their_share_and_few_are_seen() {
        let root = part(
            "sent",
            40_000,
            vec![
                part("acked", 30_000, vec![part("landed", 29_999, vec![]), part("lost", 1, vec![])]),
                part("refused", 10_000, vec![part("leaked", 0, vec![])]),
            ],
        );
        let mut drawn = Drawn::default();
        draw(&root, root.count, 0, 0.0, &mut drawn);
        let height = |name| drawn.bars.iter().find(|bar| bar.name == name).map(|bar| bar.height);
        assert_eq!(height("sent"), Some(BREADTH));
        assert_eq!(height("acked"), Some(BREADTH * 0.75));
        assert_eq!((height("lost"), height("leaked")), (Some(THIN), Some(0.0)));
        // What nothing flows into has no band.
        assert_eq!(drawn.ribbons.len(), 4);
    }
}
