//! What can be seen of a run while it is under way, and what it leaves besides its result.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use crate::harness::{Landfall, repository, wait_until};

/// Status line and headers, and body, of what a GET brings.
fn get(address: &str, path: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).expect("the metrics are served");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")
        .expect("it listens");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    let (head, body) = answer.split_once("\r\n\r\n").expect("an HTTP response");
    (head.to_owned(), body.to_owned())
}

/// The samples of a text exposition, by name and labels; the test fails where a line is none.
fn samples(body: &str) -> BTreeMap<String, f64> {
    let mut samples = BTreeMap::new();
    let mut lines = body.lines();
    let last = lines.next_back();
    assert_eq!(last, Some("# EOF"));
    for line in lines.filter(|line| !line.starts_with("# HELP ") && !line.starts_with("# TYPE ")) {
        let (name, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("no sample: {line}"));
        let value = value.parse().unwrap_or_else(|_| panic!("no number: {line}"));
        assert_eq!(samples.insert(name.to_owned(), value), None, "twice: {line}");
    }
    samples
}

#[test]
fn metrics_can_be_fetched_while_a_run_is_under_way() {
    let mut started =
        Landfall::short_quickstart().set("workload[0].for=10m").args(&["--metrics", "0"]).start();
    let line = started.error_line();
    let address =
        line.strip_prefix("landfall: metrics at http://").and_then(|rest| rest.strip_suffix("/metrics"));
    let address = address.expect(&line).to_owned();
    assert!(address.starts_with("127.0.0.1:"), "{address}");
    let mut seen = BTreeMap::new();
    wait_until("fifty requests have been accepted and read back", || {
        let (head, body) = get(&address, "/metrics");
        assert!(head.starts_with("HTTP/1.1 200 ") && head.contains("application/openmetrics-text"), "{head}");
        seen = samples(&body);
        let at_least = |name: &str, least| seen.get(name).is_some_and(|value| *value >= least);
        at_least("landfall_attempts_total{class=\"accepted\"}", 50.0)
            && at_least("landfall_records_landed_total", 500.0)
    });
    assert!(get(&address, "/").0.starts_with("HTTP/1.1 404 "));
    let value = |name: &str| *seen.get(name).unwrap_or_else(|| panic!("{name} is not in {seen:?}"));
    assert!(value("landfall_requests_begun_total") >= 50.0);
    assert!(value("landfall_records_sent_total") >= 500.0);
    assert!((value("landfall_stage{stage=\"load\"}") - 1.0).abs() < f64::EPSILON);
    let latency =
        |quantile| value(&format!("landfall_latency_seconds{{quantile=\"{quantile}\",over=\"run\"}}"));
    assert!(latency("0.5") > 0.0 && latency("0.5") <= latency("0.99") && latency("0.99") <= latency("1"));
    started.signal("INT");
    assert_eq!(started.end().code, Some(130));
    assert!(TcpStream::connect(&address).is_err());
}

#[test]
fn a_port_for_metrics_that_is_taken_or_none_is_told_before_anything_is_sent() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("it has an address").to_string();
    let ended = Landfall::short_quickstart().args(&["--metrics", &address]).end();
    assert_eq!((ended.code, ended.stderr.lines().count()), (Some(2), 1), "{}", ended.stderr);
    assert!(ended.stderr.contains(&address) && ended.stderr.contains("metrics"), "{}", ended.stderr);
    let odd = Landfall::short_quickstart().args(&["--metrics", "here"]).end();
    assert_eq!(odd.code, Some(2));
    assert!(odd.stderr.contains("127.0.0.1:9464"), "{}", odd.stderr);
}

#[test]
fn a_verbose_run_leaves_a_log_of_what_happened_and_no_secret_in_it() {
    let ended = Landfall::short_quickstart()
        .set("partners[0].secret={env: LANDFALL_TEST_SECRET}")
        .set("faults=[{box: proxy, kind: drop-after-ack, every: 50}]")
        .env("LANDFALL_TEST_SECRET", "s3cr3t-of-the-partner")
        .args(&["--verbose"])
        .end();
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    let log = ended.file("landfall.log");
    for words in [
        "run scenario=\"quickstart\"",
        "box is up name=\"gateway\" kind=\"embedded\" endpoint=\"http://127.0.0.1:",
        "tokens fetched count=2",
        "fault will be shown name=\"proxy\" kind=\"drop-after-ack\"",
        "second second=0 due=70 ",
        "first answer of its kind request=1.0 end=Status(403)",
        "load ended attempts=70",
        "settling: waiting is over whole=true",
        "settled read_completely=true landed=490 lost=10",
        "fault was shown name=\"proxy\" kind=\"drop-after-ack\" injected=10",
        "verdict verdict=\"fail\"",
    ] {
        assert!(log.contains(words), "`{words}` is not in the log:\n{log}");
    }
    // One kind of answer is told once.
    assert_eq!(log.matches("first answer of its kind").count(), 1, "{log}");
    assert!(!log.contains("s3cr3t-of-the-partner") && !log.contains("eyJ"), "{log}");
    assert!(log.lines().all(|line| line.starts_with("20")), "each event is one line:\n{log}");
}

#[test]
fn a_quiet_run_says_nothing_and_leaves_its_files() {
    let ended = Landfall::short_quickstart().args(&["--quiet"]).end();
    assert_eq!((ended.code, ended.stdout.as_str(), ended.stderr.as_str()), (Some(0), "", ""));
    let folder = crate::harness::file_in(ended.reports.path(), "result.json").expect("a result");
    let mut names: Vec<String> = std::fs::read_dir(folder.parent().expect("a folder"))
        .expect("it can be listed")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    assert_eq!(
        names,
        [
            "histograms.hlog",
            "intervals.hlog",
            "journal.bin",
            "report.html",
            "reserved.bin",
            "result.json",
            "start.json"
        ]
    );
}

#[test]
fn a_long_run_tells_now_and_then_how_it_goes_where_there_is_no_terminal() {
    let scenario = repository("scenarios/quickstart.yaml");
    let ended = Landfall::run(&scenario)
        .set("checks=[]")
        .set("workload[0].arrivals.constant=10/s")
        .set("workload[0].for=12s")
        .end();
    let line = ended.stderr.lines().next().expect("it has taken more than ten seconds");
    assert!(line.starts_with("landfall: load 10s of 12s, "), "{line}");
    assert!(line.contains("refused") && line.contains("records"), "{line}");
}
