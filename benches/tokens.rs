//! What a token costs: signing it, and fetching it from the identity provider over loopback. `benches/tokens.sh` holds both
//! against what OpenSSL signs on the same core.

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use futures_util::future::join_all;
use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::rt::TokioExecutor;
use landfall::doubles::idp::{Client, Credential, Idp, IdpConfig};
use landfall::jose::{Algorithm, PrivateKey, Signer};
use landfall::scenario::{ClaimValues, TokenProfile};
use landfall::secret::Secret;
use serde_json::json;
use tokio::runtime::Builder;

/// The algorithms that are signed by.
const ALGORITHMS: [Algorithm; 2] = [Algorithm::Rs256, Algorithm::Es256];
/// Requests under way at the same time.
const AT_ONCE: usize = 8;

fn mint(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("mint");
    for algorithm in ALGORITHMS {
        let kind = algorithm.key_kind().expect("it takes a key pair");
        let key = Arc::new(PrivateKey::generate(kind).expect("there is randomness"));
        let header = json!({"alg": algorithm.name(), "typ": "at+jwt", "kid": key.public().thumbprint()});
        let signer = Signer::new(key, algorithm, &header);
        let issues = TokenProfile::default().issues;
        let mut now = 1_800_000_000;
        group.bench_function(algorithm.name(), |bencher| {
            bencher.iter(|| {
                now += 1;
                let claims = issues.claims_of(&ClaimValues {
                    issuer: "http://127.0.0.1:43251",
                    client: "seismic",
                    audience: Some("landfall-api"),
                    scope: Some("quakes:write ships:write"),
                    jti: "8c1a4f0e-0e4b-4a0a-9d5c-2f7b1c3d4e5f",
                    now,
                    life: 3600,
                });
                black_box(signer.sign(&claims)).expect("the algorithm fits the key")
            });
        });
    }
    group.finish();
}

/// Fetching tokens from a provider that has one thread of its own, as fast as it gives them.
fn endpoint(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("endpoint");
    group.throughput(Throughput::Elements(AT_ONCE as u64));
    for algorithm in ALGORITHMS {
        let server = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let mut config = IdpConfig::new(IpAddr::V4(Ipv4Addr::LOCALHOST), "landfall-api");
        config.profile.issues.algorithm = algorithm;
        let credential = Credential::Secret(Secret::new("secret"));
        config.clients =
            vec![Client { id: "seismic".into(), credential, scopes: vec!["quakes:write".into()] }];
        let idp = server.block_on(Idp::start(config)).expect("it starts");
        let url = idp.token_endpoint();
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let client = HttpClient::builder(TokioExecutor::new()).build_http();
        let fetch = || async {
            let form = "grant_type=client_credentials&client_id=seismic&client_secret=secret";
            let request = Request::post(&url)
                .header("content-type", "application/x-www-form-urlencoded")
                .body(Full::new(Bytes::from_static(form.as_bytes())))
                .expect("a legal request");
            let answer = client.request(request).await.expect("it answers");
            assert_eq!(answer.status(), 200);
            answer.into_body().collect().await.expect("whole").to_bytes()
        };
        group.bench_function(algorithm.name(), |bencher| {
            bencher.iter(|| runtime.block_on(join_all((0..AT_ONCE).map(|_| fetch()))));
        });
        // What is on its threads goes with them.
        server.block_on(async { drop(idp) });
    }
    group.finish();
}

criterion_group!(benches, mint, endpoint);
criterion_main!(benches);
