//! A Kafka that asks who its clients are: end to end.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::harness::{Landfall, repository, wait_until};

const VARIABLE: &str = "LANDFALL_TEST_KAFKA_PASSWORD";
const PASSWORD: &str = "tortoise-7c1e9-hunter";

/// Every file below `folder` that holds the password.
fn holders(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the folder can be read").flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(holders(&path));
        } else {
            let bytes = std::fs::read(&path).expect("it can be read");
            if bytes.windows(PASSWORD.len()).any(|part| part == PASSWORD.as_bytes()) {
                found.push(path.display().to_string());
            }
        }
    }
    found
}

#[test]
fn a_run_says_who_it_is_and_tells_nobody_the_password() {
    let ended = Landfall::short_quickstart()
        .set(&format!("stack.kafka.sasl={{username: turtle, password: {{env: {VARIABLE}}}}}"))
        .args(&["--verbose"])
        .env(VARIABLE, PASSWORD)
        .end();
    let result = ended.result();
    assert_eq!((ended.code, result.records.landed), (Some(0), 500), "{}{}", ended.stdout, ended.stderr);
    assert!(!ended.stdout.contains(PASSWORD) && !ended.stderr.contains(PASSWORD));
    assert_eq!(holders(ended.reports.path()), [""; 0]);
}

#[test]
fn a_password_may_be_made_up() {
    let ended = Landfall::short_quickstart().set("stack.kafka.sasl={}").set("stack.kafka.brokers=2").end();
    assert_eq!((ended.code, ended.result().records.landed), (Some(0), 500), "{}", ended.stderr);
}

#[test]
fn landfalls_own_clients_may_use_scram() {
    let call = Landfall::short_quickstart().set("stack.kafka.sasl={mechanism: scram-sha-512}");
    let ended = call.end();
    assert_eq!((ended.code, ended.result().records.landed), (Some(0), 500), "{}", ended.stderr);
}

#[test]
fn a_variable_that_is_not_set_is_named() {
    let ended =
        Landfall::short_quickstart().set("stack.kafka.sasl.password={env: LANDFALL_NO_SUCH_VARIABLE}").end();
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(ended.stderr.contains("password of the embedded Kafka"), "{}", ended.stderr);
}

#[test]
fn up_keeps_the_password_in_a_file_of_its_owner() {
    let mut started = Landfall::new("up", &repository("scenarios/quickstart.yaml"))
        .set(&format!("stack.kafka.sasl.password={{env: {VARIABLE}}}"))
        .env(VARIABLE, PASSWORD)
        .start();
    let reports = started.reports().to_owned();
    wait_until("the credentials are there", || reports.exists() && holders(&reports).len() == 1);
    let path = holders(&reports).remove(0);
    let mode = std::fs::metadata(&path).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "others may read {path}");
    started.signal("INT");
    let ended = started.end();
    assert!(ended.stdout.contains(&format!("kcat -F '{path}'")) && !ended.stdout.contains(PASSWORD));
    assert_eq!((ended.code, holders(&reports)), (Some(130), vec![]), "{}", ended.stderr);
}
