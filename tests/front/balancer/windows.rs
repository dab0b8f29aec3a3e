//! Faults that the balancer is told to show: each within its window, and counted by itself.

use std::sync::Arc;
use std::time::Instant;

use landfall::doubles::fault::Injector;
use landfall::scenario::{Amount, Fault, FaultKind, Pace};

use super::*;

/// A window that is over soon.
const SHORT: Duration = Duration::from_millis(200);
/// One that no test sees the end of.
const LONG: Duration = Duration::from_hours(1);

fn of(kind: FaultKind, replica: Option<u16>, window: Duration) -> Fault {
    Fault { window: Some((Duration::ZERO, window)), replica, ..Fault::new(kind, Pace::Every(1)) }
}

fn injector(fault: Fault) -> Arc<Injector> {
    Arc::new(Injector::new(fault, 1))
}

/// A balancer over these targets, told to show these faults.
async fn told(targets: Vec<SocketAddr>, injectors: &[Arc<Injector>]) -> Balancer {
    let config = BalancerConfig { injectors: injectors.to_vec(), ..config(targets) };
    Balancer::start(config).await.unwrap()
}

fn begin(injectors: &[Arc<Injector>]) {
    let now = Instant::now();
    for injector in injectors {
        injector.start(now);
    }
}

#[tokio::test]
async fn a_target_that_is_killed_is_in_service_again_when_its_window_ends() {
    for way in WAYS {
        let kill = [injector(of(FaultKind::KillTarget, None, SHORT))];
        let balancer = told(vec![target(b'a').await, target(b'b').await], &kill).await;
        assert_eq!(names(&balancer, way, 4).await, "abab", "it has not begun");
        let (name, mut stream) = reached(&balancer, way).await.unwrap();
        assert_eq!(name, b'a');
        begin(&kill);
        assert_reset(&mut stream).await;
        until("it is counted", || kill[0].injected() == 1).await;
        until("it is in service again", || state(&balancer, 0).health == Health::Healthy).await;
        assert!(names(&balancer, way, 2).await.contains('a'));
        assert_eq!(kill[0].injected(), 1);
    }
}

#[tokio::test]
async fn a_target_that_is_drained_keeps_its_connections_until_it_is_back() {
    let drain = [injector(of(FaultKind::DrainTarget, Some(2), SHORT))];
    let balancer = told(vec![target(b'a').await, target(b'b').await], &drain).await;
    assert_eq!(names(&balancer, Way::Connector, 1).await, "a");
    let (name, mut stream) = reached(&balancer, Way::Connector).await.unwrap();
    assert_eq!(name, b'b');
    begin(&drain);
    until("it is drained", || drain[0].injected() == 1).await;
    assert_echoes(&mut stream).await;
    until("it is in service again", || !state(&balancer, 1).draining).await;
    assert_echoes(&mut stream).await;
    assert!(names(&balancer, Way::Connector, 2).await.contains('b'));
}

#[tokio::test]
async fn a_late_target_comes_when_its_window_ends_and_another_is_there_before() {
    let late = [injector(of(FaultKind::LateTarget, None, SHORT))];
    let (first, second) = (target(b'a').await, target(b'b').await);
    let balancer = told(vec![first, second], &late).await;
    assert_eq!(names(&balancer, Way::Socket, 3).await, "aaa");
    begin(&late);
    until("it is there", || state(&balancer, 1).health == Health::Healthy).await;
    assert_eq!(late[0].injected(), 1);
    assert!(names(&balancer, Way::Socket, 2).await.contains('b'));

    let both = [of(FaultKind::LateTarget, Some(1), SHORT), of(FaultKind::LateTarget, Some(2), SHORT)];
    let config = BalancerConfig { injectors: both.map(injector).to_vec(), ..config(vec![first, second]) };
    assert!(matches!(Balancer::start(config).await.unwrap_err(), BalancerError::NoTargets));
}

#[tokio::test]
async fn what_befalls_new_connections_resets_those_that_are_open() {
    for (way, kind) in
        WAYS.into_iter().flat_map(|way| [(way, FaultKind::NetworkReset), (way, FaultKind::RefuseConnections)])
    {
        let fault = [injector(of(kind, None, LONG))];
        let balancer = told(vec![target(b'a').await], &fault).await;
        let (_, mut old) = reached(&balancer, way).await.unwrap();
        begin(&fault);
        assert_reset(&mut old).await;
        assert_eq!(fault[0].injected(), 1);
        assert!(reached(&balancer, way).await.is_err());
        assert_eq!((fault[0].injected(), balancer.befallen()), (2, 2), "{way:?}: {kind:?}");
    }
}

#[tokio::test]
async fn an_open_connection_is_reset_after_so_many_bytes_from_the_target() {
    for way in WAYS {
        let reset = Fault { amount: Some(Amount::AfterBytes(3)), ..of(FaultKind::NetworkReset, None, LONG) };
        // Another's connection tells when the window has begun.
        let kill = of(FaultKind::KillTarget, Some(2), LONG);
        let faults = [injector(reset), injector(kill)];
        let balancer = told(vec![target(b'a').await, target(b'b').await], &faults).await;
        let (_, mut stream) = reached(&balancer, way).await.unwrap();
        begin(&faults);
        until("it has begun", || faults[1].injected() == 1).await;
        for _ in 0..2 {
            assert_echoes(&mut stream).await;
        }
        assert_eq!(faults[0].injected(), 0);
        // The last byte still comes.
        assert_echoes(&mut stream).await;
        assert_reset(&mut stream).await;
        assert_eq!(faults[0].injected(), 1);
    }
}

#[tokio::test]
async fn each_fault_counts_for_itself_and_the_first_of_two_is_shown() {
    let faults = [
        injector(of(FaultKind::RefuseConnections, Some(1), LONG)),
        injector(of(FaultKind::BlackHole, Some(2), LONG)),
        // Neither is ever shown: the one before it lasts as long, and no target has this number.
        injector(of(FaultKind::NetworkStall, Some(2), LONG)),
        injector(of(FaultKind::NetworkReset, Some(3), LONG)),
        // This one befalls those that have no fault of their own.
        injector(of(FaultKind::NetworkDelay, None, LONG)),
    ];
    let balancer = told(vec![target(b'a').await, target(b'b').await], &faults).await;
    let (_, mut first) = reached(&balancer, Way::Connector).await.unwrap();
    let (_, mut second) = reached(&balancer, Way::Connector).await.unwrap();
    begin(&faults);
    assert_reset(&mut first).await;
    until("it has met the black hole", || {
        assert!(futures_util::FutureExt::now_or_never(second.write_all(b"?")).is_some());
        faults[1].injected() == 1
    })
    .await;
    let counts: Vec<u64> = faults.iter().map(|fault| fault.injected()).collect();
    assert_eq!((counts, balancer.befallen()), (vec![1, 1, 0, 0, 0], 2));
}

#[tokio::test]
async fn what_is_under_way_ends_with_its_window() {
    for way in WAYS {
        let stall = [injector(of(FaultKind::NetworkStall, None, SHORT))];
        let balancer = told(vec![target(b'a').await], &stall).await;
        let (_, mut stream) = reached(&balancer, way).await.unwrap();
        let begun = Instant::now();
        begin(&stall);
        while stall[0].injected() == 0 {
            stream.write_all(b"?").await.unwrap();
            tokio::task::yield_now().await;
        }
        stream.write_all(b"!").await.unwrap();
        while stream.read_u8().await.unwrap() != b'!' {}
        assert!(begun.elapsed() >= SHORT, "it came while the window lasted");
        assert_eq!(stall[0].injected(), 1);
    }
}

fn between(kind: FaultKind, replica: u16, from: Duration, to: Duration) -> Arc<Injector> {
    injector(Fault { window: Some((from, to)), ..of(kind, Some(replica), to) })
}

#[tokio::test]
async fn what_begins_and_ends_together_befalls_nobody_in_between() {
    let faults = [
        injector(of(FaultKind::NetworkReset, None, SHORT)),
        injector(of(FaultKind::NetworkDelay, Some(1), SHORT)),
        // It tells when all are over.
        injector(of(FaultKind::LateTarget, Some(2), SHORT)),
    ];
    let balancer = told(vec![target(b'a').await, target(b'b').await], &faults).await;
    let (name, mut stream) = reached(&balancer, Way::Connector).await.unwrap();
    assert_eq!(name, b'a');
    begin(&faults);
    until("they are over", || state(&balancer, 1).health == Health::Healthy).await;
    assert_echoes(&mut stream).await;
    assert_eq!((faults[0].injected(), faults[2].injected()), (0, 1));
}

#[tokio::test]
async fn a_target_that_comes_late_meets_what_befalls_it() {
    let refused = [
        injector(of(FaultKind::LateTarget, Some(2), SHORT)),
        injector(of(FaultKind::RefuseConnections, Some(2), LONG)),
    ];
    let balancer = told(vec![target(b'a').await, target(b'b').await], &refused).await;
    begin(&refused);
    until("it is there", || state(&balancer, 1).health == Health::Healthy).await;
    let reached = [reached(&balancer, Way::Socket).await, reached(&balancer, Way::Socket).await];
    assert_eq!(reached.iter().filter(|reached| reached.is_err()).count(), 1);
    assert_eq!(refused[1].injected(), 1);

    // It is taken out before it has come, and stays out.
    let killed = [
        between(FaultKind::LateTarget, 2, Duration::ZERO, SHORT),
        between(FaultKind::KillTarget, 2, SHORT / 2, LONG),
        between(FaultKind::LateTarget, 3, Duration::ZERO, SHORT),
    ];
    let targets = vec![target(b'a').await, target(b'b').await, target(b'c').await];
    let balancer = told(targets, &killed).await;
    begin(&killed);
    until("another has come", || state(&balancer, 2).health == Health::Healthy).await;
    assert_eq!(state(&balancer, 1).health, Health::Unused);
    assert!(!names(&balancer, Way::Socket, 4).await.contains('b'));
}

#[tokio::test]
async fn a_fault_that_is_shown_again_is_counted_once() {
    let faults = [
        between(FaultKind::KillTarget, 1, SHORT / 2, SHORT),
        between(FaultKind::DrainTarget, 1, Duration::ZERO, LONG),
        between(FaultKind::LateTarget, 3, Duration::ZERO, SHORT),
    ];
    let targets = vec![target(b'a').await, target(b'b').await, target(b'c').await];
    let balancer = told(targets, &faults).await;
    begin(&faults);
    until("the kill is over", || state(&balancer, 2).health == Health::Healthy).await;
    let counts: Vec<u64> = faults.iter().map(|fault| fault.injected()).collect();
    assert_eq!((counts, state(&balancer, 0).health), (vec![1, 1, 1], Health::Unused));
}
