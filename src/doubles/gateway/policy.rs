//! What an authorizer's policy says about one request (IAM User Guide, "Policy evaluation logic"; Amazon API
//! Gateway Developer Guide, "Control access for invoking an API").

use crate::wire::lambda::{Effect, PolicyDocument};

/// The action of calling a method.
const INVOKE: &str = "execute-api:Invoke";

/// What a policy decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// A statement allows it and none denies it.
    Allow,
    /// A statement denies it.
    ExplicitDeny,
    /// No statement applies.
    ImplicitDeny,
}

/// Evaluates `policy` for calling the method `arn`. Explicit Deny stands above Allow, and Allow above the
/// implicit deny. Conditions are not evaluated: a conditional Deny counts, a conditional Allow does not, so
/// that nothing passes that the policy might refuse.
#[must_use]
pub fn evaluate(policy: &PolicyDocument, arn: &str) -> Decision {
    let mut decision = Decision::ImplicitDeny;
    for statement in policy.statement.as_slice() {
        let action = statement.action.as_slice().iter().any(|pattern| {
            pattern == INVOKE || matches(&pattern.to_ascii_lowercase(), &INVOKE.to_ascii_lowercase())
        });
        if !action || !statement.resource.as_slice().iter().any(|pattern| matches(pattern, arn)) {
            continue;
        }
        match (statement.effect, &statement.condition) {
            (Effect::Deny, _) => return Decision::ExplicitDeny,
            (Effect::Allow, None) => decision = Decision::Allow,
            (Effect::Allow, Some(_)) => {}
        }
    }
    decision
}

/// Whether `text` fits `pattern`, in which `*` stands for any run of characters, slashes included, and `?`
/// for any one. Takes time of the product of their lengths at most.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    // Where the last `*` stands, and up to where in the text it reaches. It may reach into the middle of a character:
    // nothing but another `*` fits there.
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(b'?') if is_start(text[t]) => {
                p += 1;
                t += 1;
                while t < text.len() && !is_start(text[t]) {
                    t += 1;
                }
            }
            Some(byte) if *byte == text[t] && *byte != b'?' => {
                p += 1;
                t += 1;
            }
            _ => {
                let Some((at, reach)) = star else { return false };
                star = Some((at, reach + 1));
                p = at + 1;
                t = reach + 1;
            }
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

/// Whether a byte begins a character of UTF-8.
fn is_start(byte: u8) -> bool {
    byte & 0xC0 != 0x80
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    const ARN: &str = "arn:aws:execute-api:r:1:a/prod/POST/topics/quakes";

    fn decide(statements: &Value) -> Decision {
        let policy = json!({"Version": "2012-10-17", "Statement": statements});
        evaluate(&serde_json::from_value(policy).unwrap(), ARN)
    }

    fn statement(effect: &str, resource: &str) -> Value {
        json!({"Effect": effect, "Action": "execute-api:Invoke", "Resource": resource})
    }

    #[test]
    fn deny_stands_above_allow_in_any_order() {
        let allow = statement("Allow", "*");
        let deny = statement("Deny", "*/quakes");
        assert_eq!(decide(&json!([allow, deny])), Decision::ExplicitDeny);
        assert_eq!(decide(&json!([deny, allow])), Decision::ExplicitDeny);
        assert_eq!(decide(&allow), Decision::Allow);
        assert_eq!(decide(&json!([])), Decision::ImplicitDeny);
        assert_eq!(decide(&statement("Allow", "*/quake")), Decision::ImplicitDeny);
    }

    #[test]
    fn other_actions_do_not_count() {
        let with_action = |action| json!({"Effect": "Allow", "Action": action, "Resource": "*"});
        for action in [json!("execute-api:*"), json!(["s3:x", "Execute-API:invoke"]), json!("*")] {
            assert_eq!(decide(&with_action(action)), Decision::Allow);
        }
        assert_eq!(decide(&with_action(json!("execute-api:ManageConnections"))), Decision::ImplicitDeny);
    }

    #[test]
    fn a_condition_can_only_refuse() {
        let conditional = |effect| with_condition(statement(effect, "*"));
        assert_eq!(decide(&conditional("Allow")), Decision::ImplicitDeny);
        assert_eq!(decide(&conditional("Deny")), Decision::ExplicitDeny);
    }

    fn with_condition(mut statement: Value) -> Value {
        statement["Condition"] = json!({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}});
        statement
    }

    #[test]
    fn wildcards() {
        for (pattern, text, fits) in [
            ("a/*", "a/b/c", true),
            ("a/*", "a", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("a?c", "aäc", true),
            ("*b*d", "abcd", true),
            ("*b*d", "abc", false),
            ("", "", true),
            ("", "a", false),
            ("**", "", true),
            ("A", "a", false),
        ] {
            assert_eq!(matches(pattern, text), fits, "{pattern} {text}");
        }
    }

    proptest! {
        #[test]
        fn a_run_replaced_by_a_star_fits(a in "[a-c/]{0,8}", b in "[a-c/]{0,8}", c in "[a-c/]{0,8}") {
            let text = format!("{a}{b}{c}");
            let starred = format!("{a}*{c}");
            let dotted = format!("{a}{}{c}", "?".repeat(b.len()));
            prop_assert!(matches(&starred, &text));
            prop_assert!(matches(&dotted, &text));
            prop_assert!(matches(&text, &text));
        }
    }
}
