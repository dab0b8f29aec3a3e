//! Where a result goes for others to read: files for CI systems, dashboards and spreadsheets, and GitHub.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::{exit, print, print_whole};
use crate::app::export;
use crate::report::{self, Named};

/// What results are written as, besides the summary. FILE is written whole or not at all; `-` is standard output.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Reports (FILE `-` is standard output)")]
pub(super) struct Exports {
    /// Also write the result as JSON to FILE; several results as a list
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Also write a page of HTML to FILE: the report of one result, or several beside each other
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Also write JUnit XML to FILE, for Jenkins, GitLab and others: what is invalid or inconclusive is an error there
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Also write Markdown to FILE
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    /// Also write a table with a row a result to FILE
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// Also write a table with a row for each stretch of the load to FILE
    #[arg(long, value_name = "FILE")]
    csv_timeline: Option<PathBuf>,
    /// Also write OpenMetrics to FILE, for node-exporter's textfile collector or GitLab's metrics reports
    #[arg(long, value_name = "FILE")]
    openmetrics: Option<PathBuf>,
    /// Also write GitLab's Code Quality JSON to FILE
    #[arg(long, value_name = "FILE")]
    gitlab: Option<PathBuf>,
    /// In a GitHub workflow: add Markdown to the step's summary (`$GITHUB_STEP_SUMMARY`), and print annotations
    #[arg(long)]
    github: bool,
}

/// A renderer of results.
type Render = fn(&[Named<'_>]) -> serde_json::Result<String>;

/// A file that is wanted.
struct File<'a> {
    option: &'static str,
    path: &'a Path,
    render: Render,
}

impl File<'_> {
    fn is_stdout(&self) -> bool {
        is_stdout(self.path)
    }
}

/// Whether this is standard output by one of its names: opened as a file it would be another one, with a place of its own
/// to write at.
fn is_stdout(path: &Path) -> bool {
    ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"].iter().any(|name| path.as_os_str() == *name)
}

/// Where GitHub says that a step's summary is to be added to.
const STEP_SUMMARY: &str = "GITHUB_STEP_SUMMARY";

impl Exports {
    /// The files that are wanted.
    fn files(&self) -> Vec<File<'_>> {
        let all: [(&str, &Option<PathBuf>, Render); 8] = [
            ("--json", &self.json, json),
            ("--html", &self.html, |results| Ok(report::html_of(results))),
            ("--junit", &self.junit, |results| Ok(report::junit(results))),
            ("--markdown", &self.markdown, |results| Ok(report::markdown(results))),
            ("--csv", &self.csv, |results| Ok(report::csv(results))),
            ("--csv-timeline", &self.csv_timeline, |results| Ok(report::csv_timeline(results))),
            ("--openmetrics", &self.openmetrics, |results| Ok(report::openmetrics(results))),
            ("--gitlab", &self.gitlab, report::code_quality),
        ];
        let wanted = all
            .into_iter()
            .filter_map(|(option, path, render)| path.as_deref().map(|path| File { option, path, render }));
        wanted.collect()
    }

    /// Whether everything can go where it is wanted, as far as that can be told beforehand; says so and gives the exit
    /// code where it cannot. None of the `inputs` may be written over.
    pub(super) fn check(&self, inputs: &[PathBuf]) -> Result<(), ExitCode> {
        let wrong = |what: &str| {
            tell!("landfall: {what}");
            Err(ExitCode::from(exit::USAGE))
        };
        let files = self.files();
        for (index, file) in files.iter().enumerate() {
            if let Some(other) = files[..index].iter().find(|other| {
                export::is_same(other.path, file.path) || (other.is_stdout() && file.is_stdout())
            }) {
                let (one, two, path) = (other.option, file.option, file.path.display());
                return wrong(&format!(
                    "`{one}` and `{two}` both write to {path}; name another file for one of them"
                ));
            }
            if let Some(input) = inputs.iter().find(|input| export::is_same(input, file.path)) {
                let (option, path) = (file.option, input.display());
                return wrong(&format!(
                    "`{option}` would write over {path}, which is read; name another file"
                ));
            }
            if !file.is_stdout()
                && let Err(error) = export::check(file.path)
            {
                return wrong(&format!("{error}; check `{}`", file.option));
            }
        }
        if self.github {
            match summary_file() {
                Some(path) => {
                    if let Err(error) = export::check(&path) {
                        return wrong(&format!("{error}; check {STEP_SUMMARY}"));
                    }
                }
                None => {
                    return wrong(&format!(
                        "`--github` adds to the file that {STEP_SUMMARY} names, and it names none: leave the option out \
                         where this is no step of a GitHub workflow"
                    ));
                }
            }
        }
        Ok(())
    }

    /// Removes what earlier runs have left where reports are to stand: a run that ends without a result must not leave
    /// another's.
    pub(super) fn clear(&self) -> Result<(), ExitCode> {
        for file in self.files().iter().filter(|file| !file.is_stdout()) {
            if let Err(error) = export::clear(file.path) {
                tell!("landfall: {error}");
                return Err(ExitCode::from(exit::USAGE));
            }
        }
        Ok(())
    }

    /// Whether one of the files is standard output, so that nothing else may go there.
    pub(super) fn takes_stdout(&self) -> bool {
        self.files().iter().any(File::is_stdout)
    }

    /// Whether the result itself is printed as JSON.
    pub(super) fn prints_json(&self) -> bool {
        self.json.as_deref().is_some_and(is_stdout)
    }

    /// Prints what is for people: on standard error where standard output is taken. In the log of a GitHub workflow
    /// nothing of it is a command.
    pub(super) fn print_for_people(&self, text: &str) {
        let text = if self.github { report::inert(text) } else { text.to_owned() };
        if self.takes_stdout() {
            tell!("{}", text.trim_end());
        } else {
            print(&text);
        }
    }

    /// Writes all that is wanted; says what could not be written, and gives whether everything was.
    pub(super) fn write(&self, results: &[Named<'_>]) -> bool {
        let mut whole = true;
        for file in self.files() {
            let text = match (file.render)(results) {
                Ok(text) => text,
                Err(error) => {
                    tell!("landfall: cannot render `{}`: {error}; this is a bug of landfall's", file.option);
                    whole = false;
                    continue;
                }
            };
            if file.is_stdout() {
                whole &= print_whole(&text).is_ok();
            } else if let Err(error) = export::write_whole(file.path, &text) {
                tell!("landfall: {error}");
                whole = false;
            }
        }
        if self.github {
            whole &= self.tell_github(results);
        }
        whole
    }

    /// Adds to the step's summary, and prints annotations; GitHub reads them on standard error as well.
    fn tell_github(&self, results: &[Named<'_>]) -> bool {
        let mut whole = true;
        let annotations = report::annotations(results);
        if self.takes_stdout() {
            tell!("{}", annotations.trim_end());
        } else {
            whole &= print_whole(&annotations).is_ok();
        }
        let Some(path) = summary_file() else { return false };
        match export::append(&path, &report::markdown(results)) {
            Ok(()) => whole,
            Err(error) => {
                tell!("landfall: {error}");
                false
            }
        }
    }
}

/// The file that [`STEP_SUMMARY`] names.
fn summary_file() -> Option<PathBuf> {
    std::env::var_os(STEP_SUMMARY).filter(|path| !path.is_empty()).map(PathBuf::from)
}

/// A result alone is what `result.json` is.
fn json(results: &[Named<'_>]) -> serde_json::Result<String> {
    match results {
        [one] => report::json(one.result),
        several => report::json_of_several(several),
    }
}
