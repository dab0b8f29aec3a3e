//! Which resource a request is for, as Jersey matches paths: segments as they came, without matrix parameters; a slash at
//! the end is ignored.

use hyper::Method;
use percent_encoding::percent_decode_str;

use crate::scenario::ProxyRelease;
use crate::wire::produce::v2;
use crate::wire::produce::v3;

/// What a request wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Endpoint {
    Root,
    PostRoot,
    ListTopics,
    GetTopic,
    ProduceToTopic,
    ListPartitions,
    GetPartition,
    GetOffsets,
    ProduceToPartition,
    ListBrokers,
    ListClusters,
    GetCluster,
    ListTopicsV3,
    GetTopicV3,
    CreateTopic,
    DeleteTopic,
    ListPartitionsV3,
    GetPartitionV3,
    ListConfigs,
    GetConfig,
    ListBrokersV3,
    GetBrokerV3,
    ProduceV3,
    ProduceBatch,
}

/// What a method of a resource takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Consumes {
    /// Any type, since no body is read.
    Anything,
    /// One type; no body is read.
    Only(&'static str),
    /// Documents of one of these types; the first is taken for a body without a type.
    Documents(&'static [&'static str]),
}

/// The types that produce calls of v2 take.
const PRODUCE: [&str; 5] = [
    v2::BINARY,
    v2::JSON,
    "application/vnd.kafka.avro.v2+json",
    "application/vnd.kafka.jsonschema.v2+json",
    "application/vnd.kafka.protobuf.v2+json",
];

impl Endpoint {
    pub(super) fn consumes(self) -> Consumes {
        match self {
            Self::Root
            | Self::ListTopics
            | Self::GetTopic
            | Self::ListPartitions
            | Self::GetPartition
            | Self::GetOffsets
            | Self::ListBrokers => Consumes::Only(v2::RESPONSE),
            Self::PostRoot => Consumes::Documents(&[v2::RESPONSE]),
            Self::ProduceToTopic | Self::ProduceToPartition => Consumes::Documents(&PRODUCE),
            Self::CreateTopic | Self::ProduceV3 | Self::ProduceBatch => Consumes::Documents(&[v3::JSON]),
            _ => Consumes::Anything,
        }
    }

    /// The type of its answers.
    pub(super) fn produces(self) -> &'static str {
        match self {
            Self::Root
            | Self::PostRoot
            | Self::ListTopics
            | Self::GetTopic
            | Self::ListPartitions
            | Self::GetPartition
            | Self::GetOffsets
            | Self::ListBrokers
            | Self::ProduceToTopic
            | Self::ProduceToPartition => v2::RESPONSE,
            _ => v3::JSON,
        }
    }

    /// Whether the segment of this place in the template is a whole number.
    fn numbers(self) -> &'static [usize] {
        match self {
            Self::GetPartition | Self::GetOffsets | Self::ProduceToPartition | Self::GetBrokerV3 => &[1],
            Self::GetPartitionV3 => &[2],
            _ => &[],
        }
    }

    /// The name by which block lists know it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Root => "api.v2.root.get",
            Self::PostRoot => "api.v2.root.post",
            Self::ListTopics => "api.v2.topics.list",
            Self::GetTopic => "api.v2.topics.get",
            Self::ProduceToTopic => "api.v2.produce-to-topic",
            Self::ListPartitions => "api.v2.partitions.list",
            Self::GetPartition => "api.v2.partitions.get",
            Self::GetOffsets => "api.v2.partitions.get-offsets",
            Self::ProduceToPartition => "api.v2.produce-to-partition",
            Self::ListBrokers => "api.v2.brokers.list",
            Self::ListClusters => "api.v3.clusters.list",
            Self::GetCluster => "api.v3.clusters.get",
            Self::ListTopicsV3 => "api.v3.topics.list",
            Self::GetTopicV3 => "api.v3.topics.get",
            Self::CreateTopic => "api.v3.topics.create",
            Self::DeleteTopic => "api.v3.topics.delete",
            Self::ListPartitionsV3 => "api.v3.partitions.list",
            Self::GetPartitionV3 => "api.v3.partitions.get",
            Self::ListConfigs => "api.v3.topic-configs.list",
            Self::GetConfig => "api.v3.topic-configs.get",
            Self::ListBrokersV3 => "api.v3.brokers.list",
            Self::GetBrokerV3 => "api.v3.brokers.get",
            Self::ProduceV3 => "api.v3.produce.*",
            Self::ProduceBatch => "api.v3.produce-batch.*",
        }
    }
}

/// The methods of a resource besides OPTIONS and HEAD.
type Methods = &'static [(Method, Endpoint)];

/// Every resource: its path, in which `{}` stands for any segment, and its methods.
static RESOURCES: &[(&[&str], Methods)] = &[
    (&["topics", "{}"], &[(Method::GET, Endpoint::GetTopic), (Method::POST, Endpoint::ProduceToTopic)]),
    (&["v3", "clusters", "{}", "topics", "{}", "records"], &[(Method::POST, Endpoint::ProduceV3)]),
    (
        &["topics", "{}", "partitions", "{}"],
        &[(Method::GET, Endpoint::GetPartition), (Method::POST, Endpoint::ProduceToPartition)],
    ),
    (&[], &[(Method::GET, Endpoint::Root), (Method::POST, Endpoint::PostRoot)]),
    (&["topics"], &[(Method::GET, Endpoint::ListTopics)]),
    (&["topics", "{}", "partitions"], &[(Method::GET, Endpoint::ListPartitions)]),
    (&["topics", "{}", "partitions", "{}", "offsets"], &[(Method::GET, Endpoint::GetOffsets)]),
    (&["brokers"], &[(Method::GET, Endpoint::ListBrokers)]),
    (&["v3", "clusters"], &[(Method::GET, Endpoint::ListClusters)]),
    (&["v3", "clusters", "{}"], &[(Method::GET, Endpoint::GetCluster)]),
    (
        &["v3", "clusters", "{}", "topics"],
        &[(Method::GET, Endpoint::ListTopicsV3), (Method::POST, Endpoint::CreateTopic)],
    ),
    (
        &["v3", "clusters", "{}", "topics", "{}"],
        &[(Method::GET, Endpoint::GetTopicV3), (Method::DELETE, Endpoint::DeleteTopic)],
    ),
    (&["v3", "clusters", "{}", "topics", "{}", "partitions"], &[(Method::GET, Endpoint::ListPartitionsV3)]),
    (
        &["v3", "clusters", "{}", "topics", "{}", "partitions", "{}"],
        &[(Method::GET, Endpoint::GetPartitionV3)],
    ),
    (&["v3", "clusters", "{}", "topics", "{}", "configs"], &[(Method::GET, Endpoint::ListConfigs)]),
    (&["v3", "clusters", "{}", "topics", "{}", "configs", "{}"], &[(Method::GET, Endpoint::GetConfig)]),
    (&["v3", "clusters", "{}", "brokers"], &[(Method::GET, Endpoint::ListBrokersV3)]),
    (&["v3", "clusters", "{}", "brokers", "{}"], &[(Method::GET, Endpoint::GetBrokerV3)]),
    (&["v3", "clusters", "{}", "topics", "{}", "records:batch"], &[(Method::POST, Endpoint::ProduceBatch)]),
];

/// A resource that a path names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Resource<'p> {
    methods: Vec<(Method, Endpoint)>,
    segments: Vec<&'p str>,
}

/// What a method finds at a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    Endpoint(Endpoint),
    Options,
    NotAllowed,
}

/// The resource at `path`, if there is one. `blocked` endpoints are not there, as in the real proxy's block list.
pub(super) fn resource(
    path: &str,
    release: ProxyRelease,
    blocked: impl Fn(Endpoint) -> bool,
) -> Option<Resource<'_>> {
    let mut segments: Vec<&str> = path
        .strip_prefix('/')?
        .split('/')
        .map(|segment| segment.split_once(';').map_or(segment, |(name, _)| name))
        .collect();
    if segments.last() == Some(&"") {
        segments.pop();
    }
    let fits = |template: &&[&str]| {
        template.len() == segments.len()
            && template
                .iter()
                .zip(&segments)
                .all(|(wanted, found)| wanted == found || *wanted == "{}" && !found.is_empty())
    };
    let (template, methods) = RESOURCES.iter().find(|(template, _)| fits(template))?;
    let old = release.is_6_2();
    let methods: Vec<_> = methods
        .iter()
        .filter(|(_, endpoint)| !(blocked(*endpoint) || old && *endpoint == Endpoint::ProduceBatch))
        .cloned()
        .collect();
    if methods.is_empty() {
        return None;
    }
    let values = template.iter().zip(&segments).filter(|(wanted, _)| **wanted == "{}");
    Some(Resource { methods, segments: values.map(|(_, segment)| *segment).collect() })
}

impl Resource<'_> {
    pub(super) fn find(&self, method: &Method) -> Found {
        if method == Method::OPTIONS {
            return Found::Options;
        }
        let method = if method == Method::HEAD { &Method::GET } else { method };
        let found = self.methods.iter().find(|(known, _)| known == method);
        found.map_or(Found::NotAllowed, |(_, endpoint)| Found::Endpoint(*endpoint))
    }

    /// The methods that it has, in the order of Java's hash set.
    pub(super) fn allowed(&self) -> Vec<&str> {
        let mut allowed: Vec<&str> = self.methods.iter().map(|(method, _)| method.as_str()).collect();
        if allowed.contains(&"GET") {
            allowed.push("HEAD");
        }
        allowed.push("OPTIONS");
        allowed.sort_by_key(|method| java_bucket(method, 16));
        allowed
    }

    /// What the path has in the places of the template, decoded.
    pub(super) fn values(&self) -> Vec<String> {
        self.segments
            .iter()
            .map(|segment| percent_decode_str(segment).decode_utf8_lossy().into_owned())
            .collect()
    }

    /// Whether what has to be a number in `values` is one, as Java reads it.
    pub(super) fn has_numbers(endpoint: Endpoint, values: &[String]) -> bool {
        endpoint.numbers().iter().all(|at| values.get(*at).is_some_and(|value| number(value).is_some()))
    }
}

/// A 32-bit number as Java reads it.
pub(super) fn number(text: &str) -> Option<i32> {
    text.parse().ok()
}

/// In which of a Java hash map's buckets a key is.
pub(super) fn java_bucket(key: &str, buckets: u32) -> u32 {
    let hash = key.encode_utf16().fold(0u32, |hash, unit| hash.wrapping_mul(31).wrapping_add(unit.into()));
    (hash ^ (hash >> 16)) & (buckets - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(path: &str) -> Option<Resource<'_>> {
        resource(path, ProxyRelease::Confluent7_9, |_| false)
    }

    #[test]
    fn paths_are_matched_as_they_came() {
        for (path, values) in [
            ("/", &[][..]),
            ("/topics", &[]),
            ("/topics/", &[]),
            ("/topics;x=y", &[]),
            ("/topics/;x", &[]),
            ("/topics/p1;a=b", &["p1"]),
            ("/topics;x=y/%70%31/", &["p1"]),
            ("/topics/a%2Fb/partitions", &["a/b"]),
            ("/topics/..", &[".."]),
            ("/topics/p1%3Bx", &["p1;x"]),
            ("/topics/p1/partitions/+1", &["p1", "+1"]),
            ("/v3/clusters/c/topics/t/records/", &["c", "t"]),
        ] {
            assert_eq!(at(path).expect(path).values(), values, "{path}");
        }
        for path in
            ["//", "//topics", "/topics//", "/topi%63s", "/Topics", "/topics/../topics", "/nope", "/v3/", "*"]
        {
            assert_eq!(at(path), None, "{path}");
        }
    }

    #[test]
    fn methods_are_in_the_order_of_javas_set() {
        for (path, allowed) in [
            ("/topics", "HEAD GET OPTIONS"),
            ("/topics/p1", "HEAD POST GET OPTIONS"),
            ("/v3/clusters/c/topics/t", "HEAD DELETE GET OPTIONS"),
            ("/v3/clusters/c/topics/t/records", "POST OPTIONS"),
        ] {
            assert_eq!(at(path).unwrap().allowed().join(" "), allowed, "{path}");
        }
        let topics = at("/topics").unwrap();
        assert_eq!(topics.find(&Method::HEAD), Found::Endpoint(Endpoint::ListTopics));
        assert_eq!(topics.find(&Method::TRACE), Found::NotAllowed);
    }

    #[test]
    fn what_is_blocked_or_not_yet_there_is_not_found() {
        let blocked = |endpoint| endpoint == Endpoint::GetTopic;
        let topic = resource("/topics/t", ProxyRelease::Confluent7_9, blocked).unwrap();
        assert_eq!(topic.find(&Method::GET), Found::NotAllowed);
        let batch = "/v3/clusters/c/topics/t/records:batch";
        assert!(at(batch).is_some());
        assert_eq!(resource(batch, ProxyRelease::Confluent6_2, |_| false), None);
    }
}
