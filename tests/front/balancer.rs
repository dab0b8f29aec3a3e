//! The balancer, with raw TCP.

use std::net::SocketAddr;
use std::time::Duration;

use landfall::doubles::balancer::{Balancer, BalancerConfig, BalancerError, DEFAULT_IDLE_TIMEOUT};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::stage::{LOOPBACK, reserve, until_refused};

/// A target that answers every connection with its name, then echoes until the client ends.
async fn target(name: u8) -> SocketAddr {
    let listener = TcpListener::bind((LOOPBACK, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve(listener, name));
    address
}

async fn serve(listener: TcpListener, name: u8) {
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        tokio::spawn(async move {
            stream.write_all(&[name]).await.unwrap();
            let (mut read, mut write) = stream.split();
            let _ = tokio::io::copy(&mut read, &mut write).await;
            let _ = write.shutdown().await;
        });
    }
}

fn config(targets: Vec<SocketAddr>) -> BalancerConfig {
    BalancerConfig { bind: LOOPBACK, port: 0, targets, idle_timeout: DEFAULT_IDLE_TIMEOUT }
}

async fn start(targets: Vec<SocketAddr>) -> Balancer {
    Balancer::start(config(targets)).await.unwrap()
}

/// Connects, and returns the name of the target it came to.
async fn reached(balancer: &Balancer) -> std::io::Result<(u8, TcpStream)> {
    let mut stream = TcpStream::connect(balancer.address()).await?;
    let name = stream.read_u8().await?;
    Ok((name, stream))
}

#[tokio::test]
async fn connections_go_round_and_bytes_go_both_ways() {
    let balancer = start(vec![target(b'a').await, target(b'b').await, target(b'c').await]).await;
    let mut names = Vec::new();
    for _ in 0..9 {
        let (name, mut stream) = reached(&balancer).await.unwrap();
        names.push(name);
        let sent = vec![name; 300_000];
        let (mut read, mut write) = stream.split();
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
}

#[tokio::test]
async fn a_target_that_refuses_is_skipped_and_tried_again() {
    let reserved = reserve();
    let balancer = start(vec![reserved.address, target(b'b').await]).await;
    for _ in 0..4 {
        assert_eq!(reached(&balancer).await.unwrap().0, b'b');
    }
    assert_eq!(balancer.connections_per_target(), [0, 4]);
    tokio::spawn(serve(reserved.socket.listen(16).unwrap(), b'a'));
    let mut names: Vec<u8> = Vec::new();
    for _ in 0..2 {
        names.push(reached(&balancer).await.unwrap().0);
    }
    names.sort_unstable();
    assert_eq!(names, b"ab");
}

#[tokio::test]
async fn without_a_target_the_client_is_cut_off() {
    let reserved = reserve();
    let balancer = start(vec![reserved.address, reserved.address]).await;
    assert!(reached(&balancer).await.is_err());
    assert_eq!(balancer.connections_per_target(), [0, 0]);
    let none = Balancer::start(config(vec![])).await;
    assert!(matches!(none, Err(BalancerError::NoTargets)));
}

#[tokio::test]
async fn a_reset_is_passed_on() {
    let listener = TcpListener::bind((LOOPBACK, 0)).await.unwrap();
    let balancer = start(vec![listener.local_addr().unwrap()]).await;
    let mut client = TcpStream::connect(balancer.address()).await.unwrap();
    let (mut target, _) = listener.accept().await.unwrap();
    // A byte first: the balancer has taken the connection over.
    target.write_all(b"x").await.unwrap();
    assert_eq!(client.read_u8().await.unwrap(), b'x');
    target.set_zero_linger().unwrap();
    drop(target);
    let error = client.read_u8().await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn dropping_it_closes_its_connections() {
    let reserved = reserve();
    let targets = vec![target(b'a').await];
    let balancer =
        Balancer::start(BalancerConfig { port: reserved.address.port(), ..config(targets) }).await.unwrap();
    let (_, mut stream) = reached(&balancer).await.unwrap();
    drop(balancer);
    assert!(stream.read_u8().await.is_err());
    until_refused(reserved.address).await;
}

/// The clock stands still from the first byte on, and jumps only where the test says so.
#[tokio::test]
async fn a_flow_is_forgotten_when_nothing_has_passed_for_too_long() {
    let (second, limit) = (Duration::from_secs(1), Duration::from_mins(1));
    let targets = vec![target(b'a').await];
    let balancer = Balancer::start(BalancerConfig { idle_timeout: limit, ..config(targets) }).await.unwrap();
    let (_, mut stream) = reached(&balancer).await.unwrap();
    tokio::time::pause();
    for _ in 0..3 {
        tokio::time::advance(limit.saturating_sub(second)).await;
        stream.write_all(b"x").await.unwrap();
        let mut echoed = [0];
        // By hand, since the clock would run on while the runtime waits.
        while stream.try_read(&mut echoed).is_err() {
            tokio::task::yield_now().await;
        }
        assert_eq!(&echoed, b"x");
    }
    tokio::time::advance(limit + second).await;
    tokio::task::yield_now().await;
    tokio::time::resume();
    stream.write_all(b"x").await.unwrap();
    let error = stream.read_u8().await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
}
