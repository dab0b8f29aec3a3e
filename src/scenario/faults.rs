//! Faults: what the doubles are told to do wrong.

use std::collections::BTreeSet;
use std::time::Duration;

use super::boxes::{is_container, is_embedded};
use super::decode::{Fields, Item};
use super::error::{Problems, nearest, quoted};
use super::model::{Fault, FaultKind, Pace, ProxySpec, StackSpec};
use super::network::{REFUSED, read_amount, read_replica, replicas};
use super::quantity::{parse_duration, parse_percent};
use super::reach::{Load, Written, check_reach};
use super::scalar::Resolved;
use super::tree::Kind;
use super::workload::Names;

/// Clients try again what was refused, after pauses of their own. With a pace or a window, what the reader gets
/// to see would be a matter of timing.
const ALWAYS: &str = "has no meaning for `deny-read`, which refuses every read for as long as the run lasts";
const ALL_OF_THEM: &str = "which befalls all requests, or all of a server, for as long as its window lasts";
const ONCE: &str = "has no meaning for this fault, which happens once; write `at: 5s`";
const NO_MOMENT: &str =
    "has no meaning for this fault, which has a pace or a window, and happens at no moment";
const NO_TARGET: &str = "has no meaning for this fault, which befalls no topic in particular";

/// The shortest restart: a shorter one could be over before anybody felt it.
const SHORTEST_RESTART: Duration = Duration::from_millis(50);

/// What stands around the faults in the scenario.
#[derive(Debug)]
pub(super) struct Around<'a> {
    /// `None` if it could not be read, and nothing is said about its boxes then.
    pub(super) stack: Option<&'a StackSpec>,
    pub(super) topics: &'a Names,
    /// `None` if a part of it could not be read, and nothing is said about its reach then.
    pub(super) load: Option<Load<'a>>,
}

/// Reads one fault.
pub(super) fn read_fault(item: &Item<'_>, around: &Around<'_>, problems: &mut Problems) -> Option<Fault> {
    let before = problems.count();
    let mut fields = item.fields(problems)?;
    let box_item = fields.required("box", "proxy", problems);
    let kind_item = fields.required("kind", "drop-after-ack", problems);
    let kind = kind_item.as_ref().and_then(|item| read_kind(item, problems));
    if let Some(item) = &box_item {
        check_box(item, kind, around.stack, problems);
    }
    let target_item = match kind {
        Some(FaultKind::MemoryGrowth) => None,
        Some(kind) if kind.is_window_alone() || kind.box_name() == "idp" => None,
        _ => fields.optional("target"),
    };
    let target = target_item
        .as_ref()
        .and_then(|item| around.topics.find(item, "topic", problems))
        .map(|index| around.topics.names[index].clone());
    let (pace, window_item) = match kind {
        Some(FaultKind::DenyRead) => (Some(Pace::Every(1)), None),
        Some(kind) if kind.is_moment() => (Some(Pace::Every(1)), fields.required("at", "5s", problems)),
        Some(kind) if kind.is_window_alone() => {
            (Some(Pace::Every(1)), fields.required("window", "[5s, 7s]", problems))
        }
        _ => (read_pace(&mut fields, problems), fields.optional("window")),
    };
    let is_moment = kind.is_some_and(FaultKind::is_moment);
    let window = window_item
        .as_ref()
        .and_then(|item| if is_moment { read_moment(item, problems) } else { read_window(item, problems) });
    if let (Some(FaultKind::LateTarget), Some(item), Some((from, _))) = (kind, &window_item, window)
        && !from.is_zero()
    {
        let message = "begins after the load, and the replica would be in service until then";
        item.suggest(problems, message, "let it begin at `0s`");
    }
    if let (Some(FaultKind::Restart | FaultKind::ReplicaRestart), Some(item), Some((from, to))) =
        (kind, &window_item, window)
        && to.saturating_sub(from) < SHORTEST_RESTART
    {
        let shortest = SHORTEST_RESTART.as_millis();
        item.suggest(
            problems,
            format!("is shorter than {shortest} ms, so that nobody might feel the restart"),
            format!("let it last for {shortest} ms or longer"),
        );
    }
    let replica = read_replica(&mut fields, kind, around.stack, problems);
    let amount = read_amount(&mut fields, kind, problems);
    // Only those that have not been asked for are refused.
    let window_alone = kind.filter(|kind| kind.is_window_alone());
    let all_of_them = window_alone.map(|kind| format!("has no meaning for `{}`, {ALL_OF_THEM}", kind.name()));
    let (paced, aimed) = match all_of_them.as_deref() {
        Some(sentence) => (sentence, sentence),
        None if is_moment => (ONCE, NO_TARGET),
        None => (ALWAYS, NO_TARGET),
    };
    let of_many =
        [("every", paced), ("rate", paced), ("window", paced), ("target", aimed), ("at", NO_MOMENT)];
    fields.finish(&[of_many.as_slice(), &REFUSED].concat(), problems);
    if (window_alone.is_some() || is_moment) && window.is_none() {
        return None;
    }
    let fault = Fault { kind: kind?, pace: pace?, target, window, replica, amount };
    if let Some(load) = around.load.filter(|_| problems.count() == before) {
        let written = Written { kind: kind_item, target: target_item, window: window_item };
        check_reach(&fault, &written, load, problems);
    }
    Some(fault)
}

fn read_kind(item: &Item<'_>, problems: &mut Problems) -> Option<FaultKind> {
    let all: Vec<_> = FaultKind::ALL.into_iter().chain(FaultKind::OF_CONTAINERS).collect();
    let named: Vec<_> = all.into_iter().map(|kind| (kind.name(), kind)).collect();
    item.choice(&named, problems)
}

fn check_box(item: &Item<'_>, kind: Option<FaultKind>, stack: Option<&StackSpec>, problems: &mut Problems) {
    const BOXES: [&str; 5] = ["idp", "gateway", "balancer", "proxy", "kafka"];
    let Some(name) = item.text(problems) else { return };
    if let Some(kind) = kind
        && kind.box_name() != name
    {
        let message = format!("{} is no fault of the box {}", quoted(kind.name()), quoted(name));
        item.suggest(problems, message, format!("write `box: {}`", kind.box_name()));
    } else if !BOXES.contains(&name) {
        item.suggest(
            problems,
            format!("no faults belong to the box {}", quoted(name)),
            nearest(name, &BOXES),
        );
    } else if kind.is_some_and(FaultKind::is_of_containers) {
        if stack.is_some_and(|stack| !is_container(stack, name)) {
            let message = format!("befalls containers, and the {name} of this stack is none");
            item.suggest(
                problems,
                message,
                "make the box `kind: container`, or take a fault of the embedded one",
            );
        } else if kind == Some(FaultKind::ScaleIn)
            && stack.is_some_and(
                |stack| matches!(&stack.proxy, ProxySpec::Container(proxy) if proxy.replicas < 2),
            )
        {
            let message = "the proxy of this stack has one replica, so none would be in service without it";
            item.suggest(problems, message, "set `stack.proxy.replicas` to 2 or more");
        }
    } else if stack.is_some_and(|stack| is_embedded(stack, name) == Some(false)) {
        let message =
            format!("only embedded boxes show faults, and the {name} of this stack is not embedded");
        let remedy = if name == "balancer" {
            "remove the fault, or make the proxy behind it `kind: embedded`"
        } else {
            "remove the fault, or make the box `kind: embedded`"
        };
        item.suggest(problems, message, remedy);
    } else if kind == Some(FaultKind::LeaderChange)
        && stack.is_some_and(|stack| stack.brokers().is_some_and(|brokers| brokers < 2))
    {
        let message = "the Kafka of this stack has one broker, so no other could lead";
        item.suggest(problems, message, "set `stack.kafka.brokers` to 2 or more");
    } else if kind == Some(FaultKind::LateTarget) && stack.is_some_and(|stack| replicas(stack) == Some(1)) {
        let message = "the proxy of this stack has one replica, so none would be in service without it";
        item.suggest(problems, message, "set `stack.proxy.replicas` to 2 or more");
    } else if kind == Some(FaultKind::LoseTail) && stack.is_some_and(StackSpec::is_idempotent) {
        let message = "the proxy of this stack is idempotent, and only batches of other producers are lost";
        item.suggest(problems, message, "remove the fault, or set `stack.proxy.idempotence` to false");
    }
}

/// Makes sure that not all replicas come late; `last` is the fault that would be one too many.
pub(super) fn check_late_targets(
    last: &Item<'_>,
    faults: &[Fault],
    stack: &StackSpec,
    problems: &mut Problems,
) {
    let Some(replicas @ 2..) = replicas(stack) else { return };
    let late = faults.iter().filter(|fault| fault.kind == FaultKind::LateTarget);
    let late: BTreeSet<u16> = late.map(|fault| fault.replica.unwrap_or(replicas)).collect();
    if late.len() >= usize::from(replicas) {
        let message = "leaves no replica that is in service when the load begins";
        last.suggest(problems, message, "let one of them come at once");
    }
}

fn read_pace(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<Pace> {
    match (fields.optional("every"), fields.optional("rate")) {
        (Some(every), None) => every.integer(&(1..=u64::MAX), problems).map(Pace::Every),
        (None, Some(rate)) => read_probability(&rate, problems).map(Pace::Rate),
        (None, None) => {
            let message = "says neither `every` nor `rate`, so it would never strike";
            problems.suggest(
                fields.at(),
                fields.path(),
                message,
                "write for instance `every: 1000` or `rate: 1%`",
            );
            None
        }
        (Some(_), Some(rate)) => {
            rate.suggest(problems, "cannot stand beside `every`", "remove one of the two");
            None
        }
    }
}

/// A probability: a number above 0 and up to 1, or a percentage.
fn read_probability(item: &Item<'_>, problems: &mut Problems) -> Option<f64> {
    const WANTED: &str = "must be a probability above 0 and at most 1, such as `0.01` or `1%`";
    let probability = match &item.node.kind {
        Kind::Scalar(scalar) => match scalar.resolve() {
            Resolved::Float(number) => Some(number),
            // Only 1 is a probability; the conversion of others need not be exact.
            Resolved::Integer(number) => Some(if number == 1 { 1.0 } else { 2.0 }),
            Resolved::Text(text) => parse_percent(text).ok().map(|percent| percent / 100.0),
            Resolved::Null | Resolved::Bool(_) => None,
        },
        Kind::List(_) | Kind::Mapping(_) => None,
    };
    let fitting = probability.filter(|probability| *probability > 0.0 && *probability <= 1.0);
    if fitting.is_none() {
        item.fail(problems, WANTED);
    }
    fitting
}

/// A moment after the start of the load, as a stretch of time without length.
fn read_moment(item: &Item<'_>, problems: &mut Problems) -> Option<(Duration, Duration)> {
    let at = item.quantity("a duration such as 5s", parse_duration, problems)?;
    Some((at, at))
}

/// A stretch of time after the start of the load: `[from, to]`.
fn read_window(item: &Item<'_>, problems: &mut Problems) -> Option<(Duration, Duration)> {
    const EXAMPLE: &str = "write for instance `window: [5s, 8s]`";
    if !matches!(item.node.kind, Kind::List(_)) {
        item.suggest(problems, format!("must be two durations, and is {}", item.node.describe()), EXAMPLE);
        return None;
    }
    let items = item.list(problems)?;
    let [from, to] = items.as_slice() else {
        item.suggest(problems, format!("must be two durations, and has {} items", items.len()), EXAMPLE);
        return None;
    };
    let mut read = |item: &Item<'_>| item.quantity("a duration such as 5s", parse_duration, problems);
    let (from, to) = (read(from), read(to));
    let (from, to) = (from?, to?);
    if from >= to {
        item.suggest(problems, "must end after it begins", EXAMPLE);
        return None;
    }
    Some((from, to))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn fault(stack: &str, text: &str) -> Result<Fault, String> {
        let text = format!(
            "version: 1\nname: x\ntopics: [{{ name: t, partitions: 2 }}]\n\
             partners: [{{ name: p, secret: generated, expect: refuse }}, {{ name: q, secret: generated }}]\n\
             workload: [{{ partner: p, topic: t, format: v2-json, payload: {{ file: r, key: /k }}, \
             records_per_request: 2, arrivals: {{ constant: 1/s }}, for: 9s }}, \
             {{ partner: q, topic: t, format: v3-json, payload: {{ file: r, timestamp: {{ start: 2026-01-01T00:00:00Z }} }}, identity: header, \
             arrivals: {{ constant: 1/s }}, for: 9s }}]\nstack: {{ {stack} }}\nfaults: [{{ {text} }}]\n"
        );
        crate::scenario::parse(&text, Path::new("x"), &[], &|_| unreachable!("extends nothing"))
            .map(|scenario| scenario.faults[0].clone())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn every_fault_belongs_to_its_box_alone() {
        for kind in FaultKind::ALL {
            for name in ["idp", "gateway", "balancer", "proxy", "kafka"] {
                let second = Duration::from_secs(1);
                let (pace, every, window) = match kind {
                    FaultKind::DenyRead => ("", 1, None),
                    kind if kind.is_moment() => (", at: 2s", 1, Some((2 * second, 2 * second))),
                    FaultKind::LateTarget => (", window: [0s, 2s]", 1, Some((Duration::ZERO, 2 * second))),
                    kind if kind.is_window_alone() => (", window: [1s, 2s]", 1, Some((second, 2 * second))),
                    _ => (", every: 3", 3, None),
                };
                let read = fault(
                    "idp: { token_life: 5s }, proxy: { replicas: 2 }, kafka: { brokers: 2 }",
                    &format!("box: {name}, kind: {}{pace}", kind.name()),
                );
                if name == kind.box_name() {
                    assert_eq!(read, Ok(Fault { window, ..Fault::new(kind, Pace::Every(every)) }));
                } else {
                    let remedy = format!("write `box: {}`", kind.box_name());
                    assert!(read.unwrap_err().contains(&remedy));
                }
            }
        }
    }

    #[test]
    fn a_leader_changes_where_there_is_another_broker() {
        let change = |stack: &str| fault(stack, "box: kafka, kind: leader-change, every: 2");
        assert!(change("kafka: { brokers: 2 }").is_ok());
        for stack in ["", "kafka: { brokers: 1 }"] {
            let error = change(stack).unwrap_err();
            let sentence = "faults[0].box: the Kafka of this stack has one broker, so no other could lead";
            assert!(error.contains(sentence) && error.lines().count() == 1, "{error}");
        }
        assert_eq!(change("kafka: { brokers: 10 }").unwrap_err().lines().count(), 1);
    }

    #[test]
    fn a_tail_is_lost_where_no_idempotent_producer_would_notice() {
        let lose = |stack: &str| fault(stack, "box: kafka, kind: lose-tail, every: 2");
        assert!(lose("proxy: { idempotence: false }").is_ok());
        let error = lose("proxy: { idempotence: true }").unwrap_err();
        assert!(error.contains("faults[0].box: the proxy of this stack is idempotent"), "{error}");
    }

    #[test]
    fn paces() {
        let pace =
            |text: &str| fault("", &format!("box: proxy, kind: duplicate{text}")).map(|fault| fault.pace);
        assert_eq!(pace(", every: 1"), Ok(Pace::Every(1)));
        assert_eq!(pace(", rate: 0.25"), Ok(Pace::Rate(0.25)));
        assert_eq!(pace(", rate: 25%"), Ok(Pace::Rate(0.25)));
        assert_eq!(pace(", rate: 1"), Ok(Pace::Rate(1.0)));
        for bad in [
            "",
            ", every: 0",
            ", every: 1, rate: 1%",
            ", rate: 0",
            ", rate: 1.1",
            ", rate: 101%",
            ", rate: .nan",
            ", rate: -0.1",
        ] {
            assert!(pace(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn reads_are_denied_always() {
        let deny = |more: &str| fault("", &format!("box: kafka, kind: deny-read{more}"));
        let fault = Fault::new(FaultKind::DenyRead, Pace::Every(1));
        assert_eq!(deny(""), Ok(fault.clone()));
        assert_eq!(deny(", every: null"), Ok(fault.clone()));
        assert_eq!(deny(", target: t"), Ok(Fault { target: Some("t".into()), ..fault }));
        for (name, text) in [("every", "1"), ("rate", "50%"), ("window", "[0s, 1s]")] {
            let error = deny(&format!(", {name}: {text}")).unwrap_err();
            let sentence = format!("faults[0].{name}: has no meaning for `deny-read`");
            assert!(error.contains(&sentence) && error.lines().count() == 1, "{error}");
        }
    }

    #[test]
    fn stalls_and_restarts_are_a_window_alone() {
        for (kind, place, name) in
            [(FaultKind::Stall, "proxy", "stall"), (FaultKind::Restart, "kafka", "restart")]
        {
            let read = |more: &str| fault("", &format!("box: {place}, kind: {name}{more}"));
            let window = Some((Duration::from_secs(1), Duration::from_secs(3)));
            let expected = Fault { window, ..Fault::new(kind, Pace::Every(1)) };
            assert_eq!(read(", window: [1s, 3s]"), Ok(expected));
            assert!(read("").unwrap_err().contains("window"));
            assert!(read(", window: [9s, 10s]").unwrap_err().contains("begins when the load"));
            for (field, text) in [("every", "1"), ("rate", "50%"), ("target", "t")] {
                let error = read(&format!(", window: [1s, 3s], {field}: {text}")).unwrap_err();
                let sentence = format!("faults[0].{field}: has no meaning for `{name}`");
                assert!(error.contains(&sentence) && error.lines().count() == 1, "{error}");
            }
        }
    }

    #[test]
    fn a_restart_lasts_long_enough_to_be_felt() {
        for kind in ["box: kafka, kind: restart", "box: proxy, kind: replica-restart"] {
            assert!(fault("", &format!("{kind}, window: [1s, 1050ms]")).is_ok());
            let error = fault("", &format!("{kind}, window: [1s, 1049ms]")).unwrap_err();
            assert!(error.contains("faults[0].window: is shorter than 50 ms"), "{error}");
        }
        assert!(fault("", "box: proxy, kind: stall, window: [1s, 1049ms]").is_ok());
    }

    #[test]
    fn an_outage_of_the_idp_has_no_topic() {
        let outage = |more: &str| {
            fault("idp: { token_life: 5s }", &format!("box: idp, kind: token-outage, every: 1{more}"))
        };
        assert_eq!(outage(", window: [1s, 2s]").map(|fault| fault.target), Ok(None));
        let error = outage(", target: t").unwrap_err();
        assert!(error.contains("faults[0].target: has no meaning for this fault"), "{error}");
    }

    #[test]
    fn target_and_window() {
        let read =
            fault("", "box: proxy, kind: duplicate, every: 2, target: t, window: [0s, 1500ms]").unwrap();
        assert_eq!(read.target.as_deref(), Some("t"));
        assert_eq!(read.window, Some((Duration::ZERO, Duration::from_millis(1500))));
        for bad in [
            "target: u",
            "window: [1s, 1s]",
            "window: [1s]",
            "window: 1s",
            "window: [1s, 2]",
            "window: [1s, 2s, 3s]",
        ] {
            assert!(fault("", &format!("box: proxy, kind: duplicate, every: 2, {bad}")).is_err(), "{bad}");
        }
    }

    #[test]
    fn only_embedded_boxes_show_faults() {
        for (stack, text) in [
            ("idp: none, gateway: none", "box: gateway, kind: admit-denied, every: 2"),
            (
                "proxy: { kind: external, url: 'http://localhost:1' }, kafka: { port: 1 }",
                "box: proxy, kind: duplicate, every: 2",
            ),
            ("kafka: { kind: external, bootstrap: 'localhost:1' }", "box: kafka, kind: deny-read"),
            ("idp: none, gateway: none", "box: idp, kind: token-outage, every: 1"),
            (
                "proxy: { kind: external, url: 'http://localhost:1' }, kafka: { port: 1 }",
                "box: balancer, kind: black-hole, window: [1s, 2s]",
            ),
        ] {
            assert!(fault(stack, text).unwrap_err().contains("only embedded boxes show faults"), "{stack}");
        }
    }
}
