//! Attaching to boxes that run already: are they there, and do they fit the scenario?

use std::net::SocketAddr;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::RDKafkaErrorCode;
use tokio::net::TcpStream;

use super::{KafkaAccess, StackError};
use crate::scenario::TopicSpec;

/// How long a box has to answer at all.
const REACH: Duration = Duration::from_secs(10);

/// Makes sure that something accepts connections at a proxy's URL.
pub(super) async fn reach_proxy(url: &str) -> Result<(), StackError> {
    let unreachable = |reason: String| StackError::ProxyUnreachable { url: url.to_owned(), reason };
    let address = resolve(url).await?;
    match tokio::time::timeout(REACH, TcpStream::connect(address)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(unreachable(error.to_string())),
        Err(_) => Err(unreachable(format!("no connection within {} s", REACH.as_secs()))),
    }
}

/// The address behind which the embedded gateway's integration finds the proxy or balancer at `url`.
pub(super) async fn backend_of(url: &str) -> Result<SocketAddr, StackError> {
    let path = url.split_once("://").and_then(|(_, rest)| rest.split_once('/')).map_or("", |(_, path)| path);
    if !path.is_empty() {
        return Err(StackError::ProxyPath { url: url.to_owned() });
    }
    resolve(url).await
}

/// The first address of a URL's host. That load may go there, the scenario's reader has checked.
async fn resolve(url: &str) -> Result<SocketAddr, StackError> {
    let unreachable = |reason: String| StackError::ProxyUnreachable { url: url.to_owned(), reason };
    let uri: hyper::Uri = url.parse().map_err(|_| unreachable("this is no URL".into()))?;
    let authority = uri.authority().ok_or_else(|| unreachable("it names no host".into()))?;
    let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
    let port = authority.port_u16().unwrap_or(80);
    let mut addresses =
        tokio::net::lookup_host((host, port)).await.map_err(|error| unreachable(error.to_string()))?;
    addresses.next().ok_or_else(|| unreachable("its host has no address".into()))
}

/// Makes sure that Kafka answers and has the topics, creating those that are missing where asked.
pub(super) async fn prepare_topics(
    access: &KafkaAccess,
    topics: &[TopicSpec],
    create: bool,
) -> Result<(), StackError> {
    for topic in topics {
        let found = look_up(access, &topic.name).await?;
        match found {
            Lookup::Partitions(found) if usize::try_from(topic.partitions) == Ok(found) => {}
            // The reader will say that it may not be read.
            Lookup::Forbidden => {}
            Lookup::Partitions(found) => {
                return Err(StackError::Partitions {
                    bootstrap: access.bootstrap.clone(),
                    topic: topic.name.clone(),
                    found,
                    expected: topic.partitions,
                });
            }
            Lookup::Missing if create => create_topic(access, topic).await?,
            Lookup::Missing => {
                return Err(StackError::CreateTopic {
                    bootstrap: access.bootstrap.clone(),
                    topic: topic.name.clone(),
                    reason: "it does not exist, and `kafka.create_topics` is not set".into(),
                });
            }
        }
    }
    Ok(())
}

fn client_config(access: &KafkaAccess) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", &access.bootstrap)
        .set("client.id", "landfall-admin")
        .set_log_level(RDKafkaLogLevel::Critical);
    for (name, value) in &access.properties {
        config.set(name, value.expose());
    }
    config
}

/// What Kafka says of a topic.
enum Lookup {
    Missing,
    Partitions(usize),
    Forbidden,
}

async fn look_up(access: &KafkaAccess, topic: &str) -> Result<Lookup, StackError> {
    let unreachable =
        |reason: String| StackError::KafkaUnreachable { bootstrap: access.bootstrap.clone(), reason };
    let config = client_config(access);
    let name = topic.to_owned();
    let asked = tokio::task::spawn_blocking(move || {
        let client: BaseConsumer = config.create().map_err(|error| error.to_string())?;
        let metadata = client.fetch_metadata(Some(&name), REACH).map_err(|error| error.to_string())?;
        let found = metadata.topics().iter().find(|found| found.name() == name);
        Ok::<_, String>(
            found.map(|found| (found.error().map(RDKafkaErrorCode::from), found.partitions().len())),
        )
    });
    let answer = asked.await.map_err(|error| unreachable(error.to_string()))?.map_err(&unreachable)?;
    match answer {
        None
        | Some((Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic), _)) => {
            Ok(Lookup::Missing)
        }
        Some((None, count)) => Ok(Lookup::Partitions(count)),
        Some((Some(RDKafkaErrorCode::TopicAuthorizationFailed), _)) => Ok(Lookup::Forbidden),
        Some((Some(code), _)) => Err(unreachable(code.to_string())),
    }
}

async fn create_topic(access: &KafkaAccess, topic: &TopicSpec) -> Result<(), StackError> {
    let failed = |reason: String| StackError::CreateTopic {
        bootstrap: access.bootstrap.clone(),
        topic: topic.name.clone(),
        reason,
    };
    let admin: AdminClient<DefaultClientContext> =
        client_config(access).create().map_err(|error| failed(error.to_string()))?;
    // Replication -1: as the cluster's own default says (KIP-464).
    let new = NewTopic::new(&topic.name, topic.partitions, TopicReplication::Fixed(-1));
    let options = AdminOptions::new().operation_timeout(Some(REACH)).request_timeout(Some(REACH));
    let results = admin.create_topics([&new], &options).await.map_err(|error| failed(error.to_string()))?;
    match results.into_iter().next() {
        Some(Err((_, code))) => Err(failed(code.to_string())),
        _ => Ok(()),
    }
}
