//! `JoinGroup`, `SyncGroup`, `Heartbeat` and `LeaveGroup`.

use std::time::{Duration, Instant};

use bytes::Bytes;
use kafka_protocol::ResponseError;
use kafka_protocol::messages::join_group_response::JoinGroupResponseMember;
use kafka_protocol::messages::leave_group_response::MemberResponse;
use kafka_protocol::messages::{
    HeartbeatRequest, HeartbeatResponse, JoinGroupRequest, JoinGroupResponse, LeaveGroupRequest,
    LeaveGroupResponse, SyncGroupRequest, SyncGroupResponse,
};
use kafka_protocol::protocol::StrBytes;
use uuid::Uuid;

use super::super::asked::Asked;
use super::group::Entered;
use super::member::{Join, Joined};
use super::{check_named, group::Group};

/// First version that says how long a rebalance may take.
const HAS_REBALANCE_TIMEOUT: i16 = 1;
/// First version whose members without an id have to come twice (KIP-394).
const COME_TWICE: i16 = 4;
/// First version in which several leave at once (KIP-345).
const SEVERAL_LEAVE: i16 = 3;

/// Who sends a request, as groups are told.
#[derive(Debug, Clone)]
pub(in super::super) struct Client {
    /// What it calls itself.
    pub(in super::super) id: String,
    /// Where it connects from.
    pub(in super::super) host: String,
}

fn text(value: impl Into<String>) -> StrBytes {
    StrBytes::from_string(value.into())
}

fn milliseconds(value: i32) -> Duration {
    Duration::from_millis(u64::try_from(value).unwrap_or(0))
}

/// Lets a client join; the answer comes when the rebalance ends.
pub(in super::super) async fn join(
    asked: &Asked,
    version: i16,
    client: Client,
    request: JoinGroupRequest,
) -> JoinGroupResponse {
    let id = request.group_id.to_string();
    let instance = request.group_instance_id.clone();
    match joined(asked, version, client, request) {
        Ok(Entered::Back(joined)) => tell(joined),
        Ok(Entered::Told(member)) => refuse(ResponseError::MemberIdRequired).with_member_id(text(member)),
        Ok(Entered::Waits(member)) => {
            let who = (member.as_str(), instance.as_deref());
            match asked.cluster.groups.wait(&id, |group: &Group| group.joined(who)).await {
                Ok(joined) => tell(joined),
                Err(error) => refuse(error).with_member_id(text(member)),
            }
        }
        Err(error) => refuse(error),
    }
}

/// What is kept of a request is copied, so that it keeps nothing else of it.
fn joined(
    asked: &Asked,
    version: i16,
    client: Client,
    request: JoinGroupRequest,
) -> Result<Entered, ResponseError> {
    let id = request.group_id.as_str();
    check_named(asked, id)?;
    let instance = request.group_instance_id.map(|instance| instance.to_string());
    let session = milliseconds(request.session_timeout_ms);
    let join = Join {
        member: request.member_id.to_string(),
        fresh: format!("{}-{}", instance.as_deref().unwrap_or(&client.id), Uuid::new_v4()),
        instance,
        twice: version >= COME_TWICE,
        kind: request.protocol_type.to_string(),
        protocols: request
            .protocols
            .into_iter()
            .map(|it| (it.name.to_string(), Bytes::copy_from_slice(&it.metadata)))
            .collect(),
        session,
        rebalance: if version >= HAS_REBALANCE_TIMEOUT {
            milliseconds(request.rebalance_timeout_ms)
        } else {
            session
        },
        client_id: client.id,
        client_host: client.host,
    };
    let now = Instant::now();
    asked.cluster.groups.admits(id, now)?;
    asked.cluster.groups.ask(id, now, |group| group.join(join, now))
}

fn refuse(error: ResponseError) -> JoinGroupResponse {
    JoinGroupResponse::default()
        .with_error_code(error.code())
        .with_generation_id(-1)
        .with_protocol_name(Some(StrBytes::default()))
}

fn tell(joined: Joined) -> JoinGroupResponse {
    let members = joined.members.into_iter().map(|(id, instance, words)| {
        JoinGroupResponseMember::default()
            .with_member_id(text(id))
            .with_group_instance_id(instance.map(text))
            .with_metadata(words)
    });
    JoinGroupResponse::default()
        .with_members(members.collect())
        .with_generation_id(joined.generation)
        .with_protocol_type(Some(text(joined.kind)))
        .with_protocol_name(Some(text(joined.protocol)))
        .with_leader(text(joined.leader))
        .with_member_id(text(joined.member))
}

/// Tells a member its assignment; the answer comes when the leader has said it.
pub(in super::super) async fn sync(asked: &Asked, request: SyncGroupRequest) -> SyncGroupResponse {
    let answer = SyncGroupResponse::default();
    let id = request.group_id.to_string();
    let (member, generation) = (request.member_id.to_string(), request.generation_id);
    let instance = request.group_instance_id.clone();
    let who = (member.as_str(), instance.as_deref());
    let synced = match synced(asked, request) {
        Ok(()) => asked.cluster.groups.wait(&id, |group| group.synced(who, generation)).await,
        Err(error) => Err(error),
    };
    let assignment = match synced {
        Ok(assignment) => assignment,
        Err(error) => return answer.with_error_code(error.code()),
    };
    let (kind, protocol) = asked
        .cluster
        .groups
        .ask(&id, Instant::now(), |group| (group.kind().to_owned(), group.protocol().to_owned()));
    answer
        .with_assignment(assignment)
        .with_protocol_type(Some(text(kind)))
        .with_protocol_name(Some(text(protocol)))
}

fn synced(asked: &Asked, request: SyncGroupRequest) -> Result<(), ResponseError> {
    let id = request.group_id.as_str();
    check_named(asked, id)?;
    let assignments = request
        .assignments
        .into_iter()
        .map(|it| (it.member_id.to_string(), Bytes::copy_from_slice(&it.assignment)))
        .collect();
    let who = (request.member_id.as_str(), request.group_instance_id.as_deref());
    let now = Instant::now();
    asked.cluster.groups.ask(id, now, |group| {
        let other = |said: &Option<StrBytes>, is: &str| said.as_deref().is_some_and(|said| said != is);
        if other(&request.protocol_type, group.kind()) || other(&request.protocol_name, group.protocol()) {
            return Err(ResponseError::InconsistentGroupProtocol);
        }
        group.sync(who, request.generation_id, assignments, now)
    })
}

/// Hears that a member lives.
pub(in super::super) fn heartbeat(asked: &Asked, request: &HeartbeatRequest) -> HeartbeatResponse {
    let id = request.group_id.as_str();
    let who = (request.member_id.as_str(), request.group_instance_id.as_deref());
    let now = Instant::now();
    let heard = check_named(asked, id).and_then(|()| {
        asked.cluster.groups.ask(id, now, |group| group.heartbeat(who, request.generation_id, now))
    });
    HeartbeatResponse::default().with_error_code(code(heard))
}

/// Lets members go.
pub(in super::super) fn leave(asked: &Asked, version: i16, request: LeaveGroupRequest) -> LeaveGroupResponse {
    let id = request.group_id.as_str();
    let answer = LeaveGroupResponse::default();
    if let Err(error) = check_named(asked, id) {
        return answer.with_error_code(error.code());
    }
    let now = Instant::now();
    let leave = |member: &str, instance: Option<&str>| {
        code(asked.cluster.groups.ask(id, now, |group| group.leave((member, instance), now)))
    };
    if version < SEVERAL_LEAVE {
        return answer.with_error_code(leave(&request.member_id, None));
    }
    let members = request.members.into_iter().map(|member| {
        let left = leave(&member.member_id, member.group_instance_id.as_deref());
        MemberResponse::default()
            .with_member_id(member.member_id)
            .with_group_instance_id(member.group_instance_id)
            .with_error_code(left)
    });
    let members = members.collect();
    answer.with_members(members)
}

fn code(result: Result<(), ResponseError>) -> i16 {
    result.err().map_or(0, |error| error.code())
}
