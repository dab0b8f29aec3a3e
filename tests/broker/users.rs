//! Who may use the broker: SASL, as librdkafka speaks it.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use landfall::doubles::broker::{Broker, BrokerConfig, Credentials};
use landfall::secret::Secret;
use rdkafka::client::ClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::{DEADLINE, client, send_one_batch, topic};

/// Brokers that know one user, and a topic.
pub(crate) async fn start_with_sasl() -> Broker {
    let sasl = Credentials { username: "landfall".to_owned(), password: Secret::new("hunter2") };
    let config =
        BrokerConfig { topics: vec![topic("t", 1, &[])], sasl: Some(sasl), ..BrokerConfig::default() };
    Broker::start(config).await.unwrap()
}

/// Keeps what a client is told beside its answers.
#[derive(Debug, Default)]
struct Told(Mutex<Vec<(Option<RDKafkaErrorCode>, String)>>);

impl ClientContext for Told {
    fn error(&self, error: KafkaError, reason: &str) {
        self.0.lock().unwrap().push((error.rdkafka_error_code(), reason.to_owned()));
    }
}

impl ConsumerContext for Told {}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_is_known_is_served_and_others_are_told_why_not() {
    let broker = start_with_sasl().await;
    let known = [
        ("security.protocol", "sasl_plaintext"),
        ("sasl.mechanism", "PLAIN"),
        ("sasl.username", "landfall"),
        ("sasl.password", "hunter2"),
    ];
    send_one_batch(&broker, "t", 3, &known);
    assert_eq!(broker.high_watermark("t", 0), Some(3));
    let other = client(&broker, &known)
        .set("sasl.password", "hunter3")
        .set("group.id", "reader")
        .create_with_context::<_, BaseConsumer<Told>>(Told::default())
        .unwrap();
    let begun = Instant::now();
    let wanted = |(code, reason): &(Option<RDKafkaErrorCode>, String)| {
        *code == Some(RDKafkaErrorCode::Authentication) && reason.contains("Invalid username or password")
    };
    while !other.context().0.lock().unwrap().iter().any(wanted) {
        assert!(begun.elapsed() < DEADLINE, "{:?}", other.context());
        let _ = other.poll(Duration::from_millis(50));
    }
}
