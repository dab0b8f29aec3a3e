//! Showing a run under way on standard error: a screen that is drawn over on a terminal, a line now and then elsewhere.

use std::fmt::Write as _;
use std::time::Duration;

use console::Term;

use crate::report::{self, Progress};

/// How a run under way is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Live {
    /// Not at all.
    Off,
    /// A line each ten seconds, for logs.
    Lines,
    /// A screen, for a terminal.
    Screen,
}

/// Time between two lines.
const LINES: Duration = Duration::from_secs(10);
/// Rows and columns where the terminal does not tell.
const SIZE: (u16, u16) = (24, 80);

pub(super) struct View {
    live: Live,
    term: Term,
    next_line: Duration,
}

impl View {
    pub(super) fn new(live: Live) -> Self {
        Self { live, term: Term::stderr(), next_line: LINES }
    }

    pub(super) fn show(&mut self, progress: &Progress) {
        match self.live {
            Live::Lines if progress.elapsed >= self.next_line => {
                self.next_line = progress.elapsed + LINES;
                // A reader that has gone away is no error of ours.
                let _ = self.term.write_line(&format!("landfall: {}", report::line(progress)));
            }
            Live::Off | Live::Lines => {}
            Live::Screen => {
                let (rows, columns) = self.term.size_checked().unwrap_or(SIZE);
                let _ = self.term.write_str(&drawing(progress, rows.into(), columns.into()));
            }
        }
    }

    /// Takes the screen away.
    pub(super) fn close(&self) {
        if self.live == Live::Screen {
            let _ = self.term.write_str(CLEAR);
        }
    }
}

/// To the line's start, and away with everything from there on (ECMA-48, ED).
const CLEAR: &str = "\r\x1b[J";

/// The screen, below an empty line, with the cursor back on that. What somebody else prints meanwhile takes the place
/// of the empty line, and the next drawing begins below it.
fn drawing(progress: &Progress, rows: usize, columns: usize) -> String {
    let mut text = String::from(CLEAR);
    let mut height = 0;
    for line in report::screen(progress, columns).iter().take(rows.saturating_sub(2)) {
        text.push('\n');
        text.push_str(line);
        height += 1;
    }
    if height > 0 {
        // Back up (ECMA-48, CUU). Writing to a string cannot fail.
        let _ = write!(text, "\r\x1b[{height}A");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drawing_ends_where_it_began() {
        for rows in [0, 2, 5, 24] {
            let text = drawing(&Progress::default(), rows, 40);
            let down = text.matches('\n').count();
            let up = if down == 0 { String::new() } else { format!("\r\x1b[{down}A") };
            assert!(text.starts_with(CLEAR) && text.ends_with(&up) && down <= rows, "{text:?}");
        }
    }
}
