//! Why a record could not be written, with the codes that each version of the API gives for it.

use std::time::Duration;

use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

use super::request::ProduceRecord;

/// Java's `max.request.size`.
pub(super) const MAX_REQUEST_SIZE: usize = 1_048_576;

/// A record that was not written, as far as anybody knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) kind: FailureKind,
    pub(super) message: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FailureKind {
    InvalidTopic,
    TooLarge,
    /// The topic or partition is not known, and was waited for.
    NotInMetadata,
    NotAuthorized,
    NotAuthenticated,
    /// Kafka refused it for good.
    Rejected,
    /// It may be tried again, and may have been written all the same.
    Retriable,
}

impl FailureKind {
    /// The code of an item of v2.
    pub(super) fn v2_code(self) -> i64 {
        match self {
            Self::InvalidTopic | Self::TooLarge | Self::Rejected => 50002,
            Self::NotInMetadata | Self::Retriable => 50003,
            Self::NotAuthorized => 40301,
            Self::NotAuthenticated => 40101,
        }
    }

    /// The code of a receipt of v3.
    pub(super) fn v3_code(self) -> i64 {
        match self {
            Self::InvalidTopic => 40002,
            Self::TooLarge => 413,
            Self::NotInMetadata => 40401,
            Self::Rejected | Self::Retriable | Self::NotAuthorized | Self::NotAuthenticated => self.v2_code(),
        }
    }
}

/// What is known around a record that failed.
pub(super) struct Around<'a> {
    pub(super) topic: &'a str,
    pub(super) partition: Option<i32>,
    pub(super) record: &'a ProduceRecord,
    /// Partitions of the topic, if the client knows it.
    pub(super) partitions: Option<usize>,
    pub(super) max_block: Duration,
    pub(super) delivery_timeout: Duration,
}

impl Failure {
    /// The words that the real proxy has for it.
    pub(super) fn of(error: &KafkaError, around: &Around<'_>) -> Self {
        let Around { topic, partition, record, partitions, .. } = *around;
        let block = around.max_block.as_millis();
        let code = match error {
            KafkaError::MessageProduction(code) => *code,
            other => return Self { kind: FailureKind::Retriable, message: other.to_string() },
        };
        let (kind, message) = match code {
            Code::InvalidTopic => (FailureKind::InvalidTopic, format!("Invalid topics: [{topic}]")),
            Code::MessageSizeTooLarge => (FailureKind::TooLarge, too_large(record)),
            Code::UnknownTopic | Code::UnknownTopicOrPartition | Code::UnknownPartition => (
                FailureKind::NotInMetadata,
                match (partitions, partition) {
                    (Some(count), Some(partition)) if count > 0 => format!(
                        "Partition {partition} of topic {topic} with partition count {count} is not present in metadata after {block} ms."
                    ),
                    _ => format!("Topic {topic} not present in metadata after {block} ms."),
                },
            ),
            Code::MessageTimedOut => {
                let timeout = around.delivery_timeout.as_millis();
                let place =
                    partition.map_or_else(|| topic.to_owned(), |partition| format!("{topic}-{partition}"));
                let message =
                    format!("Expiring 1 record(s) for {place}:{timeout} ms has passed since batch creation");
                (FailureKind::Retriable, message)
            }
            Code::TopicAuthorizationFailed => {
                (FailureKind::NotAuthorized, format!("Not authorized to access topics: [{topic}]"))
            }
            Code::Authentication | Code::SaslAuthenticationFailed => {
                (FailureKind::NotAuthenticated, "Authentication failed".into())
            }
            Code::InvalidRecord | Code::InvalidTimestamp | Code::InvalidMessage | Code::PolicyViolation => {
                (FailureKind::Rejected, error.to_string())
            }
            _ => (FailureKind::Retriable, error.to_string()),
        };
        Self { kind, message }
    }
}

/// Whose limit the record is beyond, the client's own or the broker's.
fn too_large(record: &ProduceRecord) -> String {
    // What the record would take on the wire in Java's estimate: both parts and their overhead.
    let size = record.key.as_ref().map_or(0, Vec::len) + record.value.as_ref().map_or(0, Vec::len) + 87;
    if size > MAX_REQUEST_SIZE {
        format!(
            "The message is {size} bytes when serialized which is larger than {MAX_REQUEST_SIZE}, \
             which is the value of the max.request.size configuration."
        )
    } else {
        "The request included a message larger than the max message size the server will accept.".into()
    }
}
