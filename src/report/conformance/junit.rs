//! As CI systems read tests: see [`super::super::junit()`].

use super::super::figures::seconds;
use super::super::text::{plain, short};
use super::super::xml::{Out, document, element, empty, text};
use super::{LINE, NOTE, images};
use crate::result::{CaseOutcome, CaseReport, Conformance, Exchange, Verdict};

/// A suite, whose cases are those of the result, and one for the verdict.
///
/// What fails is a failure. What warns is one where the suite is strict, and else is told as a case's output. What was
/// not tried is skipped, and an error where everything had to be tried. A verdict that no case explains is an error.
#[must_use]
pub fn junit(result: &Conformance) -> String {
    document(|out| {
        let count = |wanted: &dyn Fn(&CaseReport) -> bool| {
            result.cases.iter().filter(|case| wanted(case)).count().to_string()
        };
        let failures = count(&|case| fails(result, case));
        let skipped = count(&|case| case.outcome == CaseOutcome::NotRun);
        let errors = usize::from(result.verdict == Verdict::Inconclusive).to_string();
        let (tests, time) = ((result.cases.len() + 1).to_string(), seconds(result.elapsed_us));
        let attributes = [
            ("name", "landfall"),
            ("tests", tests.as_str()),
            ("failures", &failures),
            ("errors", &errors),
            ("time", &time),
        ];
        element(out, "testsuites", &attributes, |out| {
            let (name, timestamp) = (suite(result), plain(&result.started));
            let attributes = [
                ("name", name.as_str()),
                ("tests", &tests),
                ("failures", &failures),
                ("errors", &errors),
                ("skipped", &skipped),
                ("time", &time),
                ("timestamp", &timestamp),
            ];
            element(out, "testsuite", &attributes, |out| {
                element(out, "properties", &[], |out| {
                    for (name, value) in [
                        ("run", &result.run),
                        ("target", &result.target),
                        ("profile", &result.profile),
                        ("landfall", &result.landfall),
                    ] {
                        empty(out, "property", &[("name", name), ("value", &short(value, LINE))]);
                    }
                    for (name, image) in images(result) {
                        let name = format!("image of {}", plain(name));
                        empty(out, "property", &[("name", &name), ("value", &short(&image, LINE))]);
                    }
                });
                write_verdict(out, result);
                result.cases.iter().for_each(|case| write_case(out, result, case));
            });
        });
    })
}

fn suite(result: &Conformance) -> String {
    format!("conform.{}", plain(&result.suite))
}

fn fails(result: &Conformance, case: &CaseReport) -> bool {
    case.outcome == CaseOutcome::Failed || (result.strict && case.outcome == CaseOutcome::Warned)
}

/// The verdict: only where cases do not say it by themselves is it an error.
fn write_verdict(out: &mut Out, result: &Conformance) {
    let class = suite(result);
    let attributes = [("classname", class.as_str()), ("name", "verdict"), ("time", "0.000")];
    if result.verdict != Verdict::Inconclusive {
        return empty(out, "testcase", &attributes);
    }
    element(out, "testcase", &attributes, |out| {
        let message = result.reasons.first().map(|reason| short(reason, LINE)).unwrap_or_default();
        element(out, "error", &[("type", "inconclusive"), ("message", &message)], |out| {
            text(out, &lines(result.reasons.iter().map(|reason| short(reason, LINE))));
        });
    });
}

/// Cases of areas are of the class `family.area`, and their names are their ids. Else `auth/01-alg-none/lower` is the case `lower`
/// of the class `conform.auth.01-alg-none`.
fn class_and_name(result: &Conformance, case: &CaseReport) -> (String, String) {
    let id = plain(&case.id);
    if result.suite == "rest" {
        let area = if case.title.is_empty() { "none" } else { &case.title };
        return (format!("{}.{}", plain(&result.suite), plain(area)), id);
    }
    let (area, name) = id.rsplit_once('/').unwrap_or(("", &id));
    (format!("conform.{}", area.replace('/', ".")), name.to_owned())
}

fn write_case(out: &mut Out, result: &Conformance, case: &CaseReport) {
    let (class, name) = class_and_name(result, case);
    let time = seconds(case.elapsed_us);
    let attributes = [("classname", class.as_str()), ("name", &name), ("time", &time)];
    let reasons = lines(case.reasons.iter().map(|reason| short(reason, LINE)));
    let message = case.reasons.first().map(|reason| short(reason, LINE)).unwrap_or_default();
    match case.outcome {
        CaseOutcome::Passed if case.notes.is_empty() => empty(out, "testcase", &attributes),
        CaseOutcome::NotRun => element(out, "testcase", &attributes, |out| {
            let message = if case.missing.is_empty() {
                format!("not run: {}", short(&case.notes.join("; "), LINE))
            } else {
                format!("not run: needs {}", plain(&case.missing.join(", ")))
            };
            empty(out, "skipped", &[("message", &message)]);
        }),
        _ if fails(result, case) => element(out, "testcase", &attributes, |out| {
            element(out, "failure", &[("type", case.outcome.as_str()), ("message", &message)], |out| {
                let exchanges = case.exchanges.iter().map(shown).collect::<String>();
                let notes = lines(case.notes.iter().map(|note| short(note, NOTE)));
                text(out, &format!("{reasons}{exchanges}{notes}see {}\n", plain(&case.sources.join("; "))));
            });
        }),
        CaseOutcome::Passed | CaseOutcome::Warned | CaseOutcome::Failed => {
            element(out, "testcase", &attributes, |out| {
                element(out, "system-out", &[], |out| {
                    text(out, &(reasons + &lines(case.notes.iter().map(|note| short(note, LINE)))));
                });
            });
        }
    }
}

/// What was sent, and what came.
fn shown(exchange: &Exchange) -> String {
    let request = lines(exchange.request.iter().map(|line| format!("> {}", short(line, LINE))));
    let excerpt = if exchange.excerpt.is_empty() {
        String::new()
    } else {
        format!(" {}", short(&exchange.excerpt, LINE))
    };
    format!("{request}< {}{excerpt}\n", plain(&exchange.answer))
}

fn lines(lines: impl Iterator<Item = String>) -> String {
    lines.map(|line| line + "\n").collect()
}
