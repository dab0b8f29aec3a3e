//! `FindCoordinator` and `InitProducerId`.

use kafka_protocol::ResponseError;
use kafka_protocol::messages::find_coordinator_response::Coordinator;
use kafka_protocol::messages::{
    BrokerId, FindCoordinatorRequest, FindCoordinatorResponse, InitProducerIdRequest, InitProducerIdResponse,
    ProducerId,
};

use super::cluster::Cluster;
use super::refusal::Refusal;

/// Key types of `FindCoordinator`.
const GROUP: i8 = 0;
const TRANSACTION: i8 = 1;

/// First version that asks for several keys at once.
const MANY_KEYS: i16 = 4;

/// Says that there is no coordinator. This broker serves no groups; a consumer that names one and assigns its
/// partitions itself reads without it. Of transactions clients are told with the error after which they do
/// not try again.
pub(super) fn find(version: i16, request: FindCoordinatorRequest) -> FindCoordinatorResponse {
    let refusal = match request.key_type {
        GROUP => Refusal::new(ResponseError::CoordinatorNotAvailable, "this broker serves no groups"),
        TRANSACTION => no_transactions(),
        _ => Refusal::new(ResponseError::InvalidRequest, "there is no coordinator of this type"),
    };
    let nobody = BrokerId(-1);
    if version < MANY_KEYS {
        return FindCoordinatorResponse::default()
            .with_error_code(refusal.code())
            .with_error_message(Some(refusal.text()))
            .with_node_id(nobody)
            .with_port(-1);
    }
    let coordinators = request.coordinator_keys.into_iter().map(|key| {
        Coordinator::default()
            .with_key(key)
            .with_error_code(refusal.code())
            .with_error_message(Some(refusal.text()))
            .with_node_id(nobody)
            .with_port(-1)
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

#[cfg(test)]
mod tests {
    use super::*;
    use kafka_protocol::protocol::StrBytes;

    #[test]
    fn groups_have_no_coordinator() {
        let unavailable = ResponseError::CoordinatorNotAvailable.code();
        assert_eq!(unavailable, 15);
        let group = FindCoordinatorRequest::default().with_key_type(GROUP);
        let answer = find(3, group.clone());
        assert_eq!((answer.error_code, answer.node_id), (unavailable, BrokerId(-1)));
        let keys = ["a", "b"].map(StrBytes::from_static_str);
        let answer = find(4, group.with_coordinator_keys(keys.to_vec()));
        let told: Vec<(&str, i16)> =
            answer.coordinators.iter().map(|found| (found.key.as_str(), found.error_code)).collect();
        assert_eq!(told, [("a", unavailable), ("b", unavailable)]);
    }
}
