//! The REST Proxy's produce calls, in both versions of its API: media types, requests, responses, errors.
//!
//! Source: Confluent REST Proxy API reference; what it leaves open is as recorded from running proxies.

mod body;
pub mod v2;
pub mod v3;

use serde::{Deserialize, Serialize};

pub use body::RequestBody;

/// What a produce call is: the version of the API, and how keys and values stand in the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProduceFormat {
    /// v2, keys and values as JSON.
    V2Json,
    /// v2, keys and values as base64.
    V2Binary,
    /// v3, keys and values of type `JSON`.
    V3Json,
    /// v3, keys and values of type `BINARY`, as base64.
    V3Binary,
    /// v3, keys and values of type `STRING`.
    V3String,
}

/// A version of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Api {
    /// `POST /topics/{topic}`: one JSON document, one answer.
    V2,
    /// `POST /v3/clusters/{cluster}/topics/{topic}/records`: a stream of records, a stream of receipts.
    V3,
}

impl ProduceFormat {
    /// The version of the API.
    #[must_use]
    pub fn api(self) -> Api {
        match self {
            Self::V2Json | Self::V2Binary => Api::V2,
            Self::V3Json | Self::V3Binary | Self::V3String => Api::V3,
        }
    }

    /// Media type of requests.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::V2Json => v2::JSON,
            Self::V2Binary => v2::BINARY,
            Self::V3Json | Self::V3Binary | Self::V3String => v3::JSON,
        }
    }

    /// Media type of answers.
    #[must_use]
    pub fn accept(self) -> &'static str {
        match self.api() {
            Api::V2 => v2::RESPONSE,
            Api::V3 => v3::JSON,
        }
    }
}

/// The error entity of everything that is not a produce response; a receipt of v3 for a record that was not
/// written has the same form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorEntity {
    /// The status, or a code whose first three digits are the status.
    pub error_code: i64,
    /// In words.
    pub message: String,
}
