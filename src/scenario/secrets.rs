//! References to secrets. A scenario says where a secret is; the secret itself is refused, and no message
//! repeats it.

use super::decode::{Fields, Item};
use super::error::Problems;
use super::model::{SecretSource, Value};
use super::tree::Kind;

/// A partner's `secret`: `generated`, `{ env: NAME }` or `{ file: path }`.
pub(super) fn read_secret(item: &Item<'_>, problems: &mut Problems) -> Option<SecretSource> {
    if item.written() == Some("generated") {
        return Some(SecretSource::Generated);
    }
    if !matches!(item.node.kind, Kind::Mapping(_)) {
        let remedy = "write `generated`, `{ env: NAME }` or `{ file: path }`";
        item.suggest(problems, "a secret must not stand in a scenario (its value is not shown here)", remedy);
        return None;
    }
    read_reference(item, problems)
}

/// A reference: `{ env: NAME }` or `{ file: path }`.
fn read_reference(item: &Item<'_>, problems: &mut Problems) -> Option<SecretSource> {
    let mut fields = item.fields(problems)?;
    let sources = (fields.optional("env"), fields.optional("file"));
    let source = match sources {
        (Some(env), None) => read_variable(&env, problems),
        (None, Some(file)) => file.name(problems).map(|path| SecretSource::File(file.at().resolve(path))),
        (Some(_), Some(_)) => {
            item.fail(problems, "has both `env` and `file`; a secret comes from one place");
            None
        }
        (None, None) => {
            item.suggest(problems, "says no place", "write `{ env: NAME }` or `{ file: path }`");
            None
        }
    };
    // Neither the field's name nor the nearest one is shown: a password with braces or a colon reads as a field.
    if fields.all().iter().any(|(entry, _)| !["env", "file"].contains(&entry.key.as_str())) {
        item.fail(problems, "has a field that is neither `env` nor `file`");
    }
    source
}

fn read_variable(item: &Item<'_>, problems: &mut Problems) -> Option<SecretSource> {
    let name = item.text(problems)?;
    let legal = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && name.bytes().next().is_some_and(|b| !b.is_ascii_digit());
    if !legal {
        let message = "must be the name of an environment variable, made of letters, digits and `_`";
        item.suggest(problems, message, "the secret itself stands in the variable");
    }
    legal.then(|| SecretSource::Env(name.to_owned()))
}

/// Properties that landfall sets itself and that what it finds depends on, with their librdkafka aliases.
const OWN: [&str; 22] = [
    "bootstrap.servers",
    "metadata.broker.list",
    "group.id",
    "enable.auto.commit",
    "auto.commit.enable",
    "isolation.level",
    "acks",
    "request.required.acks",
    "auto.offset.reset",
    "enable.partition.eof",
    "check.crcs",
    "partitioner",
    "message.timeout.ms",
    "delivery.timeout.ms",
    "linger.ms",
    "queue.buffering.max.ms",
    "fetch.wait.max.ms",
    "fetch.queue.backoff.ms",
    "message.max.bytes",
    "max.in.flight.requests.per.connection",
    "topic.metadata.propagation.max.ms",
    "client.id",
];

/// Properties that would let anybody pass for the cluster, with the only value that does not, which is the default.
const TRUST: [(&str, &str); 2] =
    [("enable.ssl.certificate.verification", "true"), ("ssl.endpoint.identification.algorithm", "https")];

/// Whether the property `name` says where a file is. `probe` is no file: it is librdkafka's word for the system's.
fn holds_path(name: &str, text: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or_default();
    ["location", "file"].contains(&last) && text != "probe"
}

/// Reads one librdkafka property, whose name is already in `item`'s path.
pub(super) fn read_property(name: &str, item: &Item<'_>, problems: &mut Problems) -> Option<Value> {
    if OWN.contains(&name.to_ascii_lowercase().as_str()) {
        let remedy = if name == "bootstrap.servers" { "use the field `bootstrap`" } else { "remove it" };
        item.suggest(problems, "cannot be set, because landfall sets it itself", remedy);
        return None;
    }
    let trusted = TRUST.into_iter().find(|(setting, _)| name.eq_ignore_ascii_case(setting));
    if let Some((_, value)) = trusted
        && !item.written().is_some_and(|written| written.eq_ignore_ascii_case(value))
    {
        let message = "cannot be switched off: anybody on the way could take the password and the records";
        let remedy = "name the authority's certificate as `ssl.ca.location`, and reach the brokers by names that stand in \
                      their certificates";
        item.suggest(problems, message, remedy);
        return None;
    }
    if matches!(item.node.kind, Kind::Mapping(_)) {
        return read_reference(item, problems).map(Value::Reference);
    }
    if holds_secret(name) {
        let message = "holds a secret, which must not stand in a scenario (its value is not shown here)";
        item.suggest(problems, message, "write `{ env: NAME }` or `{ file: path }`");
        return None;
    }
    let Some(text) = item.written() else {
        item.fail(
            problems,
            format!("must be a value as librdkafka takes it, and is {}", item.node.describe()),
        );
        return None;
    };
    if holds_path(name, text) {
        return Some(Value::Plain(item.at().resolve(text).to_string_lossy().into_owned()));
    }
    Some(Value::Plain(text.to_owned()))
}

/// Reads a header or an environment variable, whose name is already in `item`'s path. What is named as secrets are must
/// be a reference.
pub(super) fn read_named_value(name: &str, item: &Item<'_>, problems: &mut Problems) -> Option<Value> {
    if matches!(item.node.kind, Kind::Mapping(_)) {
        return read_reference(item, problems).map(Value::Reference);
    }
    if may_be_secret(name, item.written().unwrap_or_default()) {
        let message = "holds a secret, which must not stand in a scenario (its value is not shown here)";
        item.suggest(problems, message, "write `{ env: NAME }` or `{ file: path }`");
        return None;
    }
    let Some(text) = item.written() else {
        item.fail(problems, format!("must be a value, and is {}", item.node.describe()));
        return None;
    };
    Some(Value::Plain(text.to_owned()))
}

/// Whether a header or an environment variable with this value may be a secret, as its name has it: not where a name that speaks of keys
/// or tokens says how many there are, for how long, or whether.
pub(super) fn may_be_secret(name: &str, value: &str) -> bool {
    let is_amount = value.len() <= LONGEST_AMOUNT && value.parse::<f64>().is_ok_and(f64::is_finite);
    let is_switch = ["true", "false"].iter().any(|word| value.eq_ignore_ascii_case(word));
    // Where it is a place, somebody's password may be part of it.
    let has_userinfo = value.split_once("://").is_some_and(|(_, rest)| rest.contains('@'));
    match Meaning::of(name) {
        Meaning::Nothing => false,
        Meaning::Secret => true,
        Meaning::Key { amount } => !((amount && is_amount) || is_switch),
        Meaning::Place => has_userinfo,
    }
}

/// The most characters of a number that is taken for how many there are of something, as the milliseconds of a week are.
const LONGEST_AMOUNT: usize = 9;

/// What the name of a header or an environment variable says of secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    /// Nothing.
    Nothing,
    /// It is one.
    Secret,
    /// It is something of keys or tokens, which may be secrets; whether it is an amount.
    Key { amount: bool },
    /// It is where one is, or of what kind.
    Place,
}

impl Meaning {
    fn of(name: &str) -> Self {
        let name = name.to_ascii_lowercase().replace(['_', '.'], "-");
        let ends = |words: &[&str]| words.iter().any(|end| name.ends_with(end));
        // What records and requests are told apart by is no secret.
        let telling_apart = ["keycloak", "partition-key", "idempotency-key"];
        let rest = telling_apart.iter().fold(name.clone(), |name, word| name.replace(word, ""));
        let has = |words: &[&str]| words.iter().any(|word| rest.contains(word));
        let certain = has(&[
            "password",
            "passphrase",
            "secret",
            "cookie",
            "authorization",
            "credential",
            "jaas",
            "user-info",
            "userinfo",
        ]);
        if !certain && !has(&["token", "key"]) {
            return Self::Nothing;
        }
        let places = [
            "location",
            "type",
            "file",
            "filename",
            "serializer",
            "deserializer",
            "converter",
            "class",
            "id",
            "url",
            "uri",
            "endpoint",
            "issuer",
            "audience",
            "scope",
            "algorithm",
        ];
        match certain {
            _ if ends(&places) => Self::Place,
            true => Self::Secret,
            false => Self::Key {
                amount: ends(&[
                    "-s", "-ms", "seconds", "minutes", "life", "lifetime", "ttl", "expiry", "age", "leeway",
                    "size", "max", "min", "limit", "count",
                ]),
            },
        }
    }
}

/// Whether the property `name` holds a secret. A private key's place is none.
fn holds_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let last = name.rsplit('.').next().unwrap_or_default();
    let key = (name.starts_with("ssl.key.") || name.contains("private.key"))
        && !["location", "file"].contains(&last);
    key || ["password", "passphrase", "secret", "jaas", "oauthbearer.config"]
        .iter()
        .any(|word| name.contains(word))
}

/// Every property in `fields`, or those of them that are right.
pub(super) fn read_properties(
    fields: &Fields<'_>,
    problems: &mut Problems,
) -> std::collections::BTreeMap<String, Value> {
    let mut properties = std::collections::BTreeMap::new();
    for (entry, item) in fields.all() {
        // Emptied in order to undo what the file that is extended says.
        if item.node.is_null() {
            continue;
        }
        if let Some(value) = read_property(&entry.key, &item, problems) {
            properties.insert(entry.key.clone(), value);
        }
    }
    properties
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::error::Origin;
    use crate::scenario::tree::parse;
    use std::sync::Arc;

    fn with<T>(text: &str, read: impl Fn(&Item<'_>, &mut Problems) -> Option<T>) -> Result<T, String> {
        let mut problems = Problems::default();
        let node = parse(text, &Arc::new(Origin::File("a/x.yaml".into())), &mut problems).unwrap();
        let value = read(&Item { node: &node, path: "f".into() }, &mut problems);
        problems.or(value).map_err(|error| error.to_string()).map(|value| value.unwrap())
    }

    #[test]
    fn a_secret_comes_from_elsewhere() {
        assert_eq!(with("generated", read_secret), Ok(SecretSource::Generated));
        assert_eq!(with("{ env: A_1 }", read_secret), Ok(SecretSource::Env("A_1".into())));
        assert_eq!(with("{ file: s.txt }", read_secret), Ok(SecretSource::File("a/s.txt".into())));
        assert_eq!(with("{ file: /s.txt }", read_secret), Ok(SecretSource::File("/s.txt".into())));
    }

    #[test]
    fn a_literal_secret_is_refused_and_not_repeated() {
        for text in [
            "hunter2",
            "'hunter2'",
            "[hunter2]",
            "{ env: hunter2! }",
            "{ env: [hunter2] }",
            "{ env: A, file: hunter2 }",
            "{}",
            "{ enw: A }",
            "{ hunter2: x }",
            "{ env: A, hunter2: x }",
            "{hunter2}",
            "hunter2: x",
            "!hunter2",
            "!hunter2 x",
        ] {
            let error = with(text, read_secret).unwrap_err();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn properties_with_secrets_are_references() {
        let read =
            |name: &'static str, text: &str| with(text, |item, problems| read_property(name, item, problems));
        for name in [
            "sasl.password",
            "ssl.key.password",
            "ssl.key.pem",
            "SSL.Keystore.Password",
            "sasl.oauthbearer.client.secret",
            "sasl.jaas.config",
            "sasl.oauthbearer.config",
            "sasl.oauthbearer.assertion.private.key.passphrase",
        ] {
            let error = read(name, "hunter2").unwrap_err();
            assert!(error.contains("{ env: NAME }") && !error.contains("hunter2"), "{error}");
            assert_eq!(read(name, "{env: P}"), Ok(Value::Reference(SecretSource::Env("P".into()))));
        }
        assert_eq!(read("sasl.username", "x"), Ok(Value::Plain("x".into())));
        for name in ["ssl.key.location", "ssl.keystore.location", "ssl.ca.location"] {
            assert_eq!(read(name, "x"), Ok(Value::Plain("a/x".into())), "beside the scenario's file");
            assert_eq!(read(name, "/x"), Ok(Value::Plain("/x".into())));
        }
        assert_eq!(read("ssl.ca.location", "probe"), Ok(Value::Plain("probe".into())));
        assert_eq!(read("socket.timeout.ms", "0100"), Ok(Value::Plain("0100".into())));
        assert_eq!(read("log.connection.close", "false"), Ok(Value::Plain("false".into())));
        assert!(read("client.rack", "[a]").is_err());
    }

    #[test]
    fn what_is_named_as_secrets_are_is_a_reference_unless_it_only_tells_of_one() {
        for (name, value) in [
            ("TOKEN", "hunter2"),
            ("API_KEY", "hunter2"),
            ("Ocp-Apim-Subscription-Key", "hunter2"),
            ("KEYCLOAK_ADMIN_PASSWORD", "hunter2"),
            ("basic.auth.user.info", "a:hunter2"),
            ("DB_PASSWORD", "123456"),
            ("X-Api-Key", "123456789"),
            ("PROXY_AUTHORIZATION_HEADER", "Basic dTpwdw=="),
            ("TOKEN_URL", "https://client:hunter2@idp.example/token"),
            ("PAGERDUTY_ROUTING_KEY", "hunter2"),
            ("TOKEN_TTL_S", "hunter2"),
            ("CLIENT_SECRET", "true"),
        ] {
            assert!(may_be_secret(name, value), "{name}: {value}");
        }
        for (name, value) in [
            ("KEYS_LIFE_S", "0.5"),
            ("TOKEN_CACHE", "true"),
            ("KAFKA_DELEGATION_TOKEN_EXPIRY_TIME_MS", "86400000"),
            ("TOKEN_URL", "https://idp.example/token"),
            ("KEYCLOAK_REALM", "partners"),
            ("Idempotency-Key", "order-1"),
            ("X-Partition-Key", "shop"),
            ("KAFKA_SSL_KEYSTORE_TYPE", "PEM"),
        ] {
            assert!(!may_be_secret(name, value), "{name}: {value}");
        }
    }

    #[test]
    fn nobody_is_trusted_unseen() {
        let read =
            |name: &'static str, text: &str| with(text, |item, problems| read_property(name, item, problems));
        for (name, text) in [
            ("enable.ssl.certificate.verification", "false"),
            ("enable.ssl.certificate.verification", "{ env: X }"),
            ("ssl.endpoint.identification.algorithm", "none"),
            ("ssl.endpoint.identification.algorithm", "''"),
        ] {
            let error = read(name, text).unwrap_err();
            assert!(error.contains("cannot be switched off") && error.contains("ssl.ca.location"), "{error}");
        }
        assert!(read("enable.ssl.certificate.verification", "true").is_ok());
        assert!(read("ssl.endpoint.identification.algorithm", "https").is_ok());
    }

    #[test]
    fn what_landfall_sets_itself_is_refused() {
        for name in OWN {
            let read = with("x", |item, problems| read_property(name, item, problems));
            assert!(read.unwrap_err().contains("landfall sets it itself"), "{name}");
        }
    }
}
