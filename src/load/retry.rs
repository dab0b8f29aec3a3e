//! Whether an attempt that ended is followed by another.

use std::time::{Duration, SystemTime};

use super::StreamPlan;
use super::request::Request;
use crate::record::{Class, End};
use crate::scenario::RetryOn;
use crate::schedule::retry_wait;

/// How an attempt ended, as far as trying again depends on it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ending {
    pub(super) end: End,
    pub(super) class: Class,
    /// Whether a byte of the request had left.
    pub(super) written: bool,
    /// What the answer asked for.
    pub(super) retry_after: Option<Duration>,
}

/// How long to wait for the next attempt; `None` where there is none.
pub(super) fn wait_before_retry(plan: &StreamPlan, request: &Request, ending: Ending) -> Option<Duration> {
    let retry = plan.retry.as_ref()?;
    // What was accepted whole is never sent again, whatever its status.
    if ending.class == Class::Accepted || !retry.on.iter().any(|on| strikes(*on, ending)) {
        return None;
    }
    retry_wait(retry, plan.seed, request.index, request.attempt, ending.retry_after)
}

/// What a `Retry-After` asks for, in seconds or as a date (RFC 9110, section 10.2.3): how long that is from `now`.
pub(super) fn asked_wait(text: &str, now: SystemTime) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

fn strikes(on: RetryOn, ending: Ending) -> bool {
    match ending.end {
        End::Status(status) => on.means_status(status),
        End::TimedOut => on == RetryOn::TimedOut,
        End::Reset if ending.written => on == RetryOn::Reset,
        End::Reset => on == RetryOn::RefusedConnection,
        End::Malformed => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_ask_in_seconds_or_for_a_date() {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        assert_eq!(asked_wait(" 90 ", at(0)), Some(Duration::from_secs(90)));
        assert_eq!(asked_wait(date, at(784_111_770)), Some(Duration::from_secs(7)));
        assert_eq!(asked_wait(date, at(784_111_778)), Some(Duration::ZERO));
        for other in ["", "-1", "1.5", "soon"] {
            assert_eq!(asked_wait(other, at(0)), None, "{other}");
        }
    }

    #[test]
    fn each_end_has_its_word() {
        let ending = |end, written| Ending { end, class: Class::Failed, written, retry_after: None };
        let all = [
            (RetryOn::Status(429), ending(End::Status(429), true)),
            (RetryOn::StatusClass(5), ending(End::Status(503), true)),
            (RetryOn::TimedOut, ending(End::TimedOut, true)),
            (RetryOn::Reset, ending(End::Reset, true)),
            (RetryOn::RefusedConnection, ending(End::Reset, false)),
        ];
        for (on, _) in all {
            for (other, ending) in all {
                assert_eq!(strikes(on, ending), on == other, "{on:?} {ending:?}");
            }
        }
    }
}
