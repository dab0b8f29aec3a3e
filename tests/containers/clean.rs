//! Nothing is left over: of runs that end by themselves, by a signal, or are killed; and nobody else's is touched.

use crate::alone::{alone, docker, end, left_by, quickstart};
use crate::harness::{Landfall, Started, wait_until};

/// A container that is not landfall's, for as long as this lives.
struct Foreign(String);

impl Foreign {
    fn start(labels: &[String]) -> Self {
        let mut args = vec!["run", "-d", "--entrypoint", "/bin/sh"];
        if !labels.is_empty() {
            args.extend(["--name", "landfall-somebody-kafka-1"]);
        }
        for label in labels {
            args.extend(["--label", label]);
        }
        args.extend(["landfall-test/base", "-c", "while :; do sleep 1; done"]);
        Self(docker(&args).trim().to_owned())
    }

    fn runs(&self) -> bool {
        docker(&["inspect", "-f", "{{.State.Running}}", &self.0]).trim() == "true"
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        docker(&["rm", "-f", "-v", &self.0]);
    }
}

fn started(landfall: Landfall) -> (Started, u32) {
    let mut started = landfall.start();
    let pid = started.child().id();
    (started, pid)
}

#[test]
fn a_killed_run_is_cleaned_up_by_the_next_and_nobody_elses_is_touched() {
    let Some(_alone) = alone() else { return };
    let foreign = Foreign::start(&[]);
    // Its owner runs in another container, or on another machine: nobody here can tell.
    let doubtful = Foreign::start(&[
        "io.landfall.stack=somebody".to_owned(),
        "io.landfall.owner=no-such-boot/1/1/1".to_owned(),
    ]);
    let (mut killed, pid) = started(quickstart().set("workload[0].for=60s"));
    wait_until("a container of it runs", || left_by(pid).len() > 1);
    killed.signal("KILL");
    let ended = killed.end();
    assert_eq!(ended.code, None);
    assert!(left_by(pid).len() > 1, "a process that is killed takes nothing away");

    let next = end(quickstart());
    assert_eq!(next.code, Some(0), "{}{}", next.stdout, next.stderr);
    assert_eq!(left_by(pid), Vec::<String>::new());
    let notes = &next.result().notes;
    assert!(notes.iter().any(|note| note.contains("a killed run had left were taken away")), "{notes:?}");
    assert!(foreign.runs() && doubtful.runs());
}

#[test]
fn signals_leave_nothing_whenever_they_come() {
    let Some(_alone) = alone() else { return };
    // While its network or Kafka comes up, and while the load runs.
    let (mut early, pid) = started(quickstart().set("workload[0].for=60s"));
    wait_until("something of it is there", || !left_by(pid).is_empty());
    early.signal("TERM");
    let ended = early.end();
    assert_eq!((ended.code, left_by(pid)), (Some(143), Vec::new()), "{}", ended.stderr);

    let (mut late, pid) = started(quickstart().set("workload[0].for=60s"));
    // A line that tells of the load's progress.
    while !late.error_line().contains("accepted") {}
    late.signal("INT");
    let ended = late.end();
    assert_eq!((ended.code, left_by(pid)), (Some(130), Vec::new()), "{}", ended.stderr);
    assert!(ended.result().incomplete.as_ref().is_some_and(|reason| reason.contains("SIGINT")));
}
