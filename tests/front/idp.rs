//! The identity provider, as a stock OAuth client sees it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hyper::StatusCode;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use landfall::wire::oauth::Metadata;
use serde_json::{Value, json};

use crate::stage::{Pairs, Reply, get, post, reserve, send, start_idp, token_form, token_of, until_refused};

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

fn basic(id: &str, secret: &str) -> String {
    format!("Basic {}", BASE64.encode(format!("{id}:{secret}")))
}

fn assert_error(reply: &Reply, status: u16, code: &str) {
    assert_eq!(reply.status.as_u16(), status, "{}", reply.text());
    assert_eq!(reply.json()["error"], code);
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    assert_eq!(reply.header("pragma"), Some("no-cache"));
    assert_eq!(reply.header("www-authenticate").is_some(), status == 401);
}

#[tokio::test]
async fn tokens_follow_rfc_9068_and_verify_with_the_published_key() {
    let idp = start_idp(0).await;
    let credentials = basic("seis%3Amic", "s3cret+%2B%3A%25%C3%A4");
    let headers = [FORM, ("authorization", credentials.as_str())];
    let body = "grant_type=client_credentials&scope=quakes%3Awrite";
    let reply = send(post(&idp.token_endpoint(), &headers, body)).await;
    assert_eq!(reply.status, StatusCode::OK);
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    assert_eq!(reply.header("pragma"), Some("no-cache"));
    let answer = reply.json();
    assert_eq!(answer["token_type"], "Bearer");
    assert_eq!(answer["expires_in"].as_u64(), Some(300));
    assert_eq!(answer["scope"], "quakes:write");
    assert!(answer.get("refresh_token").is_none());

    // jsonwebtoken serves as a reader of its own: header, key set and signature.
    let keys: JwkSet = serde_json::from_slice(&get(&idp.jwks_uri()).await.body).unwrap();
    let key = DecodingKey::from_jwk(&keys.keys[0]).unwrap();
    let mut validation = Validation::new(Algorithm::RS256);
    validation.set_audience(&["ingest"]);
    validation.set_issuer(&[idp.issuer()]);
    // It cannot read `exp` where serde_json keeps numbers as text.
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    let token = decode::<Value>(answer["access_token"].as_str().unwrap(), &key, &validation).unwrap();
    assert_eq!(token.header.typ.as_deref(), Some("at+jwt"));
    assert_eq!(token.header.kid, keys.keys[0].common.key_id);
    assert_eq!(token.claims["iss"], idp.issuer());
    assert_eq!(token.claims["sub"], "seis:mic");
    assert_eq!(token.claims["client_id"], "seis:mic");
    assert_eq!(token.claims["scope"], "quakes:write");
    let (iat, exp) = (token.claims["iat"].as_u64().unwrap(), token.claims["exp"].as_u64().unwrap());
    assert_eq!(exp - iat, 300);
    assert!(token.claims["jti"].is_string());
    let other = token_of(&idp, "seis:mic").await;
    let other = decode::<Value>(other, &key, &validation).unwrap();
    assert_ne!(other.claims["jti"], token.claims["jti"]);
}

#[tokio::test]
async fn metadata_and_keys() {
    let idp = start_idp(0).await;
    for document in ["openid-configuration", "oauth-authorization-server"] {
        let reply = get(&format!("{}/.well-known/{document}", idp.issuer())).await;
        let metadata: Metadata = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!(metadata.issuer, idp.issuer());
        assert_eq!(metadata.token_endpoint, idp.token_endpoint());
        assert_eq!(metadata.jwks_uri, Some(idp.jwks_uri()));
        assert_eq!(
            metadata.token_endpoint_auth_methods_supported,
            ["client_secret_basic", "client_secret_post", "private_key_jwt"]
        );
    }
    let keys = get(&idp.jwks_uri()).await.json();
    let key = &keys["keys"][0];
    assert_eq!((&key["kty"], &key["use"], &key["alg"]), (&json!("RSA"), &json!("sig"), &json!("RS256")));
    assert_eq!(key["e"], "AQAB");
    assert!(key.get("d").is_none(), "no private member");
    assert_eq!(get(&format!("{}/other", idp.issuer())).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn refusals_have_the_shapes_of_rfc_6749() {
    let idp = start_idp(0).await;
    let url = idp.token_endpoint();
    let good = basic("stranger", "s3cret+%2B%3A%25%C3%A4");
    let wrong = basic("stranger", "wrong");
    let grant = "grant_type=client_credentials";
    let rows: [(Pairs, String, u16, &str); 8] = [
        (&[FORM, ("authorization", &wrong)], grant.into(), 401, "invalid_client"),
        (&[FORM], grant.into(), 401, "invalid_client"),
        (&[FORM, ("authorization", &good)], token_form("stranger"), 400, "invalid_request"),
        (&[FORM, ("authorization", &good)], format!("{grant}&{grant}"), 400, "invalid_request"),
        (&[FORM, ("authorization", &good)], "grant_type=password".into(), 400, "unsupported_grant_type"),
        (&[FORM, ("authorization", &good)], format!("{grant}&scope=quakes:write"), 400, "invalid_scope"),
        (&[("authorization", &good)], grant.into(), 400, "invalid_request"),
        (&[FORM, ("authorization", &good)], "x".repeat(100_000), 400, "invalid_request"),
    ];
    for (headers, body, status, code) in rows {
        let reply = send(post(&url, headers, body)).await;
        assert_error(&reply, status, code);
        assert!(!reply.everything().contains("s3cret"));
    }
    let reply = get(&url).await;
    assert_eq!((reply.status, reply.header("allow")), (StatusCode::METHOD_NOT_ALLOWED, Some("POST")));
}

#[tokio::test]
async fn a_client_without_scopes_gets_a_token_without_scope() {
    let idp = start_idp(0).await;
    let reply = send(post(&idp.token_endpoint(), &[FORM], token_form("stranger"))).await;
    assert_eq!(reply.status, StatusCode::OK);
    assert!(reply.json().get("scope").is_none());
}

#[tokio::test]
async fn it_stops_when_dropped() {
    let reserved = reserve();
    let idp = start_idp(reserved.address.port()).await;
    assert_eq!(get(&idp.jwks_uri()).await.status, StatusCode::OK);
    let issuer = idp.issuer().to_owned();
    drop(idp);
    until_refused(reserved.address).await;
    // Another provider can have the port.
    assert_eq!(start_idp(reserved.address.port()).await.issuer(), issuer);
}
