//! Which fault befalls which record of a request, or the request as a whole; one fault a record.

mod content;
mod process;

use std::sync::Arc;
use std::time::{Duration, Instant};

pub(super) use process::{Leak, stalled, warming_up};

use super::produce::Position;
use super::request::ProduceRecord;
use crate::doubles::fault::Injector;
use crate::scenario::FaultKind;

/// By how much a timestamp is shifted, in milliseconds.
const HOUR_MS: i64 = 3_600_000;
/// How late a request is answered that is delayed.
const DELAY: Duration = Duration::from_millis(200);
/// How late one is answered that meets a spike of latency.
const SPIKE: Duration = Duration::from_secs(2);

/// What is done to a record instead of writing it as it is and answering where it stands.
#[derive(Debug, Clone)]
pub(super) enum Treatment {
    /// Not written, and acked.
    Drop,
    /// Written twice.
    Double,
    /// This is written instead.
    Alter(Box<ProduceRecord>),
    /// Written, and answered otherwise.
    Misreport(Misreport),
    /// Written in the place of the record with this index, which is written in this one's.
    SwapWith(usize),
    /// The partner of a swap, which is counted at the other record.
    Swapped,
    /// Answered with the offset of the record with this index, which has the same treatment.
    ExchangeWith(usize),
}

/// What is answered for a record that has been written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Misreport {
    /// The next offset.
    Offset,
    /// The next partition of so many.
    Partition(i32),
    /// The offset -1.
    NoOffset,
    /// That Kafka has refused it.
    Refused,
    /// That it may be tried again.
    Retriable,
}

/// What befalls a request as a whole.
#[derive(Debug, Clone)]
pub(super) enum Whole {
    /// Its records are written, and it is answered otherwise, or not at all.
    Ends(Ends),
    /// It is answered so late.
    Delayed(Duration),
    /// It is answered with these positions, which are others' records'.
    Stale(Vec<Position>),
}

/// How a request ends whose records are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ends {
    InError,
    InReset,
    Never,
    /// Never, and its records are written only when nobody waits any longer.
    NeverAndLate,
}

/// A treatment and the injector that counts it.
#[derive(Debug, Clone)]
pub(super) struct Strike {
    pub(super) treatment: Treatment,
    pub(super) injector: Arc<Injector>,
}

/// What befalls a request.
#[derive(Debug, Clone, Default)]
pub(super) struct Plan {
    /// One for each record.
    pub(super) strikes: Vec<Option<Strike>>,
    /// What befalls it as a whole; its records meet nothing else then.
    pub(super) whole: Option<(Whole, Arc<Injector>)>,
}

impl Plan {
    /// How it ends, where it is not to be answered record by record.
    pub(super) fn ends(&self) -> Option<Ends> {
        match self.whole {
            Some((Whole::Ends(ends), _)) => Some(ends),
            _ => None,
        }
    }
}

/// What decides about a request's faults.
#[derive(Debug, Clone, Default)]
pub(super) struct Subject<'a> {
    pub(super) topic: &'a str,
    /// The one that the path names.
    pub(super) partition: Option<i32>,
    /// How many the topic has, if that is known.
    pub(super) partitions: Option<i32>,
    pub(super) records: &'a [ProduceRecord],
    /// Where the records of the same topic stand that were written for the request before on this connection.
    pub(super) previous: Option<Vec<Position>>,
}

/// Decides for each record of a request.
pub(super) fn plan(injectors: &[Arc<Injector>], subject: &Subject<'_>, now: Instant) -> Plan {
    let records = subject.records;
    let mut strikes: Vec<Option<Strike>> = vec![None; records.len()];
    for injector in injectors {
        if let Some(whole) = eligible_whole(injector.kind(), subject) {
            if strikes.iter().all(Option::is_none) && injector.strikes(subject.topic, now) {
                return Plan { strikes, whole: Some((whole, injector.clone())) };
            }
            continue;
        }
        for index in 0..records.len() {
            if strikes[index].is_some() {
                continue;
            }
            let Some(treatment) = eligible(injector, subject, &strikes, index) else { continue };
            if !injector.strikes(subject.topic, now) {
                continue;
            }
            let strike = |treatment| Some(Strike { treatment, injector: injector.clone() });
            let (mine, theirs) = treatment;
            strikes[index] = strike(mine);
            if let Some((other, theirs)) = theirs {
                strikes[other] = strike(theirs);
            }
        }
    }
    Plan { strikes, whole: None }
}

/// What a fault of this kind would do to the request as a whole, if it can befall it.
fn eligible_whole(kind: FaultKind, subject: &Subject<'_>) -> Option<Whole> {
    match kind {
        FaultKind::ErrorAfterAppend => Some(Whole::Ends(Ends::InError)),
        FaultKind::ResetAfterAppend => Some(Whole::Ends(Ends::InReset)),
        FaultKind::NeverAnswer => Some(Whole::Ends(Ends::Never)),
        FaultKind::AppendLate => Some(Whole::Ends(Ends::NeverAndLate)),
        FaultKind::Delay => Some(Whole::Delayed(DELAY)),
        FaultKind::LatencySpike => Some(Whole::Delayed(SPIKE)),
        FaultKind::StaleAnswer => {
            let previous = subject.previous.as_ref()?;
            (previous.len() == subject.records.len()).then(|| Whole::Stale(previous.clone()))
        }
        _ => None,
    }
}

/// A treatment, and that of the other record of a pair.
type Treatments = (Treatment, Option<(usize, Treatment)>);

/// What the injector's fault would do to the record, if it can befall it.
fn eligible(
    injector: &Injector,
    subject: &Subject<'_>,
    strikes: &[Option<Strike>],
    index: usize,
) -> Option<Treatments> {
    let record = &subject.records[index];
    let free = |other: &usize| strikes[*other].is_none();
    let treatment = match injector.kind() {
        FaultKind::DropAfterAck => Treatment::Drop,
        FaultKind::Duplicate => Treatment::Double,
        FaultKind::WrongOffset => Treatment::Misreport(Misreport::Offset),
        FaultKind::WrongPartition => {
            Treatment::Misreport(Misreport::Partition(subject.partitions.filter(|count| *count > 1)?))
        }
        FaultKind::NegativeOffset => Treatment::Misreport(Misreport::NoOffset),
        FaultKind::FalseFailure => Treatment::Misreport(Misreport::Refused),
        FaultKind::ErrorItems => Treatment::Misreport(Misreport::Retriable),
        FaultKind::NullToEmpty if record.value.is_none() => with_value(record, Vec::new()),
        FaultKind::CorruptByte => {
            with_value(record, content::corrupted(record.value.as_deref()?, injector.injected())?)
        }
        FaultKind::Truncate => with_value(record, content::truncated(record.value.as_deref()?)?),
        FaultKind::RoundNumbers => with_value(record, content::rounded(record.value.as_deref()?)?),
        FaultKind::Reformat => with_value(record, content::reformatted(record.value.as_deref()?)?),
        FaultKind::LoseUnicode => with_value(record, content::without_unicode(record.value.as_deref()?)?),
        FaultKind::LoseHeaders if !record.headers.is_empty() => {
            Treatment::Alter(Box::new(ProduceRecord { headers: Vec::new(), ..record.clone() }))
        }
        FaultKind::ShiftTimestamp => {
            let timestamp = record.timestamp.map(|ms| ms - HOUR_MS)?;
            Treatment::Alter(Box::new(ProduceRecord { timestamp: Some(timestamp), ..record.clone() }))
        }
        FaultKind::SwapKeys => {
            let mine = record.key.as_ref()?;
            let differs = |other: &usize| subject.records[*other].key.as_ref().is_some_and(|key| key != mine);
            let other = (index + 1..subject.records.len()).find(|other| free(other) && differs(other))?;
            let theirs = &subject.records[other];
            let (a, b) = (with_key(record, theirs), with_key(theirs, record));
            return Some((a, Some((other, b))));
        }
        FaultKind::ReorderInRequest => {
            let next = next_of_lane(subject, index).filter(free)?;
            return Some((Treatment::SwapWith(next), Some((next, Treatment::Swapped))));
        }
        FaultKind::ExchangeOffsets => {
            let next = next_of_lane(subject, index).filter(free)?;
            return Some((Treatment::ExchangeWith(next), Some((next, Treatment::ExchangeWith(index)))));
        }
        _ => return None,
    };
    Some((treatment, None))
}

fn with_value(record: &ProduceRecord, value: Vec<u8>) -> Treatment {
    Treatment::Alter(Box::new(ProduceRecord { value: Some(value), ..record.clone() }))
}

fn with_key(record: &ProduceRecord, other: &ProduceRecord) -> Treatment {
    Treatment::Alter(Box::new(ProduceRecord { key: other.key.clone(), ..record.clone() }))
}

/// The next record of the request that is bound to land in the same partition, after the record at `index`.
fn next_of_lane(subject: &Subject<'_>, index: usize) -> Option<usize> {
    let lane = |index: usize| {
        let record = &subject.records[index];
        (record.key.as_ref(), record.partition.or(subject.partition))
    };
    // Without key and partition the client spreads records, and no order is promised.
    let mine = Some(lane(index)).filter(|(key, partition)| key.is_some() || partition.is_some())?;
    (index + 1..subject.records.len()).find(|other| lane(*other) == mine)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{Fault, Pace};

    fn injector(kind: FaultKind, every: u64) -> Arc<Injector> {
        Arc::new(Injector::new(Fault::new(kind, Pace::Every(every)), 1))
    }

    fn record(key: Option<&str>, value: Option<&str>) -> ProduceRecord {
        let bytes = |text: Option<&str>| text.map(|text| text.as_bytes().to_vec());
        ProduceRecord { key: bytes(key), value: bytes(value), ..ProduceRecord::default() }
    }

    fn struck(injectors: &[Arc<Injector>], records: &[ProduceRecord]) -> Vec<Option<Strike>> {
        let subject = Subject { topic: "t", records, ..Subject::default() };
        plan(injectors, &subject, Instant::now()).strikes
    }

    #[test]
    fn no_record_meets_two_faults() {
        let injectors = [injector(FaultKind::Duplicate, 2), injector(FaultKind::WrongOffset, 1)];
        let records = vec![record(None, Some("v")); 4];
        let seen: Vec<_> = struck(&injectors, &records)
            .into_iter()
            .map(|strike| matches!(strike.unwrap().treatment, Treatment::Double))
            .collect();
        assert_eq!(seen, [false, true, false, true]);
    }

    #[test]
    fn only_records_of_one_key_are_swapped() {
        let records = [
            record(Some("a"), None),
            record(Some("b"), None),
            record(Some("a"), None),
            record(None, None),
            record(None, None),
        ];
        let seen = struck(&[injector(FaultKind::ReorderInRequest, 1)], &records);
        assert!(matches!(seen[0].as_ref().unwrap().treatment, Treatment::SwapWith(2)));
        assert!(matches!(seen[2].as_ref().unwrap().treatment, Treatment::Swapped));
        assert!(seen[1].is_none() && seen[3].is_none() && seen[4].is_none());
    }

    #[test]
    fn null_to_empty_meets_nulls_only_and_corruption_values_only() {
        let records = [record(None, None), record(None, Some("x"))];
        let nulls = struck(&[injector(FaultKind::NullToEmpty, 1)], &records);
        assert!(nulls[0].is_some() && nulls[1].is_none());
        let bytes = struck(&[injector(FaultKind::CorruptByte, 1)], &records);
        assert!(bytes[0].is_none() && bytes[1].is_some());
    }

    #[test]
    fn keys_are_swapped_with_another_and_a_record_has_one_partner() {
        let records = [record(Some("a"), None), record(Some("a"), None), record(Some("b"), None)];
        let seen = struck(&[injector(FaultKind::SwapKeys, 1)], &records);
        let keys: Vec<_> = seen
            .into_iter()
            .map(|strike| match strike?.treatment {
                Treatment::Alter(record) => record.key,
                _ => None,
            })
            .collect();
        assert_eq!(keys, [Some(b"b".to_vec()), None, Some(b"a".to_vec())]);
    }

    #[test]
    fn a_request_that_is_struck_as_a_whole_is_struck_in_nothing_else() {
        let records = vec![record(None, Some("v")); 2];
        let injectors = [
            injector(FaultKind::Duplicate, 4),
            injector(FaultKind::NeverAnswer, 2),
            injector(FaultKind::WrongOffset, 1),
        ];
        let subject = Subject { topic: "t", records: &records, ..Subject::default() };
        let seen: Vec<_> = (0..4)
            .map(|_| {
                let plan = plan(&injectors, &subject, Instant::now());
                (plan.ends().is_some(), plan.strikes.iter().flatten().count())
            })
            .collect();
        // The duplicate takes the second and fourth request, which are no opportunity to fall silent then.
        assert_eq!(seen, [(false, 2), (false, 2), (true, 0), (false, 2)]);
    }
}
