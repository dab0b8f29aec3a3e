use super::*;
use crate::api::read;
use serde_json::{Value, json};

fn produce() -> Value {
    serde_saphyr::from_str(include_str!("../../../fixtures/gateway/produce.yaml")).unwrap()
}

fn around() -> Surroundings {
    Surroundings {
        stage: Stage {
            name: "prod".into(),
            variables: [("backend".to_owned(), "nlb.internal:8082".to_owned())].into(),
            base_path: "/prod".into(),
        },
        origins: ["http://nlb.internal:8082".to_owned()].into(),
        authorizers: ["jwt".to_owned()].into(),
        used: vec![("POST".into(), "/topics/quakes".into())],
    }
}

fn problems(document: &Value, around: Surroundings) -> String {
    Plan::new(&read(document).unwrap(), around).map(drop).map_err(|error| error.to_string()).unwrap_err()
}

#[test]
fn the_definition_that_ships_can_be_served() {
    let plan = Plan::new(&read(&produce()).unwrap(), around()).unwrap();
    assert_eq!(plan.warnings, []);
    let found = plan.paths.find("POST", "/topics/quakes").unwrap();
    let Planned::Served(served) = &plan.routes[found.route] else { panic!("it is served") };
    let PlannedIntegration::Http(http) = &served.integration else { panic!("it has a back end") };
    assert_eq!((http.host.as_str(), http.is_proxy, http.vpc_link), ("nlb.internal:8082", true, true));
    assert_eq!(http.path.with(|_| Some("quakes".into()), str::to_owned), "/topics/quakes");
}

#[test]
fn what_is_missing_is_told_at_once() {
    let mut bare = around();
    bare.stage.variables.clear();
    assert!(problems(&produce(), bare).contains("needs the stage variable `backend`"));
    let misspelt = Surroundings {
        origins: ["http://nbl.internal:8082".to_owned()].into(),
        authorizers: ["jtw".to_owned()].into(),
        ..around()
    };
    insta::assert_snapshot!(problems(&produce(), misspelt));
}

#[test]
fn what_cannot_be_done_matters_where_requests_are_sent() {
    let mut document = produce();
    document["paths"]["/topics/{topic}"]["post"]["x-amazon-apigateway-integration"]["type"] =
        json!("aws_proxy");
    let error = problems(&document, around());
    assert!(
        error.contains(
            "#/paths/~1topics~1{topic}/post/x-amazon-apigateway-integration is of the type `aws_proxy`"
        ) && error.contains("and POST /topics/quakes is sent there"),
        "{error}"
    );
    let plan = Plan::new(&read(&document).unwrap(), Surroundings { used: Vec::new(), ..around() }).unwrap();
    assert_eq!(plan.warnings.len(), 1);
    assert!(plan.routes.iter().any(|route| matches!(route, Planned::Unsupported { .. })));
}

#[test]
fn expressions_and_sources_that_cannot_be_evaluated_are_told_with_their_place() {
    let mut document = produce();
    let authorizer = "/components/securitySchemes/jwt/x-amazon-apigateway-authorizer";
    document.pointer_mut(authorizer).unwrap()["identityValidationExpression"] = json!("^Bearer (?=x)");
    let error = problems(&document, around());
    assert!(
        error.contains(&format!("#{authorizer}/identityValidationExpression is an expression")),
        "{error}"
    );
    *document.pointer_mut(authorizer).unwrap() =
        json!({ "type": "request", "identitySource": "method.request.path.topic" });
    let error = problems(&document, around());
    assert!(error.contains("names `method.request.path.topic`, which can be no identity source"), "{error}");
}

#[test]
fn what_is_passed_over_in_a_gateway_response_is_told_with_its_place() {
    let document = json!({ "swagger": "2.0", "paths": { "/a": { "get": {
        "x-amazon-apigateway-integration": { "type": "mock" } } } },
        "x-amazon-apigateway-gateway-responses": { "A/B~": { "responseParameters": { "x": "y" } } } });
    let plan = Plan::new(&read(&document).unwrap(), Surroundings::default()).unwrap();
    let pointers: Vec<&str> = plan.warnings.iter().map(|warning| warning.pointer.as_str()).collect();
    assert_eq!(pointers, ["/x-amazon-apigateway-gateway-responses/A~1B~0/responseParameters/x"]);
    assert!(document.pointer(pointers[0]).is_some());
}

#[test]
fn origins_are_written_in_one_way() {
    for (url, origin) in [
        ("http://Host/a", Some("http://host:80")),
        ("https://host", Some("https://host:443")),
        ("HTTP://[::1]/", Some("http://[::1]:80")),
        ("http://[::1]:8082?x", Some("http://[::1]:8082")),
        ("http://user@host/", None),
        ("http://{host}/", None),
        ("ftp://host", None),
        ("http://", None),
        ("http://host:99999", None),
        ("http://:80", None),
    ] {
        assert_eq!(origin_of(url).map(|(origin, _)| origin).as_deref(), origin, "{url}");
    }
}
