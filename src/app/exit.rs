//! Exit codes and which of them wins.

use crate::result::Verdict;

use super::run::Interrupt;

/// All checks hold.
pub const PASS: u8 = 0;
/// A check does not hold, or something was found.
pub const FAIL: u8 = 1;
/// The command line, the scenario, or a file that it names is wrong.
pub const USAGE: u8 = 2;
/// The path could not be brought up, or was lost.
pub const STACK: u8 = 3;
/// The figures decide nothing: invalid or inconclusive.
pub const UNDECIDED: u8 = 4;
/// Stopped by SIGINT.
pub const INTERRUPTED: u8 = 130;
/// Stopped by SIGTERM.
pub const TERMINATED: u8 = 143;

/// The code of a signal.
#[must_use]
pub fn of_interrupt(interrupt: Interrupt) -> u8 {
    match interrupt {
        Interrupt::Interrupted => INTERRUPTED,
        Interrupt::Terminated => TERMINATED,
    }
}

/// The code of a run that gave a result: a signal goes before a failure, a failure before a lost path, that before
/// a verdict that decides nothing.
#[must_use]
pub fn of_run(interrupt: Option<Interrupt>, verdict: Verdict, stack_lost: bool) -> u8 {
    match (interrupt, verdict) {
        (Some(interrupt), _) => of_interrupt(interrupt),
        (None, Verdict::Fail) => FAIL,
        (None, _) if stack_lost => STACK,
        (None, Verdict::Invalid | Verdict::Inconclusive) => UNDECIDED,
        (None, Verdict::Pass) => PASS,
    }
}

/// The code of a run whose result could not be written: what goes before a usage error stays.
#[must_use]
pub fn unwritten(code: u8) -> u8 {
    match code {
        FAIL | INTERRUPTED | TERMINATED => code,
        _ => USAGE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gravest_wins() {
        let (int, term) = (Some(Interrupt::Interrupted), Some(Interrupt::Terminated));
        assert_eq!([of_run(int, Verdict::Fail, true), of_run(term, Verdict::Pass, false)], [130, 143]);
        assert_eq!([of_run(None, Verdict::Fail, true), of_run(None, Verdict::Fail, false)], [1, 1]);
        assert_eq!([of_run(None, Verdict::Invalid, true), of_run(None, Verdict::Pass, true)], [3, 3]);
        assert_eq!(
            [of_run(None, Verdict::Invalid, false), of_run(None, Verdict::Inconclusive, false)],
            [4, 4]
        );
        assert_eq!(of_run(None, Verdict::Pass, false), 0);
    }

    #[test]
    fn an_unwritten_result_is_a_usage_error_below_a_failure_only() {
        assert_eq!([0, 1, 3, 4, 130, 143].map(unwritten), [2, 1, 2, 2, 130, 143]);
    }
}
