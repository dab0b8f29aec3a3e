//! Settling: each record gets its one disposition, each finding its evidence.

use crate::record::{Answer, PartitionRead, RecordId, Sent, Stream};
use crate::result::{AnswerCount, Finding, Records, Requests};

use super::Ledger;
use super::account::Account;
use super::coverage::Coverage;
use super::evidence::Findings;
use super::leftovers::Leftovers;
use super::levels::Set;
use super::place::StoreError;
use super::recheck::Recheck;
use super::show::Shown;

/// Tells every attempt of the run once more, as often as it is called, in the order in which they were told.
pub type Replay<'r> = dyn FnMut(&mut dyn FnMut(&Sent, &Answer<'_>)) + 'r;

/// The settled account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    /// Requests by outcome.
    pub requests: Requests,
    /// The same requests by who answered how.
    pub answers: Vec<AnswerCount>,
    /// Records by disposition, and flags.
    pub records: Records,
    /// What was found, the gravest first, with evidence.
    pub findings: Vec<Finding>,
    /// Whether every partition of every topic was read up to its high watermark: only then does an absent
    /// record's absence mean anything.
    pub read_completely: bool,
    /// Records whose order could not be checked, since their key carries the identity.
    pub order_unverifiable: u64,
    /// Records whose order was not checked, since too many came neither in the order of their offsets nor in time.
    pub order_unchecked: u64,
    /// Records in topics of workloads without identities that belong to no ack: other producers', or copies and
    /// leaks that cannot be told from theirs.
    pub unattributed: u64,
    /// Records of which it is not known whether they were sent; they count as sent, and as unknown.
    pub perhaps_sent: u64,
    /// Of these, the ones that were found.
    pub perhaps_landed: u64,
}

impl Ledger {
    /// Settles the account. `reads` says how far each partition of the run's topics was read; a partition
    /// that is missing counts as unread. `replay` is asked for the attempts where there is something to show.
    ///
    /// # Errors
    /// [`StoreError`] where what was put aside cannot be read back: nothing can be said then.
    ///
    /// # Panics
    /// If the sums of the dispositions do not add up: a bug of the ledger's own, after which no verdict
    /// could be trusted.
    pub fn settle(
        mut self,
        reads: &[PartitionRead],
        replay: &mut Replay<'_>,
    ) -> Result<Settlement, StoreError> {
        let coverage = Coverage::new(reads);
        let mut findings = std::mem::replace(&mut self.findings, Findings::new(0));
        let (requests, answers) = self.requests.finish(&mut self.accounts, &mut findings);
        let mut leftovers = self.leftovers(&coverage)?;
        let nobodys = self.attribute(&mut leftovers);
        let unattributed = nobodys.iter().filter(|topic| self.has_anonymous(**topic)).count() as u64;
        let (reordered, not_ordered) = self.reordered(&leftovers, replay)?;

        let mut records = Records { foreign: self.foreign + nobodys.len() as u64, ..Records::default() };
        let mut order_unverifiable = 0;
        let mut shown = Vec::new();
        for (producer, reordered) in reordered.iter().enumerate() {
            self.count(producer, &coverage, &leftovers, reordered, &mut records, &mut shown);
            if !self.catalogue.streams()[producer].order_is_verifiable() {
                let account = &self.accounts[producer];
                order_unverifiable += account.copies.at_least(1).map_or(0, |found| {
                    account.attempts.at_least(1).map_or(0, |sent| sent.intersection_len(found))
                });
            }
        }
        let mut requests = requests;
        let admitted = self.admitted_unanswered();
        requests.wrongly_admitted += admitted.len() as u64;
        assert_sums(&records, &requests, &answers);
        self.evidence(&records, &admitted, &shown, &leftovers, replay, &mut findings);
        let read_completely = (0..self.topics.len())
            .all(|topic| coverage.topic_is_complete(u16::try_from(topic).unwrap_or(u16::MAX)));
        Ok(Settlement {
            requests,
            answers,
            records,
            findings: findings.into_list(),
            read_completely,
            order_unverifiable,
            order_unchecked: not_ordered,
            unattributed,
            perhaps_sent: self.accounts.iter().map(|account| account.perhaps.len()).sum(),
            perhaps_landed: self.accounts.iter().map(Account::perhaps_found).sum(),
        })
    }

    /// Of each producer the records that stand before an earlier one of their key; and how many could not be judged.
    fn reordered(
        &mut self,
        left: &Leftovers,
        replay: &mut Replay<'_>,
    ) -> Result<(Vec<Set>, u64), StoreError> {
        let mut apart = if self.join.order_is_open() {
            self.overtaken(&left.unplaced, replay)?
        } else {
            self.join.take_apart()
        };
        for (id, places) in &left.copies {
            let producer = usize::from(id.producer);
            let account = &self.accounts[producer];
            let placed = account.acked.contains(id.sequence)
                && !account.nowhere.contains(id.sequence)
                && !left.unplaced[producer].contains(id.sequence);
            // A copy beside the one that was acked, and a record of somebody else's run, have no order to keep.
            let orderly = self.catalogue.stream(id.producer).is_some_and(Stream::order_is_verifiable);
            if orderly && !placed && account.attempts.has(1, id.sequence) {
                for place in places {
                    apart.add(*id, *place);
                }
            }
        }
        let mut sets: Vec<Set> = vec![Set::new(); self.accounts.len()];
        if !apart.places.is_empty() || self.accounts.iter().any(|account| !account.swapped.is_empty()) {
            let mut recheck = Recheck::new(&self.catalogue, &self.accounts, &apart.places, &left.unplaced);
            replay(&mut |sent, answer| recheck.attempt(sent, answer));
            if recheck.prepare() {
                replay(&mut |sent, answer| recheck.attempt_again(sent, answer));
            }
            for id in recheck.finish() {
                sets[usize::from(id.producer)].insert(id.sequence);
            }
        }
        Ok((sets, apart.beyond + left.copies_beyond))
    }

    /// Counts one producer's records.
    fn count(
        &self,
        producer: usize,
        coverage: &Coverage<'_>,
        left: &Leftovers,
        reordered: &Set,
        records: &mut Records,
        shown: &mut Vec<Shown>,
    ) {
        let account = &self.accounts[producer];
        let (sent, found) = (account.attempts.all(), account.copies.all());
        // A record that was read but never sent: its identity is this run's, so a copy of an earlier run under the
        // same id stood in the topic.
        let strangers = |times| account.copies.at_least(times).map_or(0, |set| set.difference_len(&sent));
        records.foreign += (1..=account.copies.highest()).map(strangers).sum::<u64>();

        let refused = &account.refused - &account.acked - &account.doubted;
        let unknown = &sent - &account.acked - &refused;
        records.sent += sent.len();
        records.acked += account.acked.len();
        records.unpositioned += account.nowhere.len();
        records.refused += refused.len();
        records.unknown += unknown.len();
        records.landed += account.acked.intersection_len(&found);
        records.unknown_landed += unknown.intersection_len(&found);
        records.unknown_absent += unknown.difference_len(&found);
        let leaked = &refused & &found;
        records.leaked += leaked.len();
        records.absent += refused.len() - leaked.len();

        let missing = &account.acked - &found;
        let somewhere = &missing & &left.unplaced[producer];
        let mut lost = &somewhere - &left.unproven[producer];
        // Without identity and position there is nothing to look for.
        if !self.is_anonymous(producer) && coverage.proves_absence_in(self.topic_of(producer)) {
            lost |= &missing - &somewhere;
        }
        records.lost += lost.len();
        records.unverifiable += missing.len() - lost.len();

        let duplicated = account.copies.at_least(2).map(|set| set & &sent).unwrap_or_default();
        records.duplicated += duplicated.len();
        records.duplicated_beyond_attempts += beyond_attempts(account, &sent);
        let corrupted = &account.corrupted & &sent;
        records.corrupted += corrupted.len();
        records.rewritten += (&account.rewritten & &sent).difference_len(&corrupted);
        let misplaced = ((&left.unplaced[producer] & &found) | &account.strayed) & &sent;
        records.misplaced += misplaced.len();
        records.reordered += reordered.len();
        let kinds: [(&str, &Set); 6] = [
            ("records.lost", &lost),
            ("records.leaked", &leaked),
            ("records.corrupted", &corrupted),
            ("records.duplicated", &duplicated),
            ("records.misplaced", &misplaced),
            ("records.reordered", reordered),
        ];
        let producer = u16::try_from(producer).unwrap_or(u16::MAX);
        shown.extend(kinds.into_iter().filter(|(_, set)| !set.is_empty()).map(|(kind, set)| Shown {
            kind,
            producer,
            examples: set.iter().take(self.quotes.examples).collect(),
        }));
    }

    /// Requests that had to be refused, that no answer admitted, and of which a record landed without a word.
    fn admitted_unanswered(&self) -> Vec<RecordId> {
        let mut admitted = Vec::new();
        for (producer, account) in (0_u16..).zip(&self.accounts) {
            let landed = &account.denied & &account.copies.all();
            let mut starts = account.denied_starts.iter().peekable();
            let mut start = None;
            for sequence in &landed - &account.acked {
                // The request began with the nearest start up to here.
                while let Some(next) = starts.next_if(|next| *next <= sequence) {
                    start = Some(next);
                }
                let request = start.map(|sequence| RecordId { producer, sequence });
                admitted.extend(request.filter(|request| admitted.last() != Some(request)));
            }
        }
        admitted
    }
}

/// How many records have more copies than they had attempts.
fn beyond_attempts(account: &Account, sent: &Set) -> u64 {
    let mut beyond = Set::new();
    for attempts in 1..account.copies.highest() {
        let Some(copies) = account.copies.at_least(attempts + 1) else { break };
        let more = copies & sent;
        beyond |= match account.attempts.at_least(attempts + 1) {
            Some(tried_again) => more - tried_again,
            None => more,
        };
    }
    beyond.len()
}

fn assert_sums(records: &Records, requests: &Requests, answers: &[AnswerCount]) {
    let r = records;
    assert_eq!(r.sent, r.acked + r.refused + r.unknown, "sent = acked + refused + unknown");
    assert_eq!(r.acked, r.landed + r.lost + r.unverifiable, "acked = landed + lost + unverifiable");
    assert_eq!(r.refused, r.leaked + r.absent, "refused = leaked + absent");
    assert_eq!(r.unknown, r.unknown_landed + r.unknown_absent, "unknown = unknown landed + unknown absent");
    let q = requests;
    assert_eq!(
        q.sent,
        q.accepted + q.refused + q.failed + q.reset + q.timed_out + q.malformed,
        "requests by outcome"
    );
    assert_eq!(
        q.sent,
        answers.iter().map(|answer| answer.requests).sum::<u64>(),
        "requests by who answered how"
    );
}

#[cfg(test)]
mod histories;
#[cfg(test)]
mod tests;
