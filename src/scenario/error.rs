//! What is wrong with a scenario: where it stands, what it is, and what would be right.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use thiserror::Error;

/// How many problems an error shows; the rest is only counted.
const MOST_SHOWN: usize = 20;

/// How many characters of a name or value a message repeats.
const LONGEST_QUOTE: usize = 60;

/// Why a scenario cannot be used: every independent problem, in the order of their places.
///
/// Prints one problem a line. No line of the file is ever repeated, because it may hold a secret that
/// somebody wrote down by mistake.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{}", self.lines())]
pub struct ScenarioError {
    /// The first 20 problems, never empty.
    pub problems: Vec<Problem>,
    /// How many more there are.
    pub more: usize,
}

impl ScenarioError {
    fn lines(&self) -> String {
        let mut lines: Vec<String> = self.problems.iter().map(Problem::to_string).collect();
        if self.more > 0 {
            lines.push(format!("… and {} more", self.more));
        }
        lines.join("\n")
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The file or the `--set` that the fault stands in.
    pub origin: Origin,
    /// Line, from 1; 0 where there is none (a whole file, a `--set`).
    pub line: usize,
    /// Column in characters, from 1; 0 where there is none.
    pub column: usize,
    /// The field, for instance `stack.proxy.replicas`; empty for the scenario as a whole.
    pub path: String,
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub suggestion: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.origin)?;
        if self.line > 0 {
            write!(f, ":{}:{}", self.line, self.column)?;
        }
        f.write_str(": ")?;
        if !self.path.is_empty() && !matches!(&self.origin, Origin::Set(path) if *path == self.path) {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)?;
        match &self.suggestion {
            Some(suggestion) => write!(f, "; {suggestion}"),
            None => Ok(()),
        }
    }
}

/// Where a piece of a scenario comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// A scenario file.
    File(PathBuf),
    /// A `--set` of the command line, by its path; the value may be a secret and is not kept.
    Set(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Set(path) => write!(f, "--set {path}"),
        }
    }
}

/// A file's text could not be had.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct Unreadable {
    /// Line of the offending byte, from 1; 0 where there is none.
    pub line: usize,
    /// Column of the offending byte, from 1; 0 where there is none.
    pub column: usize,
    /// What is wrong with the file.
    pub message: String,
}

/// A position in a scenario's source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) origin: Arc<Origin>,
    pub(super) line: usize,
    pub(super) column: usize,
}

impl Place {
    /// The origin as a whole.
    pub(super) fn whole(origin: &Arc<Origin>) -> Self {
        Self { origin: Arc::clone(origin), line: 0, column: 0 }
    }

    /// `file` as it must be opened: relative to the folder of the scenario file that names it. A path
    /// from the command line is relative to the current folder, as the shell completes it.
    pub(super) fn resolve(&self, file: &str) -> PathBuf {
        match self.origin.as_ref() {
            Origin::File(scenario) => scenario.parent().unwrap_or(Path::new("")).join(file),
            Origin::Set(_) => PathBuf::from(file),
        }
    }
}

/// Gathers problems, so that one reading shows all of them.
#[derive(Debug, Default)]
pub(super) struct Problems(Vec<Problem>);

impl Problems {
    pub(super) fn add(&mut self, at: &Place, path: &str, message: impl Into<String>) {
        self.push(at, path, message.into(), None);
    }

    pub(super) fn suggest(
        &mut self,
        at: &Place,
        path: &str,
        message: impl Into<String>,
        suggestion: impl Into<String>,
    ) {
        self.push(at, path, message.into(), Some(suggestion.into()));
    }

    fn push(&mut self, at: &Place, path: &str, message: String, suggestion: Option<String>) {
        let origin = Origin::clone(&at.origin);
        let (line, column) = match origin {
            Origin::File(_) => (at.line, at.column),
            Origin::Set(_) => (0, 0),
        };
        self.0.push(Problem { origin, line, column, path: path.to_owned(), message, suggestion });
    }

    /// How many have been found so far.
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `value` if nothing was found, the findings otherwise.
    pub(super) fn or<T>(self, value: T) -> Result<T, ScenarioError> {
        if self.is_empty() { Ok(value) } else { Err(self.into_error()) }
    }

    pub(super) fn into_error(self) -> ScenarioError {
        let mut problems = self.0;
        problems.sort();
        problems.dedup();
        let more = problems.len().saturating_sub(MOST_SHOWN);
        problems.truncate(MOST_SHOWN);
        ScenarioError { problems, more }
    }
}

/// `text` in backquotes, on one line and not too long.
pub(super) fn quoted(text: &str) -> String {
    let shown: String = text.chars().take(LONGEST_QUOTE).flat_map(char::escape_debug).collect();
    let shown = shown.replace("\\'", "'").replace("\\\"", "\"");
    if text.chars().count() > LONGEST_QUOTE { format!("`{shown}…`") } else { format!("`{shown}`") }
}

/// What to say about `name`, which is none of `valid`: the nearest one, or else all of them.
pub(super) fn nearest(name: &str, valid: &[&str]) -> String {
    let lower = name.to_lowercase();
    let distance = |candidate: &str| strsim::damerau_levenshtein(&lower, &candidate.to_lowercase());
    let least = valid.iter().map(|candidate| distance(candidate)).min().unwrap_or(usize::MAX);
    let is_near =
        |candidate: &&&str| distance(candidate) == least && least <= (candidate.chars().count() / 3).max(1);
    let has_it = |candidate: &&&str| candidate.split(['-', '_', '.']).any(|part| part == lower);
    let near: Vec<String> = valid.iter().filter(is_near).map(|name| quoted(name)).collect();
    let within = || valid.iter().filter(has_it).map(|name| quoted(name)).collect();
    let near: Vec<String> = if near.is_empty() { within() } else { near };
    match near.len() {
        1..=3 => format!("did you mean {}?", near.join(" or ")),
        // None is near, or so many that none stands out.
        _ => listed(valid),
    }
}

/// The valid names, all of them.
pub(super) fn listed(valid: &[&str]) -> String {
    match valid {
        [] => "none is possible here".to_owned(),
        [only] => format!("possible is only {}", quoted(only)),
        all => format!("possible are {}", all.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(line: usize) -> Place {
        Place { origin: Arc::new(Origin::File("a/b.yaml".into())), line, column: 7 }
    }

    #[test]
    fn a_problem_is_one_line_with_place_field_and_remedy() {
        let mut problems = Problems::default();
        problems.suggest(&place(12), "stack.proxy.replcias", "unknown field", "did you mean `replicas`?");
        problems.add(&place(3), "", "is odd");
        let error = problems.into_error();
        assert_eq!(
            error.to_string(),
            "a/b.yaml:3:7: is odd\n\
             a/b.yaml:12:7: stack.proxy.replcias: unknown field; did you mean `replicas`?"
        );
    }

    #[test]
    fn a_set_has_no_line_and_names_its_field_once() {
        let at = Place { origin: Arc::new(Origin::Set("stack.proxy".into())), line: 1, column: 9 };
        let mut problems = Problems::default();
        problems.add(&at, "stack.proxy", "is odd");
        problems.add(&at, "stack.proxy.port", "is odd");
        assert_eq!(
            problems.into_error().to_string(),
            "--set stack.proxy: is odd\n--set stack.proxy: stack.proxy.port: is odd"
        );
    }

    #[test]
    fn the_twenty_first_problem_is_only_counted() {
        let mut problems = Problems::default();
        for line in 1..=23 {
            problems.add(&place(line), "", "is odd");
        }
        let error = problems.into_error();
        assert_eq!((error.problems.len(), error.more), (20, 3));
        assert!(error.to_string().ends_with("… and 3 more"));
    }

    #[test]
    fn a_near_name_is_suggested_and_a_far_one_is_answered_with_the_list() {
        assert_eq!(nearest("replcias", &["port", "replicas"]), "did you mean `replicas`?");
        assert_eq!(nearest("colour", &["port", "replicas"]), "possible are `port`, `replicas`");
        assert_eq!(nearest("fro", &["for"]), "did you mean `for`?");
        assert_eq!(nearest("p98", &["p50", "p90", "p99"]), "did you mean `p90` or `p99`?");
        assert_eq!(nearest("x", &[]), "none is possible here");
        assert_eq!(
            nearest("kill", &["container-kill", "broker-kill", "stall"]),
            "did you mean `container-kill` or `broker-kill`?"
        );
    }

    #[test]
    fn a_quote_is_one_short_line() {
        assert_eq!(quoted("a\nb'\"c"), "`a\\nb'\"c`");
        assert_eq!(quoted(&"x".repeat(61)), format!("`{}…`", "x".repeat(60)));
    }
}
