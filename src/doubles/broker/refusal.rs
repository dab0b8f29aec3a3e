//! Why a part of a request was refused, in the protocol's own terms.

use std::borrow::Cow;

use kafka_protocol::ResponseError;
use kafka_protocol::protocol::StrBytes;

/// An error code with the sentence that newer versions of the protocol carry beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    /// The protocol's error.
    pub(super) error: ResponseError,
    /// What was wrong with what.
    pub(super) message: Cow<'static, str>,
    /// Positions within the batch of the records at fault, where single records are.
    pub(super) records: Vec<i32>,
}

impl Refusal {
    /// A refusal that is nobody's record's fault in particular.
    pub(super) fn new(error: ResponseError, message: impl Into<Cow<'static, str>>) -> Self {
        Self { error, message: message.into(), records: Vec::new() }
    }

    /// The error code as it stands on the wire.
    pub(super) fn code(&self) -> i16 {
        self.error.code()
    }

    /// The sentence as a string of the protocol.
    pub(super) fn text(&self) -> StrBytes {
        StrBytes::from_string(self.message.clone().into_owned())
    }
}
