//! The events that authorizers get (API Gateway Developer Guide, "Input to an API Gateway Lambda authorizer").

use std::collections::BTreeMap;

use super::call::Call;
use crate::wire::lambda::AuthorizerEvent;

/// The event of an authorizer that looks at one header, whose value this is.
pub(super) fn token_event(value: &str, method_arn: &str) -> AuthorizerEvent {
    AuthorizerEvent::Token { authorization_token: value.to_owned(), method_arn: method_arn.to_owned() }
}

/// The event of an authorizer that looks at the request.
pub(super) fn request_event(call: &Call, method_arn: &str) -> AuthorizerEvent {
    let mut headers: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in &call.headers {
        // As nearly every client writes them; the server does not keep the client's own capitals.
        headers
            .entry(capitalised(name.as_str()))
            .or_default()
            .push(String::from_utf8_lossy(value.as_bytes()).into_owned());
    }
    let mut query: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in call.query_pairs() {
        query.entry(name).or_default().push(value);
    }
    let found = call.found.as_ref();
    AuthorizerEvent::Request {
        method_arn: method_arn.to_owned(),
        resource: call.resource().map(str::to_owned),
        path: found.map(|found| found.path.clone()),
        http_method: Some(call.method.clone()),
        headers: Some(last_of(&headers)),
        multi_value_headers: Some(headers),
        query_string_parameters: Some(last_of(&query)),
        multi_value_query_string_parameters: Some(query),
        path_parameters: found.map(|found| found.parameters.iter().cloned().collect()),
        stage_variables: Some(call.plan.stage.variables.clone()),
        request_context: Some(call.request_context()),
    }
}

fn last_of(values: &BTreeMap<String, Vec<String>>) -> BTreeMap<String, String> {
    values.iter().filter_map(|(name, values)| Some((name.clone(), values.last()?.clone()))).collect()
}

/// `content-type` as `Content-Type`.
fn capitalised(name: &str) -> String {
    let mut start = true;
    let capital = |c: char| {
        let c = if start { c.to_ascii_uppercase() } else { c };
        start = c == '-';
        c
    };
    name.chars().map(capital).collect()
}

#[cfg(test)]
mod tests {
    use super::capitalised;

    #[test]
    fn names_are_written_as_clients_do() {
        assert_eq!(capitalised("x-amzn-trace-id"), "X-Amzn-Trace-Id");
        assert_eq!(capitalised("host"), "Host");
    }
}
