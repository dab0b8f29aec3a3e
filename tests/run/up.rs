//! `landfall up`: the printed commands walk the path.

use std::io::{BufRead as _, BufReader};
use std::process::Command;

use crate::harness::{Landfall, repository, wait_until};

/// Whether a tool is there; where the environment demands all tools, its absence fails the test.
fn has(tool: &str) -> bool {
    let found = Command::new(tool).arg("--version").output().is_ok_and(|output| output.status.success());
    let demanded = std::env::var_os("LANDFALL_REQUIRE_TOOLS").is_some();
    assert!(found || !demanded, "`{tool}` is not installed, and LANDFALL_REQUIRE_TOOLS is set");
    found
}

#[test]
fn the_printed_commands_fetch_a_token_produce_and_the_record_stands_in_the_topic() {
    let mut started = Landfall::new("up", &repository("scenarios/quickstart.yaml")).start();
    let stdout = started.child().stdout.take().expect("standard output is piped");
    let mut lines = BufReader::new(stdout).lines().map(|line| line.expect("output is UTF-8"));
    let printed: Vec<String> = lines.by_ref().take_while(|line| !line.starts_with("Ctrl-C")).collect();
    let text = printed.join("\n");
    for name in ["idp", "gateway", "authorizer", "balancer", "proxy-1", "proxy-2", "kafka"] {
        assert!(text.contains(name), "{text}");
    }
    assert!(!text.contains("client_secret") && !text.contains("user ="), "{text}");
    let commands: Vec<&str> =
        printed.iter().filter(|line| line.starts_with("   ")).map(|line| line.trim()).collect();
    if has("curl") {
        let walk = commands.join("\n");
        let until_read = walk.split("kcat").next().expect("split gives one part at least");
        let output = Command::new("sh").arg("-c").arg(until_read).output().expect("`sh` runs");
        let answer = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(answer.contains("200 OK") && answer.contains("\"offset\":0"), "{answer}\n{until_read}");
    } else {
        println!("the commands were not run: curl is not installed");
    }
    let credentials =
        || text.lines().find_map(|line| line.split("-K '").nth(1)?.split('\'').next().map(str::to_owned));
    let path = credentials().expect("the credentials' file is named");
    assert!(std::path::Path::new(&path).exists());
    started.signal("INT");
    let ended = started.end();
    assert_eq!(ended.code, Some(130), "{}", ended.stderr);
    wait_until("the credentials are gone", || !std::path::Path::new(&path).exists());
}
