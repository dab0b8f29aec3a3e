//! From a caller's scopes to an IAM policy.

use serde_json::{Map, Value};

use super::token::Caller;
use crate::wire::lambda::{AuthorizerResult, Effect, OneOrMany, PolicyDocument, Statement};

/// The stage of an API, as the start of the ARNs of its methods:
/// `arn:aws:execute-api:{region}:{account}:{api}/{stage}`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ApiArn(String);

impl ApiArn {
    /// The stage to which the method `arn:…:{api}/{stage}/{verb}/{path}` belongs.
    pub(super) fn of_method(arn: &str) -> Option<Self> {
        let mut parts = arn.splitn(6, ':');
        let prefix = [parts.next()?, parts.next()?, parts.next()?];
        if prefix[0] != "arn" || !prefix[1].starts_with("aws") || prefix[2] != "execute-api" {
            return None;
        }
        let (region, account) = (parts.next()?, parts.next()?);
        let mut path = parts.next()?.splitn(4, '/');
        let (api, stage) = (path.next()?, path.next()?);
        path.next().filter(|verb| !verb.is_empty())?;
        // What goes into a pattern must not be a pattern itself.
        let plain = |part: &str| !part.is_empty() && !part.contains(['*', '?', '$']);
        [region, account, api, stage]
            .into_iter()
            .all(plain)
            .then(|| Self(format!("{}:{region}:{account}:{api}/{stage}", prefix.join(":"))))
    }

    fn resource(&self, path: &str) -> String {
        format!("{}/POST/{path}", self.0)
    }
}

/// The policy for `caller`: each scope `<topic>:write` allows producing to the topic and to each of its
/// partitions, and by API v3 under any name of the cluster, which the proxy does not check, all below `prefix`. It names all of the caller's topics, not only the one asked for, because the gateway caches
/// it for the token. A caller without any such scope is denied explicitly, which no other policy overrides.
///
/// Each topic is named in full, once: a pattern over several topics would be shorter and allow others, too.
/// The scopes are not told again in the context. So a result within [`RESULT_LIMIT`] holds as many topics as
/// it can.
///
/// [`RESULT_LIMIT`]: crate::wire::lambda::RESULT_LIMIT
pub(super) fn for_caller(caller: &Caller, api: &ApiArn, prefix: &str) -> AuthorizerResult {
    let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
    let mut topics: Vec<&str> = caller.scope.split(' ').filter_map(writable_topic).collect();
    topics.sort_unstable();
    topics.dedup();
    let (effect, resources) = if topics.is_empty() {
        (Effect::Deny, vec!["*".to_owned()])
    } else {
        let resources = topics.iter().flat_map(|topic| {
            [
                api.resource(&format!("{prefix}topics/{topic}")),
                api.resource(&format!("{prefix}topics/{topic}/partitions/*")),
                api.resource(&format!("{prefix}v3/clusters/*/topics/{topic}/records")),
            ]
        });
        (Effect::Allow, resources.collect())
    };
    let statement = Statement {
        effect,
        action: OneOrMany::One("execute-api:Invoke".to_owned()),
        resource: OneOrMany::Many(resources),
        condition: None,
    };
    let mut context = Map::new();
    context.insert("client_id".to_owned(), Value::String(caller.client_id.clone()));
    AuthorizerResult {
        principal_id: caller.subject.clone(),
        policy_document: PolicyDocument {
            version: Some("2012-10-17".to_owned()),
            statement: OneOrMany::Many(vec![statement]),
        },
        context: Some(context),
        usage_identifier_key: None,
    }
}

/// The topic of a scope `<topic>:write`. Only names that are legal in Kafka count (1 to 249 of ASCII
/// letters, digits, `.`, `_`, `-`; not `.` or `..`), so that no scope can smuggle a wildcard or a slash
/// into the policy.
fn writable_topic(scope: &str) -> Option<&str> {
    let topic = scope.strip_suffix(":write")?;
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (!matches!(topic, "" | "." | "..") && topic.len() <= 249 && topic.bytes().all(legal)).then_some(topic)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:execute-api:eu-west-1:123456789012:abc/prod/POST/topics/quakes";

    fn policy(scope: &str) -> Statement {
        let caller = Caller { subject: "s".into(), client_id: "c".into(), scope: scope.into() };
        let result = for_caller(&caller, &ApiArn::of_method(ARN).unwrap(), "");
        assert_eq!(result.principal_id, "s");
        result.policy_document.statement.as_slice()[0].clone()
    }

    #[test]
    fn every_topic_of_the_token_is_allowed_whichever_was_asked_for() {
        let statement = policy("ships:write quakes:write ships:write ships:read");
        assert_eq!(statement.effect, Effect::Allow);
        let base = "arn:aws:execute-api:eu-west-1:123456789012:abc/prod/POST";
        assert_eq!(
            statement.resource.as_slice(),
            [
                format!("{base}/topics/quakes"),
                format!("{base}/topics/quakes/partitions/*"),
                format!("{base}/v3/clusters/*/topics/quakes/records"),
                format!("{base}/topics/ships"),
                format!("{base}/topics/ships/partitions/*"),
                format!("{base}/v3/clusters/*/topics/ships/records"),
            ]
        );
    }

    #[test]
    fn without_a_write_scope_everything_is_denied() {
        for scope in
            ["", "quakes:read", "*:write", "a/b:write", "?:write", ":write", "..:write", "quakes:Write"]
        {
            let statement = policy(scope);
            assert_eq!(statement.effect, Effect::Deny, "{scope}");
            assert_eq!(statement.resource.as_slice(), ["*"]);
        }
    }

    #[test]
    fn only_method_arns_are_taken() {
        assert!(ApiArn::of_method("arn:aws-cn:execute-api:r:1:a/s/POST/").is_some());
        for arn in [
            "",
            "arn:aws:s3:r:1:a/s/POST/x",
            "arn:aws:execute-api:r:1:a",
            "arn:aws:execute-api:r:1:*/s/POST/x",
        ] {
            assert_eq!(ApiArn::of_method(arn), None, "{arn}");
        }
    }
}
