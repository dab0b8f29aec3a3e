//! The access log, a line for each request (Amazon API Gateway Developer Guide, "Set up `CloudWatch` logging for REST
//! APIs").

use std::fs::File;
use std::io::{LineWriter, Write as _};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use super::call::Call;
use super::response::without_credentials;
use crate::api::{Dialect, Template};

/// The format where none is given: JSON with what partners' tickets ask for.
pub const DEFAULT_FORMAT: &str = r#"{"requestTime":"$context.requestTime","requestId":"$context.requestId","extendedRequestId":"$context.extendedRequestId","ip":"$context.identity.sourceIp","method":"$context.httpMethod","path":"$context.path","resource":"$context.resourcePath","status":"$context.status","responseType":"$context.error.responseType","error":"$context.error.message","principal":"$context.authorizer.principalId","authorizerLatency":"$context.authorizer.latency","authorizerError":"$context.authorizer.error","integrationStatus":"$context.integration.status","integrationLatency":"$context.integration.latency","integrationError":"$context.integration.error","responseLatency":"$context.responseLatency","responseLength":"$context.responseLength"}"#;

/// Where requests are logged, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessLogConfig {
    /// The file, which is made anew.
    pub path: PathBuf,
    /// A line, with `$context` variables; [`DEFAULT_FORMAT`] where nothing else is wanted.
    pub format: String,
}

/// Why there is no access log.
#[derive(Debug, thiserror::Error)]
pub enum AccessLogError {
    /// The file cannot be made.
    #[error("cannot make the gateway's access log {path}: {source}; check the folder")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The format is none.
    #[error("the access log's format {0}")]
    Format(String),
}

pub(super) struct AccessLog {
    template: Template,
    file: Mutex<LineWriter<File>>,
}

impl AccessLog {
    pub(super) fn open(config: &AccessLogConfig) -> Result<Self, AccessLogError> {
        let template = Template::parse(&config.format, Dialect::Context).map_err(AccessLogError::Format)?;
        let file = File::create(&config.path)
            .map_err(|source| AccessLogError::File { path: config.path.clone(), source })?;
        Ok(Self { template, file: Mutex::new(LineWriter::new(file)) })
    }

    /// Adds the line of a call that has been answered. A disk that is full must not hold requests up: a line that
    /// cannot be written is left out.
    pub(super) fn add(&self, call: &Call) {
        let line = match &call.refusal {
            // The answer repeats the credentials, as the real one does; a log of landfall's must not.
            Some(refusal) if refusal.repeats_credentials() => {
                let mut redacted = call.clone();
                redacted.refusal = Some(without_credentials(refusal));
                self.template.render_or(&redacted, "-")
            }
            _ => self.template.render_or(call, "-"),
        };
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let _ =
            file.write_all(line.replace(['\n', '\r'], " ").as_bytes()).and_then(|()| file.write_all(b"\n"));
    }
}
