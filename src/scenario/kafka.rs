//! The box kafka: embedded, with what its clients must say, or external.

use super::boxes::{BoxKind, OF_EMBEDDED, OF_EXTERNAL, Ports, of_containers};
use super::decode::{Fields, Item};
use super::error::Problems;
use super::hosts::read_bootstrap;
use super::images::{ImageDefaults, read_env, read_image, read_resources, read_start_within};
use super::model::{KafkaContainer, KafkaFlaw, KafkaSpec, Resources, SaslMechanism, SaslSpec, SecretSource};
use super::secrets::{read_properties, read_secret};

/// The user whom the embedded broker knows where nobody says it.
const USERNAME: &str = "landfall";

/// The image of Kafka where nobody names one.
const IMAGE: &str = "apache/kafka:4.1.1";

const MECHANISMS: [(&str, SaslMechanism); 3] = [
    ("plain", SaslMechanism::Plain),
    ("scram-sha-256", SaslMechanism::ScramSha256),
    ("scram-sha-512", SaslMechanism::ScramSha512),
];

const FLAWS: [(&str, Option<KafkaFlaw>); 5] = [
    ("none", None),
    ("wrong-password", Some(KafkaFlaw::WrongPassword)),
    ("expired-certificate", Some(KafkaFlaw::ExpiredCertificate)),
    ("wrong-host-name", Some(KafkaFlaw::WrongHostName)),
    ("unknown-authority", Some(KafkaFlaw::UnknownAuthority)),
];

/// The fields that Kafka has in containers only.
const CONTAINER_FIELDS: [&str; 7] =
    ["image", "min_insync_replicas", "flaw", "cpus", "memory", "env", "start_within"];

/// `allowed` is `None` where landfall sends no load to the cluster itself.
pub(super) fn read_kafka(
    opened: Option<(BoxKind, Fields<'_>)>,
    (allowed, images): (Option<&[String]>, &ImageDefaults),
    ports: &mut Ports,
    problems: &mut Problems,
) -> KafkaSpec {
    // Any port but 0, so that nothing is said about a port that nobody has read.
    let Some((kind, mut fields)) = opened else {
        return KafkaSpec::Embedded { port: 1, brokers: 1, sasl: None };
    };
    if kind == BoxKind::Embedded {
        // Of a number that could not be read nothing more is said: any but 1 has room for every fault.
        let brokers = fields.optional("brokers").map_or(Some(1), |item| item.integer(&(1..=9), problems));
        let brokers = brokers.unwrap_or(2);
        let port = ports.read_several("kafka", brokers, &mut fields, problems);
        let sasl = fields.optional("sasl").and_then(|item| read_sasl(&item, problems));
        let options = EXTERNAL_FIELDS.map(|name| (name, OF_EXTERNAL));
        fields.finish(&[options.as_slice(), &of_containers(&CONTAINER_FIELDS)].concat(), problems);
        return KafkaSpec::Embedded { port, brokers, sasl };
    }
    if kind == BoxKind::Container {
        return match read_container(fields, images, problems) {
            Some(container) => KafkaSpec::Container(Box::new(container)),
            // What is wrong has been told; any other value will do.
            None => KafkaSpec::Embedded { port: 1, brokers: 1, sasl: None },
        };
    }
    let bootstrap = fields
        .required("bootstrap", "127.0.0.1:9092", problems)
        .and_then(|item| read_bootstrap(&item, allowed, problems))
        .unwrap_or_default();
    let properties = fields
        .optional("properties")
        .and_then(|item| item.fields(problems))
        .map(|fields| read_properties(&fields, problems))
        .unwrap_or_default();
    let create_topics =
        fields.optional("create_topics").and_then(|item| item.flag(problems)).unwrap_or(false);
    let delete_topics = fields.optional("delete_topics").and_then(|item| {
        let delete = item.choice(&[("created", true), ("none", false)], problems)?;
        if delete && !create_topics {
            item.suggest(problems, "is of no use: the run creates no topics", "set `create_topics: true`");
        }
        Some(delete)
    });
    let options = [
        ("port", OF_EMBEDDED),
        ("brokers", OF_EMBEDDED),
        ("sasl", "is set by `properties` of an external Kafka"),
    ];
    fields.finish(&[options.as_slice(), &of_containers(&CONTAINER_FIELDS)].concat(), problems);
    KafkaSpec::External {
        bootstrap,
        properties,
        create_topics,
        delete_topics: delete_topics.unwrap_or(false),
    }
}

/// The fields that Kafka has only where it runs already.
const EXTERNAL_FIELDS: [&str; 4] = ["bootstrap", "properties", "create_topics", "delete_topics"];

fn read_container(
    mut fields: Fields<'_>,
    images: &ImageDefaults,
    problems: &mut Problems,
) -> Option<KafkaContainer> {
    let image = read_image(fields.optional("image").as_ref(), Some(IMAGE), images, problems);
    let brokers = fields.optional("brokers").map_or(Some(1), |item| item.integer(&(1..=5), problems));
    let mechanism = fields.optional("sasl").map_or(Some(SaslMechanism::ScramSha512), |item| {
        let mut fields = item.fields(problems)?;
        let mechanism = fields.optional("mechanism").map(|item| item.choice(&MECHANISMS, problems));
        let made_up = "is made up for each run where Kafka is a container";
        fields.finish(&[("username", made_up), ("password", made_up)], problems);
        mechanism.unwrap_or(Some(SaslMechanism::ScramSha512))
    });
    let most = brokers.unwrap_or(5);
    let min_insync = fields.optional("min_insync_replicas").and_then(|item| {
        let replicas = item.integer(&(1..=5), problems)?;
        if replicas > most {
            let message =
                format!("is more than there are brokers ({most}), so that nothing could be written");
            item.suggest(problems, message, "set `stack.kafka.brokers` higher, or this lower");
        }
        Some(replicas)
    });
    let flaw = fields.optional("flaw").and_then(|item| item.choice(&FLAWS, problems)).flatten();
    let resources = read_resources(&mut fields, Resources::default(), problems);
    let env = read_env(&mut fields, problems);
    let start_within = read_start_within(&mut fields, problems);
    let external = EXTERNAL_FIELDS.map(|name| (name, OF_EXTERNAL));
    let port = ("port", "is chosen by landfall for each broker where Kafka is a container");
    fields.finish(&[external.as_slice(), &[port]].concat(), problems);
    Some(KafkaContainer {
        image: image?,
        brokers: brokers?,
        mechanism: mechanism?,
        // One broker may go without anything being refused.
        min_insync_replicas: min_insync.unwrap_or(if most >= 3 { 2 } else { 1 }),
        flaw,
        resources,
        env,
        start_within,
    })
}

/// The credentials that the embedded broker asks for.
fn read_sasl(item: &Item<'_>, problems: &mut Problems) -> Option<SaslSpec> {
    let mut fields = item.fields(problems)?;
    let mechanism = match fields.optional("mechanism") {
        Some(item) => item.choice(&MECHANISMS, problems)?,
        None => SaslMechanism::default(),
    };
    let username = match fields.optional("username") {
        Some(item) => item.name(problems)?.to_owned(),
        None => USERNAME.to_owned(),
    };
    let password = match fields.optional("password") {
        Some(item) => read_secret(&item, problems)?,
        None => SecretSource::Generated,
    };
    fields.finish(&[], problems);
    Some(SaslSpec { mechanism, username, password })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn sasl(text: &str) -> Result<Option<SaslSpec>, String> {
        let text = format!(
            "version: 1\nname: x\ntopics: [{{ name: t }}]\npartners: [{{ name: p, secret: generated }}]\n\
             workload: [{{ partner: p, topic: t, format: v2-json, payload: {{ file: r }}, \
             arrivals: {{ constant: 1/s }}, for: 1s }}]\nstack: {{ kafka: {{ sasl: {text} }} }}\n"
        );
        crate::scenario::parse(&text, Path::new("x"), &[], &|_| unreachable!("extends nothing"))
            .map(|scenario| match scenario.stack.kafka {
                KafkaSpec::Embedded { sasl, .. } => sasl,
                KafkaSpec::External { .. } | KafkaSpec::Container(_) => None,
            })
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_user_and_where_the_password_comes_from() {
        let spec = |username: &str, password| {
            let mechanism = SaslMechanism::Plain;
            Some(SaslSpec { mechanism, username: username.to_owned(), password })
        };
        assert_eq!(sasl("null"), Ok(None));
        assert_eq!(sasl("{}"), Ok(spec("landfall", SecretSource::Generated)));
        assert_eq!(
            sasl("{ mechanism: plain, username: u, password: { env: P } }"),
            Ok(spec("u", SecretSource::Env("P".into())))
        );
        let scram = sasl("{ mechanism: scram-sha-512 }").unwrap().map(|spec| spec.mechanism);
        assert_eq!(scram, Some(SaslMechanism::ScramSha512));
    }

    #[test]
    fn what_cannot_be_is_refused_and_no_password_repeated() {
        for (text, sentence) in [
            ("{ mechanism: scram-sha-1 }", "stack.kafka.sasl.mechanism"),
            ("{ mechanism: gssapi }", "stack.kafka.sasl.mechanism"),
            ("{ username: ' ' }", "stack.kafka.sasl.username"),
            ("{ password: hunter2 }", "a secret must not stand in a scenario"),
            ("{ user: u }", "stack.kafka.sasl.user: unknown field"),
        ] {
            let error = sasl(text).unwrap_err();
            assert!(error.contains(sentence) && !error.contains("hunter2"), "{error}");
        }
    }
}
