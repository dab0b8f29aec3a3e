//! A REST proxy of another language, which nothing here knows: sound, it passes; with a fault, that is found as often as it
//! counted itself.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use landfall::doubles::broker::{Broker, BrokerConfig, TopicConfig};
use landfall::result::Verdict;

use crate::faults::findings;
use crate::harness::{Ended, Landfall, repository};

/// The proxy, with a fault or without. Killed in the end.
struct Proxy {
    child: Child,
    port: u16,
}

impl Proxy {
    fn start(python: &str, bootstrap: &str, fault: Option<&str>) -> Self {
        let mut child = Command::new(python)
            .arg(repository("tests/clients/rest_proxy.py"))
            .arg(bootstrap)
            .args(fault)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the interpreter runs");
        let mut line = String::new();
        let out = child.stdout.take().expect("standard output is a pipe");
        BufReader::new(out).read_line(&mut line).expect("it can be read");
        let port = line.trim().parse().expect("it prints its port, and needs aiohttp and confluent-kafka");
        Self { child, port }
    }

    /// How often its fault struck, by its own count.
    fn struck(&self) -> u64 {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("it listens");
        stream.write_all(b"GET /struck HTTP/1.0\r\n\r\n").expect("it can be asked");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        answer.rsplit("\r\n\r\n").next().and_then(|count| count.trim().parse().ok()).expect("a count")
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An interpreter that has aiohttp and confluent-kafka, if one is named.
fn python() -> Option<String> {
    let python = std::env::var("LANDFALL_PYTHON").ok();
    if python.is_none() {
        let demanded = std::env::var_os("LANDFALL_REQUIRE_TOOLS").is_some();
        assert!(!demanded, "LANDFALL_REQUIRE_TOOLS is set, and LANDFALL_PYTHON names no interpreter");
        println!("did not run: LANDFALL_PYTHON names no interpreter with aiohttp and confluent-kafka");
    }
    python
}

fn run(broker: &Broker, proxy: &Proxy) -> Ended {
    Landfall::short_quickstart()
        .set(&format!("stack.proxy={{kind: external, url: \"http://127.0.0.1:{}\"}}", proxy.port))
        .set(&format!("stack.kafka={{kind: external, bootstrap: \"{}\"}}", broker.bootstrap()))
        .set("grace=1s")
        .end()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_passes_when_it_is_sound_and_its_faults_are_found_as_often_as_it_counts() {
    let Some(python) = python() else { return };
    let topic =
        TopicConfig { name: "quakes".into(), partitions: 6, configs: std::collections::BTreeMap::new() };
    let broker = Broker::start(BrokerConfig { topics: vec![topic], ..BrokerConfig::default() });
    let broker = broker.await.expect("a broker");
    tokio::task::spawn_blocking(move || {
        let sound = Proxy::start(&python, &broker.bootstrap(), None);
        let ended = run(&broker, &sound);
        let result = ended.result();
        assert_eq!(
            (ended.code, result.verdict),
            (Some(0), Verdict::Pass),
            "{}{}",
            ended.stdout,
            ended.stderr
        );
        assert_eq!((result.records.landed, findings(result)), (500, vec![]), "{}", ended.stdout);
        for (fault, finding) in [
            ("drop", "records.lost"),
            ("duplicate", "records.duplicated"),
            ("lose-keys", "records.corrupted"),
        ] {
            let proxy = Proxy::start(&python, &broker.bootstrap(), Some(fault));
            let ended = run(&broker, &proxy);
            let result = ended.result();
            assert_eq!((ended.code, result.verdict), (Some(1), Verdict::Fail), "{fault}\n{}", ended.stdout);
            let struck = proxy.struck();
            assert!(struck >= 20, "{fault} struck {struck} times only");
            assert_eq!(findings(result), [(finding, struck)], "{fault}\n{}", ended.stdout);
        }
    })
    .await
    .expect("no panic");
}
