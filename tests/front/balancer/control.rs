//! Targets that come and go while the balancer runs.

use std::sync::mpsc::{self, RecvTimeoutError};

use landfall::doubles::balancer::{ConnectionFault, FaultScope, Health, TargetError};

use super::*;

#[tokio::test]
async fn a_target_that_is_added_takes_its_share() {
    for way in WAYS {
        let (first, second) = (target(b'a').await, target(b'b').await);
        let balancer = start(vec![first]).await;
        assert_eq!(names(&balancer, way, 2).await, "aa");
        balancer.add(second).unwrap();
        let mut shares: Vec<u8> = names(&balancer, way, 6).await.into_bytes();
        shares.sort_unstable();
        assert_eq!(shares, b"aaabbb");
        assert_eq!(balancer.add(second), Err(TargetError::Known(second)));
        assert_eq!(balancer.connections_per_target(), [5, 3]);
    }
}

#[tokio::test]
async fn nothing_is_done_to_a_target_that_nobody_knows() {
    let (known, unknown) = (target(b'a').await, SocketAddr::new(LOOPBACK, 1));
    let balancer = start(vec![known]).await;
    for result in [balancer.drain(unknown), balancer.kill(unknown), balancer.restore(unknown)] {
        assert_eq!(result, Err(TargetError::Unknown(unknown)));
    }
    assert_eq!(names(&balancer, Way::Socket, 1).await, "a");
}

#[tokio::test]
async fn a_target_that_is_drained_keeps_what_is_open_and_gets_nothing_new() {
    let draining = WAYS.into_iter().flat_map(|way| [drained(way, true), drained(way, false)]);
    futures_util::future::join_all(draining).await;
}

async fn drained(way: Way, terminate: bool) {
    let (first, second) = (target(b'a').await, target(b'b').await);
    let config = BalancerConfig {
        terminate_on_deregistration: terminate,
        // 300 s come out as 1.5 s, in which what has to be seen can be.
        time_scale: 200.0,
        // And nothing is forgotten meanwhile.
        idle_timeout: Duration::from_hours(1000),
        ..config(vec![first, second])
    };
    let balancer = Balancer::start(config).await.unwrap();
    let (name, mut stream) = reached(&balancer, way).await.unwrap();
    assert_eq!(name, b'a');
    balancer.drain(first).unwrap();
    let draining = state(&balancer, 0);
    assert!(draining.draining && draining.open == 1 && draining.health == Health::Healthy);
    assert_echoes(&mut stream).await;
    assert_eq!(names(&balancer, way, 3).await, "bbb");
    until("the delay is over", || state(&balancer, 0).health == Health::Unused).await;
    assert!(!state(&balancer, 0).draining);
    assert_eq!(names(&balancer, way, 3).await, "bbb");
    if terminate {
        assert_reset(&mut stream).await;
    } else {
        assert_echoes(&mut stream).await;
    }
    balancer.restore(first).unwrap();
    assert!(names(&balancer, way, 2).await.contains('a'));
}

#[tokio::test(start_paused = true)]
async fn a_delay_that_was_cut_short_ends_nothing() {
    let target = SocketAddr::new(LOOPBACK, 1);
    let balancer = start(vec![target]).await;
    let draining = || state(&balancer, 0).draining;
    balancer.drain(target).unwrap();
    tokio::time::sleep(Duration::from_secs(200)).await;
    assert!(draining());
    balancer.restore(target).unwrap();
    assert!(!draining());
    balancer.drain(target).unwrap();
    // Again changes nothing.
    balancer.drain(target).unwrap();
    tokio::time::sleep(Duration::from_secs(299)).await;
    assert!(draining());
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!((draining(), state(&balancer, 0).health), (false, Health::Unused));
}

#[tokio::test]
async fn a_target_that_is_killed_loses_all_at_once() {
    for way in WAYS {
        let (balancer, listener) = before_a_listener(|_| ()).await;
        let killed = listener.local_addr().unwrap();
        let (mut client, mut target_side) = pair(&balancer, way, &listener).await;
        let other = target(b'b').await;
        balancer.add(other).unwrap();
        balancer.kill(killed).unwrap();
        let left = state(&balancer, 0);
        assert_eq!((left.health, left.open, left.connections), (Health::Unused, 0, 1));
        assert_reset(&mut target_side).await;
        assert_reset(&mut client).await;
        assert_eq!(names(&balancer, way, 3).await, "bbb");
        // With nothing left, there is nobody to fail open to.
        balancer.kill(other).unwrap();
        assert!(reached(&balancer, way).await.is_err());
        balancer.restore(other).unwrap();
        assert_eq!(names(&balancer, way, 1).await, "b");
    }
}

#[tokio::test]
async fn a_connection_whose_client_waits_for_nothing_is_reset_as_well() {
    let (balancer, listener) = before_a_listener(|_| ()).await;
    let client = balancer.connector().connect(SocketAddr::new(LOOPBACK, 1)).await.unwrap();
    let (mut target, _) = listener.accept().await.unwrap();
    assert_eq!(client.target(), listener.local_addr().unwrap());
    balancer.kill(client.target()).unwrap();
    assert_reset(&mut target).await;
}

#[tokio::test]
async fn it_can_be_controlled_from_any_thread() {
    let (balancer, listener) = before_a_listener(|_| ()).await;
    let address = listener.local_addr().unwrap();
    let (mut client, mut target_side) = pair(&balancer, Way::Connector, &listener).await;
    let control = || {
        balancer.set_fault(FaultScope::All, Some(ConnectionFault::Stall)).unwrap();
        balancer.drain(address).unwrap();
        balancer.kill(address).unwrap();
        balancer.restore(address).unwrap();
        balancer.add(SocketAddr::new(LOOPBACK, 1)).unwrap();
    };
    std::thread::scope(|scope| scope.spawn(control).join().unwrap());
    assert_reset(&mut client).await;
    assert_reset(&mut target_side).await;
    std::thread::scope(|scope| drop(scope.spawn(|| drop(balancer)).join()));
}

/// One client after the other sends and gets back the right bytes, or is cut off. Returns how many were not.
async fn clients(balancer: &Balancer, way: Way, count: usize) -> usize {
    let mut served = 0;
    for _ in 0..count {
        let exchange = async {
            let (_, mut stream) = reached(balancer, way).await?;
            for byte in 0..5 {
                stream.write_all(&[byte; 500]).await?;
                let mut back = [0; 500];
                stream.read_exact(&mut back).await?;
                assert_eq!(back, [byte; 500]);
            }
            io::Result::Ok(())
        };
        served += usize::from(exchange.await.is_ok());
    }
    served
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_ordered_meanwhile_no_byte_comes_wrong_and_nothing_hangs() {
    use ConnectionFault::{BlackHole, Delay, Refuse, Reset, Stall, Throttle};
    let targets = [target(b'a').await, target(b'b').await];
    let balancer = &start(targets.to_vec()).await;
    // Orders end when the clients let go of their end, even where one has found something wrong.
    let (clients_are_there, ended) = mpsc::channel::<()>();
    let ordering = move || {
        let faults = [
            None,
            Some(Delay { each_way: Duration::from_micros(100) }),
            Some(Stall),
            None,
            Some(Throttle { bytes_per_s: 10_000_000 }),
            Some(BlackHole),
            Some(Reset { after_bytes: Some(3000) }),
            None,
            Some(Refuse),
        ];
        for (turn, fault) in faults.into_iter().cycle().enumerate() {
            let target = targets[turn % 2];
            let scope = if turn % 7 == 0 { FaultScope::Target(target) } else { FaultScope::All };
            balancer.set_fault(scope, fault).unwrap();
            match turn % 16 {
                0 => balancer.kill(target).unwrap(),
                8 => balancer.drain(target).unwrap(),
                _ => balancer.restore(target).unwrap(),
            }
            // The pace of orders, at which some exchanges are cut off and some are not.
            if ended.recv_timeout(Duration::from_millis(1)) != Err(RecvTimeoutError::Timeout) {
                return balancer.set_fault(FaultScope::All, None).unwrap();
            }
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(ordering);
        tokio::task::block_in_place(move || {
            let _ends_with_this = clients_are_there;
            let all = WAYS.into_iter().flat_map(|way| (0..8).map(move |_| way));
            let all = all.map(|way| clients(balancer, way, 100));
            let running = tokio::time::timeout(DEADLINE * 3, futures_util::future::join_all(all));
            tokio::runtime::Handle::current().block_on(running).expect("nothing hangs");
        });
    });
    for target in targets {
        balancer.set_fault(FaultScope::Target(target), None).unwrap();
        balancer.restore(target).unwrap();
    }
    for way in WAYS {
        assert_eq!(clients(balancer, way, 4).await, 4);
    }
    until("nothing is open", || balancer.targets().iter().all(|target| target.open == 0)).await;
}
