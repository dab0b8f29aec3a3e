//! Tests against what no client should send: requests that are broken at random must do no harm.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use kafka_protocol::messages::ApiKey;
use proptest::prelude::*;

use super::asked::{Asked, Unanswerable};
use super::batch::samples::{batch, seal};
use super::cluster::{Cluster, Layout, Node};
use super::requests::answer;
use super::sasl::Session;
use super::shape::samples::body;
use super::versions::SERVED;
use super::wire_tests::{fetch, produce, request, text};

/// A broker without sockets, with topics of the names that made-up requests use.
fn asked() -> Asked {
    let address = SocketAddr::from(([127, 0, 0, 1], 9092));
    let cluster = Cluster::new(
        vec![Node { id: 1, address }],
        Some(2),
        None,
        super::KafkaVersion::default(),
        super::faults::Faults::default(),
    );
    for name in ["t", "tuv", "tuvwxyz"] {
        let layout = Layout::Spread { partitions: 3, replicas: 1 };
        cluster.create(name, layout, std::collections::BTreeMap::new(), false).unwrap();
    }
    Asked { cluster: Arc::new(cluster), node: 1, peer: address.ip(), advertised: None }
}

/// Asks once; a fetch that would wait is let go.
fn ask(asked: &Asked, frame: Vec<u8>) -> Option<Result<(), Unanswerable>> {
    let mut session = Session::new(None);
    let future = pin!(answer(asked, &mut session, Bytes::from(frame)));
    match future.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => Some(answer.map(drop)),
        Poll::Pending => None,
    }
}

fn with_timers<T>(work: impl FnOnce() -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let _entered = runtime.enter();
    work()
}

/// Throws below a bound, out of rolls that a property test can shrink.
fn dice(rolls: &[u16]) -> impl FnMut(usize) -> usize + '_ {
    let mut at = 0;
    move |bound| {
        at += 1;
        usize::from(rolls[at % rolls.len()]) % bound
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Every served version of every request is answered, whatever sense it makes.
    #[test]
    fn well_formed_requests_are_all_answered(rolls in proptest::collection::vec(any::<u16>(), 32..256)) {
        let mut dice = dice(&rolls);
        with_timers(|| {
            let asked = asked();
            for served in SERVED {
                for version in served.oldest..=served.newest {
                    let body = body(served.api, version, &mut dice);
                    let answer = ask(&asked, request(served.api, version, 1, &body));
                    let fine = match &answer {
                        None => matches!(served.api, ApiKey::Fetch | ApiKey::JoinGroup | ApiKey::SyncGroup),
                        Some(Err(Unanswerable::SilentProduceFailed)) => served.api == ApiKey::Produce,
                        // However little sense it makes, it is read and has an answer.
                        Some(answer) => answer.is_ok(),
                    };
                    prop_assert!(fine, "{:?} {version}: {answer:?} to {body:?}", served.api);
                }
            }
            Ok(())
        })?;
    }

    /// No bytes bring the broker down, however close they are to a request.
    #[test]
    fn broken_requests_do_no_harm(
        rolls in proptest::collection::vec(any::<u16>(), 32..256),
        changes in proptest::collection::vec((any::<u16>(), any::<u8>()), 1..8),
        cut in any::<u16>(),
    ) {
        let mut dice = dice(&rolls);
        with_timers(|| {
            let asked = asked();
            for served in SERVED {
                for version in served.oldest..=served.newest {
                    let mut frame = request(served.api, version, 1, &body(served.api, version, &mut dice));
                    for (place, byte) in &changes {
                        let place = usize::from(*place) % frame.len();
                        frame[place] = *byte;
                    }
                    let _ = ask(&asked, frame.clone());
                    frame.truncate(usize::from(cut) % frame.len());
                    let _ = ask(&asked, frame);
                }
            }
        });
    }

    #[test]
    fn random_bytes_do_no_harm(mut frame in proptest::collection::vec(any::<u8>(), 0..300), api in 0_u8..80) {
        with_timers(|| {
            let asked = asked();
            let _ = ask(&asked, frame.clone());
            for version in 0..14 {
                for (at, byte) in [0, api, 0, version].into_iter().enumerate() {
                    if let Some(place) = frame.get_mut(at) {
                        *place = byte;
                    }
                }
                let _ = ask(&asked, frame.clone());
            }
        });
    }

    /// A batch with any bytes changed is stored whole or refused, on a topic that looks into it too.
    #[test]
    fn broken_batches_do_no_harm(
        changes in proptest::collection::vec((any::<u16>(), any::<u8>()), 0..6),
        sealed in any::<bool>(),
    ) {
        let mut records = batch(&[(0, Some(b"k"), b"a"), (9, None, b"value")], 1_000);
        for (place, byte) in changes {
            let place = usize::from(place) % records.len();
            records[place] = byte;
        }
        if sealed {
            seal(&mut records);
        }
        with_timers(|| {
            let asked = asked();
            let compact = [("cleanup.policy".to_owned(), "compact".to_owned())].into();
            let layout = Layout::Spread { partitions: 1, replicas: 1 };
            asked.cluster.create("compact", layout, compact, false).unwrap();
            for topic in ["t", "compact"] {
                prop_assert!(matches!(ask(&asked, produce(topic, 0, -1, &records)), Some(Ok(()))));
                let fetched = ask(&asked, fetch(topic, 0, 0, 0, (i32::MAX, i32::MAX)));
                prop_assert!(matches!(fetched, Some(Ok(()))));
                for timestamp in [-1_i64, -2, -3, 0, 1_005, i64::MAX] {
                    let mut look_up = vec![0xff; 4];
                    look_up.push(0);
                    look_up.extend(1_i32.to_be_bytes());
                    look_up.extend(text(topic));
                    look_up.extend(1_i32.to_be_bytes());
                    look_up.extend(0_i32.to_be_bytes());
                    look_up.extend(timestamp.to_be_bytes());
                    let answer = ask(&asked, request(ApiKey::ListOffsets, 3, 1, &look_up));
                    prop_assert!(matches!(answer, Some(Ok(()))), "{answer:?}");
                }
            }
            Ok(())
        })?;
    }
}
