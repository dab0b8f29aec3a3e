//! What proxies and schema registries in containers are told of Kafka: of one in containers beside them, or of one elsewhere.

use super::adapter::Values;
use super::kafka::CA_FILE;
use crate::kafka::Access;
use crate::scenario::host_is_allowed;
use crate::secret::Secret;
use crate::stack::StackError;

/// Where the password stands within a container whose adapter asks for it as a file.
pub(super) const PASSWORD_FILE: &str = "/etc/landfall/password";

/// The properties of librdkafka's that have a counterpart in adapters.
const KNOWN: [&str; 8] = [
    "security.protocol",
    "sasl.mechanism",
    "sasl.mechanisms",
    "sasl.username",
    "sasl.password",
    "ssl.ca.location",
    "ssl.ca.pem",
    // What a proxy has to be sure of is the proxy's affair.
    "ssl.endpoint.identification.algorithm",
];

/// What clients within the network are told.
#[derive(Clone)]
pub(super) struct Inside {
    pub(super) bootstrap: String,
    /// The hosts at which they may have to do with brokers.
    pub(super) hosts: Vec<String>,
    /// `PLAINTEXT`, `SSL`, `SASL_PLAINTEXT` or `SASL_SSL`.
    pub(super) protocol: String,
    pub(super) mechanism: Option<String>,
    pub(super) username: Option<String>,
    pub(super) password: Option<Secret>,
    /// The authority that they are to trust, PEM; `None`: those that their images trust.
    pub(super) authority: Option<String>,
    /// A topic that is there, and its partitions.
    pub(super) topic: (String, i32),
    /// Whether proxies may write to the topic that shows that they are ready.
    pub(super) ready_topic: bool,
}

impl Inside {
    /// A Kafka elsewhere, as landfall's own clients reach it, whose brokers' hosts are among `hosts`; with what a reader must
    /// know: properties that proxies cannot be given.
    pub(super) fn elsewhere(
        access: &Access,
        hosts: &[String],
        (topic, ready_topic): ((String, i32), bool),
    ) -> Result<(Self, Option<String>), StackError> {
        let value = |name: &str| access.properties.get(name).map(Secret::expose);
        let upper = |name: &str| value(name).map(str::to_uppercase);
        let protocol = upper("security.protocol").unwrap_or_else(|| "PLAINTEXT".to_owned());
        let (with_sasl, with_tls) = (protocol.starts_with("SASL"), protocol.ends_with("SSL"));
        let mechanism = upper("sasl.mechanism").or_else(|| upper("sasl.mechanisms"));
        let authority = match (value("ssl.ca.pem"), value("ssl.ca.location")) {
            _ if !with_tls => None,
            (Some(pem), _) => Some(pem.to_owned()),
            (None, Some(file)) => Some(read(file)?),
            (None, None) => None,
        };
        let lost: Vec<String> = access
            .properties
            .keys()
            .filter(|name| !KNOWN.contains(&name.as_str()))
            .map(|name| format!("`{name}`"))
            .collect();
        let note = (!lost.is_empty()).then(|| {
            format!(
                "proxies in containers are not told of these properties of the external Kafka, which adapters have no words for: {}; \
                 give them by `stack.proxy.env` where they matter",
                lost.join(", ")
            )
        });
        let inside = Self {
            bootstrap: access.bootstrap.clone(),
            hosts: hosts.to_vec(),
            mechanism: mechanism.filter(|_| with_sasl),
            username: value("sasl.username").filter(|_| with_sasl).map(str::to_owned),
            password: access.properties.get("sasl.password").filter(|_| with_sasl).cloned(),
            protocol,
            authority,
            topic,
            ready_topic,
        };
        Ok((inside, note))
    }

    /// What Java's clients are told of user and password.
    fn jaas(&self) -> Option<Secret> {
        let module = match self.mechanism.as_deref()? {
            "PLAIN" => "plain.PlainLoginModule",
            name if name.starts_with("SCRAM-") => "scram.ScramLoginModule",
            _ => return None,
        };
        // In JAAS a quoted string ends with its quote, unless a backslash stands before.
        let quoted = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
        let (username, password) =
            (quoted(self.username.as_deref()?), quoted(self.password.as_ref()?.expose()));
        Some(Secret::new(format!(
            "org.apache.kafka.common.security.{module} required username=\"{username}\" password=\"{password}\";"
        )))
    }

    /// What stands for the placeholders that speak of Kafka.
    pub(super) fn values(&self) -> Values {
        let text = |text: &str| Some(Secret::new(text));
        let hosts = self.hosts.iter().map(|host| format!("\"{host}\"")).collect::<Vec<_>>().join(", ");
        [
            ("bootstrap", text(&self.bootstrap)),
            ("ca.file", self.authority.as_ref().and_then(|_| text(CA_FILE))),
            ("kafka.hosts", text(&hosts)),
            ("sasl.jaas", self.jaas()),
            ("sasl.jaas.properties", self.jaas().map(|jaas| in_properties(&jaas))),
            ("sasl.mechanism", self.mechanism.as_deref().and_then(text)),
            ("sasl.password", self.password.clone()),
            ("sasl.password.file", self.password.as_ref().and_then(|_| text(PASSWORD_FILE))),
            ("sasl.username", self.username.as_deref().and_then(text)),
            ("sasl.username.json", self.username.as_deref().and_then(|name| text(&in_json(name)))),
            ("security.protocol", text(&self.protocol)),
            ("topic", text(&self.topic.0)),
            ("topic.partitions", text(&self.topic.1.to_string())),
        ]
        .into()
    }
}

/// A value as Java reads it back from a file of properties, whatever stands in it (`java.util.Properties.load`).
fn in_properties(value: &Secret) -> Secret {
    let written = value.expose().encode_utf16().map(|unit| match unit {
        0x5c => "\\\\".to_owned(),
        0x20..=0x7e => char::from(unit.to_le_bytes()[0]).to_string(),
        _ => format!("\\u{unit:04x}"),
    });
    Secret::new(written.collect::<String>())
}

/// Text in its quotes, as JSON has it, and so YAML.
fn in_json(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Whether a bootstrap address or a broker's is one that only this machine itself reaches.
pub(super) fn only_here(host: &str) -> bool {
    host_is_allowed(host, &[])
}

fn read(file: &str) -> Result<String, StackError> {
    std::fs::read_to_string(file)
        .map_err(|source| StackError::AuthorityForContainers { path: file.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elsewhere(properties: &[(&str, &str)]) -> (Inside, Option<String>) {
        let properties =
            properties.iter().map(|(name, value)| ((*name).to_owned(), Secret::new(*value))).collect();
        let access = Access { bootstrap: "k:9092".into(), properties };
        Inside::elsewhere(&access, &["k".into()], (("t".into(), 3), false)).unwrap()
    }

    fn shown(inside: &Inside) -> Vec<String> {
        let value = |value: Option<Secret>| value.map_or("-".to_owned(), |value| value.expose().to_owned());
        inside.values().into_iter().map(|(name, of)| format!("{name}={}", value(of))).collect()
    }

    #[test]
    fn what_a_kafka_does_not_ask_for_has_no_value() {
        let (inside, note) = elsewhere(&[]);
        assert_eq!(note, None);
        assert_eq!(
            shown(&inside),
            [
                "bootstrap=k:9092",
                "ca.file=-",
                "kafka.hosts=\"k\"",
                "sasl.jaas=-",
                "sasl.jaas.properties=-",
                "sasl.mechanism=-",
                "sasl.password=-",
                "sasl.password.file=-",
                "sasl.username=-",
                "sasl.username.json=-",
                "security.protocol=PLAINTEXT",
                "topic=t",
                "topic.partitions=3"
            ]
        );
    }

    #[test]
    fn librdkafkas_properties_become_placeholders_and_others_are_told() {
        let (inside, note) = elsewhere(&[
            ("security.protocol", "sasl_ssl"),
            ("sasl.mechanisms", "scram-sha-256"),
            ("sasl.username", "D\\u"),
            ("sasl.password", "a\"b\\cä"),
            ("ssl.ca.pem", "PEM"),
            ("ssl.key.password", "hunter2"),
        ]);
        let shown = shown(&inside);
        assert!(shown.contains(&"security.protocol=SASL_SSL".to_owned()), "{shown:?}");
        assert!(shown.contains(&"ca.file=/etc/landfall/ca.pem".to_owned()), "{shown:?}");
        let jaas = "sasl.jaas=org.apache.kafka.common.security.scram.ScramLoginModule required username=\"D\\\\u\" \
                    password=\"a\\\"b\\\\cä\";";
        assert!(shown.contains(&jaas.to_owned()), "{shown:?}");
        // Java's reader of properties takes half of the backslashes away.
        let properties = shown.iter().find(|text| text.starts_with("sasl.jaas.properties=")).unwrap();
        assert!(properties.ends_with(r#"username="D\\\\u" password="a\\"b\\\\c\u00e4";"#), "{properties}");
        assert!(shown.contains(&r#"sasl.username.json="D\\u""#.to_owned()), "{shown:?}");
        let note = note.unwrap();
        assert!(note.contains("`ssl.key.password`") && !note.contains("hunter2"), "{note}");
    }
}
