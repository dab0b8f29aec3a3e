//! Attaching to boxes that run already: are they there, do they fit the scenario, may load go there?

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::Consumer as _;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;

use super::StackError;
use super::created::Created;
use crate::doubles::gateway::Backend;
use crate::kafka::{Access, NoAnswer, ask, describe, is_configuration};
use crate::scenario::{Scenario, TlsSettings, TopicSpec, host_is_allowed};
use crate::tls::{client_config, server_name};

/// How long a box has to answer at all.
const REACH: Duration = Duration::from_secs(10);
/// How often a new topic is looked for.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Makes sure that something accepts connections at a proxy's URL, and tells at which of its addresses. That
/// load may go there by its name, the scenario's reader has checked.
pub(super) async fn reach_proxy(url: &str) -> Result<SocketAddr, StackError> {
    let unreachable = |reason: String| StackError::ProxyUnreachable { url: url.to_owned(), reason };
    let authority = authority_of(url).ok_or_else(|| unreachable("it names no host".into()))?;
    let connected = tokio::time::timeout(REACH, TcpStream::connect(authority.as_str())).await;
    match connected {
        Ok(Ok(stream)) => stream.peer_addr().map_err(|error| unreachable(error.to_string())),
        Ok(Err(error)) => Err(unreachable(error.to_string())),
        Err(_) => Err(unreachable(format!("no connection within {} s", REACH.as_secs()))),
    }
}

/// Those addresses of the host that a URL names at which something accepts connections.
pub(super) async fn reached_at(url: &str) -> Vec<SocketAddr> {
    let Some(authority) = authority_of(url) else { return Vec::new() };
    let mut reached = Vec::new();
    for address in tokio::net::lookup_host(authority.as_str()).await.into_iter().flatten() {
        if matches!(tokio::time::timeout(REACH, TcpStream::connect(address)).await, Ok(Ok(_))) {
            reached.push(address);
        }
    }
    reached.sort_unstable();
    reached.dedup();
    reached
}

/// The server at `url`, with TLS where it asks for that.
pub(super) async fn backend(url: &str, tls: &TlsSettings) -> Result<Backend, StackError> {
    let address = reach_proxy(url).await?;
    Ok(match trust(url, tls)? {
        Some((tls, name)) => Backend::Secured { address, tls: Arc::new(tls), name },
        None => Backend::Address(address),
    })
}

/// Who is trusted at `url`, and under which name; `None` where no TLS is spoken there.
pub(super) fn trust(
    url: &str,
    tls: &TlsSettings,
) -> Result<Option<(ClientConfig, ServerName<'static>)>, StackError> {
    let uri: hyper::Uri = url.parse().unwrap_or_default();
    if uri.scheme_str() != Some("https") {
        return Ok(None);
    }
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let untrusted = |source| StackError::Untrusted { url: url.to_owned(), source };
    let name = server_name(tls.server_name.as_deref().unwrap_or(host)).map_err(untrusted)?;
    let config = client_config(tls.ca.as_deref(), &[b"http/1.1"]).map_err(untrusted)?;
    Ok(Some((config, name)))
}

/// Host and port of a URL, the port written out.
pub(super) fn authority_of(url: &str) -> Option<String> {
    let uri: hyper::Uri = url.parse().ok()?;
    let authority = uri.authority()?;
    Some(match authority.port_u16() {
        Some(_) => authority.to_string(),
        None if uri.scheme_str() == Some("https") => format!("{authority}:443"),
        None => format!("{authority}:80"),
    })
}

/// Makes sure that the embedded gateway's integration can have this URL: its paths are the proxy's own.
pub(super) fn has_no_path(url: &str) -> Result<(), StackError> {
    match url.parse::<hyper::Uri>() {
        Ok(uri) if uri.path() != "/" => Err(StackError::ProxyPath { url: url.to_owned() }),
        _ => Ok(()),
    }
}

/// Makes sure that Kafka answers and has the scenario's topics, creating those that are missing where asked;
/// and, where a proxy that landfall starts will write to it, that load may go to each of its brokers. Gives their hosts.
pub(super) async fn prepare_kafka(
    access: &Access,
    scenario: &Scenario,
    (create, created): (bool, &mut Created),
    writes: bool,
) -> Result<Vec<String>, StackError> {
    let mut hosts = Vec::new();
    for topic in &scenario.topics {
        let Found { brokers, lookup } = look_up(access, &topic.name).await?;
        if writes
            && let Some(host) = brokers.iter().find(|host| !host_is_allowed(host, &scenario.allow_hosts))
        {
            let (bootstrap, host) = (access.bootstrap.clone(), host.clone());
            return Err(StackError::BrokerForbidden { bootstrap, host });
        }
        hosts.extend(brokers);
        match lookup {
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
            Lookup::Missing if create => create_topic(access, topic, created).await?,
            Lookup::Missing => {
                return Err(StackError::CreateTopic {
                    bootstrap: access.bootstrap.clone(),
                    topic: topic.name.clone(),
                    reason: "it does not exist, and `kafka.create_topics` is not set".into(),
                });
            }
        }
    }
    hosts.sort();
    hosts.dedup();
    Ok(hosts)
}

/// Makes sure that a topic is there that runs have in common. It stays: another run may be writing to it. Gives its partitions, and
/// whether this run has made it.
pub(super) async fn common_topic(access: &Access, topic: &TopicSpec) -> Result<(i32, bool), StackError> {
    let partitions = |found| i32::try_from(found).unwrap_or(i32::MAX);
    if let Lookup::Partitions(found) = look_up(access, &topic.name).await?.lookup {
        return Ok((partitions(found), false));
    }
    match create_topic(access, topic, &mut Created::default()).await {
        Ok(()) => Ok((topic.partitions, true)),
        // Another run may have made it in between.
        Err(error) => match look_up(access, &topic.name).await?.lookup {
            Lookup::Partitions(found) => Ok((partitions(found), false)),
            Lookup::Missing | Lookup::Forbidden => Err(error),
        },
    }
}

/// What Kafka says of a topic.
enum Lookup {
    Missing,
    /// It has so many partitions, each with a leader.
    Partitions(usize),
    Forbidden,
}

struct Found {
    /// The hosts that the cluster's brokers want to be reached at.
    brokers: Vec<String>,
    lookup: Lookup,
}

/// An error at the cluster, or of the properties.
fn failed(access: &Access, failed: &NoAnswer) -> StackError {
    if is_configuration(&failed.error) {
        StackError::KafkaProperties { reason: describe(&failed.error) }
    } else {
        StackError::KafkaUnreachable { bootstrap: access.bootstrap.clone(), reason: failed.to_string() }
    }
}

async fn look_up(access: &Access, topic: &str) -> Result<Found, StackError> {
    let asking = access.clone();
    let name = topic.to_owned();
    let asked = tokio::task::spawn_blocking(move || -> Result<Found, NoAnswer> {
        let client = asking.asker("landfall-admin", &[])?;
        let metadata =
            ask(&asking, &client, REACH, |client, within| client.fetch_metadata(Some(&name), within))?;
        let brokers = metadata.brokers().iter().map(|broker| broker.host().to_owned()).collect();
        let found = metadata.topics().iter().find(|found| found.name() == name);
        let lookup = match found.map(|found| (found.error().map(Code::from), found.partitions())) {
            None | Some((Some(Code::UnknownTopicOrPartition | Code::UnknownTopic), _)) => Lookup::Missing,
            Some((None, partitions)) if partitions.iter().all(|partition| partition.leader() >= 0) => {
                Lookup::Partitions(partitions.len())
            }
            Some((Some(Code::TopicAuthorizationFailed), _)) => Lookup::Forbidden,
            Some((None, _)) => return Err(KafkaError::MetadataFetch(Code::LeaderNotAvailable).into()),
            Some((Some(code), _)) => return Err(KafkaError::MetadataFetch(code).into()),
        };
        Ok(Found { brokers, lookup })
    });
    match asked.await {
        Ok(found) => found.map_err(|error| failed(access, &error)),
        Err(error) => Err(StackError::KafkaUnreachable {
            bootstrap: access.bootstrap.clone(),
            reason: error.to_string(),
        }),
    }
}

/// Creates a topic, and waits until every partition of it has a leader.
pub(super) async fn create_topic(
    access: &Access,
    topic: &TopicSpec,
    created: &mut Created,
) -> Result<(), StackError> {
    let refused = |reason: String| StackError::CreateTopic {
        bootstrap: access.bootstrap.clone(),
        topic: topic.name.clone(),
        reason,
    };
    let admin: AdminClient<DefaultClientContext> = access
        .client("landfall-admin", &[])
        .create()
        .map_err(|error: KafkaError| failed(access, &error.into()))?;
    // Replication -1: as the cluster's own default says (KIP-464).
    let configs = topic.configs();
    let new = NewTopic::new(&topic.name, topic.partitions, TopicReplication::Fixed(-1));
    let new = configs.iter().fold(new, |new, (name, value)| new.set(name, value));
    let options = AdminOptions::new().operation_timeout(Some(REACH)).request_timeout(Some(REACH));
    let results = admin.create_topics([&new], &options).await.map_err(|error| refused(describe(&error)))?;
    if let Some(Err((_, code))) = results.into_iter().next() {
        return Err(refused(code.to_string()));
    }
    created.add(&topic.name, topic.partitions);
    let deadline = Instant::now() + REACH;
    while !matches!(look_up(access, &topic.name).await, Ok(Found { lookup: Lookup::Partitions(_), .. })) {
        if Instant::now() >= deadline {
            return Err(refused("it was created, but has no leaders yet; run again in a moment".into()));
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_of_a_name_counts_where_somebody_is() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        // Where `localhost` has an address of IPv6, too, nobody is there.
        let url = format!("http://localhost:{}", address.port());
        assert_eq!(reached_at(&url).await, [address]);
        drop(listener);
        assert_eq!(reached_at(&url).await, []);
        assert_eq!(reached_at("http://").await, []);
    }
}
