//! Why a record could not be written, with the codes that each version of the API gives for it.

use std::time::Duration;

use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

use super::request::ProduceRecord;
use super::size::batch_size;
use crate::scenario::ProxyRelease;

/// Java's `max.request.size`.
pub(super) const MAX_REQUEST_SIZE: usize = 1_048_576;
/// Records are looked at more closely from this size on: topics that take less are hardly of use.
pub(super) const OVERSIZED: usize = 512;

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

    /// What a release takes it for.
    pub(super) fn in_v3_of(self, release: ProxyRelease) -> Self {
        match self {
            Self::InvalidTopic | Self::TooLarge if release.is_6_2() => Self::Rejected,
            Self::NotInMetadata if release.is_6_2() => Self::Retriable,
            other => other,
        }
    }
}

/// What is known around a record that failed.
pub(super) struct Around<'a> {
    pub(super) topic: &'a str,
    pub(super) partition: Option<i32>,
    pub(super) record: &'a ProduceRecord,
    /// Its place in the request.
    pub(super) index: usize,
    pub(super) release: ProxyRelease,
    /// Partitions of the topic, if the client knows it.
    pub(super) partitions: Option<usize>,
    pub(super) max_block: Duration,
    pub(super) delivery_timeout: Duration,
}

impl Failure {
    /// A record that Java's client does not send, since a request with it alone would be too large.
    pub(super) fn larger_than_requests(size: usize) -> Self {
        let message = format!(
            "The message is {size} bytes when serialized which is larger than {MAX_REQUEST_SIZE}, \
             which is the value of the max.request.size configuration."
        );
        Self { kind: FailureKind::TooLarge, message }
    }

    /// A record of a batch for a compacted topic's partition, `place`, of which the record at `keyless` has no key.
    pub(super) fn in_compacted(
        release: ProxyRelease,
        place: &str,
        keyless: usize,
        is_at_fault: bool,
    ) -> Self {
        let at_fault =
            format!("Compacted topic cannot accept message without key in topic partition {place}");
        let message = if release.is_6_2() {
            format!(
                "One or more records have been rejected due to 1 record errors in total, and only showing the first \
                 three errors at most: [RecordError(batchIndex={keyless}, message='{at_fault}')]"
            )
        } else if is_at_fault {
            at_fault
        } else {
            "Failed to append record because it was part of a batch which had one more more invalid records"
                .into()
        };
        Self { kind: FailureKind::Rejected, message }
    }

    /// A record of a batch of `records` that was not written in time.
    pub(super) fn expired(records: usize, topic: &str, partition: i32, timeout: Duration) -> Self {
        let message = format!(
            "Expiring {records} record(s) for {topic}-{partition}:{} ms has passed since batch creation",
            timeout.as_millis()
        );
        Self { kind: FailureKind::Retriable, message }
    }

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
                    (Some(count), Some(partition)) if count > 0 && !around.release.is_6_2() => format!(
                        "Partition {partition} of topic {topic} with partition count {count} is not present in metadata after {block} ms."
                    ),
                    _ => format!("Topic {topic} not present in metadata after {block} ms."),
                },
            ),
            Code::MessageTimedOut => {
                return Self::expired(1, topic, partition.unwrap_or(0), around.delivery_timeout);
            }
            Code::InvalidRecord => {
                let place = format!("{topic}-{}", partition.unwrap_or(0));
                return Self::in_compacted(around.release, &place, around.index, record.key.is_none());
            }
            Code::TopicAuthorizationFailed => {
                (FailureKind::NotAuthorized, format!("Not authorized to access topics: [{topic}]"))
            }
            Code::Authentication | Code::SaslAuthenticationFailed => {
                (FailureKind::NotAuthenticated, "Authentication failed".into())
            }
            Code::InvalidTimestamp | Code::InvalidMessage | Code::PolicyViolation => {
                (FailureKind::Rejected, error.to_string())
            }
            _ => (FailureKind::Retriable, error.to_string()),
        };
        Self { kind, message }
    }
}

/// Whose limit the record is beyond, the client's own or the broker's.
fn too_large(record: &ProduceRecord) -> String {
    let size = batch_size(record);
    if size > MAX_REQUEST_SIZE {
        Failure::larger_than_requests(size).message
    } else {
        "The request included a message larger than the max message size the server will accept.".into()
    }
}
