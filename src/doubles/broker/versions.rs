//! Which requests the broker serves, in which versions, and the answer to `ApiVersions`.

use kafka_protocol::ResponseError;
use kafka_protocol::messages::api_versions_response::ApiVersion;
use kafka_protocol::messages::{ApiKey, ApiVersionsResponse};

/// A kind of request that is served.
#[derive(Debug, Clone, Copy)]
pub(super) struct Served {
    pub(super) api: ApiKey,
    pub(super) oldest: i16,
    pub(super) newest: i16,
    /// The oldest version that is told to clients.
    advertised: i16,
}

const fn serve(api: ApiKey, oldest: i16, newest: i16) -> Served {
    Served { api, oldest, newest, advertised: oldest }
}

/// Every request that is served.
///
/// Produce is told from version 0 on, as Kafka 4 does (KAFKA-18659): librdkafka compresses only where
/// version 0 is offered, though it never uses it.
pub(super) const SERVED: &[Served] = &[
    Served { api: ApiKey::Produce, oldest: 3, newest: 12, advertised: 0 },
    serve(ApiKey::Fetch, 4, 12),
    serve(ApiKey::ListOffsets, 1, 7),
    serve(ApiKey::Metadata, 0, 12),
    serve(ApiKey::OffsetCommit, 2, 9),
    serve(ApiKey::OffsetFetch, 1, 9),
    serve(ApiKey::FindCoordinator, 0, 4),
    serve(ApiKey::JoinGroup, 0, 8),
    serve(ApiKey::Heartbeat, 0, 4),
    serve(ApiKey::LeaveGroup, 0, 5),
    serve(ApiKey::SyncGroup, 0, 5),
    serve(ApiKey::DescribeGroups, 0, 6),
    serve(ApiKey::ListGroups, 0, 5),
    serve(ApiKey::SaslHandshake, 0, 1),
    serve(ApiKey::ApiVersions, 0, 4),
    serve(ApiKey::CreateTopics, 2, 7),
    serve(ApiKey::DeleteTopics, 1, 6),
    serve(ApiKey::InitProducerId, 0, 4),
    serve(ApiKey::OffsetForLeaderEpoch, 2, 4),
    serve(ApiKey::DescribeConfigs, 1, 4),
    serve(ApiKey::CreatePartitions, 0, 3),
    serve(ApiKey::SaslAuthenticate, 0, 2),
    serve(ApiKey::DeleteGroups, 0, 2),
    serve(ApiKey::DescribeCluster, 0, 1),
];

/// Whether a request of this kind and version is served.
pub(super) fn served(api: ApiKey, version: i16) -> bool {
    SERVED.iter().any(|served| served.api == api && (served.oldest..=served.newest).contains(&version))
}

/// What the broker serves.
pub(super) fn answer() -> ApiVersionsResponse {
    let keys = SERVED.iter().map(|served| {
        ApiVersion::default()
            .with_api_key(served.api as i16)
            .with_min_version(served.advertised)
            .with_max_version(served.newest)
    });
    ApiVersionsResponse::default().with_api_keys(keys.collect())
}

/// The answer to an `ApiVersions` request of an unknown version, which must be encoded in version 0: the
/// error, and the versions of `ApiVersions` to try again with (KIP-511).
pub(super) fn unsupported() -> ApiVersionsResponse {
    let mut answer = answer().with_error_code(ResponseError::UnsupportedVersion.code());
    answer.api_keys.retain(|key| key.api_key == ApiKey::ApiVersions as i16);
    answer
}
