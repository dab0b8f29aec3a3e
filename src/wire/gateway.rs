//! The responses that an API Gateway REST API makes itself (Amazon API Gateway Developer Guide, "Gateway
//! response types"), with the bodies and error types that live APIs have been seen to send.

use serde_json::json;

/// A gateway response type, by the name under which an API can customise it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ResponseType {
    /// The authorizer's policy denies the request.
    AccessDenied,
    /// The API itself is wrongly set up.
    ApiConfigurationError,
    /// The authorizer failed, or did not return a policy.
    AuthorizerConfigurationError,
    /// The body does not fit its model.
    BadRequestBody,
    /// A required parameter is missing.
    BadRequestParameters,
    /// There is no API key, or it is none of the API's.
    InvalidApiKey,
    /// The back end cannot be reached or broke off.
    IntegrationFailure,
    /// The back end did not answer in time.
    IntegrationTimeout,
    /// The `Authorization` header of a request for no known resource was read as an AWS signature.
    InvalidSignature,
    /// The request is for no known resource or method and carries no credentials.
    MissingAuthenticationToken,
    /// The API key's quota is used up.
    QuotaExceeded,
    /// The body is longer than 10,485,760 bytes.
    RequestTooLarge,
    /// More requests than the API key, the stage or the account may send.
    Throttled,
    /// The authorizer refused, or there was nothing to authorize.
    Unauthorized,
    /// The body's coding is unknown or broken.
    UnsupportedMediaType,
    /// The method's ARN is longer than 1600 bytes (the type's name is not documented).
    UriTooLong,
    /// The headers are longer than 10,240 bytes in total (the type's name is not documented).
    HeadersTooLarge,
}

impl ResponseType {
    /// The type's name, under which an API can shape it; `None` where it cannot be shaped.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::AccessDenied => "ACCESS_DENIED",
            Self::ApiConfigurationError => "API_CONFIGURATION_ERROR",
            Self::AuthorizerConfigurationError => "AUTHORIZER_CONFIGURATION_ERROR",
            Self::BadRequestBody => "BAD_REQUEST_BODY",
            Self::BadRequestParameters => "BAD_REQUEST_PARAMETERS",
            Self::InvalidApiKey => "INVALID_API_KEY",
            Self::IntegrationFailure => "INTEGRATION_FAILURE",
            Self::IntegrationTimeout => "INTEGRATION_TIMEOUT",
            Self::InvalidSignature => "INVALID_SIGNATURE",
            Self::MissingAuthenticationToken => "MISSING_AUTHENTICATION_TOKEN",
            Self::QuotaExceeded => "QUOTA_EXCEEDED",
            Self::Throttled => "THROTTLED",
            Self::Unauthorized => "UNAUTHORIZED",
            Self::UnsupportedMediaType => "UNSUPPORTED_MEDIA_TYPE",
            Self::RequestTooLarge | Self::UriTooLong | Self::HeadersTooLarge => return None,
        })
    }

    /// HTTP status.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::BadRequestBody | Self::BadRequestParameters => 400,
            Self::Unauthorized => 401,
            Self::AccessDenied
            | Self::InvalidApiKey
            | Self::InvalidSignature
            | Self::MissingAuthenticationToken => 403,
            Self::RequestTooLarge => 413,
            Self::UriTooLong => 414,
            Self::UnsupportedMediaType => 415,
            Self::QuotaExceeded | Self::Throttled => 429,
            Self::HeadersTooLarge => 431,
            Self::ApiConfigurationError | Self::AuthorizerConfigurationError => 500,
            Self::IntegrationFailure | Self::IntegrationTimeout => 504,
        }
    }

    /// Value of the header `x-amzn-ErrorType`; `None` where the response comes from the edge, which sends
    /// no `x-amzn-` header.
    #[must_use]
    pub fn error_type(self) -> Option<&'static str> {
        Some(match self {
            Self::AccessDenied => "AccessDeniedException",
            Self::ApiConfigurationError | Self::IntegrationFailure | Self::IntegrationTimeout => {
                "InternalServerErrorException"
            }
            Self::AuthorizerConfigurationError => "AuthorizerConfigurationException",
            Self::BadRequestBody
            | Self::BadRequestParameters
            | Self::UnsupportedMediaType
            | Self::UriTooLong => "BadRequestException",
            Self::InvalidApiKey => "ForbiddenException",
            Self::InvalidSignature => "IncompleteSignatureException",
            Self::MissingAuthenticationToken => "MissingAuthenticationTokenException",
            Self::QuotaExceeded => "LimitExceededException",
            Self::Throttled => "TooManyRequestsException",
            Self::Unauthorized => "UnauthorizedException",
            Self::RequestTooLarge | Self::HeadersTooLarge => return None,
        })
    }

    /// Content type of the body.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::RequestTooLarge | Self::HeadersTooLarge => "text; charset=utf-8",
            _ => "application/json",
        }
    }

    /// The type's own message; `None` is `null`. Some types have another one for each request.
    #[must_use]
    pub fn message(self) -> Option<&'static str> {
        Some(match self {
            Self::AccessDenied => "User is not authorized to access this resource",
            Self::ApiConfigurationError => "Internal server error",
            Self::AuthorizerConfigurationError => return None,
            Self::BadRequestBody => "Invalid request body",
            Self::BadRequestParameters => "Missing required request parameters: []",
            Self::HeadersTooLarge => "HTTP header is larger than 10240 bytes.",
            Self::IntegrationFailure => "Network error communicating with endpoint",
            Self::IntegrationTimeout => "Endpoint request timed out",
            Self::InvalidApiKey => "Forbidden",
            Self::InvalidSignature => "Invalid signature",
            Self::MissingAuthenticationToken => "Missing Authentication Token",
            Self::QuotaExceeded => "Limit Exceeded",
            Self::RequestTooLarge => "HTTP content length exceeded 10485760 bytes.",
            Self::Throttled => "Too Many Requests",
            Self::Unauthorized => "Unauthorized",
            Self::UnsupportedMediaType => "Unsupported Media Type",
            Self::UriTooLong => "Request-URI Too Long",
        })
    }

    /// The default body with `message`. That of [`ResponseType::AccessDenied`] alone spells the member `Message`, and
    /// some have been recorded with a space behind the colon.
    #[must_use]
    pub fn body_with(self, message: Option<&str>) -> String {
        match (self, message) {
            (Self::RequestTooLarge | Self::HeadersTooLarge, Some(text)) => text.to_owned(),
            (Self::AccessDenied, message) => json!({ "Message": message }).to_string(),
            (Self::ApiConfigurationError | Self::IntegrationFailure | Self::IntegrationTimeout, message) => {
                format!("{{\"message\": {}}}", json!(message))
            }
            (_, message) => json!({ "message": message }).to_string(),
        }
    }
}

/// What an explicit Deny adds to the message of [`ResponseType::AccessDenied`].
pub const EXPLICIT_DENY_MESSAGE: &str =
    "User is not authorized to access this resource with an explicit deny";

/// A header of landfall's own, towards the proxy: the gateway's double lets this request pass by the fault that
/// the value names, and the proxy's double must not show it another. Other proxies take no notice of it; a
/// client that sends it to the gateway does so in vain.
pub const FAULT_HEADER: &str = "x-landfall-fault";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_as_recorded() {
        let body = |kind: ResponseType| kind.body_with(kind.message());
        assert_eq!(body(ResponseType::Unauthorized), r#"{"message":"Unauthorized"}"#);
        assert_eq!(body(ResponseType::AuthorizerConfigurationError), r#"{"message":null}"#);
        assert_eq!(body(ResponseType::IntegrationTimeout), r#"{"message": "Endpoint request timed out"}"#);
        assert_eq!(
            ResponseType::AccessDenied.body_with(Some(EXPLICIT_DENY_MESSAGE)),
            r#"{"Message":"User is not authorized to access this resource with an explicit deny"}"#
        );
        assert_eq!(body(ResponseType::RequestTooLarge).len(), 44);
        assert_eq!(ResponseType::RequestTooLarge.error_type(), None);
    }
}
