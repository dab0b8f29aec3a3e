//! From a request's bytes to its answer's: header, version, decoding, the family's file, encoding.

use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::messages::{
    ApiKey, CreatePartitionsRequest, CreateTopicsRequest, DeleteGroupsRequest, DeleteTopicsRequest,
    DescribeClusterRequest, DescribeConfigsRequest, DescribeGroupsRequest, FetchRequest,
    FindCoordinatorRequest, HeartbeatRequest, InitProducerIdRequest, JoinGroupRequest, LeaveGroupRequest,
    ListGroupsRequest, ListOffsetsRequest, MetadataRequest, OffsetCommitRequest, OffsetFetchRequest,
    OffsetForLeaderEpochRequest, ProduceRequest, RequestHeader, SaslAuthenticateRequest,
    SaslHandshakeRequest, SyncGroupRequest,
};
use kafka_protocol::protocol::{Decodable, Encodable, decode_request_header_from_buffer};

use super::asked::{Asked, Unanswerable, now_ms};
use super::frames::Pieces;
use super::sasl::Session;
use super::{
    admin, coordinator, describe, epochs, fetch, groups, metadata, offsets, produce, shape, versions,
};

/// Answers one request, given without its length; `None` where the request wants no answer.
///
/// # Errors
/// [`Unanswerable`]: the connection is to be closed.
pub(super) async fn answer(
    asked: &Asked,
    session: &mut Session,
    mut frame: Bytes,
) -> Result<Option<Pieces>, Unanswerable> {
    let wanted = asked.cluster.sasl.as_ref();
    if *session == Session::Bare {
        session.bare(wanted, &frame).map_err(|_| Unanswerable::NotAuthenticated)?;
        return Pieces::default().framed().map(Some).map_err(|_| unencodable("it is too long".to_owned()));
    }
    let start = frame.first_chunk::<8>().ok_or(Unanswerable::NoHeader)?;
    let [k0, k1, v0, v1, c0, c1, c2, c3] = *start;
    let (key, version) = (i16::from_be_bytes([k0, k1]), i16::from_be_bytes([v0, v1]));
    let api = ApiKey::try_from(key).map_err(|()| Unanswerable::NotServed(key, version))?;
    if !session.admits(api) {
        return Err(Unanswerable::NotAuthenticated);
    }
    let reply = Reply { api, version, correlation: i32::from_be_bytes([c0, c1, c2, c3]) };
    if !versions::served(api, version) {
        return match api {
            ApiKey::ApiVersions => Reply { version: 0, ..reply }.encode(&versions::unsupported()).map(Some),
            _ => Err(Unanswerable::NotServed(key, version)),
        };
    }
    let header = decode_request_header_from_buffer(&mut frame)
        .map_err(|e| Unanswerable::Undecodable(e.to_string()))?;
    shape::walk(api, version, &frame)
        .map_err(|_| Unanswerable::Undecodable("it claims more than has arrived".to_owned()))?;
    let cluster = &*asked.cluster;
    let encoded = match api {
        ApiKey::Produce => {
            let request: ProduceRequest = decode(frame, version)?;
            let silent = request.acks == 0;
            let response = produce::answer(asked, version, request, now_ms());
            if silent {
                let failed = response
                    .responses
                    .iter()
                    .any(|topic| topic.partition_responses.iter().any(|partition| partition.error_code != 0));
                return if failed { Err(Unanswerable::SilentProduceFailed) } else { Ok(None) };
            }
            reply.encode(&response)
        }
        ApiKey::Fetch => {
            let request: FetchRequest = decode(frame, version)?;
            fetch::answer(asked, request).await.encode(version, reply.correlation)
        }
        ApiKey::ListOffsets => {
            let request: ListOffsetsRequest = decode(frame, version)?;
            reply.encode(&offsets::answer(asked, version, request))
        }
        ApiKey::OffsetForLeaderEpoch => {
            let request: OffsetForLeaderEpochRequest = decode(frame, version)?;
            reply.encode(&epochs::answer(asked, request))
        }
        ApiKey::Metadata => {
            let request: MetadataRequest = decode(frame, version)?;
            reply.encode(&metadata::answer(asked, version, request))
        }
        ApiKey::FindCoordinator => {
            let request: FindCoordinatorRequest = decode(frame, version)?;
            reply.encode(&coordinator::find(asked, version, &request))
        }
        ApiKey::InitProducerId => {
            let request: InitProducerIdRequest = decode(frame, version)?;
            reply.encode(&coordinator::init_producer_id(cluster, &request))
        }
        ApiKey::CreateTopics => {
            let request: CreateTopicsRequest = decode(frame, version)?;
            reply.encode(&admin::create_topics(cluster, version, request))
        }
        ApiKey::DeleteTopics => {
            let request: DeleteTopicsRequest = decode(frame, version)?;
            reply.encode(&admin::delete_topics(cluster, version, request))
        }
        ApiKey::CreatePartitions => {
            let request: CreatePartitionsRequest = decode(frame, version)?;
            reply.encode(&admin::create_partitions(cluster, request))
        }
        ApiKey::DescribeConfigs => {
            let request: DescribeConfigsRequest = decode(frame, version)?;
            reply.encode(&describe::configs(cluster, request))
        }
        ApiKey::DescribeCluster => {
            let request: DescribeClusterRequest = decode(frame, version)?;
            reply.encode(&describe::cluster(asked, version, &request))
        }
        ApiKey::SaslHandshake => {
            let request: SaslHandshakeRequest = decode(frame, version)?;
            reply.encode(&session.handshake(version, &request))
        }
        ApiKey::SaslAuthenticate => {
            let request: SaslAuthenticateRequest = decode(frame, version)?;
            reply.encode(&session.authenticate(wanted, &request))
        }
        ApiKey::ApiVersions => reply.encode(&versions::answer()),
        _ => of_groups(asked, reply, header, frame).await,
    };
    encoded.map(Some)
}

/// Answers a request that has to do with consumer groups.
async fn of_groups(
    asked: &Asked,
    reply: Reply,
    header: RequestHeader,
    frame: Bytes,
) -> Result<Pieces, Unanswerable> {
    let version = reply.version;
    match reply.api {
        ApiKey::JoinGroup => {
            let request: JoinGroupRequest = decode(frame, version)?;
            let id = header.client_id.map(|id| id.to_string()).unwrap_or_default();
            let client = groups::Client { id, host: format!("/{}", asked.peer) };
            reply.encode(&groups::join(asked, version, client, request).await)
        }
        ApiKey::SyncGroup => {
            let request: SyncGroupRequest = decode(frame, version)?;
            reply.encode(&groups::sync(asked, request).await)
        }
        ApiKey::Heartbeat => {
            let request: HeartbeatRequest = decode(frame, version)?;
            reply.encode(&groups::heartbeat(asked, &request))
        }
        ApiKey::LeaveGroup => {
            let request: LeaveGroupRequest = decode(frame, version)?;
            reply.encode(&groups::leave(asked, version, request))
        }
        ApiKey::OffsetCommit => {
            let request: OffsetCommitRequest = decode(frame, version)?;
            reply.encode(&groups::commit(asked, request))
        }
        ApiKey::OffsetFetch => {
            let request: OffsetFetchRequest = decode(frame, version)?;
            reply.encode(&groups::fetch(asked, version, request))
        }
        ApiKey::DescribeGroups => {
            let request: DescribeGroupsRequest = decode(frame, version)?;
            reply.encode(&groups::describe(asked, version, request))
        }
        ApiKey::ListGroups => {
            let request: ListGroupsRequest = decode(frame, version)?;
            reply.encode(&groups::list(asked, &request))
        }
        ApiKey::DeleteGroups => {
            let request: DeleteGroupsRequest = decode(frame, version)?;
            reply.encode(&groups::delete(asked, request))
        }
        api => Err(Unanswerable::NotServed(api as i16, version)),
    }
}

fn decode<R: Decodable>(mut body: Bytes, version: i16) -> Result<R, Unanswerable> {
    R::decode(&mut body, version).map_err(|error| Unanswerable::Undecodable(error.to_string()))
}

fn unencodable(error: String) -> Unanswerable {
    Unanswerable::Unencodable(error)
}

/// What an answer repeats of its request.
#[derive(Debug, Clone, Copy)]
struct Reply {
    api: ApiKey,
    version: i16,
    correlation: i32,
}

impl Reply {
    fn encode<R: Encodable>(self, response: &R) -> Result<Pieces, Unanswerable> {
        let mut body = BytesMut::with_capacity(256);
        body.put_i32(self.correlation);
        if self.api.response_header_version(self.version) > 0 {
            body.put_u8(0);
        }
        response.encode(&mut body, self.version).map_err(|error| unencodable(error.to_string()))?;
        let mut pieces = Pieces::default();
        pieces.push(body.freeze());
        pieces.framed().map_err(|_| unencodable("it is too long".to_owned()))
    }
}
