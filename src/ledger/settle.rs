//! Settling: each record gets its one disposition, each finding its evidence.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::record::{Answer, PartitionRead, RecordId, Sent, Stream, TopicPartition};
use crate::result::{Finding, Records, Requests};

use super::content::Comparison;
use super::evidence::{EXAMPLES, Findings, Name, Told};
use super::levels::Set;
use super::nameless::{Found, digest_of};
use super::place::{Place, Side, StoreError, Unmatched};
use super::recheck::Recheck;
use super::{Ledger, claimed};

/// Tells every attempt of the run once more, as often as it is called, in the order in which they were told.
pub type Replay<'r> = dyn FnMut(&mut dyn FnMut(&Sent, &Answer<'_>)) + 'r;

/// The settled account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    /// Requests by outcome.
    pub requests: Requests,
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
}

/// How far each partition was read, and what that says of a record that was not seen.
struct Coverage<'a> {
    reads: HashMap<TopicPartition, &'a PartitionRead>,
}

impl Coverage<'_> {
    /// Whether everything in the topic was read.
    fn topic_is_complete(&self, topic: u16) -> bool {
        let mut of_topic = self.reads.values().filter(|read| read.at.topic == topic).peekable();
        of_topic.peek().is_some() && of_topic.all(|read| read.is_complete() && read.log_start <= read.from)
    }

    /// Whether a record that was acked at `place` and not seen is proven absent.
    fn proves_absence(&self, place: Place) -> bool {
        let Some(read) = self.reads.get(&place.at) else {
            // The ack names a partition that the topic does not have.
            return self.topic_is_complete(place.at.topic);
        };
        let reached = read.is_complete() || (read.error.is_none() && place.offset < read.to);
        let deleted_meanwhile = place.offset < read.log_start && place.offset >= read.from;
        reached && !deleted_meanwhile
    }
}

/// What is left where acks and copies have not met.
#[derive(Debug, Default)]
struct Leftovers {
    /// Of each producer: records of which an ack was not met.
    unplaced: Vec<Set>,
    /// Of those, the ones that may stand there unseen.
    unproven: Vec<Set>,
    /// Acks of places where something stands without a readable identity.
    disputed: BTreeMap<Place, Vec<RecordId>>,
    /// Records without identity of which an ack was not met, as many as are kept.
    anonymous: Vec<RecordId>,
    /// Records without identity that stand where they were acked.
    met: BTreeSet<RecordId>,
    /// Copies that stand where no ack said, as many as are kept.
    copies: BTreeMap<RecordId, Vec<Place>>,
    copies_kept: usize,
    copies_beyond: u64,
}

/// A kind of finding, with the records that show it.
struct Shown {
    kind: &'static str,
    producer: u16,
    examples: Vec<u64>,
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
        let coverage = Coverage { reads: reads.iter().map(|read| (read.at, read)).collect() };
        let mut findings = std::mem::take(&mut self.findings);
        let requests = self.requests.finish(&mut self.accounts, &mut findings);
        let mut leftovers = self.leftovers(&coverage)?;
        let nobodys = self.settle_by_position(&mut leftovers);
        let unattributed = nobodys.iter().filter(|topic| self.has_anonymous(**topic)).count() as u64;
        let (reordered, not_ordered) = self.reordered(&leftovers, replay);

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
        assert_sums(&records, &requests);
        self.evidence(&records, &admitted, &shown, &leftovers, replay, &mut findings);
        let read_completely = (0..self.topics.len())
            .all(|topic| coverage.topic_is_complete(u16::try_from(topic).unwrap_or(u16::MAX)));
        Ok(Settlement {
            requests,
            records,
            findings: findings.into_list(),
            read_completely,
            order_unverifiable,
            order_unchecked: not_ordered,
            unattributed,
        })
    }

    /// Gathers what has not met.
    fn leftovers(&mut self, coverage: &Coverage<'_>) -> Result<Leftovers, StoreError> {
        let producers = self.accounts.len();
        let mut left = Leftovers {
            unplaced: vec![Set::new(); producers],
            unproven: vec![Set::new(); producers],
            ..Leftovers::default()
        };
        let most = self.join.bounds().apart;
        let nameless = &self.nameless;
        let anonymous: Vec<bool> = (0..producers).map(|producer| self.is_anonymous(producer)).collect();
        self.join.finish(|Unmatched { place, id, side }| {
            let producer = usize::from(id.producer);
            match side {
                Side::Claim if nameless.has(place) => left.disputed.entry(place).or_default().push(id),
                Side::Claim => {
                    left.unplaced[producer].insert(id.sequence);
                    if !coverage.proves_absence(place) {
                        left.unproven[producer].insert(id.sequence);
                    }
                    if anonymous[producer] && left.anonymous.len() < most {
                        left.anonymous.push(id);
                    }
                }
                Side::Landing if left.copies_kept < most => {
                    left.copies.entry(id).or_default().push(place);
                    left.copies_kept += 1;
                }
                Side::Landing => left.copies_beyond += 1,
            }
        })?;
        Ok(left)
    }

    /// Gives each record without a readable identity to a record that was acked and seen nowhere else. What a record
    /// without identity holds, wherever it stands in its topic, is that record, `misplaced` if that is not where it was
    /// acked; of the others, what stands where a record was acked is that record `corrupted`. Returns the topic of each
    /// that belongs to nobody.
    fn settle_by_position(&mut self, left: &mut Leftovers) -> Vec<u16> {
        let mut found: BTreeMap<Place, Found> = self.nameless.drain().collect();
        self.settle_by_content(left, &mut found);
        let mut nobodys = Vec::new();
        for (place, found) in found {
            let claimants = left.disputed.remove(&place).unwrap_or_default();
            let unseen: Vec<RecordId> = claimants.iter().copied().filter(|id| !self.is_found(*id)).collect();
            let owner = found.closest(&unseen, &self.catalogue);
            for id in claimants.iter().filter(|id| Some(**id) != owner) {
                left.unplaced[usize::from(id.producer)].insert(id.sequence);
            }
            let Some(id) = owner else {
                nobodys.push(place.at.topic);
                continue;
            };
            let comparison = found.compare_with(id, &self.catalogue);
            if found.is_vague() && matches!(comparison, Some(Comparison::Different(_))) {
                // It may be the same in other bytes, or not.
                left.unplaced[usize::from(id.producer)].insert(id.sequence);
                left.unproven[usize::from(id.producer)].insert(id.sequence);
                nobodys.push(place.at.topic);
                continue;
            }
            self.join.apart.add(id, place);
            let detail = match comparison {
                Some(Comparison::Different(detail)) => detail,
                _ => "its identity cannot be read".to_owned(),
            };
            let account = &mut self.accounts[usize::from(id.producer)];
            account.copies.add(id.sequence);
            account.corrupted.insert(id.sequence);
            self.damaged(id, format!("{detail}; recognised by its acknowledged position"));
        }
        // What they claimed has turned out to be another's.
        for id in std::mem::take(&mut left.disputed).into_values().flatten() {
            left.unplaced[usize::from(id.producer)].insert(id.sequence);
        }
        nobodys
    }

    /// Finds records without identity by what they hold: at first where they were acked, then anywhere in their topic.
    fn settle_by_content(&mut self, left: &mut Leftovers, found: &mut BTreeMap<Place, Found>) {
        let mut astray = std::mem::take(&mut left.anonymous);
        let disputed = left.disputed.iter().flat_map(|(place, ids)| ids.iter().map(|id| (*place, *id)));
        let disputed: Vec<(Place, RecordId)> =
            disputed.filter(|(_, id)| self.is_anonymous(usize::from(id.producer))).collect();
        for (place, id) in disputed {
            let there = found.get(&place).and_then(|found| found.compare_with(id, &self.catalogue));
            match there {
                Some(Comparison::Same | Comparison::Rewritten) if !self.is_found(id) => {
                    self.join.apart.add(id, place);
                    let account = &mut self.accounts[usize::from(id.producer)];
                    account.copies.add(id.sequence);
                    if there == Some(Comparison::Rewritten) {
                        account.rewritten.insert(id.sequence);
                    }
                    found.remove(&place);
                    left.met.insert(id);
                }
                _ => astray.push(id),
            }
        }
        if astray.is_empty() {
            return;
        }
        let mut pool: HashMap<(u16, u64), Vec<Place>> = HashMap::new();
        for (place, found) in found.iter().rev() {
            pool.entry((place.at.topic, found.digest())).or_default().push(*place);
        }
        astray.sort_unstable();
        for id in astray.into_iter().filter(|id| !left.met.contains(id)) {
            let Some(content) = self.catalogue.content(id).filter(|_| !self.is_found(id)) else { continue };
            let holds = (self.topic_of(usize::from(id.producer)), digest_of(&content));
            let Some(place) = pool.get_mut(&holds).and_then(Vec::pop) else { continue };
            found.remove(&place);
            left.copies.entry(id).or_default().push(place);
            left.unplaced[usize::from(id.producer)].insert(id.sequence);
            self.accounts[usize::from(id.producer)].copies.add(id.sequence);
        }
        // Who was found is no claimant any more.
        for claimants in left.disputed.values_mut() {
            claimants.retain(|id| {
                let producer = usize::from(id.producer);
                let elsewhere = self.is_anonymous(producer) && self.is_found(*id) && !left.met.contains(id);
                if elsewhere {
                    left.unplaced[producer].insert(id.sequence);
                }
                !elsewhere && !left.met.contains(id)
            });
        }
    }

    fn is_found(&self, id: RecordId) -> bool {
        self.accounts[usize::from(id.producer)].copies.has(1, id.sequence)
    }

    /// Of each producer the records that stand before an earlier one of their key; and how many could not be judged.
    fn reordered(&mut self, left: &Leftovers, replay: &mut Replay<'_>) -> (Vec<Set>, u64) {
        let mut apart = self.join.take_apart();
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
        (sets, apart.beyond + left.copies_beyond)
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
        if !self.is_anonymous(producer) && coverage.topic_is_complete(self.topic_of(producer)) {
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
            examples: set.iter().take(EXAMPLES).collect(),
        }));
    }

    /// Requests that had to be refused, that no answer admitted, and of which a record landed without a word.
    fn admitted_unanswered(&self) -> Vec<RecordId> {
        let mut admitted = BTreeSet::new();
        for (producer, account) in (0_u16..).zip(&self.accounts) {
            let landed = &account.denied & &account.copies.all();
            for sequence in &landed - &account.acked {
                // The request began with the nearest start before it.
                let number = account.denied_starts.rank(sequence);
                if let Some(start) = number.checked_sub(1).and_then(|n| account.denied_starts.select(n)) {
                    admitted.insert(RecordId { producer, sequence: start });
                }
            }
        }
        admitted.into_iter().collect()
    }

    /// Has the attempts told once more, for the evidence of what is shown.
    fn evidence(
        &self,
        records: &Records,
        admitted: &[RecordId],
        shown: &[Shown],
        left: &Leftovers,
        replay: &mut Replay<'_>,
        findings: &mut Findings,
    ) {
        let counts = [
            ("records.lost", records.lost),
            ("records.leaked", records.leaked),
            ("records.corrupted", records.corrupted),
            ("records.duplicated", records.duplicated),
            ("records.misplaced", records.misplaced),
            ("records.reordered", records.reordered),
            ("requests.wrongly_admitted", admitted.len() as u64),
        ];
        for (kind, count) in counts {
            findings.count(kind, count);
        }
        let admitted = &admitted[..admitted.len().min(EXAMPLES)];
        let of_kind = |shown: &Shown| {
            let producer = shown.producer;
            shown.examples.iter().map(move |sequence| RecordId { producer, sequence: *sequence }).collect()
        };
        let examples: Vec<(&str, Vec<RecordId>)> =
            shown.iter().map(|shown| (shown.kind, of_kind(shown))).collect();
        let mut wanted: BTreeMap<RecordId, Option<Told>> = examples
            .iter()
            .flat_map(|(_, ids)| ids.iter().copied())
            .chain(admitted.iter().copied())
            .map(|id| (id, None))
            .collect();
        if wanted.is_empty() {
            return;
        }
        replay(&mut |sent, answer| {
            let first = RecordId { producer: sent.request.producer, sequence: sent.first_sequence };
            let last = RecordId { sequence: sent.first_sequence + u64::from(sent.records), ..first };
            for (id, told) in wanted.range_mut(first..last) {
                let index = usize::try_from(id.sequence - first.sequence).unwrap_or(usize::MAX);
                let said = answer.get(index);
                let claim = claimed(self.topic_of(usize::from(id.producer)), said);
                told.get_or_insert_with(|| Told::new(sent)).attempt(sent, answer, said, claim);
            }
        });
        for (kind, ids) in examples {
            for id in ids {
                let Some(Some(told)) = wanted.get(&id) else { continue };
                let found = self.found_at(id, told, left);
                let detail = self.detail(kind, id, told, &found);
                findings.example(kind, Name::Record(id), || {
                    told.evidence(id, &found, detail, |place| self.place_name(place))
                });
            }
        }
        for id in admitted {
            let Some(Some(told)) = wanted.get(id) else { continue };
            findings.example("requests.wrongly_admitted", Name::Request(told.request), || {
                let detail = "without an answer that says so: records of it landed, all had to be refused";
                let mut evidence = told.evidence(*id, &[], detail.into(), |place| self.place_name(place));
                evidence.record = None;
                evidence
            });
        }
    }

    /// Where copies of a record stand, as far as it is known.
    fn found_at(&self, id: RecordId, told: &Told, left: &Leftovers) -> Vec<Place> {
        let producer = usize::from(id.producer);
        let found = self.accounts[producer].copies.has(1, id.sequence);
        let met = found && !left.unplaced[producer].contains(id.sequence);
        let mut places: Vec<Place> = told.claimed.filter(|_| met).into_iter().collect();
        places.extend(left.copies.get(&id).into_iter().flatten());
        places
    }

    fn detail(&self, kind: &str, id: RecordId, told: &Told, found: &[Place]) -> String {
        let producer = usize::from(id.producer);
        match kind {
            "records.lost" => "acknowledged, and nowhere in the topic".into(),
            "records.leaked" => "refused, and in the topic all the same".into(),
            "records.corrupted" => {
                self.damage.get(&id).cloned().unwrap_or_else(|| "another content than was sent".into())
            }
            "records.duplicated" => {
                let copies = self.accounts[producer].copies.count(id.sequence);
                let kind = if copies > told.attempts as usize {
                    "beyond_attempts: the path made copies"
                } else {
                    "within_attempts: explicable by retries"
                };
                format!("{copies} copies of {} attempts, {kind}", told.attempts)
            }
            "records.misplaced" => {
                let topic = self.topic_of(producer);
                match told.claimed.filter(|place| !found.contains(place)) {
                    Some(place) => format!("acknowledged at {}, where it is not", self.place_name(place)),
                    None if found.iter().any(|place| place.at.topic != topic) => {
                        format!("sent to topic {}, found in another", self.topic_name(topic))
                    }
                    None => match self.terms[producer].partition {
                        Some(wanted) => format!("sent to partition {wanted}, found in another"),
                        None => "not in every place where it was acknowledged".into(),
                    },
                }
            }
            _ => "stands before an earlier record of its key".into(),
        }
    }
}

/// How many records have more copies than they had attempts.
fn beyond_attempts(account: &super::account::Account, sent: &Set) -> u64 {
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

fn assert_sums(records: &Records, requests: &Requests) {
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
}

#[cfg(test)]
mod histories;
#[cfg(test)]
mod tests;
