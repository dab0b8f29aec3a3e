//! What is particular to faults of the balancer: whose connections they befall, and how much they do.

use std::time::Duration;

use super::decode::Fields;
use super::error::Problems;
use super::model::{Amount, FaultKind, ProxySpec, StackSpec};

/// The longest delay: no client waits for longer than that.
const LONGEST_DELAY: Duration = Duration::from_mins(5);
/// More than any connection here sees.
const MOST_BYTES: u64 = 1 << 30;

/// Why settings are refused where nobody asks for them.
pub(super) const REFUSED: [(&str, &str); 4] = [
    (
        "replica",
        "has no meaning for this fault; only those of the balancer and of containers befall one that is named",
    ),
    ("delay", "has no meaning for this fault; write `kind: network-delay`, whose delay it is"),
    ("bytes_per_second", "has no meaning for this fault; write `kind: network-throttle`, whose rate it is"),
    (
        "after_bytes",
        "has no meaning for this fault; write `kind: network-reset`, which waits for so many bytes",
    ),
];

/// The replica that is named, which must be there.
pub(super) fn read_replica(
    fields: &mut Fields<'_>,
    kind: Option<FaultKind>,
    stack: Option<&StackSpec>,
    problems: &mut Problems,
) -> Option<u16> {
    let of_all = [FaultKind::RollingRestart, FaultKind::ScaleOut];
    if kind.is_some_and(|kind| {
        kind.box_name() != "balancer" && (!kind.is_of_containers() || of_all.contains(&kind))
    }) {
        return None;
    }
    let item = fields.optional("replica")?;
    let replica = item.integer(&(1..=16), problems)?;
    let of_kafka = kind.is_some_and(|kind| kind.box_name() == "kafka");
    let there = stack.and_then(|stack| if of_kafka { stack.brokers() } else { replicas(stack) });
    let (what, one, field) = if of_kafka {
        ("the Kafka of this stack", "broker", "stack.kafka.brokers")
    } else {
        ("the proxy of this stack", "replica", "stack.proxy.replicas")
    };
    match there {
        Some(there) if replica > there => {
            let count = if there == 1 { format!("one {one}") } else { format!("{there} {one}s") };
            let message = format!("{what} has {count}, and no number {replica}");
            let most = format!("name one from 1 to {there}, or set `{field}` to {replica}");
            item.suggest(problems, message, most);
            None
        }
        _ => Some(replica),
    }
}

/// How many replicas landfall starts.
pub(super) fn replicas(stack: &StackSpec) -> Option<u16> {
    match &stack.proxy {
        ProxySpec::Embedded { replicas, .. } => Some(*replicas),
        ProxySpec::Container(proxy) => Some(proxy.replicas),
        ProxySpec::External { .. } | ProxySpec::None => None,
    }
}

/// How much the fault does: as much as its kind does where nothing is said.
pub(super) fn read_amount(
    fields: &mut Fields<'_>,
    kind: Option<FaultKind>,
    problems: &mut Problems,
) -> Option<Amount> {
    let is = |of| kind.is_none_or(|kind| kind == of);
    let mut amount = None;
    if is(FaultKind::NetworkDelay)
        && let Some(item) = fields.optional("delay")
    {
        let range = Duration::from_millis(1)..=LONGEST_DELAY;
        amount = item.duration(&range, problems).map(Amount::EachWay);
    }
    if is(FaultKind::NetworkThrottle)
        && let Some(item) = fields.optional("bytes_per_second")
    {
        amount = item.size(&(1..=MOST_BYTES), problems).map(Amount::BytesPerSecond);
    }
    if is(FaultKind::NetworkReset)
        && let Some(item) = fields.optional("after_bytes")
    {
        amount = item.size(&(0..=MOST_BYTES), problems).map(Amount::AfterBytes);
    }
    amount.or_else(|| kind.and_then(FaultKind::usual_amount))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::scenario::{Fault, Pace};

    fn fault(text: &str, replicas: u16) -> Result<Fault, String> {
        let text = format!(
            "version: 1\nname: x\ntopics: [{{ name: t }}]\npartners: [{{ name: p, secret: generated }}]\n\
             workload: [{{ partner: p, topic: t, format: v2-json, payload: {{ file: r }}, \
             arrivals: {{ constant: 1/s }}, for: 9s }}]\nstack: {{ proxy: {{ replicas: {replicas} }} }}\n\
             faults: [{{ {text} }}]\n"
        );
        crate::scenario::parse(&text, Path::new("x"), &[], &|_| unreachable!("extends nothing"))
            .map(|scenario| scenario.faults[0].clone())
            .map_err(|error| error.to_string())
    }

    fn network(text: &str) -> Result<Fault, String> {
        fault(&format!("box: balancer, window: [0s, 3s], kind: {text}"), 2)
    }

    #[test]
    fn each_has_its_own_setting_and_what_is_usual() {
        let amount = |text| network(text).map(|fault| fault.amount);
        assert_eq!(amount("network-delay"), Ok(Some(Amount::EachWay(Duration::from_millis(100)))));
        assert_eq!(amount("network-delay, delay: 2s"), Ok(Some(Amount::EachWay(Duration::from_secs(2)))));
        assert_eq!(amount("network-throttle"), Ok(Some(Amount::BytesPerSecond(10_000))));
        let slow = amount("network-throttle, bytes_per_second: 50B");
        assert_eq!(slow, Ok(Some(Amount::BytesPerSecond(50))));
        assert_eq!(amount("network-reset"), Ok(Some(Amount::AfterBytes(0))));
        assert_eq!(amount("network-reset, after_bytes: 7B"), Ok(Some(Amount::AfterBytes(7))));
        assert_eq!(amount("black-hole"), Ok(None));
        for (text, sentence) in [
            ("network-delay, delay: 0s", "faults[0].delay: must be from 1ms to 5m"),
            ("network-delay, after_bytes: 1B", "faults[0].after_bytes: has no meaning for this fault"),
            ("network-throttle, bytes_per_second: 0B", "faults[0].bytes_per_second: must be from 1B to 1GiB"),
            ("kill-target, delay: 1s", "write `kind: network-delay`, whose delay it is"),
        ] {
            let error = amount(text).unwrap_err();
            assert!(error.contains(sentence) && error.lines().count() == 1, "{error}");
        }
    }

    #[test]
    fn a_replica_must_be_there() {
        let expected = Fault {
            window: Some((Duration::ZERO, Duration::from_secs(3))),
            replica: Some(2),
            ..Fault::new(FaultKind::KillTarget, Pace::Every(1))
        };
        assert_eq!(network("kill-target, replica: 2"), Ok(expected));
        let error = network("kill-target, replica: 3").unwrap_err();
        let sentence = "faults[0].replica: the proxy of this stack has 2 replicas, and no number 3";
        assert!(error.contains(sentence) && error.contains("name one from 1 to 2"), "{error}");
        let error = fault("box: proxy, kind: stall, window: [0s, 3s], replica: 1", 2).unwrap_err();
        assert!(error.contains("only those of the balancer and of containers"), "{error}");
    }

    #[test]
    fn a_late_replica_is_missing_from_the_beginning_and_leaves_another() {
        let late = |window: &str, replicas| {
            fault(&format!("box: balancer, kind: late-target, window: [{window}]"), replicas)
        };
        assert!(late("0s, 3s", 2).is_ok());
        let error = late("1s, 3s", 2).unwrap_err();
        assert!(error.contains("faults[0].window: begins after the load"), "{error}");
        let error = late("0s, 3s", 1).unwrap_err();
        assert!(error.contains("faults[0].box: the proxy of this stack has one replica"), "{error}");
    }
}
