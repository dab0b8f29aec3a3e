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
    /// The back end cannot be reached or broke off.
    IntegrationFailure,
    /// The back end did not answer in time.
    IntegrationTimeout,
    /// The `Authorization` header of a request for no known resource was read as an AWS signature.
    InvalidSignature,
    /// The request is for no known resource or method and carries no credentials.
    MissingAuthenticationToken,
    /// The body is longer than 10,485,760 bytes.
    RequestTooLarge,
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
    /// HTTP status.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::BadRequestBody | Self::BadRequestParameters => 400,
            Self::Unauthorized => 401,
            Self::AccessDenied | Self::InvalidSignature | Self::MissingAuthenticationToken => 403,
            Self::RequestTooLarge => 413,
            Self::UriTooLong => 414,
            Self::UnsupportedMediaType => 415,
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
            Self::InvalidSignature => "IncompleteSignatureException",
            Self::MissingAuthenticationToken => "MissingAuthenticationTokenException",
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

    /// The body with the type's own message. [`ResponseType::body_with`] is for the types whose message
    /// depends on the request.
    #[must_use]
    pub fn body(self) -> String {
        match self {
            Self::AccessDenied => {
                json!({"Message": "User is not authorized to access this resource"}).to_string()
            }
            Self::AuthorizerConfigurationError => json!({ "message": null }).to_string(),
            // Recorded with a space after the colon, unlike the others.
            Self::ApiConfigurationError => r#"{"message": "Internal server error"}"#.to_owned(),
            Self::IntegrationFailure => {
                r#"{"message": "Network error communicating with endpoint"}"#.to_owned()
            }
            Self::IntegrationTimeout => r#"{"message": "Endpoint request timed out"}"#.to_owned(),
            Self::RequestTooLarge => "HTTP content length exceeded 10485760 bytes.".to_owned(),
            Self::HeadersTooLarge => "HTTP header is larger than 10240 bytes.".to_owned(),
            Self::BadRequestBody => self.body_with("Invalid request body"),
            Self::BadRequestParameters => self.body_with("Missing required request parameters: []"),
            Self::InvalidSignature => self.body_with("Invalid signature"),
            Self::MissingAuthenticationToken => self.body_with("Missing Authentication Token"),
            Self::Unauthorized => self.body_with("Unauthorized"),
            Self::UnsupportedMediaType => self.body_with("Unsupported Media Type"),
            Self::UriTooLong => self.body_with("Request-URI Too Long"),
        }
    }

    /// The body with `message`. The default body of [`ResponseType::AccessDenied`] alone spells the member
    /// `Message`.
    #[must_use]
    pub fn body_with(self, message: &str) -> String {
        match self {
            Self::AccessDenied => json!({ "Message": message }).to_string(),
            _ => json!({ "message": message }).to_string(),
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
        assert_eq!(ResponseType::Unauthorized.body(), r#"{"message":"Unauthorized"}"#);
        assert_eq!(ResponseType::AuthorizerConfigurationError.body(), r#"{"message":null}"#);
        assert_eq!(
            ResponseType::AccessDenied.body_with(EXPLICIT_DENY_MESSAGE),
            r#"{"Message":"User is not authorized to access this resource with an explicit deny"}"#
        );
        assert_eq!(ResponseType::RequestTooLarge.body().len(), 44);
        assert_eq!(ResponseType::RequestTooLarge.error_type(), None);
    }
}
