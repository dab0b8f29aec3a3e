//! Who may run containers when, and what the engine has of them.

use std::process::Command;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::harness::{Ended, Landfall, repository};

/// Held for writing by a test whose times matter, or that looks at what others leave.
static RUNS: RwLock<()> = RwLock::new(());

/// The right to run containers while nobody else does; `None` where there is nothing to run, which is told.
pub(crate) fn alone() -> Option<RwLockWriteGuard<'static, ()>> {
    there_are_images().then(|| RUNS.write().unwrap_or_else(PoisonError::into_inner))
}

/// The right to run containers while others may, too; as many as there are test threads.
pub(crate) fn beside_others() -> Option<RwLockReadGuard<'static, ()>> {
    there_are_images().then(|| RUNS.read().unwrap_or_else(PoisonError::into_inner))
}

fn there_are_images() -> bool {
    if std::env::var_os("LANDFALL_TEST_IMAGES").is_none() {
        let demanded = std::env::var_os("LANDFALL_REQUIRE_TOOLS").is_some();
        assert!(!demanded, "LANDFALL_REQUIRE_TOOLS is set, and LANDFALL_TEST_IMAGES is not");
        println!(
            "did not run: LANDFALL_TEST_IMAGES does not say that there are an engine and the images of \
                  fixtures/images/build"
        );
        return false;
    }
    true
}

/// An image that tests use; that of landfall by the tag that is named.
pub(crate) fn image(name: &str) -> String {
    let tag = std::env::var("LANDFALL_TEST_IMAGES").ok().filter(|tag| name == "landfall" && tag != "1");
    format!("landfall-test/{name}:{}", tag.as_deref().unwrap_or("latest"))
}

/// What `docker` prints.
pub(crate) fn docker(args: &[&str]) -> String {
    let output = Command::new("docker").args(args).output().expect("docker's command is there");
    assert!(output.status.success(), "docker {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("it prints UTF-8")
}

/// Containers and networks of stacks that the process with this number owns.
pub(crate) fn left_by(pid: u32) -> Vec<String> {
    let owned = |line: &&str| line.split('/').nth(2) == Some(pid.to_string().as_str());
    let format = "{{.Label \"io.landfall.owner\"}} {{.Names}}";
    let containers = docker(&["ps", "-a", "--filter", "label=io.landfall.stack", "--format", format]);
    let format = "{{.Label \"io.landfall.owner\"}} {{.Name}}";
    let networks = docker(&["network", "ls", "--filter", "label=io.landfall.stack", "--format", format]);
    containers.lines().chain(networks.lines()).filter(owned).map(str::to_owned).collect()
}

/// A short quickstart with Kafka and two proxies in containers: unchanged, but for images that no registry has.
pub(crate) fn quickstart() -> Landfall {
    in_containers(Landfall::short_quickstart())
        .set("stack.proxy.adapter=landfall")
        .set(&format!("stack.proxy.image={}", image("landfall")))
}

/// The same with another adapter.
pub(crate) fn quickstart_with(adapter: &str) -> Landfall {
    let adapter = repository("tests/containers").join(adapter);
    in_containers(Landfall::short_quickstart()).set(&format!("stack.proxy.adapter={}", adapter.display()))
}

/// A scenario that ships, with images that no registry has, and a balancer whose times are shorter.
pub(crate) fn shipped(name: &str) -> Landfall {
    Landfall::run(&repository("scenarios/containers").join(name))
        .set("stack.images={pull: never}")
        .set("stack.kafka.image=landfall-test/kafka")
        .set("stack.proxy.adapter=landfall")
        .set("stack.proxy.image=landfall-test/landfall")
        .set("stack.proxy.balancer.time_scale=10")
}

fn in_containers(landfall: Landfall) -> Landfall {
    landfall
        .args(&["--provider", "container"])
        .set("stack.kafka.image=landfall-test/kafka")
        .set("stack.images.pull=never")
}

/// Runs it to its end, and makes sure that it has left nothing in the engine.
pub(crate) fn end(landfall: Landfall) -> Ended {
    let mut started = landfall.start();
    let pid = started.child().id();
    let ended = started.end();
    assert_eq!(left_by(pid), Vec::<String>::new(), "{}{}", ended.stdout, ended.stderr);
    ended
}
