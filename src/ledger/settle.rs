//! Settling: each record gets its one disposition, each finding its evidence.

use std::collections::HashMap;

use crate::record::{End, Format, PartitionRead, RecordAnswer, RecordId, Stream, TopicPartition, UNANSWERED};
use crate::result::{Finding, Records, Requests};

use super::content::{Comparison, compare, distance};
use super::evidence::Findings;
use super::order::{Ordered, overtakers};
use super::{Ledger, Place, RecordState, RequestState, Unidentified, hash};

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
        let foreign = self.foreign + self.settle_by_position();
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
        Settlement { requests, records, findings: findings.into_list(), read_completely, order_unverifiable }
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
                if coverage.proves_absence(topic, acked_place) {
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
        let must_be_accepted = self.terms[producer].must_be_accepted;
        for (index, request) in sorted(&self.requests[producer]) {
            let answers = |which: fn(RecordAnswer) -> bool| {
                (request.first_sequence..request.first_sequence + u64::from(request.records))
                    .filter_map(|sequence| self.records[producer].get(&sequence))
                    .filter(|record| which(record.answer.unwrap_or(RecordAnswer::Unknown)))
                    .count() as u64
            };
            let acked = answers(RecordAnswer::is_acked);
            let refused = answers(|answer| answer == RecordAnswer::Refused);
            let records = u64::from(request.records);
            requests.sent += 1;
            if acked == records {
                requests.accepted += 1;
            } else if refused == records {
                requests.refused += 1;
            } else if matches!(request.end, None | Some(End::TimedOut)) {
                requests.timed_out += 1;
            } else {
                requests.failed += 1;
            }
            if must_be_accepted && refused > 0 {
                requests.wrongly_refused += 1;
                findings.add("requests.wrongly_refused", || {
                    Self::request_evidence(
                        producer,
                        index,
                        request,
                        format!("{refused} of {records} records refused, all had to be accepted"),
                    )
                });
            }
            if !must_be_accepted && acked > 0 {
                requests.wrongly_admitted += 1;
                findings.add("requests.wrongly_admitted", || {
                    Self::request_evidence(
                        producer,
                        index,
                        request,
                        format!("{acked} of {records} records acknowledged, all had to be refused"),
                    )
                });
            }
        }
    }

    /// Gives each record without a readable identity to the record that was acked at its position and seen
    /// nowhere else: that one is corrupted. Returns how many belong to nobody.
    fn settle_by_position(&mut self) -> u64 {
        let unidentified = std::mem::take(&mut self.unidentified);
        if unidentified.is_empty() {
            return 0;
        }
        let mut claims: HashMap<Place, Vec<RecordId>> =
            unidentified.iter().map(|event| (event.place, Vec::new())).collect();
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
        let mut foreign = 0;
        for event in unidentified {
            let claimants = claims.remove(&event.place).unwrap_or_default();
            match self.closest(&claimants, &event) {
                Some(id) => self.found_damaged(id, &event),
                None => foreign += 1,
            }
        }
        foreign
    }

    /// Of several records acked at one position, the one whose content is closest to what stands there.
    fn closest(&self, claimants: &[RecordId], event: &Unidentified) -> Option<RecordId> {
        let apart = |id: &RecordId| {
            let content = self.catalogue.content(*id)?;
            Some((distance(&content, event.key.as_deref(), event.value.as_deref()), *id))
        };
        claimants.iter().filter_map(apart).min().map(|(_, id)| id)
    }

    fn found_damaged(&mut self, id: RecordId, event: &Unidentified) {
        let format = self.catalogue.stream(id.producer).map_or(Format::Binary, Stream::format);
        let content = self.catalogue.content(id);
        let Some(record) = self.records[usize::from(id.producer)].get_mut(&id.sequence) else { return };
        let detail = match content.map(|c| compare(format, &c, event.key.as_deref(), event.value.as_deref()))
        {
            Some(Comparison::Different(detail)) => detail,
            _ => "its identity cannot be read".to_owned(),
        };
        record.first = Some(event.place);
        record.readable_us = event.readable_us;
        record.key_hash = hash(event.key.as_deref());
        record.corrupted = Some(format!("{detail}; recognised by its acknowledged position"));
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

fn assert_sums(records: &Records, requests: &Requests) {
    let r = records;
    assert_eq!(r.sent, r.acked + r.refused + r.unknown, "sent = acked + refused + unknown");
    assert_eq!(r.acked, r.landed + r.lost + r.unverifiable, "acked = landed + lost + unverifiable");
    assert_eq!(r.refused, r.leaked + r.absent, "refused = leaked + absent");
    assert_eq!(r.unknown, r.unknown_landed + r.unknown_absent, "unknown = unknown landed + unknown absent");
    let q = requests;
    assert_eq!(q.sent, q.accepted + q.refused + q.failed + q.timed_out, "requests by outcome");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::StreamTerms;
    use crate::record::{
        Answer, Answers, Catalogue, Content, Feed, Format, IdentityPlace, Landed, RequestId, RunId, Sent,
        Stream,
    };
    use proptest::prelude::*;

    const ACCEPT: StreamTerms = StreamTerms { must_be_accepted: true, partition: None };
    const REFUSE: StreamTerms = StreamTerms { must_be_accepted: false, partition: None };

    /// A ledger of one stream to a topic of two partitions, with what it takes to feed it.
    struct Bench {
        ledger: Ledger,
        catalogue: Catalogue,
        reads: [PartitionRead; 2],
    }

    fn bench(terms: StreamTerms) -> Bench {
        let feed = Feed::parse(b"{\"k\":\"a\",\"n\":1.50}").unwrap();
        let place = IdentityPlace::Member("_landfall".into());
        let stream = Stream::new(0, Format::Json, place, Some("/k"), &feed).unwrap();
        let catalogue = Catalogue::new(RunId::new("r").unwrap(), vec![stream]);
        let read = |partition| PartitionRead {
            at: TopicPartition { topic: 0, partition },
            from: 0,
            to: 100,
            high_watermark: 100,
            log_start: 0,
            error: None,
        };
        let ledger = Ledger::new(catalogue.clone(), vec!["t".into()], vec![terms]);
        Bench { ledger, catalogue, reads: [read(0), read(1)] }
    }

    impl Bench {
        fn sent(&mut self, index: u64, records: u32) {
            let request = RequestId { producer: 0, index };
            let first_sequence = index * 10;
            let written_us = 1000 * index;
            self.ledger.sent(&Sent { request, attempt: 1, first_sequence, records, written_us });
        }

        fn answered(&mut self, index: u64, end: End, answers: Answers) {
            let request = RequestId { producer: 0, index };
            let answered_us = 1000 * index + 500;
            self.ledger.answer(&Answer { request, attempt: 1, answered_us, end, note: None, answers });
        }

        /// A request of one record, acked at `offset` of partition 0.
        fn acked(&mut self, index: u64, offset: i64) {
            self.sent(index, 1);
            self.answered(index, End::Status(200), Answers::Each(vec![ack(0, offset)]));
        }

        fn content(&self, sequence: u64) -> Content {
            self.catalogue.content(RecordId { producer: 0, sequence }).unwrap()
        }

        fn lands(&mut self, partition: i32, offset: i64, content: Content) {
            self.ledger.landed(&Landed {
                at: TopicPartition { topic: 0, partition },
                offset,
                key: content.key.map(Into::into),
                value: content.value.map(Into::into),
                readable_us: 1_000_000,
            });
        }

        fn settle(self) -> Settlement {
            self.ledger.settle(&self.reads, |_| {})
        }
    }

    fn ack(partition: i32, offset: i64) -> RecordAnswer {
        RecordAnswer::Acked { partition: Some(partition), offset: Some(offset) }
    }

    fn kinds(settlement: &Settlement) -> Vec<(&str, u64)> {
        settlement.findings.iter().map(|finding| (finding.kind.as_str(), finding.count)).collect()
    }

    #[test]
    fn acked_and_found_is_landed_and_nothing_is_cried() {
        let mut bench = bench(ACCEPT);
        bench.acked(0, 7);
        let content = bench.content(0);
        bench.lands(0, 7, content);
        let settled = bench.settle();
        assert_eq!(settled.records, Records { sent: 1, acked: 1, landed: 1, ..Records::default() });
        assert_eq!(settled.requests, Requests { sent: 1, accepted: 1, ..Requests::default() });
        assert!(settled.findings.is_empty() && settled.read_completely);
    }

    #[test]
    fn a_record_may_be_read_before_its_sender_tells_of_it() {
        let mut bench = bench(ACCEPT);
        let content = bench.content(0);
        bench.lands(0, 7, content);
        bench.acked(0, 7);
        assert_eq!(bench.settle().records, Records { sent: 1, acked: 1, landed: 1, ..Records::default() });
    }

    #[test]
    fn acked_and_absent_is_lost_only_where_the_topic_was_read() {
        let mut read = bench(ACCEPT);
        read.acked(0, 7);
        assert_eq!(kinds(&read.settle()), [("records.lost", 1)]);

        let mut short = bench(ACCEPT);
        short.acked(0, 70);
        short.reads[0].to = 60;
        let settled = short.settle();
        assert_eq!((settled.records.lost, settled.records.unverifiable), (0, 1));
        assert!(!settled.read_completely);

        let mut forbidden = bench(ACCEPT);
        forbidden.acked(0, 7);
        forbidden.reads[0].error = Some("not authorised".into());
        assert_eq!(forbidden.settle().records.unverifiable, 1);

        let mut retention = bench(ACCEPT);
        retention.acked(0, 7);
        retention.reads[0].log_start = 10;
        assert_eq!(retention.settle().records.unverifiable, 1);
    }

    #[test]
    fn an_absurd_acked_position_is_lost() {
        let mut bench = bench(ACCEPT);
        bench.sent(0, 2);
        bench.answered(0, End::Status(200), Answers::Each(vec![ack(0, i64::MAX), ack(99, 0)]));
        assert_eq!(bench.settle().records.lost, 2);
    }

    #[test]
    fn refused_and_found_is_leaked() {
        let mut bench = bench(REFUSE);
        bench.sent(0, 1);
        bench.answered(0, End::Status(403), Answers::All(RecordAnswer::Refused));
        bench.sent(1, 1);
        bench.answered(1, End::Status(403), Answers::All(RecordAnswer::Refused));
        let content = bench.content(10);
        bench.lands(1, 0, content);
        let settled = bench.settle();
        assert_eq!((settled.records.leaked, settled.records.absent), (1, 1));
        assert_eq!(kinds(&settled), [("records.leaked", 1)]);
        assert_eq!(settled.findings[0].examples[0].record.as_deref(), Some("0.10"));
        assert_eq!(settled.findings[0].examples[0].found, ["t/1@0"]);
    }

    #[test]
    fn unknown_is_no_finding_whether_it_landed_or_not() {
        let mut bench = bench(ACCEPT);
        bench.sent(0, 1);
        bench.answered(0, End::TimedOut, Answers::All(RecordAnswer::Unknown));
        bench.sent(1, 1);
        let content = bench.content(0);
        bench.lands(0, 0, content);
        let settled = bench.settle();
        assert_eq!((settled.records.unknown_landed, settled.records.unknown_absent), (1, 1));
        assert_eq!(settled.requests.timed_out, 2);
        assert!(settled.findings.is_empty());
    }

    #[test]
    fn expectations_are_held_against_each_request() {
        let mut wrong = bench(ACCEPT);
        wrong.sent(0, 1);
        wrong.answered(0, End::Status(415), Answers::All(RecordAnswer::Refused));
        assert_eq!(kinds(&wrong.settle()), [("requests.wrongly_refused", 1)]);
        let mut admitted = bench(REFUSE);
        admitted.acked(0, 0);
        let content = admitted.content(0);
        admitted.lands(0, 0, content);
        assert_eq!(kinds(&admitted.settle()), [("requests.wrongly_admitted", 1)]);
    }

    #[test]
    fn a_second_copy_is_a_duplicate_and_a_reread_is_not() {
        let mut bench = bench(ACCEPT);
        bench.acked(0, 0);
        let content = bench.content(0);
        bench.lands(0, 0, content.clone());
        bench.lands(0, 0, content.clone());
        bench.lands(0, 1, content);
        let settled = bench.settle();
        assert_eq!((settled.records.duplicated, settled.records.duplicated_beyond_attempts), (1, 1));
        assert_eq!(settled.records.landed, 1);
    }

    #[test]
    fn a_damaged_identity_is_known_by_its_acked_position() {
        let mut bench = bench(ACCEPT);
        bench.acked(0, 5);
        let mut content = bench.content(0);
        let value = content.value.as_mut().unwrap();
        let at = value.len() - 3;
        value[at] ^= 1;
        bench.lands(0, 5, content.clone());
        // The same damage elsewhere belongs to nobody.
        bench.lands(0, 6, content);
        let settled = bench.settle();
        assert_eq!(kinds(&settled), [("records.corrupted", 1)]);
        assert_eq!((settled.records.landed, settled.records.lost, settled.records.foreign), (1, 0, 1));
    }

    #[test]
    fn of_two_records_acked_at_a_damaged_one_the_closer_is_corrupted() {
        let mut bench = bench(ACCEPT);
        bench.acked(0, 5);
        bench.acked(1, 5);
        let mut content = bench.content(10);
        content.value.as_mut().unwrap()[0] = b'[';
        content.value.as_mut().unwrap().pop();
        bench.lands(0, 5, content);
        let settled = bench.settle();
        let of = |kind| {
            let finding: &Finding = settled.findings.iter().find(|finding| finding.kind == kind).unwrap();
            finding.examples[0].record.clone().unwrap()
        };
        assert_eq!((of("records.lost"), of("records.corrupted")), ("0.0".into(), "0.10".into()));
    }

    #[test]
    fn rewritten_is_reported_and_no_finding() {
        let mut bench = bench(ACCEPT);
        bench.acked(0, 0);
        let mut content = bench.content(0);
        let value = String::from_utf8(content.value.unwrap()).unwrap().replace("1.50", "1.5");
        content.value = Some(value.into_bytes());
        bench.lands(0, 0, content);
        let settled = bench.settle();
        assert_eq!((settled.records.rewritten, settled.records.corrupted), (1, 0));
        assert!(settled.findings.is_empty());
    }

    #[test]
    fn misplaced_is_not_where_the_ack_or_the_request_said() {
        let mut acked = bench(ACCEPT);
        acked.acked(0, 5);
        let content = acked.content(0);
        acked.lands(0, 6, content);
        assert_eq!(kinds(&acked.settle()), [("records.misplaced", 1)]);

        let mut elsewhere = bench(StreamTerms { partition: Some(1), ..ACCEPT });
        elsewhere.acked(0, 5);
        let content = elsewhere.content(0);
        elsewhere.lands(0, 5, content);
        assert_eq!(kinds(&elsewhere.settle()), [("records.misplaced", 1)]);

        let mut nowhere = bench(ACCEPT);
        nowhere.sent(0, 1);
        let answer = RecordAnswer::Acked { partition: None, offset: None };
        nowhere.answered(0, End::Status(200), Answers::Each(vec![answer]));
        let content = nowhere.content(0);
        nowhere.lands(0, 6, content);
        assert!(nowhere.settle().findings.is_empty());
    }

    #[test]
    fn a_swap_in_a_request_is_reordered_once() {
        let mut bench = bench(ACCEPT);
        bench.sent(0, 3);
        bench.answered(0, End::Status(200), Answers::Each(vec![ack(0, 1), ack(0, 0), ack(0, 2)]));
        let contents = [bench.content(1), bench.content(0), bench.content(2)];
        for (offset, content) in (0..).zip(contents) {
            bench.lands(0, offset, content);
        }
        let settled = bench.settle();
        assert_eq!(kinds(&settled), [("records.reordered", 1)]);
        assert_eq!(settled.findings[0].examples[0].record.as_deref(), Some("0.1"));
    }

    #[test]
    fn other_runs_and_strangers_are_foreign() {
        let mut bench = bench(ACCEPT);
        bench.lands(0, 0, Content { key: None, value: Some(b"hello".to_vec()) });
        let other = RecordId { producer: 0, sequence: 0 }.encode(&RunId::new("other").unwrap());
        bench.lands(
            0,
            1,
            Content { key: None, value: Some(format!("{{\"_landfall\":\"{other}\"}}").into_bytes()) },
        );
        let unsent = bench.content(3);
        bench.lands(0, 2, unsent);
        assert_eq!(bench.settle().records, Records { foreign: 3, ..Records::default() });
    }

    /// What a simulated path does to a record.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum Fate {
        Lands,
        Lost,
        Doubled,
        Damaged,
        WrongOffset,
        Refused,
        Leaked,
        UnknownLanded,
        UnknownAbsent,
    }

    fn fate() -> impl Strategy<Value = Fate> {
        prop_oneof![
            6 => Just(Fate::Lands), 1 => Just(Fate::Lost), 1 => Just(Fate::Doubled), 1 => Just(Fate::Damaged),
            1 => Just(Fate::WrongOffset), 1 => Just(Fate::Refused), 1 => Just(Fate::Leaked),
            1 => Just(Fate::UnknownLanded), 1 => Just(Fate::UnknownAbsent),
        ]
    }

    proptest! {
        /// Whatever befalls the records, each is counted as what befell it, and as nothing else.
        #[test]
        fn each_fate_is_counted_exactly(
            fates in prop::collection::vec(fate(), 0..60),
            damage in any::<prop::sample::Index>(),
            flip in 1..=255_u8,
        ) {
            let mut bench = bench(ACCEPT);
            let mut offset = 0;
            for (index, fate) in (0_u64..).zip(&fates) {
                let mut content = bench.content(index * 10);
                if *fate == Fate::Damaged {
                    let value = content.value.as_mut().unwrap();
                    let at = damage.index(value.len());
                    value[at] ^= flip;
                }
                let copies = match fate {
                    Fate::Lost | Fate::Refused | Fate::UnknownAbsent => 0,
                    Fate::Doubled => 2,
                    _ => 1,
                };
                bench.sent(index, 1);
                let answer = match fate {
                    Fate::Refused | Fate::Leaked => RecordAnswer::Refused,
                    Fate::UnknownLanded | Fate::UnknownAbsent => RecordAnswer::Unknown,
                    Fate::Lost | Fate::WrongOffset => ack(1, offset),
                    _ => ack(0, offset),
                };
                bench.answered(index, End::Status(200), Answers::Each(vec![answer]));
                for _ in 0..copies {
                    bench.lands(0, offset, content.clone());
                    offset += 1;
                }
            }
            let settled = bench.settle();
            let count = |wanted: &[Fate]| fates.iter().filter(|fate| wanted.contains(fate)).count() as u64;
            let r = settled.records;
            prop_assert_eq!(r.sent, fates.len() as u64);
            prop_assert_eq!(r.landed, count(&[Fate::Lands, Fate::Doubled, Fate::Damaged, Fate::WrongOffset]));
            prop_assert_eq!(r.lost, count(&[Fate::Lost]));
            prop_assert_eq!(r.duplicated, count(&[Fate::Doubled]));
            prop_assert_eq!(r.misplaced, count(&[Fate::WrongOffset]));
            prop_assert_eq!(r.absent, count(&[Fate::Refused]));
            prop_assert_eq!(r.leaked, count(&[Fate::Leaked]));
            prop_assert_eq!(r.unknown_landed, count(&[Fate::UnknownLanded]));
            prop_assert_eq!(r.unknown_absent, count(&[Fate::UnknownAbsent]));
            // A changed byte can leave the JSON value as it was: `1.50` and `1.5 ` are the same number.
            prop_assert_eq!(r.corrupted + r.rewritten, count(&[Fate::Damaged]));
            prop_assert_eq!((r.reordered, r.foreign), (0, 0));
        }
    }
}
