//! Lambda authorizers (API Gateway Developer Guide, "x-amazon-apigateway-authorizer object"; API reference,
//! "Authorizer").

use std::time::Duration;

use super::cursor::Cursor;
use super::model::{Authorizer, AuthorizerKind, Remark};

/// How long results are kept where the definition says nothing.
const DEFAULT_TTL: Duration = Duration::from_mins(5);
/// The longest.
const LONGEST_TTL: u64 = 3_600;

/// The authorizer of a security scheme; `None` where it has none.
///
/// # Errors
/// What it is that landfall has not.
pub(super) fn read_authorizer(
    scheme: &Cursor<'_>,
    remarks: &mut Vec<Remark>,
) -> Result<Option<Authorizer>, Remark> {
    match scheme.text("x-amazon-apigateway-authtype").map(str::to_ascii_lowercase).as_deref() {
        Some("awssigv4") => {
            return Err(scheme
                .remark("asks for signatures of AWS (AWS_IAM), which landfall's gateway does not check"));
        }
        Some("cognito_user_pools") => return Err(scheme.remark(COGNITO)),
        _ => {}
    }
    let Some(of) = scheme.member("x-amazon-apigateway-authorizer") else { return Ok(None) };
    let kind = match of.text("type").map(str::to_ascii_lowercase).as_deref() {
        Some("token") => token(scheme, &of, remarks),
        Some("request") => AuthorizerKind::Request { sources: sources(&of) },
        Some("cognito_user_pools") => return Err(of.remark(COGNITO)),
        Some(other) => {
            return Err(
                of.remark(format!("is of the type `{other}`, and REST APIs have `token` and `request`"))
            );
        }
        None => return Err(of.remark("does not say its `type`, which is `token` or `request`")),
    };
    Ok(Some(Authorizer {
        pointer: of.pointer.clone(),
        kind,
        function: of.text("authorizerUri").and_then(function),
        ttl: ttl(&of, remarks),
    }))
}

const COGNITO: &str = "is a Cognito user pool, which landfall's gateway does not stand in for; a Lambda authorizer can \
                       stand in its place";

fn token(scheme: &Cursor<'_>, of: &Cursor<'_>, remarks: &mut Vec<Remark>) -> AuthorizerKind {
    let named = of.text("identitySource").or(None);
    let header = match named.map(|source| source.strip_prefix("method.request.header.")) {
        Some(Some(header)) => header.to_owned(),
        // Without a source of its own, the scheme's header counts.
        None => scheme.text("name").unwrap_or("Authorization").to_owned(),
        Some(None) => {
            let remark = "must be `method.request.header.NAME` for a token authorizer; the header of the scheme counts";
            let pointer = of.pointer_of("identitySource");
            remarks.push(Remark { pointer, message: remark.into() });
            scheme.text("name").unwrap_or("Authorization").to_owned()
        }
    };
    let expression = of.text("identityValidationExpression").filter(|text| !text.is_empty());
    AuthorizerKind::Token { header, expression: expression.map(str::to_owned) }
}

fn sources(of: &Cursor<'_>) -> Vec<String> {
    let text = of.text("identitySource").unwrap_or_default();
    text.split(',').map(str::trim).filter(|source| !source.is_empty()).map(str::to_owned).collect()
}

fn ttl(of: &Cursor<'_>, remarks: &mut Vec<Remark>) -> Duration {
    let Some(member) = of.member("authorizerResultTtlInSeconds") else { return DEFAULT_TTL };
    if let Some(seconds) = member.value.as_u64().filter(|seconds| *seconds <= LONGEST_TTL) {
        Duration::from_secs(seconds)
    } else {
        remarks.push(member.remark("must be a whole number of seconds from 0 to 3600, and counts as 300"));
        DEFAULT_TTL
    }
}

/// The name of the Lambda function in an authorizer's URI:
/// `arn:aws:apigateway:REGION:lambda:path/2015-03-31/functions/arn:aws:lambda:REGION:ACCOUNT:function:NAME/invocations`.
fn function(uri: &str) -> Option<String> {
    let (_, rest) = uri.rsplit_once(":function:")?;
    // An alias or a version may follow.
    let name = rest.split([':', '/']).next().unwrap_or(rest);
    // Stage variables stand in some; the name is not known then.
    (!name.is_empty() && !name.contains('$')).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_without_alias_and_version() {
        let uri = |name: &str| {
            format!(
                "arn:aws:apigateway:r:lambda:path/2015-03-31/functions/arn:aws:lambda:r:1:function:{name}/invocations"
            )
        };
        for (written, name) in
            [("auth", Some("auth")), ("auth:live", Some("auth")), ("${stageVariables.fn}", None), ("", None)]
        {
            assert_eq!(function(&uri(written)).as_deref(), name, "{written}");
        }
        assert_eq!(function("arn:aws:x"), None);
    }
}
