//! The API's resources and methods, and the ARN of a concrete call.

use hyper::Method;
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

/// Region, account and API id of the double, as they stand in its ARNs.
const ARN_PREFIX: &str = "arn:aws:execute-api:eu-west-1:123456789012";
/// The API's id.
pub(super) const API_ID: &str = "landfall00";

/// What must stay encoded in the path to the back end, so that the request line remains one.
const UNSAFE: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// A call of one of the API's methods.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Route {
    /// Value of `{topic}`, decoded.
    pub(super) topic: String,
    /// Path on the back end.
    pub(super) backend_path: String,
    /// What the caller wants to do, for the authorizer and its policy.
    pub(super) method_arn: String,
}

/// The method that `POST /{stage}/topics/{topic}`, `POST /{stage}/topics/{topic}/partitions/{partition}` or
/// `POST /{stage}/v3/clusters/{cluster}/topics/{topic}/records` names; `None` where the API has no such resource or
/// method.
///
/// Path values are decoded before the policy and the back end see them (Developer Guide, "Amazon API Gateway
/// important notes"). A value that decodes to a path with `.` or `..` is no resource: the back end might
/// resolve it to another topic than the one that was authorized.
pub(super) fn route(stage: &str, method: &Method, path: &str) -> Option<Route> {
    if method != Method::POST {
        return None;
    }
    let segments: Vec<&str> = path.strip_prefix('/')?.split('/').collect();
    let (topic, resource) = match segments.as_slice() {
        [first, "topics", topic] if *first == stage => {
            let topic = value(topic)?;
            (topic.clone(), format!("topics/{topic}"))
        }
        [first, "topics", topic, "partitions", partition] if *first == stage => {
            let (topic, partition) = (value(topic)?, value(partition)?);
            (topic.clone(), format!("topics/{topic}/partitions/{partition}"))
        }
        [first, "v3", "clusters", cluster, "topics", topic, "records"] if *first == stage => {
            // A policy has any cluster pass, so that one must not reach into what follows it.
            let cluster = value(cluster).filter(|cluster| !cluster.contains('/'))?;
            let topic = value(topic)?;
            (topic.clone(), format!("v3/clusters/{cluster}/topics/{topic}/records"))
        }
        _ => return None,
    };
    Some(Route {
        topic,
        backend_path: format!("/{}", utf8_percent_encode(&resource, UNSAFE)),
        method_arn: format!("{ARN_PREFIX}:{API_ID}/{stage}/POST/{resource}"),
    })
}

fn value(segment: &str) -> Option<String> {
    let decoded = percent_decode_str(segment).decode_utf8().ok()?.into_owned();
    let walks = decoded.split(['/', '\\']).any(|part| matches!(part, "." | ".." | ""));
    (!walks).then_some(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arn(path: &str) -> Option<String> {
        route("prod", &Method::POST, path).map(|route| route.method_arn)
    }

    #[test]
    fn the_three_resources() {
        let base = "arn:aws:execute-api:eu-west-1:123456789012:landfall00/prod/POST";
        assert_eq!(arn("/prod/topics/a"), Some(format!("{base}/topics/a")));
        assert_eq!(arn("/prod/topics/a/partitions/0"), Some(format!("{base}/topics/a/partitions/0")));
        let v3 = "v3/clusters/c/topics/a/records";
        assert_eq!(arn(&format!("/prod/{v3}")), Some(format!("{base}/{v3}")));
        let found = route("prod", &Method::POST, &format!("/prod/{v3}")).unwrap();
        assert_eq!((found.topic.as_str(), found.backend_path), ("a", format!("/{v3}")));
        let none = [
            "/prod/topics",
            "/prod/topics/",
            "/prod/topics/a/",
            "/prod/topics/a/partitions",
            "/prod/v3/clusters",
            "/prod/v3/clusters/c/topics/a",
            "/prod/v3/clusters/c/topics/a/records:batch",
            "/prod/v3/clusters/c%2Ftopics%2Fb/topics/a/records",
            "/test/topics/a",
            "/topics/a",
            "",
            "*",
        ];
        for path in none {
            assert_eq!(arn(path), None, "{path}");
        }
        assert_eq!(route("prod", &Method::GET, "/prod/topics/a"), None);
    }

    #[test]
    fn what_is_authorized_is_what_is_forwarded() {
        let route = route("prod", &Method::POST, "/prod/topics/a%2Fpartitions%2f1%3fx").unwrap();
        assert!(route.method_arn.ends_with("/POST/topics/a/partitions/1?x"));
        assert_eq!(route.backend_path, "/topics/a/partitions/1%3Fx");
    }

    #[test]
    fn values_that_walk_through_the_tree_are_no_resource() {
        for value in ["..", "%2e%2e", "a%2F..%2Fb", "a%2F%2Fb", "%5c..", ".", "%ff"] {
            assert_eq!(arn(&format!("/prod/topics/{value}")), None, "{value}");
            assert_eq!(arn(&format!("/prod/topics/a/partitions/{value}")), None, "{value}");
        }
    }
}
