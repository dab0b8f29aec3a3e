//! The balancer, with raw TCP.

use std::net::SocketAddr;

use landfall::doubles::balancer::{Balancer, BalancerConfig, BalancerError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::stage::{LOOPBACK, until};

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

async fn start(targets: Vec<SocketAddr>) -> Balancer {
    Balancer::start(BalancerConfig { bind: LOOPBACK, port: 0, targets }).await.unwrap()
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
    let spare = TcpListener::bind((LOOPBACK, 0)).await.unwrap();
    let down = spare.local_addr().unwrap();
    drop(spare);
    let balancer = start(vec![down, target(b'b').await]).await;
    for _ in 0..4 {
        assert_eq!(reached(&balancer).await.unwrap().0, b'b');
    }
    assert_eq!(balancer.connections_per_target(), [0, 4]);
    tokio::spawn(serve(TcpListener::bind(down).await.unwrap(), b'a'));
    let mut names: Vec<u8> = Vec::new();
    for _ in 0..2 {
        names.push(reached(&balancer).await.unwrap().0);
    }
    names.sort_unstable();
    assert_eq!(names, b"ab");
}

#[tokio::test]
async fn without_a_target_the_client_is_cut_off() {
    let spare = TcpListener::bind((LOOPBACK, 0)).await.unwrap();
    let down = spare.local_addr().unwrap();
    drop(spare);
    let balancer = start(vec![down, down]).await;
    assert!(reached(&balancer).await.is_err());
    assert_eq!(balancer.connections_per_target(), [0, 0]);
    let none = Balancer::start(BalancerConfig { bind: LOOPBACK, port: 0, targets: vec![] }).await;
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
    let balancer = start(vec![target(b'a').await]).await;
    let (_, mut stream) = reached(&balancer).await.unwrap();
    let address = balancer.address();
    drop(balancer);
    assert!(stream.read_u8().await.is_err());
    until("the port is free", || std::net::TcpListener::bind(address).is_ok()).await;
}
