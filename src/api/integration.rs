//! Where requests go (API Gateway Developer Guide, "x-amazon-apigateway-integration object").

use std::time::Duration;

use super::cursor::Cursor;
use super::model::{ConnectionType, Integration, IntegrationKind, IntegrationResponse, Passthrough, Remark};
use super::template::{Dialect, Template};

/// How long a back end may take where the definition says nothing.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(29);
/// The shortest that may be asked for, in milliseconds.
const SHORTEST_TIMEOUT: u64 = 50;
/// Members that are read, or say nothing of what a request meets with.
const KNOWN: [&str; 19] = [
    "type",
    "uri",
    "httpMethod",
    "connectionType",
    "connectionId",
    "timeoutInMillis",
    "requestParameters",
    "requestTemplates",
    "passthroughBehavior",
    "responses",
    "tlsConfig",
    "contentHandling",
    "cacheNamespace",
    "cacheKeyParameters",
    "credentials",
    "integrationTarget",
    "responseTransferMode",
    "payloadFormatVersion",
    "description",
];

/// What landfall's gateway cannot do stands in `unsupported`.
pub(super) fn read_integration(
    of: &Cursor<'_>,
    unsupported: &mut Vec<Remark>,
    remarks: &mut Vec<Remark>,
) -> Option<Integration> {
    let kind = match of.text("type").map(str::to_ascii_lowercase).as_deref() {
        Some("http_proxy") => IntegrationKind::HttpProxy,
        Some("http") => IntegrationKind::Http,
        Some("mock") => IntegrationKind::Mock,
        Some(other) => {
            let message =
                format!("is of the type `{other}`; landfall's gateway has `http_proxy`, `http` and `mock`");
            unsupported.push(of.remark(message));
            return None;
        }
        None => {
            unsupported.push(of.remark("does not say its `type`"));
            return None;
        }
    };
    for (name, member) in of.members() {
        if !KNOWN.contains(&name) {
            remarks.push(
                member.remark("is a member of the integration that landfall does not know, and passes over"),
            );
        }
    }
    if let Some(handling) = of.member("contentHandling") {
        unsupported.push(handling.remark("converts bodies, which landfall's gateway does not do"));
    }
    if of.text("responseTransferMode").is_some_and(|mode| mode.eq_ignore_ascii_case("stream")) {
        let pointer = of.pointer_of("responseTransferMode");
        unsupported.push(Remark {
            pointer,
            message: "streams responses, which landfall's gateway does not do".into(),
        });
    }
    let uri = of.text("uri").unwrap_or_default().to_owned();
    if kind != IntegrationKind::Mock && uri.is_empty() {
        unsupported.push(of.remark("has no `uri`, so nobody knows where its requests go"));
    }
    let templates = of.strings("requestTemplates", remarks);
    beyond_substitution(of, "requestTemplates", unsupported);
    let mut responses = std::collections::BTreeMap::new();
    for (pattern, response) in of.member("responses").iter().flat_map(Cursor::members) {
        let status = response.member("statusCode").and_then(|status| status.status());
        beyond_substitution(&response, "responseTemplates", unsupported);
        let parameters = response.strings("responseParameters", remarks);
        let templates = response.strings("responseTemplates", remarks);
        let response = IntegrationResponse { status: status.unwrap_or(200), parameters, templates };
        responses.insert(pattern.to_owned(), response);
    }
    Some(Integration {
        pointer: of.pointer.clone(),
        kind,
        uri,
        method: of
            .text("httpMethod")
            .filter(|method| !method.eq_ignore_ascii_case("any"))
            .map(str::to_ascii_uppercase),
        connection: match of.text("connectionType").map(str::to_ascii_uppercase).as_deref() {
            Some("VPC_LINK") => {
                ConnectionType::VpcLink(of.text("connectionId").unwrap_or_default().to_owned())
            }
            _ => ConnectionType::Internet,
        },
        timeout: timeout(of, remarks),
        parameters: of.strings("requestParameters", remarks),
        templates,
        passthrough: passthrough(of, remarks),
        responses,
    })
}

fn timeout(of: &Cursor<'_>, remarks: &mut Vec<Remark>) -> Duration {
    let Some(member) = of.member("timeoutInMillis") else { return DEFAULT_TIMEOUT };
    if let Some(millis) = member.value.as_u64().filter(|millis| *millis >= SHORTEST_TIMEOUT) {
        Duration::from_millis(millis)
    } else {
        remarks.push(member.remark("must be a whole number of milliseconds from 50 on, and counts as 29000"));
        DEFAULT_TIMEOUT
    }
}

fn passthrough(of: &Cursor<'_>, remarks: &mut Vec<Remark>) -> Passthrough {
    match of.text("passthroughBehavior").map(str::to_ascii_lowercase).as_deref() {
        None | Some("when_no_match") => Passthrough::WhenNoMatch,
        Some("when_no_templates") => Passthrough::WhenNoTemplates,
        Some("never") => Passthrough::Never,
        Some(_) => {
            let pointer = of.pointer_of("passthroughBehavior");
            let message =
                "is none of `when_no_match`, `when_no_templates` and `never`, and counts as the first".into();
            remarks.push(Remark { pointer, message });
            Passthrough::WhenNoMatch
        }
    }
}

/// Templates that ask for more than substitution.
fn beyond_substitution(of: &Cursor<'_>, member: &str, unsupported: &mut Vec<Remark>) {
    for (_, template) in of.member(member).iter().flat_map(Cursor::members) {
        let refused = template.value.as_str().and_then(|text| Template::parse(text, Dialect::Velocity).err());
        unsupported.extend(refused.map(|message| template.remark(message)));
    }
}
