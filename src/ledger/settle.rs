//! Settling: each record gets its one disposition, each finding its evidence.

use std::collections::HashMap;
use std::time::Duration;

use crate::record::{
    Class, End, Expected, Format, Landed, NEVER, PartitionRead, RecordAnswer, RecordId, Stream,
    TopicPartition, UNANSWERED,
};
use crate::result::{Finding, Records, Requests};

use super::content::{Comparison, compare, distance};
use super::evidence::Findings;
use super::order::{Ordered, overtakers};
use super::{Ledger, Place, RecordState, RequestState, hash};

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

    /// Whether a record that was acked at `place` (or nowhere in particular) and not seen is proven absent.
    fn proves_absence(&self, topic: u16, place: Option<Place>) -> bool {
        let Some(place) = place else { return self.topic_is_complete(topic) };
        let Some(read) = self.reads.get(&place.at) else {
            // The ack names a partition that the topic does not have.
            return self.topic_is_complete(topic);
        };
        let reached = read.is_complete() || (read.error.is_none() && place.offset < read.to);
        let deleted_meanwhile = place.offset < read.log_start && place.offset >= read.from;
        reached && !deleted_meanwhile
    }
}

impl Ledger {
    /// Settles the account. `reads` says how far each partition of the run's topics was read; a partition
    /// that is missing counts as unread. `readable` is told, for each record found, the microseconds from
    /// written to seen.
    ///
    /// # Panics
    /// If the sums of the dispositions do not add up: a bug of the ledger's own, after which no verdict
    /// could be trusted.
    #[must_use]
    pub fn settle(mut self, reads: &[PartitionRead], mut readable: impl FnMut(u64)) -> Settlement {
        let coverage = Coverage { reads: reads.iter().map(|read| (read.at, read)).collect() };
        let nobodys = self.settle_by_position();
        let unattributed = nobodys.iter().filter(|topic| self.has_anonymous(**topic)).count() as u64;
        let foreign = self.foreign + nobodys.len() as u64;
        let mut records = Records { foreign, ..Records::default() };
        let mut requests = Requests::default();
        let mut findings = Findings::default();
        let overtaken = self.reordered();
        let mut order_unverifiable = 0;

        for producer in 0..self.records.len() {
            self.settle_requests(producer, &mut requests, &mut findings);
            let stream_order =
                self.catalogue.streams().get(producer).is_some_and(Stream::order_is_verifiable);
            for (sequence, record) in sorted(&self.records[producer]) {
                // A record that was read but never sent: its identity is this run's, so a copy of an
                // earlier run under the same id stood in the topic.
                let Some(request) = self.request(producer, record.request) else {
                    records.foreign += record.copies() as u64;
                    continue;
                };
                order_unverifiable += u64::from(!stream_order && record.copies() > 0);
                if record.first.is_some() {
                    readable(record.readable_us.saturating_sub(request.written_us));
                }
                let id = RecordId { producer: u16::try_from(producer).unwrap_or(u16::MAX), sequence };
                self.settle_record(id, record, request, &coverage, &mut records, &mut findings);
                if overtaken.contains(&id) {
                    records.reordered += 1;
                    findings.add("records.reordered", || {
                        self.evidence(
                            id,
                            record,
                            request,
                            "stands before an earlier record of its key".into(),
                        )
                    });
                }
            }
        }
        assert_sums(&records, &requests);
        let read_completely = (0..self.topics.len())
            .all(|topic| coverage.topic_is_complete(u16::try_from(topic).unwrap_or(u16::MAX)));
        Settlement {
            requests,
            records,
            findings: findings.into_list(),
            read_completely,
            order_unverifiable,
            unattributed,
        }
    }

    fn settle_record(
        &self,
        id: RecordId,
        record: &RecordState,
        request: &RequestState,
        coverage: &Coverage<'_>,
        records: &mut Records,
        findings: &mut Findings,
    ) {
        let producer = usize::from(id.producer);
        let topic = self.topic_of(producer);
        let found = record.copies() > 0;
        let acked_place = record.acked_place(topic);
        records.sent += 1;
        match (record.answer.unwrap_or(RecordAnswer::Unknown), found) {
            (RecordAnswer::Acked { .. }, true) => {
                records.acked += 1;
                records.landed += 1;
            }
            (RecordAnswer::Acked { .. }, false) => {
                records.acked += 1;
                // Without identity and position there is nothing to look for.
                let can_be_told = acked_place.is_some() || !self.is_anonymous(producer);
                if can_be_told && coverage.proves_absence(topic, acked_place) {
                    records.lost += 1;
                    findings.add("records.lost", || {
                        self.evidence(id, record, request, "acknowledged, and nowhere in the topic".into())
                    });
                } else {
                    records.unverifiable += 1;
                }
            }
            (RecordAnswer::Refused, true) => {
                records.refused += 1;
                records.leaked += 1;
                findings.add("records.leaked", || {
                    self.evidence(id, record, request, "refused, and in the topic all the same".into())
                });
            }
            (RecordAnswer::Refused, false) => {
                records.refused += 1;
                records.absent += 1;
            }
            (RecordAnswer::Unknown, true) => {
                records.unknown += 1;
                records.unknown_landed += 1;
            }
            (RecordAnswer::Unknown, false) => {
                records.unknown += 1;
                records.unknown_absent += 1;
            }
        }
        self.flag(id, record, request, acked_place, records, findings);
    }

    /// The flags, each independent of the others and of the disposition.
    fn flag(
        &self,
        id: RecordId,
        record: &RecordState,
        request: &RequestState,
        acked_place: Option<Place>,
        records: &mut Records,
        findings: &mut Findings,
    ) {
        let producer = usize::from(id.producer);
        let topic = self.topic_of(producer);
        let copies = record.copies();
        if copies > 1 {
            records.duplicated += 1;
            let beyond = copies > request.attempts as usize;
            records.duplicated_beyond_attempts += u64::from(beyond);
            let kind = if beyond {
                "beyond_attempts: the path made copies"
            } else {
                "within_attempts: explicable by retries"
            };
            findings.add("records.duplicated", || {
                self.evidence(
                    id,
                    record,
                    request,
                    format!("{copies} copies of {} attempts, {kind}", request.attempts),
                )
            });
        }
        if let Some(detail) = &record.corrupted {
            records.corrupted += 1;
            findings.add("records.corrupted", || self.evidence(id, record, request, detail.clone()));
        } else if record.rewritten {
            records.rewritten += 1;
        }
        if copies > 0 {
            let wanted = self.terms[producer].partition;
            let wrong =
                if let Some(place) = acked_place.filter(|place| record.places().all(|copy| copy != *place)) {
                    Some(format!("acknowledged at {}, where it is not", self.place_name(place)))
                } else if record.places().any(|copy| copy.at.topic != topic) {
                    Some(format!("sent to topic {}, found in another", self.topic_name(topic)))
                } else {
                    wanted
                        .filter(|wanted| record.places().any(|copy| copy.at.partition != *wanted))
                        .map(|wanted| format!("sent to partition {wanted}, found in another"))
                };
            if let Some(detail) = wrong {
                records.misplaced += 1;
                findings.add("records.misplaced", || self.evidence(id, record, request, detail));
            }
        }
    }

    fn settle_requests(&self, producer: usize, requests: &mut Requests, findings: &mut Findings) {
        for (index, request) in sorted(&self.requests[producer]) {
            let acked = self.records_of(producer, request, |r| r.answer.is_some_and(RecordAnswer::is_acked));
            let refused = self.records_of(producer, request, |r| r.answer == Some(RecordAnswer::Refused));
            let records = u64::from(request.records);
            requests.sent += 1;
            // A request without any end was given up when draining ended.
            let end = request.end.unwrap_or(End::TimedOut);
            *outcome(requests, Class::of(end, acked, refused, records)) += 1;
            let last_refused = request.last.refused;
            if request.last.expect == Expected::Accept && last_refused > 0 {
                requests.wrongly_refused += 1;
                findings.add("requests.wrongly_refused", || {
                    let token = token_state(request);
                    let detail =
                        format!("{last_refused} of {records} records refused, all had to be accepted{token}");
                    Self::request_evidence(producer, index, request, detail)
                });
            }
            let unknown_landed = self.records_of(producer, request, |record| {
                record.answer.unwrap_or(RecordAnswer::Unknown) == RecordAnswer::Unknown && record.copies() > 0
            });
            // A record that landed without a word was admitted all the same; after a refusal it is a leak.
            let admitted = acked + unknown_landed;
            if request.all_to_be_refused && admitted > 0 {
                requests.wrongly_admitted += 1;
                findings.add("requests.wrongly_admitted", || {
                    let token = token_state(request);
                    let detail = format!(
                        "{admitted} of {records} records acknowledged or found, all had to be refused{token}"
                    );
                    Self::request_evidence(producer, index, request, detail)
                });
            }
        }
    }

    /// How many records of a request are such.
    fn records_of(
        &self,
        producer: usize,
        request: &RequestState,
        such: impl Fn(&RecordState) -> bool,
    ) -> u64 {
        (request.first_sequence..request.first_sequence + u64::from(request.records))
            .filter_map(|sequence| self.records[producer].get(&sequence))
            .filter(|record| such(record))
            .count() as u64
    }

    /// Gives each record without a readable identity to the record that was acked at its position and seen
    /// nowhere else: that one is corrupted, unless its records carry no identity and it is as it should be. Returns the
    /// topic of each that belongs to nobody.
    fn settle_by_position(&mut self) -> Vec<u16> {
        let unidentified = std::mem::take(&mut self.unidentified);
        if unidentified.is_empty() {
            return Vec::new();
        }
        let mut claims: HashMap<Place, Vec<RecordId>> =
            unidentified.iter().map(|event| (Place::of(event), Vec::new())).collect();
        for (producer, records) in self.records.iter().enumerate() {
            let topic = self.topic_of(producer);
            for (sequence, record) in records {
                let place = record.acked_place(topic).filter(|_| record.copies() == 0);
                if let Some(claimants) = place.and_then(|place| claims.get_mut(&place)) {
                    let producer = u16::try_from(producer).unwrap_or(u16::MAX);
                    claimants.push(RecordId { producer, sequence: *sequence });
                }
            }
        }
        let mut nobodys = Vec::new();
        for event in unidentified {
            let claimants = claims.remove(&Place::of(&event)).unwrap_or_default();
            match self.closest(&claimants, &event) {
                Some(id) => self.found_by_position(id, &event),
                None => nobodys.push(event.at.topic),
            }
        }
        nobodys
    }

    /// Of several records acked at one position, the one whose content is closest to what stands there.
    fn closest(&self, claimants: &[RecordId], event: &Landed) -> Option<RecordId> {
        let apart = |id: &RecordId| {
            let content = self.catalogue.content(*id)?;
            Some((distance(&content, event), *id))
        };
        claimants.iter().filter_map(apart).min().map(|(_, id)| id)
    }

    fn found_by_position(&mut self, id: RecordId, event: &Landed) {
        let anonymous = self.is_anonymous(usize::from(id.producer));
        let format = self.catalogue.stream(id.producer).map_or(Format::Binary, Stream::format);
        let content = self.catalogue.content(id);
        let Some(record) = self.records[usize::from(id.producer)].get_mut(&id.sequence) else { return };
        record.first = Some(Place::of(event));
        record.readable_us = event.readable_us;
        record.key_hash = hash(event.key.as_deref());
        let comparison = content.map(|content| compare(format, &content, event));
        let detail = match comparison {
            Some(Comparison::Same) if anonymous => return,
            Some(Comparison::Rewritten) if anonymous => {
                record.rewritten = true;
                return;
            }
            Some(Comparison::Different(detail)) => detail,
            _ => "its identity cannot be read".to_owned(),
        };
        record.corrupted = Some(format!("{detail}; recognised by its acknowledged position"));
    }

    /// Whether a workload without identities writes to the topic.
    fn has_anonymous(&self, topic: u16) -> bool {
        self.catalogue.streams().iter().any(|stream| stream.topic() == topic && stream.is_anonymous())
    }

    /// Every record that overtook an earlier one of its key and partition. Records with copies of retries
    /// are left out, since a retry's copy promises no order.
    fn reordered(&self) -> std::collections::HashSet<RecordId> {
        let mut lanes: HashMap<(TopicPartition, u64), Vec<Ordered<RecordId>>> = HashMap::new();
        for (producer, records) in self.records.iter().enumerate() {
            if !self.catalogue.streams().get(producer).is_some_and(Stream::order_is_verifiable) {
                continue;
            }
            for (sequence, record) in records {
                let (Some(place), Some(request)) = (record.first, self.request(producer, record.request))
                else {
                    continue;
                };
                if record.copies() > 1 && request.attempts > 1 {
                    continue;
                }
                let id =
                    RecordId { producer: u16::try_from(producer).unwrap_or(u16::MAX), sequence: *sequence };
                let index =
                    u32::try_from(sequence.saturating_sub(request.first_sequence)).unwrap_or(u32::MAX);
                let answered_us = match record.answer {
                    Some(RecordAnswer::Acked { .. }) => request.answered_us,
                    _ => UNANSWERED,
                };
                lanes.entry((place.at, record.key_hash)).or_default().push(Ordered {
                    id,
                    offset: place.offset,
                    request: (u64::from(id.producer) << 48) | record.request,
                    index,
                    written_us: request.written_us,
                    answered_us,
                });
            }
        }
        lanes.into_values().flat_map(overtakers).collect()
    }
}

fn sorted<T>(map: &HashMap<u64, T>) -> impl Iterator<Item = (u64, &T)> {
    let mut entries: Vec<(u64, &T)> = map.iter().map(|(key, value)| (*key, value)).collect();
    entries.sort_unstable_by_key(|(key, _)| *key);
    entries.into_iter()
}

/// How long the token of a request's last attempt was valid still, or was not any more, as the end of a sentence.
fn token_state(request: &RequestState) -> String {
    let (written, expires) = (request.last.written_us, request.last.token_expires_us);
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
mod tests;
