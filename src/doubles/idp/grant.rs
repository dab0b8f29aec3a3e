//! The token endpoint's decision: who asks, by which grant, for which scopes and which API (RFC 6749, RFC 7523, RFC 8707).

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use percent_encoding::percent_decode_str;

use super::assertion::{self, Replays};
use super::{Client, Credential};
use crate::wire::oauth::{JWT_BEARER, TokenErrorCode, TokenRequest};

/// What a request to the token endpoint carries.
pub(super) struct TokenCall<'a> {
    /// Values of all `Authorization` headers.
    pub(super) authorization: Vec<&'a [u8]>,
    pub(super) content_type: Option<&'a str>,
    pub(super) query: Option<&'a str>,
    pub(super) body: &'a [u8],
}

/// Whom the endpoint serves, and for what.
#[derive(Clone, Copy)]
pub(super) struct Terms<'a> {
    pub(super) clients: &'a [Client],
    /// The API that tokens are for.
    pub(super) audience: &'a str,
    /// The issuer and its token endpoint, one of which assertions must be for.
    pub(super) recipients: [&'a str; 2],
    pub(super) replays: &'a Replays,
    /// Seconds since 1970.
    pub(super) now: u64,
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

/// Decides on a token request. Form first, then the client, then the grant, then the API, then the scopes.
pub(super) fn decide(call: &TokenCall<'_>, terms: &Terms<'_>) -> Result<Grant, Refusal> {
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
    let client = authenticate(call, &request, terms)?;
    match request.grant_type.as_deref() {
        None => return Err(invalid("the parameter grant_type is missing")),
        Some("client_credentials") => {}
        Some(_) => {
            let description = "this server knows the grant client_credentials only";
            return Err(Refusal::new(TokenErrorCode::UnsupportedGrantType, description));
        }
    }
    // RFC 8707, section 2; `audience` means the same where there is one API only.
    if request.audience.iter().chain(&request.resource).any(|target| target != terms.audience) {
        let description = "this server issues no tokens for that API";
        return Err(Refusal::new(TokenErrorCode::InvalidTarget, description));
    }
    // Entra ID's way of asking for all that the client may have.
    let all = format!("{}/.default", terms.audience);
    let asked = request.scope.as_deref().filter(|scope| *scope != all);
    let scope = granted_scope(asked, &client.scopes)?;
    Ok(Grant { client_id: client.id.clone(), scope })
}

fn authenticate<'c>(
    call: &TokenCall<'_>,
    request: &TokenRequest,
    terms: &Terms<'c>,
) -> Result<&'c Client, Refusal> {
    let invalid = |description| Err(Refusal::new(TokenErrorCode::InvalidRequest, description));
    let failed = || Refusal::new(TokenErrorCode::InvalidClient, "client authentication failed");
    if request.client_assertion.is_some() || request.client_assertion_type.is_some() {
        // RFC 6749, section 2.3: no more than one way.
        if !call.authorization.is_empty() || request.client_secret.is_some() {
            return invalid("two ways of client authentication at once");
        }
        return by_assertion(request, terms);
    }
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
    let known = terms.clients.iter().find_map(|client| match &client.credential {
        Credential::Secret(secret) if client.id == id => Some((client, secret)),
        _ => None,
    });
    // An unknown client costs the same comparison as a known one.
    let expected = known.map_or("", |(_, secret)| secret.expose());
    let fits = same_secret(&secret, expected);
    known.filter(|_| fits).map(|(client, _)| client).ok_or_else(failed)
}

/// RFC 7523, section 2.2.
fn by_assertion<'c>(request: &TokenRequest, terms: &Terms<'c>) -> Result<&'c Client, Refusal> {
    let invalid = |description| Err(Refusal::new(TokenErrorCode::InvalidRequest, description));
    let failed = || Refusal::new(TokenErrorCode::InvalidClient, "client authentication failed");
    let Some(assertion) = &request.client_assertion else {
        return invalid("client_assertion_type without client_assertion");
    };
    match request.client_assertion_type.as_deref() {
        Some(JWT_BEARER) => {}
        Some(_) => return Err(failed()),
        None => return invalid("client_assertion without client_assertion_type"),
    }
    let id = assertion::claimed_client(assertion).ok_or_else(failed)?;
    // RFC 7521, section 4.2: it is not needed, and must be the same where it is there.
    if request.client_id.as_ref().is_some_and(|in_body| *in_body != id) {
        return invalid("client_id differs from the client that authenticates");
    }
    let known = terms.clients.iter().find_map(|client| match &client.credential {
        Credential::Key(key) if client.id == id => Some((client, key)),
        _ => None,
    });
    let (client, key) = known.ok_or_else(failed)?;
    let good = assertion::is_good(assertion, &id, key, terms.recipients, terms.replays, terms.now);
    if good { Ok(client) } else { Err(failed()) }
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
    use crate::jose::{Algorithm, KeyKind, PrivateKey, Signer};
    use crate::secret::Secret;
    use serde_json::json;
    use std::sync::Arc;

    const FORM: Option<&str> = Some("application/x-www-form-urlencoded; charset=UTF-8");
    const GRANT: &str = "grant_type=client_credentials";
    const NOW: u64 = 1_800_000_000;

    fn clients() -> Vec<Client> {
        let client = |id: &str, secret: &str, scopes: &[&str]| Client {
            id: id.into(),
            credential: Credential::Secret(Secret::new(secret)),
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
        let (clients, replays) = (clients(), Replays::default());
        decide(&call, &terms(&clients, &replays)).map_err(|refusal| refusal.code)
    }

    fn terms<'a>(clients: &'a [Client], replays: &'a Replays) -> Terms<'a> {
        Terms { clients, audience: "api", recipients: ["http://idp", "http://idp/token"], replays, now: NOW }
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
    fn the_api_that_a_token_is_for() {
        let header = basic("a%3Ab", "p%25%2B%3A%C3%A4");
        let ask = |body: &str| ask(&[&header], &format!("{GRANT}&{body}"));
        for good in ["audience=api", "resource=api&resource=api", "audience=api&resource=api", "audience="] {
            assert!(ask(good).is_ok(), "{good}");
        }
        for bad in ["audience=other", "resource=other", "resource=api&resource=other", "audience=ap"] {
            assert_eq!(ask(bad), Err(TokenErrorCode::InvalidTarget), "{bad}");
        }
        let all = ask("scope=api/.default").unwrap();
        assert_eq!(all.scope.as_deref(), Some("quakes:write ships:write"));
        assert_eq!(ask("scope=other/.default"), Err(TokenErrorCode::InvalidScope));
    }

    #[test]
    fn a_client_that_signs_authenticates_so_and_in_no_other_way() {
        let key = Arc::new(PrivateKey::generate(KeyKind::Ed25519).unwrap());
        let mut clients = clients();
        let credential = Credential::Key(key.public().clone());
        clients.push(Client { id: "signer".into(), credential, scopes: vec!["a".into()] });
        let replays = Replays::default();
        let serial = std::cell::Cell::new(0);
        let assertion = |sub: &str| {
            serial.set(serial.get() + 1);
            let claims = json!({"iss": sub, "sub": sub, "aud": "http://idp", "exp": NOW + 60,
                "jti": serial.get().to_string()});
            Signer::new(key.clone(), Algorithm::EdDsa, &json!({"alg": "EdDSA"})).sign(&claims).unwrap()
        };
        let ask = |authorization: &[&[u8]], more: &str| {
            let body = format!("{GRANT}&{more}");
            let authorization = authorization.to_vec();
            let call = TokenCall { authorization, content_type: FORM, query: None, body: body.as_bytes() };
            decide(&call, &terms(&clients, &replays)).map_err(|refusal| refusal.code)
        };
        let kind = form_urlencoded::byte_serialize(JWT_BEARER.as_bytes()).collect::<String>();
        let signed = |sub: &str| format!("client_assertion_type={kind}&client_assertion={}", assertion(sub));
        let granted = ask(&[], &signed("signer")).unwrap();
        assert_eq!((granted.client_id.as_str(), granted.scope.as_deref()), ("signer", Some("a")));
        assert!(ask(&[], &format!("{}&client_id=signer", signed("signer"))).is_ok());
        let once = signed("signer");
        assert!(ask(&[], &once).is_ok());
        let (client, request) = (Err(TokenErrorCode::InvalidClient), Err(TokenErrorCode::InvalidRequest));
        assert_eq!(ask(&[], &once), client, "a replay");
        // One that has a secret, and nobody.
        assert_eq!(ask(&[], &signed("none")), client);
        assert_eq!(ask(&[], &signed("stranger")), client);
        assert_eq!(ask(&[], "client_id=signer&client_secret="), client);
        assert_eq!(ask(&[&basic("signer", "")], ""), client);
        assert_eq!(ask(&[], &format!("{}&client_id=none", signed("signer"))), request);
        assert_eq!(ask(&[&basic("none", "s")], &signed("signer")), request);
        assert_eq!(ask(&[], &format!("{}&client_id=none&client_secret=s", signed("signer"))), request);
        assert_eq!(ask(&[], &format!("client_assertion_type={kind}")), request);
        assert_eq!(ask(&[], &format!("client_assertion={}", assertion("signer"))), request);
        assert_eq!(
            ask(&[], &format!("client_assertion_type=x&client_assertion={}", assertion("signer"))),
            client
        );
    }

    #[test]
    fn form_and_place_of_the_credentials() {
        let call = |content_type, query| TokenCall {
            authorization: vec![],
            content_type,
            query,
            body: b"grant_type=client_credentials&client_id=none&client_secret=s",
        };
        let (clients, replays) = (clients(), Replays::default());
        let terms = terms(&clients, &replays);
        assert!(decide(&call(FORM, Some("x=1")), &terms).is_ok());
        for bad in
            [call(Some("application/json"), None), call(None, None), call(FORM, Some("client_secret=s"))]
        {
            assert_eq!(decide(&bad, &terms).unwrap_err().code, TokenErrorCode::InvalidRequest);
        }
    }
}
