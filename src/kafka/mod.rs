//! How every Kafka client of landfall's is made: from one address and one set of properties, and with errors
//! that give no property's value away.

pub mod admin;
mod certificate;
mod trouble;

use std::collections::BTreeMap;

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;

use crate::secret::Secret;

pub use trouble::{Asker, Cause, Listener, NoAnswer, Trouble, ask};

/// How a Kafka cluster is reached.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// `host:port[,host:port…]`.
    pub bootstrap: String,
    /// librdkafka properties.
    pub properties: BTreeMap<String, Secret>,
}

impl Access {
    /// Access to a cluster that needs no properties.
    #[must_use]
    pub fn plain(bootstrap: String) -> Self {
        Self { bootstrap, properties: BTreeMap::new() }
    }

    /// A client's configuration, with `settings` of landfall's own, which go before the properties: what a verdict
    /// rests on is nobody's to change. librdkafka logs nothing: what matters comes back as errors.
    #[must_use]
    pub fn client(&self, client_id: &str, settings: &[(&str, &str)]) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &self.bootstrap)
            .set("client.id", client_id)
            .set_log_level(RDKafkaLogLevel::Critical);
        if let Some(authorities) = self.authorities() {
            config.set("ssl.ca.location", authorities);
        }
        for (name, value) in &self.properties {
            config.set(name, value.expose());
        }
        for (name, value) in settings {
            config.set(*name, *value);
        }
        config
    }

    /// Makes a client that hears why it gets no answer.
    ///
    /// # Errors
    /// librdkafka refuses a property.
    pub fn asker(&self, client_id: &str, settings: &[(&str, &str)]) -> Result<Asker, KafkaError> {
        self.client(client_id, settings).create_with_context(Listener::default())
    }

    /// The file or folder with the certificates of the authorities that are trusted, where TLS is spoken: as the properties
    /// say, else the system's. OpenSSL is built in, so it knows of no place by itself: librdkafka looks at the usual ones
    /// (`probe`), unless `SSL_CERT_FILE` names one, as for all other TLS that landfall speaks.
    fn authorities(&self) -> Option<String> {
        let value = |name: &str| self.properties.get(name).map(Secret::expose);
        let protocol = value("security.protocol")?.to_ascii_lowercase();
        if !protocol.ends_with("ssl") || value("ssl.ca.pem").is_some() {
            return None;
        }
        match value("ssl.ca.location") {
            Some(named) => Some(named.to_owned()),
            None => Some(std::env::var("SSL_CERT_FILE").unwrap_or_else(|_| "probe".to_owned())),
        }
    }
}

/// What went wrong at Kafka, in words without secrets: rdkafka's own text repeats a refused property's value.
#[must_use]
pub fn describe(error: &KafkaError) -> String {
    match error {
        KafkaError::ClientConfig(_, reason, name, _) => {
            format!("librdkafka refuses the property `{name}`: {}", without_value(reason))
        }
        other => other.to_string(),
    }
}

/// librdkafka's reason up to where it may quote the value.
fn without_value(reason: &str) -> &str {
    reason.split(['"', '\'']).next().unwrap_or_default().trim_end()
}

/// Whether librdkafka refused its properties, rather than failing at the cluster.
#[must_use]
pub fn is_configuration(error: &KafkaError) -> bool {
    matches!(error, KafkaError::ClientConfig(..) | KafkaError::ClientCreation(_))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rdkafka::consumer::BaseConsumer;

    #[test]
    fn a_refused_property_is_named_and_its_value_is_not() {
        let properties =
            [("sasl.pasword", "hunter2"), ("security.protocol", "hunter2"), ("linger.ms", "hunter2")];
        for (name, value) in properties {
            let access = Access {
                bootstrap: "127.0.0.1:1".into(),
                properties: [(name.to_owned(), Secret::new(value))].into(),
            };
            let error = access.client("test", &[]).create::<BaseConsumer>().err().expect("it is refused");
            let text = describe(&error);
            assert!(text.contains(name) && !text.contains("hunter2"), "{text}");
            assert!(is_configuration(&error));
            assert!(!format!("{access:?}").contains("hunter2"));
        }
    }
}
