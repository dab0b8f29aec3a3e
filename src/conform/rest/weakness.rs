//! Faults that landfall's own proxy and broker can be told to show, so that it is seen whether the suite finds them.

use crate::scenario::{Fault, FaultKind, Pace};

/// How a fault stands to the suite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// It is found by cases, these among them.
    Found(&'static [&'static str]),
    /// Nothing is to be seen of it, for this reason: a proxy that is sound bears it.
    Borne(&'static str),
    /// The suite says nothing of it, for this reason.
    Beyond(&'static str),
}

/// A record with a key, alone in its request.
const ONE: &str = "rest/v2.response.offset-truth/key-and-value";
/// Many in one.
const MANY: &str = "rest/v2.response.offset-truth/many-records";

const TIME: &str = "it makes answers late, which is no case's business; see `landfall run`";
const ELSEWHERE: &str =
    "it is a fault of another box than proxy and Kafka, neither of which is on the suite's path";

/// Whether the suite finds a fault, and by which cases.
#[must_use]
pub fn reach(kind: FaultKind) -> Reach {
    use FaultKind as F;
    match kind {
        F::NotLeader => Reach::Borne(
            "Kafka's client asks for the leader and sends again; without idempotence records that are sent together may change \
             places then",
        ),
        F::LeaderChange => Reach::Borne("Kafka's client sends to the new leader; it takes several brokers"),
        F::Restart => Reach::Borne("Kafka's client connects again; `rel.recovery` is about it"),
        F::DenyRead => Reach::Beyond("nobody can look what landed then, and the suite says so"),
        F::Delay | F::LatencySpike | F::Stall | F::SlowStart => Reach::Beyond(TIME),
        F::ReplicaRestart => {
            Reach::Beyond("connections break, and none of the requests is at fault; see `landfall run`")
        }
        F::MemoryGrowth => Reach::Beyond("no request shows it; see `landfall soak`"),
        F::DropAfterAck => {
            Reach::Found(&[ONE, "rest/http.keep-alive/v3", "rest/err.topic-missing.auto-create/json"])
        }
        F::LoseTail => Reach::Found(&[
            ONE,
            "rest/rel.order.sequential/v2",
            "rest/v2.response.count/thousand-records",
            "rest/v2.response.count/ten-thousand-records",
            "rest/http.body-limit/three-megabytes",
        ]),
        F::Duplicate | F::ErrorAfterAppend | F::ResetAfterAppend => {
            Reach::Found(&[ONE, "rest/http.keep-alive/v3"])
        }
        F::CorruptByte | F::Truncate => Reach::Found(&[ONE, "rest/http.client-disconnect/after-request"]),
        F::NullToEmpty => {
            Reach::Found(&["rest/v2.produce.json.null-value/with-key", "rest/v2.binary.null-value/with-key"])
        }
        F::SwapKeys => Reach::Found(&[
            "rest/v2.partition.key-hash/twenty-keys-three-partitions",
            MANY,
            "rest/http.keep-alive/v2",
        ]),
        F::RoundNumbers => Reach::Found(&["rest/v2.produce.json.big-integer/above-two-to-53"]),
        F::Reformat => Reach::Found(&["rest/v2.produce.json.object/small", "rest/http.keep-alive/v3"]),
        F::LoseUnicode => Reach::Found(&["rest/neg.ct.charset-utf8/lower-case"]),
        F::LoseHeaders => {
            Reach::Found(&["rest/v3.headers.base64/one", "rest/v3.headers.duplicate-order/a-b-a"])
        }
        F::ShiftTimestamp => Reach::Found(&["rest/v3.timestamp.iso/utc"]),
        F::WrongOffset | F::NeverAnswer | F::AppendLate => {
            Reach::Found(&[ONE, "rest/rel.order.sequential/v2"])
        }
        F::WrongPartition => {
            Reach::Found(&["rest/v2.partition.path/one-record", "rest/http.concurrent-isolation/v3"])
        }
        F::ExchangeOffsets | F::ReorderInRequest => Reach::Found(&[
            "rest/v2.partition.same-key-same-partition/two-records",
            MANY,
            "rest/v3.stream.concatenated/many-records",
        ]),
        F::StaleAnswer => Reach::Found(&["rest/http.keep-alive/v2", "rest/http.keep-alive/v3"]),
        F::NegativeOffset | F::TimeoutAfterAppend | F::MessageTooLarge => {
            Reach::Found(&[ONE, "rest/http.keep-alive/v2"])
        }
        F::HideFailure => Reach::Found(&[
            "rest/v2.response.error-entry-shape/illegal-topic",
            "rest/v2.response.error-entry-codes/not-retriable",
        ]),
        F::FalseFailure | F::ErrorItems => Reach::Found(&[ONE, "rest/http.concurrent-isolation/v2"]),
        // All others are of other boxes.
        _ => Reach::Beyond(ELSEWHERE),
    }
}

/// The faults that a case is known to find.
#[must_use]
pub fn shows(case: &str) -> Vec<&'static str> {
    let finds = |kind: &FaultKind| matches!(reach(*kind), Reach::Found(cases) if cases.contains(&case));
    FaultKind::ALL.into_iter().filter(finds).map(FaultKind::name).collect()
}

/// Reads a fault that is to be shown: its name, and perhaps `:every=N`.
///
/// # Errors
/// What is wrong with it, with the faults that there are.
pub fn read_weakness(text: &str) -> Result<Fault, String> {
    let (name, every) = match text.split_once(":every=") {
        None => (text, Ok(1)),
        Some((name, every)) => (name, every.parse()),
    };
    let can_be_shown = |kind: &FaultKind| match reach(*kind) {
        Reach::Found(_) => true,
        Reach::Borne(_) => *kind == FaultKind::NotLeader,
        Reach::Beyond(_) => false,
    };
    let names = || {
        let all = FaultKind::ALL.into_iter().filter(can_be_shown).map(FaultKind::name);
        all.collect::<Vec<_>>().join(", ")
    };
    let Some(kind) = FaultKind::ALL.into_iter().find(|kind| kind.name() == name) else {
        return Err(format!("there is no such fault; there are: {}", names()));
    };
    if !can_be_shown(&kind) {
        let (Reach::Borne(reason) | Reach::Beyond(reason)) = reach(kind) else { return Err(names()) };
        return Err(format!("the suite cannot show this fault: {reason}; it can show: {}", names()));
    }
    match every {
        Ok(every @ 1..) => Ok(Fault::new(kind, Pace::Every(every))),
        _ => Err("write how often it strikes as `:every=N`, where N is 1 or more".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_of_proxy_and_kafka_is_spoken_of_and_of_every_one_that_is_found_a_case_is() {
        for kind in FaultKind::ALL {
            let on_the_path = matches!(kind.box_name(), "proxy" | "kafka");
            assert_eq!(reach(kind) == Reach::Beyond(ELSEWHERE), !on_the_path, "{}", kind.name());
            assert_ne!(reach(kind), Reach::Found(&[]), "{}", kind.name());
        }
        assert_eq!(shows("rest/v3.timestamp.iso/utc"), ["shift-timestamp"]);
    }

    #[test]
    fn a_fault_is_read_with_how_often_it_strikes() {
        let every = |text: &str| read_weakness(text).map(|fault| (fault.kind, fault.pace));
        assert_eq!(every("duplicate"), Ok((FaultKind::Duplicate, Pace::Every(1))));
        assert_eq!(every("not-leader:every=7"), Ok((FaultKind::NotLeader, Pace::Every(7))));
        for (text, part) in [
            ("duplicat", "there are: drop-after-ack"),
            ("delay", "late"),
            ("drop-header", "another box"),
            ("restart", "connects again"),
            ("duplicate:every=0", "every=N"),
            ("duplicate:every=x", "every=N"),
        ] {
            let error = read_weakness(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
