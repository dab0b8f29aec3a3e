//! The quickstart against real Kafka over `SASL_SSL` and two proxies in containers.

use landfall::result::Verdict;

use crate::alone::{beside_others, end, quickstart};
use crate::harness::file_in;

#[test]
fn it_passes_unchanged_and_says_what_it_ran_on() {
    let Some(_right) = beside_others() else { return };
    let ended = end(quickstart());
    let result = ended.result();
    assert_eq!((ended.code, result.verdict), (Some(0), Verdict::Pass), "{}{}", ended.stdout, ended.stderr);
    assert_eq!((result.records.landed, result.records.absent, result.findings.len()), (500, 20, 0));
    let names: Vec<&str> = result.boxes.iter().map(|part| part.name.as_str()).collect();
    assert_eq!(names, ["idp", "gateway", "authorizer", "balancer", "proxy-1", "proxy-2", "kafka-1"]);
    for part in result.boxes.iter().filter(|part| part.kind == "container") {
        let container = part.container.as_ref().expect("it says what it was started from");
        assert!(container.image.starts_with("landfall-test/") && container.image_id.starts_with("sha256:"));
        assert!(part.start_us > 100_000, "{} was ready after {} us", part.name, part.start_us);
        assert!(part.endpoint.as_ref().is_some_and(|endpoint| endpoint.contains("127.0.0.1:")));
        let log = format!("logs/{}.log", part.name);
        let log = file_in(ended.reports.path(), &log).unwrap_or_else(|| panic!("there is no {log}"));
        assert!(std::fs::metadata(log).expect("it is there").len() > 0);
    }
    let limits = result.boxes[4].container.as_ref().map(|proxy| (proxy.cpus, proxy.memory_bytes));
    assert_eq!(limits, Some((Some(0.5), Some(1 << 30))));
    // The strangers' records were refused by the gateway, and a grace of minutes was not needed to know that.
    assert!(result.horizon.statement.contains("the proxies were stopped"), "{}", result.horizon.statement);
    assert!(result.horizon.waited_us < 60_000_000, "{}", result.horizon.waited_us);
}

#[test]
fn plain_passwords_and_landfalls_own_proxy_work_too() {
    let Some(_right) = beside_others() else { return };
    let ended = end(quickstart().set("stack.kafka.sasl={mechanism: plain}"));
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    // Kafka alone in a container, by what stands in the scenario.
    let landfall = crate::harness::Landfall::short_quickstart()
        .set("stack.kafka={kind: container, image: landfall-test/kafka, sasl: {mechanism: scram-sha-256}}")
        .set("stack.images={pull: never}")
        .set("grace=1s");
    let ended = end(landfall);
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    assert_eq!(ended.result().records.landed, 500);
}
