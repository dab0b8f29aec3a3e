//! A Lambda authorizer of a REST API on `jsonwebtoken`, as a careful customer writes it: it lets a partner write the
//! topics of its access token. The library checks the signature. What it passes over is checked here: claims of the wrong
//! type, `exp` to the second, `typ` and `crit`, and names that stand twice. `tests/lambda` has landfall run it.
//!
//! The environment tells `ISSUER`, `AUDIENCE` and `JWKS_URI`, and may tell `LEEWAY_S`, `PREFIX` (what stands before
//! `/topics/…` in the API's paths), `JWKS_LIFE_S` and `JWKS_COOL_DOWN_S`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::{StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde::de::{Error as _, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use tokio::sync::Mutex;

const TOKEN_LIMIT: usize = 16 * 1024;
const HEADER_LIMIT: usize = 8 * 1024;
const NAME_LIMIT: usize = 1024;
const DEPTH: usize = 32;
const SET_LIMIT: usize = 256 * 1024;
const FETCH_TIMEOUT: Duration = Duration::from_secs(5);
const RESULT_LIMIT: usize = 8 * 1024;
/// The end of the year 9999.
const LAST_DATE: f64 = 253_402_300_799.0;
/// What only other kinds of tokens say: id tokens, security events, proofs, requests, answers to introspection.
const MARKS_OF_OTHERS: [&str; 9] =
    ["nonce", "at_hash", "c_hash", "s_hash", "events", "htm", "htu", "response_type", "token_introspection"];

struct Settings {
    issuer: String,
    audience: String,
    jwks_uri: Uri,
    leeway: f64,
    prefix: String,
    keys_life: Duration,
    keys_cool_down: Duration,
}

impl Settings {
    fn from_environment() -> Result<Self, Error> {
        let needed = |name: &str| std::env::var(name).map_err(|_| format!("{name} is not set"));
        let seconds = |name: &str, otherwise: f64| match std::env::var(name) {
            Ok(text) => text.parse::<f64>().map_err(|_| format!("{name} is no number of seconds")),
            Err(_) => Ok(otherwise),
        };
        Ok(Self {
            issuer: needed("ISSUER")?,
            audience: needed("AUDIENCE")?,
            jwks_uri: needed("JWKS_URI")?.parse()?,
            leeway: seconds("LEEWAY_S", 30.0)?,
            prefix: std::env::var("PREFIX").unwrap_or_default().trim_matches('/').to_owned(),
            keys_life: Duration::try_from_secs_f64(seconds("JWKS_LIFE_S", 300.0)?)?,
            keys_cool_down: Duration::try_from_secs_f64(seconds("JWKS_COOL_DOWN_S", 30.0)?)?,
        })
    }
}

/// Why there is no policy.
enum Failure {
    /// The token is not good.
    Unauthorized,
    /// The issuer's keys are not to be had.
    Keys(&'static str),
}

fn demand(holds: bool) -> Result<(), Failure> {
    if holds { Ok(()) } else { Err(Failure::Unauthorized) }
}

// Parts of a token.

/// The names of an object, each of which must stand once. A derived reader tells repetitions of its own members only.
struct Names(BTreeSet<String>);

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Names;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Names, A::Error> {
                let mut names = BTreeSet::new();
                while let Some((name, _)) = map.next_entry::<String, IgnoredAny>()? {
                    if !names.insert(name) {
                        return Err(A::Error::custom("a name stands twice"));
                    }
                }
                Ok(Names(names))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

fn depth(json: &[u8]) -> usize {
    let (mut now, mut deepest, mut in_text, mut escaped) = (0_usize, 0, false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'{' | b'[' if !in_text => {
                now += 1;
                deepest = deepest.max(now);
            }
            b'}' | b']' if !in_text => now = now.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// A part's object, with the names in it.
fn read<T: for<'de> Deserialize<'de>>(part: &str) -> Result<(T, BTreeSet<String>), Failure> {
    let refused = |_| Failure::Unauthorized;
    let json = URL_SAFE_NO_PAD.decode(part).map_err(|_| Failure::Unauthorized)?;
    demand(std::str::from_utf8(&json).is_ok() && depth(&json) <= DEPTH)?;
    let Names(names) = serde_json::from_slice(&json).map_err(refused)?;
    // What nobody asks for is skipped unread; read as a value it is found out where it holds half a character.
    serde_json::from_slice::<Value>(&json).map_err(refused)?;
    Ok((serde_json::from_slice(&json).map_err(refused)?, names))
}

/// A member that is there must have its type; `null` is none.
fn not_null<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    typ: String,
    #[serde(default, deserialize_with = "not_null")]
    kid: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: Audience,
    sub: String,
    exp: f64,
    #[serde(default, deserialize_with = "not_null")]
    nbf: Option<f64>,
    #[serde(default, deserialize_with = "not_null")]
    iat: Option<f64>,
    #[serde(default, deserialize_with = "not_null")]
    jti: Option<String>,
    #[serde(default, deserialize_with = "not_null")]
    client_id: Option<String>,
    #[serde(default, deserialize_with = "not_null")]
    azp: Option<String>,
    #[serde(default, deserialize_with = "not_null")]
    cid: Option<String>,
    #[serde(default)]
    scope: Value,
    #[serde(default, deserialize_with = "not_null")]
    token_use: Option<String>,
    #[serde(default, deserialize_with = "not_null")]
    typ: Option<String>,
    #[serde(default, deserialize_with = "not_null")]
    gty: Option<String>,
    #[serde(default, deserialize_with = "not_null")]
    idtyp: Option<String>,
    #[serde(default, deserialize_with = "not_null")]
    grant_type: Option<String>,
}

// Keys.

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    #[serde(rename = "use", default, deserialize_with = "not_null")]
    public_use: Option<String>,
    #[serde(default, deserialize_with = "not_null")]
    key_ops: Option<Vec<Value>>,
    #[serde(default, deserialize_with = "not_null")]
    alg: Option<String>,
    #[serde(default, deserialize_with = "not_null")]
    kid: Option<String>,
    n: String,
    e: String,
}

#[derive(Clone, PartialEq)]
struct Key {
    kid: Option<String>,
    alg: Option<String>,
    n: Vec<u8>,
    e: Vec<u8>,
}

impl Key {
    /// An RSA key for signatures; `None` for others, and for weak ones.
    fn of(jwk: &Value) -> Option<Self> {
        let jwk: Jwk = serde_json::from_value(jwk.clone()).ok()?;
        let number = |text: &str| -> Option<Vec<u8>> {
            let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
            Some(bytes.into_iter().skip_while(|byte| *byte == 0).collect())
        };
        let (n, e) = (number(&jwk.n)?, number(&jwk.e)?);
        let signs = jwk.public_use.is_none_or(|public_use| public_use == "sig")
            && jwk.key_ops.is_none_or(|all| all.iter().any(|operation| operation == "verify"));
        let strong = n.len() > 256 || (n.len() == 256 && n[0] >= 0x80);
        let sound = e.last()? % 2 == 1 && e != [1];
        (jwk.kty == "RSA" && signs && strong && sound).then_some(Self { kid: jwk.kid, alg: jwk.alg, n, e })
    }
}

#[derive(Default)]
struct Keys {
    keys: Option<(Vec<Key>, Instant)>,
    refetched: Option<Instant>,
}

impl Keys {
    fn named(&self, kid: Option<&str>) -> Vec<Key> {
        let keys = self.keys.as_ref().map_or(&[][..], |(keys, _)| keys);
        keys.iter().filter(|key| kid.is_none() || key.kid.as_deref() == kid).cloned().collect()
    }

    async fn find(&mut self, kid: Option<&str>, settings: &Settings) -> Result<DecodingKey, Failure> {
        let cooled = self.refetched.is_none_or(|at| at.elapsed() >= settings.keys_cool_down);
        match &self.keys {
            None => self.keys = Some((fetch(&settings.jwks_uri).await?, Instant::now())),
            Some((known, fetched)) if cooled => {
                if self.named(kid).is_empty() || fetched.elapsed() >= settings.keys_life {
                    // Where it fails, or there are none any more, the keys that are there go on.
                    let fetched = fetch(&settings.jwks_uri).await.ok();
                    if let Some(keys) = fetched.filter(|keys| !keys.is_empty() || known.is_empty()) {
                        self.keys = Some((keys, Instant::now()));
                    }
                    self.refetched = Some(Instant::now());
                }
            }
            Some(_) => {}
        }
        let named = self.named(kid);
        demand(kid.is_some() || named.len() == 1)?;
        let mut fitting = named.into_iter().filter(|key| key.alg.as_deref().is_none_or(|alg| alg == "RS256"));
        let key = fitting.next().ok_or(Failure::Unauthorized)?;
        demand(fitting.next().is_none())?;
        Ok(DecodingKey::from_rsa_raw_components(&key.n, &key.e))
    }
}

/// The keys, from nowhere but this address: no redirect is followed.
async fn fetch(uri: &Uri) -> Result<Vec<Key>, Failure> {
    let exchange = async {
        let client: Client<_, Empty<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
        let answer = client.get(uri.clone()).await.map_err(|_| Failure::Keys("no connection"))?;
        if answer.status() != StatusCode::OK {
            return Err(Failure::Keys("an error"));
        }
        let body = Limited::new(answer.into_body(), SET_LIMIT).collect().await;
        let body = body.map_err(|_| Failure::Keys("no whole answer"))?.to_bytes();
        let set: Value = serde_json::from_slice(&body).map_err(|_| Failure::Keys("no key set"))?;
        let mut keys = Vec::new();
        for key in set["keys"].as_array().ok_or(Failure::Keys("no key set"))?.iter().filter_map(Key::of) {
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        Ok(keys)
    };
    tokio::time::timeout(FETCH_TIMEOUT, exchange).await.map_err(|_| Failure::Keys("no answer in time"))?
}

// Checks.

struct Caller {
    subject: String,
    client: String,
    topics: BTreeSet<String>,
}

async fn verify(token: &str, settings: &Settings, keys: &Mutex<Keys>) -> Result<Caller, Failure> {
    demand(token.len() <= TOKEN_LIMIT)?;
    let parts: Vec<&str> = token.split('.').collect();
    let [first, second, signature] = parts[..] else { return Err(Failure::Unauthorized) };
    demand(first.len() <= HEADER_LIMIT)?;
    let (header, names) = read::<Header>(first)?;
    demand(header.alg == "RS256" && ["crit", "cty", "b64"].iter().all(|name| !names.contains(*name)))?;
    let typ = header.typ.to_ascii_lowercase();
    let typ = typ.strip_prefix("application/").unwrap_or(&typ);
    demand(matches!(typ, "at+jwt" | "jwt"))?;
    demand(URL_SAFE_NO_PAD.decode(signature).is_ok())?;

    let key = keys.lock().await.find(header.kid.as_deref(), settings).await?;
    let mut signature_only = Validation::new(Algorithm::RS256);
    signature_only.required_spec_claims.clear();
    signature_only.validate_exp = false;
    signature_only.validate_aud = false;
    jsonwebtoken::decode::<IgnoredAny>(token, &key, &signature_only).map_err(|_| Failure::Unauthorized)?;

    let (claims, names) = read::<Claims>(second)?;
    let audience = match &claims.aud {
        Audience::One(one) => *one == settings.audience,
        Audience::Many(many) => many.contains(&settings.audience),
    };
    demand(claims.iss == settings.issuer && audience)?;
    check_kind(&claims, &names)?;
    check_times(&claims, settings.leeway)?;
    demand(is_name(&claims.sub) && !claims.sub.chars().any(char::is_control))?;
    let client = client(&claims)?;
    // Where nothing else names the client, this does.
    demand(client.is_some() || is_visible(&claims.sub))?;
    // RFC 9068, section 2.2.
    demand(typ != "at+jwt" || (client.is_some() && claims.iat.is_some() && claims.jti.is_some()))?;
    let own = [
        (&claims.gty, "client-credentials"),
        (&claims.idtyp, "app"),
        (&claims.grant_type, "client_credentials"),
    ];
    // A person's token may do nothing here.
    let own = own.iter().all(|(said, own)| said.as_deref().is_none_or(|said| said == *own));
    let scope = claims.scope.as_str().filter(|_| own).unwrap_or_default();
    Ok(Caller {
        topics: scope.split(' ').filter_map(topic).map(str::to_owned).collect(),
        client: client.unwrap_or_else(|| claims.sub.clone()),
        subject: claims.sub,
    })
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= NAME_LIMIT
}

fn is_visible(name: &str) -> bool {
    name.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

fn check_kind(claims: &Claims, names: &BTreeSet<String>) -> Result<(), Failure> {
    let marked = MARKS_OF_OTHERS.iter().any(|mark| names.contains(*mark));
    let says =
        |said: &Option<String>, kind: &str| said.as_ref().is_none_or(|said| said.eq_ignore_ascii_case(kind));
    // Who holds the key that a token is bound to has not proven it.
    let bound = names.contains("cnf");
    demand(!marked && !bound && says(&claims.token_use, "access") && says(&claims.typ, "Bearer"))
}

fn check_times(claims: &Claims, leeway: f64) -> Result<(), Failure> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    let all = [Some(claims.exp), claims.nbf, claims.iat];
    demand(all.into_iter().flatten().all(|date| (0.0..=LAST_DATE).contains(&date)))?;
    demand(now < claims.exp + leeway && claims.iat.is_none_or(|issued| issued <= claims.exp))?;
    demand([claims.nbf, claims.iat].into_iter().flatten().all(|start| start <= now + leeway))
}

/// The client, on which all claims agree that name one.
fn client(claims: &Claims) -> Result<Option<String>, Failure> {
    let named: Vec<&String> = [&claims.client_id, &claims.azp, &claims.cid].into_iter().flatten().collect();
    demand(
        named.iter().all(|name| is_name(name) && is_visible(name))
            && named.windows(2).all(|pair| pair[0] == pair[1]),
    )?;
    Ok(named.first().map(|name| (*name).clone()))
}

/// The topic of a permission to write one, where Kafka takes its name.
fn topic(permission: &str) -> Option<&str> {
    let topic = permission.strip_suffix(":write")?;
    let legal = topic.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    (legal && topic.len() <= 249 && !matches!(topic, "" | "." | "..")).then_some(topic)
}

// The answer.

/// The stage of `arn:aws:execute-api:{region}:{account}:{api}/{stage}/{verb}/{path}`.
fn stage(method: &str) -> Option<String> {
    let parts: Vec<&str> = method.splitn(6, ':').collect();
    let ["arn", partition, "execute-api", region, account, path] = parts[..] else { return None };
    let mut path = path.splitn(4, '/');
    let (api, stage, verb) = (path.next()?, path.next()?, path.next()?);
    let plain = |part: &&str| !part.is_empty() && !part.contains(['*', '?', '$']);
    let plain = [region, account, api, stage].iter().all(plain) && !verb.is_empty();
    (plain && partition.starts_with("aws"))
        .then(|| format!("arn:{partition}:execute-api:{region}:{account}:{api}/{stage}"))
}

/// The policy for all topics of the token: the gateway keeps it, and asks no more for the next one.
fn policy(stage: &str, prefix: &str, caller: &Caller) -> Value {
    let before = if prefix.is_empty() { format!("{stage}/POST") } else { format!("{stage}/POST/{prefix}") };
    let resources = caller.topics.iter().flat_map(|topic| {
        [
            format!("{before}/topics/{topic}"),
            format!("{before}/topics/{topic}/partitions/*"),
            format!("{before}/v3/clusters/*/topics/{topic}/records"),
        ]
    });
    let (effect, resources) = if caller.topics.is_empty() {
        ("Deny", vec!["*".to_owned()])
    } else {
        ("Allow", resources.collect())
    };
    json!({
        "principalId": caller.subject,
        "policyDocument": {"Version": "2012-10-17", "Statement":
            [{"Effect": effect, "Action": "execute-api:Invoke", "Resource": resources}]},
        "context": BTreeMap::from([("client_id", &caller.client)]),
    })
}

async fn authorize(
    invocation: LambdaEvent<Value>,
    settings: &Settings,
    keys: &Mutex<Keys>,
) -> Result<Value, Error> {
    let event = invocation.payload;
    let method = event["methodArn"].as_str().unwrap_or_default();
    let stage = stage(method).ok_or("the event's methodArn is no method of a REST API")?;
    let credentials = event["authorizationToken"].as_str().ok_or("the event holds no authorizationToken")?;
    let token = credentials.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("Bearer"));
    let verified = match token {
        Some((_, token)) => verify(token, settings, keys).await,
        None => Err(Failure::Unauthorized),
    };
    let caller = verified.map_err(|failure| match failure {
        // The gateway makes 401 of exactly this text, and 500 of any other.
        Failure::Unauthorized => "Unauthorized".to_owned(),
        Failure::Keys(why) => format!("cannot fetch the identity provider's keys: {why}"),
    })?;
    let result = policy(&stage, &settings.prefix, &caller);
    if result.to_string().len() > RESULT_LIMIT {
        return Err("the result is longer than the gateway takes".into());
    }
    Ok(result)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let settings = Settings::from_environment()?;
    let keys = Mutex::new(Keys::default());
    let (settings, keys) = (&settings, &keys);
    lambda_runtime::run(service_fn(|invocation| authorize(invocation, settings, keys))).await
}
