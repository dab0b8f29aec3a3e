//! Which fault befalls which record of a request; one fault a record.

use std::sync::Arc;
use std::time::Instant;

use super::request::ProduceRecord;
use crate::doubles::fault::Injector;
use crate::scenario::FaultKind;

/// What is done to a record instead of writing it as it is.
#[derive(Debug, Clone)]
pub(super) enum Treatment {
    /// Not written, and acked.
    Drop,
    /// Written twice.
    Double,
    /// Written with this value instead.
    Replace(Option<Vec<u8>>),
    /// Written, and acked with another offset.
    MisreportOffset,
    /// Written in the place of the record with this index, which is written in this one's.
    SwapWith(usize),
    /// The partner of a swap, which is counted at the other record.
    Swapped,
}

/// A treatment and the injector that counts it.
#[derive(Debug, Clone)]
pub(super) struct Strike {
    pub(super) treatment: Treatment,
    pub(super) injector: Arc<Injector>,
}

/// Decides for each record of a request. `partition` is the one that the path names.
pub(super) fn plan(
    injectors: &[Arc<Injector>],
    topic: &str,
    partition: Option<i32>,
    records: &[ProduceRecord],
    now: Instant,
) -> Vec<Option<Strike>> {
    let mut strikes: Vec<Option<Strike>> = vec![None; records.len()];
    for injector in injectors {
        for index in 0..records.len() {
            if strikes[index].is_some() {
                continue;
            }
            let Some(treatment) = eligible(injector, partition, records, &strikes, index) else { continue };
            if !injector.strikes(topic, now) {
                continue;
            }
            if let Treatment::SwapWith(other) = treatment {
                strikes[other] = Some(Strike { treatment: Treatment::Swapped, injector: injector.clone() });
            }
            strikes[index] = Some(Strike { treatment, injector: injector.clone() });
        }
    }
    strikes
}

/// Waits until no stall is under way, and counts each that was waited for.
pub(super) async fn stalled(stalls: &[Arc<Injector>]) {
    let under_way = || stalls.iter().find_map(|stall| Some((stall, stall.window_left(Instant::now())?)));
    while let Some((stall, left)) = under_way() {
        stall.took_effect(1);
        tokio::time::sleep(left).await;
    }
}

/// What the injector's fault would do to the record, if it can befall it.
fn eligible(
    injector: &Injector,
    partition: Option<i32>,
    records: &[ProduceRecord],
    strikes: &[Option<Strike>],
    index: usize,
) -> Option<Treatment> {
    let record = &records[index];
    match injector.kind() {
        FaultKind::DropAfterAck => Some(Treatment::Drop),
        FaultKind::Duplicate => Some(Treatment::Double),
        FaultKind::WrongOffset => Some(Treatment::MisreportOffset),
        FaultKind::NullToEmpty => record.value.is_none().then(|| Treatment::Replace(Some(Vec::new()))),
        FaultKind::CorruptByte => {
            let mut value = record.value.clone().filter(|value| !value.is_empty())?;
            // Another place each time; the lowest bit, since no JSON text stays the same value without it.
            let at =
                usize::try_from(injector.injected().wrapping_mul(7919) % value.len() as u64).unwrap_or(0);
            value[at] ^= 1;
            Some(Treatment::Replace(Some(value)))
        }
        FaultKind::ReorderInRequest => {
            let lane = |record: &ProduceRecord| (record.key.clone(), record.partition.or(partition));
            // Without key and partition the client spreads records, and no order is promised.
            let mine = Some(lane(record)).filter(|(key, partition)| key.is_some() || partition.is_some())?;
            let next = (index + 1..records.len()).find(|other| lane(&records[*other]) == mine)?;
            strikes[next].is_none().then_some(Treatment::SwapWith(next))
        }
        FaultKind::Stall
        | FaultKind::ForwardDenied
        | FaultKind::AdmitDenied
        | FaultKind::TokenOutage
        | FaultKind::DenyRead => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{Fault, Pace};

    fn injector(kind: FaultKind, every: u64) -> Arc<Injector> {
        Arc::new(Injector::new(Fault { kind, pace: Pace::Every(every), target: None, window: None }, 1))
    }

    fn record(key: Option<&str>, value: Option<&str>) -> ProduceRecord {
        let bytes = |text: Option<&str>| text.map(|text| text.as_bytes().to_vec());
        ProduceRecord { key: bytes(key), value: bytes(value), ..ProduceRecord::default() }
    }

    #[test]
    fn no_record_meets_two_faults() {
        let injectors = [injector(FaultKind::Duplicate, 2), injector(FaultKind::WrongOffset, 1)];
        let records = vec![record(None, Some("v")); 4];
        let seen: Vec<_> = plan(&injectors, "t", None, &records, Instant::now())
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
        let seen = plan(&[injector(FaultKind::ReorderInRequest, 1)], "t", None, &records, Instant::now());
        assert!(matches!(seen[0].as_ref().unwrap().treatment, Treatment::SwapWith(2)));
        assert!(matches!(seen[2].as_ref().unwrap().treatment, Treatment::Swapped));
        assert!(seen[1].is_none() && seen[3].is_none() && seen[4].is_none());
    }

    #[test]
    fn null_to_empty_meets_nulls_only_and_corruption_values_only() {
        let records = [record(None, None), record(None, Some("x"))];
        let nulls = plan(&[injector(FaultKind::NullToEmpty, 1)], "t", None, &records, Instant::now());
        assert!(nulls[0].is_some() && nulls[1].is_none());
        let bytes = plan(&[injector(FaultKind::CorruptByte, 1)], "t", None, &records, Instant::now());
        assert!(bytes[0].is_none() && bytes[1].is_some());
    }
}
