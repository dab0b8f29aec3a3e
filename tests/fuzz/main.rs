//! The properties that are fuzzed (`fuzz/`), held against what fuzzing has kept: every input of `fuzz/corpus`, each within
//! its time.

#![expect(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

#[path = "../../fuzz/properties/http_front.rs"]
mod http_front;
#[path = "../../fuzz/properties/openapi.rs"]
mod openapi;
#[path = "../../fuzz/properties/policy.rs"]
mod policy;
#[path = "../../fuzz/properties/template.rs"]
mod template;

use std::path::Path;
use std::time::{Duration, Instant};

/// How long an input may take; even the slowest takes milliseconds.
const LIMIT: Duration = Duration::from_secs(10);

fn replay(target: &str, holds: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let inputs = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut count = 0;
    for input in inputs {
        let input = input.unwrap().path();
        let bytes = std::fs::read(&input).unwrap();
        // What stands here last is what a failure is about.
        println!("{}", input.display());
        let since = Instant::now();
        holds(&bytes);
        assert!(since.elapsed() < LIMIT, "{} takes {:?}", input.display(), since.elapsed());
        count += 1;
    }
    assert!(count > 0, "{} is empty", folder.display());
}

#[test]
fn http_front() {
    replay("http_front", http_front::holds);
}

#[test]
fn openapi() {
    replay("openapi", openapi::holds);
}

#[test]
fn policy() {
    replay("policy", policy::holds);
}

#[test]
fn template() {
    replay("template", template::holds);
}
