//! The balancer, with raw TCP: by its listener, and without a socket.

mod control;
mod faults;
mod health;
mod limits;
mod windows;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use landfall::doubles::balancer::{
    Balancer, BalancerConfig, BalancerError, Choice, Health, HealthCheck, Probe, TargetState,
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinHandle;

use crate::stage::{DEADLINE, LOOPBACK, reserve, until, until_refused};

/// How a client comes in.
#[derive(Debug, Clone, Copy)]
enum Way {
    Socket,
    Connector,
}

const WAYS: [Way; 2] = [Way::Socket, Way::Connector];

trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Duplex for S {}

/// A client's connection.
type Open = Box<dyn Duplex>;

/// A target that answers every connection with its name, then echoes until the client ends.
async fn target(name: u8) -> SocketAddr {
    let listener = TcpListener::bind((LOOPBACK, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    serve(listener, name);
    address
}

/// Lets a target listen until the task is aborted; its connections go on.
fn serve(listener: TcpListener, name: u8) -> JoinHandle<()> {
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let _ = stream.write_all(&[name]).await;
                let (mut read, mut write) = stream.split();
                let _ = tokio::io::copy(&mut read, &mut write).await;
                let _ = write.shutdown().await;
            });
        }
    })
}

fn config(targets: Vec<SocketAddr>) -> BalancerConfig {
    BalancerConfig::new(LOOPBACK, targets)
}

async fn start(targets: Vec<SocketAddr>) -> Balancer {
    Balancer::start(config(targets)).await.unwrap()
}

/// A balancer before a listener whose connections the test takes itself.
async fn before_a_listener(change: impl FnOnce(&mut BalancerConfig)) -> (Balancer, TcpListener) {
    let listener = TcpListener::bind((LOOPBACK, 0)).await.unwrap();
    let mut config = config(vec![listener.local_addr().unwrap()]);
    change(&mut config);
    (Balancer::start(config).await.unwrap(), listener)
}

/// Connects from an address of the loopback network.
async fn open_from(balancer: &Balancer, way: Way, source: IpAddr) -> io::Result<Open> {
    Ok(match way {
        Way::Socket => {
            let socket = TcpSocket::new_v4()?;
            socket.bind(SocketAddr::new(source, 0))?;
            Box::new(socket.connect(balancer.address()).await?)
        }
        Way::Connector => Box::new(balancer.connector().connect(SocketAddr::new(source, 4711)).await?),
    })
}

async fn open(balancer: &Balancer, way: Way) -> io::Result<Open> {
    open_from(balancer, way, LOOPBACK).await
}

/// Connects, and returns the name of the target it came to.
async fn reached_from(balancer: &Balancer, way: Way, source: IpAddr) -> io::Result<(u8, Open)> {
    let mut stream = open_from(balancer, way, source).await?;
    let name = stream.read_u8().await?;
    Ok((name, stream))
}

async fn reached(balancer: &Balancer, way: Way) -> io::Result<(u8, Open)> {
    reached_from(balancer, way, LOOPBACK).await
}

/// The names that so many connections come to, one after the other.
async fn names(balancer: &Balancer, way: Way, count: usize) -> String {
    let mut names = String::new();
    for _ in 0..count {
        names.push(char::from(reached(balancer, way).await.unwrap().0));
    }
    names
}

/// A connection, and its target's side, with one byte passed: the balancer has taken it over.
async fn pair(balancer: &Balancer, way: Way, listener: &TcpListener) -> (Open, TcpStream) {
    let mut client = open(balancer, way).await.unwrap();
    let (mut target, _) = listener.accept().await.unwrap();
    target.write_all(b"x").await.unwrap();
    assert_eq!(client.read_u8().await.unwrap(), b'x');
    (client, target)
}

/// Sends a byte and waits for its echo.
async fn assert_echoes(stream: &mut Open) {
    stream.write_all(b"?").await.unwrap();
    assert_eq!(stream.read_u8().await.unwrap(), b'?');
}

/// The end of a connection is a reset.
async fn assert_reset(stream: &mut (impl AsyncRead + Unpin + ?Sized)) {
    let read = tokio::time::timeout(DEADLINE, stream.read_u8()).await.unwrap();
    assert_eq!(read.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
}

fn state(balancer: &Balancer, index: usize) -> TargetState {
    balancer.targets()[index]
}

#[tokio::test]
async fn connections_go_round_and_bytes_go_both_ways() {
    for way in WAYS {
        let balancer = start(vec![target(b'a').await, target(b'b').await, target(b'c').await]).await;
        let mut names = Vec::new();
        for _ in 0..9 {
            let (name, stream) = reached(&balancer, way).await.unwrap();
            names.push(name);
            let sent = vec![name; 300_000];
            let (mut read, mut write) = tokio::io::split(stream);
            let mut back = Vec::new();
            let writing = async {
                write.write_all(&sent).await.unwrap();
                // The end of one direction is passed on and leaves the other open.
                write.shutdown().await.unwrap();
            };
            let ((), count) = tokio::join!(writing, read.read_to_end(&mut back));
            assert_eq!(count.unwrap(), sent.len());
            assert_eq!(back, sent);
        }
        assert_eq!(names, b"abcabcabc");
        assert_eq!(balancer.connections_per_target(), [3, 3, 3]);
        until("nothing is open", || balancer.targets().iter().all(|target| target.open == 0)).await;
    }
}

#[tokio::test]
async fn by_source_an_address_keeps_its_target_while_it_is_there() {
    for way in WAYS {
        let targets = vec![target(b'a').await, target(b'b').await, target(b'c').await];
        let config = BalancerConfig { choice: Choice::BySource, ..config(targets.clone()) };
        let balancer = Balancer::start(config).await.unwrap();
        let sources: Vec<IpAddr> = (1..=32).map(|last| IpAddr::from([127, 0, 0, last])).collect();
        let all = async || {
            let mut names = Vec::new();
            for source in &sources {
                names.push(reached_from(&balancer, way, *source).await.unwrap().0);
            }
            names
        };
        let before = all().await;
        assert_eq!(all().await, before, "{way:?}");
        for name in *b"abc" {
            assert!(before.contains(&name), "{way:?}: nobody comes to {}", char::from(name));
        }
        balancer.kill(targets[1]).unwrap();
        for (was, is) in before.iter().zip(all().await) {
            assert!(is != b'b' && (*was == b'b' || is == *was), "{way:?}");
        }
        balancer.restore(targets[1]).unwrap();
        assert_eq!(all().await, before);
    }
}

#[tokio::test]
async fn a_target_that_refuses_is_skipped_and_tried_again() {
    for way in WAYS {
        let reserved = reserve();
        let balancer = start(vec![reserved.address, target(b'b').await]).await;
        assert_eq!(names(&balancer, way, 4).await, "bbbb");
        assert_eq!(balancer.connections_per_target(), [0, 4]);
        serve(reserved.socket.listen(16).unwrap(), b'a');
        assert_eq!(names(&balancer, way, 2).await, "ab");
    }
}

#[tokio::test]
async fn without_a_target_the_client_is_cut_off() {
    let reserved = reserve();
    // One that is named twice is one.
    let balancer = start(vec![reserved.address, reserved.address]).await;
    for way in WAYS {
        assert!(reached(&balancer, way).await.is_err());
    }
    assert_eq!(balancer.connections_per_target(), [0]);
}

#[tokio::test]
async fn what_cannot_work_does_not_start() {
    let starting = |change: fn(&mut BalancerConfig)| async move {
        let mut config = config(vec![SocketAddr::new(LOOPBACK, 1)]);
        change(&mut config);
        Balancer::start(config).await.unwrap_err()
    };
    assert!(matches!(starting(|config| config.targets.clear()).await, BalancerError::NoTargets));
    let scale = starting(|config| config.time_scale = 0.0).await;
    assert!(matches!(scale, BalancerError::TimeScale(_)));
    let path = starting(|config| {
        let probe = Probe::Http { path: "/a\r\nb".into() };
        config.health = Some(HealthCheck { probe, ..HealthCheck::default() });
    });
    assert!(matches!(path.await, BalancerError::Path(_)));
}

#[tokio::test]
async fn a_reset_is_passed_on() {
    for way in WAYS {
        let (balancer, listener) = before_a_listener(|_| ()).await;
        let (mut client, target) = pair(&balancer, way, &listener).await;
        target.set_zero_linger().unwrap();
        drop(target);
        assert_reset(&mut client).await;
    }
    let (balancer, listener) = before_a_listener(|_| ()).await;
    let client = TcpStream::connect(balancer.address()).await.unwrap();
    let (mut target, _) = listener.accept().await.unwrap();
    client.set_zero_linger().unwrap();
    drop(client);
    assert_reset(&mut target).await;
}

#[tokio::test]
async fn dropping_it_resets_all_connections() {
    let reserved = reserve();
    let (balancer, listener) = before_a_listener(|config| config.port = reserved.address.port()).await;
    let connector = balancer.connector();
    let mut pairs = Vec::new();
    for way in WAYS {
        pairs.push(pair(&balancer, way, &listener).await);
    }
    drop(balancer);
    for (mut client, mut target) in pairs {
        // The target first: whoever holds the client's side need not ask for it.
        assert_reset(&mut target).await;
        assert_reset(&mut client).await;
        assert!(client.write_all(b"x").await.is_err());
    }
    until_refused(reserved.address).await;
    let refused = connector.connect(SocketAddr::new(LOOPBACK, 1)).await.unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
}
