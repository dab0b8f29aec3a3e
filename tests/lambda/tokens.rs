//! A corpus of tokens, good and evil, and what an authorizer of the default profile makes of each.

use std::sync::{Arc, LazyLock};
use std::time::{SystemTime, UNIX_EPOCH};

use landfall::jose::{Algorithm, KeyKind, PrivateKey, base64url, hmac, signing_input};
use serde_json::{Value, json};

pub(crate) const ISSUER: &str = "https://idp.test/";
pub(crate) const AUDIENCE: &str = "ingest";

/// Two keys of the issuer's, called `k` and `other`, and one of nobody's.
pub(crate) static KEYS: LazyLock<[Arc<PrivateKey>; 3]> =
    LazyLock::new(|| [(); 3].map(|()| Arc::new(PrivateKey::generate(KeyKind::Rsa).unwrap())));

/// The issuer's key set. What stands beside the two good keys is for nobody who checks signatures.
pub(crate) fn key_set() -> Value {
    let jwk = |key: usize, kid: &str| Value::Object(KEYS[key].public().to_jwk(kid, Algorithm::Rs256));
    let with = |mut jwk: Value, name: &str, value: Value| {
        jwk[name] = value;
        jwk
    };
    let point = PrivateKey::generate(KeyKind::P256).unwrap();
    json!({"keys": [
        jwk(0, "k"),
        jwk(1, "other"),
        with(jwk(2, "k"), "use", json!("enc")),
        with(jwk(2, "for-encryption"), "use", json!("enc")),
        with(jwk(0, "of-another-algorithm"), "alg", json!("RS512")),
        with(jwk(0, "for-wrapping"), "key_ops", json!(["wrapKey"])),
        with(jwk(0, "weak"), "n", json!(base64url([0xff; 128]))),
        with(jwk(0, "one"), "e", json!("AQ")),
        jwk(0, "twice"),
        jwk(1, "twice"),
        point.public().to_jwk("k", Algorithm::Es256),
        {"kty": "oct", "kid": "k", "k": "AQAB"},
        {"kty": "new"},
        7,
    ]})
}

/// What becomes of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// A policy that allows topics.
    Allowed,
    /// A policy that denies everything.
    Denied,
    /// An error that says exactly `Unauthorized`.
    Unauthorized,
}

use Outcome::{Allowed, Denied, Unauthorized};

/// A call's credentials, and what becomes of it.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) credentials: String,
    pub(crate) outcome: Outcome,
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

fn header() -> Value {
    json!({"alg": "RS256", "typ": "at+jwt", "kid": "k"})
}

fn claims() -> Value {
    let now = now();
    json!({"iss": ISSUER, "aud": AUDIENCE, "sub": "seis:mic", "client_id": "seis:mic", "scope": "quakes:write ships:write",
           "iat": now, "exp": now + 300, "jti": "j"})
}

fn sign_text(key: usize, algorithm: Algorithm, header: &str, claims: &str) -> String {
    let message = signing_input(header, claims);
    format!("{message}.{}", base64url(KEYS[key].sign(algorithm, message.as_bytes()).unwrap()))
}

/// A good token.
pub(crate) fn good() -> String {
    sign_text(0, Algorithm::Rs256, &header().to_string(), &claims().to_string())
}

#[derive(Default)]
struct Corpus(Vec<Case>);

impl Corpus {
    fn add(&mut self, name: impl Into<String>, credentials: impl Into<String>, outcome: Outcome) {
        self.0.push(Case { name: name.into(), credentials: credentials.into(), outcome });
    }

    fn token(&mut self, name: impl Into<String>, token: &str, outcome: Outcome) {
        self.add(name, format!("Bearer {token}"), outcome);
    }

    /// A good token but for one claim; without it where the value is none.
    fn claim(&mut self, name: &str, value: Option<Value>, outcome: Outcome) {
        let label = format!("claim {name} {value:?}");
        let mut claims = claims();
        match value {
            Some(value) => claims[name] = value,
            None => drop(claims.as_object_mut().unwrap().remove(name)),
        }
        let token = sign_text(0, Algorithm::Rs256, &header().to_string(), &claims.to_string());
        self.token(label, &token, outcome);
    }

    /// A good token but for one member of its header.
    fn header(&mut self, name: &str, value: Option<Value>, outcome: Outcome) {
        let label = format!("header {name} {value:?}");
        let mut header = header();
        match value {
            Some(value) => header[name] = value,
            None => drop(header.as_object_mut().unwrap().remove(name)),
        }
        let token = sign_text(0, Algorithm::Rs256, &header.to_string(), &claims().to_string());
        self.token(label, &token, outcome);
    }

    /// A good token of this payload.
    fn payload(&mut self, name: &str, payload: &str, outcome: Outcome) {
        self.token(name, &sign_text(0, Algorithm::Rs256, &header().to_string(), payload), outcome);
    }
}

/// All of them.
pub(crate) fn corpus() -> Vec<Case> {
    let mut corpus = Corpus::default();
    forms(&mut corpus);
    signatures(&mut corpus);
    headers(&mut corpus);
    parties(&mut corpus);
    times(&mut corpus);
    kinds(&mut corpus);
    permissions(&mut corpus);
    texts(&mut corpus);
    corpus.0
}

fn forms(corpus: &mut Corpus) {
    let good = good();
    let (message, signature) = good.rsplit_once('.').unwrap();
    for scheme in ["Bearer", "bearer", "BEARER"] {
        corpus.add(format!("scheme {scheme}"), format!("{scheme} {good}"), Allowed);
    }
    for (name, credentials) in [
        ("no scheme", good.clone()),
        ("another scheme", format!("Token {good}")),
        ("two spaces", format!("Bearer  {good}")),
        ("a space behind", format!("Bearer {good} ")),
        ("a tab", format!("Bearer\t{good}")),
        ("two tokens", format!("Bearer {good}, Bearer {good}")),
        ("a line behind", format!("Bearer {good}\n")),
    ] {
        corpus.add(name, credentials, Unauthorized);
    }
    for (name, token) in [
        ("nothing", String::new()),
        ("opaque", "2YotnFZFEjr1zCsicMWpAA".to_owned()),
        ("two parts", message.to_owned()),
        ("four parts", format!("{good}.{signature}")),
        ("dots", ".".repeat(10_000)),
        ("empty parts", "..".to_owned()),
        ("no signature", format!("{message}.")),
        ("padding", format!("{good}==")),
        ("a letter less", good[..good.len() - 1].to_owned()),
        ("letters of base64", good.replace('-', "+").replace('_', "/")),
        ("JSON", json!({"payload": message, "signature": signature}).to_string()),
        ("not ASCII", format!("{good}ä")),
    ] {
        corpus.token(name, &token, if token == good { Allowed } else { Unauthorized });
    }
    // Of 256 bytes four bits are left over in the last letter, which are 0 as they should be.
    let letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let last = letters.find(&good[good.len() - 1..]).unwrap();
    let twin = format!("{}{}", &good[..good.len() - 1], &letters[last + 1..last + 2]);
    corpus.token("bits left over", &twin, Unauthorized);
}

fn signatures(corpus: &mut Corpus) {
    let (header, claims) = (header(), claims().to_string());
    let sign = |key, algorithm| sign_text(key, algorithm, &header.to_string(), &claims);
    corpus.token("good", &sign(0, Algorithm::Rs256), Allowed);
    corpus.token("by the issuer's other key", &sign(1, Algorithm::Rs256), Unauthorized);
    corpus.token("by nobody's key", &sign(2, Algorithm::Rs256), Unauthorized);
    corpus.token("by another hash", &sign(0, Algorithm::Rs512), Unauthorized);
    corpus.token("by PSS", &sign(0, Algorithm::Ps256), Unauthorized);
    let mut other = header.clone();
    for algorithm in [Algorithm::Rs512, Algorithm::Ps256] {
        other["alg"] = json!(algorithm.name());
        let token = sign_text(0, algorithm, &other.to_string(), &claims);
        corpus.token(format!("{algorithm:?}"), &token, Unauthorized);
    }
    let pem = KEYS[0].public().to_pem().unwrap();
    other["alg"] = json!("HS256");
    for secret in [pem.as_bytes(), pem.trim_end().as_bytes(), b""] {
        let message = signing_input(other.to_string(), &claims);
        let code = hmac(Algorithm::Hs256, secret, message.as_bytes()).unwrap();
        corpus.token("HMAC", &format!("{message}.{}", base64url(code)), Unauthorized);
    }
    for alg in ["none", "None"] {
        other["alg"] = json!(alg);
        let token = format!("{}.", signing_input(other.to_string(), &claims));
        corpus.token(alg, &token, Unauthorized);
    }
    let mut named = header.clone();
    named["jwk"] = Value::Object(KEYS[2].public().to_jwk("k", Algorithm::Rs256));
    corpus.token(
        "a key in the header",
        &sign_text(2, Algorithm::Rs256, &named.to_string(), &claims),
        Unauthorized,
    );
}

fn headers(corpus: &mut Corpus) {
    for typ in ["AT+JWT", "application/at+jwt", "JWT"] {
        corpus.header("typ", Some(json!(typ)), Allowed);
    }
    corpus.header("x5t", Some(json!("x")), Allowed);
    for (name, value) in [
        ("typ", None),
        ("typ", Some(json!("dpop+jwt"))),
        ("typ", Some(json!(null))),
        ("alg", None),
        ("alg", Some(json!("rs256"))),
        ("alg", Some(json!(["RS256"]))),
        ("kid", None),
        ("kid", Some(json!(7))),
        ("kid", Some(json!(null))),
        ("kid", Some(json!(""))),
        ("kid", Some(json!("unknown"))),
        ("kid", Some(json!("../../dev/null"))),
        ("kid", Some(json!("for-encryption"))),
        ("kid", Some(json!("of-another-algorithm"))),
        ("kid", Some(json!("for-wrapping"))),
        ("kid", Some(json!("weak"))),
        ("kid", Some(json!("one"))),
        ("kid", Some(json!("twice"))),
        ("kid", Some(json!("k".repeat(64 * 1024)))),
        ("crit", Some(json!(["exp2"]))),
        ("crit", Some(json!([]))),
        ("b64", Some(json!(true))),
        ("b64", Some(json!(false))),
        ("cty", Some(json!("JWT"))),
    ] {
        corpus.header(name, value, Unauthorized);
    }
}

fn parties(corpus: &mut Corpus) {
    corpus.claim("aud", Some(json!(["other", AUDIENCE])), Allowed);
    corpus.claim("azp", Some(json!("seis:mic")), Allowed);
    corpus.claim("sub", Some(json!("another")), Allowed);
    corpus.claim("sub", Some(json!("s".repeat(1024))), Allowed);
    for (name, value) in [
        ("iss", None),
        ("iss", Some(json!("https://idp.test"))),
        ("iss", Some(json!("https://IDP.test/"))),
        ("iss", Some(json!([ISSUER]))),
        ("iss", Some(json!(null))),
        ("aud", None),
        ("aud", Some(json!("inges"))),
        ("aud", Some(json!(""))),
        ("aud", Some(json!([]))),
        ("aud", Some(json!([null]))),
        ("aud", Some(json!([AUDIENCE, 7]))),
        ("aud", Some(json!({AUDIENCE: 1}))),
        ("sub", None),
        ("sub", Some(json!(""))),
        ("sub", Some(json!(7))),
        ("sub", Some(json!("a\u{0}b"))),
        ("sub", Some(json!("s".repeat(1025)))),
        ("sub", Some(json!("s".repeat(100_000)))),
        ("client_id", None),
        ("client_id", Some(json!(7))),
        ("client_id", Some(json!(""))),
        ("client_id", Some(json!("seis:mic\u{200f}"))),
        ("azp", Some(json!("another"))),
        ("azp", Some(json!(null))),
        ("cid", Some(json!(["seis:mic"]))),
        ("jti", None),
        ("jti", Some(json!(7))),
    ] {
        corpus.claim(name, value, Unauthorized);
    }
}

fn times(corpus: &mut Corpus) {
    let (now, number) = (now(), |text: &str| serde_json::from_str::<Value>(text).unwrap());
    // Far enough from the edges for the slowest of machines.
    for (name, value) in [
        ("exp", number(&format!("{}.5", now + 300))),
        ("exp", number("2e9")),
        ("exp", json!(253_402_300_799_u64)),
        ("nbf", json!(now + 20)),
        ("nbf", json!(now - 1000)),
        ("iat", number(&format!("{}.25", now - 1000))),
    ] {
        corpus.claim(name, Some(value), Allowed);
    }
    corpus.claim("exp", None, Unauthorized);
    corpus.claim("iat", None, Unauthorized);
    for (name, value) in [
        ("exp", json!(now - 31)),
        ("exp", json!(now - 1)),
        ("exp", json!("9999999999")),
        ("exp", json!(true)),
        ("exp", json!(null)),
        ("exp", json!([now + 300])),
        ("exp", json!({})),
        ("exp", json!(-1)),
        ("exp", json!(0)),
        ("exp", json!((now + 300) * 1000)),
        ("exp", json!(253_402_300_800_u64)),
        ("exp", number("18446744073709551616")),
        ("exp", number("1e400")),
        ("nbf", json!(now + 1000)),
        ("nbf", json!("1")),
        ("nbf", json!(null)),
        ("nbf", json!(-1)),
        ("iat", json!(now + 1000)),
        ("iat", json!(true)),
        ("iat", json!("1")),
    ] {
        corpus.claim(name, Some(value), Unauthorized);
    }
}

fn kinds(corpus: &mut Corpus) {
    for (name, value) in
        [("token_use", "access"), ("typ", "Bearer"), ("gty", "client-credentials"), ("idtyp", "app")]
    {
        corpus.claim(name, Some(json!(value)), Allowed);
    }
    for (name, value) in [
        ("nonce", json!("n")),
        ("at_hash", json!(null)),
        ("events", json!({})),
        ("htm", json!("POST")),
        ("response_type", json!("code")),
        ("token_introspection", json!({})),
        ("token_use", json!("id")),
        ("token_use", json!(null)),
        ("typ", json!("ID")),
        ("typ", json!("Refresh")),
        ("typ", json!(7)),
        ("gty", json!(["client-credentials"])),
        ("cnf", json!({"jkt": "x"})),
        ("cnf", json!(null)),
    ] {
        corpus.claim(name, Some(value), Unauthorized);
    }
}

fn permissions(corpus: &mut Corpus) {
    corpus.claim("scope", Some(json!("  ships:write  ships:read ")), Allowed);
    corpus.claim("scp", Some(json!(["other:write"])), Allowed);
    corpus.claim("scope", None, Denied);
    for scope in [
        json!(""),
        json!("quakes:read"),
        json!("quakes:Write"),
        json!("*:write"),
        json!("a/b:write"),
        json!("..:write"),
        json!(":write"),
        json!("quakes:write\nships:write"),
        json!("quakes:write,ships:write"),
        json!("quäkes:write"),
        json!(["quakes:write"]),
        json!(null),
        json!(7),
    ] {
        corpus.claim("scope", Some(scope), Denied);
    }
    for (name, grant) in [("gty", "authorization_code"), ("idtyp", "user"), ("grant_type", "password")] {
        corpus.claim(name, Some(json!(grant)), Denied);
    }
}

fn texts(corpus: &mut Corpus) {
    let claims = claims().to_string();
    let more = |member: &str| claims.replacen('{', &format!("{{{member},"), 1);
    corpus.payload("space around", &format!(" {claims}\n"), Allowed);
    corpus.payload("an escaped name", &claims.replace("\"aud\"", "\"\\u0061ud\""), Allowed);
    corpus.payload("a name twice further inside", &more(r#""x":{"a":1,"a":2}"#), Allowed);
    corpus.payload("deep", &more(&format!(r#""x":{}{}"#, "[".repeat(31), "]".repeat(31))), Allowed);
    corpus.payload("brackets in a text", &more(&format!(r#""x":"{}\"""#, "[".repeat(100))), Allowed);
    let number =
        claims.replace("\"exp\":", "\"exp\":{\"$serde_json::private::Number\":\"2000000000\"},\"exp2\":");
    for (name, payload) in [
        ("a claim twice", more(r#""aud":"other""#)),
        ("an escaped claim twice", more(r#""\u0061ud":"other""#)),
        ("an unknown claim twice", more(r#""x":1,"x":1"#)),
        ("too deep", more(&format!(r#""x":{}{}"#, "[".repeat(32), "]".repeat(32)))),
        ("far too deep", more(&format!(r#""x":{}{}"#, "[".repeat(5000), "]".repeat(5000)))),
        ("a mark", format!("\u{feff}{claims}")),
        ("something behind", format!("{claims}{{}}")),
        ("a comma behind", claims.replacen('}', ",}", 1)),
        ("NaN", more(r#""x":NaN"#)),
        ("half a character", more(r#""x":"\ud800""#)),
        ("a control character", more("\"x\":\"\u{1}\"")),
        ("an object for a number", number),
        ("nothing", String::new()),
        ("null", "null".to_owned()),
        ("a list", "[]".to_owned()),
        ("a text", "\"x\"".to_owned()),
        ("many claims", more(&(0..10_000).map(|n| format!("\"c{n}\":1")).collect::<Vec<_>>().join(","))),
    ] {
        corpus.payload(name, &payload, Unauthorized);
    }
    for (name, bytes) in [("no UTF-8", more("\"x\":\"~\"").into_bytes()), ("UTF-16", utf_16(&claims))] {
        let bytes: Vec<u8> = bytes.into_iter().map(|byte| if byte == b'~' { 0xff } else { byte }).collect();
        let message = signing_input(header().to_string(), bytes);
        let signature = base64url(KEYS[0].sign(Algorithm::Rs256, message.as_bytes()).unwrap());
        corpus.token(name, &format!("{message}.{signature}"), Unauthorized);
    }
    let twice = header().to_string().replacen('{', r#"{"alg":"none","#, 1);
    for (name, header) in [
        ("a header twice", twice.as_str()),
        ("an unknown header twice", r#"{"alg":"RS256","typ":"at+jwt","kid":"k","x":1,"x":1}"#),
        ("no header", "null"),
        ("a header that is a list", "[]"),
    ] {
        corpus.token(name, &sign_text(0, Algorithm::Rs256, header, &claims), Unauthorized);
    }
}

fn utf_16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}
