//! The page in a browser: used by keyboard and pointer, in light and dark, with and without script; looked through by axe
//! for what keeps people from reading it.
//!
//! `LANDFALL_NODE_MODULES` is a folder with what tests/browser/package.json names, installed; `LANDFALL_CHROMIUM` the
//! browser. Screenshots go to the folder that `LANDFALL_SCREENSHOTS` names, or to none.

use std::path::Path;
use std::process::Command;

use landfall::report::html;
use serde_json::{Value, json};

use crate::harness::{found, ten_minutes};
use crate::hostile::hostile;

/// What the browser saw; `None` where there is none.
pub(crate) fn seen(html: &str, name: &str) -> Option<Value> {
    let tools = ["LANDFALL_NODE_MODULES", "LANDFALL_CHROMIUM"];
    if let Some(missing) = tools.into_iter().find(|tool| std::env::var_os(tool).is_none()) {
        let demanded = std::env::var_os("LANDFALL_REQUIRE_TOOLS").is_some();
        assert!(!demanded, "LANDFALL_REQUIRE_TOOLS is set, and {missing} is not");
        println!("did not run: {missing} is not set");
        return None;
    }
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let page = folder.path().join("report.html");
    std::fs::write(&page, html).expect("the page can be written");
    let shots = std::env::var_os("LANDFALL_SCREENSHOTS");
    let shots = shots.as_ref().map_or(folder.path(), Path::new);
    std::fs::create_dir_all(shots).expect("the folder of screenshots can be made");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser/report.cjs");
    let output =
        Command::new("node").arg(script).arg(&page).arg(shots).arg(name).output().expect("node runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let picture = std::fs::metadata(shots.join(format!("{name}-light.png"))).expect("there is a picture");
    assert!(picture.len() > 10_000, "the picture shows something");
    Some(serde_json::from_slice(&output.stdout).expect("JSON"))
}

/// Nothing is complained of or asked for, and nothing keeps people from reading it.
pub(crate) fn assert_clean(seen: &Value) {
    for member in ["complaints", "requests", "violationsLight", "violationsDark"] {
        assert_eq!(seen[member], json!([]), "{member}");
    }
    assert_eq!((&seen["ran"], &seen["scripts"], &seen["images"]), (&Value::Null, &json!(1), &json!(0)));
    let [needed, wide] = [0, 1].map(|place| seen["narrow"][place].as_u64().expect("a width"));
    assert!(needed <= wide, "on a narrow screen the page is {needed} wide, and {wide} can be seen");
}

#[test]
fn a_report_is_used_by_keyboard_and_pointer_in_light_and_dark() {
    let result = found();
    let Some(seen) = seen(&html(&result), "findings") else { return };
    assert_clean(&seen);
    assert_eq!(seen["title"], json!("FAIL · quickstart · landfall"));
    assert_eq!((&seen["verdict"], &seen["verdictWithoutScript"]), (&json!("FAIL"), &json!("FAIL")));
    // Seen without scrolling.
    assert!(seen["verdictTop"].as_f64().is_some_and(|bottom| bottom < 900.0), "{}", seen["verdictTop"]);
    let findings = result.findings.len();
    assert_eq!(seen["closed"], json!(vec![false; findings]));
    let mut first = vec![false; findings];
    first[0] = true;
    assert_eq!((&seen["openedByKey"], &seen["openedWithoutScript"]), (&json!(first), &json!(first)));
    assert_eq!(seen["openedByButton"], json!(vec![true; findings]));
    assert_eq!((&seen["light"], &seen["dark"]), (&json!("rgb(255, 255, 255)"), &json!("rgb(13, 17, 23)")));
    assert_eq!((&seen["printed"], &seen["paperOnPaper"]), (&json!(vec![true; findings]), &seen["light"]));
    // The cursor tells the row's figures, each with its name.
    let told = seen["cursorByKey"].as_str().expect("something is told");
    let figures: String =
        told.split(" · ").map(|figure| figure.rsplit_once(' ').expect("a name").1).collect();
    assert_eq!(Some(figures.as_str()), seen["secondRow"].as_str());
    assert_ne!(seen["cursorByPointer"], seen["cursorByKey"]);
}

#[test]
fn hostile_text_does_nothing_in_a_browser() {
    let Some(seen) = seen(&html(&hostile()), "hostile") else { return };
    assert_clean(&seen);
    assert_eq!(seen["closed"], json!(vec![false; 8]));
}

#[test]
fn ten_minutes_are_shown() {
    let Some(seen) = seen(&html(&ten_minutes()), "ten-minutes") else { return };
    assert_clean(&seen);
}
