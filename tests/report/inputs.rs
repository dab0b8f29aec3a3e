//! What is shown, and under which names.

use std::path::Path;

use crate::harness::{Files, broken_off, end, failed, hostile, landfall, passed, passed_folder, recovered};

fn shown(files: &Files, results: usize, arguments: &[&str]) -> String {
    let ended = end(files.report(results, arguments));
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    ended.stdout
}

#[test]
fn the_folder_of_a_run_is_shown_as_the_run_showed_it() {
    let folder = passed_folder().display().to_string();
    let ended = end(landfall(&["report", &folder]));
    assert_eq!(ended.code, Some(0));
    let file = Path::new(&folder).join("result.json").display().to_string();
    assert!(ended.stdout.starts_with("quickstart  run r1  seed 42\n"), "{}", ended.stdout);
    assert!(ended.stdout.ends_with(&format!("  PASS\n  report    {file}\n")), "{}", ended.stdout);
}

#[test]
fn a_result_that_failed_is_shown_and_that_is_no_failure() {
    let text = shown(&Files::of(&[&failed()]), 1, &[]);
    assert!(text.contains("\n  FAIL\n"), "{text}");
}

#[test]
fn several_are_compared_with_what_they_are_called() {
    let files = Files::of(&[&passed(), &failed()]);
    let text = shown(&files, 2, &[]);
    assert!(text.lines().next().is_some_and(|line| line.split_whitespace().eq(["r1", "r2"])), "{text}");
    assert!(text.contains("FOUND records.lost") && text.contains("is a single run"), "{text}");
    let named = shown(&files, 2, &["--name", "before,after"]);
    assert!(
        named.lines().next().is_some_and(|line| line.split_whitespace().eq(["before", "after"])),
        "{named}"
    );
    let mut other = failed();
    other.scenario.name = "other".into();
    let two = shown(&Files::of(&[&passed(), &other]), 2, &[]);
    assert!(
        two.lines().next().is_some_and(|line| line.split_whitespace().eq(["quickstart", "other"])),
        "{two}"
    );
    let same = shown(&Files::of(&[&passed(), &passed()]), 2, &[]);
    assert!(same.contains("r1 (2)") && same.contains("are the same run"), "{same}");
}

#[test]
fn runs_that_are_not_whole_are_not_compared_without_a_word() {
    let text = shown(&Files::of(&[&passed(), &broken_off(), &recovered()]), 3, &[]);
    assert!(text.contains("WARNING   `r3` did not go to its end (stopped by SIGINT)"), "{text}");
    assert!(text.contains("WARNING   `r4` was killed"), "{text}");
}

#[test]
fn nothing_hostile_reaches_the_terminal() {
    let files = Files::of(&[&hostile(), &passed()]);
    for results in [1, 2] {
        let text = shown(&files, results, &[]);
        let acts = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}' || c == '\u{2028}';
        assert!(!text.contains(acts) && text.contains("<script>"), "{text}");
    }
}

#[test]
fn names_must_be_as_many_as_results_and_no_two_the_same() {
    let files = Files::of(&[&passed(), &failed()]);
    for (names, told) in [
        ("a", "gives 1 names, and there are 2"),
        ("a,b,c", "gives 3 names"),
        ("a,a", "\"a\" twice"),
        ("a,", "an empty name"),
    ] {
        let ended = end(files.report(2, &["--name", names]));
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""));
        assert!(ended.stderr.contains(told), "{}", ended.stderr);
    }
}

#[test]
fn what_is_no_result_is_refused_and_nothing_is_written() {
    let files = Files::of(&[&passed()]);
    let put = |name: &str, text: &str| {
        std::fs::write(files.path(name), text).expect("it can be written");
        files.path(name)
    };
    let newer = "{\"schema\":2,\"versions\":{\"landfall\":\"9.9.9\"}}";
    for (path, told) in [
        (files.path("none.json"), "there is no "),
        (files.path(""), "holds no result.json"),
        (put("text", "hello"), "is not JSON"),
        (put("bytes", "[1]"), "is no result of landfall's"),
        (put("selftest.json", "{\"schema\":1,\"rows\":[],\"detectors\":[]}"), "the matrix of a self-test"),
        (put("newer.json", newer), "use landfall 9.9.9 or newer"),
    ] {
        let ended = end(files.report(1, &[&path, "--junit", &files.path("out.xml")]));
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{path}");
        assert!(ended.stderr.contains(told), "{}", ended.stderr);
        assert!(!Path::new(&files.path("out.xml")).exists());
    }
}
