//! Targets that are checked.

use landfall::doubles::balancer::Health;

use super::*;
use crate::stage::Stub;

/// The defaults, a thousand times faster: seven checks take 105 ms.
fn checked(targets: Vec<SocketAddr>, probe: Probe) -> BalancerConfig {
    let health = Some(HealthCheck { probe, ..HealthCheck::default() });
    // Nothing is forgotten meanwhile.
    BalancerConfig { health, time_scale: 1000.0, idle_timeout: Duration::from_hours(1000), ..config(targets) }
}

async fn until_health(balancer: &Balancer, index: usize, health: Health) {
    until(&format!("target {index} is {health:?}"), || state(balancer, index).health == health).await;
}

#[tokio::test]
async fn a_target_is_used_while_it_is_healthy() {
    for way in WAYS {
        let reserved = reserve();
        let targets = vec![reserved.address, target(b'b').await];
        let balancer = Balancer::start(checked(targets, Probe::Tcp)).await.unwrap();
        assert_eq!(state(&balancer, 0).health, Health::Initial);
        until_health(&balancer, 0, Health::Unhealthy).await;
        until_health(&balancer, 1, Health::Healthy).await;
        assert_eq!(names(&balancer, way, 4).await, "bbbb");
        let up = serve(reserved.socket.listen(16).unwrap(), b'a');
        until_health(&balancer, 0, Health::Healthy).await;
        let shares = names(&balancer, way, 4).await;
        assert!(shares == "abab" || shares == "baba", "{shares}");
        up.abort();
        until_health(&balancer, 0, Health::Unhealthy).await;
        assert_eq!(names(&balancer, way, 4).await, "bbbb");
    }
}

#[tokio::test]
async fn over_http_the_status_decides_and_the_thresholds_count() {
    let stub = Stub::start(503, "").await;
    let probe = Probe::Http { path: "/ready?deep=1".into() };
    let balancer = Balancer::start(checked(vec![stub.address()], probe)).await.unwrap();
    until_health(&balancer, 0, Health::Unhealthy).await;
    assert!(stub.count() >= 7);
    assert_eq!(stub.last().path, "/ready?deep=1");
    stub.answer(302, &[], "");
    let before = stub.count();
    until_health(&balancer, 0, Health::Healthy).await;
    // One more may have been under way.
    assert!(stub.count() >= before + 6);
    // Nobody answers any more within 5 ms.
    stub.hold();
    until_health(&balancer, 0, Health::Unhealthy).await;
    stub.release();
}

#[tokio::test]
async fn a_new_target_gets_nothing_before_it_is_healthy() {
    let (old, new) = (target(b'a').await, target(b'b').await);
    let health =
        HealthCheck { healthy_threshold: u32::MAX, unhealthy_threshold: u32::MAX, ..HealthCheck::default() };
    for way in WAYS {
        let config = BalancerConfig { health: Some(health.clone()), ..checked(vec![old], Probe::Tcp) };
        let balancer = Balancer::start(config).await.unwrap();
        // No target is healthy: all get connections.
        balancer.add(new).unwrap();
        assert_eq!(names(&balancer, way, 4).await, "abab");
        assert_eq!(state(&balancer, 1).health, Health::Initial);
    }
    for way in WAYS {
        let balancer = Balancer::start(checked(vec![old], Probe::Tcp)).await.unwrap();
        until_health(&balancer, 0, Health::Healthy).await;
        // Nobody listens there, so it does not become healthy.
        let reserved = reserve();
        balancer.add(reserved.address).unwrap();
        assert_eq!(names(&balancer, way, 3).await, "aaa");
        // One that is restored is new again.
        balancer.add(new).unwrap();
        until_health(&balancer, 2, Health::Healthy).await;
        balancer.kill(new).unwrap();
        balancer.restore(new).unwrap();
        assert_eq!(state(&balancer, 2).health, Health::Initial);
        until_health(&balancer, 2, Health::Healthy).await;
    }
}

#[tokio::test]
async fn if_no_target_is_healthy_all_get_connections() {
    for way in WAYS {
        // A name and an echo are no HTTP.
        let targets = vec![target(b'a').await, target(b'b').await];
        let probe = Probe::Http { path: "/".into() };
        let balancer = Balancer::start(checked(targets, probe)).await.unwrap();
        for index in 0..2 {
            until_health(&balancer, index, Health::Unhealthy).await;
        }
        let shares = names(&balancer, way, 4).await;
        assert!(shares == "abab" || shares == "baba", "{shares}");
    }
}

#[tokio::test]
async fn a_dead_target_gets_its_share_until_checks_tell() {
    for way in WAYS {
        let reserved = reserve();
        let targets = vec![reserved.address, target(b'b').await];
        // The first check is a quarter of a minute away.
        let config = BalancerConfig { time_scale: 1.0, ..checked(targets, Probe::Tcp) };
        let balancer = Balancer::start(config).await.unwrap();
        let mut reach = Vec::new();
        for _ in 0..4 {
            reach.push(reached(&balancer, way).await.is_ok());
        }
        assert_eq!(reach, [false, true, false, true], "{way:?}");
    }
}

#[tokio::test]
async fn connections_to_an_unhealthy_target_stay_or_are_reset_as_the_rules_say() {
    for (way, reset_unhealthy) in WAYS.into_iter().flat_map(|way| [(way, true), (way, false)]) {
        let reserved = reserve();
        let up = serve(reserved.socket.listen(16).unwrap(), b'a');
        let targets = vec![reserved.address, target(b'b').await];
        let config = BalancerConfig { reset_unhealthy, ..checked(targets, Probe::Tcp) };
        let balancer = Balancer::start(config).await.unwrap();
        let (name, mut stream) = reached(&balancer, way).await.unwrap();
        assert_eq!(name, b'a');
        for index in 0..2 {
            until_health(&balancer, index, Health::Healthy).await;
        }
        // It listens no more; what is open goes on.
        up.abort();
        until_health(&balancer, 0, Health::Unhealthy).await;
        if reset_unhealthy {
            assert_reset(&mut stream).await;
        } else {
            assert_echoes(&mut stream).await;
        }
    }
}

#[tokio::test]
async fn the_last_target_keeps_its_connections_since_the_group_fails_open() {
    for way in WAYS {
        let reserved = reserve();
        let up = serve(reserved.socket.listen(16).unwrap(), b'a');
        let config = BalancerConfig { reset_unhealthy: true, ..checked(vec![reserved.address], Probe::Tcp) };
        let balancer = Balancer::start(config).await.unwrap();
        let (_, mut stream) = reached(&balancer, way).await.unwrap();
        up.abort();
        until_health(&balancer, 0, Health::Unhealthy).await;
        assert_echoes(&mut stream).await;
    }
}
