//! What no client library for Rust can ask of Kafka: users by SCRAM (KIP-554), access control lists (KIP-140), and who
//! leads what. One connection, by SASL PLAIN over TLS, one request at a time.

use std::io;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use kafka_protocol::ResponseError;
use kafka_protocol::messages::alter_user_scram_credentials_request::ScramCredentialUpsertion;
use kafka_protocol::messages::create_acls_request::AclCreation;
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{
    AlterUserScramCredentialsRequest, CreateAclsRequest, MetadataRequest, MetadataResponse, RequestHeader,
    ResponseHeader, SaslAuthenticateRequest, SaslHandshakeRequest, TopicName,
};
use kafka_protocol::protocol::{Decodable as _, Encodable as _, HeaderVersion, Request, StrBytes};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::secret::Secret;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// The longest answer that is read, in bytes.
const LONGEST: usize = 16 * 1024 * 1024;
/// Rounds of the hash of a password, as Kafka's own tools have it by default.
const ITERATIONS: NonZeroU32 = NonZeroU32::new(4096).expect("it is not zero");
/// Length of a salt, in bytes.
const SALT: usize = 16;

/// What a principal may do with a resource, by its number in the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Read records, or be a member of a group.
    Read = 3,
    /// Write records.
    Write = 4,
    /// Make it.
    Create = 5,
    /// Know that it exists, and its partitions.
    Describe = 8,
    /// Know its settings.
    DescribeConfigs = 10,
}

/// To what access is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource<'a> {
    /// The topic of this very name.
    Topic(&'a str),
    /// Every topic whose name begins so.
    TopicsOf(&'a str),
    /// The consumer group of this very name.
    Group(&'a str),
}

impl Resource<'_> {
    /// The numbers of type and pattern in the protocol, and the name.
    fn parts(&self) -> (i8, i8, &str) {
        const TOPIC: i8 = 2;
        const GROUP: i8 = 3;
        const LITERAL: i8 = 3;
        const PREFIXED: i8 = 4;
        match self {
            Self::Topic(name) => (TOPIC, LITERAL, name),
            Self::TopicsOf(prefix) => (TOPIC, PREFIXED, prefix),
            Self::Group(name) => (GROUP, LITERAL, name),
        }
    }
}

/// The hash that a SCRAM user's password is kept by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScramHash {
    /// SCRAM-SHA-256.
    Sha256,
    /// SCRAM-SHA-512.
    Sha512,
}

/// Why Kafka did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// No connection, or one that ended.
    #[error("cannot talk to Kafka at {address}: {source}")]
    Connection {
        /// Where.
        address: SocketAddr,
        /// What happened.
        #[source]
        source: io::Error,
    },
    /// It does not accept who asks.
    #[error("Kafka at {address} refuses the user `{user}`: {reason}")]
    Authentication {
        /// Where.
        address: SocketAddr,
        /// Who.
        user: String,
        /// Why.
        reason: String,
    },
    /// An answer that is none.
    #[error("Kafka at {address} answers {what} with something that cannot be read")]
    Unreadable {
        /// Where.
        address: SocketAddr,
        /// What was asked.
        what: &'static str,
    },
    /// An error of its own.
    #[error("Kafka at {address} refuses to {what}: {reason}")]
    Refused {
        /// Where.
        address: SocketAddr,
        /// What it was to do.
        what: &'static str,
        /// What it says.
        reason: String,
    },
}

/// A connection to one broker, as a user who may administer the cluster.
pub struct Admin {
    stream: TlsStream<TcpStream>,
    address: SocketAddr,
    /// The number of the last request.
    number: i32,
}

impl Admin {
    /// Connects, and says who asks.
    ///
    /// # Errors
    /// [`AdminError`], as it says.
    pub async fn connect(
        address: SocketAddr,
        name: ServerName<'static>,
        tls: Arc<ClientConfig>,
        (user, password): (&str, &Secret),
    ) -> Result<Self, AdminError> {
        let failed = |source| AdminError::Connection { address, source };
        let connecting = async {
            let stream = TcpStream::connect(address).await?;
            TlsConnector::from(tls).connect(name, stream).await
        };
        let stream = patiently(connecting).await.map_err(failed)?;
        let mut admin = Self { stream, address, number: 0 };
        let handshake = SaslHandshakeRequest::default().with_mechanism(text("PLAIN"));
        let answer = admin.ask(1, &handshake, "a SASL handshake").await?;
        admin.accepted(user, answer.error_code, None)?;
        let token = format!("\0{user}\0{}", password.expose());
        let authenticate = SaslAuthenticateRequest::default().with_auth_bytes(Bytes::from(token));
        let answer = admin.ask(1, &authenticate, "credentials").await?;
        admin.accepted(user, answer.error_code, answer.error_message.as_deref())?;
        Ok(admin)
    }

    fn accepted(&self, user: &str, code: i16, message: Option<&str>) -> Result<(), AdminError> {
        let Some(reason) = reason(code, message) else { return Ok(()) };
        Err(AdminError::Authentication { address: self.address, user: user.to_owned(), reason })
    }

    fn done(&self, what: &'static str, code: i16, message: Option<&str>) -> Result<(), AdminError> {
        let Some(reason) = reason(code, message) else { return Ok(()) };
        Err(AdminError::Refused { address: self.address, what, reason })
    }

    /// How many brokers the cluster has at the moment.
    ///
    /// # Errors
    /// [`AdminError`], as it says.
    pub async fn brokers(&mut self) -> Result<usize, AdminError> {
        // No topics: nothing but the cluster.
        let answer = self.metadata(Some(Vec::new())).await?;
        Ok(answer.brokers.len())
    }

    /// The brokers that lead the topic's partitions, by their numbers; -1 where none does.
    ///
    /// # Errors
    /// [`AdminError`], as it says.
    pub async fn leaders(&mut self, topic: &str) -> Result<Vec<i32>, AdminError> {
        let name = Some(TopicName(text(topic)));
        let asked = MetadataRequestTopic::default().with_name(name);
        let answer = self.metadata(Some(vec![asked])).await?;
        let mut leaders = Vec::new();
        for topic in answer.topics {
            self.done("tell who leads a topic", topic.error_code, None)?;
            let mut partitions = topic.partitions;
            partitions.sort_by_key(|partition| partition.partition_index);
            leaders.extend(partitions.iter().map(|partition| partition.leader_id.0));
        }
        Ok(leaders)
    }

    async fn metadata(
        &mut self,
        topics: Option<Vec<MetadataRequestTopic>>,
    ) -> Result<MetadataResponse, AdminError> {
        let request = MetadataRequest::default().with_topics(topics).with_allow_auto_topic_creation(false);
        self.ask(9, &request, "a request for metadata").await
    }

    /// Makes a user who is known by SCRAM, or gives one another password. `salt` must be random.
    ///
    /// # Errors
    /// [`AdminError`], as it says.
    pub async fn scram_user(
        &mut self,
        user: &str,
        hash: ScramHash,
        password: &Secret,
        salt: [u8; SALT],
    ) -> Result<(), AdminError> {
        let (mechanism, salted) = salted(hash, password, &salt);
        let upsertion = ScramCredentialUpsertion::default()
            .with_name(text(user))
            .with_mechanism(mechanism)
            .with_iterations(i32::try_from(ITERATIONS.get()).unwrap_or(i32::MAX))
            .with_salt(Bytes::copy_from_slice(&salt))
            .with_salted_password(Bytes::from(salted));
        let request = AlterUserScramCredentialsRequest::default().with_upsertions(vec![upsertion]);
        let answer = self.ask(0, &request, "a request for a user").await?;
        for result in answer.results {
            self.done("make a user", result.error_code, result.error_message.as_deref())?;
        }
        Ok(())
    }

    /// Lets `user` do `operations` with each of `resources`, from anywhere.
    ///
    /// # Errors
    /// [`AdminError`], as it says.
    pub async fn allow(
        &mut self,
        user: &str,
        resources: &[Resource<'_>],
        operations: &[Operation],
    ) -> Result<(), AdminError> {
        const ALLOW: i8 = 3;
        let creation = |resource: &Resource<'_>, operation: Operation| {
            let (kind, pattern, name) = resource.parts();
            AclCreation::default()
                .with_resource_type(kind)
                .with_resource_name(text(name))
                .with_resource_pattern_type(pattern)
                .with_principal(text(&format!("User:{user}")))
                .with_host(text("*"))
                .with_operation(operation as i8)
                .with_permission_type(ALLOW)
        };
        let creations = resources
            .iter()
            .flat_map(|resource| operations.iter().map(|operation| creation(resource, *operation)))
            .collect();
        let request = CreateAclsRequest::default().with_creations(creations);
        let answer = self.ask(2, &request, "a request for access").await?;
        for result in answer.results {
            self.done("give access", result.error_code, result.error_message.as_deref())?;
        }
        Ok(())
    }

    async fn ask<R: Request>(
        &mut self,
        version: i16,
        request: &R,
        what: &'static str,
    ) -> Result<R::Response, AdminError> {
        let unreadable = || AdminError::Unreadable { address: self.address, what };
        self.number = self.number.wrapping_add(1);
        let header = RequestHeader::default()
            .with_request_api_key(R::KEY)
            .with_request_api_version(version)
            .with_correlation_id(self.number)
            .with_client_id(Some(text("landfall-admin")));
        let mut message = BytesMut::new();
        header.encode(&mut message, R::header_version(version)).map_err(|_| unreadable())?;
        request.encode(&mut message, version).map_err(|_| unreadable())?;
        let length = u32::try_from(message.len()).map_err(|_| unreadable())?;
        let stream = &mut self.stream;
        let exchange = async {
            stream.write_all(&length.to_be_bytes()).await?;
            stream.write_all(&message).await?;
            stream.flush().await?;
            let length = stream.read_u32().await? as usize;
            if length > LONGEST {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "the answer is too long"));
            }
            let mut answer = vec![0; length];
            stream.read_exact(&mut answer).await?;
            Ok(answer)
        };
        let address = self.address;
        let answer = patiently(exchange).await;
        let mut answer = Bytes::from(answer.map_err(|source| AdminError::Connection { address, source })?);
        ResponseHeader::decode(&mut answer, R::Response::header_version(version))
            .and_then(|_| R::Response::decode(&mut answer, version))
            .map_err(|_| AdminError::Unreadable { address, what })
    }
}

impl std::fmt::Debug for Admin {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Admin").field("address", &self.address).finish_non_exhaustive()
    }
}

fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

/// What an error code says; `None` for none.
fn reason(code: i16, message: Option<&str>) -> Option<String> {
    let error = ResponseError::try_from_code(code)?;
    Some(match message.filter(|message| !message.is_empty()) {
        Some(message) => format!("{error:?}: {message}"),
        None => format!("{error:?}"),
    })
}

async fn patiently<T>(task: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    tokio::time::timeout(PATIENCE, task).await.unwrap_or_else(|_| {
        let message = format!("no answer within {} s", PATIENCE.as_secs());
        Err(io::Error::new(io::ErrorKind::TimedOut, message))
    })
}

/// The number of the mechanism, and the salted password (RFC 5802, section 3: `Hi`).
fn salted(hash: ScramHash, password: &Secret, salt: &[u8]) -> (i8, Vec<u8>) {
    use aws_lc_rs::pbkdf2;
    let (mechanism, algorithm, length) = match hash {
        ScramHash::Sha256 => (1, pbkdf2::PBKDF2_HMAC_SHA256, 32),
        ScramHash::Sha512 => (2, pbkdf2::PBKDF2_HMAC_SHA512, 64),
    };
    let mut out = vec![0; length];
    pbkdf2::derive(algorithm, ITERATIONS, salt, password.expose().as_bytes(), &mut out);
    (mechanism, out)
}
