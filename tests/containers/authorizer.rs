//! An authorizer as containers of its Lambda image: it finds the provider's keys, lets partners in and strangers not, and
//! what becomes of a run in which one of the containers dies.

use landfall::result::Verdict;
use tempfile::TempDir;

use crate::alone::{beside_others, docker, end, left_by};
use crate::harness::{Ended, Landfall, file_in, repository, wait_until};

/// A short quickstart through a definition whose authorizer is asked about every request, in two containers.
fn run() -> (TempDir, Landfall) {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let definition =
        std::fs::read_to_string(repository("fixtures/gateway/produce.yaml")).expect("it is there");
    let kept = "authorizerResultTtlInSeconds: 300";
    assert!(definition.contains(kept));
    let file = folder.path().join("api.yaml");
    let definition = definition.replace(kept, "authorizerResultTtlInSeconds: 0");
    std::fs::write(&file, definition).expect("it can be written");
    let environment =
        "{ISSUER: '${idp.issuer}', AUDIENCE: '${idp.audience}', JWKS_URI: '${idp.jwks_uri}', LEEWAY_S: 5}";
    let authorizer = format!(
        "{{run: container, image: landfall-test/lambda, handler: bootstrap, workers: 2, environment: {environment}}}"
    );
    let gateway = format!(
        "{{kind: embedded, api: '{}', stage_variables: {{backend: 'nlb.internal:8082'}}, \
         integrations: {{'http://nlb.internal:8082': balancer}}, authorizers: {{jwt: {authorizer}}}}}",
        file.display()
    );
    let landfall = Landfall::short_quickstart()
        .set("stack.images={pull: never}")
        .set(&format!("stack.gateway={gateway}"));
    (folder, landfall)
}

fn passed(ended: &Ended) {
    let result = ended.result();
    let shown = format!("{}{}", ended.stdout, ended.stderr);
    assert_eq!((ended.code, result.verdict), (Some(0), Verdict::Pass), "{shown}");
    assert_eq!((result.requests.accepted, result.requests.refused), (50, 20), "{shown}");
    assert!(result.findings.is_empty(), "{shown}");
    let names: Vec<&str> = result.boxes.iter().map(|part| part.name.as_str()).collect();
    assert!(names.contains(&"authorizer-jwt-1") && names.contains(&"authorizer-jwt-2"), "{names:?}");
    for part in result.boxes.iter().filter(|part| part.name.starts_with("authorizer-")) {
        let container = part.container.as_ref().expect("it says what it was started from");
        assert!(container.image.starts_with("landfall-test/lambda"), "{container:?}");
        assert!(container.image_id.starts_with("sha256:") && part.start_us > 0, "{part:?}");
        assert_eq!(container.memory_bytes, Some(128 << 20));
        assert!(container.telemetry.is_some() && container.ended.is_none(), "{part:?}");
        let log = file_in(ended.reports.path(), &format!("logs/{}.log", part.name)).expect("it has a log");
        let log = std::fs::read_to_string(log).expect("it can be read");
        assert!(log.contains("START RequestId") && !log.contains("eyJ"), "{log}");
    }
    let note = result.notes.iter().find(|note| note.contains("the first invocation of one"));
    println!("{note:?}");
    assert!(
        note.is_some_and(|note| note.starts_with("authorizer `jwt`: 2 containers")),
        "{:?}",
        result.notes
    );
}

#[test]
fn it_fetches_landfalls_own_keys_and_decides() {
    let Some(_right) = beside_others() else { return };
    let (_folder, landfall) = run();
    let ended = end(landfall);
    passed(&ended);
    let fetched = ended.result().tokens.key_fetches;
    assert!(fetched.is_some_and(|fetched| fetched >= 2), "each has asked for the keys: {fetched:?}");
}

#[test]
fn it_fetches_the_keys_of_a_provider_in_a_container() {
    let Some(_right) = beside_others() else { return };
    let (_folder, landfall) = run();
    let idp = "stack.idp={kind: container, adapter: keycloak, image: landfall-test/keycloak}";
    passed(&end(landfall.set(idp)));
}

#[test]
fn one_that_dies_costs_a_request_a_second_and_the_result_says_so() {
    let Some(_right) = beside_others() else { return };
    let (_folder, landfall) = run();
    let mut started = landfall.set("workload[0].for=8s").set("workload[1].for=8s").start();
    let pid = started.child().id();
    wait_until("its function was invoked", || {
        let log = file_in(started.reports(), "logs/authorizer-jwt-1.log");
        let log = log.and_then(|log| std::fs::read_to_string(log).ok());
        log.is_some_and(|log| log.contains("START RequestId"))
    });
    let left = left_by(pid);
    let worker = left.iter().find_map(|line| line.split_whitespace().find(|word| word.ends_with("-jwt-1")));
    docker(&["kill", worker.unwrap_or_else(|| panic!("no container in {left:?}"))]);
    let ended = started.end();
    let result = ended.result();
    let shown = format!("{}{}", ended.stdout, ended.stderr);
    assert_eq!((ended.code, result.verdict), (Some(1), Verdict::Fail), "{shown}");
    // The other let in the rest: the dead one is tried once a second.
    assert!((1..=10).contains(&result.requests.wrongly_refused), "{shown}");
    assert!(result.requests.accepted > 300, "{shown}");
    assert_eq!((result.records.leaked, result.requests.wrongly_admitted), (0, 0), "{shown}");
    let said = "the container of authorizer-jwt-1 has ended by itself (exit code 137)";
    assert!(result.notes.iter().any(|note| note == said), "{:?}", result.notes);
    let dead = result.boxes.iter().find(|part| part.name == "authorizer-jwt-1").expect("it is a box");
    let ended_how = dead.container.as_ref().and_then(|container| container.ended.as_deref());
    assert_eq!(ended_how, Some("exit code 137"));
    assert_eq!(left_by(pid), Vec::<String>::new(), "{shown}");
}
