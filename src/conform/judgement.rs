//! What is made of what is seen.

use std::time::Duration;

use super::case::{Case, Expected, Level, Need, Probe, Refusal, Step};
use super::observation::{Observation, Outcome};

/// How a case came out, the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grade {
    /// As it has to be.
    Passed,
    /// Not as it ought to be.
    Warned,
    /// Not as it must be.
    Failed,
}

/// What is made of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// How it came out.
    pub grade: Grade,
    /// What is wrong, in sentences.
    pub reasons: Vec<String>,
    /// What is worth knowing and not wrong.
    pub notes: Vec<String>,
}

/// How often keys were fetched while requests came that each gave reason to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fetches {
    /// How often.
    pub count: u64,
    /// How many requests there were.
    pub requests: usize,
    /// Copies of the authorizer, each of which fetches for itself.
    pub copies: usize,
    /// How long the requests took together.
    pub took: Duration,
}

impl Fetches {
    /// What is wrong with that where there must be a cool-down between a copy's fetches, in a sentence; `None`: nothing.
    ///
    /// # Errors
    /// [`Need::CoolDown`], where the requests took so long that nobody could have fetched too often.
    pub fn within(self, cool_down: Duration) -> Result<Option<String>, Need> {
        let Self { count, requests, copies, took } = self;
        // By each copy one at once, and one for each cool-down that has begun meanwhile.
        let by_one = 1 + took.as_millis().div_ceil(cool_down.as_millis().max(1));
        let most = by_one.saturating_mul(copies as u128);
        if u128::from(count) > most {
            return Ok(Some(format!(
                "the key set was fetched {count} times, and a cool-down of {cool_down:?} lets it be {most} times"
            )));
        }
        // One that fetches for each request would not have fetched more often.
        if most >= requests as u128 { Err(Need::CoolDown) } else { Ok(None) }
    }
}

/// Judges a case by what was seen of its probes, in their order, and by the `complaints` of its other steps.
///
/// What leaks, breaks, calls out or repeats a token fails, whatever the case's level says: that is never a matter of taste.
/// What is let in, and a good token that is refused, weigh as much as the case, and are never only noted; another status
/// than the one expected is a warning.
#[must_use]
pub fn judge(case: &Case, seen: &[Observation], complaints: Vec<String>) -> Judgement {
    let mut judgement = Judgement { grade: Grade::Passed, reasons: Vec::new(), notes: Vec::new() };
    let probes = case.steps.iter().filter_map(|step| match step {
        Step::Send(probe) => Some(probe.as_ref()),
        Step::Do(_) => None,
    });
    for (probe, seen) in probes.zip(seen) {
        judgement.probe(case.level, probe, seen);
    }
    for complaint in complaints {
        judgement.wrong(case.level, complaint);
    }
    judgement
}

impl Judgement {
    fn wrong(&mut self, level: Level, reason: String) {
        let grade = match level {
            Level::Must => Grade::Failed,
            Level::Should => Grade::Warned,
            Level::May => {
                self.notes.push(reason);
                return;
            }
        };
        self.grade = self.grade.max(grade);
        self.reasons.push(reason);
    }

    fn probe(&mut self, level: Level, probe: &Probe, seen: &Observation) {
        let came = seen.in_words();
        let what = &probe.what;
        let landed = seen.landed.unwrap_or(0);
        if seen.echoed {
            let text = format!("{what}: the answer repeats the token");
            if probe.may_echo { self.notes.push(text) } else { self.wrong(Level::Must, text) }
        }
        if !seen.calls.is_empty() {
            let calls = seen.calls.join(", ");
            self.wrong(
                Level::Must,
                format!("{what}: the target called out to where the token pointed ({calls})"),
            );
        }
        if landed > 1 {
            self.wrong(Level::Must, format!("{what}: its record landed {landed} times"));
        }
        match &seen.outcome {
            Outcome::Silence => {
                let seconds = seen.took_us / 1_000_000;
                return self.wrong(Level::Must, format!("{what}: no answer within {seconds} s"));
            }
            Outcome::Broken(how) if !probe.may_break => {
                return self.wrong(Level::Must, format!("{what}: no answer: {how}"));
            }
            Outcome::Broken(_) | Outcome::Answered { .. } => {}
        }
        let told = seen.told.iter().flatten().filter(|(_, value)| probe.not_of.contains(value));
        for (name, value) in told {
            self.wrong(
                level.max(Level::Should),
                format!("{what}: `{name}` says that the caller is `{value}`, which is another"),
            );
        }
        let accepted = seen.status().is_some_and(|status| (200..300).contains(&status));
        let failed = seen.status().is_some_and(|status| status >= 500);
        if accepted && seen.told.is_none() && !probe.not_of.is_empty() {
            self.notes.push(format!("{what}: what the back end was told of the caller could not be seen"));
        }
        if landed > 0 && seen.status().is_some() && !accepted {
            self.wrong(Level::Must, format!("{what}: was refused with {came}, and its record landed"));
        }
        match probe.expected {
            Expected::Accepted if !accepted => {
                self.wrong(level, format!("{what}: had to be accepted, and got {came}"));
            }
            Expected::Accepted if !matches!(seen.outcome, Outcome::Answered { acked: true, .. }) => {
                self.wrong(level, format!("{what}: its record was not acknowledged"));
            }
            Expected::Accepted if seen.landed == Some(0) => {
                self.wrong(Level::Must, format!("{what}: was acknowledged, and its record did not land"));
            }
            Expected::Refused(_) | Expected::NotAccepted if accepted => {
                self.wrong(level.max(Level::Should), format!("{what}: had to be refused, and was accepted"));
            }
            Expected::Accepted | Expected::NotAccepted => {}
            Expected::Refused(_) | Expected::Either if failed => {
                self.wrong(Level::Must, format!("{what}: the token made the path fail: {came}"));
            }
            Expected::Refused(refusal) => {
                let behind = matches!(seen.outcome, Outcome::Answered { from_behind: true, .. });
                let right = |status: &u16| refusal.is(*status) && !(behind && refusal != Refusal::Anyhow);
                if let Some(status) = seen.status().filter(|status| !right(status)) {
                    let who = if behind { " by the proxy" } else { "" };
                    let wanted = refusal.in_words();
                    let reason = format!("{what}: was refused{who} with {status}, and {wanted} is expected");
                    // The authorizer let it pass if somebody behind it refused.
                    let passed = behind || !matches!(status, 400..=403 | 413 | 414 | 431);
                    self.wrong(if passed { level } else { level.min(Level::Should) }, reason);
                }
            }
            Expected::Either
                if accepted && !matches!(seen.outcome, Outcome::Answered { acked: true, .. }) =>
            {
                self.wrong(Level::Should, format!("{what}: its record was not acknowledged"));
            }
            Expected::Either | Expected::Anything if accepted && seen.landed == Some(0) => {
                self.wrong(Level::Must, format!("{what}: was acknowledged, and its record did not land"));
            }
            Expected::Either | Expected::Anything => self.notes.push(format!("{what}: {came}")),
        }
    }
}

impl Refusal {
    fn is(self, status: u16) -> bool {
        match self {
            Self::Unauthorized => status == 401,
            Self::Forbidden => status == 403,
            Self::Anyhow => (400..500).contains(&status),
        }
    }

    fn in_words(self) -> &'static str {
        match self {
            Self::Unauthorized => "401",
            Self::Forbidden => "403",
            Self::Anyhow => "a status from 400 to 499",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fetches_are_held_against_the_cool_down_of_each_copy() {
        let second = Duration::from_secs(1);
        let fetches =
            |count, copies, took| Fetches { count, requests: 25 * copies, copies, took }.within(second);
        // One at once, and one for each second that has begun.
        assert_eq!(fetches(2, 1, second), Ok(None));
        assert!(fetches(3, 1, second).unwrap().unwrap().contains("was fetched 3 times"));
        assert_eq!(fetches(4, 2, second), Ok(None));
        assert!(fetches(25, 1, second).unwrap().is_some(), "for each request");
        // In so long a time each request may have fetched.
        assert_eq!(fetches(25, 1, second * 24), Err(Need::CoolDown));
        assert_eq!(fetches(2, 2, second * 24), Err(Need::CoolDown));
        assert_eq!(fetches(1, 1, second * 23), Ok(None));
    }

    fn probe(expected: Expected) -> Probe {
        Probe {
            what: "it".into(),
            method: "POST",
            target: "/topics/t".into(),
            headers: Vec::new(),
            body: String::new(),
            marker: "m".into(),
            secrets: Vec::new(),
            trap: None,
            may_break: false,
            from_root: false,
            may_echo: false,
            not_of: Vec::new(),
            expected,
        }
    }

    fn answered(status: u16, landed: Option<u64>) -> Observation {
        let outcome = Outcome::Answered {
            status,
            error_type: None,
            excerpt: String::new(),
            acked: (200..300).contains(&status),
            from_behind: false,
        };
        Observation { outcome, took_us: 5_000_000, echoed: false, landed, calls: Vec::new(), told: None }
    }

    fn graded(level: Level, expected: Expected, seen: Observation) -> (Grade, String) {
        judged(level, probe(expected), seen)
    }

    fn case(level: Level, probe: Probe) -> Case {
        Case {
            id: "auth/01-x/y".into(),
            title: "x".into(),
            what: "y".into(),
            level,
            sources: Vec::new(),
            needs: Vec::new(),
            shows: Vec::new(),
            steps: vec![Step::Send(Box::new(probe))],
            slow: false,
        }
    }

    fn judged(level: Level, probe: Probe, seen: Observation) -> (Grade, String) {
        let judgement = judge(&case(level, probe), &[seen], Vec::new());
        (judgement.grade, judgement.reasons.join("; "))
    }

    const UNAUTHORIZED: Expected = Expected::Refused(Refusal::Unauthorized);
    const ANYHOW: Expected = Expected::Refused(Refusal::Anyhow);

    #[test]
    fn what_is_as_it_must_be_passes() {
        for (expected, status, landed) in [
            (Expected::Accepted, 200, 1),
            (UNAUTHORIZED, 401, 0),
            (Expected::Refused(Refusal::Forbidden), 403, 0),
            (ANYHOW, 413, 0),
            (Expected::NotAccepted, 500, 0),
            (Expected::Either, 401, 0),
            (Expected::Either, 200, 1),
            (Expected::Anything, 500, 0),
            (Expected::Anything, 200, 1),
        ] {
            let seen = graded(Level::Must, expected, answered(status, Some(landed)));
            assert_eq!(seen, (Grade::Passed, String::new()), "{expected:?} {status}");
        }
    }

    #[test]
    fn what_is_let_in_fails_and_what_ought_not_be_warns() {
        let let_in = "it: had to be refused, and was accepted";
        assert_eq!(
            graded(Level::Must, UNAUTHORIZED, answered(200, Some(1))),
            (Grade::Failed, let_in.to_owned())
        );
        assert_eq!(graded(Level::Should, UNAUTHORIZED, answered(200, None)).0, Grade::Warned);
        assert_eq!(graded(Level::May, UNAUTHORIZED, answered(200, None)).0, Grade::Warned);
    }

    #[test]
    fn a_refused_record_that_lands_fails_at_any_level() {
        let (grade, reason) = graded(Level::Should, UNAUTHORIZED, answered(401, Some(1)));
        assert_eq!(
            (grade, reason.as_str()),
            (Grade::Failed, "it: was refused with 401, and its record landed")
        );
        assert_eq!(graded(Level::May, Expected::Either, answered(401, Some(1))).0, Grade::Failed);
        let (grade, reason) = graded(Level::May, Expected::Accepted, answered(200, Some(0)));
        assert_eq!((grade, reason.contains("did not land")), (Grade::Failed, true));
        assert_eq!(graded(Level::May, Expected::Accepted, answered(200, Some(2))).0, Grade::Failed);
    }

    #[test]
    fn an_error_or_silence_fails_at_any_level() {
        assert_eq!(graded(Level::May, UNAUTHORIZED, answered(500, Some(0))).0, Grade::Failed);
        assert_eq!(graded(Level::May, Expected::Either, answered(502, Some(0))).0, Grade::Failed);
        let silent = Observation { outcome: Outcome::Silence, ..answered(0, Some(0)) };
        assert_eq!(graded(Level::May, ANYHOW, silent).1, "it: no answer within 5 s");
        let broken = Observation { outcome: Outcome::Broken("reset".into()), ..answered(0, Some(0)) };
        assert_eq!(graded(Level::May, UNAUTHORIZED, broken.clone()).0, Grade::Failed);
        assert_eq!(graded(Level::Must, ANYHOW, broken.clone()).0, Grade::Failed);
        let long = Probe { may_break: true, ..probe(ANYHOW) };
        assert_eq!(judged(Level::Must, long, broken).0, Grade::Passed);
    }

    #[test]
    fn another_refusal_is_a_warning_but_not_one_from_behind_the_authorizer() {
        let (grade, reason) = graded(Level::Must, UNAUTHORIZED, answered(403, Some(0)));
        assert_eq!(
            (grade, reason.as_str()),
            (Grade::Warned, "it: was refused with 403, and 401 is expected")
        );
        assert_eq!(
            graded(Level::Must, Expected::Refused(Refusal::Forbidden), answered(404, None)).0,
            Grade::Failed
        );
    }

    #[test]
    fn what_the_proxy_refuses_the_authorizer_has_let_pass() {
        let mut seen = answered(403, Some(0));
        if let Outcome::Answered { from_behind, .. } = &mut seen.outcome {
            *from_behind = true;
        }
        let (grade, reason) = graded(Level::Must, Expected::Refused(Refusal::Forbidden), seen.clone());
        assert_eq!((grade, reason.contains("by the proxy")), (Grade::Failed, true));
        assert_eq!(graded(Level::Must, ANYHOW, seen).0, Grade::Passed);
    }

    #[test]
    fn what_calls_out_or_repeats_a_token_fails() {
        let called = Observation { calls: vec!["GET /x".into()], ..answered(401, Some(0)) };
        assert_eq!(graded(Level::Should, UNAUTHORIZED, called).0, Grade::Failed);
        let echoed = Observation { echoed: true, ..answered(401, Some(0)) };
        assert_eq!(graded(Level::Should, UNAUTHORIZED, echoed).0, Grade::Failed);
    }

    #[test]
    fn who_is_told_to_be_another_is_never_only_noted() {
        let apart = || Probe { not_of: vec!["bank".to_owned()], ..probe(Expected::Accepted) };
        let seen = |value: &str| {
            let told = Some(vec![("x-tenant".to_owned(), value.to_owned())]);
            judged(Level::May, apart(), Observation { told, ..answered(200, Some(1)) })
        };
        assert_eq!(seen("shop"), (Grade::Passed, String::new()));
        let sentence = "it: `x-tenant` says that the caller is `bank`, which is another";
        assert_eq!(seen("bank"), (Grade::Warned, sentence.to_owned()));
        let unseen = judge(&case(Level::May, apart()), &[answered(200, Some(1))], Vec::new());
        assert!(unseen.grade == Grade::Passed && unseen.notes[0].contains("could not be seen"), "{unseen:?}");
    }
}
