//! Targets with several addresses, and addresses where nobody answers.

use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::Ordering;
use std::time::Duration;

use landfall::load::StreamPlan;
use landfall::record::{Class, End};
use landfall::schedule::Schedule;

use crate::harness::{Server, ack, constant, send, stream};

/// An address that refuses connections: its socket is bound and does not listen, so that nobody else gets the port.
struct Refusing {
    _socket: tokio::net::TcpSocket,
    address: SocketAddr,
}

impl Refusing {
    fn new() -> Self {
        let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
        socket.bind(([127, 0, 0, 1], 0).into()).expect("a free port");
        let address = socket.local_addr().expect("it has an address");
        Self { _socket: socket, address }
    }
}

/// An address that leaves connections hanging: its backlog is full.
struct Silent {
    _listener: std::net::TcpListener,
    _waiting: Vec<TcpStream>,
    address: SocketAddr,
}

impl Silent {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let listener = runtime.block_on(async {
            let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
            socket.bind(([127, 0, 0, 1], 0).into()).expect("a free port");
            let listener = socket.listen(0).expect("a bound socket");
            listener.into_std().expect("a listener")
        });
        let address = listener.local_addr().expect("it has an address");
        let mut waiting = Vec::new();
        while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(100)) {
            waiting.push(stream);
            assert!(waiting.len() < 100, "its backlog is never full");
        }
        Self { _listener: listener, _waiting: waiting, address }
    }
}

/// A stream to these addresses, of ten requests in a fifth of a second.
fn stream_to(server: &Server, addresses: Vec<SocketAddr>) -> StreamPlan {
    let mut stream = stream(&server.url());
    stream.target.addresses = addresses;
    stream.schedule = Schedule::new(1, vec![constant("main", 50.0, Duration::from_millis(200))]);
    stream
}

fn address(server: &Server) -> SocketAddr {
    server.url().trim_start_matches("http://").parse().expect("an address")
}

#[test]
fn where_the_first_address_refuses_the_second_has_the_load() {
    let server = Server::answering(|_| ack());
    let refusing = Refusing::new();
    let (report, told) = send(stream_to(&server, vec![refusing.address, address(&server)]));
    assert_eq!((report.overall.accepted, report.attempts.total()), (10, 10), "{:?}", told.ends());
    // A connection that could be opened is no error, wherever that was.
    assert_eq!((report.socket_errors, server.connections.load(Ordering::SeqCst)), (0, 2));
    assert_eq!(told.seconds.iter().map(|second| second.opened).sum::<u64>(), 2);
}

#[test]
fn connections_that_wear_out_look_for_an_address_anew() {
    let server = Server::answering(|_| ack());
    let refusing = Refusing::new();
    let mut stream = stream_to(&server, vec![refusing.address, address(&server)]);
    stream.connections.requests_each = Some(1);
    let (report, told) = send(stream);
    assert_eq!((report.overall.accepted, report.attempts.total()), (10, 10), "{:?}", told.ends());
    assert_eq!(report.socket_errors, 0);
    let connections = server.connections.load(Ordering::SeqCst);
    assert!((10..=12).contains(&connections), "{connections}");
}

#[test]
fn addresses_that_all_refuse_are_one_error_an_attempt() {
    let server = Server::answering(|_| ack());
    let refusing = [Refusing::new(), Refusing::new()];
    let (report, told) = send(stream_to(&server, refusing.iter().map(|refusing| refusing.address).collect()));
    assert_eq!(told.ends(), [End::Reset; 10]);
    assert!(
        told.attempts
            .iter()
            .all(|(_, came)| { came.note.as_ref().is_some_and(|note| note.starts_with("cannot connect: ")) })
    );
    // Both connections were tried before they were needed, too.
    assert_eq!((report.socket_errors, report.local_errors), (12, 0));
    assert_eq!(server.connections.load(Ordering::SeqCst), 0);
}

#[test]
fn a_connection_that_is_never_made_times_out() {
    let server = Server::answering(|_| ack());
    let silent = Silent::new();
    let mut stream = stream_to(&server, vec![silent.address]);
    stream.connections.count = 10;
    stream.timeouts.connect = Duration::from_millis(250);
    let (report, told) = send(stream);
    assert_eq!((report.attempts.of(Class::TimedOut), report.attempts.total()), (10, 10), "{:?}", told.ends());
    for (_, came) in &told.attempts {
        assert_eq!((came.end, came.note.as_deref()), (End::TimedOut, Some("no connection within 0.25 s")));
    }
    // Those that were tried before they were needed were given up as well.
    assert_eq!((report.socket_errors, report.local_errors), (20, 0));
    // Nothing was ever sent, and what it took is no lag of landfall's: it waited for a connection.
    let times = &report.overall.times;
    let counts = (times.latency.count(), times.service.count(), times.generator_lag.count());
    assert_eq!((counts, report.overall.censored), ((10, 0, 0), 0));
    assert!(times.blocked.at(0.0) >= 249_000, "{:?}", times.blocked.quantiles());
}

#[test]
fn where_the_first_address_is_silent_the_second_has_the_load() {
    let server = Server::answering(|_| ack());
    let silent = Silent::new();
    let mut stream = stream_to(&server, vec![silent.address, address(&server)]);
    stream.timeouts.connect = Duration::from_millis(250);
    let (report, told) = send(stream);
    assert_eq!((report.overall.accepted, report.attempts.total()), (10, 10), "{:?}", told.ends());
    assert_eq!((report.socket_errors, server.connections.load(Ordering::SeqCst)), (0, 2));
}
