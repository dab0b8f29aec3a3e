//! SASL: who a client is, before anything else is served (`SaslHandshake`, `SaslAuthenticate`; RFC 4616 for PLAIN, see
//! `scram` for the others).
//!
//! The states are those of Kafka's `SaslServerAuthenticator`, the sentences those of its `PlainSaslServer`.

use bytes::Bytes;
use kafka_protocol::ResponseError;
use kafka_protocol::messages::{
    ApiKey, SaslAuthenticateRequest, SaslAuthenticateResponse, SaslHandshakeRequest, SaslHandshakeResponse,
};
use kafka_protocol::protocol::StrBytes;

use super::config::Credentials;
use super::frames::MAX_FRAME;
use super::refusal::Refusal;
use super::scram::{Exchange, Hash};

/// The mechanisms that are offered.
const PLAIN: &str = "PLAIN";
const SCRAM: [Hash; 2] = [Hash::Sha256, Hash::Sha512];

/// Longest request of a client that has not said who it is (`sasl.server.max.receive.size`).
const LONGEST_BEFORE: usize = 512 * 1024;

/// How a client says who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mechanism {
    Plain,
    Scram(Hash),
}

impl Mechanism {
    fn of(name: &str) -> Option<Self> {
        let scram = SCRAM.into_iter().find(|hash| hash.mechanism() == name).map(Self::Scram);
        scram.or_else(|| (name == PLAIN).then_some(Self::Plain))
    }
}

/// How far a connection is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Session {
    /// Everything is served: nobody is asked who they are, or this client has said it.
    Open,
    /// The client has to choose a mechanism.
    Unknown,
    /// The client has to say who it is in a `SaslAuthenticate`.
    Authenticating(Mechanism),
    /// It has to prove it in another one.
    Proving(Box<Exchange>),
    /// The client has to say who it is in a frame that holds nothing else, as after version 0 of the handshake.
    Bare,
    /// The connection ends with the answer.
    Over,
}

impl Session {
    /// That of a new connection to brokers which want these credentials, or none.
    pub(super) fn new(wanted: Option<&Credentials>) -> Self {
        if wanted.is_some() { Self::Unknown } else { Self::Open }
    }

    /// The longest request that may come now, in bytes.
    pub(super) fn longest_frame(&self) -> usize {
        if *self == Self::Open { MAX_FRAME } else { LONGEST_BEFORE }
    }

    /// Whether a request of this kind may come now.
    pub(super) fn admits(&self, api: ApiKey) -> bool {
        match self {
            Self::Open => true,
            Self::Unknown => matches!(api, ApiKey::ApiVersions | ApiKey::SaslHandshake),
            Self::Authenticating(_) | Self::Proving(_) => api == ApiKey::SaslAuthenticate,
            Self::Bare | Self::Over => false,
        }
    }

    /// Answers the choice of a mechanism.
    pub(super) fn handshake(
        &mut self,
        version: i16,
        request: &SaslHandshakeRequest,
    ) -> SaslHandshakeResponse {
        let answer = SaslHandshakeResponse::default();
        if *self == Self::Open {
            return answer.with_error_code(ResponseError::IllegalSaslState.code());
        }
        // In a frame of its own a client can say who it is, and prove nothing.
        let offered = SCRAM.iter().filter(|_| version > 0).map(|hash| hash.mechanism()).chain([PLAIN]);
        let answer = answer.with_mechanisms(offered.map(StrBytes::from_static_str).collect());
        *self = match (Mechanism::of(&request.mechanism), version) {
            (Some(Mechanism::Plain), 0) => Self::Bare,
            (Some(mechanism), 1..) => Self::Authenticating(mechanism),
            _ => {
                *self = Self::Over;
                return answer.with_error_code(ResponseError::UnsupportedSaslMechanism.code());
            }
        };
        answer
    }

    /// Answers a client that says who it is.
    pub(super) fn authenticate(
        &mut self,
        wanted: Option<&Credentials>,
        request: &SaslAuthenticateRequest,
    ) -> SaslAuthenticateResponse {
        let answer = SaslAuthenticateResponse::default();
        match self.step(wanted, &request.auth_bytes) {
            Ok(said) => answer.with_auth_bytes(said.into()),
            Err(refusal) => answer.with_error_code(refusal.code()).with_error_message(Some(refusal.text())),
        }
    }

    /// Takes what a client says, and gives what it is told.
    fn step(&mut self, wanted: Option<&Credentials>, token: &[u8]) -> Result<String, Refusal> {
        let state = std::mem::replace(self, Self::Over);
        let failed = |sentence| Refusal::new(ResponseError::SaslAuthenticationFailed, sentence);
        match (state, wanted) {
            (Self::Authenticating(Mechanism::Plain), Some(wanted)) => {
                judge(wanted, token).map_err(failed)?;
                *self = Self::Open;
                Ok(String::new())
            }
            (Self::Authenticating(Mechanism::Scram(hash)), Some(wanted)) => {
                let mut random = [0; 32];
                aws_lc_rs::rand::fill(&mut random)
                    .map_err(|_| failed("Authentication failed: no randomness"))?;
                let (exchange, said) = Exchange::begin(hash, wanted, token, &random).map_err(failed)?;
                *self = Self::Proving(Box::new(exchange));
                Ok(said)
            }
            (Self::Proving(exchange), Some(wanted)) => {
                let said = exchange.finish(wanted, token).map_err(failed)?;
                *self = Self::Open;
                Ok(said)
            }
            (state, _) => {
                *self = state;
                Err(Refusal::new(ResponseError::IllegalSaslState, "no authentication is due"))
            }
        }
    }

    /// Takes a frame that holds nothing but who the client is; the answer is an empty frame.
    ///
    /// # Errors
    /// `SASL_AUTHENTICATION_FAILED`, for which such a client has no answer.
    pub(super) fn bare(&mut self, wanted: Option<&Credentials>, token: &Bytes) -> Result<(), Refusal> {
        let Some(wanted) = wanted else { return Ok(()) };
        let judged = judge(wanted, token);
        *self = if judged.is_ok() { Self::Open } else { Self::Over };
        judged.map_err(|sentence| Refusal::new(ResponseError::SaslAuthenticationFailed, sentence))
    }
}

/// Whether `[authzid] NUL authcid NUL passwd` is who is wanted.
fn judge(wanted: &Credentials, token: &[u8]) -> Result<(), &'static str> {
    const INVALID: &str = "Authentication failed: Invalid username or password";
    let parts: Vec<&[u8]> = token.split(|byte| *byte == 0).collect();
    let [authorization, username, password] = parts.as_slice() else {
        return Err("Invalid SASL/PLAIN response: expected 3 tokens");
    };
    if username.is_empty() {
        return Err("Authentication failed: username not specified");
    }
    if password.is_empty() {
        return Err("Authentication failed: password not specified");
    }
    if *username != wanted.username.as_bytes() || *password != wanted.password.expose().as_bytes() {
        return Err(INVALID);
    }
    if !authorization.is_empty() && authorization != username {
        return Err(
            "Authentication failed: Client requested an authorization id that is different from username",
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    fn wanted() -> Credentials {
        Credentials { username: "landfall".to_owned(), password: Secret::new("hunter2") }
    }

    #[test]
    fn only_the_right_words_open() {
        for (token, fits) in [
            (&b"\0landfall\0hunter2"[..], true),
            (b"landfall\0landfall\0hunter2", true),
            (b"other\0landfall\0hunter2", false),
            (b"\0landfall\0hunter", false),
            (b"\0landfall\0hunter22", false),
            (b"\0Landfall\0hunter2", false),
            (b"\0\0hunter2", false),
            (b"\0landfall\0", false),
            (b"landfall\0hunter2", false),
            (b"\0landfall\0hunter2\0", false),
            (b"", false),
        ] {
            let sentence = judge(&wanted(), token).err();
            assert_eq!(sentence.is_none(), fits, "{token:?}: {sentence:?}");
            assert!(!sentence.is_some_and(|sentence| sentence.contains("hunter")));
        }
    }

    #[test]
    fn nothing_is_served_before_and_everything_after() {
        let wanted = wanted();
        let mut session = Session::new(Some(&wanted));
        let admitted = |session: &Session| {
            [ApiKey::ApiVersions, ApiKey::SaslHandshake, ApiKey::SaslAuthenticate, ApiKey::Metadata]
                .map(|api| session.admits(api))
        };
        assert_eq!(admitted(&session), [true, true, false, false]);
        let choose = SaslHandshakeRequest::default().with_mechanism(StrBytes::from_static_str("PLAIN"));
        assert_eq!(session.handshake(1, &choose).error_code, 0);
        assert_eq!(admitted(&session), [false, false, true, false]);
        let say = |password: &'static [u8]| {
            SaslAuthenticateRequest::default().with_auth_bytes(Bytes::from_static(password))
        };
        let mut other = session.clone();
        assert_eq!(other.authenticate(Some(&wanted), &say(b"\0landfall\0x")).error_code, 58);
        assert_eq!(admitted(&other), [false; 4]);
        assert_eq!(session.authenticate(Some(&wanted), &say(b"\0landfall\0hunter2")).error_code, 0);
        assert_eq!(admitted(&session), [true; 4]);
        let mut other = Session::new(Some(&wanted));
        let choose = choose.with_mechanism(StrBytes::from_static_str("GSSAPI"));
        let answer = other.handshake(1, &choose);
        let offered: Vec<&str> = answer.mechanisms.iter().map(StrBytes::as_str).collect();
        assert_eq!((answer.error_code, offered), (33, vec!["SCRAM-SHA-256", "SCRAM-SHA-512", "PLAIN"]));
        assert_eq!(other, Session::Over);
        // In a bare frame nothing can be proved.
        let mut old = Session::new(Some(&wanted));
        let choose = choose.with_mechanism(StrBytes::from_static_str("SCRAM-SHA-256"));
        let answer = old.handshake(0, &choose);
        assert_eq!((answer.error_code, answer.mechanisms.len(), old), (33, 1, Session::Over));
    }

    #[test]
    fn where_nobody_is_asked_nobody_may_say() {
        let mut session = Session::new(None);
        assert_eq!(session.handshake(1, &SaslHandshakeRequest::default()).error_code, 34);
        assert_eq!(session.authenticate(None, &SaslAuthenticateRequest::default()).error_code, 34);
        assert_eq!(session, Session::Open);
    }
}
