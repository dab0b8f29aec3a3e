//! From a caller's permissions to an IAM policy.

use serde_json::{Map, Value};

use super::rules::Caller;
use crate::scenario::Flaw;
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

/// What is asked for, for an authorizer that mistakenly looks at it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    /// The mistake that is made.
    pub(super) flaw: Option<Flaw>,
    /// The method's ARN.
    pub(super) method: &'a str,
}

impl<'a> Asked<'a> {
    /// The topic in the method's path.
    fn topic(&self) -> Option<&'a str> {
        let (_, behind) = self.method.split_once("/topics/")?;
        behind.split('/').next()
    }
}

/// The policy for `caller`: each permission `<topic>:write` allows producing to the topic and to each of its partitions,
/// and by API v3 under any name of the cluster, which the proxy does not check, all below `prefix`. It names all of the
/// caller's topics, not only the one asked for, because the gateway caches it for the token. A caller without any such
/// permission is denied explicitly, which no other policy overrides.
///
/// Each topic is named in full, once: a pattern over several topics would be shorter and allow others, too.
/// The permissions are not told again in the context. So a result within [`RESULT_LIMIT`] holds as many topics as
/// it can.
///
/// [`RESULT_LIMIT`]: crate::wire::lambda::RESULT_LIMIT
pub(super) fn for_caller(caller: &Caller, api: &ApiArn, prefix: &str, asked: Asked<'_>) -> AuthorizerResult {
    let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
    let topics = topics_of(caller, asked);
    let resources = topics.iter().flat_map(|topic| {
        [
            api.resource(&format!("{prefix}topics/{topic}")),
            api.resource(&format!("{prefix}topics/{topic}/partitions/*")),
            api.resource(&format!("{prefix}v3/clusters/*/topics/{topic}/records")),
        ]
    });
    let (effect, resources) = if topics.is_empty() {
        (Effect::Deny, vec!["*".to_owned()])
    } else {
        (Effect::Allow, resources.collect())
    };
    let mut context = Map::new();
    context.insert("client_id".to_owned(), Value::String(caller.client_id.clone()));
    result(&caller.subject, effect, resources, Some(context))
}

/// What an authorizer answers that lets everybody pass: what is asked for is allowed.
pub(super) fn for_everybody(method: &str) -> AuthorizerResult {
    result("unknown", Effect::Allow, vec![method.to_owned()], None)
}

fn result(
    principal: &str,
    effect: Effect,
    resources: Vec<String>,
    context: Option<Map<String, Value>>,
) -> AuthorizerResult {
    let statement = Statement {
        effect,
        action: OneOrMany::One("execute-api:Invoke".to_owned()),
        resource: OneOrMany::Many(resources),
        condition: None,
    };
    AuthorizerResult {
        principal_id: principal.to_owned(),
        policy_document: PolicyDocument {
            version: Some("2012-10-17".to_owned()),
            statement: OneOrMany::Many(vec![statement]),
        },
        context,
        usage_identifier_key: None,
    }
}

/// The topics that these permissions let be written to, in their order.
pub(super) fn writable_topics(permissions: &[String]) -> Vec<String> {
    let mut topics: Vec<String> =
        permissions.iter().filter_map(|one| writable_topic(one)).map(str::to_owned).collect();
    topics.sort_unstable();
    topics.dedup();
    topics
}

/// The topics that the caller may write, in their order; patterns of topics where that is the mistake made.
fn topics_of(caller: &Caller, asked: Asked<'_>) -> Vec<String> {
    let permissions = &caller.permissions;
    let mut topics = writable_topics(permissions);
    match (asked.flaw, asked.topic()) {
        (Some(Flaw::ScopeBySubstring), Some(topic)) => {
            let found = permissions.join(" ").contains(&format!("{topic}:write"));
            topics.extend(found.then(|| topic.to_owned()));
        }
        (Some(Flaw::ScopeInAnyCase), Some(topic)) => {
            let wanted = format!("{topic}:write");
            let found = permissions.iter().any(|one| one.eq_ignore_ascii_case(&wanted));
            topics.extend(found.then(|| topic.to_owned()));
        }
        (Some(Flaw::AllowsEveryTopic), _) if !topics.is_empty() => topics = vec!["*".to_owned()],
        (Some(Flaw::TopicByPrefix), _) => topics.iter_mut().for_each(|topic| topic.push('*')),
        (Some(Flaw::TopicInSmallLetters), _) => {
            for topic in &mut topics {
                topic.make_ascii_lowercase();
            }
        }
        _ => {}
    }
    topics.sort_unstable();
    topics.dedup();
    topics
}

/// The topic of a permission `<topic>:write`. Only names that are legal in Kafka count (1 to 249 of ASCII
/// letters, digits, `.`, `_`, `-`; not `.` or `..`), so that none can smuggle a wildcard or a slash
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

    fn policy_with(flaw: Option<Flaw>, scope: &str) -> Statement {
        let permissions = scope.split(' ').map(str::to_owned).collect();
        let caller = Caller { subject: "s".into(), client_id: "c".into(), permissions };
        let asked = Asked { flaw, method: ARN };
        let result = for_caller(&caller, &ApiArn::of_method(ARN).unwrap(), "", asked);
        assert_eq!(result.principal_id, "s");
        result.policy_document.statement.as_slice()[0].clone()
    }

    fn policy(scope: &str) -> Statement {
        policy_with(None, scope)
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

    #[test]
    fn mistakes_allow_more() {
        let allowed = |flaw, scope: &str| {
            let statement = policy_with(Some(flaw), scope);
            let first = statement.resource.as_slice()[0].clone();
            first
                .rsplit_once('/')
                .map(|(_, topic)| topic.to_owned())
                .filter(|_| statement.effect == Effect::Allow)
        };
        for (flaw, scope, topic) in [
            (Flaw::ScopeBySubstring, "xquakes:write2", "quakes"),
            (Flaw::ScopeInAnyCase, "QUAKES:Write", "quakes"),
            (Flaw::AllowsEveryTopic, "ships:write", "*"),
            (Flaw::TopicByPrefix, "qua:write", "qua*"),
            (Flaw::TopicInSmallLetters, "Quakes:write", "quakes"),
        ] {
            assert_eq!(allowed(flaw, scope).as_deref(), Some(topic), "{flaw:?}");
            assert_eq!(allowed(flaw, "quakes:read"), None, "{flaw:?}");
            assert_ne!(allowed(Flaw::AnyType, scope).as_deref(), Some(topic), "without {flaw:?}");
        }
    }
}
