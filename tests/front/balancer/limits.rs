//! Flows that idle for too long.

use super::*;

/// The clock stands still from the first byte on, and jumps only where the test says so.
async fn idle_for(time: Duration) {
    tokio::time::advance(time).await;
    tokio::task::yield_now().await;
}

#[tokio::test]
async fn a_flow_is_forgotten_when_nothing_has_passed_for_too_long() {
    let (second, limit) = (Duration::from_secs(1), Duration::from_mins(1));
    for way in WAYS {
        let (balancer, listener) = before_a_listener(|config| {
            (config.idle_timeout, config.time_scale) = (limit * 5, 5.0);
        })
        .await;
        let (mut client, mut target) = pair(&balancer, way, &listener).await;
        tokio::time::pause();
        for turn in 0..4 {
            idle_for(limit.saturating_sub(second)).await;
            // Bytes of either side keep it.
            let (sender, receiver): (&mut dyn Duplex, &mut dyn Duplex) =
                if turn % 2 == 0 { (&mut client, &mut target) } else { (&mut target, &mut client) };
            sender.write_all(b"y").await.unwrap();
            let mut reading = std::pin::pin!(receiver.read_u8());
            // By hand, since the clock would run on while the runtime waits.
            let read = loop {
                if let Some(read) = futures_util::FutureExt::now_or_never(&mut reading) {
                    break read;
                }
                tokio::task::yield_now().await;
            };
            assert_eq!(read.unwrap(), b'y', "{way:?}");
        }
        idle_for(limit + second).await;
        tokio::time::resume();
        // Silently: it is still open to all appearances, until something comes.
        assert_eq!(state(&balancer, 0).open, 1);
        match way {
            Way::Socket => client.write_all(b"x").await.unwrap(),
            Way::Connector => {
                let written = client.write_all(b"x").await.unwrap_err();
                assert_eq!(written.kind(), io::ErrorKind::ConnectionReset);
            }
        }
        assert_reset(&mut client).await;
        assert_reset(&mut target).await;
    }
}

#[tokio::test]
async fn a_flow_is_forgotten_for_the_target_as_well() {
    for way in WAYS {
        let (balancer, listener) = before_a_listener(|_| ()).await;
        let (mut client, mut target) = pair(&balancer, way, &listener).await;
        tokio::time::pause();
        // The default.
        idle_for(Duration::from_secs(351)).await;
        tokio::time::resume();
        target.write_all(b"x").await.unwrap();
        assert_reset(&mut client).await;
        assert_reset(&mut target).await;
    }
}
