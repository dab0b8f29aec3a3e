//! Gateways that serve a definition of a test's own.

use std::collections::BTreeMap;

use landfall::api::{Plan, Stage, Surroundings, read};
use landfall::doubles::gateway::{AuthorizerCode, Gateway, GatewayConfig};
use serde_json::{Value, json};

use crate::stage::{LOOPBACK, Reply, Stub, offsets, post, send};

/// A definition with these paths, whose integrations go to `http://back.internal:8082`.
pub(crate) struct Defined {
    pub(crate) document: Value,
    pub(crate) authorizers: BTreeMap<String, AuthorizerCode>,
    pub(crate) change: fn(&mut GatewayConfig),
}

impl Defined {
    pub(crate) fn new(paths: Value) -> Self {
        let mut document = json!({ "openapi": "3.0.1" });
        document["paths"] = paths;
        Self { document, authorizers: BTreeMap::new(), change: |_| () }
    }

    pub(crate) fn with(mut self, pointer: &str, value: Value) -> Self {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        let mut at = &mut self.document;
        for step in parent.split('/').skip(1) {
            at = &mut at[step.replace("~1", "/")];
        }
        at[name.replace("~1", "/")] = value;
        self
    }

    /// An authorizer, and what `lambda` or a fixed answer says.
    pub(crate) fn authorizer(mut self, scheme: &str, of: Value, code: AuthorizerCode) -> Self {
        let mut definition = json!({ "type": "apiKey", "name": "Authorization", "in": "header",
            "x-amazon-apigateway-authtype": "custom" });
        definition["x-amazon-apigateway-authorizer"] = of;
        self.authorizers.insert(scheme.to_owned(), code);
        self.with(&format!("/components/securitySchemes/{scheme}"), definition)
    }

    pub(crate) async fn start(self) -> (Gateway, Stub) {
        let backend = Stub::start(200, offsets(1)).await;
        let origin = "http://back.internal:8082".to_owned();
        let has_back_end = self.document.to_string().contains(&origin);
        let around = Surroundings {
            stage: Stage {
                name: "v1".into(),
                variables: [("tenant".to_owned(), "t-1".to_owned())].into(),
                base_path: "/v1".into(),
            },
            origins: has_back_end.then(|| origin.clone()).into_iter().collect(),
            authorizers: self.authorizers.keys().cloned().collect(),
            used: vec![],
        };
        let plan = Plan::new(&read(&self.document).unwrap(), around).unwrap();
        let backends = [(origin, backend.address().into())].into();
        let mut config = GatewayConfig::new(LOOPBACK, plan, backends, self.authorizers);
        (self.change)(&mut config);
        (Gateway::start(config).await.unwrap(), backend)
    }
}

/// An HTTP proxy integration to `path`, with these parameters.
pub(crate) fn proxy(path: &str, parameters: Value) -> Value {
    let mut integration = json!({ "type": "http_proxy", "httpMethod": "POST",
        "uri": format!("http://back.internal:8082{path}") });
    integration["requestParameters"] = parameters;
    integration
}

pub(crate) fn operation(integration: Value) -> Value {
    let mut operation = json!({});
    operation["x-amazon-apigateway-integration"] = integration;
    operation
}

pub(crate) fn url(gateway: &Gateway, path: &str) -> String {
    format!("{}{path}", gateway.base_url())
}

pub(crate) async fn call(
    gateway: &Gateway,
    path: &str,
    headers: &[(&str, &str)],
    body: &'static str,
) -> Reply {
    send(post(&url(gateway, path), headers, body)).await
}

pub(crate) fn invoke(lambda: &Stub) -> AuthorizerCode {
    AuthorizerCode::Invoke { url: lambda.url(), concurrency: None }
}
