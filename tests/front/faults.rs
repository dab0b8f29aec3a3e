//! The gateway's faults, with exact counts.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::StatusCode;
use landfall::doubles::broker::{Broker, BrokerConfig, TopicConfig};
use landfall::doubles::fault::Injector;
use landfall::doubles::proxy::{Proxy, ProxyConfig};
use landfall::kafka::Access;
use landfall::scenario::{Fault, FaultKind, Pace};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::stage::{
    Bare, LOOPBACK, ONE_RECORD, V2_JSON, offsets, policy, post, produce, send, start_faulty_idp, token_form,
    until,
};

fn injector(kind: FaultKind, pace: Pace) -> Arc<Injector> {
    Arc::new(Injector::new(Fault { target: Some("secret".into()), ..Fault::new(kind, pace) }, 1))
}

/// A gateway with one fault, whose authorizer allows the topic `open` alone.
async fn faulty(fault: &Arc<Injector>) -> Bare {
    let bare = Bare::start(|config| {
        config.injectors = vec![fault.clone()];
        config.authorizer_ttl = Duration::from_mins(5);
    })
    .await;
    bare.lambda.answer(200, &[], policy("Allow", "*/topics/open"));
    bare
}

#[tokio::test]
async fn forward_denied_answers_403_and_forwards() {
    let fault = injector(FaultKind::ForwardDenied, Pace::Every(2));
    let bare = faulty(&fault).await;
    bare.backend.answer(200, &[], offsets(3));
    for _ in 0..10 {
        let reply = send(produce(&bare.topic("secret"), "Bearer x")).await;
        assert_eq!(reply.row().0, 403);
        assert_eq!(reply.header("x-amzn-errortype"), Some("AccessDeniedException"));
    }
    // Neither another topic nor a request that is allowed or has no credentials is an opportunity.
    assert_eq!(send(produce(&bare.topic("other"), "Bearer x")).await.status, StatusCode::FORBIDDEN);
    assert_eq!(send(produce(&bare.topic("secret"), "")).await.status, StatusCode::UNAUTHORIZED);
    until("nothing is in flight", || bare.gateway.in_flight() == 0).await;
    assert_eq!(bare.backend.count(), 5);
    assert_eq!(bare.backend.last().body, ONE_RECORD);
    assert_eq!(bare.backend.last().headers["x-landfall-fault"], "forward-denied");
    assert_eq!(fault.injected(), 15, "three records of each forwarded request were written");
    let mut open = produce(&bare.topic("open"), "Bearer x");
    open.headers_mut().insert("x-landfall-fault", "forward-denied".parse().unwrap());
    assert_eq!(send(open).await.status, StatusCode::OK);
    assert!(!bare.backend.last().headers.contains_key("x-landfall-fault"), "a client cannot set it");
    assert_eq!(fault.injected(), 15);
}

#[tokio::test]
async fn forward_denied_counts_only_what_landed_and_shows_while_it_runs() {
    let fault = injector(FaultKind::ForwardDenied, Pace::Every(1));
    let bare = faulty(&fault).await;
    bare.backend.answer(500, &[], offsets(3));
    send(produce(&bare.topic("secret"), "Bearer x")).await;
    until("nothing is in flight", || bare.gateway.in_flight() == 0).await;
    assert_eq!((bare.backend.count(), fault.injected()), (1, 0), "the back end failed");

    // An invalid request does not get to the back end, denied or not.
    let bad = [("content-type", "application/vnd.kafka.json.v2+json"), ("authorization", "Bearer x")];
    assert_eq!(send(post(&bare.topic("secret"), &bad, "{}")).await.status, StatusCode::FORBIDDEN);
    until("nothing is in flight", || bare.gateway.in_flight() == 0).await;
    assert_eq!(bare.backend.count(), 1);

    bare.backend.answer(200, &[], offsets(2));
    bare.backend.hold();
    let reply = send(produce(&bare.topic("secret"), "Bearer x")).await;
    assert_eq!(reply.status, StatusCode::FORBIDDEN);
    until("the request reaches the back end", || bare.backend.count() == 2).await;
    assert_eq!((bare.gateway.in_flight(), fault.injected()), (1, 0));
    bare.backend.release();
    until("nothing is in flight", || bare.gateway.in_flight() == 0).await;
    assert_eq!(fault.injected(), 2);
}

#[tokio::test]
async fn admit_denied_lets_requests_pass() {
    let fault = injector(FaultKind::AdmitDenied, Pace::Every(3));
    let bare = faulty(&fault).await;
    let mut statuses = Vec::new();
    for _ in 0..6 {
        statuses.push(send(produce(&bare.topic("secret"), "Bearer x")).await.status.as_u16());
    }
    assert_eq!(statuses, [403, 403, 200, 403, 403, 200]);
    assert_eq!((bare.backend.count(), fault.injected()), (2, 2));
    assert_eq!(bare.backend.last().headers["x-landfall-fault"], "admit-denied");
    // One of which the back end writes nothing has not been admitted by the path.
    for (status, body) in [(422, "{}".to_owned()), (200, offsets(0)), (204, String::new())] {
        bare.backend.answer(status, &[], body);
        for expected in [403, 403, status] {
            assert_eq!(send(produce(&bare.topic("secret"), "Bearer x")).await.status.as_u16(), expected);
        }
    }
    assert_eq!(fault.injected(), 2);
}

#[tokio::test]
async fn a_request_whose_token_the_authorizer_refuses_is_denied_too() {
    let refused = r#"{"errorMessage":"Unauthorized","errorType":"Error"}"#;
    for (kind, statuses) in [(FaultKind::AdmitDenied, [401, 200]), (FaultKind::ForwardDenied, [401, 401])] {
        let fault = injector(kind, Pace::Every(2));
        let bare = faulty(&fault).await;
        bare.lambda.answer(200, &[("x-amz-function-error", "Unhandled")], refused.to_owned());
        for status in statuses {
            assert_eq!(send(produce(&bare.topic("secret"), "Bearer x")).await.status.as_u16(), status);
        }
        until("nothing is in flight", || bare.gateway.in_flight() == 0).await;
        assert_eq!((bare.backend.count(), fault.injected()), (1, 1), "{kind:?}");
    }
}

#[tokio::test]
async fn what_is_let_through_is_forwarded_otherwise_or_answered_otherwise() {
    let written = Some(V2_JSON);
    let cut = &ONE_RECORD[..ONE_RECORD.len() - 1];
    // What the back end answers; what it sees; what the client gets, and what is counted.
    for (kind, answer, (media_type, body), status, count) in [
        (FaultKind::DropHeader, 400, (None, ONE_RECORD), 400, 1),
        (FaultKind::DropHeader, 200, (None, ONE_RECORD), 200, 0),
        (FaultKind::TruncateBody, 400, (written, cut), 400, 1),
        (FaultKind::LateSuccess, 200, (written, ONE_RECORD), 504, 3),
        (FaultKind::LateSuccess, 422, (written, ONE_RECORD), 422, 0),
    ] {
        let fault = injector(kind, Pace::Every(2));
        let bare = faulty(&fault).await;
        bare.lambda.answer(200, &[], policy("Allow", "*"));
        bare.backend.answer(answer, &[], offsets(3));
        let sound = send(produce(&bare.topic("secret"), "Bearer x")).await;
        assert_eq!(
            (sound.status.as_u16(), bare.backend.last().body.as_ref()),
            (answer, ONE_RECORD.as_bytes())
        );
        assert!(!bare.backend.last().headers.contains_key("x-landfall-fault"));
        let struck = send(produce(&bare.topic("secret"), "Bearer x")).await;
        let seen = bare.backend.last();
        let content_type = seen.headers.get("content-type").map(|value| value.to_str().unwrap());
        assert_eq!((content_type, seen.body.as_ref()), (media_type, body.as_bytes()), "{kind:?}");
        assert_eq!(seen.headers["x-landfall-fault"], kind.name());
        assert_eq!((struck.status.as_u16(), fault.injected()), (status, count), "{kind:?}");
    }
}

#[tokio::test]
async fn a_flush_before_a_request_lets_it_ask_the_authorizer_again() {
    let fault = injector(FaultKind::FlushAuthorizers, Pace::Every(3));
    let bare = faulty(&fault).await;
    // The first of all asks; others only behind a flush, of whatever topic they are.
    for (topic, asked) in [
        ("secret", 1),
        ("secret", 1),
        ("open", 1),
        ("secret", 2),
        ("secret", 2),
        ("secret", 2),
        ("secret", 3),
    ] {
        let status = if topic == "open" { 200 } else { 403 };
        assert_eq!(send(produce(&bare.topic(topic), "Bearer x")).await.status, status);
        assert_eq!(bare.lambda.count(), asked);
    }
    assert_eq!((fault.injected(), bare.backend.count()), (2, 1));
    assert!(!bare.backend.last().headers.contains_key("x-landfall-fault"), "it befalls no request");
}

#[tokio::test]
async fn an_outage_of_the_idp_begins_with_the_load() {
    let outage = Fault::new(FaultKind::TokenOutage, Pace::Every(2));
    let outage = Arc::new(Injector::new(outage, 1));
    let idp = start_faulty_idp(0, Vec::new(), vec![outage.clone()]).await;
    let ask = async || {
        let form = [("content-type", "application/x-www-form-urlencoded")];
        send(post(&idp.token_endpoint(), &form, token_form("stranger"))).await.status.as_u16()
    };
    assert_eq!([ask().await, ask().await], [200, 200]);
    outage.start(Instant::now());
    assert_eq!([ask().await, ask().await, ask().await, ask().await], [200, 503, 200, 503]);
    assert_eq!(outage.injected(), 2);
}

/// A proxy that shows this fault, in front of a broker with one partition.
async fn faulty_proxy(fault: &Arc<Injector>) -> (Broker, Proxy) {
    let topics = vec![TopicConfig { name: "secret".into(), partitions: 1, configs: BTreeMap::new() }];
    let broker = Broker::start(BrokerConfig { topics, ..BrokerConfig::default() }).await.unwrap();
    let access = Access { bootstrap: broker.bootstrap(), ..Access::default() };
    let config = ProxyConfig { injectors: vec![fault.clone()], ..ProxyConfig::new(LOOPBACK, access) };
    let proxy = Proxy::start(config).await.unwrap();
    (broker, proxy)
}

/// A connection on which one record has been sent to the proxy.
async fn sent_to(proxy: &Proxy) -> TcpStream {
    let mut client = TcpStream::connect(proxy.address()).await.unwrap();
    let length = ONE_RECORD.len();
    let request = format!(
        "POST /topics/secret HTTP/1.1\r\nhost: h\r\ncontent-type: {V2_JSON}\r\ncontent-length: {length}\r\n\r\n{ONE_RECORD}"
    );
    client.write_all(request.as_bytes()).await.unwrap();
    client
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_is_reset_when_its_record_has_been_written() {
    let fault = injector(FaultKind::ResetAfterAppend, Pace::Every(1));
    let (broker, proxy) = faulty_proxy(&fault).await;
    let mut client = sent_to(&proxy).await;
    let ended = client.read(&mut [0]).await;
    assert_eq!(ended.map_err(|error| error.kind()), Err(ErrorKind::ConnectionReset));
    assert_eq!((broker.high_watermark("secret", 0), fault.injected()), (Some(1), 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_append_waits_until_its_client_has_gone_and_a_silent_one_does_not() {
    let fault = injector(FaultKind::NeverAnswer, Pace::Every(1));
    let (broker, proxy) = faulty_proxy(&fault).await;
    let client = sent_to(&proxy).await;
    until("the record is written", || broker.high_watermark("secret", 0) == Some(1)).await;
    until("nothing is in flight", || proxy.in_flight() == 0).await;
    assert_eq!(fault.injected(), 1);
    drop(client);

    let fault = injector(FaultKind::AppendLate, Pace::Every(1));
    let (broker, proxy) = faulty_proxy(&fault).await;
    let client = sent_to(&proxy).await;
    until("the request is in flight", || proxy.in_flight() > 0).await;
    assert_eq!(broker.high_watermark("secret", 0), Some(0));
    drop(client);
    until("nothing is in flight", || proxy.in_flight() == 0).await;
    assert_eq!((broker.high_watermark("secret", 0), fault.injected()), (Some(1), 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_one_box_s_fault_befell_meets_none_of_another() {
    for kind in [FaultKind::ForwardDenied, FaultKind::AdmitDenied] {
        let twice = injector(FaultKind::Duplicate, Pace::Every(1));
        let (broker, proxy) = faulty_proxy(&twice).await;
        let fault = injector(kind, Pace::Every(2));
        let bare = Bare::start(|config| {
            config.injectors = vec![fault.clone()];
            config.backend = proxy.address().into();
        })
        .await;
        bare.lambda.answer(200, &[], policy("Deny", "*"));
        for _ in 0..4 {
            send(produce(&bare.topic("secret"), "Bearer x")).await;
        }
        until("nothing is in flight", || bare.gateway.in_flight() == 0).await;
        assert_eq!((fault.injected(), twice.injected()), (2, 0), "{kind:?}");
        assert_eq!(broker.high_watermark("secret", 0), Some(2), "{kind:?}");
        // Others meet the proxy's fault as before.
        send(produce(&format!("http://{}/topics/secret", proxy.address()), "")).await;
        assert_eq!(twice.injected(), 1);
        assert_eq!(broker.high_watermark("secret", 0), Some(4));
    }
}

#[tokio::test]
async fn faults_of_other_boxes_do_nothing() {
    let fault = injector(FaultKind::DropAfterAck, Pace::Every(1));
    let bare = faulty(&fault).await;
    assert_eq!(send(produce(&bare.topic("secret"), "Bearer x")).await.status, StatusCode::FORBIDDEN);
    assert_eq!((bare.backend.count(), fault.injected()), (0, 0));
}
