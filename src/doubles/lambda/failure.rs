//! How Lambda words the failures of which the function itself says nothing.

use std::fmt;
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};

use crate::wire::lambda::FunctionError;

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// With this exit status.
    Status(i32),
    /// By this signal.
    Signal {
        /// The signal's number.
        number: i32,
        /// Whether it left a core dump.
        dumped: bool,
    },
}

impl From<ExitStatus> for Exit {
    fn from(status: ExitStatus) -> Self {
        match status.signal() {
            Some(number) => Self::Signal { number, dumped: status.core_dumped() },
            None => Self::Status(status.code().unwrap_or_default()),
        }
    }
}

impl fmt::Display for Exit {
    /// As Lambda shows it, that is, Go.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "exit status {status}"),
            Self::Signal { number, dumped } => {
                match signal_name(*number) {
                    Some(name) => write!(f, "signal: {name}")?,
                    None => write!(f, "signal: signal {number}")?,
                }
                f.write_str(if *dumped { " (core dumped)" } else { "" })
            }
        }
    }
}

/// Go's words for the signals that end a process and have the same number on every Unix.
fn signal_name(number: i32) -> Option<&'static str> {
    Some(match number {
        1 => "hangup",
        2 => "interrupt",
        3 => "quit",
        4 => "illegal instruction",
        5 => "trace/breakpoint trap",
        6 => "aborted",
        8 => "floating point exception",
        9 => "killed",
        11 => "segmentation fault",
        13 => "broken pipe",
        14 => "alarm clock",
        15 => "terminated",
        _ => return None,
    })
}

/// The process ended before it answered.
pub(super) fn exited(id: &str, exit: Exit) -> Bytes {
    let what = match exit {
        Exit::Status(0) => "Runtime exited without providing a reason".to_owned(),
        other => format!("Runtime exited with error: {other}"),
    };
    error("Runtime.ExitError", format!("RequestId: {id} Error: {what}"))
}

/// The function, or its start, took longer than `limit`.
pub(super) fn timed_out(id: &str, limit: Duration) -> Bytes {
    let seconds = limit.as_secs_f64();
    error("Sandbox.Timedout", format!("RequestId: {id} Error: Task timed out after {seconds:.2} seconds"))
}

/// The process could not be started.
pub(super) fn not_started(id: &str, why: &dyn fmt::Display) -> Bytes {
    error("Runtime.InvalidEntrypoint", format!("RequestId: {id} Error: {why}"))
}

/// The response is longer than Lambda takes.
pub(super) fn response_too_large(limit: usize) -> Bytes {
    let message = format!("Response payload size exceeded maximum allowed payload size ({limit} bytes).");
    error("Function.ResponseSizeTooLarge", message)
}

/// The response is streamed, which nobody here reads.
pub(super) fn streamed() -> Bytes {
    let message =
        "the function streams its response, which landfall does not take; an authorizer returns it whole";
    error("Runtime.StreamingResponse", message.to_owned())
}

/// The error that a runtime reports, as callers get it: as it came, but for what only the header tells.
pub(super) fn reported(body: &Bytes, error_type: Option<&str>) -> Bytes {
    let Some(error_type) = error_type else {
        return if body.is_empty() { error("Unhandled", String::new()) } else { body.clone() };
    };
    if body.is_empty() {
        return error(error_type, String::new());
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(mut told)) if !told.contains_key("errorType") => {
            told.insert("errorType".to_owned(), json!(error_type));
            Value::Object(told).to_string().into()
        }
        _ => body.clone(),
    }
}

/// `errorType` and `errorMessage` of an error that a runtime has reported, where it has them.
pub(super) fn read_reported(body: &[u8]) -> (String, String) {
    let told: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |name: &str, otherwise: &str| told[name].as_str().unwrap_or(otherwise).to_owned();
    (text("errorType", "no errorType"), text("errorMessage", "no errorMessage"))
}

fn error(error_type: &str, error_message: String) -> Bytes {
    let error = FunctionError { error_message, error_type: error_type.to_owned() };
    serde_json::to_vec(&error).expect("the shape has string keys only").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(error: &Bytes) -> String {
        serde_json::from_slice::<FunctionError>(error).unwrap().error_message
    }

    #[test]
    fn failures_are_worded_as_lambda_words_them() {
        for (exit, expected) in [
            (Exit::Status(0), "RequestId: i Error: Runtime exited without providing a reason"),
            (Exit::Status(3), "RequestId: i Error: Runtime exited with error: exit status 3"),
            (
                Exit::Signal { number: 9, dumped: false },
                "RequestId: i Error: Runtime exited with error: signal: killed",
            ),
            (
                Exit::Signal { number: 11, dumped: true },
                "RequestId: i Error: Runtime exited with error: signal: segmentation fault (core dumped)",
            ),
            (
                Exit::Signal { number: 64, dumped: false },
                "RequestId: i Error: Runtime exited with error: signal: signal 64",
            ),
        ] {
            assert_eq!(message(&exited("i", exit)), expected);
        }
        let error = timed_out("i", Duration::from_millis(3_014));
        assert_eq!(message(&error), "RequestId: i Error: Task timed out after 3.01 seconds");
    }

    #[test]
    fn a_reported_error_stays_as_it_is_but_for_a_type_that_only_the_header_has() {
        for (body, header, expected) in [
            (r#"{"errorMessage":"a","errorType":"B"}"#, Some("C"), r#"{"errorMessage":"a","errorType":"B"}"#),
            (r#"{"errorMessage":"a"}"#, Some("C"), r#"{"errorMessage":"a","errorType":"C"}"#),
            (r#"{"errorMessage":"a"}"#, None, r#"{"errorMessage":"a"}"#),
            ("", Some("C"), r#"{"errorMessage":"","errorType":"C"}"#),
            ("", None, r#"{"errorMessage":"","errorType":"Unhandled"}"#),
            ("no json", Some("C"), "no json"),
            ("[1]", Some("C"), "[1]"),
        ] {
            assert_eq!(reported(&Bytes::from(body), header), expected, "{body}");
        }
        assert_eq!(read_reported(br#"{"errorMessage":"a"}"#), ("no errorType".into(), "a".into()));
        assert_eq!(read_reported(b"x").0, "no errorType");
    }
}
