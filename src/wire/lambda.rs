//! What a REST API gateway and its Lambda authorizer tell each other (Amazon API Gateway Developer Guide,
//! "Input to a Lambda authorizer" and "Output from a Lambda authorizer"), and how Lambda reports a
//! function's error.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The event an authorizer gets. A `TOKEN` event has exactly the three members `type`,
/// `authorizationToken` and `methodArn`.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type")]
#[expect(clippy::large_enum_variant, reason = "one is made for each invocation, and sent at once")]
pub enum AuthorizerEvent {
    /// The authorizer looks at one header.
    #[serde(rename = "TOKEN", rename_all = "camelCase")]
    Token {
        /// The header's raw value, scheme included.
        authorization_token: String,
        /// What the caller wants to do:
        /// `arn:aws:execute-api:{region}:{account}:{api}/{stage}/{verb}/{path without leading slash}`.
        method_arn: String,
    },
    /// The authorizer looks at the whole request but its body. Members that are not named here are ignored.
    #[serde(rename = "REQUEST", rename_all = "camelCase")]
    Request {
        /// As above.
        method_arn: String,
        /// Path of the resource, with its parameters in braces.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        resource: Option<String>,
        /// Path of the request, without the stage.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        path: Option<String>,
        /// Method of the request.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        http_method: Option<String>,
        /// Headers, the last value of each; names as the client wrote them.
        #[serde(default)]
        headers: Option<BTreeMap<String, String>>,
        /// Headers, all values of each.
        #[serde(default)]
        multi_value_headers: Option<BTreeMap<String, Vec<String>>>,
        /// Parameters of the query, the last value of each.
        #[serde(default)]
        query_string_parameters: Option<BTreeMap<String, String>>,
        /// Parameters of the query, all values of each.
        #[serde(default)]
        multi_value_query_string_parameters: Option<BTreeMap<String, Vec<String>>>,
        /// Parameters of the path.
        #[serde(default)]
        path_parameters: Option<BTreeMap<String, String>>,
        /// Variables of the stage.
        #[serde(default)]
        stage_variables: Option<BTreeMap<String, String>>,
        /// Where the request came from and what it was for; API Gateway adds members from time to time.
        #[serde(default)]
        request_context: Option<Value>,
    },
}

impl fmt::Debug for AuthorizerEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, arn) = match self {
            Self::Token { method_arn, .. } => ("Token", method_arn),
            Self::Request { method_arn, .. } => ("Request", method_arn),
        };
        f.debug_struct(name).field("method_arn", arn).finish_non_exhaustive()
    }
}

/// Longest result of an authorizer that the gateway takes, in bytes of its JSON (API Gateway quotas,
/// L-20859C74).
pub const RESULT_LIMIT: usize = 8 * 1024;

/// What an authorizer returns.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuthorizerResult {
    /// Who the caller is.
    pub principal_id: String,
    /// What the caller may do.
    pub policy_document: PolicyDocument,
    /// Values for the gateway's mappings: strings, numbers and booleans only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<Map<String, Value>>,
    /// API key, where the API takes it from the authorizer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage_identifier_key: Option<String>,
}

impl fmt::Debug for AuthorizerResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthorizerResult")
            .field("principal_id", &self.principal_id)
            .field("policy_document", &self.policy_document)
            .field("context", &self.context)
            .field("usage_identifier_key", &self.usage_identifier_key.as_ref().map(|_| "[redacted]"))
            .finish()
    }
}

/// An IAM policy (IAM User Guide, "Grammar of the IAM JSON policy language"), as far as an authorizer's
/// result uses it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct PolicyDocument {
    /// `2012-10-17`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Statements, whose order does not matter.
    pub statement: OneOrMany<Statement>,
}

/// One statement of a policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Statement {
    /// Allow or Deny.
    pub effect: Effect,
    /// Actions, with wildcards.
    pub action: OneOrMany<String>,
    /// Resources, with wildcards.
    pub resource: OneOrMany<String>,
    /// When the statement applies; `None`: always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<Value>,
}

/// What a statement does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Effect {
    /// It permits.
    Allow,
    /// It forbids, whatever other statements permit.
    Deny,
}

/// IAM's habit of writing a list of one as the element itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum OneOrMany<T> {
    /// The element itself.
    One(T),
    /// A list.
    Many(Vec<T>),
}

impl<T> OneOrMany<T> {
    /// All elements.
    #[must_use]
    pub fn as_slice(&self) -> &[T] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
}

/// A function's error, as Lambda's Invoke API reports it: status 200, the header `X-Amz-Function-Error`,
/// and this body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FunctionError {
    /// Text. A gateway turns exactly `Unauthorized` into 401 and every other text into 500.
    pub error_message: String,
    /// Name of the error's type.
    pub error_type: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_token_event_has_exactly_three_members() {
        let event = AuthorizerEvent::Token {
            authorization_token: "Bearer x".into(),
            method_arn: "arn:aws:execute-api:eu-west-1:123456789012:abc/prod/POST/topics/a".into(),
        };
        assert_eq!(
            serde_json::to_value(&event).unwrap(),
            json!({"type": "TOKEN", "authorizationToken": "Bearer x",
                   "methodArn": "arn:aws:execute-api:eu-west-1:123456789012:abc/prod/POST/topics/a"})
        );
        assert!(!format!("{event:?}").contains("Bearer"));
    }

    #[test]
    fn debug_shows_no_api_key() {
        let result = AuthorizerResult {
            principal_id: "p".into(),
            policy_document: PolicyDocument { version: None, statement: OneOrMany::Many(vec![]) },
            context: None,
            usage_identifier_key: Some("hunter2".into()),
        };
        assert!(!format!("{result:?} {result:#?}").contains("hunter2"));
    }

    #[test]
    fn lists_of_one_may_be_written_as_the_element() {
        let policy: PolicyDocument = serde_json::from_value(json!({"Version": "2012-10-17", "Statement":
            {"Effect": "Deny", "Action": "execute-api:Invoke", "Resource": ["*"], "Condition": {"x": {"n": 1}}}}))
        .unwrap();
        let statement = &policy.statement.as_slice()[0];
        assert_eq!(statement.action.as_slice(), ["execute-api:Invoke"]);
        assert_eq!(statement.resource.as_slice(), ["*"]);
        assert_eq!(statement.condition, Some(json!({"x": {"n": 1}})));
    }
}
