//! What can go wrong with an engine: each time one sentence with the cause and the next step, exit code 3, and nothing left.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::os::unix::net::UnixListener;

use crate::alone::{beside_others, end, quickstart};
use crate::harness::{Ended, Landfall};

/// The only sentence of a run that could not begin.
fn sentence(ended: &Ended) -> &str {
    assert_eq!((ended.code, ended.result.is_none()), (Some(3), true), "{}{}", ended.stdout, ended.stderr);
    let lines: Vec<&str> = ended.stderr.lines().collect();
    assert_eq!(lines.len(), 1, "{}", ended.stderr);
    lines[0]
}

fn short(host: &str) -> Landfall {
    Landfall::short_quickstart().args(&["--provider", "container"]).env("DOCKER_HOST", host)
}

#[test]
fn there_is_no_engine() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let ended = short(&format!("unix://{}/none.sock", folder.path().display())).end();
    let said = sentence(&ended);
    assert!(said.contains("no container engine answers") && said.contains("start Docker"), "{said}");
    let ended = short("tcp://203.0.113.1:2376").end();
    let said = sentence(&ended);
    assert!(said.contains("not a socket of this machine") && said.contains("unset DOCKER_HOST"), "{said}");
}

#[test]
fn the_engine_is_too_old() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("old.sock");
    let listener = UnixListener::bind(&path).expect("a socket");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut reader = BufReader::new(stream.try_clone().expect("a stream"));
            let mut line = String::new();
            while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
                line.clear();
            }
            let body = r#"{"Version":"17.03.0","ApiVersion":"1.26"}"#;
            let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n";
            let _ = write!(stream, "{head}Content-Length: {}\r\n\r\n{body}", body.len());
        }
    });
    let ended = short(&format!("unix://{}", path.display())).end();
    let said = sentence(&ended);
    assert!(said.contains("speaks API 1.26, and landfall needs 1.40"), "{said}");
}

#[test]
fn an_image_is_missing() {
    let Some(_right) = beside_others() else { return };
    let ended = end(quickstart().set("stack.kafka.image=landfall-test/nothing:1"));
    let said = sentence(&ended);
    assert!(
        said.contains("the image landfall-test/nothing:1 of the box kafka is not on this machine"),
        "{said}"
    );
    assert!(said.contains("`pull: never`"), "{said}");
}

#[test]
fn a_container_ends_at_its_start() {
    let Some(_right) = beside_others() else { return };
    // An image that is no proxy: its program does not know what it is told.
    let ended = end(quickstart().set("stack.proxy.image=landfall-test/kafka"));
    let said = sentence(&ended);
    assert!(said.contains("the box proxy-1") || said.contains("box proxy-1"), "{said}");
    // One that starts, and has no memory left.
    let ended = end(quickstart().set("stack.kafka.memory=24MiB"));
    let said = sentence(&ended);
    assert!(said.contains("the container of the box kafka-1 has ended"), "{said}");
    assert!(said.contains("see its log in the run's folder"), "{said}");
}

#[test]
fn the_port_of_the_balancer_is_taken() {
    let Some(_right) = beside_others() else { return };
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port();
    let ended = end(quickstart().set(&format!("stack.proxy.port={port}")));
    let said = sentence(&ended);
    assert!(said.contains(&port.to_string()), "{said}");
}
