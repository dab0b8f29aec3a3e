//! Faults of connections: each does what it says, is counted, and is lifted.

use std::time::Instant;

use futures_util::FutureExt;
use landfall::doubles::balancer::{ConnectionFault, FaultScope, TargetError};

use super::*;

const LONG: ConnectionFault = ConnectionFault::Delay { each_way: Duration::from_hours(1) };

fn set(balancer: &Balancer, fault: ConnectionFault) {
    balancer.set_fault(FaultScope::All, Some(fault)).unwrap();
}

fn lift(balancer: &Balancer) {
    balancer.set_fault(FaultScope::All, None).unwrap();
}

/// Sends many bytes in odd pieces, and gets them back in order.
async fn assert_echoes_much(stream: &mut Open, count: usize) {
    let sent: Vec<u8> = (0..count).map(|index| u8::try_from(index % 251).unwrap()).collect();
    let (mut read, mut write) = tokio::io::split(stream);
    let writing = async {
        for piece in sent.chunks(7919) {
            write.write_all(piece).await.unwrap();
        }
    };
    let mut back = vec![0; count];
    let ((), read) = tokio::join!(writing, read.read_exact(&mut back));
    read.unwrap();
    assert!(back == sent, "bytes came back in another order");
}

#[tokio::test]
async fn a_delay_holds_for_every_byte_each_way() {
    let each_way = Duration::from_millis(20);
    for way in WAYS {
        let balancer = start(vec![target(b'a').await]).await;
        let (_, mut old) = reached(&balancer, way).await.unwrap();
        set(&balancer, ConnectionFault::Delay { each_way });
        assert_eq!(balancer.befallen(), 0);
        let begun = Instant::now();
        assert_echoes(&mut old).await;
        assert!(begun.elapsed() >= 2 * each_way, "{way:?}: {:?}", begun.elapsed());
        let begun = Instant::now();
        let (_, mut new) = reached(&balancer, way).await.unwrap();
        assert!(begun.elapsed() >= each_way);
        assert_eq!(balancer.befallen(), 2);
        // More than there may be under way.
        assert_echoes_much(&mut new, 1_000_000).await;
        // Its end comes after all that came before it.
        new.write_all(b"end").await.unwrap();
        new.shutdown().await.unwrap();
        let mut rest = Vec::new();
        new.read_to_end(&mut rest).await.unwrap();
        assert_eq!(rest, b"end");
        assert_eq!(balancer.befallen(), 2);
    }
}

#[tokio::test]
async fn what_was_delayed_arrives_when_the_delay_is_lifted() {
    for way in WAYS {
        let (balancer, listener) = before_a_listener(|_| ()).await;
        let (mut client, mut target) = pair(&balancer, way, &listener).await;
        set(&balancer, LONG);
        client.write_all(b"there").await.unwrap();
        until("it has met the delay", || balancer.befallen() == 1).await;
        target.write_all(b"back").await.unwrap();
        assert!(client.read_u8().now_or_never().is_none());
        lift(&balancer);
        let mut there = [0; 5];
        target.read_exact(&mut there).await.unwrap();
        let mut back = [0; 4];
        client.read_exact(&mut back).await.unwrap();
        assert_eq!((&there, &back), (b"there", b"back"));
        // And from then on the way is direct again.
        client.write_all(b"!").await.unwrap();
        assert_eq!(target.read_u8().await.unwrap(), b'!');
    }
}

#[tokio::test]
async fn a_client_that_goes_leaves_behind_what_is_under_way() {
    for way in WAYS {
        let (balancer, listener) = before_a_listener(|_| ()).await;
        let (mut client, mut target) = pair(&balancer, way, &listener).await;
        set(&balancer, LONG);
        client.write_all(b"bye").await.unwrap();
        drop(client);
        until("it has met the delay", || balancer.befallen() == 1).await;
        assert_eq!((state(&balancer, 0).open, balancer.in_flight()), (1, 1));
        lift(&balancer);
        let mut all = Vec::new();
        target.read_to_end(&mut all).await.unwrap();
        assert_eq!((all.as_slice(), balancer.in_flight()), (b"bye".as_slice(), 0));
        drop(target);
        until("nothing is open", || state(&balancer, 0).open == 0).await;
    }
}

#[tokio::test]
async fn what_is_lost_is_never_followed_by_an_orderly_end() {
    for fault in [ConnectionFault::Stall, ConnectionFault::BlackHole] {
        let (balancer, listener) = before_a_listener(|_| ()).await;
        let (mut client, mut target) = pair(&balancer, Way::Connector, &listener).await;
        set(&balancer, fault);
        client.write_all(b"lost").await.unwrap();
        drop(client);
        assert_reset(&mut target).await;
        assert_eq!((state(&balancer, 0).open, balancer.in_flight()), (0, 0));
    }
}

#[tokio::test]
async fn nothing_passes_a_stall_until_it_is_lifted() {
    for way in WAYS {
        let (balancer, listener) = before_a_listener(|_| ()).await;
        let (mut old, mut old_target) = pair(&balancer, way, &listener).await;
        set(&balancer, ConnectionFault::Stall);
        let mut new = open(&balancer, way).await.unwrap();
        let (mut new_target, _) = listener.accept().await.unwrap();
        old.write_all(b"1").await.unwrap();
        new_target.write_all(b"2").await.unwrap();
        until("both have met the stall", || balancer.befallen() == 2).await;
        assert!(old_target.read_u8().now_or_never().is_none());
        assert!(new.read_u8().now_or_never().is_none());
        lift(&balancer);
        assert_eq!(old_target.read_u8().await.unwrap(), b'1');
        assert_eq!(new.read_u8().await.unwrap(), b'2');
        assert_eq!(balancer.befallen(), 2);
    }
}

#[tokio::test]
async fn what_a_stall_holds_is_bounded() {
    let (balancer, listener) = before_a_listener(|_| ()).await;
    let (mut client, mut target) = pair(&balancer, Way::Connector, &listener).await;
    set(&balancer, ConnectionFault::Stall);
    let much = vec![7; 1_000_000];
    let mut held = 0;
    while let Some(written) = client.write(&much[held..]).now_or_never() {
        held += written.unwrap();
    }
    assert_eq!(held, 256 * 1024);
    lift(&balancer);
    let mut all = vec![0; much.len()];
    let (read, written) = tokio::join!(target.read_exact(&mut all), client.write_all(&much[held..]));
    read.unwrap();
    written.unwrap();
    assert!(all == much);
}

#[tokio::test]
async fn new_connections_are_reset_and_old_ones_are_not() {
    for way in WAYS {
        let (balancer, listener) = before_a_listener(|_| ()).await;
        let (mut old, mut old_target) = pair(&balancer, way, &listener).await;
        set(&balancer, ConnectionFault::Reset { after_bytes: None });
        let mut new = open(&balancer, way).await.unwrap();
        let (mut new_target, _) = listener.accept().await.unwrap();
        assert_reset(&mut new).await;
        assert_reset(&mut new_target).await;
        assert_eq!(balancer.befallen(), 1);
        old.write_all(b"x").await.unwrap();
        assert_eq!(old_target.read_u8().await.unwrap(), b'x');
        lift(&balancer);
        pair(&balancer, way, &listener).await;
        assert_eq!(balancer.befallen(), 1);
    }
}

#[tokio::test]
async fn a_connection_is_reset_after_so_many_bytes_from_the_target() {
    for way in WAYS {
        let (balancer, listener) = before_a_listener(|_| ()).await;
        set(&balancer, ConnectionFault::Reset { after_bytes: Some(10_000) });
        let mut client = open(&balancer, way).await.unwrap();
        let (mut target, _) = listener.accept().await.unwrap();
        // What goes to the target does not count.
        client.write_all(&[1; 15_000]).await.unwrap();
        target.read_exact(&mut [0; 15_000]).await.unwrap();
        assert_eq!(balancer.befallen(), 0);
        target.write_all(&[2; 12_000]).await.unwrap();
        client.read_exact(&mut [0; 10_000]).await.unwrap();
        assert_reset(&mut client).await;
        assert_reset(&mut target).await;
        assert_eq!(balancer.befallen(), 1);

        // One that has not got so far is spared when the fault is lifted.
        let mut client = open(&balancer, way).await.unwrap();
        let (mut target, _) = listener.accept().await.unwrap();
        target.write_all(&[2; 9_999]).await.unwrap();
        client.read_exact(&mut [0; 9_999]).await.unwrap();
        lift(&balancer);
        target.write_all(b"x").await.unwrap();
        target.write_all(b"y").await.unwrap();
        client.read_exact(&mut [0; 2]).await.unwrap();
        assert_eq!(balancer.befallen(), 1);
    }
}

#[tokio::test]
async fn a_black_hole_takes_all_and_gives_nothing() {
    for way in WAYS {
        let (balancer, listener) = before_a_listener(|_| ()).await;
        let (mut silent, _silent_target) = pair(&balancer, way, &listener).await;
        let (mut old, mut old_target) = pair(&balancer, way, &listener).await;
        set(&balancer, ConnectionFault::BlackHole);
        let mut new = open(&balancer, way).await.unwrap();
        let (mut new_target, _) = listener.accept().await.unwrap();
        // More than all buffers on the way.
        old.write_all(&vec![7; 20_000_000]).await.unwrap();
        new_target.write_all(&vec![7; 20_000_000]).await.unwrap();
        until("both have met it", || balancer.befallen() == 2).await;
        assert!(old_target.read_u8().now_or_never().is_none());
        assert!(new.read_u8().now_or_never().is_none());
        lift(&balancer);
        // TCP does not go on with a hole in what it carries.
        for stream in [&mut old as &mut dyn Duplex, &mut old_target, &mut new, &mut new_target] {
            assert_reset(stream).await;
        }
        // A connection that lost nothing goes on.
        silent.write_all(b"x").await.unwrap();
        pair(&balancer, way, &listener).await;
        assert_eq!(balancer.befallen(), 2);
    }
}

#[tokio::test]
async fn who_is_refused_comes_to_no_target() {
    for way in WAYS {
        let balancer = start(vec![target(b'a').await]).await;
        let (_, mut old) = reached(&balancer, way).await.unwrap();
        set(&balancer, ConnectionFault::Refuse);
        let error = reached(&balancer, way).await.map(|_| ()).unwrap_err();
        let kind = match way {
            Way::Socket => io::ErrorKind::ConnectionReset,
            Way::Connector => io::ErrorKind::ConnectionRefused,
        };
        assert_eq!(error.kind(), kind);
        assert_eq!((balancer.befallen(), balancer.connections_per_target()), (1, vec![1]));
        assert_echoes(&mut old).await;
        lift(&balancer);
        assert_eq!(names(&balancer, way, 1).await, "a");
    }
}

#[tokio::test]
async fn a_throttle_lets_so_much_through() {
    for way in WAYS {
        let balancer = start(vec![target(b'a').await]).await;
        let (_, mut stream) = reached(&balancer, way).await.unwrap();
        set(&balancer, ConnectionFault::Throttle { bytes_per_s: 500_000 });
        let begun = Instant::now();
        assert_echoes_much(&mut stream, 100_000).await;
        // What comes back goes along with what goes there.
        assert!(begun.elapsed() >= Duration::from_millis(200), "{way:?}: {:?}", begun.elapsed());
        assert_eq!(balancer.befallen(), 1);
        set(&balancer, ConnectionFault::Throttle { bytes_per_s: 1 });
        stream.write_all(&[1; 1000]).await.unwrap();
        until("it has met the new rate", || balancer.befallen() == 2).await;
        lift(&balancer);
        stream.read_exact(&mut [0; 1000]).await.unwrap();
        assert_echoes_much(&mut stream, 1_000_000).await;
    }
}

#[tokio::test]
async fn a_fault_is_its_targets_own_or_that_of_all_others() {
    for way in WAYS {
        let (first, second) = (target(b'a').await, target(b'b').await);
        let balancer = start(vec![first, second]).await;
        let (_, mut to_first) = reached(&balancer, way).await.unwrap();
        let (_, mut to_second) = reached(&balancer, way).await.unwrap();
        let of_first = |fault| balancer.set_fault(FaultScope::Target(first), fault).unwrap();

        of_first(Some(ConnectionFault::Refuse));
        assert!(reached(&balancer, way).await.is_err());
        assert_eq!(reached(&balancer, way).await.unwrap().0, b'b');

        // The first has a fault of its own, which spares what is open; the second meets the one of all.
        set(&balancer, ConnectionFault::Stall);
        assert_echoes(&mut to_first).await;
        to_second.write_all(b"?").await.unwrap();
        until("it has met the stall", || balancer.befallen() == 2).await;
        assert!(to_second.read_u8().now_or_never().is_none());
        // When its own is lifted, it meets that of all.
        of_first(None);
        to_first.write_all(b"?").await.unwrap();
        until("it has met the stall", || balancer.befallen() == 3).await;
        lift(&balancer);
        for stream in [&mut to_first, &mut to_second] {
            assert_eq!(stream.read_u8().await.unwrap(), b'?');
        }
        let unknown = SocketAddr::new(LOOPBACK, 1);
        let error = balancer.set_fault(FaultScope::Target(unknown), None);
        assert_eq!(error, Err(TargetError::Unknown(unknown)));
    }
}

#[tokio::test]
async fn whatever_the_fault_kill_and_drop_end_it() {
    let end_by_kill = |balancer: Balancer, target| {
        balancer.kill(target).unwrap();
        Some(balancer)
    };
    let end_by_drop = |balancer: Balancer, _| {
        drop(balancer);
        None
    };
    let throttle = ConnectionFault::Throttle { bytes_per_s: 1 };
    for way in WAYS {
        for fault in [LONG, ConnectionFault::Stall, ConnectionFault::BlackHole, throttle] {
            for end in [end_by_kill as fn(Balancer, SocketAddr) -> Option<Balancer>, end_by_drop] {
                let (balancer, listener) = before_a_listener(|_| ()).await;
                let (mut client, mut target) = pair(&balancer, way, &listener).await;
                set(&balancer, fault);
                client.write_all(&[1; 1000]).await.unwrap();
                until("it has met the fault", || balancer.befallen() == 1).await;
                let _balancer = end(balancer, listener.local_addr().unwrap());
                assert_reset(&mut client).await;
                // A byte may have come through the throttle.
                let read = tokio::time::timeout(DEADLINE, target.read_to_end(&mut Vec::new())).await;
                assert_eq!(read.unwrap().unwrap_err().kind(), io::ErrorKind::ConnectionReset);
            }
        }
    }
}
