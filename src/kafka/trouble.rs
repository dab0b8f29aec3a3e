//! Why a cluster cannot be used: what librdkafka says of its connections, read for its cause.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::ClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

use super::certificate;
use super::{Access, describe};

/// How long the first try at a question waits; each further one waits twice as long.
const FIRST_TRY: Duration = Duration::from_millis(500);

/// What a cluster's trouble comes from. The first is the one that says most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// It does not know the user, or the password is another.
    Credentials,
    /// It does not offer the SASL mechanism.
    Mechanism,
    /// Its certificate is not trusted.
    Certificate,
    /// It wants a certificate of its clients.
    ClientCertificate,
    /// It does not speak TLS.
    NotTls,
    /// It breaks connections off: the security protocol seems to be another one.
    Protocol,
    /// Anything else, a host without an address, or nobody there.
    Connection,
}

impl Cause {
    /// Whether another try would end the same.
    #[must_use]
    pub fn is_decisive(self) -> bool {
        self <= Self::ClientCertificate
    }
}

/// What stands between landfall and a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// What it comes from.
    pub cause: Cause,
    /// `host:port` of the broker, where librdkafka says it.
    pub broker: Option<String>,
    /// The reason in short, without any secret.
    pub reason: String,
}

impl Trouble {
    /// What librdkafka says when a connection fails, `None` where that is only that connections fail.
    #[must_use]
    pub fn read(code: Option<Code>, text: &str) -> Option<Self> {
        if code == Some(Code::AllBrokersDown) {
            return None;
        }
        let (broker, said) = of_broker(text);
        let said = said.split(" (after ").next().unwrap_or(said).trim();
        let has = |part: &str| said.contains(part);
        let (cause, reason) = if has("mechanism handshake failed") || has("Unsupported SASL mechanism") {
            (Cause::Mechanism, last_part(said, "handshake failed: "))
        } else if code == Some(Code::Authentication) || has("SASL authentication error") {
            (Cause::Credentials, last_part(said, "SASL authentication error: "))
        } else if has("certificate verify failed") || has("broker certificate could not be verified") {
            (Cause::Certificate, "its certificate is not trusted")
        } else if has("client SSL authentication might be required")
            || has("alert bad certificate")
            || has("alert certificate required")
        {
            (Cause::ClientCertificate, "it asks for a certificate")
        } else if has("PLAINTEXT broker listener") || has("wrong version number") {
            (Cause::NotTls, "it does not speak TLS")
        } else if has("security.protocol") {
            (Cause::Protocol, "it ends connections before it has answered")
        } else {
            (Cause::Connection, said)
        };
        Some(Self { cause, broker, reason: reason.to_owned() })
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cause, broker, reason } = self;
        let broker = broker.as_deref().unwrap_or("it");
        match cause {
            Cause::Credentials => write!(
                f,
                "{broker} refuses who landfall says it is ({reason}); check the user and the password in `kafka.properties`"
            ),
            Cause::Mechanism => write!(
                f,
                "{broker} does not take the SASL mechanism ({reason}); write one that it takes as `sasl.mechanism`"
            ),
            Cause::Certificate => write!(f, "{broker} is not trusted: {reason}"),
            Cause::ClientCertificate => write!(
                f,
                "{broker} wants a certificate of its clients; name one with its key by `ssl.certificate.location` and \
                 `ssl.key.location`"
            ),
            Cause::NotTls => write!(
                f,
                "{broker} does not speak TLS; use another port, or another `security.protocol` in `kafka.properties`"
            ),
            Cause::Protocol => write!(
                f,
                "{broker} ends connections before it has answered; it may want TLS or SASL: check `security.protocol` \
                 in `kafka.properties`"
            ),
            Cause::Connection => {
                write!(f, "{reason}; check that it runs there and that `kafka.properties` fit")
            }
        }
    }
}

/// The broker that a text begins with (`sasl_ssl://host:port/1: …`), and the rest of it.
fn of_broker(text: &str) -> (Option<String>, &str) {
    let Some((name, rest)) = text.split_once(": ") else { return (None, text) };
    let address = name.rsplit_once("://").map_or(name, |(_, address)| address);
    match address.split_once('/') {
        Some((broker, _)) if broker.contains(':') && !broker.contains(' ') => (Some(broker.to_owned()), rest),
        _ => (None, text),
    }
}

/// What stands behind `mark`, or the whole.
fn last_part<'a>(text: &'a str, mark: &str) -> &'a str {
    text.split_once(mark).map_or(text, |(_, rest)| rest.trim_end_matches([':', ' ']))
}

/// Hears what librdkafka says of a client's connections.
#[derive(Debug, Default)]
pub struct Listener {
    heard: Mutex<Option<Trouble>>,
}

impl Listener {
    /// The worst that was heard.
    fn heard(&self) -> Option<Trouble> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ClientContext for Listener {
    fn error(&self, error: KafkaError, reason: &str) {
        let Some(trouble) = Trouble::read(error.rdkafka_error_code(), reason) else { return };
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        if heard.as_ref().is_none_or(|before| trouble.cause <= before.cause) {
            *heard = Some(trouble);
        }
    }
}

impl ConsumerContext for Listener {}

/// A client that hears why it gets no answer.
pub type Asker = BaseConsumer<Listener>;

/// Why a question has no answer.
#[derive(Debug, Clone)]
pub struct NoAnswer {
    /// What librdkafka returned.
    pub error: KafkaError,
    /// What it said besides.
    pub trouble: Option<Box<Trouble>>,
}

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.trouble {
            Some(trouble) => trouble.fmt(f),
            None => write!(
                f,
                "{}; check that it runs there and that `kafka.properties` fit, `security.protocol` above all",
                describe(&self.error)
            ),
        }
    }
}

impl std::error::Error for NoAnswer {}

impl From<KafkaError> for NoAnswer {
    fn from(error: KafkaError) -> Self {
        Self { error, trouble: None }
    }
}

/// Asks the cluster `question`, which is told how long it may take, until there is an answer, no use in asking again, or
/// `patience` over. Blocks.
///
/// # Errors
/// [`NoAnswer`], with the cause where librdkafka has told one.
pub fn ask<T>(
    access: &Access,
    client: &Asker,
    patience: Duration,
    mut question: impl FnMut(&Asker, Duration) -> Result<T, KafkaError>,
) -> Result<T, NoAnswer> {
    let deadline = Instant::now() + patience;
    let mut within = FIRST_TRY;
    let mut decided = false;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let error = match question(client, within.min(left)) {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        // Errors are told where they are looked for.
        while client.poll(Duration::ZERO).is_some() {}
        let trouble = client.context().heard();
        // Once more after that: of several brokers another may answer.
        let hopeless = std::mem::replace(
            &mut decided,
            trouble.as_ref().is_some_and(|trouble| trouble.cause.is_decisive()),
        ) && decided;
        if hopeless || !may_pass(&error) || Instant::now() + within >= deadline {
            return Err(NoAnswer {
                error,
                trouble: trouble.map(|trouble| Box::new(certificate::explain(access, trouble))),
            });
        }
        within *= 2;
    }
}

/// Whether the error may only mean that connections are not there yet.
fn may_pass(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            Code::BrokerTransportFailure
                | Code::OperationTimedOut
                | Code::TimedOutQueue
                | Code::AllBrokersDown
                | Code::RequestTimedOut
                | Code::Resolve
                | Code::SSL
                | Code::Authentication
        )
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cause_is_read_from_what_librdkafka_says() {
        for (code, text, cause, sentence) in [
            (
                Code::Authentication,
                "sasl_ssl://localhost:9093/bootstrap: SASL authentication error: Authentication failed during \
                 authentication due to invalid credentials with SASL mechanism SCRAM-SHA-512 (after 100ms in state AUTH_REQ)",
                Cause::Credentials,
                "localhost:9093 refuses who landfall says it is (Authentication failed during authentication due to invalid \
                 credentials with SASL mechanism SCRAM-SHA-512); check the user",
            ),
            (
                Code::UnsupportedSASLMechanism,
                "sasl_ssl://k:1/1: SASL SCRAM-SHA-256 mechanism handshake failed: Broker: Unsupported SASL mechanism: \
                 broker's supported mechanisms: PLAIN (after 3ms in state AUTH_HANDSHAKE)",
                Cause::Mechanism,
                "k:1 does not take the SASL mechanism (Broker: Unsupported SASL mechanism: broker's supported mechanisms: PLAIN)",
            ),
            (
                Code::SSL,
                "ssl://k:1/bootstrap: SSL handshake failed: error:0A000086:SSL routines::certificate verify failed: broker \
                 certificate could not be verified, verify that ssl.ca.location is correctly configured (after 2ms in state \
                 SSL_HANDSHAKE)",
                Cause::Certificate,
                "k:1 is not trusted: its certificate is not trusted",
            ),
            (
                Code::SSL,
                "ssl://k:1/bootstrap: SSL handshake failed: error:0A00010B:SSL routines::wrong version number: connecting to \
                 a PLAINTEXT broker listener? (after 1ms in state SSL_HANDSHAKE)",
                Cause::NotTls,
                "k:1 does not speak TLS",
            ),
            (
                Code::BrokerTransportFailure,
                "k:1/bootstrap: Disconnected: requesting ApiVersion: might be caused by incorrect security.protocol \
                 configuration (connecting to a SSL listener?) or broker version is < 0.10",
                Cause::Protocol,
                "k:1 ends connections before it has answered",
            ),
            (
                Code::Resolve,
                "k.invalid:1/bootstrap: Failed to resolve 'k.invalid:1': Name or service not known (after 3ms in state CONNECT)",
                Cause::Connection,
                "Failed to resolve 'k.invalid:1': Name or service not known; check that it runs there",
            ),
        ] {
            let trouble = Trouble::read(Some(code), text).expect("it says something");
            assert_eq!(trouble.cause, cause, "{text}");
            assert!(trouble.to_string().starts_with(sentence), "{trouble}");
        }
        assert_eq!(Trouble::read(Some(Code::AllBrokersDown), "1/1 brokers are down"), None);
    }

    #[test]
    fn what_says_most_is_kept() {
        let listener = Listener::default();
        let say = |code, text: &str| listener.error(KafkaError::Global(code), text);
        say(Code::BrokerTransportFailure, "k:1/bootstrap: Connect failed: Connection refused");
        say(Code::Authentication, "sasl_plaintext://k:2/bootstrap: SASL authentication error: no");
        say(Code::BrokerTransportFailure, "k:1/bootstrap: Disconnected");
        say(Code::AllBrokersDown, "2/2 brokers are down");
        let heard = listener.heard().expect("something was said");
        assert_eq!((heard.cause, heard.broker.as_deref()), (Cause::Credentials, Some("k:2")));
    }
}
