//! SASL: who a client is, before anything else is served (`SaslHandshake`, `SaslAuthenticate`; RFC 4616 for PLAIN).
//!
//! The states are those of Kafka's `SaslServerAuthenticator`, the sentences those of its `PlainSaslServer`.

use bytes::Bytes;
use kafka_protocol::ResponseError;
use kafka_protocol::messages::{
    ApiKey, SaslAuthenticateRequest, SaslAuthenticateResponse, SaslHandshakeRequest, SaslHandshakeResponse,
};
use kafka_protocol::protocol::StrBytes;

use super::config::SaslPlain;
use super::frames::MAX_FRAME;
use super::refusal::Refusal;

/// The mechanism that is offered.
const PLAIN: &str = "PLAIN";

/// Longest request of a client that has not said who it is (`sasl.server.max.receive.size`).
const LONGEST_BEFORE: usize = 512 * 1024;

/// How far a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Session {
    /// Everything is served: nobody is asked who they are, or this client has said it.
    Open,
    /// The client has to choose a mechanism.
    Unknown,
    /// The client has to say who it is in a `SaslAuthenticate`.
    Authenticating,
    /// The client has to say who it is in a frame that holds nothing else, as after version 0 of the handshake.
    Bare,
    /// The connection ends with the answer.
    Over,
}

impl Session {
    /// That of a new connection to brokers which want these credentials, or none.
    pub(super) fn new(wanted: Option<&SaslPlain>) -> Self {
        if wanted.is_some() { Self::Unknown } else { Self::Open }
    }

    /// The longest request that may come now, in bytes.
    pub(super) fn longest_frame(self) -> usize {
        if self == Self::Open { MAX_FRAME } else { LONGEST_BEFORE }
    }

    /// Whether a request of this kind may come now.
    pub(super) fn admits(self, api: ApiKey) -> bool {
        match self {
            Self::Open => true,
            Self::Unknown => matches!(api, ApiKey::ApiVersions | ApiKey::SaslHandshake),
            Self::Authenticating => api == ApiKey::SaslAuthenticate,
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
        let answer = answer.with_mechanisms(vec![StrBytes::from_static_str(PLAIN)]);
        if request.mechanism.as_str() != PLAIN {
            *self = Self::Over;
            return answer.with_error_code(ResponseError::UnsupportedSaslMechanism.code());
        }
        *self = if version == 0 { Self::Bare } else { Self::Authenticating };
        answer
    }

    /// Answers a client that says who it is.
    pub(super) fn authenticate(
        &mut self,
        wanted: Option<&SaslPlain>,
        request: &SaslAuthenticateRequest,
    ) -> SaslAuthenticateResponse {
        let answer = SaslAuthenticateResponse::default();
        let refusal = match wanted.filter(|_| *self == Self::Authenticating) {
            Some(wanted) => self.judge(wanted, &request.auth_bytes).err(),
            None => Some(Refusal::new(ResponseError::IllegalSaslState, "no authentication is due")),
        };
        match refusal {
            Some(refusal) => answer.with_error_code(refusal.code()).with_error_message(Some(refusal.text())),
            None => answer,
        }
    }

    /// Takes a frame that holds nothing but who the client is; the answer is an empty frame.
    ///
    /// # Errors
    /// `SASL_AUTHENTICATION_FAILED`, for which such a client has no answer.
    pub(super) fn bare(&mut self, wanted: Option<&SaslPlain>, token: &Bytes) -> Result<(), Refusal> {
        match wanted {
            Some(wanted) => self.judge(wanted, token),
            None => Ok(()),
        }
    }

    fn judge(&mut self, wanted: &SaslPlain, token: &[u8]) -> Result<(), Refusal> {
        let judged = judge(wanted, token);
        *self = if judged.is_ok() { Self::Open } else { Self::Over };
        judged.map_err(|sentence| Refusal::new(ResponseError::SaslAuthenticationFailed, sentence))
    }
}

/// Whether `[authzid] NUL authcid NUL passwd` is who is wanted.
fn judge(wanted: &SaslPlain, token: &[u8]) -> Result<(), &'static str> {
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

    fn wanted() -> SaslPlain {
        SaslPlain { username: "landfall".to_owned(), password: Secret::new("hunter2") }
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
        let admitted = |session: Session| {
            [ApiKey::ApiVersions, ApiKey::SaslHandshake, ApiKey::SaslAuthenticate, ApiKey::Metadata]
                .map(|api| session.admits(api))
        };
        assert_eq!(admitted(session), [true, true, false, false]);
        let choose = SaslHandshakeRequest::default().with_mechanism(StrBytes::from_static_str("PLAIN"));
        assert_eq!(session.handshake(1, &choose).error_code, 0);
        assert_eq!(admitted(session), [false, false, true, false]);
        let say = |password: &'static [u8]| {
            SaslAuthenticateRequest::default().with_auth_bytes(Bytes::from_static(password))
        };
        let mut other = session;
        assert_eq!(other.authenticate(Some(&wanted), &say(b"\0landfall\0x")).error_code, 58);
        assert_eq!(admitted(other), [false; 4]);
        assert_eq!(session.authenticate(Some(&wanted), &say(b"\0landfall\0hunter2")).error_code, 0);
        assert_eq!(admitted(session), [true; 4]);
        let mut other = Session::new(Some(&wanted));
        let choose = choose.with_mechanism(StrBytes::from_static_str("SCRAM-SHA-256"));
        let answer = other.handshake(1, &choose);
        assert_eq!((answer.error_code, answer.mechanisms.as_slice()), (33, &["PLAIN".into()][..]));
        assert_eq!(other, Session::Over);
    }

    #[test]
    fn where_nobody_is_asked_nobody_may_say() {
        let mut session = Session::new(None);
        assert_eq!(session.handshake(1, &SaslHandshakeRequest::default()).error_code, 34);
        assert_eq!(session.authenticate(None, &SaslAuthenticateRequest::default()).error_code, 34);
        assert_eq!(session, Session::Open);
    }
}
