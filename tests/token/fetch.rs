//! Getting tokens, from an identity provider that does as it should and from others that do not.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use http_body_util::Full;
use hyper::Response;
use hyper::body::Bytes;
use landfall::doubles::http::{Answer, Server, Terms, bind};
use landfall::doubles::idp::{Client, Credential, Idp, IdpConfig};
use landfall::jose::{KeyKind, PrivateKey};
use landfall::secret::Secret;
use landfall::tls::Identity;

use crate::harness::{Ended, Place, decoded, nowhere_but};

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const SECRET: &str = "hunter2-hunter2";

async fn idp(key: &PrivateKey) -> Idp {
    let scopes = || vec!["orders:write".to_owned(), "quakes:write".to_owned()];
    let shared = Credential::Secret(Secret::new(SECRET));
    let own = Credential::Key(key.public().clone());
    let clients = vec![
        Client { id: "shop".into(), credential: shared, scopes: scopes() },
        Client { id: "bank".into(), credential: own, scopes: scopes() },
    ];
    let config = IdpConfig { clients, ..IdpConfig::new(LOOPBACK, "ingest") };
    Idp::start(config).await.expect("it starts")
}

/// A server that answers every request in the same way.
async fn answering(status: u16, body: String) -> Server {
    let listener = bind("provider", SocketAddr::new(LOOPBACK, 0)).await.expect("a free port");
    let answer = move || -> Answer {
        let body = Full::new(Bytes::from(body.clone()));
        Response::builder().status(status).body(body).expect("a legal response")
    };
    Server::start(listener, move |_, _| std::future::ready(answer())).expect("it has an address")
}

/// Fetches beside the provider, which this thread may be serving.
fn fetch(place: &Place, arguments: &[&str]) -> Ended {
    tokio::task::block_in_place(|| place.token(&[&["fetch"], arguments].concat(), ""))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_comes_alone_in_each_way_of_authenticating() {
    let place = Place::new();
    let key = PrivateKey::generate(KeyKind::P256).unwrap();
    let idp = idp(&key).await;
    place.write("secret", &format!("{SECRET}\nsomething else\n"));
    place.write("key.pem", key.to_pem().unwrap().expose());
    let (issuer, endpoint) = (idp.issuer().to_owned(), idp.token_endpoint());
    for arguments in [
        &["--issuer", issuer.as_str(), "--client-id", "shop", "--secret-env", "CLIENT_SECRET"][..],
        &["--token-endpoint", &endpoint, "--client-id", "shop", "--secret-file", "secret", "--auth", "post"],
        &["--issuer", &issuer, "--client-id", "bank", "--key", "key.pem", "--audience", "ingest"],
        &[
            "--issuer",
            &issuer,
            "--client-id",
            "bank",
            "--key",
            "key.pem",
            "--auth",
            "private-key-jwt",
            "--resource",
            "ingest",
        ],
    ] {
        let scope = ["--scope", "orders:write"];
        let got = fetch(&place, &[arguments, &scope].concat());
        assert_eq!((got.code, got.stdout.lines().count()), (Some(0), 1), "{}", got.stderr);
        let (header, claims) = decoded(&got.stdout);
        assert_eq!(
            (&header["alg"], &claims["scope"], &claims["iss"]),
            (&"RS256".into(), &"orders:write".into(), &issuer.as_str().into())
        );
        for words in ["JSON web token signed by RS256", "it lives for 1 h\n", "scope granted: `orders:write`"]
        {
            assert!(got.stderr.contains(words), "{words}: {}", got.stderr);
        }
        assert!(!got.stderr.contains(got.stdout.trim()) && !got.stderr.contains(SECRET), "{}", got.stderr);
        nowhere_but(place.path("").as_path(), got.stdout.trim(), &[]);
    }
    // What was fetched passes what inspects it.
    let token =
        fetch(&place, &["--issuer", &issuer, "--client-id", "shop", "--secret-env", "CLIENT_SECRET"]).stdout;
    let jwks = idp.jwks_uri();
    let against = ["inspect", "--issuer", &issuer, "--audience", "ingest", "--jwks", &jwks];
    let inspected = tokio::task::block_in_place(|| place.token(&against, &token));
    assert_eq!(inspected.code, Some(0), "{}{}", inspected.stdout, inspected.stderr);
    assert!(inspected.stdout.contains("may write  orders, quakes"), "{}", inspected.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_explained_and_keep_the_secret() {
    let place = Place::new();
    let idp = idp(&PrivateKey::generate(KeyKind::Ed25519).unwrap()).await;
    let echo = answering(
        401,
        format!("{{\"error\":\"invalid_client\",\"error_description\":\"{SECRET} \\u001b[1m\"}}"),
    )
    .await;
    let echo = format!("http://{}/token", echo.address());
    let issuer = idp.issuer().to_owned();
    let usual = ["--secret-env", "CLIENT_SECRET"];
    for (arguments, words) in [
        (
            &["--issuer", issuer.as_str(), "--client-id", "nobody"][..],
            &["HTTP 401, invalid_client", "--auth post"][..],
        ),
        (
            &["--issuer", &issuer, "--client-id", "shop", "--scope", "x"],
            &["HTTP 400, invalid_scope", "leave `--scope` out"],
        ),
        (
            &["--issuer", &issuer, "--client-id", "shop", "--resource", "x"],
            &["invalid_target", "`--resource`"],
        ),
        (&["--token-endpoint", &echo, "--client-id", "shop"], &["invalid_client ([redacted]"]),
    ] {
        let ended = fetch(&place, &[arguments, &usual].concat());
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{}", ended.stderr);
        assert!(words.iter().all(|words| ended.stderr.contains(words)), "{}", ended.stderr);
        assert!(!ended.stderr.contains(SECRET) && !ended.stderr.contains('\u{1b}'), "{}", ended.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_says_nothing_useful_ends_with_code_3() {
    let place = Place::new();
    let page = answering(200, "<html>".to_owned()).await;
    let page = format!("http://{}", page.address());
    let idp = idp(&PrivateKey::generate(KeyKind::Ed25519).unwrap()).await;
    let slash = format!("{}/", idp.issuer());
    let metadata = format!("{}/.well-known/openid-configuration", idp.issuer());
    let over_tls = idp.token_endpoint().replace("http://", "https://");
    let endpoint = format!("{page}/token");
    for (arguments, code, words) in [
        (&["--issuer", page.as_str()][..], 3, "its answer is no metadata"),
        (&["--token-endpoint", &endpoint], 3, "no token response"),
        (&["--issuer", &slash], 2, "equal to the letter"),
        (&["--issuer", "127.0.0.1:1"], 2, "`127.0.0.1:1` is no issuer: write http://"),
        (&["--issuer", &metadata], 2, "leave out `/.well-known/…`"),
        (&["--issuer", "http://shop:hunter2@127.0.0.1:1"], 2, "`the URL given` is no issuer"),
        (
            &["--token-endpoint", idp.issuer()],
            3,
            "HTTP 404; check that the IdP runs there; that URL is not its token endpoint's",
        ),
        (&["--token-endpoint", &over_tls], 3, "speaks no TLS: is it `http://`?"),
        (&["--token-endpoint", "ftp://x"], 2, "is no endpoint"),
    ] {
        let usual = ["--client-id", "shop", "--secret-env", "CLIENT_SECRET"];
        let ended = fetch(&place, &[arguments, &usual].concat());
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(code), ""), "{}", ended.stderr);
        assert!(ended.stderr.contains(words), "{}", ended.stderr);
    }
}

#[test]
fn who_asks_wrongly_is_told_how() {
    let place = Place::new();
    place.write("secret", SECRET);
    let usual = ["fetch", "--token-endpoint", "http://127.0.0.1:1/token", "--client-id", "c"];
    for (arguments, words) in [
        (&["--secret-env", "LANDFALL_NO_SUCH_VARIABLE"][..], "`LANDFALL_NO_SUCH_VARIABLE` is not set"),
        (&["--secret-file", "gone"], "cannot read the secret from gone"),
        (&["--secret-file", "secret", "--auth", "private-key-jwt"], "needs the client's private key"),
        (&["--key", "secret"], "there is no private key"),
        (&["--key", "secret", "--auth", "basic"], "needs the client's secret"),
        (&["--secret-file", "secret", "--secret-env", "X"], "cannot be used with"),
        (&["--secret-file", "secret", "--audience", "a", "--resource", "b"], "cannot be used with"),
        (&["--secret", SECRET], "unexpected argument"),
        (&[], "required"),
    ] {
        let ended = place.token(&[&usual[..], arguments].concat(), "");
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{arguments:?} {}", ended.stderr);
        assert!(ended.stderr.contains(words), "{arguments:?} {}", ended.stderr);
        assert!(!ended.stderr.contains("hunter2"), "{}", ended.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_of_a_scenario_gets_its_token_as_in_a_run() {
    let place = Place::new();
    let idp = idp(&PrivateKey::generate(KeyKind::Ed25519).unwrap()).await;
    let scenario = |idp: &str| {
        format!(
            "version: 1\nname: x\nstack: {{ idp: {idp} }}\ntopics: [{{ name: orders }}]\n\
             partners: [{{ name: first, client_id: shop, secret: {{ env: CLIENT_SECRET }}, scope: 'orders:write' }}]\n\
             workload: [{{ partner: first, topic: orders, format: v2-json, payload: {{ file: x.ndjson }}, \
             arrivals: {{ constant: 1/s }}, for: 1s }}]\n"
        )
    };
    let external = format!(
        "{{ kind: external, issuer: '{}', audience: ingest, audience_parameter: resource }}",
        idp.issuer()
    );
    place.write("external.yaml", &scenario(&external));
    place.write("embedded.yaml", &scenario("{ audience: ingest }"));
    let got = fetch(&place, &["external.yaml", "--partner", "first"]);
    assert_eq!(got.code, Some(0), "{}", got.stderr);
    let (_, claims) = decoded(&got.stdout);
    assert_eq!((&claims["client_id"], &claims["scope"]), (&"shop".into(), &"orders:write".into()));
    let changed = ["external.yaml", "--partner", "first", "--set", "partners[0].scope=quakes:write"];
    let (_, claims) = decoded(&fetch(&place, &changed).stdout);
    assert_eq!(claims["scope"], "quakes:write");
    for (arguments, words) in [
        (&["external.yaml", "--partner", "other"][..], "no partner `other`; there are: `first`"),
        (&["embedded.yaml", "--partner", "first"], "`landfall up`"),
        (&["external.yaml"], "--partner"),
        (&["external.yaml", "--partner", "first", "--client-id", "x"], "cannot be used with"),
        (&["external.yaml", "--partner", "first", "--issuer", "http://127.0.0.1:1"], "cannot be used with"),
        (&["gone.yaml", "--partner", "first"], "gone.yaml: cannot be opened"),
    ] {
        let ended = fetch(&place, arguments);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{arguments:?} {}", ended.stderr);
        assert!(ended.stderr.contains(words), "{arguments:?} {}", ended.stderr);
    }
}

/// A provider that speaks TLS, by an authority that nobody knows but who is told.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_trusted_is_said_by_a_file() {
    let place = Place::new();
    let identity = Identity::generated(std::time::SystemTime::now(), None).unwrap();
    place.write("ca.pem", identity.authority().unwrap());
    let listener = bind("provider", SocketAddr::new(LOOPBACK, 0)).await.unwrap();
    let base = format!("https://{}", listener.local_addr().unwrap());
    let metadata =
        format!("{{\"issuer\":\"{base}\",\"token_endpoint\":\"{base}/token\",\"jwks_uri\":\"{base}/jwks\"}}");
    let terms = Terms { identity: Some(identity), ..Terms::default() };
    let _server = Server::start_with(listener, terms, move |request, _| {
        let body = match request.uri().path() {
            "/token" => "{\"access_token\":\"opaque\",\"token_type\":\"bearer\"}".to_owned(),
            "/jwks" => "{\"keys\":[]}".to_owned(),
            _ => metadata.clone(),
        };
        std::future::ready(Response::new(Full::new(Bytes::from(body))))
    })
    .unwrap();
    let usual = ["--client-id", "shop", "--secret-env", "CLIENT_SECRET"];
    let (endpoint, jwks) = (format!("{base}/token"), format!("{base}/jwks"));
    for of in [["--issuer", base.as_str()], ["--token-endpoint", &endpoint]] {
        let trusting = fetch(&place, &[&of[..], &usual, &["--ca", "ca.pem"]].concat());
        assert_eq!((trusting.code, trusting.stdout.as_str()), (Some(0), "opaque\n"), "{}", trusting.stderr);
        assert!(trusting.stderr.contains("no JSON web token"), "{}", trusting.stderr);
        let other = fetch(&place, &[&of[..], &usual].concat());
        assert_eq!((other.code, other.stdout.as_str()), (Some(3), ""), "{}", other.stderr);
        assert!(other.stderr.contains("`--ca FILE`"), "{}", other.stderr);
    }
    let token = place.good(&[]);
    let inspect = |more: &[&str]| {
        tokio::task::block_in_place(|| place.token(&[&["verify", "--jwks", &jwks], more].concat(), &token))
    };
    let (trusting, other) = (inspect(&["--ca", "ca.pem"]), inspect(&[]));
    assert_eq!(trusting.code, Some(1), "{}", trusting.stderr);
    assert!(trusting.stdout.contains("among the 0 of the set"), "{}", trusting.stdout);
    assert_eq!(other.code, Some(3), "{}", other.stderr);
    assert!(other.stderr.contains("`--ca FILE`"), "{}", other.stderr);
}
