//! The account of requests: each counts once, by its last attempt and by what its answers said together.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use super::account::Account;
use super::evidence::{Findings, attempt_evidence};
use super::excerpt::Quotes;
use super::outcomes::Outcomes;
use crate::record::{Answer, Class, End, Expected, NEVER, Note, RecordAnswer, RequestId, Sent};
use crate::result::{AnswerCount, Requests};

/// The requests of one run: counts, and those that are to be tried again.
#[derive(Debug, Default)]
pub(super) struct RequestLedger {
    counts: Requests,
    outcomes: Outcomes,
    open: HashMap<RequestId, Open>,
    quotes: Quotes,
}

/// A request that is to be tried again.
#[derive(Debug)]
struct Open {
    /// Its latest attempt.
    sent: Sent,
    /// When its first one began to leave.
    first_written_us: u64,
    end: End,
    note: Option<Note>,
    answered_us: u64,
    /// What its answers said together.
    answers: Vec<RecordAnswer>,
    /// Every ack of one of its records, by place in the request.
    acks: HashSet<(u32, RecordAnswer)>,
    /// Records that the latest answer refused.
    refused: u32,
    /// Whether each of its attempts had to be refused.
    all_to_be_refused: bool,
}

impl RequestLedger {
    pub(super) fn new(quotes: Quotes) -> Self {
        Self { quotes, ..Self::default() }
    }

    /// When the first attempt at the request began to leave, where it is not this one.
    pub(super) fn first_written_us(&self, sent: &Sent) -> u64 {
        let before = self.open.get(&sent.request).map(|open| open.first_written_us);
        before.map_or(sent.written_us, |before| before.min(sent.written_us))
    }

    /// Whether an earlier answer has acked the record at `index` of the request just so.
    pub(super) fn has_acked(&self, sent: &Sent, index: u32, ack: RecordAnswer) -> bool {
        self.open.get(&sent.request).is_some_and(|open| open.acks.contains(&(index, ack)))
    }

    /// An attempt ended.
    pub(super) fn attempt(
        &mut self,
        sent: &Sent,
        answer: &Answer<'_>,
        account: &mut Account,
        findings: &mut Findings,
    ) {
        if !sent.again && (self.open.is_empty() || !self.open.contains_key(&sent.request)) {
            let closed = Closed {
                sent,
                first_written_us: sent.written_us,
                answer,
                last_refused: count(sent, answer, is_refused),
                all_to_be_refused: sent.expect == Expected::Refuse,
            };
            self.close(&closed, account, findings);
            return;
        }
        let answers = (0..sent.records).map(|index| answer.get(index as usize));
        let open = self.open.entry(sent.request).or_insert_with(|| Open {
            sent: *sent,
            first_written_us: sent.written_us,
            end: answer.end,
            note: None,
            answered_us: answer.answered_us,
            answers: Vec::new(),
            acks: HashSet::new(),
            refused: 0,
            all_to_be_refused: true,
        });
        open.acks.extend((0..).zip(answers.clone()).filter(|(_, said)| said.is_acked()));
        open.answers = match open.answers.as_slice() {
            [] => answers.collect(),
            before => before.iter().zip(answers).map(|(before, now)| stronger(*before, now)).collect(),
        };
        open.first_written_us = open.first_written_us.min(sent.written_us);
        open.sent = *sent;
        (open.end, open.note, open.answered_us) = (answer.end, answer.note.clone(), answer.answered_us);
        open.refused = count(sent, answer, is_refused);
        open.all_to_be_refused &= sent.expect == Expected::Refuse;
        if !sent.again
            && let Some(open) = self.open.remove(&sent.request)
        {
            self.close_open(&open, account, findings);
        }
    }

    /// Takes in the account of other requests.
    pub(super) fn merge(&mut self, other: Self) {
        let Requests {
            sent,
            accepted,
            refused,
            failed,
            reset,
            timed_out,
            malformed,
            wrongly_refused,
            wrongly_admitted,
        } = other.counts;
        let mine = &mut self.counts;
        mine.sent += sent;
        mine.accepted += accepted;
        mine.refused += refused;
        mine.failed += failed;
        mine.reset += reset;
        mine.timed_out += timed_out;
        mine.malformed += malformed;
        mine.wrongly_refused += wrongly_refused;
        mine.wrongly_admitted += wrongly_admitted;
        self.outcomes.merge(other.outcomes);
        self.open.extend(other.open);
    }

    /// Ends the account: what was to be tried again and was not counts by its last attempt.
    pub(super) fn finish(
        &mut self,
        accounts: &mut [Account],
        findings: &mut Findings,
    ) -> (Requests, Vec<AnswerCount>) {
        let mut open: Vec<Open> = std::mem::take(&mut self.open).into_values().collect();
        open.sort_unstable_by_key(|open| open.sent.request);
        for open in &open {
            if let Some(account) = accounts.get_mut(usize::from(open.sent.request.producer)) {
                self.close_open(open, account, findings);
            }
        }
        (self.counts, std::mem::take(&mut self.outcomes).into_list(&self.quotes))
    }

    fn close_open(&mut self, open: &Open, account: &mut Account, findings: &mut Findings) {
        let answer = Answer {
            answered_us: open.answered_us,
            end: open.end,
            note: open.note.clone(),
            answers: &open.answers,
        };
        let closed = Closed {
            sent: &open.sent,
            first_written_us: open.first_written_us,
            answer: &answer,
            last_refused: open.refused,
            all_to_be_refused: open.all_to_be_refused,
        };
        self.close(&closed, account, findings);
    }

    fn close(&mut self, closed: &Closed<'_>, account: &mut Account, findings: &mut Findings) {
        let Closed { sent, first_written_us, answer, last_refused, all_to_be_refused } = *closed;
        let (acked, refused) = (count(sent, answer, RecordAnswer::is_acked), count(sent, answer, is_refused));
        let quotes = &self.quotes;
        let evidence = |detail| attempt_evidence(sent, first_written_us, answer, quotes, detail);
        let records = sent.records;
        self.counts.sent += 1;
        let class = Class::of(answer.end, acked.into(), refused.into(), records.into());
        *outcome(&mut self.counts, class) += 1;
        self.outcomes.add(sent.request, class, answer.end, answer.note.as_ref());
        if sent.expect == Expected::Accept && last_refused > 0 {
            self.counts.wrongly_refused += 1;
            findings.of_request("requests.wrongly_refused", sent.request, || {
                let token = token_state(sent);
                let detail =
                    format!("{last_refused} of {records} records refused, all had to be accepted{token}");
                evidence(detail)
            });
        }
        if !all_to_be_refused {
            return;
        }
        if acked > 0 {
            self.counts.wrongly_admitted += 1;
            findings.of_request("requests.wrongly_admitted", sent.request, || {
                let token = token_state(sent);
                let detail =
                    format!("{acked} of {records} records acknowledged, all had to be refused{token}");
                evidence(detail)
            });
            return;
        }
        // A record that landed without a word was admitted all the same; after a refusal it is a leak.
        for index in (0..records).filter(|index| answer.get(*index as usize) == RecordAnswer::Unknown) {
            account.denied.insert(sent.first_sequence + u64::from(index));
            account.denied_starts.insert(sent.first_sequence);
        }
    }
}

/// A request of which no attempt is to come.
#[derive(Debug, Clone, Copy)]
struct Closed<'a> {
    /// Its last attempt.
    sent: &'a Sent,
    first_written_us: u64,
    /// How that ended; of the records, what all answers said together.
    answer: &'a Answer<'a>,
    /// Records that the last answer refused.
    last_refused: u32,
    all_to_be_refused: bool,
}

fn is_refused(answer: RecordAnswer) -> bool {
    answer == RecordAnswer::Refused
}

/// Of how many records of an attempt the answer says such.
fn count(sent: &Sent, answer: &Answer<'_>, such: fn(RecordAnswer) -> bool) -> u32 {
    match answer.answers {
        [all] => sent.records * u32::from(such(*all)),
        _ => (0..sent.records).map(|index| u32::from(such(answer.get(index as usize)))).sum(),
    }
}

/// Of two answers for one record the one that binds: an ack over all, the first of several; then doubt over refusal,
/// since the attempt in doubt may have landed.
fn stronger(before: RecordAnswer, now: RecordAnswer) -> RecordAnswer {
    match (before, now) {
        (acked @ RecordAnswer::Acked { .. }, _) | (_, acked @ RecordAnswer::Acked { .. }) => acked,
        (RecordAnswer::Unknown, _) => RecordAnswer::Unknown,
        (RecordAnswer::Refused, now) => now,
    }
}

/// How long the token of a request's last attempt was valid still, or was not any more, as the end of a sentence.
fn token_state(sent: &Sent) -> String {
    let (written, expires) = (sent.written_us, sent.token_expires_us);
    let seconds = Duration::from_micros(written.abs_diff(expires)).as_secs_f64();
    if expires == NEVER {
        String::new()
    } else if expires > written {
        format!("; its token was to expire {seconds:.1} s later")
    } else {
        format!("; its token had expired {seconds:.1} s before")
    }
}

/// The count of the requests that ended so.
fn outcome(requests: &mut Requests, class: Class) -> &mut u64 {
    match class {
        Class::Accepted => &mut requests.accepted,
        Class::Refused => &mut requests.refused,
        Class::Failed => &mut requests.failed,
        Class::Reset => &mut requests.reset,
        Class::TimedOut => &mut requests.timed_out,
        Class::Malformed => &mut requests.malformed,
    }
}
