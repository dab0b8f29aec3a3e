//! Results of every shape: with a thousand findings, none, broken off, killed, of an older landfall; and how large and how
//! fast the page is.

use std::time::{Duration, Instant};

use landfall::report::html;
use landfall::result::{ExceededLimit, Finding, Recovery, RunResult, Verdict};

use crate::harness::{found, ten_minutes};

/// What the page says, without its marks.
fn text(page: &str) -> String {
    let body = &page[page.find("<main").expect("there is a report")..page.find("<footer").expect("it ends")];
    let mut text = String::new();
    let mut inside = false;
    for c in body.chars() {
        match c {
            '<' => inside = true,
            '>' => inside = false,
            _ if !inside => text.push(c),
            _ => {}
        }
    }
    text
}

/// A result with nothing to complain of.
fn healthy() -> RunResult {
    let mut result = found();
    result.verdict = Verdict::Pass;
    result.reasons.clear();
    result.findings.clear();
    result.faults.clear();
    let r = &mut result.records;
    (r.landed, r.lost, r.corrupted, r.duplicated, r.duplicated_beyond_attempts) = (r.acked, 0, 0, 0, 0);
    for check in &mut result.checks {
        check.verdict = Verdict::Pass;
    }
    result
}

#[test]
fn a_pass_says_so_and_shows_no_findings() {
    let page = text(&html(&healthy()));
    assert!(page.contains("PASS") && page.contains("Nothing was found wrong."), "{page}");
    assert!(page.contains("records that were acknowledged were found in their topics"));
}

#[test]
fn a_failure_says_first_what_was_found() {
    let result = found();
    let page = text(&html(&result));
    let lost = format!("{} records lost: acknowledged, but not in the topic.", result.records.lost);
    assert!(page.contains(&lost), "{page}");
    assert!(page.find(&lost) < page.find("Checks"));
}

#[test]
fn a_thousand_findings_are_all_there() {
    let mut result = found();
    let example = result.findings[0].examples[0].clone();
    result.findings = (0..1_000)
        .map(|number| Finding {
            kind: format!("records.kind_{number}"),
            count: 1,
            meaning: "one of many".into(),
            examples: vec![example.clone()],
        })
        .collect();
    let page = html(&result);
    assert_eq!(page.matches("<details class=\"finding\"").count(), 1_000);
    assert!(page.contains("id=\"finding-1000\"") && page.contains("records.kind_999"));
}

#[test]
fn a_run_that_was_broken_off_says_why() {
    let mut result = healthy();
    result.verdict = Verdict::Inconclusive;
    result.incomplete = Some("stopped by SIGINT".into());
    let page = text(&html(&result));
    assert!(page.contains("INCONCLUSIVE (incomplete)"), "{page}");
    assert!(page.contains("The run did not go to its end: stopped by SIGINT."));
}

#[test]
fn a_run_that_was_killed_shows_no_times() {
    let mut result = healthy();
    result.verdict = Verdict::Inconclusive;
    result.recovery = Some(Recovery { unjournaled_requests: 12, ..Recovery::default() });
    (result.spectra, result.timeline) = (None, None);
    let page = html(&result);
    assert!(
        text(&page).contains("intervals.hlog in its folder has them")
            && text(&page).contains("up to 12 requests")
    );
    assert!(!page.contains("latency-over-time") && !page.contains("latency p99"));
}

#[test]
fn a_result_without_what_came_later_is_shown() {
    let mut old = serde_json::to_value(healthy()).expect("it serializes");
    for member in ["spectra", "timeline", "answers", "phases", "partners", "attempts", "tokens", "memory"] {
        assert!(old.as_object_mut().is_some_and(|old| old.remove(member).is_some()), "{member}");
    }
    for member in ["files", "sets", "payloads"] {
        assert!(old["scenario"].as_object_mut().is_some_and(|old| old.remove(member).is_some()), "{member}");
    }
    let old: RunResult = serde_json::from_value(old).expect("an older result is read");
    let page = text(&html(&old));
    assert!(page.contains("PASS") && page.contains("How the load went over time is not known."), "{page}");
}

#[test]
fn what_was_not_measured_is_no_time_of_zero() {
    let mut result = healthy();
    result.latency_us = landfall::result::Latency::default();
    result.generator_lag_us = landfall::result::Quantiles::default();
    let page = text(&html(&result));
    assert!(page.contains("nothing was measured") && !page.contains("p99 0µs"), "{page}");
}

#[test]
fn times_that_are_not_to_be_relied_on_say_so_even_of_a_pass() {
    let mut result = healthy();
    let limit =
        |only_lifts| ExceededLimit { sentence: "landfall's load thread was 99 % busy".into(), only_lifts };
    result.generator.exceeded = vec![limit(true)];
    let page = text(&html(&result));
    assert!(
        !page.contains("not to be relied on") && page.matches("may have been shorter").count() == 4,
        "{page}"
    );
    result.generator.exceeded.push(limit(false));
    let page = text(&html(&result));
    assert_eq!(page.matches("not to be relied on").count(), 4, "{page}");
    assert!(page.contains("landfall's load thread was 99 % busy"));
}

#[test]
fn what_could_not_be_read_is_not_absent() {
    let mut result = healthy();
    result.horizon.complete = false;
    let page = text(&html(&result));
    assert!(!page.contains("as it should be") && page.contains("found in what could be read"), "{page}");
}

#[test]
fn what_never_ended_is_missed_in_charts_over_time() {
    let mut result = healthy();
    result.latency_us.censored = 12;
    for stretch in &mut result.timeline.as_mut().expect("there is one").stretches {
        stretch.blocked_us = landfall::result::Quantiles::default();
    }
    let page = text(&html(&result));
    assert!(page.contains("12 requests never ended, so they are in none of the charts over time"), "{page}");
    // The whole run's figures know better.
    assert!(result.blocked_us.max > 1 && !page.contains("No measured request waited"));
}

#[test]
fn a_run_without_a_single_second_is_shown() {
    let mut result = healthy();
    if let Some(timeline) = &mut result.timeline {
        timeline.stretches.clear();
    }
    if let Some(spectra) = &mut result.spectra {
        *spectra = landfall::result::Spectra::default();
    }
    assert!(text(&html(&result)).contains("How the load went over time is not known."));
}

#[test]
fn ten_minutes_take_less_than_a_second_and_a_megabyte() {
    let result = ten_minutes();
    let began = Instant::now();
    let page = html(&result);
    let took = began.elapsed();
    println!("ten minutes: {} bytes in {took:?}", page.len());
    assert!(page.len() < 1_000_000, "{} bytes", page.len());
    // Unoptimised, and beside other tests, it may take longer than it does for users.
    let limit = if cfg!(debug_assertions) { 10 } else { 1 };
    assert!(took < Duration::from_secs(limit), "{took:?}");
}
