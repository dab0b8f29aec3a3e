//! A realm of Keycloak's in which the partners are clients, as the server imports one when it starts (Keycloak, "Importing and
//! exporting realms"; the members are those of its Admin REST API, `RealmRepresentation` and `ClientRepresentation`).

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::scenario::{IdpContainer, Partner};
use crate::secret::Secret;
use crate::stack::secrets::PartnerAuth;

/// What stands before the realm's name in its issuer.
const BEFORE_NAME: &str = "/realms/";
/// The realm's name where the issuer has none.
const NAME: &str = "partners";
/// How long sessions live at least, in seconds: Keycloak's own defaults. No token outlives its session.
const SESSION_IDLE_S: u64 = 30 * 60;
const SESSION_S: u64 = 10 * 60 * 60;

/// The realm, in which each partner may get the scopes that it has for the asking. It holds their secrets.
pub(super) fn realm(spec: &IdpContainer, partners: &[Partner], auths: &[PartnerAuth]) -> Secret {
    let issuer = spec.adapter.issuer.as_deref().unwrap_or_default();
    let name = issuer.rsplit_once(BEFORE_NAME).map_or(NAME, |(_, name)| name.trim_matches('/'));
    let life = spec.token_life.as_secs();
    let scopes: BTreeSet<&str> =
        partners.iter().flat_map(|partner| partner.scope.split_whitespace()).collect();
    let clients: Vec<Value> =
        partners.iter().zip(auths).map(|(partner, auth)| client(spec, partner, auth)).collect();
    let realm = json!({
        "realm": name,
        "enabled": true,
        // It is published on loopback alone.
        "sslRequired": "none",
        "defaultSignatureAlgorithm": spec.profile.issues.algorithm.name(),
        "accessTokenLifespan": life,
        "ssoSessionIdleTimeout": life.max(SESSION_IDLE_S),
        "ssoSessionMaxLifespan": life.max(SESSION_S),
        "clientScopes": scopes.into_iter().map(scope).collect::<Vec<_>>(),
        "clients": clients,
    });
    Secret::new(realm.to_string())
}

fn scope(name: &str) -> Value {
    let attributes = json!({"include.in.token.scope": "true", "display.on.consent.screen": "false"});
    json!({"name": name, "protocol": "openid-connect", "attributes": attributes})
}

/// A client that gets tokens for itself alone.
fn client(spec: &IdpContainer, partner: &Partner, auth: &PartnerAuth) -> Value {
    let mut client = json!({
        "clientId": partner.client_id,
        "enabled": true,
        "protocol": "openid-connect",
        "publicClient": false,
        "serviceAccountsEnabled": true,
        "standardFlowEnabled": false,
        "directAccessGrantsEnabled": false,
        "fullScopeAllowed": false,
        "defaultClientScopes": [],
        "optionalClientScopes": partner.scope.split_whitespace().collect::<Vec<_>>(),
        "protocolMappers": mappers(spec, &partner.client_id),
    });
    let (authenticator, member, value) = match auth {
        PartnerAuth::Basic(secret) | PartnerAuth::Post(secret) => {
            ("client-secret", "secret", Value::from(secret.expose()))
        }
        PartnerAuth::PrivateKeyJwt(key) => {
            let algorithm = key.kind().usual_algorithm();
            let jwk = key.public().to_jwk(&key.public().thumbprint(), algorithm);
            let attributes = json!({
                "use.jwks.string": "true",
                "jwks.string": json!({"keys": [jwk]}).to_string(),
                "token.endpoint.auth.signing.alg": algorithm.name(),
            });
            ("client-jwt", "attributes", attributes)
        }
    };
    client["clientAuthenticatorType"] = authenticator.into();
    client[member] = value;
    client
}

/// What stands in a client's tokens besides what all have: `sub`, the audience, and each claim in which the profile looks for
/// the client's id. `azp` is there anyway.
fn mappers(spec: &IdpContainer, client_id: &str) -> Vec<Value> {
    let mapper = |name: &str, kind: &str, config: Value| {
        let mut all: Map<String, Value> = Map::new();
        all.insert("access.token.claim".to_owned(), "true".into());
        all.extend(config.as_object().cloned().unwrap_or_default());
        json!({"name": name, "protocol": "openid-connect", "protocolMapper": kind, "config": all})
    };
    let mut mappers = vec![
        mapper("subject", "oidc-sub-mapper", json!({})),
        mapper("audience", "oidc-audience-mapper", json!({"included.custom.audience": spec.audience})),
    ];
    let written = ["azp", "sub"];
    let claims = spec.profile.accepts.client_claims.iter().filter(|claim| !written.contains(&claim.as_str()));
    mappers.extend(claims.map(|claim| {
        // A dot would make an object of it.
        let name = claim.replace('.', "\\.");
        let config = json!({"claim.name": name, "claim.value": client_id, "jsonType.label": "String"});
        mapper(claim, "oidc-hardcoded-claim-mapper", config)
    }));
    mappers
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::jose::{KeyKind, PrivateKey};
    use crate::scenario::{IdpSpec, parse};

    #[test]
    fn each_partner_is_a_client_with_its_secret_and_its_scopes() {
        let text = "version: 1\nname: x\nstack: { idp: { kind: container, adapter: keycloak, token_life: 12h } }\n\
                    topics: [{ name: t }]\n\
                    partners: [{ name: p, client_id: one, secret: generated, scope: 't:write t:read' }, \
                    { name: q, auth: private-key-jwt, key: generated, scope: '' }]\n\
                    workload: [{ partner: p, topic: t, format: v2-json, payload: { file: r }, \
                    arrivals: { constant: 1/s }, for: 1s }]\n";
        let load = |_: &std::path::Path| unreachable!("it extends nothing");
        let scenario = parse(text, std::path::Path::new("x"), &[], &load).unwrap();
        let IdpSpec::Container(idp) = &scenario.stack.idp else { panic!("{:?}", scenario.stack.idp) };
        assert_eq!(idp.profile.name, "keycloak");
        let key = Arc::new(PrivateKey::generate(KeyKind::P256).unwrap());
        let auths = [PartnerAuth::Basic(Secret::new("hunter2")), PartnerAuth::PrivateKeyJwt(key.clone())];
        let realm = realm(idp, &scenario.partners, &auths);
        let realm: Value = serde_json::from_str(realm.expose()).unwrap();
        assert_eq!((&realm["realm"], &realm["accessTokenLifespan"]), (&json!("partners"), &json!(43_200)));
        assert_eq!(realm["ssoSessionMaxLifespan"], 43_200);
        let names: Vec<&Value> =
            realm["clientScopes"].as_array().unwrap().iter().map(|scope| &scope["name"]).collect();
        assert_eq!(names, ["t:read", "t:write"]);
        let [one, other] = [&realm["clients"][0], &realm["clients"][1]];
        assert_eq!((&one["clientId"], &one["secret"]), (&json!("one"), &json!("hunter2")));
        assert_eq!(one["optionalClientScopes"], json!(["t:write", "t:read"]));
        assert!(one["protocolMappers"].to_string().contains("\"claim.name\":\"client_id\""), "{one}");
        assert_eq!(
            (&other["clientAuthenticatorType"], &other["secret"]),
            (&json!("client-jwt"), &Value::Null)
        );
        let keys: Value = serde_json::from_str(other["attributes"]["jwks.string"].as_str().unwrap()).unwrap();
        assert_eq!(keys["keys"][0]["kid"], key.public().thumbprint());
    }
}
