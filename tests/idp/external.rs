//! Scenarios with an identity provider that nobody here wrote: the run passes, and who may not write does not.

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use landfall::jose::{Algorithm, KeyKind, PrivateKey};
use landfall::result::{RunResult, Verdict};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::{Value, json};

use crate::stage::{Process, client, tool};

const PATIENCE: Duration = Duration::from_mins(1);
const AUDIENCE: &str = "https://api.example.com/ingest";

/// A scenario of a second with this provider and these partners: `seismic`, who may write, and `stranger`, who may not.
fn scenario(idp: &str, partners: &str) -> String {
    format!(
        "version: 1\nname: external provider\nstack:\n  idp: {idp}\ntopics: [{{ name: quakes, partitions: 2 }}]\n\
         partners: {partners}\nworkload:\n  \
         - {{ partner: seismic, topic: quakes, format: v2-json, payload: {{ template: {{ n: {{ $sequence: {{}} }} }} }}, \
         arrivals: {{ constant: 40/s }}, for: 1s }}\n  \
         - {{ partner: stranger, topic: quakes, format: v2-json, payload: {{ template: {{ n: {{ $sequence: {{}} }} }} }}, \
         arrivals: {{ constant: 10/s }}, for: 1s }}\nchecks: [tokens.failed == 0]\n"
    )
}

/// Runs a scenario in `folder`; what it prints, and its result, if there is one.
fn run(folder: &Path, text: &str) -> (Option<i32>, String, Option<RunResult>) {
    let file = folder.join("scenario.yaml");
    std::fs::write(&file, text).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_landfall"))
        .arg("run")
        .arg(&file)
        .arg("--reports")
        .arg(folder.join("reports"))
        .env("SECRET", "s3cret-that-is-long-enough-for-everybody")
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8(said).unwrap();
    assert!(!said.contains("s3cret"), "{said}");
    let mut runs = std::fs::read_dir(folder.join("reports")).into_iter().flatten().flatten();
    let result = runs.find_map(|entry| std::fs::read(entry.path().join("result.json")).ok());
    (output.status.code(), said, result.map(|text| serde_json::from_slice(&text).unwrap()))
}

/// Makes sure that a run passed: what `seismic` sent has landed, and `stranger` was refused.
#[track_caller]
fn assert_passed((code, said, result): (Option<i32>, String, Option<RunResult>)) {
    assert_eq!(code, Some(0), "{said}");
    let result = result.unwrap();
    assert_eq!(result.verdict, Verdict::Pass, "{said}");
    assert_eq!((result.requests.accepted, result.requests.refused), (40, 10), "{said}");
    assert_eq!(result.records.landed, 40, "{said}");
    assert_eq!(result.boxes[0].kind, "external");
}

#[test]
fn mock_oauth2_server() {
    let Some(jars) = tool("LANDFALL_MOCK_OAUTH2") else { return };
    let folder = tempfile::tempdir().unwrap();
    // It wants to be told its port.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mapping = |client: &str, scope: &str| {
        json!({"requestParam": "client_id", "match": client, "typeHeader": "at+jwt", "claims": {
            "sub": client, "client_id": client, "aud": [AUDIENCE], "scope": scope}})
    };
    let config = json!({"interactiveLogin": false, "httpServer": "NettyWrapper", "tokenCallbacks": [
        {"issuerId": "partners", "tokenExpiry": 300, "requestMappings": [
            mapping("seismic", "quakes:write"), mapping("stranger", "ships:write")]}]});
    let _server = Process::start(
        Command::new("java")
            .args(["-Xmx200m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp"])
            .arg(format!("{jars}/*"))
            .arg("no.nav.security.mock.oauth2.StandaloneMockOAuth2ServerKt")
            .env("SERVER_HOSTNAME", "127.0.0.1")
            .env("SERVER_PORT", port.to_string())
            .env("JSON_CONFIG", config.to_string()),
    );
    let end = Instant::now() + PATIENCE;
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < end, "it does not listen");
        std::thread::yield_now();
    }
    let issuer = format!("http://127.0.0.1:{port}/partners");
    let partners = "[{ name: seismic, auth: post, secret: { env: SECRET }, scope: 'quakes:write' }, \
                    { name: stranger, auth: post, secret: { env: SECRET }, expect: refuse }]";
    let with = |idp: String| run(folder.path(), &scenario(&idp, partners));
    assert_passed(with(format!("{{ kind: external, issuer: '{issuer}', audience: '{AUDIENCE}' }}")));
    std::fs::remove_dir_all(folder.path().join("reports")).unwrap();
    let discovery = format!("{issuer}/.well-known/openid-configuration");
    assert_passed(with(format!("{{ kind: external, discovery: '{discovery}', audience: '{AUDIENCE}' }}")));
    // An issuer is one to the letter: this path is of the same server, which says otherwise of itself.
    let (code, said, _) = with(format!("{{ kind: external, issuer: '{issuer}/', audience: '{AUDIENCE}' }}"));
    assert!(code == Some(2) && said.contains(&format!("is that of the issuer `{issuer}`")), "{said}");
    // Tokens for somebody else are refused by landfall's own authorizer, and so the run fails.
    let (code, said, _) = with(format!("{{ kind: external, issuer: '{issuer}', audience: other }}"));
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("requests.wrongly_refused"), "{said}");
}

/// A certificate for loopback and its key, by an authority of its own: all in PEM, the authority first.
fn identity() -> [String; 3] {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &authority);
    [authority.pem(), leaf.unwrap().pem(), key.serialize_pem()]
}

fn oidc_provider(settings: &Value) -> (Process, String) {
    let mut provider = Process::start(
        Command::new("node").arg(client("oidc_provider.mjs")).env("SETTINGS", settings.to_string()),
    );
    let issuer = provider.first_line();
    assert!(issuer.contains("://"), "{issuer}");
    (provider, issuer)
}

#[test]
fn oidc_provider_over_tls_with_clients_that_sign() {
    let Some(_) = tool("LANDFALL_NODE_MODULES") else { return };
    let folder = tempfile::tempdir().unwrap();
    let [authority, certificate, tls_key] = identity();
    std::fs::write(folder.path().join("authority.pem"), authority).unwrap();
    let signer = |name: &str, kind| {
        let key = PrivateKey::generate(kind).unwrap();
        std::fs::write(folder.path().join(format!("{name}.pem")), key.to_pem().unwrap().expose()).unwrap();
        key
    };
    let seismic = signer("seismic", KeyKind::P256);
    let jwk = seismic.public().to_jwk(&seismic.public().thumbprint(), Algorithm::Es256);
    let settings = json!({
        "host": "localhost", "audience": AUDIENCE, "scope": "quakes:write",
        "tls": {"cert": certificate, "key": tls_key},
        "clients": [
            {"client_id": "seismic", "token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [jwk]},
             "token_endpoint_auth_signing_alg": "ES256"},
            {"client_id": "stranger", "client_secret": "s3cret-that-is-long-enough-for-everybody",
             "token_endpoint_auth_method": "client_secret_basic"},
        ],
    });
    let (_provider, issuer) = oidc_provider(&settings);
    let idp = |tls: &str| {
        format!(
            "{{ kind: external, issuer: '{issuer}', audience: '{AUDIENCE}', audience_parameter: resource{tls} }}"
        )
    };
    let partners = "[{ name: seismic, auth: private-key-jwt, key: { file: seismic.pem }, scope: 'quakes:write' }, \
                    { name: stranger, secret: { env: SECRET }, expect: refuse }]";
    let trusted = ", tls: { ca: authority.pem }";
    assert_passed(run(folder.path(), &scenario(&idp(trusted), partners)));
    // Who is not trusted is not spoken to.
    let (code, said, _) = run(folder.path(), &scenario(&idp(""), partners));
    assert!(code == Some(3) && said.contains("cannot learn from the identity provider"), "{said}");
    // A key that the provider does not know.
    signer("seismic", KeyKind::P256);
    let (code, said, _) = run(folder.path(), &scenario(&idp(trusted), partners));
    assert!(code != Some(0) && said.contains("invalid_client"), "{said}");
}

#[test]
fn oidc_provider_with_secrets_in_a_header() {
    let Some(_) = tool("LANDFALL_NODE_MODULES") else { return };
    let folder = tempfile::tempdir().unwrap();
    let client = |id: &str| {
        json!({"client_id": id, "client_secret": "s3cret-that-is-long-enough-for-everybody",
            "token_endpoint_auth_method": "client_secret_basic"})
    };
    let settings = json!({"host": "127.0.0.1", "audience": AUDIENCE, "scope": "quakes:write",
        "clients": [client("seismic"), client("stranger")]});
    let (_provider, issuer) = oidc_provider(&settings);
    let idp = format!(
        "{{ kind: external, issuer: '{issuer}', audience: '{AUDIENCE}', audience_parameter: resource }}"
    );
    let partners = "[{ name: seismic, secret: { env: SECRET }, scope: 'quakes:write' }, \
                    { name: stranger, secret: { env: SECRET }, expect: refuse }]";
    assert_passed(run(folder.path(), &scenario(&idp, partners)));
}
