//! The token endpoint's decision: who asks, by which grant, for which scopes (RFC 6749).

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use percent_encoding::percent_decode_str;

use super::Client;
use crate::wire::oauth::{TokenErrorCode, TokenRequest};

/// What a request to the token endpoint carries.
pub(super) struct TokenCall<'a> {
    /// Values of all `Authorization` headers.
    pub(super) authorization: Vec<&'a [u8]>,
    pub(super) content_type: Option<&'a str>,
    pub(super) query: Option<&'a str>,
    pub(super) body: &'a [u8],
}

/// A granted request.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Grant {
    pub(super) client_id: String,
    /// Scopes granted, separated by spaces; `None` where none is.
    pub(super) scope: Option<String>,
}

/// A refused request.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) code: TokenErrorCode,
    pub(super) description: &'static str,
}

impl Refusal {
    pub(super) fn new(code: TokenErrorCode, description: &'static str) -> Self {
        Self { code, description }
    }
}

/// Decides on a token request. Form first, then the client, then the grant, then the scopes.
pub(super) fn decide(call: &TokenCall<'_>, clients: &[Client]) -> Result<Grant, Refusal> {
    let invalid = |description| Refusal::new(TokenErrorCode::InvalidRequest, description);
    let media_type = call.content_type.and_then(|value| value.split(';').next()).unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Err(invalid("the body must be application/x-www-form-urlencoded"));
    }
    // Section 2.3.1: credentials must not stand in the URI, where logs would keep them.
    let query = form_urlencoded::parse(call.query.unwrap_or_default().as_bytes());
    if query.into_iter().any(|(name, _)| name == "client_secret" || name == "client_id") {
        return Err(invalid("client credentials must not stand in the request URI"));
    }
    let request =
        TokenRequest::from_form(call.body).map_err(|_| invalid("a parameter stands more than once"))?;
    let client = authenticate(call, &request, clients)?;
    match request.grant_type.as_deref() {
        None => return Err(invalid("the parameter grant_type is missing")),
        Some("client_credentials") => {}
        Some(_) => {
            let description = "this server knows the grant client_credentials only";
            return Err(Refusal::new(TokenErrorCode::UnsupportedGrantType, description));
        }
    }
    let scope = granted_scope(request.scope.as_deref(), &client.scopes)?;
    Ok(Grant { client_id: client.id.clone(), scope })
}

fn authenticate<'c>(
    call: &TokenCall<'_>,
    request: &TokenRequest,
    clients: &'c [Client],
) -> Result<&'c Client, Refusal> {
    let invalid = |description| Err(Refusal::new(TokenErrorCode::InvalidRequest, description));
    let failed = || Refusal::new(TokenErrorCode::InvalidClient, "client authentication failed");
    let (id, secret) = match (call.authorization.as_slice(), &request.client_secret) {
        ([], None) => return Err(failed()),
        ([], Some(secret)) => match &request.client_id {
            Some(id) => (id.clone(), secret.clone()),
            None => return invalid("client_secret without client_id"),
        },
        ([_], Some(_)) => return invalid("two ways of client authentication at once"),
        ([header], None) => basic_credentials(header).ok_or_else(failed)?,
        _ => return invalid("more than one Authorization header"),
    };
    if request.client_id.as_ref().is_some_and(|in_body| *in_body != id) {
        return invalid("client_id differs from the client that authenticates");
    }
    let known = clients.iter().find(|client| client.id == id);
    // An unknown client costs the same comparison as a known one.
    let expected = known.map_or("", |client| client.secret.expose());
    let fits = same_secret(&secret, expected);
    known.filter(|_| fits).ok_or_else(failed)
}

/// Compares without telling by its time how much fits; the digests make the lengths equal.
fn same_secret(given: &str, expected: &str) -> bool {
    let (given, expected) = (digest(&SHA256, given.as_bytes()), digest(&SHA256, expected.as_bytes()));
    verify_slices_are_equal(given.as_ref(), expected.as_ref()).is_ok()
}

/// Client id and secret of a `Basic` header; both are form-urlencoded before they are joined (RFC 6749,
/// section 2.3.1). The scheme's name may be in any case (RFC 9110, section 11.1).
fn basic_credentials(header: &[u8]) -> Option<(String, String)> {
    let header = std::str::from_utf8(header).ok()?;
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("Basic") {
        return None;
    }
    let decoded = String::from_utf8(BASE64.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    Some((form_decoded(id)?, form_decoded(secret)?))
}

fn form_decoded(text: &str) -> Option<String> {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

/// The scopes granted: those asked for, each once and in order, or all that the client may have where none
/// is asked for (section 3.3).
fn granted_scope(asked: Option<&str>, allowed: &[String]) -> Result<Option<String>, Refusal> {
    let refuse = |description| Err(Refusal::new(TokenErrorCode::InvalidScope, description));
    let mut granted: Vec<&str> = Vec::new();
    match asked {
        None => granted.extend(allowed.iter().map(String::as_str)),
        Some(asked) => {
            for scope in asked.split(' ') {
                if scope.is_empty() || !scope.bytes().all(is_scope_byte) {
                    return refuse("the scope is malformed");
                }
                if !allowed.iter().any(|allowed| allowed == scope) {
                    return refuse("the scope is more than the client may have");
                }
                if !granted.contains(&scope) {
                    granted.push(scope);
                }
            }
        }
    }
    Ok(Some(granted.join(" ")).filter(|scope| !scope.is_empty()))
}

/// `NQCHAR` of RFC 6749, appendix A.
fn is_scope_byte(byte: u8) -> bool {
    matches!(byte, 0x21 | 0x23..=0x5B | 0x5D..=0x7E)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    const FORM: Option<&str> = Some("application/x-www-form-urlencoded; charset=UTF-8");
    const GRANT: &str = "grant_type=client_credentials";

    fn clients() -> Vec<Client> {
        let client = |id: &str, secret: &str, scopes: &[&str]| Client {
            id: id.into(),
            secret: Secret::new(secret),
            scopes: scopes.iter().map(ToString::to_string).collect(),
        };
        vec![client("a:b", "p%+:ä", &["quakes:write", "ships:write"]), client("none", "s", &[])]
    }

    fn basic(id: &str, secret: &str) -> Vec<u8> {
        format!("basic {}", BASE64.encode(format!("{id}:{secret}"))).into_bytes()
    }

    fn ask(authorization: &[&[u8]], body: &str) -> Result<Grant, TokenErrorCode> {
        let call = TokenCall {
            authorization: authorization.to_vec(),
            content_type: FORM,
            query: None,
            body: body.as_bytes(),
        };
        decide(&call, &clients()).map_err(|refusal| refusal.code)
    }

    #[test]
    fn basic_credentials_are_form_decoded() {
        let header = basic("a%3Ab", "p%25%2B%3A%C3%A4");
        let all = Grant { client_id: "a:b".into(), scope: Some("quakes:write ships:write".into()) };
        assert_eq!(ask(&[&header], GRANT), Ok(all));
        assert_eq!(ask(&[&basic("a%3Ab", "p%+:ä")], GRANT), Err(TokenErrorCode::InvalidClient));
    }

    #[test]
    fn credentials_in_the_body() {
        let body = format!("{GRANT}&client_id=none&client_secret=s");
        assert_eq!(ask(&[], &body), Ok(Grant { client_id: "none".into(), scope: None }));
        let wrong = format!("{GRANT}&client_id=none&client_secret=t");
        assert_eq!(ask(&[], &wrong), Err(TokenErrorCode::InvalidClient));
    }

    #[test]
    fn an_unknown_client_with_an_empty_secret_fails() {
        assert_eq!(ask(&[&basic("stranger", "")], GRANT), Err(TokenErrorCode::InvalidClient));
    }

    #[test]
    fn mixed_or_missing_credentials() {
        let header = basic("none", "s");
        let both = format!("{GRANT}&client_id=none&client_secret=s");
        assert_eq!(ask(&[&header], &both), Err(TokenErrorCode::InvalidRequest));
        assert_eq!(ask(&[&header, &header], GRANT), Err(TokenErrorCode::InvalidRequest));
        assert_eq!(ask(&[&header], &format!("{GRANT}&client_id=other")), Err(TokenErrorCode::InvalidRequest));
        assert!(ask(&[&header], &format!("{GRANT}&client_id=none")).is_ok());
        assert_eq!(ask(&[], GRANT), Err(TokenErrorCode::InvalidClient));
        assert_eq!(ask(&[b"Bearer x"], GRANT), Err(TokenErrorCode::InvalidClient));
        assert_eq!(ask(&[b"Basic !!"], GRANT), Err(TokenErrorCode::InvalidClient));
    }

    #[test]
    fn grants_and_scopes() {
        let header = basic("a%3Ab", "p%25%2B%3A%C3%A4");
        let ask = |body: &str| ask(&[&header], body);
        assert_eq!(ask("scope=x"), Err(TokenErrorCode::InvalidRequest));
        assert_eq!(ask("grant_type=password"), Err(TokenErrorCode::UnsupportedGrantType));
        assert_eq!(ask(&format!("{GRANT}&scope=other")), Err(TokenErrorCode::InvalidScope));
        assert_eq!(
            ask(&format!("{GRANT}&scope=quakes:write++ships:write")),
            Err(TokenErrorCode::InvalidScope)
        );
        assert_eq!(ask(&format!("{GRANT}&scope=a&scope=a")), Err(TokenErrorCode::InvalidRequest));
        let one = ask(&format!("{GRANT}&scope=ships:write+ships:write")).unwrap();
        assert_eq!(one.scope.as_deref(), Some("ships:write"));
    }

    #[test]
    fn form_and_place_of_the_credentials() {
        let call = |content_type, query| TokenCall {
            authorization: vec![],
            content_type,
            query,
            body: b"grant_type=client_credentials&client_id=none&client_secret=s",
        };
        assert!(decide(&call(FORM, Some("x=1")), &clients()).is_ok());
        for bad in
            [call(Some("application/json"), None), call(None, None), call(FORM, Some("client_secret=s"))]
        {
            assert_eq!(decide(&bad, &clients()).unwrap_err().code, TokenErrorCode::InvalidRequest);
        }
    }
}
