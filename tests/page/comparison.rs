//! Several results beside each other.

use landfall::report::{Named, html, html_of};
use landfall::result::{Recovery, RunResult, Verdict};
use serde_json::json;

use crate::browser::{assert_clean, seen};
use crate::harness::{found, ten_minutes};
use crate::hostile::{TEXTS, hostile};

/// The same run, had the path been sound and twice as slow.
fn slower() -> RunResult {
    let mut result = found();
    result.run = "slower".into();
    result.verdict = Verdict::Pass;
    (result.findings, result.reasons) = (Vec::new(), Vec::new());
    result.records.landed = result.records.acked;
    (result.records.lost, result.records.corrupted) = (0, 0);
    result.latency_us.p99 *= 2;
    result.scenario.seed += 1;
    result
}

#[test]
fn a_result_alone_is_its_own_report() {
    let result = found();
    assert_eq!(html_of(&[Named { name: "x", result: &result }]), html(&result));
}

#[test]
fn two_results_stand_beside_each_other_with_what_differs() {
    let (before, after) = (found(), slower());
    let page = html_of(&[Named { name: "8.2", result: &before }, Named { name: "8.3", result: &after }]);
    for text in [
        "<title>8.2 beside 8.3 · landfall</title>",
        "<div class=\"word\">FAIL</div>",
        "<div class=\"word\">PASS</div>",
        "(+100.0 %)",
        "data-series=\"8.2\"",
        "data-series=\"8.3\"",
        "<th class=\"text\" scope=\"row\">seed</th>",
        "how much of a difference is noise",
    ] {
        assert!(page.contains(text), "{text}\n{page}");
    }
}

#[test]
fn what_cannot_be_compared_is_said() {
    let mut killed = slower();
    killed.recovery = Some(Recovery::default());
    (killed.spectra, killed.timeline) = (None, None);
    let whole = found();
    let page = html_of(&[Named { name: "whole", result: &whole }, Named { name: "killed", result: &killed }]);
    assert!(page.contains("To know before comparing") && page.contains("was killed and settled"), "{page}");
}

#[test]
fn six_results_have_a_column_each_and_five_a_line() {
    let result = found();
    let names = ["a", "b", "c", "d", "e", "f"];
    let page = html_of(&names.map(|name| Named { name, result: &result }));
    assert!(page.contains("Charts hold the first 5 results only."));
    assert!(page.contains("data-series=\"e\"") && !page.contains("data-series=\"f\""));
    assert_eq!(page.matches("<th scope=\"col\">f</th>").count(), 3);
}

#[test]
fn a_comparison_is_read_in_a_browser() {
    let (before, after, long) = (found(), slower(), ten_minutes());
    let named = [
        Named { name: "before", result: &before },
        Named { name: "after", result: &after },
        Named { name: "long", result: &long },
    ];
    let Some(seen) = seen(&html_of(&named), "comparison") else { return };
    assert_clean(&seen);
    assert_eq!(seen["verdict"], json!("FAIL"));
}

#[test]
fn hostile_names_do_nothing_in_a_comparison() {
    let (bad, good) = (hostile(), found());
    let name = TEXTS.concat();
    let page = html_of(&[Named { name: &name, result: &bad }, Named { name: "good", result: &good }]);
    assert!(!page.contains("<img") && !page.contains("<iframe"));
    let Some(seen) = seen(&page, "hostile-comparison") else { return };
    assert_clean(&seen);
}
