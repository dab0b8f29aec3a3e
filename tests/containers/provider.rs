//! An identity provider that nobody here wrote, in a container: its tokens pass the authorizer, and a stranger's do not.

use landfall::result::Verdict;

use crate::alone::{alone, end};
use crate::harness::Landfall;

#[test]
fn mock_oauth2_server_serves_a_run() {
    let Some(_alone) = alone() else { return };
    let landfall = Landfall::short_quickstart()
        .set("stack.idp={kind: container, image: landfall-test/mock-oauth2}")
        .set("stack.images={pull: never}");
    let ended = end(landfall);
    let result = ended.result();
    assert_eq!((ended.code, result.verdict), (Some(0), Verdict::Pass), "{}{}", ended.stdout, ended.stderr);
    assert_eq!((result.requests.accepted, result.requests.refused), (50, 20), "{}", ended.stdout);
    let idp = &result.boxes[0];
    assert_eq!((idp.name.as_str(), idp.kind.as_str()), ("idp", "container"));
    assert!(idp.endpoint.as_ref().is_some_and(|issuer| issuer.ends_with("/partners")), "{idp:?}");
}
