//! The gateway with a definition of one's own, and authorizers of one's own, in whole runs.

use landfall::result::Verdict;
use serde_json::{Value, json};

use crate::harness::{Ended, Landfall, ScenarioFile, repository};

/// An exported definition: everything below `/kafka/topics` behind an authorizer and, where `key` says so, an API key.
fn definition(key: bool) -> Value {
    let security = if key { json!([{ "jwt": [], "key": [] }]) } else { json!([{ "jwt": [] }]) };
    let mut document = json!({
        "openapi": "3.0.1",
        "paths": { "/kafka/topics/{proxy+}": { "x-amazon-apigateway-any-method": {
            "parameters": [{ "name": "X-Source", "in": "header", "required": true }],
            "x-amazon-apigateway-request-validator": "parameters",
            "x-amazon-apigateway-integration": {
                "type": "http_proxy", "httpMethod": "ANY", "connectionType": "VPC_LINK",
                "uri": "http://${stageVariables.nlb}:8082/topics/{proxy}",
                "requestParameters": {
                    "integration.request.path.proxy": "method.request.path.proxy",
                    "integration.request.header.X-Tenant": "context.authorizer.tenant" } } } } },
        "components": { "securitySchemes": {
            "jwt": { "type": "apiKey", "name": "Authorization", "in": "header",
                "x-amazon-apigateway-authtype": "custom",
                "x-amazon-apigateway-authorizer": { "type": "token", "authorizerResultTtlInSeconds": 60,
                    "authorizerUri": "arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-west-1:1:function:partners/invocations" } },
            "key": { "type": "apiKey", "name": "x-api-key", "in": "header" } } },
        "x-amazon-apigateway-request-validators": { "parameters": { "validateRequestParameters": true } },
    });
    document["paths"]["/kafka/topics/{proxy+}"]["x-amazon-apigateway-any-method"]["security"] = security;
    document
}

/// The quickstart, short, with this definition and gateway.
fn run(document: &Value, gateway: &str) -> (ScenarioFile, Landfall) {
    let quickstart = repository("scenarios/quickstart.yaml");
    let text = format!(
        "extends: {}\nstack:\n  gateway: {{ api: api.json, prefix: /kafka, stage_variables: {{ nlb: nlb.internal }}, \
         integrations: {{ 'http://nlb.internal:8082': balancer }}, {gateway} }}\nchecks: []\n",
        quickstart.display()
    );
    let file = ScenarioFile::new(&text).with("api.json", document.to_string().as_bytes());
    let mut call = Landfall::run(&file.path());
    for change in [
        "workload[0].arrivals.constant=50/s",
        "workload[0].for=1s",
        "workload[1].arrivals.constant=20/s",
        "workload[1].for=1s",
        "partners[0].headers={X-Source: seismic}",
        "partners[1].headers={X-Source: stranger}",
    ] {
        call = call.set(change);
    }
    (file, call)
}

fn passed(ended: &Ended) {
    let result = ended.result();
    assert_eq!((ended.code, result.verdict), (Some(0), Verdict::Pass), "{}{}", ended.stdout, ended.stderr);
    assert_eq!((result.requests.accepted, result.requests.refused), (50, 20));
    assert_eq!((result.records.landed, result.records.leaked), (500, 0));
}

#[test]
fn a_definition_with_the_builtin_authorizer_passes() {
    let (_file, call) = run(&definition(false), "authorizers: { jwt: { run: builtin } }, access_log: true");
    let ended = call.end();
    passed(&ended);
    let log = ended.file("access.log");
    assert_eq!(log.lines().count(), 70, "{log}");
    let line: Value = serde_json::from_str(log.lines().next().expect("a line")).expect("JSON");
    assert_eq!((&line["resource"], &line["method"]), (&json!("/kafka/topics/{proxy+}"), &json!("POST")));
    assert!(!log.contains("eyJ"), "a token in the log");
}

#[test]
fn each_hop_is_told_and_each_request_traced() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let path = folder.path().join("trace.jsonl");
    let trace = path.to_str().expect("the path is UTF-8");
    let (_file, call) = run(&definition(false), "authorizers: { jwt: { run: builtin } }");
    let ended = call.args(&["--trace", trace]).end();
    passed(&ended);
    let hops: Vec<(&str, u64)> =
        ended.result().hops.iter().map(|hop| (hop.name.as_str(), hop.us.count)).collect();
    let names: Vec<&str> = hops.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["gateway", "authorizer", "validation", "balancer", "proxy"]);
    assert_eq!((hops[0].1, hops[2].1, hops[4].1), (70, 50, 50), "{hops:?}");
    // Results are kept for each of the two tokens.
    assert!((2..70).contains(&hops[1].1), "{hops:?}");
    assert!(ended.stdout.contains("hops      gateway"), "{}", ended.stdout);

    let text = std::fs::read_to_string(&path).expect("the trace is there");
    assert!(!text.contains("eyJ"), "a token in the trace");
    let lines: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect();
    assert_eq!(lines.len(), 70);
    let passed = lines.iter().find(|line| line["status"] == 200).expect("a request passed");
    assert_eq!(passed["answered_by"], "integration");
    assert_eq!(passed["hops"]["authorizer"]["decision"], "allow");
    assert_eq!(passed["hops"]["proxy"]["status"], 200);
    let sum: u64 = ["gateway", "authorizer", "validation", "balancer", "proxy"]
        .iter()
        .filter_map(|hop| passed["hops"][hop]["us"].as_u64())
        .sum();
    let whole = passed["us"].as_u64().expect("a time");
    assert!(sum <= whole && whole - sum <= 5, "the hops take {sum} of {whole}");
    let set: Vec<&str> = passed["set"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    let added = [
        "host",
        "x-amzn-apigateway-api-id",
        "x-amzn-trace-id",
        "x-forwarded-for",
        "x-forwarded-port",
        "x-forwarded-proto",
    ];
    assert_eq!((set.as_slice(), &passed["dropped"]), (&added[..], &json!([])));
    let refused = lines.iter().find(|line| line["status"] == 403).expect("a request was refused");
    assert_eq!(
        (&refused["answered_by"], &refused["response_type"]),
        (&json!("gateway"), &json!("ACCESS_DENIED"))
    );
    assert_eq!(refused["hops"]["authorizer"]["decision"], "explicit deny");
    assert_eq!(refused["hops"]["proxy"], Value::Null);
}

#[test]
fn the_balancer_checks_its_replicas_and_keeps_a_client_at_one() {
    let ended = Landfall::short_quickstart()
        .set("stack.proxy.balancer={choice: by-source, health_check: {healthy_threshold: 2, interval: 5s}, time_scale: 1000}")
        .end();
    passed(&ended);
    let ended = Landfall::short_quickstart().set("stack.proxy.balancer.choice=random").end();
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
}

#[test]
fn without_an_embedded_gateway_there_is_no_trace() {
    let ended =
        Landfall::short_quickstart().set("stack.gateway=none").args(&["--trace", "trace.jsonl"]).end();
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(ended.stderr.contains("no embedded gateway"), "{}", ended.stderr);
}

#[test]
fn headers_that_the_definition_requires_must_be_sent() {
    let (_file, call) = run(&definition(false), "authorizers: { jwt: { run: builtin } }");
    let ended = call.set("partners[0].headers={}").end();
    assert_eq!((ended.code, ended.result().requests.wrongly_refused), (Some(1), 50), "{}", ended.stdout);
}

#[test]
fn api_keys_are_sent_and_shown_to_nobody() {
    let gateway =
        "authorizers: { jwt: { run: builtin } }, api_keys: [{ name: shop, value: { env: SHOP_KEY } }]";
    let (_file, call) = run(&definition(true), gateway);
    let ended = call
        .set("partners[0].headers={X-Source: seismic, x-api-key: {env: SHOP_KEY}}")
        .env("SHOP_KEY", "k3y-of-the-shop")
        .args(&["--verbose"])
        .end();
    passed(&ended);
    for text in [&ended.stdout, &ended.stderr, &ended.file("result.json"), &ended.file("report.html")] {
        assert!(!text.contains("k3y-of-the-shop"));
    }
}

#[test]
fn a_function_of_one_s_own_decides() {
    let Ok(python) = std::env::var("LANDFALL_PYTHON") else {
        let demanded = std::env::var_os("LANDFALL_REQUIRE_TOOLS").is_some();
        assert!(!demanded, "LANDFALL_REQUIRE_TOOLS is set, and LANDFALL_PYTHON names no interpreter");
        println!("did not run: LANDFALL_PYTHON names no interpreter with awslambdaric");
        return;
    };
    let lambda = format!(
        "authorizers: {{ jwt: {{ run: lambda, command: [{python}, -m, awslambdaric, scope_authorizer.handler], directory: \
         {}, workers: 2, timeout: 10s }} }}",
        repository("tests/clients").display()
    );
    let (_file, call) = run(&definition(false), &lambda);
    let ended = call.end();
    passed(&ended);
    let boxes: Vec<&str> = ended.result().boxes.iter().map(|found| found.name.as_str()).collect();
    assert!(boxes.contains(&"authorizer-jwt"), "{boxes:?}");
}

#[test]
fn functions_that_do_not_start_are_told_with_their_place() {
    let (_file, call) =
        run(&definition(false), "authorizers: { jwt: { run: lambda, command: [no-such-program] } }");
    let ended = call.end();
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    for word in ["`jwt`", "api.json#/components/securitySchemes/jwt", "no-such-program"] {
        assert!(ended.stderr.contains(word), "`{word}` is not in: {}", ended.stderr);
    }
    let command = "[sh, -c, 'echo no handler here >&2; exit 7']";
    let (_file, call) =
        run(&definition(false), &format!("authorizers: {{ jwt: {{ run: lambda, command: {command} }} }}"));
    let ended = call.end();
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    assert!(ended.stderr.contains("no handler here") && ended.stderr.contains('7'), "{}", ended.stderr);
}

#[test]
fn authorizers_that_always_answer_the_same() {
    let (_file, call) = run(
        &definition(false),
        "authorizers: { jwt: { run: policy, answer: allow, context: { tenant: all } } }",
    );
    let ended = call.end();
    // The stranger is let in, which is a finding.
    let result = ended.result();
    assert_eq!((ended.code, result.requests.wrongly_admitted), (Some(1), 20), "{}", ended.stdout);
    let (_file, call) = run(&definition(false), "authorizers: { jwt: { run: policy, answer: deny } }");
    let ended = call.end();
    assert_eq!((ended.code, ended.result().requests.wrongly_refused), (Some(1), 50), "{}", ended.stdout);
}

#[test]
fn what_stands_in_the_way_is_told_before_anything_is_sent() {
    let told = |document: &Value, gateway: &str, words: &[&str]| {
        let (file, call) = run(document, gateway);
        let ended = call.end();
        assert_eq!(ended.code, Some(2), "{}{}", ended.stdout, ended.stderr);
        for word in words {
            assert!(ended.stderr.contains(word), "`{word}` is not in: {}", ended.stderr);
        }
        assert!(ended.result.is_none());
        // Without a run, the same is told.
        let validated = Landfall::new("validate", &file.path()).end();
        assert_eq!((validated.code, validated.stderr), (Some(2), ended.stderr));
    };
    let builtin = "authorizers: { jwt: { run: builtin } }";
    let mut other = definition(false);
    let integration =
        "/paths/~1kafka~1topics~1{proxy+}/x-amazon-apigateway-any-method/x-amazon-apigateway-integration";
    other.pointer_mut(integration).expect("it is there")["uri"] = json!("https://public.example.com/{proxy}");
    told(
        &other,
        builtin,
        &["goes to https://public.example.com:443", "http://nlb.internal:8082, which no route goes to"],
    );
    let mut unsupported = definition(false);
    unsupported.pointer_mut(integration).expect("it is there")["type"] = json!("aws_proxy");
    told(
        &unsupported,
        builtin,
        &["api.json", &format!("#{integration} is of the type `aws_proxy`"), "POST /kafka/topics/quakes"],
    );
    let keys = format!("{builtin}, api_keys: [{{ name: a, value: {{ file: api.json }} }}]");
    told(&definition(false), &keys, &["api_keys are of no use", "api.json"]);
    told(&definition(false), "authorizers: {}", &["authorizer `jwt`, and nothing says where its code runs"]);
    told(&json!({ "openapi": "3.1.0", "paths": { "/": {} } }), builtin, &["api.json", "OpenAPI 3.1.0"]);
    let mut variable = definition(false);
    variable.pointer_mut(integration).expect("it is there")["uri"] =
        json!("http://${stageVariables.lbn}:8082/");
    told(&variable, builtin, &["needs the stage variable `lbn`"]);
}
