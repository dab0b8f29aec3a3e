//! What the tests set up: clients, stub boxes that record what reaches them, and the doubles under test.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::rt::TokioExecutor;
use landfall::doubles::authorizer::{Authorizer, AuthorizerConfig};
use landfall::doubles::fault::Injector;
use landfall::doubles::gateway::{
    AuthorizerCode, Backend, DEFAULT_AUTHORIZER_TIMEOUT, Gateway, GatewayConfig, ProduceOptions, TraceConfig,
};
use landfall::doubles::http::{Server, Terms, bind, read_body};
use landfall::doubles::idp::{Client, Credential, Idp, IdpConfig};
use landfall::scenario::{KeyTimes, TlsSettings, TokenProfile};
use landfall::secret::Secret;
use landfall::tls::Identity;
use landfall::wire::oauth::TokenResponse;
use serde_json::{Value, json};
use tokio::net::{TcpSocket, TcpStream};

pub(crate) const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
pub(crate) const V2_JSON: &str = "application/vnd.kafka.json.v2+json";
pub(crate) const ONE_RECORD: &str = r#"{"records":[{"value":{"a":1}}]}"#;
pub(crate) const AUDIENCE: &str = "ingest";
/// How long anything that must happen may take.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// Waits until `condition` holds; fails the test where it does not within the deadline.
pub(crate) async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + DEADLINE;
    while !condition() {
        assert!(Instant::now() < end, "did not happen: {what}");
        tokio::task::yield_now().await;
    }
}

/// A port that is nobody else's for as long as this is kept: bound, but not listening. A double may listen on
/// it all the same, since both sides set `SO_REUSEADDR`.
pub(crate) struct Reserved {
    pub(crate) socket: TcpSocket,
    pub(crate) address: SocketAddr,
}

pub(crate) fn reserve() -> Reserved {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.bind(SocketAddr::new(LOOPBACK, 0)).unwrap();
    let address = socket.local_addr().unwrap();
    Reserved { socket, address }
}

/// Waits until nobody listens at `address` any more.
pub(crate) async fn until_refused(address: SocketAddr) {
    let end = Instant::now() + DEADLINE;
    while TcpStream::connect(address).await.is_ok() {
        assert!(Instant::now() < end, "{address} still listens");
        tokio::task::yield_now().await;
    }
}

/// A complete response.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// Status, error type and body: what table rows compare.
    pub(crate) fn row(&self) -> Row<'_> {
        (self.status.as_u16(), self.header("x-amzn-errortype"), self.text())
    }

    /// Everything in it, as text, to search.
    pub(crate) fn everything(&self) -> String {
        format!("{:?} {}", self.headers, String::from_utf8_lossy(&self.body))
    }
}

pub(crate) async fn send(request: Request<Full<Bytes>>) -> Reply {
    let client = HttpClient::builder(TokioExecutor::new()).build_http();
    let response = tokio::time::timeout(DEADLINE, client.request(request)).await.unwrap().unwrap();
    let (head, body) = response.into_parts();
    Reply { status: head.status, headers: head.headers, body: body.collect().await.unwrap().to_bytes() }
}

pub(crate) async fn get(url: &str) -> Reply {
    send(Request::get(url).body(Full::default()).unwrap()).await
}

/// A POST with the headers and body given.
pub(crate) fn post(url: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    let mut request = Request::builder().method(Method::POST).uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Full::new(body.into())).unwrap()
}

/// A produce request with this value of `Authorization`, unless it is empty.
pub(crate) fn produce(url: &str, authorization: &str) -> Request<Full<Bytes>> {
    let mut request = post(url, &[("content-type", V2_JSON)], ONE_RECORD);
    if !authorization.is_empty() {
        request.headers_mut().insert(AUTHORIZATION, authorization.parse().unwrap());
    }
    request
}

/// Pairs of header name and value.
pub(crate) type Pairs<'a> = &'a [(&'a str, &'a str)];

/// Status, error type and body of a response; see [`Reply::row`].
pub(crate) type Row<'a> = (u16, Option<&'a str>, &'a str);

/// What reached a stub.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// Status, headers and body.
type StubReply = (u16, Vec<(&'static str, &'static str)>, Bytes);

/// A box that records every request and answers each in the same way.
pub(crate) struct Stub {
    server: Server,
    seen: Arc<Mutex<Vec<Seen>>>,
    reply: Arc<Mutex<StubReply>>,
    gate: Arc<tokio::sync::Semaphore>,
}

impl Stub {
    pub(crate) async fn start(status: u16, body: impl Into<Bytes>) -> Self {
        Self::start_with(Terms::default(), status, body).await
    }

    pub(crate) async fn start_with(terms: Terms, status: u16, body: impl Into<Bytes>) -> Self {
        let listener = bind("stub", SocketAddr::new(LOOPBACK, 0)).await.unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let reply = Arc::new(Mutex::new((status, vec![("content-type", "application/json")], body.into())));
        let gate = Arc::new(tokio::sync::Semaphore::new(1_000_000));
        let (record, answer, open) = (seen.clone(), reply.clone(), gate.clone());
        let server = Server::start_with(listener, terms, move |request, _| {
            let (record, answer, open) = (record.clone(), answer.clone(), open.clone());
            async move {
                let (head, body) = request.into_parts();
                let body = read_body(body, 100_000_000).await.unwrap();
                let path = head.uri.path_and_query().unwrap().to_string();
                record.lock().unwrap().push(Seen { path, headers: head.headers, body });
                open.acquire().await.unwrap().forget();
                let (status, headers, body) = answer.lock().unwrap().clone();
                let mut response = Response::builder().status(status);
                for (name, value) in headers {
                    response = response.header(name, value);
                }
                response.body(Full::new(body)).unwrap()
            }
        });
        Self { server: server.unwrap(), seen, reply, gate }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.server.address()
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/invoke", self.address())
    }

    pub(crate) fn answer(
        &self,
        status: u16,
        headers: &[(&'static str, &'static str)],
        body: impl Into<Bytes>,
    ) {
        *self.reply.lock().unwrap() = (status, headers.to_vec(), body.into());
    }

    /// Lets no more requests be answered until [`Stub::release`].
    pub(crate) fn hold(&self) {
        self.gate.forget_permits(usize::MAX);
    }

    pub(crate) fn release(&self) {
        self.gate.add_permits(1_000_000);
    }

    pub(crate) fn in_flight(&self) -> u64 {
        self.server.in_flight()
    }

    pub(crate) fn count(&self) -> usize {
        self.seen.lock().unwrap().len()
    }

    pub(crate) fn all(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) fn last(&self) -> Seen {
        self.seen.lock().unwrap().last().unwrap().clone()
    }
}

/// The answer of a proxy that wrote `written` records and refused one.
pub(crate) fn offsets(written: u64) -> String {
    let mut items: Vec<Value> = (0..written)
        .map(|n| json!({"partition": 0, "offset": n, "error_code": null, "error": null}))
        .collect();
    items.push(json!({"partition": null, "offset": null, "error_code": 2, "error": "refused"}));
    json!({"offsets": items, "key_schema_id": null, "value_schema_id": null}).to_string()
}

/// An authorizer's answer: a policy of one statement.
pub(crate) fn policy(effect: &str, resource: &str) -> String {
    json!({"principalId": "p", "policyDocument": {"Version": "2012-10-17", "Statement": [
        {"Effect": effect, "Action": "execute-api:Invoke", "Resource": resource}]}})
    .to_string()
}

/// What a test may say of a gateway that serves the definition that ships.
pub(crate) struct Settings {
    pub(crate) required_headers: Vec<String>,
    pub(crate) authorizer_ttl: Duration,
    pub(crate) authorizer_timeout: Duration,
    pub(crate) integration_timeout: Duration,
    pub(crate) host: String,
    pub(crate) backend: Backend,
    pub(crate) identity: Option<Identity>,
    pub(crate) injectors: Vec<Arc<Injector>>,
    pub(crate) trace: Option<TraceConfig>,
}

impl Settings {
    pub(crate) fn new(backend: SocketAddr) -> Self {
        Self {
            required_headers: vec![],
            authorizer_ttl: Duration::ZERO,
            authorizer_timeout: DEFAULT_AUTHORIZER_TIMEOUT,
            integration_timeout: DEADLINE,
            host: backend.to_string(),
            backend: backend.into(),
            identity: None,
            injectors: vec![],
            trace: None,
        }
    }

    pub(crate) async fn start(self, authorizer_url: String) -> Gateway {
        let options = ProduceOptions {
            required_headers: self.required_headers,
            authorizer_ttl: self.authorizer_ttl,
            validate_credentials: true,
            integration_timeout: self.integration_timeout,
        };
        let code = AuthorizerCode::Invoke { url: authorizer_url, concurrency: None };
        let config = GatewayConfig {
            authorizer_timeout: self.authorizer_timeout,
            injectors: self.injectors,
            identity: self.identity,
            trace: self.trace,
            ..GatewayConfig::produce(LOOPBACK, &options, self.host, self.backend, code).unwrap()
        };
        Gateway::start(config).await.unwrap()
    }
}

/// A gateway between a stub authorizer, which allows everything at first, and a stub back end.
pub(crate) struct Bare {
    pub(crate) gateway: Gateway,
    pub(crate) lambda: Stub,
    pub(crate) backend: Stub,
}

impl Bare {
    pub(crate) async fn start(change: impl FnOnce(&mut Settings)) -> Self {
        let lambda = Stub::start(200, policy("Allow", "*")).await;
        let backend = Stub::start(200, offsets(1)).await;
        let mut settings = Settings::new(backend.address());
        change(&mut settings);
        Self { gateway: settings.start(lambda.url()).await, lambda, backend }
    }

    pub(crate) fn topic(&self, topic: &str) -> String {
        format!("{}/topics/{topic}", self.gateway.base_url())
    }
}

pub(crate) async fn start_idp(port: u16) -> Idp {
    start_idp_with(port, vec!["quakes:write".into(), "ships:write".into()]).await
}

/// A provider whose client `seis:mic` may have `scopes`, and whose client `stranger` may have none.
pub(crate) async fn start_idp_with(port: u16, scopes: Vec<String>) -> Idp {
    start_faulty_idp(port, scopes, Vec::new()).await
}

/// The same, with faults.
pub(crate) async fn start_faulty_idp(port: u16, scopes: Vec<String>, injectors: Vec<Arc<Injector>>) -> Idp {
    start_idp_as(|config| {
        config.port = port;
        config.clients[0].scopes = scopes;
        config.injectors = injectors;
    })
    .await
}

/// A provider with the clients `seis:mic`, who may have the scope `quakes:write`, and `stranger`, set up further.
pub(crate) async fn start_idp_as(set_up: impl FnOnce(&mut IdpConfig)) -> Idp {
    let client = |id: &str, scopes| {
        let credential = Credential::Secret(Secret::new("s3cret +:%ä"));
        Client { id: id.into(), credential, scopes }
    };
    let mut config = IdpConfig::new(LOOPBACK, AUDIENCE);
    config.token_life = Duration::from_mins(5);
    config.clients = vec![client("seis:mic", vec!["quakes:write".into()]), client("stranger", vec![])];
    set_up(&mut config);
    Idp::start(config).await.unwrap()
}

pub(crate) async fn start_authorizer(issuer: &str, jwks_uri: String) -> Authorizer {
    let config = AuthorizerConfig {
        bind: LOOPBACK,
        port: 0,
        issuer: issuer.into(),
        audience: AUDIENCE.into(),
        jwks_uri,
        jwks_tls: TlsSettings::default(),
        prefix: String::new(),
        accepts: TokenProfile::default().accepts,
        keys: KeyTimes::default(),
        flaw: None,
    };
    Authorizer::start(config).await.unwrap()
}

/// The form of a token request of client `id`, with its secret in the body.
pub(crate) fn token_form(id: &str) -> String {
    format!("grant_type=client_credentials&client_id={id}&client_secret=s3cret+%2B%3A%25%C3%A4")
}

pub(crate) async fn token_of(idp: &Idp, id: &str) -> String {
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let reply = send(post(&idp.token_endpoint(), &form, token_form(id))).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());
    assert_eq!(reply.headers[CONTENT_TYPE], "application/json");
    let response: TokenResponse = serde_json::from_slice(&reply.body).unwrap();
    response.access_token
}
