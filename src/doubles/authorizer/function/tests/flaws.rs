//! Each mistake: a token that it lets pass, and nothing else does.

use super::*;
use crate::jose::hmac;

/// What a mistake lets pass.
struct Evil {
    credentials: String,
    method: &'static str,
}

fn bearer(token: &str) -> Evil {
    Evil { credentials: format!("Bearer {token}"), method: ARN }
}

fn claiming(name: &str, value: impl Into<Value>) -> Evil {
    bearer(&sign(&header(), &with(claims(), name, value)))
}

fn headed(name: &str, value: impl Into<Value>) -> Evil {
    bearer(&sign(&with(header(), name, value), &claims()))
}

/// A token for another method.
fn at(token: &str, method: &'static str) -> Evil {
    Evil { method, ..bearer(token) }
}

/// A token with the code of this secret.
fn coded(header: &Value, secret: &[u8]) -> Evil {
    let message = signing_input(header.to_string(), claims().to_string());
    let code = hmac(Algorithm::Hs256, secret, message.as_bytes()).unwrap();
    bearer(&format!("{message}.{}", base64url(code)))
}

/// A token signed with a key of nobody's.
fn forged(header: &Value) -> Evil {
    bearer(&sign_text(&KEYS[2], Algorithm::Rs256, &header.to_string(), &claims().to_string()))
}

fn forgers_key(kid: &str) -> Value {
    Value::Object(KEYS[2].public().to_jwk(kid, Algorithm::Rs256))
}

/// What a mistake about tokens and keys lets pass; nothing of the mistakes that show over several calls.
fn evil(flaw: Flaw, jku: &str) -> Vec<Evil> {
    let good = good();
    let (message, signature) = good.rsplit_once('.').unwrap();
    match flaw {
        Flaw::AcceptsNone => ["none", "nOnE"]
            .map(|alg| signing_input(with(header(), "alg", alg).to_string(), claims().to_string()))
            .iter()
            .flat_map(|message| [bearer(&format!("{message}.")), bearer(&format!("{message}.{signature}"))])
            .collect(),
        Flaw::AcceptsNoSignature => vec![bearer(&format!("{message}."))],
        Flaw::IgnoresSignature => vec![forged(&header()), bearer(&format!("{message}.AAAA"))],
        Flaw::HmacWithPublicKey => {
            let pem = KEYS[0].public().to_pem().unwrap();
            let header = with(header(), "alg", "HS256");
            vec![coded(&header, pem.as_bytes()), coded(&header, pem.trim_end().as_bytes())]
        }
        Flaw::AnyAlgorithm => {
            let token = |algorithm: Algorithm| {
                let header = with(header(), "alg", algorithm.name()).to_string();
                bearer(&sign_text(&KEYS[0], algorithm, &header, &claims().to_string()))
            };
            vec![token(Algorithm::Rs512), token(Algorithm::Ps256)]
        }
        Flaw::TrustsJwk => vec![forged(&with(header(), "jwk", forgers_key("k")))],
        Flaw::TrustsJku => vec![forged(&with(with(header(), "jku", jku), "kid", "forged"))],
        Flaw::KidAsPath => {
            let header = |kid: &str| with(with(header(), "alg", "HS256"), "kid", kid);
            vec![coded(&header("../../../../dev/null"), b""), coded(&header("/dev/null"), b"")]
        }
        Flaw::IgnoresKid => {
            let header = header().to_string();
            vec![bearer(&sign_text(&KEYS[1], Algorithm::Rs256, &header, &claims().to_string()))]
        }
        _ => evil_claims(flaw),
    }
}

/// What a mistake about the header's and the payload's sense lets pass.
fn evil_claims(flaw: Flaw) -> Vec<Evil> {
    let lacking = |name: &str| bearer(&sign(&header(), &without(claims(), name)));
    match flaw {
        Flaw::IgnoresIssuer => vec![claiming("iss", "https://evil"), lacking("iss")],
        Flaw::IssuerByPrefix => vec![claiming("iss", "https://idp.evil")],
        Flaw::IssuerNormalized => vec![claiming("iss", "https://idp/"), claiming("iss", "HTTPS://IDP")],
        Flaw::IssuerInList => vec![claiming("iss", json!(["https://evil", "https://idp"]))],
        Flaw::IgnoresAudience => vec![claiming("aud", "other"), lacking("aud")],
        Flaw::AudienceBySubstring => {
            vec![claiming("aud", "inge"), claiming("aud", "ingest-2"), claiming("aud", "")]
        }
        Flaw::IgnoresExpiry => vec![claiming("exp", NOW - 100_000), claiming("exp", "soon")],
        Flaw::ExpiryOptional => vec![lacking("exp")],
        Flaw::ExpiryOfAnyType => vec![claiming("exp", "1"), claiming("exp", Value::Null)],
        Flaw::GenerousLeeway => {
            vec![bearer(&sign(&header(), &with(with(claims(), "iat", NOW - 4000), "exp", NOW - 3600)))]
        }
        Flaw::IgnoresNotBefore => vec![claiming("nbf", NOW + 100_000)],
        Flaw::SubjectOptional => vec![lacking("sub")],
        Flaw::IgnoresOtherClient => vec![claiming("azp", "d")],
        Flaw::LastClaimWins => {
            let twice = claims().to_string().replacen('{', r#"{"aud":"other","#, 1);
            vec![bearer(&sign_text(&KEYS[0], Algorithm::Rs256, &header().to_string(), &twice))]
        }
        Flaw::IgnoresCritical => vec![headed("crit", json!(["exp2"]))],
        Flaw::AnyType => {
            let id = with(claims(), "nonce", "n");
            let plain = with(header(), "typ", "JWT");
            vec![bearer(&sign(&plain, &id)), headed("typ", "logout+jwt"), claiming("token_use", "id")]
        }
        Flaw::IgnoresConfirmation => vec![claiming("cnf", json!({"jkt": "x"}))],
        Flaw::LenientBase64 => twins(),
        _ => evil_calls(flaw),
    }
}

/// Other ways to write the bytes of a good token.
fn twins() -> Vec<Evil> {
    // Of 256 bytes four bits are left over in the last character, which are 0.
    let (good, letters) = (good(), "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");
    let last = letters.find(&good[good.len() - 1..]).unwrap();
    let loose = format!("{}{}", &good[..good.len() - 1], &letters[last + 1..last + 2]);
    let standard = (0..).map(|n| sign(&header(), &with(claims(), "jti", n.to_string())));
    let standard = standard.map(|token| {
        let (message, signature) = token.rsplit_once('.').unwrap();
        format!("{message}.{}", signature.replace('-', "+").replace('_', "/"))
    });
    let standard = standard.into_iter().find(|token| token.contains(['+', '/'])).unwrap();
    vec![bearer(&format!("{good}==")), bearer(&loose), bearer(&standard)]
}

/// What a mistake about who may do what lets pass.
fn evil_calls(flaw: Flaw) -> Vec<Evil> {
    const UPPER: &str = "arn:aws:execute-api:eu-west-1:123456789012:abc/prod/POST/topics/QUAKES";
    const OTHER: &str =
        "arn:aws:execute-api:eu-west-1:123456789012:abc/prod/POST/v3/clusters/x/topics/ships/records";
    const LONGER: &str = "arn:aws:execute-api:eu-west-1:123456789012:abc/prod/POST/topics/quakes-2";
    let good = good();
    match flaw {
        Flaw::ScopeBySubstring => {
            vec![claiming("scope", "quakes:write2"), claiming("scope", "xquakes:write")]
        }
        Flaw::ScopeInAnyCase => vec![claiming("scope", "QUAKES:WRITE"), at(&good, UPPER)],
        Flaw::AllowsEveryTopic => vec![at(&good, OTHER)],
        Flaw::TopicByPrefix => vec![at(&good, LONGER)],
        Flaw::TopicInSmallLetters => vec![claiming("scope", "Quakes:write")],
        Flaw::AnyScheme => ["", "Basic ", "Token ", "Bearer: ", "Bearer  "]
            .map(|scheme| Evil { credentials: format!("{scheme}{good}"), method: ARN })
            .into(),
        Flaw::AnyPermissionClaim => {
            let moved = |name: &str, value: Value| {
                bearer(&sign(&header(), &with(without(claims(), "scope"), name, value)))
            };
            vec![
                moved("scp", json!(["quakes:write"])),
                moved("roles", json!(["quakes:write"])),
                moved("scp", json!("quakes:write")),
                claiming("scope", json!(["quakes:write"])),
            ]
        }
        Flaw::TakesUserTokens => vec![claiming("idtyp", "user"), claiming("gty", "password")],
        _ => Vec::new(),
    }
}

/// Mistakes that show in what an authorizer does over several calls, or in how it refuses.
const OVER_CALLS: [Flaw; 9] = [
    Flaw::NamesFirstCaller,
    Flaw::KeepsRetiredKeys,
    Flaw::FetchesWithoutCoolDown,
    Flaw::AllowsWithoutKeys,
    Flaw::DropsKeysOnFailure,
    Flaw::BelievesEmptySets,
    Flaw::SharesDecisions,
    Flaw::ExplainsRefusals,
    Flaw::CrashesOnGarbage,
];

#[tokio::test]
async fn each_mistake_lets_its_own_tokens_pass() {
    let (function, _issuer) = strict().await;
    let forger = Issuer::start(json!({"keys": [forgers_key("forged")]})).await;
    let jku = forger.url();
    for flaw in Flaw::ALL.into_iter().filter(|flaw| !OVER_CALLS.contains(flaw)) {
        let evils = evil(flaw, &jku);
        assert!(!evils.is_empty(), "{flaw:?}");
        for (at, Evil { credentials, method }) in evils.iter().enumerate() {
            function.set_flaw(None);
            assert_eq!(call(&function, &good()).await, Outcome::Allowed);
            let refused = call_at(&function, credentials, method, NOW).await;
            assert!(
                matches!(refused, UNAUTHORIZED | Outcome::Denied),
                "{flaw:?} {at}: {refused:?} without it"
            );
            function.set_flaw(Some(flaw));
            assert_eq!(call(&function, &good()).await, Outcome::Allowed, "{flaw:?}");
            assert_eq!(call_at(&function, credentials, method, NOW).await, Outcome::Allowed, "{flaw:?} {at}");
            assert_ne!(call(&function, "x").await, Outcome::Allowed);
        }
    }
    assert_eq!(forger.asked(), 1, "nobody else fetches what a token names");
}

#[tokio::test]
async fn a_person_may_do_what_an_application_may() {
    let issuer = Issuer::start(issuers_keys()).await;
    let accepts = Accepts { absent: vec!["uid".into()], ..TokenProfile::default().accepts };
    let function = function(&issuer, accepts);
    let somebodys = claiming("uid", "00u1").credentials;
    for (flaw, outcome) in [(None, Outcome::Denied), (Some(Flaw::TakesUserTokens), Outcome::Allowed)] {
        function.set_flaw(flaw);
        assert_eq!(call_at(&function, &somebodys, ARN, NOW).await, outcome, "{flaw:?}");
    }
}

#[tokio::test]
async fn a_retired_key_is_kept() {
    for (flaw, after) in [(None, UNAUTHORIZED), (Some(Flaw::KeepsRetiredKeys), Outcome::Allowed)] {
        let (function, issuer) = strict().await;
        function.set_flaw(flaw);
        assert_eq!(call(&function, &good()).await, Outcome::Allowed);
        issuer.serve(Some(json!({"keys": [forgers_key("new")]})));
        let renewed = forged(&with(header(), "kid", "new"));
        assert_eq!(call_at(&function, &renewed.credentials, ARN, NOW).await, Outcome::Allowed);
        assert_eq!(call(&function, &good()).await, after, "{flaw:?}");
    }
}

#[tokio::test]
async fn unknown_keys_are_fetched_without_end() {
    for (flaw, fetches) in [(None, 2), (Some(Flaw::FetchesWithoutCoolDown), 6)] {
        let (function, issuer) = strict().await;
        function.set_flaw(flaw);
        assert_eq!(call(&function, &good()).await, Outcome::Allowed);
        for n in 0..5 {
            let unknown = forged(&with(header(), "kid", format!("unknown-{n}")));
            assert_eq!(call_at(&function, &unknown.credentials, ARN, NOW).await, UNAUTHORIZED);
        }
        assert_eq!(issuer.asked(), fetches, "{flaw:?}");
    }
}

#[tokio::test]
async fn everybody_passes_while_there_are_no_keys() {
    let (function, issuer) = strict().await;
    issuer.serve(None);
    let evil = forged(&header()).credentials;
    let cold = Outcome::Failed(Failure::Keys(FetchError::Status(503)));
    assert_eq!(call_at(&function, &evil, ARN, NOW).await, cold);
    function.set_flaw(Some(Flaw::AllowsWithoutKeys));
    assert_eq!(call_at(&function, &evil, ARN, NOW).await, Outcome::Allowed);
    issuer.serve(Some(issuers_keys()));
    // What failed a moment ago is not tried again; without its keys' last failure it is.
    function.forget();
    assert_eq!(call(&function, &good()).await, Outcome::Allowed);
    assert_eq!(call_at(&function, &evil, ARN, NOW).await, UNAUTHORIZED);
}

/// An unknown key makes each fetch anew, which fails in one way or the other.
#[tokio::test]
async fn keys_that_are_there_are_lost() {
    let gone = |error| Outcome::Failed(Failure::Keys(error));
    let dropped = Some(Flaw::DropsKeysOnFailure);
    for (flaw, set, after) in [
        (None, None, Outcome::Allowed),
        (None, Some(json!({"keys": []})), Outcome::Allowed),
        (None, Some(json!({"keys": [{"kty": "XYZ"}]})), Outcome::Allowed),
        (dropped, None, gone(FetchError::Status(503))),
        (Some(Flaw::BelievesEmptySets), Some(json!({"keys": []})), UNAUTHORIZED),
        (Some(Flaw::BelievesEmptySets), None, Outcome::Allowed),
    ] {
        let (function, issuer) = strict().await;
        function.set_flaw(flaw);
        assert_eq!(call(&function, &good()).await, Outcome::Allowed);
        issuer.serve(set.clone());
        let unknown = forged(&with(header(), "kid", "unknown")).credentials;
        call_at(&function, &unknown, ARN, NOW).await;
        assert_eq!(issuer.asked(), 2);
        assert_eq!(call(&function, &good()).await, after, "{flaw:?} {set:?}");
    }
}

#[tokio::test]
async fn a_decision_is_shared() {
    let (function, _issuer) = strict().await;
    let other = claiming("scope", "ships:write").credentials;
    for (flaw, shared) in [(None, Outcome::Denied), (Some(Flaw::SharesDecisions), Outcome::Allowed)] {
        function.set_flaw(flaw);
        assert_eq!(
            call_at(&function, &other, "arn:aws:execute-api:r:1:a/s/POST/topics/x", NOW).await,
            Outcome::Denied
        );
        assert_eq!(call(&function, &good()).await, Outcome::Allowed);
        assert_eq!(call_at(&function, &other, ARN, NOW).await, shared);
    }
    function.set_flaw(Some(Flaw::SharesDecisions));
    assert_eq!(call_at(&function, &other, ARN, NOW).await, Outcome::Denied, "it has forgotten");
}

#[tokio::test]
async fn another_caller_is_named() {
    for (flaw, named) in [(None, ["s", "t"]), (Some(Flaw::NamesFirstCaller), ["s", "s"])] {
        let (function, _issuer) = strict().await;
        function.set_flaw(flaw);
        for (subject, named) in ["s", "t"].into_iter().zip(named) {
            let authorization_token = claiming("sub", subject).credentials;
            let event = AuthorizerEvent::Token { authorization_token, method_arn: ARN.into() };
            let now = UNIX_EPOCH + Duration::from_secs(NOW);
            let result = function.authorize(&event, now).await.unwrap();
            let result: AuthorizerResult = serde_json::from_slice(&result).unwrap();
            assert_eq!(result.principal_id, named, "{flaw:?} {subject}");
        }
    }
}

#[tokio::test]
async fn refusals_are_told_wrongly() {
    let (function, _issuer) = strict().await;
    let late = claiming("exp", NOW - 100).credentials;
    for (flaw, of_late, of_garbage) in [
        (None, Failure::Unauthorized, Failure::Unauthorized),
        (Some(Flaw::ExplainsRefusals), Failure::Explained(Refused::Time), Failure::Explained(Refused::Form)),
        (Some(Flaw::CrashesOnGarbage), Failure::Unauthorized, Failure::Crashed),
    ] {
        function.set_flaw(flaw);
        assert_eq!(call(&function, &good()).await, Outcome::Allowed);
        assert_eq!(call_at(&function, &late, ARN, NOW).await, Outcome::Failed(of_late));
        assert_eq!(call(&function, "a.b.c").await, Outcome::Failed(of_garbage));
    }
    assert_eq!(Failure::Explained(Refused::Time).to_string(), "Unauthorized: it is not valid at this time");
    assert_ne!(Failure::Crashed.to_string(), "Unauthorized");
}
