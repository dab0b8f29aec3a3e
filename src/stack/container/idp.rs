//! An identity provider that nobody here wrote, told who the partners are and what its tokens say of each.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};

use serde_json::json;

use super::adapter::{Values, filled};
use super::ready::{try_ready, until_ready};
use super::realm::realm;
use super::{Containers, Running, StackError, report};
use crate::result::ContainerReport;
use crate::scenario::{Adapter, IdpContainer, Partner};
use crate::secret::Secret;
use crate::stack::secrets::{PartnerAuth, hidden};

impl Containers {
    /// Starts the provider, and returns when it can be used: with where it is reached, and what results say of it.
    pub(in crate::stack) async fn start_idp(
        &mut self,
        spec: &IdpContainer,
        (partners, auths): (&[Partner], &[PartnerAuth]),
        env: &[(String, Secret)],
    ) -> Result<(SocketAddr, ContainerReport), StackError> {
        self.hide(hidden(&spec.env, env));
        let image = self.image("idp", &spec.image).await?;
        let limits = self.check_limits("idp", spec.resources)?;
        let Adapter { port: inside, ready, .. } = &spec.adapter;
        let text = |text: &str| Some(Secret::new(text));
        let values: Values = [
            ("audience", text(&spec.audience)),
            ("clients.keycloak", Some(realm(spec, partners, auths))),
            ("clients.mock_oauth2", text(&clients(spec, partners))),
            ("name", text("idp")),
            ("port", text(&inside.to_string())),
            ("token_life", text(&spec.token_life.as_secs().to_string())),
        ]
        .into();
        let made = filled(&spec.adapter, "idp", (&image, limits), (&values, None), env)?;
        let Running { container, port } = self.run((*inside, true), |_| Ok(made.clone())).await?;
        let address: SocketAddr = (Ipv4Addr::LOCALHOST, port).into();
        until_ready(&container, spec.start_within, &self.redaction, || try_ready(ready, address)).await?;
        self.idp = Some(container);
        Ok((address, report(&image, spec.resources)))
    }
}

/// What mock-oauth2-server is to issue (its README, `JSON_CONFIG`): an access token (RFC 9068) that grants the scope that was
/// asked for, if a partner has it. By the scope, since a client's name need not stand in the body.
fn clients(spec: &IdpContainer, partners: &[Partner]) -> String {
    let audience = &spec.audience;
    let token = |parameter: &str, value: &str, scope: &str| {
        json!({"requestParam": parameter, "match": value, "typeHeader": "at+jwt",
            "claims": {"sub": "${clientId}", "client_id": "${clientId}", "aud": [audience], "scope": scope}})
    };
    let scopes: BTreeSet<&str> = partners.iter().map(|partner| partner.scope.as_str()).collect();
    let scopes = scopes.into_iter().filter(|scope| !scope.is_empty());
    let mut mappings: Vec<_> = scopes.map(|scope| token("scope", scope, scope)).collect();
    mappings.push(token("grant_type", "client_credentials", ""));
    let issuer = spec.adapter.issuer.as_deref().unwrap_or_default().trim_matches('/');
    let life = spec.token_life.as_secs();
    let callback = json!({"issuerId": issuer, "tokenExpiry": life, "requestMappings": mappings});
    json!({"interactiveLogin": false, "tokenCallbacks": [callback]}).to_string()
}
