//! The histogram logs, read by HdrHistogram's own Java reader: it must find what landfall says.
//!
//! `LANDFALL_HDR_JAR` names HdrHistogram's jar; `java` (11 or newer) must be there too.

use std::path::Path;
use std::process::Command;

use landfall::result::Quantiles;

use crate::harness::{Landfall, file_in, repository, wait_until};

/// What the reader finds in a line of a log.
#[derive(Debug)]
struct Line {
    tag: String,
    start_ms: u64,
    length_ms: u64,
    values: Quantiles,
}

/// The lines of a log; `None` where there is no reader.
fn read(file: &Path) -> Option<Vec<Line>> {
    let Some(jar) = std::env::var_os("LANDFALL_HDR_JAR") else {
        let demanded = std::env::var_os("LANDFALL_REQUIRE_TOOLS").is_some();
        assert!(!demanded, "LANDFALL_REQUIRE_TOOLS is set, and LANDFALL_HDR_JAR names no jar");
        println!("did not run: LANDFALL_HDR_JAR names no jar of HdrHistogram");
        return None;
    };
    let source = repository("tests/clients/ReadHistogramLog.java");
    let output = Command::new("java").arg("-cp").arg(jar).arg(source).arg(file).output().expect("java runs");
    let text = String::from_utf8(output.stdout).expect("output is UTF-8");
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    Some(text.lines().map(line).collect())
}

fn line(text: &str) -> Line {
    let (tag, numbers) = text.split_once(' ').expect("a tag");
    let numbers: Vec<u64> = numbers.split(' ').map(|number| number.parse().expect("a number")).collect();
    let [start_ms, length_ms, count, p50, p90, p99, p999, max] = numbers[..] else { panic!("{text}") };
    Line { tag: tag.to_owned(), start_ms, length_ms, values: Quantiles { p50, p90, p99, p999, max, count } }
}

#[test]
fn counts_and_quantiles_are_those_of_the_result() {
    let ended = Landfall::short_quickstart().end();
    let result = ended.result();
    let file = |name| file_in(ended.reports.path(), name).expect("the log is there");
    let Some(whole) = read(&file("histograms.hlog")) else { return };
    let expected = [
        ("latency/all", result.latency_us.quantiles()),
        ("service/all", result.service_us),
        ("blocked/all", result.blocked_us),
        ("generator_lag/all", result.generator_lag_us),
        ("readable/all", result.readable_us),
    ];
    for (tag, quantiles) in expected {
        let line = whole.iter().find(|line| line.tag == tag).unwrap_or_else(|| panic!("no {tag}"));
        assert_eq!(line.values, quantiles, "{tag}");
    }
    assert_eq!((result.latency_us.count, result.readable_us.count), (50, 500));

    let intervals = read(&file("intervals.hlog")).expect("the reader is still there");
    let latencies: Vec<&Line> = intervals.iter().filter(|line| line.tag == "latency").collect();
    assert_eq!(latencies.iter().map(|line| line.values.count).sum::<u64>(), 50);
    assert_eq!(latencies.iter().map(|line| line.values.max).max(), Some(result.latency_us.max));
    assert!(latencies.iter().all(|line| line.length_ms == 1000));
    assert!(latencies.windows(2).all(|pair| pair[0].start_ms + 1000 == pair[1].start_ms));
    assert_eq!(latencies[0].start_ms, whole[0].start_ms);
    let began: i64 = result.started.parse::<jiff::Timestamp>().expect("a time").as_millisecond();
    let after = i64::try_from(latencies[0].start_ms).expect("a time of these days") - began;
    assert!((0..60_000).contains(&after), "the load began {after} ms after the run");
}

#[test]
fn a_run_that_is_killed_leaves_its_seconds() {
    let mut started = Landfall::short_quickstart().set("workload[0].for=10m").start();
    let reports = started.reports().to_owned();
    let mut text = String::new();
    wait_until("two seconds have been written", || {
        let file = file_in(&reports, "intervals.hlog");
        text = file.and_then(|file| std::fs::read_to_string(file).ok()).unwrap_or_default();
        text.matches("Tag=latency,").count() >= 2
    });
    started.child().kill().expect("the process can be killed");
    started.child().wait().expect("the process ends");
    let file = file_in(&reports, "intervals.hlog").expect("the log is there");
    let left = std::fs::read_to_string(&file).expect("it is text");
    assert!(left.starts_with(&text) && left.ends_with('\n'), "{left}");
    let Some(lines) = read(&file) else { return };
    assert!(lines.iter().filter(|line| line.tag == "latency" && line.values.count > 0).count() >= 2);
}
