//! `DescribeGroups`, `ListGroups` and `DeleteGroups`.

use std::time::Instant;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::delete_groups_response::DeletableGroupResult;
use kafka_protocol::messages::describe_groups_response::{DescribedGroup, DescribedGroupMember};
use kafka_protocol::messages::list_groups_response::ListedGroup;
use kafka_protocol::messages::{
    DeleteGroupsRequest, DeleteGroupsResponse, DescribeGroupsRequest, DescribeGroupsResponse, GroupId,
    ListGroupsRequest, ListGroupsResponse,
};
use kafka_protocol::protocol::StrBytes;

use super::super::asked::Asked;
use super::check;
use super::group::{Group, State};

/// Rights on a group as bits (Kafka's `AclOperation`): read, delete, describe.
const GROUP_RIGHTS: i32 = 1 << 3 | 1 << 6 | 1 << 8;
/// First version that calls a group not found, instead of dead (KIP-1043).
const NOT_FOUND: i16 = 6;
/// The type of every group here.
const CLASSIC: &str = "classic";

/// A state as clients know it.
fn name(state: State) -> &'static str {
    match state {
        State::Empty => "Empty",
        State::Preparing(_) => "PreparingRebalance",
        State::Completing(_) => "CompletingRebalance",
        State::Stable => "Stable",
    }
}

/// Tells who is in the groups.
pub(in super::super) fn describe(
    asked: &Asked,
    version: i16,
    request: DescribeGroupsRequest,
) -> DescribeGroupsResponse {
    let with_rights = request.include_authorized_operations;
    let groups = request.groups.into_iter().map(|id| {
        let described = DescribedGroup::default().with_group_id(id.clone());
        if let Err(error) = check(asked, &id) {
            return described.with_error_code(error.code());
        }
        let mut described = asked.cluster.groups.ask(&id, Instant::now(), |group| {
            if group.is_nothing() {
                let dead = described.with_group_state(StrBytes::from_static_str("Dead"));
                return if version >= NOT_FOUND {
                    dead.with_error_code(ResponseError::GroupIdNotFound.code())
                } else {
                    dead
                };
            }
            describe_one(described, group)
        });
        if with_rights {
            described.authorized_operations = GROUP_RIGHTS;
        }
        described
    });
    let groups = groups.collect();
    DescribeGroupsResponse::default().with_groups(groups)
}

fn describe_one(described: DescribedGroup, group: &Group) -> DescribedGroup {
    let stable = group.state() == State::Stable;
    let text = |value: &str| StrBytes::from_string(value.to_owned());
    let members = group.members().iter().map(|(id, member)| {
        let shown = DescribedGroupMember::default()
            .with_member_id(text(id))
            .with_group_instance_id(member.instance.as_deref().map(text))
            .with_client_id(text(&member.client_id))
            .with_client_host(text(&member.client_host));
        // Between two generations nothing is assigned for certain.
        if stable {
            shown
                .with_member_metadata(member.words(group.protocol()))
                .with_member_assignment(member.assignment.clone())
        } else {
            shown
        }
    });
    described
        .with_members(members.collect())
        .with_group_state(StrBytes::from_static_str(name(group.state())))
        .with_protocol_type(text(group.kind()))
        .with_protocol_data(text(if stable { group.protocol() } else { "" }))
}

/// Lists the groups that this broker coordinates.
pub(in super::super) fn list(asked: &Asked, request: &ListGroupsRequest) -> ListGroupsResponse {
    let now = Instant::now();
    let ids = asked.cluster.groups.ids();
    let wanted = |filter: &[StrBytes], value: &str| {
        filter.is_empty() || filter.iter().any(|wanted| wanted.eq_ignore_ascii_case(value))
    };
    let listed = ids.into_iter().filter(|id| check(asked, id).is_ok()).filter_map(|id| {
        let (state, kind) = asked
            .cluster
            .groups
            .ask(&id, now, |group| (name(group.state()), StrBytes::from_string(group.kind().to_owned())));
        let fits = wanted(&request.states_filter, state) && wanted(&request.types_filter, CLASSIC);
        fits.then(|| {
            ListedGroup::default()
                .with_group_id(GroupId(StrBytes::from_string(id)))
                .with_protocol_type(kind)
                .with_group_state(StrBytes::from_static_str(state))
                .with_group_type(StrBytes::from_static_str(CLASSIC))
        })
    });
    let listed = listed.collect();
    ListGroupsResponse::default().with_groups(listed)
}

/// Deletes groups that nobody is in, with what they have committed.
pub(in super::super) fn delete(asked: &Asked, request: DeleteGroupsRequest) -> DeleteGroupsResponse {
    let results = request.groups_names.into_iter().map(|id| {
        let deleted = check(asked, &id).and_then(|()| {
            asked.cluster.groups.ask(&id, Instant::now(), |group| {
                if group.is_nothing() {
                    return Err(ResponseError::GroupIdNotFound);
                }
                if !group.members().is_empty() {
                    return Err(ResponseError::NonEmptyGroup);
                }
                *group = Group::default();
                Ok(())
            })
        });
        let code = deleted.err().map_or(0, |error| error.code());
        DeletableGroupResult::default().with_group_id(id).with_error_code(code)
    });
    let results = results.collect();
    DeleteGroupsResponse::default().with_results(results)
}
