//! `landfall up`: the printed commands walk the path.

use std::io::{BufRead as _, BufReader};
use std::net::{IpAddr, SocketAddr};
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
    walk(&[]);
}

#[test]
fn they_do_so_under_the_name_that_others_use() {
    let printed = walk(&["--host", "localhost"]);
    assert!(printed.contains(" http://localhost:") && !printed.contains("curl -sS http://127"), "{printed}");
}

/// Walks the path of the quickstart, brought up with these options, and returns what was printed.
fn walk(options: &[&str]) -> String {
    let mut started = Landfall::new("up", &repository("scenarios/quickstart.yaml")).args(options).start();
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
    text
}

/// The addresses on which a process listens.
fn listening(pid: u32) -> Vec<SocketAddr> {
    let fds = std::fs::read_dir(format!("/proc/{pid}/fd")).expect("a process of ours shows its files");
    let links = fds.flatten().filter_map(|fd| std::fs::read_link(fd.path()).ok());
    let sockets: Vec<String> = links
        .filter_map(|link| Some(link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned()))
        .collect();
    let table =
        std::fs::read_to_string(format!("/proc/{pid}/net/tcp")).expect("the system tells its sockets");
    let listener = |line: &str| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        // proc(5): local address, state (0A: listening), inode.
        let (local, state, inode) = (columns.get(1)?, columns.get(3)?, columns.get(9)?);
        if *state != "0A" || !sockets.iter().any(|socket| socket == inode) {
            return None;
        }
        let (address, port) = local.split_once(':')?;
        let address = u32::from_str_radix(address, 16).ok()?.to_ne_bytes();
        Some(SocketAddr::from((address, u16::from_str_radix(port, 16).ok()?)))
    };
    table.lines().filter_map(listener).collect()
}

/// `landfall up` with these options, and what it prints until it is up.
fn up(options: &[&str]) -> (crate::harness::Started, String) {
    let mut started = Landfall::new("up", &repository("scenarios/quickstart.yaml"))
        .set("stack.proxy.registry=embedded")
        .set("stack.idp.admin=true")
        .args(options)
        .start();
    let stdout = started.child().stdout.take().expect("standard output is piped");
    let lines = BufReader::new(stdout).lines().map(|line| line.expect("output is UTF-8"));
    let printed: Vec<String> = lines.take_while(|line| !line.starts_with("Ctrl-C")).collect();
    (started, printed.join("\n"))
}

#[test]
fn boxes_listen_on_loopback_unless_told_otherwise() {
    let (mut started, text) = up(&[]);
    let found = listening(started.child().id());
    assert!(found.len() >= 9 && found.iter().all(|address| address.ip().is_loopback()), "{found:?}\n{text}");
    started.signal("TERM");
    assert_eq!(started.end().code, Some(143));
}

#[test]
fn entrances_listen_where_they_are_told_and_are_called_by_the_name_that_others_use() {
    // An address of loopback, for nobody else to reach what a test starts.
    let (mut started, text) = up(&["--listen", "127.0.0.2", "--host", "localhost"]);
    let found = listening(started.child().id());
    // Identity provider, gateway, balancer, registry and Kafka; the others are for the path itself.
    let entrances = found.iter().filter(|address| address.ip() == IpAddr::from([127, 0, 0, 2])).count();
    assert_eq!(entrances, 5, "{found:?}\n{text}");
    for line in text.lines().filter(|line| line.starts_with("  ")) {
        let inner = ["authorizer", "proxy-", "idp-admin"].iter().any(|name| line.trim().starts_with(name));
        assert_eq!(line.contains("127.0.0."), inner, "{line}");
    }
    assert!(text.contains("http://localhost:") && text.contains("-b localhost:"), "{text}");
    started.signal("TERM");
    assert_eq!(started.end().code, Some(143));
}

#[test]
fn who_listens_everywhere_says_by_which_name_it_is_found() {
    let ended =
        Landfall::new("up", &repository("scenarios/quickstart.yaml")).args(&["--listen", "0.0.0.0"]).end();
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("--host"), "{}", ended.stderr);
    for name in ["http://x", "x:80", ""] {
        let ended =
            Landfall::new("up", &repository("scenarios/quickstart.yaml")).args(&["--host", name]).end();
        assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    }
}
