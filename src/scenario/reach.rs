//! Whether a fault can strike at all. One that cannot leaves nothing to find, and so a run that proves nothing.

use std::time::Duration;

use super::decode::Item;
use super::error::{Problems, quoted};
use super::model::{Expect, Fault, FaultKind, Format, IdentityPlace, Partner, Renew, TopicSpec, Workload};
use super::quantity::format_duration;

/// Who sends what in the scenario.
#[derive(Debug, Clone, Copy)]
pub(super) struct Load<'a> {
    pub(super) partners: &'a [Partner],
    pub(super) topics: &'a [TopicSpec],
    pub(super) workloads: &'a [Workload],
    /// How long tokens live, where there are any.
    pub(super) token_life: Option<Duration>,
}

/// Where a fault's own words stand.
#[derive(Debug)]
pub(super) struct Written<'t> {
    pub(super) kind: Option<Item<'t>>,
    pub(super) target: Option<Item<'t>>,
    pub(super) window: Option<Item<'t>>,
}

/// Reports a fault that can befall nothing of the load: no workload is left after its target, its kind and its
/// window have been considered, in this order.
pub(super) fn check_reach(fault: &Fault, written: &Written<'_>, load: Load<'_>, problems: &mut Problems) {
    let mut reached: Vec<&Workload> = load.workloads.iter().collect();
    if let (Some(target), Some(item)) = (&fault.target, &written.target) {
        let named = |workload: &&Workload| load.topics.get(workload.topic).map(|topic| &topic.name);
        reached.retain(|workload| named(workload) == Some(target));
        if reached.is_empty() {
            let message =
                format!("no workload writes to the topic {}, so it would never strike", quoted(target));
            item.suggest(problems, message, "name a topic that one writes to");
            return;
        }
    }
    if let (Some(needs), Some(item)) = (Needs::of(fault.kind), &written.kind) {
        reached.retain(|workload| (needs.fits)(workload, load));
        if reached.is_empty() {
            let of_target = fault.target.as_ref().map(|target| format!(" to the topic {}", quoted(target)));
            let message =
                format!("{}{}, so it would never strike", needs.missing, of_target.unwrap_or_default());
            item.suggest(problems, message, needs.remedy);
            return;
        }
    }
    if let (Some((from, to)), Some(item)) = (fault.window, &written.window)
        && let Some(longest) = reached.iter().map(|workload| workload.duration()).max()
    {
        let longest_text = format_duration(longest);
        if from >= longest {
            let message =
                format!("begins when the load that it could befall has ended, after {longest_text}");
            item.suggest(problems, message, "let it begin earlier");
        } else if fault.kind == FaultKind::ScaleIn && to >= longest {
            // The replica goes when it has had no more connections for so long.
            let message =
                format!("ends when the load has ended, after {longest_text}, and no replica would have gone");
            item.suggest(problems, message, "let it end earlier");
        }
    }
}

/// What a kind of fault needs of a workload.
struct Needs {
    fits: fn(&Workload, Load<'_>) -> bool,
    /// What is missing where no workload fits, up to the topic.
    missing: &'static str,
    remedy: &'static str,
}

/// Whether some of a workload's requests must be refused.
fn is_denied(workload: &Workload, load: Load<'_>) -> bool {
    let Some(partner) = load.partners.get(workload.partner) else { return false };
    let expires = load.token_life.is_some_and(|life| life + partner.token.grace < workload.duration());
    partner.expect == Expect::Refuse || (partner.token.renew == Renew::Never && expires)
}

/// Whether some of a workload's requests must be accepted.
fn is_let_through(workload: &Workload, load: Load<'_>) -> bool {
    load.partners.get(workload.partner).is_some_and(|partner| partner.expect != Expect::Refuse)
}

/// Whether the workload's partner renews its token while requests are due.
fn is_renewed(workload: &Workload, load: Load<'_>) -> bool {
    let Some(partner) = load.partners.get(workload.partner) else { return false };
    let renewed = load.token_life.and_then(|life| partner.token.renewed_after(life, workload.partner));
    renewed.is_some_and(|after| after < workload.duration())
}

impl Needs {
    fn of(kind: FaultKind) -> Option<Self> {
        match kind {
            FaultKind::ForwardDenied | FaultKind::AdmitDenied => Some(Self {
                fits: is_denied,
                missing: "no partner with `expect: refuse`, or with a token that expires for good, sends requests",
                remedy: "let one that has no right to write have a workload",
            }),
            FaultKind::TokenOutage
            | FaultKind::TokenSlow
            | FaultKind::TokenHtml
            | FaultKind::TokenTimeout
            | FaultKind::WrongKid => Some(Self {
                fits: is_renewed,
                missing: "no partner renews its token before its workload ends",
                remedy: "set `stack.idp.token_life` below the time for which requests are due",
            }),
            FaultKind::DropHeader => Some(Self {
                fits: |workload, load| is_let_through(workload, load) && workload.format != Format::V2Binary,
                missing: "no partner that is let through sends requests whose format the proxy takes from a header",
                remedy: "let one have a workload of another format than `v2-binary`",
            }),
            FaultKind::TruncateBody | FaultKind::LateSuccess => Some(Self {
                fits: is_let_through,
                missing: "no partner that is let through sends requests",
                remedy: "let one that has the right to write have a workload",
            }),
            kind if kind.box_name() == "balancer" => Some(Self {
                fits: is_let_through,
                missing: "no partner that is let through sends requests",
                remedy: "let one that has the right to write have a workload",
            }),
            FaultKind::WrongPartition => Some(Self {
                fits: |workload, load| {
                    load.topics.get(workload.topic).is_some_and(|topic| topic.partitions > 1)
                },
                missing: "no workload writes to a topic of several partitions",
                remedy: "set the topic's `partitions` above 1",
            }),
            FaultKind::LoseHeaders => Some(Self {
                fits: |workload, _load| matches!(workload.identity, IdentityPlace::Header(_)),
                missing: "no workload sends records with headers",
                remedy: "set `identity: header`",
            }),
            FaultKind::ShiftTimestamp => Some(Self {
                fits: |workload, _load| workload.payload.timestamp.is_some(),
                missing: "no workload sends records with timestamps",
                remedy: "set `payload.timestamp` in a workload of v3",
            }),
            FaultKind::RoundNumbers | FaultKind::Reformat => Some(Self {
                fits: |workload, _load| matches!(workload.format, Format::V2Json | Format::V3Json),
                missing: "no workload sends JSON",
                remedy: "let one have the format `v2-json` or `v3-json`",
            }),
            // Records that carry their identity in the key would only have changed places.
            FaultKind::SwapKeys => Some(Self {
                fits: |workload, _load| {
                    workload.records_per_request.may_be_several()
                        && workload.payload.key.is_some()
                        && workload.identity != IdentityPlace::Key
                },
                missing: "no workload sends several records with keys of their payload in a request",
                remedy: "set `records_per_request` above 1, and `payload.key`",
            }),
            // The pair is one of records with the same key and partition; each identity is another key.
            FaultKind::ReorderInRequest | FaultKind::ExchangeOffsets => Some(Self {
                fits: |workload, _load| {
                    let ordered = workload.payload.key.is_some()
                        || (workload.partition.is_some() && workload.identity != IdentityPlace::Key);
                    workload.records_per_request.may_be_several() && ordered
                },
                missing: "no workload sends several records of one key or partition in a request",
                remedy: "set `records_per_request` above 1, and `payload.key` or `partition`",
            }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    /// Two topics that are written to and one that is not, a partner who is refused, workloads of 10 s and 3 s.
    const SCENARIO: &str = "version: 1\nname: x\ntopics: [{ name: t }, { name: u }, { name: spare }]\n\
        partners: [{ name: p, secret: generated }, { name: q, secret: generated, expect: refuse }]\nworkload:\n  \
        - { partner: p, topic: t, format: v2-json, payload: { file: r, key: /k }, records_per_request: 2, \
        arrivals: { constant: 1/s }, for: 10s }\n  \
        - { partner: q, topic: u, format: v2-json, payload: { file: r }, arrivals: { constant: 1/s }, for: 3s }\n";

    fn fault(text: &str, sets: &[&str]) -> Result<(), String> {
        let text = format!("{SCENARIO}faults: [{{ {text} }}]\n");
        let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
        crate::scenario::parse(&text, Path::new("x"), &sets, &|_| unreachable!("extends nothing"))
            .map(|_| ())
            .map_err(|error| error.to_string())
    }

    #[track_caller]
    fn refused(text: &str, sets: &[&str], sentence: &str) {
        let error = fault(text, sets).unwrap_err();
        assert!(error.contains(sentence) && error.lines().count() == 1, "{error}");
    }

    #[test]
    fn a_target_must_be_written_to() {
        let drop = "box: proxy, kind: drop-after-ack, every: 2";
        assert_eq!(fault(&format!("{drop}, target: t"), &[]), Ok(()));
        let none = "faults[0].target: no workload writes to the topic `spare`, so it would never strike";
        refused(&format!("{drop}, target: spare"), &[], none);
        refused("box: kafka, kind: deny-read, target: spare", &[], none);
    }

    #[test]
    fn a_window_must_begin_within_the_load_that_the_fault_can_befall() {
        let duplicate = |from: &str, more: &str| {
            format!("box: proxy, kind: duplicate, every: 2, window: [{from}, 1h]{more}")
        };
        assert_eq!(fault(&duplicate("9999ms", ""), &[]), Ok(()));
        let ended = "faults[0].window: begins when the load that it could befall has ended, after 10s";
        refused(&duplicate("10s", ""), &[], ended);
        assert_eq!(fault(&duplicate("10s", ""), &["workload[1].for=11s"]), Ok(()));
        refused(&duplicate("3s", ", target: u"), &[], "has ended, after 3s");
        refused("box: gateway, kind: admit-denied, every: 2, window: [3s, 9s]", &[], "has ended, after 3s");
    }

    #[test]
    fn a_replica_must_go_before_the_load_has_ended() {
        let goes = |to: &str| format!("box: proxy, kind: scale-in, window: [1s, {to}]");
        let stack = "stack={kafka: container, proxy: {kind: container, adapter: landfall, replicas: 2}}";
        assert_eq!(fault(&goes("9999ms"), &[stack]), Ok(()));
        refused(&goes("10s"), &[stack], "faults[0].window: ends when the load has ended, after 10s");
    }

    #[test]
    fn a_denial_needs_somebody_to_deny() {
        for kind in ["forward-denied", "admit-denied"] {
            let denied = format!("box: gateway, kind: {kind}, every: 2");
            assert_eq!(fault(&denied, &[]), Ok(()));
            assert_eq!(fault(&format!("{denied}, target: u"), &[]), Ok(()));
            let nobody = "faults[0].kind: no partner with `expect: refuse`, or with a token that expires for good, \
                sends requests";
            refused(&denied, &["partners[q].expect=accept"], nobody);
            refused(&denied, &["workload[1].partner=p"], nobody);
            refused(&format!("{denied}, target: t"), &[], &format!("{nobody} to the topic `t`"));
        }
    }

    #[test]
    fn a_token_that_expires_for_good_is_somebody_to_deny() {
        let admit = "box: gateway, kind: admit-denied, every: 2, target: t";
        let path = "stack={idp: {token_life: 5s}, gateway: {leeway: 4s, authorizer_ttl: 0s}}";
        let never = "partners[p].token={renew: never}";
        assert_eq!(fault(admit, &[path, never]), Ok(()));
        refused(admit, &[path], "faults[0].kind: no partner with");
        refused(admit, &[path, never, "stack.gateway.leeway=5s"], "faults[0].kind: no partner with");
    }

    #[test]
    fn an_outage_needs_renewals() {
        let outage = "box: idp, kind: token-outage, every: 1";
        let none = "faults[0].kind: no partner renews its token before its workload ends";
        let life = |life: &str| format!("stack.idp.token_life={life}");
        assert_eq!(fault(outage, &[&life("5s")]), Ok(()));
        assert_eq!(fault(outage, &[&life("11s")]), Ok(()));
        refused(outage, &[&life("12s")], none);
        refused(outage, &[&life("5s"), "partners[p].token.renew=never"], none);
    }

    #[test]
    fn a_swap_needs_two_records_whose_order_is_promised() {
        let swap = "box: proxy, kind: reorder-in-request, every: 2";
        assert_eq!(fault(swap, &[]), Ok(()));
        let alone = "faults[0].kind: no workload sends several records of one key or partition in a request";
        refused(swap, &["workload[0].records_per_request=1"], alone);
        refused(&format!("{swap}, target: u"), &[], &format!("{alone} to the topic `u`"));
        let no_key = "workload[0].payload={file: r}";
        refused(swap, &[no_key], alone);
        assert_eq!(fault(swap, &[no_key, "workload[0].partition=0"]), Ok(()));
        refused(swap, &[no_key, "workload[0].partition=0", "workload[0].identity=key"], alone);
    }

    #[test]
    fn faults_of_content_and_place_need_records_that_they_can_change() {
        let fault_of = |kind: &str| format!("box: proxy, kind: {kind}, every: 2");
        let exchange = fault_of("exchange-offsets");
        assert_eq!(fault(&exchange, &[]), Ok(()));
        let alone = "faults[0].kind: no workload sends several records of one key or partition in a request";
        refused(&exchange, &["workload[0].records_per_request=1"], alone);
        let keys = fault_of("swap-keys");
        assert_eq!(fault(&keys, &[]), Ok(()));
        let no_keys =
            "faults[0].kind: no workload sends several records with keys of their payload in a request";
        refused(&keys, &["workload[0].records_per_request=1"], no_keys);
        refused(&keys, &["workload[0].payload={file: r}"], no_keys);
        let partition = fault_of("wrong-partition");
        refused(&partition, &[], "faults[0].kind: no workload writes to a topic of several partitions");
        assert_eq!(fault(&partition, &["topics[u].partitions=2"]), Ok(()));
        let headers = fault_of("lose-headers");
        refused(&headers, &[], "faults[0].kind: no workload sends records with headers");
        let v3 = ["workload[0].format=v3-json", "workload[0].identity=header"];
        assert_eq!(fault(&headers, &v3), Ok(()));
        let numbers = fault_of("round-numbers");
        assert_eq!(fault(&numbers, &[]), Ok(()));
        let binary = ["workload[0].format=v2-binary", "workload[1].format=v3-string"];
        refused(&numbers, &binary, "faults[0].kind: no workload sends JSON");
    }

    #[test]
    fn what_befalls_requests_on_their_way_needs_some_that_are_let_through() {
        for kind in ["drop-header", "truncate-body", "late-success"] {
            let fault_of = format!("box: gateway, kind: {kind}, every: 2");
            assert_eq!(fault(&fault_of, &[]), Ok(()));
            refused(
                &fault_of,
                &["partners[p].expect=refuse"],
                "no partner that is let through sends requests",
            );
        }
        let header = "box: gateway, kind: drop-header, every: 2";
        refused(header, &["workload[0].format=v2-binary"], "whose format the proxy takes from a header");
    }

    #[test]
    fn nothing_is_said_about_a_load_that_could_not_be_read() {
        let error = fault(
            "box: gateway, kind: admit-denied, every: 2, window: [1h, 2h]",
            &["workload[1].for=3", "partners[q].expect=reject"],
        );
        let error = error.unwrap_err();
        assert!(error.lines().count() == 2 && !error.contains("faults"), "{error}");
    }
}
