//! Three authorizers on three libraries decide alike: landfall's own, one on `PyJWT`, and one on `jsonwebtoken`.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Response, StatusCode};
use landfall::doubles::authorizer::{Authorizer, AuthorizerConfig};
use landfall::doubles::http::{Server, bind};
use landfall::doubles::lambda::{Function, FunctionConfig};
use landfall::scenario::{KeyTimes, TlsSettings, TokenProfile};
use landfall::secret::Secret;
use serde_json::{Value, json};

use crate::rust::example;
use crate::stage::{ARN, DEADLINE, Reply, clients, config, demanded_or_said, post, python};
use crate::tokens::{AUDIENCE, ISSUER, KEYS, Outcome, corpus, good, key_set};

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// A server of a key set that may be changed, or be out of order.
struct Issuer {
    server: Server,
    set: Arc<Mutex<Option<Value>>>,
    /// How often it was out of order, by path: each authorizer has its own.
    failed: Arc<Mutex<BTreeMap<String, u64>>>,
}

impl Issuer {
    async fn start() -> Self {
        let listener = bind("issuer", SocketAddr::new(LOOPBACK, 0)).await.unwrap();
        let set = Arc::new(Mutex::new(Some(key_set())));
        let failed = Arc::<Mutex<BTreeMap<String, u64>>>::default();
        let (keys, failures) = (set.clone(), failed.clone());
        let server = Server::start(listener, move |request, _| {
            let keys = keys.lock().unwrap().as_ref().map(Value::to_string);
            let mut answer = Response::new(Full::new(Bytes::from(keys.clone().unwrap_or_default())));
            if keys.is_none() {
                *answer.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
                *failures.lock().unwrap().entry(request.uri().path().to_owned()).or_default() += 1;
            }
            async move { answer }
        });
        Self { server: server.unwrap(), set, failed }
    }

    fn uri(&self, asking: &str) -> String {
        format!("http://{}/{asking}", self.server.address())
    }

    /// Serves this set from now on; an error where there is none.
    fn serve(&self, set: Option<Value>) {
        *self.set.lock().unwrap() = set;
        self.failed.lock().unwrap().clear();
    }

    /// Whether all three have found it out of order, as often as that.
    fn has_failed_all(&self, times: u64) -> bool {
        let failed = self.failed.lock().unwrap();
        failed.len() == 3 && failed.values().all(|failures| *failures >= times)
    }
}

/// The three, in front of one issuer.
struct Three {
    issuer: Issuer,
    builtin: Authorizer,
    python: Function,
    rust: Function,
}

impl Three {
    /// `None` where something is missing that they are made of.
    async fn start(times: KeyTimes) -> Option<Self> {
        let (python, rust) = (python()?, example("token_authorizer")?);
        let library = Command::new(&python).args(["-c", "import jwt, cryptography"]).output();
        if !library.is_ok_and(|output| output.status.success()) {
            demanded_or_said("LANDFALL_PYTHON has no PyJWT with cryptography");
            return None;
        }
        let issuer = Issuer::start().await;
        let set_up = |mut config: FunctionConfig, asking: &str| {
            let seconds = |time: Duration| time.as_secs_f64().to_string();
            for (name, value) in [
                ("ISSUER", ISSUER.to_owned()),
                ("AUDIENCE", AUDIENCE.to_owned()),
                ("JWKS_URI", issuer.uri(asking)),
                ("PREFIX", "/kafka".to_owned()),
                ("LEEWAY_S", "30".to_owned()),
                ("JWKS_LIFE_S", seconds(times.life)),
                ("JWKS_COOL_DOWN_S", seconds(times.cool_down)),
            ] {
                config.environment.insert(name.to_owned(), Secret::new(value));
            }
            config
        };
        let mut python = config(&[&python, "-m", "awslambdaric", "pyjwt_authorizer.handler"]);
        python.directory = Some(clients());
        let builtin = AuthorizerConfig {
            bind: LOOPBACK,
            port: 0,
            issuer: ISSUER.into(),
            audience: AUDIENCE.into(),
            jwks_uri: issuer.uri("builtin"),
            jwks_tls: TlsSettings::default(),
            prefix: "/kafka".into(),
            accepts: TokenProfile::default().accepts,
            keys: times,
            flaw: None,
        };
        let start = async |config| Function::start(config).await.unwrap_or_else(|error| panic!("{error}"));
        Some(Self {
            builtin: Authorizer::start(builtin).await.unwrap(),
            python: start(set_up(python, "python")).await,
            rust: start(set_up(rust, "rust")).await,
            issuer,
        })
    }

    fn urls(&self) -> [(&'static str, String); 3] {
        [
            ("builtin", self.builtin.invoke_url()),
            ("Python", self.python.invoke_url()),
            ("Rust", self.rust.invoke_url()),
        ]
    }

    /// Asks each until it answers so.
    async fn until(&self, credentials: &str, answer: &Answer) {
        for (who, url) in self.urls() {
            let end = Instant::now() + DEADLINE;
            while Answer::of(&ask(&url, credentials).await) != *answer {
                assert!(Instant::now() < end, "{who} never says {answer:?}");
                tokio::task::yield_now().await;
            }
        }
    }
}

/// What an authorizer answered.
#[derive(Debug, PartialEq)]
enum Answer {
    Policy(Value),
    Unauthorized,
    /// An error that says something else.
    Failed,
}

impl Answer {
    fn of(reply: &Reply) -> Self {
        if reply.header("x-amz-function-error").is_none() {
            return Self::Policy(reply.result());
        }
        let (_, message) = reply.error();
        if message == "Unauthorized" { Self::Unauthorized } else { Self::Failed }
    }

    fn outcome(&self) -> Option<Outcome> {
        match self {
            Self::Policy(result) => match result["policyDocument"]["Statement"][0]["Effect"].as_str() {
                Some("Allow") => Some(Outcome::Allowed),
                Some("Deny") => Some(Outcome::Denied),
                _ => None,
            },
            Self::Unauthorized => Some(Outcome::Unauthorized),
            Self::Failed => None,
        }
    }
}

async fn ask(url: &str, credentials: &str) -> Reply {
    let event = json!({"type": "TOKEN", "authorizationToken": credentials, "methodArn": ARN});
    post(url, event.to_string()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_token_is_decided_alike() {
    let Some(three) = Three::start(KeyTimes::default()).await else { return };
    let (mut wrong, cases) = (Vec::new(), corpus());
    for case in &cases {
        let mut answers = Vec::new();
        for (who, url) in three.urls() {
            let reply = ask(&url, &case.credentials).await;
            let answer = Answer::of(&reply);
            if answer.outcome() != Some(case.outcome) {
                wrong.push(format!("{who}: {}: {answer:?} and not {:?}", case.name, case.outcome));
            }
            answers.push(answer);
        }
        if answers.iter().any(|answer| *answer != answers[0]) {
            wrong.push(format!("{}: {answers:?}", case.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(cases.len() >= 60);
    for outcome in [Outcome::Allowed, Outcome::Denied] {
        assert!(cases.iter().filter(|case| case.outcome == outcome).count() > 10);
    }
    // Nothing of it ended a process.
    for function in [&three.python, &three.rust] {
        assert_eq!((function.report().crashes, function.report().inits.count), (0, 1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_come_and_go_alike() {
    let times = KeyTimes { life: Duration::from_millis(500), cool_down: Duration::from_millis(100) };
    let Some(three) = Three::start(times).await else { return };
    let credentials = format!("Bearer {}", good());
    // Without keys none of them decides, and none remembers for long that it could not.
    three.issuer.serve(None);
    for (who, url) in three.urls() {
        assert_eq!(Answer::of(&ask(&url, &credentials).await), Answer::Failed, "{who}");
        let form = ask(&url, "Bearer x").await;
        assert_eq!(Answer::of(&form), Answer::Unauthorized, "{who} needs no key to refuse what is no token");
    }
    three.issuer.serve(Some(key_set()));
    let end = Instant::now() + DEADLINE;
    let allowed = loop {
        let answer = Answer::of(&ask(&three.builtin.invoke_url(), &credentials).await);
        if answer.outcome() == Some(Outcome::Allowed) {
            break answer;
        }
        assert!(answer == Answer::Failed && Instant::now() < end, "{answer:?}");
    };
    three.until(&credentials, &allowed).await;
    // A withdrawn key ends, and comes back.
    let other = KEYS[1].public().to_jwk("other", landfall::jose::Algorithm::Rs256);
    three.issuer.serve(Some(json!({"keys": [other]})));
    three.until(&credentials, &Answer::Unauthorized).await;
    three.issuer.serve(Some(key_set()));
    three.until(&credentials, &allowed).await;
    // With keys, an issuer out of order does not matter, however long.
    three.issuer.serve(None);
    let end = Instant::now() + DEADLINE;
    while !three.issuer.has_failed_all(3) {
        assert!(Instant::now() < end, "somebody does not try again: {:?}", three.issuer.failed);
        for (who, url) in three.urls() {
            assert_eq!(Answer::of(&ask(&url, &credentials).await), allowed, "{who}");
        }
    }
}
