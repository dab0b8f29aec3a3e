//! The box gateway: what it serves, to whom, and in front of what.

use std::collections::BTreeMap;
use std::time::Duration;

use super::authorizer::read_authorizer;
use super::boxes::{BoxKind, NONE, Ports, duration_or, read_tls_of, read_trust};
use super::decode::{Fields, Item};
use super::deployed::read_external_gateway;
use super::error::{Problems, quoted};
use super::hosts::read_url;
use super::images::ImageDefaults;
use super::model::{
    AccessLogSpec, ApiKeySpec, ApiSpec, DefinitionSpec, GatewaySpec, IdentitySpec, KeyTimes, LimitsSpec,
    SecretSource, TargetSpec, ThrottleSpec, TlsSettings,
};
use super::quantity::parse_rate;
use super::secrets::read_secret;

/// The stage where none is named.
const STAGE: &str = "prod";

/// What people may expect in an embedded gateway, and what there is instead.
const REFUSED: [(&str, &str); 4] = [
    (
        "authorizer",
        "authorizers are named by the definition: write `authorizers: { SCHEME: { run: builtin } }` beside `api`",
    ),
    ("openapi", "an exported definition is named by `api: FILE`"),
    ("url", "belongs to `kind: external`, which this box is not"),
    ("cluster_id", "belongs to `kind: external`, which this box is not"),
];

/// The headers that each request of the load has where there is an embedded gateway, which always stands beside
/// an identity provider.
const SENT: [&str; 7] =
    ["Host", "User-Agent", "Content-Type", "Accept", "X-Request-Id", "Content-Length", "Authorization"];

/// What is said of the definition that ships, and only of it.
const OF_PRODUCE: [&str; 4] =
    ["required_headers", "authorizer_ttl", "validate_credentials", "integration_timeout"];
/// What is said of an exported definition, and only of it.
const OF_DEFINITION: [&str; 6] =
    ["stage", "stage_variables", "base_path", "prefix", "integrations", "authorizers"];

pub(super) fn read_gateway(
    opened: Option<(BoxKind, Fields<'_>)>,
    (allowed, images): (&[String], &ImageDefaults),
    ports: &mut Ports,
    problems: &mut Problems,
) -> GatewaySpec {
    let Some((kind, mut fields)) = opened else { return GatewaySpec::None };
    if kind != BoxKind::Embedded {
        let options =
            ["port", "leeway", "keys", "api", "throttle", "account_throttle", "api_keys", "access_log"];
        let options: Vec<&'static str> = options
            .into_iter()
            .chain(OF_PRODUCE)
            .chain(OF_DEFINITION)
            .filter(|name| *name != "stage")
            .collect();
        if kind == BoxKind::External {
            return read_external_gateway(fields, allowed, &options, problems);
        }
        let options = options.into_iter().chain(["tls", "stage", "url", "cluster_id"]);
        fields.finish(&options.map(|name| (name, NONE)).collect::<Vec<_>>(), problems);
        return GatewaySpec::None;
    }
    let port = ports.read("gateway", &mut fields, problems);
    let tls = fields.optional("tls").and_then(|item| read_identity(&item, problems)).map(Box::new);
    let few_minutes = (Duration::ZERO, Duration::from_mins(5));
    let leeway = duration_or(&mut fields, "leeway", Duration::from_secs(30), few_minutes, problems);
    let keys = fields.optional("keys").map(|item| read_key_times(&item, problems)).unwrap_or_default();
    let limits = LimitsSpec {
        throttle: fields.optional("throttle").and_then(|item| read_throttle(&item, problems)),
        account_throttle: fields.optional("account_throttle").and_then(|item| read_throttle(&item, problems)),
        api_keys: fields.optional("api_keys").map(|item| read_keys(&item, problems)).unwrap_or_default(),
    };
    let access_log = fields.optional("access_log").and_then(|item| read_access_log(&item, problems));
    let api = if let Some(item) = fields.optional("api") {
        let definition = read_definition(&item, &mut fields, (allowed, images), problems);
        let of_export = "stands in the definition that `api` names; change it there";
        fields.finish(&[REFUSED.as_slice(), &OF_PRODUCE.map(|name| (name, of_export))].concat(), problems);
        ApiSpec::Definition(Box::new(definition))
    } else {
        let api = read_produce(&mut fields, problems);
        let lacking = "is said of a definition, which `api: FILE` names";
        fields.finish(&[REFUSED.as_slice(), &OF_DEFINITION.map(|name| (name, lacking))].concat(), problems);
        api
    };
    GatewaySpec::Embedded { port, tls, leeway, keys, api, limits, access_log }
}

/// How an authorizer keeps keys.
fn read_key_times(item: &Item<'_>, problems: &mut Problems) -> KeyTimes {
    let usual = KeyTimes::default();
    let Some(mut fields) = item.fields(problems) else { return usual };
    let range = (Duration::from_millis(100), Duration::from_hours(24));
    let life = duration_or(&mut fields, "life", usual.life, range, problems);
    let cool_down = duration_or(&mut fields, "cool_down", usual.cool_down, range, problems);
    fields.finish(&[], problems);
    KeyTimes { life, cool_down }
}

/// `generated`, or files.
fn read_identity(item: &Item<'_>, problems: &mut Problems) -> Option<IdentitySpec> {
    const EXAMPLE: &str = "write `generated`, or `{ certificate: chain.pem, key: key.pem }`";
    match item.written() {
        Some("generated") => return Some(IdentitySpec::Generated),
        Some(_) => {
            item.suggest(problems, "must say whose certificate it is", EXAMPLE);
            return None;
        }
        None => {}
    }
    let mut fields = item.fields(problems)?;
    let certificate = fields.required("certificate", "chain.pem", problems);
    let key = fields.required("key", "key.pem", problems);
    let clients = read_trust(fields, problems);
    let mut path = |item: Item<'_>| Some(item.at().resolve(item.name(problems)?));
    Some(IdentitySpec::Files { certificate: path(certificate?)?, key: path(key?)?, clients })
}

fn read_produce(fields: &mut Fields<'_>, problems: &mut Problems) -> ApiSpec {
    let required_headers = match fields.optional("required_headers") {
        Some(item) => read_headers(&item, problems),
        None => vec!["Content-Type".to_owned()],
    };
    let ttl = (Duration::ZERO, Duration::from_hours(1));
    let authorizer_ttl = duration_or(fields, "authorizer_ttl", Duration::from_mins(5), ttl, problems);
    let validate_credentials =
        fields.optional("validate_credentials").and_then(|item| item.flag(problems)).unwrap_or(true);
    let most = Duration::from_secs(29);
    let timeout = (Duration::from_millis(50), most);
    let integration_timeout = duration_or(fields, "integration_timeout", most, timeout, problems);
    ApiSpec::Produce { required_headers, authorizer_ttl, validate_credentials, integration_timeout }
}

/// Names of headers; each a token by RFC 9110, section 5.6.2.
fn read_headers(item: &Item<'_>, problems: &mut Problems) -> Vec<String> {
    let mut headers: Vec<String> = Vec::new();
    for item in item.list(problems).unwrap_or_default() {
        let Some(name) = item.text(problems) else { continue };
        let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        if name.is_empty() || !name.bytes().all(token) {
            item.suggest(problems, "must be the name of a header", "write for instance `Content-Type`");
        } else if headers.iter().any(|header| header.eq_ignore_ascii_case(name)) {
            item.fail(problems, format!("the header {} is named twice", quoted(name)));
        } else if !SENT.iter().any(|sent| sent.eq_ignore_ascii_case(name)) {
            let message =
                format!("no request has the header {}, so the gateway would refuse all", quoted(name));
            item.suggest(problems, message, format!("what is sent: {}", SENT.join(", ")));
        } else {
            headers.push(name.to_owned());
        }
    }
    headers
}

/// A token bucket: `{ rate: 100/s, burst: 50 }`.
pub(super) fn read_throttle(item: &Item<'_>, problems: &mut Problems) -> Option<ThrottleSpec> {
    let mut fields = item.fields(problems)?;
    let rate = fields.required("rate", "100/s", problems).and_then(|item| {
        let rate = item.quantity("a rate such as 400/s", parse_rate, problems)?;
        if rate <= 0.0 {
            item.fail(problems, "must be above zero, or nothing would ever pass");
        }
        (rate > 0.0).then_some(rate)
    });
    let burst = fields.required("burst", "50", problems);
    let burst = burst.and_then(|item| item.integer(&(1..=1_000_000), problems));
    fields.finish(&[], problems);
    Some(ThrottleSpec { rate: rate?, burst: burst? })
}

fn read_keys(item: &Item<'_>, problems: &mut Problems) -> Vec<ApiKeySpec> {
    let mut keys: Vec<ApiKeySpec> = Vec::new();
    for item in item.list(problems).unwrap_or_default() {
        let Some(mut fields) = item.fields(problems) else { continue };
        let name_item = fields.required("name", "seismic", problems);
        let name = name_item.as_ref().and_then(|item| item.name(problems));
        let value_item = fields.required("value", "{ env: API_KEY }", problems);
        let value = value_item.as_ref().and_then(|item| read_secret(item, problems));
        let throttle = fields.optional("throttle").and_then(|item| read_throttle(&item, problems));
        let quota = fields.optional("quota").and_then(|item| item.integer(&(1..=u64::MAX), problems));
        fields.finish(&[], problems);
        let (Some(name), Some(value)) = (name, value) else { continue };
        if value == SecretSource::Generated {
            let remedy = "write `{ env: NAME }` or `{ file: path }`, here and in the partner's `headers`";
            item.suggest(problems, "cannot be made up, since partners must send it", remedy);
        } else if keys.iter().any(|key| key.name == name) {
            item.fail(problems, format!("the API key {} is named twice", quoted(name)));
        } else {
            keys.push(ApiKeySpec { name: name.to_owned(), value, throttle, quota });
        }
    }
    keys
}

/// `true`, or `{ format: … }`.
fn read_access_log(item: &Item<'_>, problems: &mut Problems) -> Option<AccessLogSpec> {
    if item.written().is_some() {
        return item.flag(problems).filter(|on| *on).map(|_| AccessLogSpec::default());
    }
    let mut fields = item.fields(problems)?;
    let format = fields.optional("format").and_then(|item| item.name(problems).map(str::to_owned));
    fields.finish(&[("file", "it is written to `access.log` in the run's folder")], problems);
    Some(AccessLogSpec { format })
}

fn read_definition(
    file: &Item<'_>,
    fields: &mut Fields<'_>,
    (allowed, images): (&[String], &ImageDefaults),
    problems: &mut Problems,
) -> DefinitionSpec {
    let stage = fields.optional("stage").and_then(|item| read_stage(&item, problems));
    let stage = stage.unwrap_or_else(|| STAGE.to_owned());
    let stage_variables =
        fields.optional("stage_variables").map(|item| texts(&item, problems)).unwrap_or_default();
    let base_path = fields.optional("base_path").and_then(|item| read_path(&item, &stage, problems));
    let base_path = base_path.unwrap_or_else(|| format!("/{stage}"));
    let prefix = fields.optional("prefix").and_then(|item| read_path(&item, &stage, problems));
    let mut integrations = BTreeMap::new();
    for (origin, item) in entries(fields.optional("integrations"), problems) {
        let target = if item.written() == Some("balancer") {
            Some(TargetSpec::Balancer)
        } else {
            read_target(&item, allowed, problems)
        };
        integrations.extend(target.map(|target| (origin, target)));
    }
    let mut authorizers = BTreeMap::new();
    for (scheme, item) in entries(fields.optional("authorizers"), problems) {
        authorizers.extend(read_authorizer(&item, (allowed, images), problems).map(|spec| (scheme, spec)));
    }
    DefinitionSpec {
        file: file.name(problems).map(|path| file.at().resolve(path)).unwrap_or_default(),
        stage,
        stage_variables,
        base_path,
        prefix: prefix.unwrap_or_default(),
        integrations,
        authorizers,
    }
}

/// The entries of a mapping whose names people choose.
pub(super) fn entries<'t>(item: Option<Item<'t>>, problems: &mut Problems) -> Vec<(String, Item<'t>)> {
    let Some(fields) = item.and_then(|item| item.fields(problems)) else { return Vec::new() };
    let named = fields.all().into_iter().filter(|(_, item)| !item.node.is_null());
    named.map(|(entry, item)| (entry.key.clone(), item)).collect()
}

/// A mapping of names to text.
pub(super) fn texts(item: &Item<'_>, problems: &mut Problems) -> BTreeMap<String, String> {
    let mut texts = BTreeMap::new();
    for (name, item) in entries(Some(item.clone()), problems) {
        texts.extend(item.text(problems).map(|text| (name, text.to_owned())));
    }
    texts
}

/// A stage's name: letters, digits, `_` and `-` (API Gateway API reference, "`CreateStage`").
fn read_stage(item: &Item<'_>, problems: &mut Problems) -> Option<String> {
    let name = item.name(problems)?;
    if !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-') {
        item.suggest(problems, "must be of letters, digits, `_` and `-`", "write for instance `prod`");
        return None;
    }
    Some(name.to_owned())
}

/// A path that stands before others, `{stage}` put in, without a slash at its end.
fn read_path(item: &Item<'_>, stage: &str, problems: &mut Problems) -> Option<String> {
    let path = item.text(problems)?.replace("{stage}", stage);
    let plain = |c: char| c.is_ascii_alphanumeric() || "/-_.~".contains(c);
    if !path.starts_with('/') || !path.chars().all(plain) || path.contains("//") {
        let message = "must be a path that begins with a slash, of letters, digits, `-`, `_`, `.` and `~`";
        item.suggest(problems, message, "write for instance `/{stage}`, or `/` for none");
        return None;
    }
    Some(path.trim_end_matches('/').to_owned())
}

/// What stands in for a back end, by its URL.
fn read_target(item: &Item<'_>, allowed: &[String], problems: &mut Problems) -> Option<TargetSpec> {
    let Some(written) = item.written() else {
        let mut fields = item.fields(problems)?;
        let url = fields.required("url", "https://localhost:8443", problems);
        let url = url.and_then(|item| read_origin(&item, allowed, problems));
        let tls = read_tls_of(url.as_deref().unwrap_or_default(), &mut fields, problems);
        fields.finish(&[], problems);
        return url.map(|url| TargetSpec::Url { url, tls });
    };
    if !written.contains("://") {
        item.suggest(problems, "must be the proxy or a URL", "write `balancer`, or the URL of a server");
        return None;
    }
    read_origin(item, allowed, problems).map(|url| TargetSpec::Url { url, tls: TlsSettings::default() })
}

/// A URL of no more than scheme, host and port.
fn read_origin(item: &Item<'_>, allowed: &[String], problems: &mut Problems) -> Option<String> {
    let before = problems.count();
    let url = read_url(item, allowed, problems)?;
    if url.split_once("://").is_some_and(|(_, rest)| rest.contains('/')) {
        let remedy = "write for instance `http://127.0.0.1:8082`";
        item.suggest(problems, "must be a URL without a path: the definition has the path", remedy);
    }
    (problems.count() == before).then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{AuthorizerSpec, Value};
    use std::path::Path;

    fn gateway(text: &str) -> Result<GatewaySpec, String> {
        let text = format!(
            "version: 1\nname: x\ntopics: [{{ name: t }}]\npartners: [{{ name: p, secret: generated }}]\n\
             workload: [{{ partner: p, topic: t, format: v2-json, payload: {{ file: r }}, \
             arrivals: {{ constant: 1/s }}, for: 1s }}]\nstack: {{ gateway: {text} }}\n"
        );
        crate::scenario::parse(&text, Path::new("a/x"), &[], &|_| unreachable!("extends nothing"))
            .map(|scenario| scenario.stack.gateway)
            .map_err(|error| error.to_string())
    }

    fn definition(text: &str) -> Result<DefinitionSpec, String> {
        gateway(text).map(|gateway| match gateway {
            GatewaySpec::Embedded { api: ApiSpec::Definition(definition), .. } => *definition,
            other => panic!("{other:?}"),
        })
    }

    #[test]
    fn a_definition_and_what_it_lacks() {
        let bare = definition("{ api: export.yaml }").unwrap();
        assert_eq!((bare.file.as_path(), bare.stage.as_str()), (Path::new("a/export.yaml"), "prod"));
        assert_eq!((bare.base_path.as_str(), bare.prefix.as_str()), ("/prod", ""));
        let full = definition(
            "{ api: /e.json, stage: v1, base_path: '/x/{stage}/', prefix: /kafka, stage_variables: { nlb: n }, \
             integrations: { 'http://n:8082': balancer, 'https://o': 'http://127.0.0.1:1' }, authorizers: { \
             a: { run: builtin }, b: { run: rie, url: 'http://127.0.0.1:9000' }, \
             c: { run: policy, answer: deny, context: { tenant: t } }, \
             d: { run: lambda, command: [python3, -m, awslambdaric, h.h], environment: { A: b, S: { env: T } }, workers: 2 }, \
             e: { run: container, image: { name: r.example.com/authorizer, tag: 2 }, handler: app.handler, workers: 2, memory_mb: 256 } } }",
        )
        .unwrap();
        assert_eq!((full.base_path.as_str(), full.prefix.as_str()), ("/x/v1", "/kafka"));
        assert_eq!(full.stage_variables["nlb"], "n");
        assert_eq!(
            full.integrations["https://o"],
            TargetSpec::Url { url: "http://127.0.0.1:1".into(), tls: TlsSettings::default() }
        );
        assert_eq!(
            full.authorizers["b"],
            AuthorizerSpec::Rie {
                url: "http://127.0.0.1:9000/2015-03-31/functions/function/invocations".into(),
                concurrency: 1
            }
        );
        let AuthorizerSpec::Lambda(lambda) = &full.authorizers["d"] else { panic!() };
        assert_eq!((lambda.command.len(), lambda.workers, lambda.timeout), (4, 2, Duration::from_secs(3)));
        assert_eq!(lambda.directory.as_deref(), Some(Path::new("a/.")));
        assert_eq!(lambda.environment["A"], Value::Plain("b".into()));
        assert!(matches!(lambda.environment["S"], Value::Reference(_)));
        let AuthorizerSpec::Container(container) = &full.authorizers["e"] else { panic!() };
        assert_eq!(container.image.image.to_string(), "r.example.com/authorizer:2");
        assert_eq!(container.command.as_deref(), Some(&["app.handler".to_owned()][..]));
        assert_eq!((container.workers, container.memory_mb, container.port), (2, 256, 8080));
    }

    #[test]
    fn a_function_may_be_told_of_the_provider() {
        let environment = |variables: &str| {
            let text = format!(
                "{{ api: e, authorizers: {{ a: {{ run: lambda, command: [x], environment: {{ {variables} }} }} }} }}"
            );
            definition(&text).map(|definition| match &definition.authorizers["a"] {
                AuthorizerSpec::Lambda(lambda) => lambda.environment.clone(),
                other => panic!("{other:?}"),
            })
        };
        let read = environment("TOKEN_ISSUER: '${idp.issuer}', B: 'x${idp.jwks_uri}y${HOME}'").unwrap();
        assert_eq!(read["TOKEN_ISSUER"], Value::Plain("${idp.issuer}".into()));
        assert_eq!(read["B"], Value::Plain("x${idp.jwks_uri}y${HOME}".into()));
        let error = environment("A: 'x${idp.isuer}'").unwrap_err();
        assert!(
            error.contains("`${idp.isuer}` stands for nothing") && error.contains("${idp.issuer}"),
            "{error}"
        );
        assert!(environment("A: '${idp.issuer'").is_err());
        assert!(environment("TOKEN: 'x${idp.issuer}'").unwrap_err().contains("holds a secret"));
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for (text, sentence) in [
            (
                "{ api: e, required_headers: [Accept] }",
                "stack.gateway.required_headers: stands in the definition",
            ),
            ("{ stage: x }", "stack.gateway.stage: is said of a definition"),
            ("{ api: e, stage: a/b }", "stack.gateway.stage: must be of letters"),
            ("{ api: e, base_path: x }", "stack.gateway.base_path: must be a path"),
            (
                "{ api: e, integrations: { 'http://n': 'http://other.example.com:1' } }",
                "load may not be sent to the host",
            ),
            (
                "{ api: e, integrations: { 'http://n': 'http://127.0.0.1:1/p' } }",
                "must be a URL without a path",
            ),
            ("{ api: e, authorizers: { a: { run: docker } } }", "no code runs as `docker`"),
            ("{ api: e, authorizers: { a: { run: lambda } } }", "authorizers.a.command: is missing"),
            ("{ api: e, authorizers: { a: { run: lambda, command: [] } } }", "needs a program"),
            ("{ api: e, authorizers: { a: { run: rie } } }", "authorizers.a.url: is missing"),
            ("{ api: e, authorizers: { a: { run: container } } }", "authorizers.a.image: is missing"),
            (
                "{ api: e, authorizers: { a: { run: container, image: { tag: x } } } }",
                "authorizers.a.image.name: is missing",
            ),
            (
                "{ api: e, authorizers: { a: { run: container, image: a, handler: h, command: [h] } } }",
                "cannot stand beside",
            ),
            (
                "{ api: e, authorizers: { a: { run: container, image: a, timeout: 1500ms } } }",
                "must be whole seconds",
            ),
            (
                "{ api: e, authorizers: { a: { run: container, image: a, environment: { DB_PASSWORD: hunter2 } } } }",
                "holds a secret",
            ),
            (
                "{ api: e, authorizers: { a: { run: policy, answer: deny, image: x } } }",
                "belongs to `run: container`",
            ),
            ("{ api: e, authorizers: { a: { run: builtin, url: x } } }", "belongs to `run: rie`"),
            ("{ api: e, authorizers: { a: { run: policy, answer: maybe } } }", "authorizers.a.answer"),
            (
                "{ api: e, authorizers: { a: { run: lambda, command: [x], environment: { DB_PASSWORD: hunter2 } } } }",
                "holds a secret",
            ),
        ] {
            let error = gateway(text).unwrap_err();
            assert!(error.contains(sentence) && !error.contains("hunter2"), "{text}: {error}");
        }
    }

    #[test]
    fn the_gateway_can_only_require_headers_that_are_sent() {
        let all = SENT.map(str::to_ascii_lowercase).join(", ");
        assert!(gateway(&format!("{{ required_headers: [{all}] }}")).is_ok());
        let error = gateway("{ required_headers: [Accept, X-Partner] }").unwrap_err();
        assert!(error.contains("required_headers[1]: no request has the header `X-Partner`"), "{error}");
        assert!(SENT.iter().all(|sent| error.contains(sent)), "{error}");
    }
}
