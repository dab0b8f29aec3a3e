//! `FindCoordinator` and `InitProducerId`.

use kafka_protocol::ResponseError;
use kafka_protocol::messages::find_coordinator_response::Coordinator;
use kafka_protocol::messages::{
    BrokerId, FindCoordinatorRequest, FindCoordinatorResponse, InitProducerIdRequest, InitProducerIdResponse,
    ProducerId,
};
use kafka_protocol::protocol::StrBytes;

use super::cluster::Cluster;
use super::refusal::Refusal;

/// Key types of `FindCoordinator`.
const GROUP: i8 = 0;
const TRANSACTION: i8 = 1;

/// First version that asks for several keys at once.
const MANY_KEYS: i16 = 4;

/// Names the first broker for every group. Transactions have no coordinator here, and clients are told so
/// with the error after which they do not try again.
pub(super) fn find(
    cluster: &Cluster,
    version: i16,
    request: FindCoordinatorRequest,
) -> FindCoordinatorResponse {
    let node = cluster.controller();
    let refusal = match request.key_type {
        GROUP => None,
        TRANSACTION => Some(no_transactions()),
        _ => Some(Refusal::new(ResponseError::InvalidRequest, "there is no coordinator of this type")),
    };
    let (error, message) = refusal.map_or((0, None), |refusal| (refusal.code(), Some(refusal.text())));
    let (id, host, port) = match error {
        0 => (node.id, StrBytes::from_string(node.address.ip().to_string()), i32::from(node.address.port())),
        _ => (-1, StrBytes::default(), -1),
    };
    if version < MANY_KEYS {
        return FindCoordinatorResponse::default()
            .with_error_code(error)
            .with_error_message(message)
            .with_node_id(BrokerId(id))
            .with_host(host)
            .with_port(port);
    }
    let coordinators = request.coordinator_keys.into_iter().map(|key| {
        Coordinator::default()
            .with_key(key)
            .with_error_code(error)
            .with_error_message(message.clone())
            .with_node_id(BrokerId(id))
            .with_host(host.clone())
            .with_port(port)
    });
    FindCoordinatorResponse::default().with_coordinators(coordinators.collect())
}

/// Gives an idempotent producer an id that nobody has had, whatever it had before, as Kafka does.
pub(super) fn init_producer_id(cluster: &Cluster, request: &InitProducerIdRequest) -> InitProducerIdResponse {
    let response = InitProducerIdResponse::default();
    if request.transactional_id.is_some() {
        let error = no_transactions().code();
        return response.with_error_code(error).with_producer_id(ProducerId(-1)).with_producer_epoch(-1);
    }
    response.with_producer_id(ProducerId(cluster.new_producer_id())).with_producer_epoch(0)
}

fn no_transactions() -> Refusal {
    Refusal::new(ResponseError::TransactionalIdAuthorizationFailed, "this broker has no transactions")
}
