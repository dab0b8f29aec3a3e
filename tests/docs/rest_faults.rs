//! The page of the faults that the REST suite finds, made from what its cases say.

use std::fmt::Write as _;

use landfall::conform::rest::{Reach, reach};
use landfall::scenario::FaultKind;

use crate::{keep, made_from};

const PAGE: &str = "docs/src/reference/rest-faults.md";

const INTRODUCTION: &str = "\
# Faults and the REST suite

Landfall's own proxy and broker show faults where they are told to, in a scenario or by `landfall conform rest --weak`. Of those that
change an answer or what lands the suite finds every one; here are cases that do, which tests and `landfall selftest` hold to it.
";

/// A section, if it has rows.
fn section(title: &str, columns: [&str; 2], rows: &[(String, String)]) -> String {
    let mut text = format!("\n## {title}\n\n| {} | {} |\n|---|---|\n", columns[0], columns[1]);
    for (first, second) in rows {
        let _ = writeln!(text, "| {first} | {second} |");
    }
    text
}

#[test]
fn the_page_of_faults_is_made_from_what_cases_say() {
    let (mut found, mut borne, mut beyond) = (Vec::new(), Vec::new(), Vec::new());
    for kind in FaultKind::ALL.into_iter().filter(|kind| matches!(kind.box_name(), "proxy" | "kafka")) {
        let name = format!("{} `{}`", kind.box_name(), kind.name());
        match reach(kind) {
            Reach::Found(cases) => {
                let cases: Vec<String> = cases.iter().map(|case| format!("`{case}`")).collect();
                found.push((name, cases.join("<br>")));
            }
            Reach::Borne(reason) => borne.push((name, reason.to_owned())),
            Reach::Beyond(reason) => beyond.push((name, reason.to_owned())),
        }
    }
    let page = made_from("what cases say")
        + INTRODUCTION
        + &section("Found", ["fault", "cases"], &found)
        + &section("Borne by a proxy that is sound", ["fault", "why"], &borne)
        + &section("Out of the suite's reach", ["fault", "why"], &beyond);
    keep(PAGE, &page);
}
