//! `FindCoordinator` and `InitProducerId`.

use kafka_protocol::ResponseError;
use kafka_protocol::messages::find_coordinator_response::Coordinator;
use kafka_protocol::messages::{
    BrokerId, FindCoordinatorRequest, FindCoordinatorResponse, InitProducerIdRequest, InitProducerIdResponse,
    ProducerId,
};
use kafka_protocol::protocol::StrBytes;

use super::asked::Asked;
use super::cluster::Cluster;
use super::groups;
use super::refusal::Refusal;

/// Key types of `FindCoordinator`.
const GROUP: i8 = 0;
const TRANSACTION: i8 = 1;

/// First version that asks for several keys at once.
const MANY_KEYS: i16 = 4;

/// Says which broker coordinates the groups of these names. Of transactions clients are told with the error after
/// which they do not try again.
pub(super) fn find(asked: &Asked, version: i16, request: &FindCoordinatorRequest) -> FindCoordinatorResponse {
    let coordinator = |key: &StrBytes| match request.key_type {
        GROUP => Ok(groups::coordinator(&asked.cluster, key)),
        TRANSACTION => Err(no_transactions()),
        _ => Err(Refusal::new(ResponseError::InvalidRequest, "there is no coordinator of this type")),
    };
    let find = |key: &StrBytes| {
        let answer = Coordinator::default().with_key(key.clone());
        match coordinator(key) {
            Ok(node) => answer
                .with_node_id(BrokerId(node.id))
                .with_host(asked.host_of(&node))
                .with_port(i32::from(node.address.port())),
            Err(refusal) => answer
                .with_error_code(refusal.code())
                .with_error_message(Some(refusal.text()))
                .with_node_id(BrokerId(-1))
                .with_port(-1),
        }
    };
    if version >= MANY_KEYS {
        let coordinators = request.coordinator_keys.iter().map(find).collect();
        return FindCoordinatorResponse::default().with_coordinators(coordinators);
    }
    let Coordinator { error_code, error_message, node_id, host, port, .. } = find(&request.key);
    FindCoordinatorResponse::default()
        .with_error_code(error_code)
        .with_error_message(error_message)
        .with_node_id(node_id)
        .with_host(host)
        .with_port(port)
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
    use super::super::cluster::Node;
    use super::super::config::KafkaVersion;
    use super::super::faults::Faults;
    use super::*;
    use std::net::SocketAddr;
    use std::sync::Arc;

    #[test]
    fn each_group_has_one_coordinator_and_transactions_have_none() {
        let node =
            |id: u16| Node { id: i32::from(id), address: SocketAddr::from(([127, 0, 0, 1], 9091 + id)) };
        let cluster =
            Cluster::new(vec![node(1), node(2)], None, None, KafkaVersion::default(), Faults::default());
        let keys = ["a", "b"].map(StrBytes::from_static_str);
        let group = FindCoordinatorRequest::default().with_key_type(GROUP);
        let asked = Asked {
            cluster: Arc::new(cluster),
            node: 1,
            peer: node(1).address.ip(),
            advertised: Some(StrBytes::from_static_str("kafka.test")),
        };
        let cluster = &asked.cluster;
        let several = find(&asked, 4, &group.clone().with_coordinator_keys(keys.to_vec()));
        for found in several.coordinators {
            let alone = find(&asked, 3, &group.clone().with_key(found.key.clone()));
            assert_eq!((alone.error_code, alone.node_id, alone.port), (0, found.node_id, found.port));
            assert_eq!((&*found.host, &*alone.host), ("kafka.test", "kafka.test"));
            assert_eq!(found.node_id, BrokerId(groups::coordinator(cluster, &found.key).id));
        }
        assert_ne!(groups::coordinator(cluster, "a").id, groups::coordinator(cluster, "b").id);
        let transaction = FindCoordinatorRequest::default().with_key_type(TRANSACTION);
        let refused = find(&asked, 3, &transaction);
        assert_eq!((refused.error_code, refused.node_id), (53, BrokerId(-1)));
    }
}
