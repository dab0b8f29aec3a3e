//! Results as tables for spreadsheets: RFC 4180, with names of columns that stay.

use super::Named;
use super::figures::{attempts, dispositions, elapsed_us, flags, quantiles, requests, times};
use super::text::plain;
use crate::result::{Generator, Quantiles, Rate, Stretch};

/// A row a result; nothing at all without results. What is not known is an empty cell; times are microseconds, and so
/// are called. New columns come at the end.
#[must_use]
pub fn csv(results: &[Named<'_>]) -> String {
    table(results.iter().map(row).collect())
}

/// A row a stretch of each result's timeline, with the stretch's beginning in seconds; of results without a timeline,
/// nothing but the names of the columns.
#[must_use]
pub fn csv_timeline(results: &[Named<'_>]) -> String {
    let mut rows = Vec::new();
    for Named { name, result } in results {
        let Some(timeline) = &result.timeline else { continue };
        let of = |stretch| stretch_row(name, &result.run, timeline.stretch_s, stretch);
        rows.extend(timeline.stretches.iter().map(of));
    }
    if rows.is_empty() {
        let nothing = stretch_row("", "", 1, &Stretch::default());
        return table(vec![Row(nothing.0.into_iter().map(|(name, _)| (name, None)).collect())])
            .lines()
            .next()
            .map_or_else(String::new, |names| format!("{names}\n"));
    }
    table(rows)
}

/// Cells, each with its column's name; `None` is empty.
#[derive(Debug, Default)]
struct Row(Vec<(String, Option<String>)>);

impl Row {
    /// Text, from wherever it comes.
    fn text(&mut self, name: &str, text: &str) {
        self.0.push((name.to_owned(), Some(inert(text))));
    }

    /// A number, if it is known.
    fn number(&mut self, name: impl Into<String>, number: Option<impl ToString>) {
        self.0.push((name.into(), number.map(|number| number.to_string())));
    }

    fn counts(&mut self, of: &str, counts: &[(&str, u64)]) {
        for (name, count) in counts {
            self.number(format!("{of}_{name}"), Some(count));
        }
    }

    /// The quantiles of a time, and of how many values they are.
    fn times(&mut self, of: &str, times: Option<Quantiles>) {
        for (name, _, micros) in quantiles(times.unwrap_or_default()) {
            self.number(format!("{of}_{name}_us"), times.map(|_| micros));
        }
        self.number(format!("{of}_count"), Some(times.map_or(0, |times| times.count)));
    }
}

/// Text that no spreadsheet takes for a formula: one that begins as formulas do gets an apostrophe in front, as OWASP says
/// for CSV injection; tabs and line breaks are replaced.
fn inert(text: &str) -> String {
    let text = plain(text);
    let formula = |c| matches!(c, '=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠');
    // A spreadsheet may pass over what it cannot show.
    let first = text.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{fffd}');
    if first.starts_with(formula) { format!("'{text}") } else { text }
}

fn row(named: &Named<'_>) -> Row {
    let Named { name, result } = named;
    let mut row = Row::default();
    row.text("name", name);
    row.text("run", &result.run);
    row.text("started", &result.started);
    row.text("verdict", result.verdict.as_str());
    row.text("incomplete", result.incomplete.as_deref().unwrap_or_default());
    row.text("recovered", if result.recovery.is_some() { "yes" } else { "no" });
    row.text("scenario", &result.scenario.name);
    row.text("scenario_hash", &result.scenario.hash);
    row.number("seed", Some(result.scenario.seed));
    row.number("elapsed_us", elapsed_us(result));
    row.counts("requests", &requests(&result.requests));
    row.counts("attempts", &attempts(&result.attempts));
    row.counts("records", &dispositions(&result.records));
    row.counts("records", &flags(&result.records));
    for (time, quantiles) in times(result) {
        row.times(time, quantiles);
    }
    // Of a run that was killed, no times are known, and nothing of what sent the load.
    let known = result.recovery.is_none();
    row.number("latency_censored", known.then_some(result.latency_us.censored));
    let Rate { target_per_s, achieved_per_s } = result.rate;
    row.number("rate_target_per_s", known.then_some(target_per_s));
    row.number("rate_achieved_per_s", known.then_some(achieved_per_s));
    let Generator {
        threads,
        cpu_share,
        run_queue_share,
        socket_errors,
        local_errors,
        local_error: _,
        unsent,
        backlog_peak,
        exceeded,
        closed,
        calibration: _,
    } = &result.generator;
    row.number("generator_threads", known.then_some(threads));
    row.number("generator_cpu_share", known.then_some(cpu_share));
    row.number("generator_run_queue_share", *run_queue_share);
    row.number("generator_socket_errors", known.then_some(socket_errors));
    row.number("generator_local_errors", known.then_some(local_errors));
    row.number("generator_unsent", known.then_some(unsent));
    row.number("generator_backlog_peak", known.then_some(backlog_peak));
    row.text(
        "generator_exceeded",
        &exceeded.iter().map(|limit| limit.sentence.as_str()).collect::<Vec<_>>().join("; "),
    );
    row.text(
        "generator_closed",
        match (known, closed) {
            (false, _) => "",
            (true, true) => "yes",
            (true, false) => "no",
        },
    );
    row.number("memory_start_bytes", result.memory.map(|memory| memory.start_bytes));
    row.number("memory_peak_bytes", result.memory.map(|memory| memory.peak_bytes));
    row.text("landfall", result.versions.get("landfall").map_or("", String::as_str));
    row
}

fn stretch_row(name: &str, run: &str, stretch_s: u32, stretch: &Stretch) -> Row {
    let Stretch {
        at_s,
        seconds,
        due,
        begun,
        attempts: ended,
        socket_errors,
        in_flight,
        waiting,
        latency_us,
        service_us,
        blocked_us,
        generator_lag_us,
        cpu_share,
        sizes: _,
    } = stretch;
    let mut row = Row::default();
    row.text("name", name);
    row.text("run", run);
    row.number("at_s", Some(at_s));
    row.number("stretch_s", Some(stretch_s));
    row.number("seconds", Some(seconds));
    row.number("due", Some(due));
    row.number("begun", Some(begun));
    row.counts("attempts", &attempts(ended));
    row.number("socket_errors", Some(socket_errors));
    row.number("in_flight", Some(in_flight));
    row.number("waiting", Some(waiting));
    for (time, quantiles) in [
        ("latency", latency_us),
        ("service", service_us),
        ("blocked", blocked_us),
        ("generator_lag", generator_lag_us),
    ] {
        row.times(time, (quantiles.count > 0).then_some(*quantiles));
    }
    row.number("cpu_share", Some(cpu_share));
    row
}

fn table(rows: Vec<Row>) -> String {
    let mut table = csv::Writer::from_writer(Vec::new());
    if let Some(Row(first)) = rows.first() {
        table.write_record(first.iter().map(|(name, _)| name)).expect("memory takes everything");
    }
    for Row(cells) in rows {
        let cells = cells.iter().map(|(_, cell)| cell.as_deref().unwrap_or_default());
        table.write_record(cells).expect("memory takes everything, and each row has the same cells");
    }
    let bytes = table.into_inner().expect("memory takes everything");
    String::from_utf8(bytes).expect("cells are text, and so is what stands between them")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::terminal::tests::result;
    use crate::result::{Attempts, Recovery, RunResult, Timeline};

    fn read(text: &str) -> Vec<std::collections::HashMap<String, String>> {
        csv::Reader::from_reader(text.as_bytes()).deserialize().map(Result::unwrap).collect()
    }

    fn of(name: &str, result: &RunResult) -> Vec<std::collections::HashMap<String, String>> {
        read(&csv(&[Named { name, result }]))
    }

    #[test]
    fn the_columns_stay() {
        let result = result();
        insta::assert_snapshot!(csv(&[Named { name: "quickstart", result: &result }]));
        let names = csv_timeline(&[Named { name: "quickstart", result: &result }]);
        insta::assert_snapshot!(names);
    }

    #[test]
    fn text_is_no_formula() {
        let result = result();
        for hostile in ["=cmd()", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "\u{202e}=1", "＝1"] {
            let name = &of(hostile, &result)[0]["name"];
            assert!(name.starts_with('\'') && !name.contains(['\t', '\r']), "{hostile:?}: {name:?}");
        }
        for harmless in ["a=b", "", "x, \"y\"\u{e9}"] {
            assert_eq!(of(harmless, &result)[0]["name"], harmless);
        }
    }

    #[test]
    fn what_is_not_known_is_empty() {
        let mut result = result();
        result.recovery = Some(Recovery::default());
        result.latency_us = crate::result::Latency::default();
        let row = &of("a", &result)[0];
        for name in ["latency_p50_us", "elapsed_us", "rate_achieved_per_s", "generator_unsent"] {
            assert_eq!(row[name], "", "{name}");
        }
        assert_eq!([&row["records_lost"], &row["recovered"], &row["latency_count"]], ["1", "yes", "0"]);
    }

    #[test]
    fn a_timeline_has_a_row_a_stretch() {
        let mut result = result();
        let stretch = |at_s, count| Stretch {
            at_s,
            due: 12.5,
            attempts: Attempts { total: 3, accepted: 3, ..Attempts::default() },
            latency_us: Quantiles { p99: 77, count, ..Quantiles::default() },
            ..Stretch::default()
        };
        result.timeline = Some(Timeline { stretch_s: 2, stretches: vec![stretch(0, 3), stretch(4, 0)] });
        let (one, two) = (Named { name: "a", result: &result }, Named { name: "b", result: &result });
        let rows = read(&csv_timeline(&[one, two]));
        let of = |name: &str| rows.iter().map(|row| row[name].clone()).collect::<Vec<_>>();
        assert_eq!(of("name"), ["a", "a", "b", "b"]);
        assert_eq!(of("at_s"), ["0", "4", "0", "4"]);
        assert_eq!(of("latency_p99_us"), ["77", "", "77", ""]);
        assert_eq!((&rows[0]["due"], &rows[0]["attempts_accepted"]), (&"12.5".into(), &"3".into()));
    }
}
