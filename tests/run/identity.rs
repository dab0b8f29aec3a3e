//! The embedded identity provider as a stand-in for others: its tokens pass the whole path where they should, and are refused
//! where they should not pass.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;

use landfall::jose::PrivateKey;
use landfall::result::Verdict;
use landfall::scenario::PROFILES;

use crate::harness::{Ended, Landfall, repository};

#[track_caller]
fn assert_passed(ended: &Ended) {
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    let requests = &ended.result().requests;
    assert_eq!((requests.accepted, requests.refused), (50, 20), "{}", ended.stdout);
}

#[test]
fn tokens_of_every_profile_pass_the_authorizer_that_knows_them() {
    for profile in PROFILES {
        let scope = if profile == "cognito" { "landfall-api/quakes:write" } else { "quakes:write" };
        let ended = Landfall::short_quickstart()
            .set(&format!("stack.idp.profile={profile}"))
            .set(&format!("partners[seismic].scope={scope}"))
            .end();
        assert_passed(&ended);
    }
}

#[test]
fn tokens_of_every_algorithm_do_too() {
    for algorithm in ["RS512", "PS256", "ES256", "ES384", "ES512", "EdDSA"] {
        let algorithm = format!("stack.idp.algorithm={algorithm}");
        assert_passed(&Landfall::short_quickstart().set(&algorithm).end());
    }
}

#[test]
fn partners_authenticate_in_every_way() {
    for how in ["auth: post, secret: generated", "auth: private-key-jwt, key: generated"] {
        let partners = format!(
            "partners=[{{name: seismic, {how}, scope: quakes:write}}, {{name: stranger, {how}, expect: refuse}}]"
        );
        assert_passed(&Landfall::short_quickstart().set(&partners).end());
    }
}

/// A provider whose clock is fast issues tokens that are not good yet.
#[test]
fn a_clock_that_is_off_is_found() {
    let with = |clock: &str| Landfall::short_quickstart().set(&format!("stack.idp.clock={clock}")).end();
    assert_passed(&with("-90s"));
    assert_passed(&with("20s"));
    let ended = with("2m");
    assert_eq!((ended.code, ended.result().verdict), (Some(1), Verdict::Fail), "{}", ended.stdout);
    assert_eq!(ended.result().requests.wrongly_refused, 50);
}

/// Sends a request to the admin API, and returns the whole answer.
fn ask(address: &str, request: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("the test can go on");
    let length = body.len();
    write!(
        stream,
        "{request} HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\
         connection: close\r\n\r\n{body}"
    )
    .expect("the test can go on");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("the test can go on");
    answer
}

#[test]
fn up_shows_the_issuers_the_admin_api_and_where_credentials_are() {
    let mut started = Landfall::new("up", &repository("scenarios/quickstart.yaml"))
        .set("stack.idp.admin=true")
        .set("stack.idp.issuers=[{name: other, path: /other}]")
        .set("partners[seismic].auth=private-key-jwt")
        .set("partners[seismic].secret=null")
        .set("partners[seismic].key=generated")
        .start();
    let stdout = started.child().stdout.take().expect("the test can go on");
    let mut lines = BufReader::new(stdout).lines().map(|line| line.expect("output is UTF-8"));
    let printed: Vec<String> = lines.by_ref().take_while(|line| !line.starts_with("Ctrl-C")).collect();
    let text = printed.join("\n");
    let after = |name: &str| {
        let line = printed.iter().find(|line| line.split_whitespace().next() == Some(name));
        line.and_then(|line| line.split_whitespace().last()).unwrap_or_else(|| panic!("{name}: {text}"))
    };
    assert!(after("idp-other").ends_with("/other"), "{text}");
    let admin = after("idp-admin").strip_prefix("http://").expect("the test can go on");
    let state = ask(admin, "GET /state", "");
    assert!(state.starts_with("HTTP/1.1 200") && state.contains("\"offset_s\":0"), "{state}");
    let rotated = ask(admin, "POST /rotate", "{\"emergency\":true}");
    assert!(rotated.starts_with("HTTP/1.1 200") && rotated != state, "{rotated}");
    // Who signs has a key, and others a configuration of curl's; nobody else can read them.
    let files = ["seismic", "stranger"].map(&after);
    for (file, extension) in files.into_iter().zip(["pem", "curl"]) {
        assert!(file.ends_with(extension), "{text}");
        assert_eq!(
            std::fs::metadata(file).expect("the test can go on").permissions().mode() & 0o777,
            0o600,
            "{file}"
        );
    }
    assert!(PrivateKey::from_pem(&std::fs::read_to_string(files[0]).expect("the test can go on")).is_ok());
    started.signal("INT");
    assert_eq!(started.end().code, Some(130));
    assert!(files.iter().all(|file| !std::path::Path::new(file).exists()));
}
