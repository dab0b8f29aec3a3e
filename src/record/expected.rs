//! What an attempt must meet with: its partner's expectation, and what the time makes of it, since tokens expire.

/// What an attempt must meet with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// It must be accepted.
    Accept,
    /// It must be refused.
    Refuse,
    /// Nobody can tell; either is right.
    Either,
}

/// How long a token is good, in microseconds since the run's origin. When it expires is known to a stretch only: from
/// outside nobody sees when it was issued, and its own times are whole seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// Up to here it is valid for certain.
    pub good_until_us: u64,
    /// From here on it has expired for certain; [`NEVER`](super::NEVER) where its life is not known.
    pub expired_us: u64,
}

/// What an attempt must meet with that was written and answered at these times: `partner`, while the token is valid; a
/// refusal, if it had been expired for `grace_us` already when the attempt was written; either, in between, since the
/// token may have been looked at when it was still valid, when it no longer was, or not at all. An attempt that was
/// never answered has [`UNANSWERED`](super::UNANSWERED) as its second time. Who must be refused anyway must be refused
/// with any token, and without tokens the partner's expectation is all there is.
///
/// With the time at which a request was due for both it tells what could be expected of it then: whether its times are
/// measured, which must not depend on how long sending and answer take.
#[must_use]
pub fn expectation(
    written_us: u64,
    answered_us: u64,
    token: Option<Validity>,
    grace_us: u64,
    partner: Expected,
) -> Expected {
    let Some(token) = token.filter(|_| partner == Expected::Accept) else { return partner };
    if answered_us <= token.good_until_us {
        Expected::Accept
    } else if written_us >= token.expired_us.saturating_add(grace_us) {
        Expected::Refuse
    } else {
        Expected::Either
    }
}

#[cfg(test)]
mod tests {
    use super::super::{NEVER, UNANSWERED};
    use super::Expected::{Accept, Either, Refuse};
    use super::*;
    use proptest::prelude::*;

    const TOKEN: Option<Validity> = Some(Validity { good_until_us: 40, expired_us: 50 });

    #[test]
    fn the_time_of_the_attempt_decides() {
        let with_grace_of_10 = |written, answered| expectation(written, answered, TOKEN, 10, Accept);
        for (written, answered, expected) in [
            (0, 40, Accept),
            (39, 41, Either),
            (41, 42, Either),
            (59, 61, Either),
            (60, 61, Refuse),
            (0, UNANSWERED, Either),
            (60, UNANSWERED, Refuse),
        ] {
            assert_eq!(with_grace_of_10(written, answered), expected, "{written} {answered}");
        }
    }

    #[test]
    fn without_a_token_or_its_life_time_changes_nothing() {
        assert_eq!(expectation(100, 200, None, 0, Accept), Accept);
        let endless = Some(Validity { good_until_us: 40, expired_us: NEVER });
        assert_eq!(expectation(u64::MAX - 1, UNANSWERED, endless, 10, Accept), Either);
    }

    proptest! {
        #[test]
        fn who_must_be_refused_is_refused_at_any_time(written in 0..100_u64, took in 0..100_u64, grace in 0..100_u64) {
            prop_assert_eq!(expectation(written, written + took, TOKEN, grace, Refuse), Refuse);
        }

        #[test]
        fn a_later_answer_and_a_longer_grace_only_widen_what_is_right(
            written in 0..100_u64, took in 0..100_u64, more in 0..100_u64, grace in 0..100_u64,
        ) {
            let answered = written + took;
            let now = expectation(written, answered, TOKEN, grace, Accept);
            for wider in [
                expectation(written, answered + more, TOKEN, grace, Accept),
                expectation(written, answered, TOKEN, grace + more, Accept),
            ] {
                prop_assert!(wider == now || wider == Either, "{now:?} {wider:?}");
            }
        }
    }
}
