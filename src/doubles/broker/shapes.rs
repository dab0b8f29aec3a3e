//! The shapes of the requests, as the message definitions of Apache Kafka have them
//! (`clients/src/main/resources/common/message`).

use kafka_protocol::messages::ApiKey;

/// What a field holds.
#[derive(Debug, Clone, Copy)]
pub(super) enum Holds {
    /// So many bytes.
    Fixed(usize),
    /// A string: a length of 16 bits or, in flexible versions, a variable one.
    Text,
    /// Bytes: a length of 32 bits or, in flexible versions, a variable one.
    Blob,
    /// An array of strings or numbers.
    Items(&'static Holds),
    /// An array of structures, which end with tagged fields in flexible versions.
    Structs(&'static [Field]),
}

/// A field and the versions that have it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field {
    pub(super) holds: Holds,
    pub(super) from: i16,
    pub(super) to: i16,
}

/// A request: the first flexible version and the fields.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    pub(super) flexible_from: i16,
    pub(super) fields: &'static [Field],
}

use Holds::{Blob, Fixed, Items, Structs, Text};

const BYTE: Holds = Fixed(1);
const SHORT: Holds = Fixed(2);
const INT: Holds = Fixed(4);
const LONG: Holds = Fixed(8);
const UUID: Holds = Fixed(16);

const fn always(holds: Holds) -> Field {
    Field { holds, from: 0, to: i16::MAX }
}

const fn since(from: i16, holds: Holds) -> Field {
    Field { holds, from, to: i16::MAX }
}

const fn until(to: i16, holds: Holds) -> Field {
    Field { holds, from: 0, to }
}

const PRODUCE: &[Field] = &[
    always(Text),
    always(SHORT),
    always(INT),
    always(Structs(&[always(Text), always(Structs(&[always(INT), always(Blob)]))])),
];

const FETCH: &[Field] = &[
    always(INT),
    always(INT),
    always(INT),
    always(INT),
    always(BYTE),
    since(7, INT),
    since(7, INT),
    always(Structs(&[
        always(Text),
        always(Structs(&[
            always(INT),
            since(9, INT),
            always(LONG),
            since(12, INT),
            since(5, LONG),
            always(INT),
        ])),
    ])),
    since(7, Structs(&[always(Text), always(Items(&INT))])),
    since(11, Text),
];

const LIST_OFFSETS: &[Field] = &[
    always(INT),
    since(2, BYTE),
    always(Structs(&[always(Text), always(Structs(&[always(INT), since(4, INT), always(LONG)]))])),
];

const METADATA: &[Field] = &[
    always(Structs(&[since(10, UUID), always(Text)])),
    since(4, BYTE),
    Field { holds: BYTE, from: 8, to: 10 },
    since(8, BYTE),
];

const CREATE_TOPICS: &[Field] = &[
    always(Structs(&[
        always(Text),
        always(INT),
        always(SHORT),
        always(Structs(&[always(INT), always(Items(&INT))])),
        always(Structs(&[always(Text), always(Text)])),
    ])),
    always(INT),
    always(BYTE),
];

const DELETE_TOPICS: &[Field] =
    &[since(6, Structs(&[always(Text), always(UUID)])), until(5, Items(&Text)), always(INT)];

const CREATE_PARTITIONS: &[Field] = &[
    always(Structs(&[always(Text), always(INT), always(Structs(&[always(Items(&INT))]))])),
    always(INT),
    always(BYTE),
];

const DESCRIBE_CONFIGS: &[Field] =
    &[always(Structs(&[always(BYTE), always(Text), always(Items(&Text))])), always(BYTE), since(3, BYTE)];

const INIT_PRODUCER_ID: &[Field] = &[always(Text), always(INT), since(3, LONG), since(3, SHORT)];

const FIND_COORDINATOR: &[Field] = &[until(3, Text), since(1, BYTE), since(4, Items(&Text))];

const DESCRIBE_CLUSTER: &[Field] = &[always(BYTE), since(1, BYTE), since(2, BYTE)];

const OFFSET_FOR_LEADER_EPOCH: &[Field] = &[
    since(3, INT),
    always(Structs(&[always(Text), always(Structs(&[always(INT), always(INT), always(INT)]))])),
];

const JOIN_GROUP: &[Field] = &[
    always(Text),
    always(INT),
    since(1, INT),
    always(Text),
    since(5, Text),
    always(Text),
    always(Structs(&[always(Text), always(Blob)])),
    since(8, Text),
];

const SYNC_GROUP: &[Field] = &[
    always(Text),
    always(INT),
    always(Text),
    since(3, Text),
    since(5, Text),
    since(5, Text),
    always(Structs(&[always(Text), always(Blob)])),
];

const HEARTBEAT: &[Field] = &[always(Text), always(INT), always(Text), since(3, Text)];

const LEAVE_GROUP: &[Field] =
    &[always(Text), until(2, Text), since(3, Structs(&[always(Text), always(Text), since(5, Text)]))];

const OFFSET_COMMIT: &[Field] = &[
    always(Text),
    always(INT),
    always(Text),
    since(7, Text),
    until(4, LONG),
    always(Structs(&[
        always(Text),
        always(Structs(&[always(INT), always(LONG), since(6, INT), always(Text)])),
    ])),
];

const OFFSET_FETCH: &[Field] = &[
    until(7, Text),
    until(7, Structs(&[always(Text), always(Items(&INT))])),
    since(
        8,
        Structs(&[
            always(Text),
            since(9, Text),
            since(9, INT),
            always(Structs(&[always(Text), always(Items(&INT))])),
        ]),
    ),
    since(7, BYTE),
];

const DESCRIBE_GROUPS: &[Field] = &[always(Items(&Text)), since(3, BYTE)];

const LIST_GROUPS: &[Field] = &[since(4, Items(&Text)), since(5, Items(&Text))];

const DELETE_GROUPS: &[Field] = &[always(Items(&Text))];

const SASL_HANDSHAKE: &[Field] = &[always(Text)];

const SASL_AUTHENTICATE: &[Field] = &[always(Blob)];

const API_VERSIONS: &[Field] = &[since(3, Text), since(3, Text)];

/// The shape of a request; `None` for one that is not served.
pub(super) fn shape(api: ApiKey) -> Option<Shape> {
    let (flexible_from, fields) = match api {
        ApiKey::Produce => (9, PRODUCE),
        ApiKey::Fetch => (12, FETCH),
        ApiKey::ListOffsets => (6, LIST_OFFSETS),
        ApiKey::Metadata => (9, METADATA),
        ApiKey::CreateTopics => (5, CREATE_TOPICS),
        ApiKey::DeleteTopics => (4, DELETE_TOPICS),
        ApiKey::CreatePartitions => (2, CREATE_PARTITIONS),
        ApiKey::DescribeConfigs => (4, DESCRIBE_CONFIGS),
        ApiKey::InitProducerId => (2, INIT_PRODUCER_ID),
        ApiKey::FindCoordinator => (3, FIND_COORDINATOR),
        ApiKey::DescribeCluster => (0, DESCRIBE_CLUSTER),
        ApiKey::OffsetForLeaderEpoch => (4, OFFSET_FOR_LEADER_EPOCH),
        ApiKey::JoinGroup => (6, JOIN_GROUP),
        ApiKey::SyncGroup => (4, SYNC_GROUP),
        ApiKey::Heartbeat => (4, HEARTBEAT),
        ApiKey::LeaveGroup => (4, LEAVE_GROUP),
        ApiKey::OffsetCommit => (8, OFFSET_COMMIT),
        ApiKey::OffsetFetch => (6, OFFSET_FETCH),
        ApiKey::DescribeGroups => (5, DESCRIBE_GROUPS),
        ApiKey::ListGroups => (3, LIST_GROUPS),
        ApiKey::DeleteGroups => (2, DELETE_GROUPS),
        ApiKey::SaslHandshake => (i16::MAX, SASL_HANDSHAKE),
        ApiKey::SaslAuthenticate => (2, SASL_AUTHENTICATE),
        ApiKey::ApiVersions => (3, API_VERSIONS),
        _ => return None,
    };
    Some(Shape { flexible_from, fields })
}
