//! What a function writes: its standard output and error, line by line, without what may be a credential.

use std::collections::VecDeque;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncRead, AsyncReadExt as _};

use crate::secret::redact;

/// Longest line that is kept, in bytes. The rest of a longer one is dropped.
const LINE_LIMIT: usize = 16 * 1024;

/// Lines that are kept of each worker, for errors.
const TAIL_LINES: usize = 20;

/// Tokens that are known at a time.
const TOKENS: usize = 4;

/// Longest line of an error, in characters.
const TAIL_WIDTH: usize = 400;

/// The file that all workers' lines are appended to, if one was asked for.
#[derive(Debug)]
pub(super) struct Log {
    file: Option<Mutex<File>>,
    unlogged: AtomicU64,
}

impl Log {
    /// Opens the file, or makes it.
    pub(super) fn open(path: Option<&Path>) -> std::io::Result<Self> {
        let open = |path| OpenOptions::new().append(true).create(true).open(path);
        let file = path.map(open).transpose()?.map(Mutex::new);
        Ok(Self { file, unlogged: AtomicU64::new(0) })
    }

    /// Lines that could not be written.
    pub(super) fn unlogged(&self) -> u64 {
        self.unlogged.load(Ordering::Relaxed)
    }

    fn append(&self, line: &str) {
        let Some(file) = &self.file else { return };
        // A line is one write, so it is whole, however many processes append to the file.
        let written = file.lock().unwrap_or_else(PoisonError::into_inner).write_all(line.as_bytes());
        if written.is_err() {
            self.unlogged.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// What one worker wrote last. Shown, it begins with what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tail(Vec<String>);

impl Tail {
    /// The lines, the last one at the end, without what may be a credential.
    #[must_use]
    pub fn lines(&self) -> &[String] {
        &self.0
    }
}

impl fmt::Display for Tail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("it wrote nothing");
        }
        f.write_str("it wrote:")?;
        self.0
            .iter()
            .try_for_each(|line| write!(f, "\n  {}", line.chars().take(TAIL_WIDTH).collect::<String>()))
    }
}

/// What one worker writes.
#[derive(Debug)]
pub(super) struct Output {
    worker: u32,
    log: Arc<Log>,
    /// What is secret in every line: values of the function's environment.
    known: Vec<String>,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    tail: VecDeque<String>,
    /// What is secret because an event brought it, the latest last. What is written may be read after the next event.
    tokens: VecDeque<Vec<String>>,
}

impl Output {
    pub(super) fn new(worker: u32, log: Arc<Log>, known: Vec<String>) -> Self {
        Self { worker, log, known, kept: Mutex::default() }
    }

    /// From now on what an event brought is secret, until [`TOKENS`] others have come.
    pub(super) fn conceal(&self, brought: Vec<String>) {
        let mut kept = self.kept();
        if kept.tokens.len() == TOKENS {
            kept.tokens.pop_front();
        }
        kept.tokens.push_back(brought);
    }

    /// Keeps what `stream` says until its end.
    pub(super) async fn capture(&self, stream: &'static str, mut from: impl AsyncRead + Unpin) {
        let mut lines = Lines::default();
        let mut read = [0; 4096];
        // A pipe that breaks has ended.
        while let Ok(count @ 1..) = from.read(&mut read).await {
            lines.push(&read[..count], |line| self.keep(stream, line));
        }
        lines.end(|line| self.keep(stream, line));
    }

    /// The last lines.
    pub(super) fn tail(&self) -> Tail {
        Tail(self.kept().tail.iter().cloned().collect())
    }

    fn keep(&self, stream: &str, line: &[u8]) {
        let line = String::from_utf8_lossy(line);
        // Whoever reads the file in a terminal is not acted upon.
        let plain: String =
            line.chars().map(|c| if c.is_control() && c != '\t' { '\u{fffd}' } else { c }).collect();
        let mut kept = self.kept();
        let known: Vec<String> = self.known.iter().chain(kept.tokens.iter().flatten()).cloned().collect();
        let line = redact(&plain, &known);
        self.log.append(&format!("{} {stream} {line}\n", self.worker));
        if kept.tail.len() == TAIL_LINES {
            kept.tail.pop_front();
        }
        kept.tail.push_back(line);
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        // What is kept is whole after each line.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Bytes on their way to lines. A carriage return ends a line, too: AWS's runtimes put them between the lines of a
/// trace. Empty lines are left out.
#[derive(Debug, Default)]
struct Lines {
    line: Vec<u8>,
    over: bool,
}

impl Lines {
    fn push(&mut self, bytes: &[u8], mut each: impl FnMut(&[u8])) {
        let ends = |byte: &u8| matches!(byte, b'\n' | b'\r');
        for piece in bytes.split_inclusive(ends) {
            let (text, ended) = match piece {
                [text @ .., last] if ends(last) => (text, true),
                text => (text, false),
            };
            let room = LINE_LIMIT - self.line.len();
            self.over |= text.len() > room;
            self.line.extend_from_slice(&text[..text.len().min(room)]);
            if ended {
                self.end(&mut each);
            }
        }
    }

    /// Gives out what is there, as a line.
    fn end(&mut self, mut each: impl FnMut(&[u8])) {
        if self.over {
            // The word that was cut might be a token, which would not be recognised by its beginning.
            let word = self.line.iter().rposition(u8::is_ascii_whitespace).map_or(0, |space| space + 1);
            self.line.truncate(word);
            self.line.extend_from_slice(b"[too long]");
        }
        if !self.line.is_empty() {
            each(&self.line);
        }
        self.line.clear();
        self.over = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(chunks: &[&[u8]]) -> Vec<String> {
        let mut lines = Lines::default();
        let mut found = Vec::new();
        let mut each = |line: &[u8]| found.push(String::from_utf8_lossy(line).into_owned());
        for chunk in chunks {
            lines.push(chunk, &mut each);
        }
        lines.end(&mut each);
        found
    }

    #[test]
    fn lines_end_where_they_end_however_they_are_read() {
        assert_eq!(lines(&[b"a\nb", b"c\r\n\n", b"d\re"]), ["a", "bc", "d", "e"]);
        assert_eq!(lines(&[b"", b"\n"]), Vec::<String>::new());
    }

    #[test]
    fn a_long_line_is_cut_before_the_word_that_is_not_whole() {
        let fits = vec![b'x'; LINE_LIMIT];
        assert_eq!(lines(&[&fits, b"\n"])[0].len(), LINE_LIMIT);
        let long = [b"seen ".as_slice(), &fits, b"y\nnext\n"].concat();
        assert_eq!(lines(&[&long]), ["seen [too long]", "next"]);
        assert_eq!(lines(&[&fits, &fits]), ["[too long]"]);
    }

    #[tokio::test]
    async fn what_is_kept_is_redacted_and_bounded_and_acts_on_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let log = Arc::new(Log::open(Some(&path)).unwrap());
        let output = Output::new(3, log.clone(), vec!["hunter22".to_owned()]);
        output.conceal(vec!["opaque-1".to_owned()]);
        output.capture("out", b"hunter22 opaque-1 \x1b[2J\n".as_slice()).await;
        (0..TOKENS).for_each(|n| output.conceal(vec![format!("other-{n}")]));
        let many = (0..30).map(|n| format!("{n} opaque-1")).collect::<Vec<_>>().join("\n");
        output.capture("err", many.as_bytes()).await;
        let written = std::fs::read_to_string(&path).unwrap();
        assert!(
            written.starts_with("3 out [redacted] [redacted] \u{fffd}[2J\n3 err 0 opaque-1\n"),
            "{written}"
        );
        assert_eq!((written.lines().count(), log.unlogged()), (31, 0));
        let tail = output.tail();
        assert_eq!((tail.lines().len(), tail.lines()[0].as_str()), (TAIL_LINES, "10 opaque-1"));
        assert!(tail.to_string().starts_with("it wrote:\n  10 opaque-1\n"));
    }
}
