//! What keeps a load from doing harm: `budget` and `stop_on`.

use std::time::Duration;

use super::decode::Item;
use super::error::{Problems, quoted};
use super::model::{BudgetSpec, Statuses, StopRule};
use super::quantity::{parse_percent, parse_rate};

/// The longest that a budget may allow.
const LONGEST: Duration = Duration::from_hours(24 * 31);

/// Reads what a run may send at most.
pub(super) fn read_budget(item: &Item<'_>, problems: &mut Problems) -> Option<BudgetSpec> {
    let mut fields = item.fields(problems)?;
    let requests = fields
        .required("requests", "10000", problems)
        .and_then(|item| item.integer(&(1..=u64::MAX), problems));
    let rate = fields.required("rate", "100/s", problems).and_then(|item| {
        let rate = item.quantity("a rate such as 100/s", parse_rate, problems)?;
        if rate < 1.0 {
            item.fail(problems, "must be 1/s or more");
            return None;
        }
        Some(rate)
    });
    let duration = fields
        .required("duration", "5m", problems)
        .and_then(|item| item.duration(&(Duration::from_secs(1)..=LONGEST), problems));
    fields.finish(&[("records", "requests are counted, however many records they hold")], problems);
    Some(BudgetSpec { requests: requests?, rate: rate?, duration: duration? })
}

/// Reads which answers stop the load: `none`, or a share for each status or class.
pub(super) fn read_stop_on(item: &Item<'_>, problems: &mut Problems) -> Vec<StopRule> {
    if item.written() == Some("none") {
        return Vec::new();
    }
    let Some(fields) = item.fields(problems) else { return Vec::new() };
    let mut rules = Vec::new();
    for (entry, item) in fields.all().into_iter().filter(|(entry, _)| !entry.value.is_null()) {
        let Some(on) = statuses(&entry.key) else {
            let message =
                format!("{} is neither a status from 400 to 599 nor `4xx` or `5xx`", quoted(&entry.key));
            item.suggest(problems, message, "write for instance `stop_on: { 429: 1%, 5xx: 5% }`");
            continue;
        };
        let Some(percent) = item.quantity("a share such as 5%", parse_percent, problems) else { continue };
        if percent > 100.0 {
            item.fail(problems, "must be at most 100%");
        }
        rules.push(StopRule { on, percent });
    }
    rules
}

fn statuses(text: &str) -> Option<Statuses> {
    match text {
        "4xx" => Some(Statuses::Class(4)),
        "5xx" => Some(Statuses::Class(5)),
        _ => text.parse().ok().filter(|status| (400..=599).contains(status)).map(Statuses::One),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Scenario;
    use std::path::Path;

    fn read(more: &str) -> Result<Scenario, String> {
        let text = format!(
            "version: 1\nname: x\ntopics: [{{ name: t }}]\npartners: [{{ name: p, secret: {{ env: P }} }}]\n\
             workload: [{{ partner: p, topic: t, format: v2-json, payload: {{ file: r }}, \
             arrivals: {{ constant: 1/s }}, for: 1s }}]\n{more}\n"
        );
        crate::scenario::parse(&text, Path::new("x"), &[], &|_| unreachable!("extends nothing"))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_budget_says_all_three() {
        let budget = read("budget: { requests: 1000, rate: 600/min, duration: 1m }").unwrap().budget;
        let expected = BudgetSpec { requests: 1000, rate: 10.0, duration: Duration::from_mins(1) };
        assert_eq!(budget, Some(expected));
        assert_eq!(read("budget:").unwrap().budget, None);
        for (text, sentence) in [
            ("budget: { requests: 1, rate: 1/s }", "budget.duration: is missing"),
            ("budget: { requests: 0, rate: 1/s, duration: 1s }", "budget.requests: must be"),
            ("budget: { requests: 1, rate: 0/s, duration: 1s }", "budget.rate: must be 1/s or more"),
            ("budget: { requests: 1, rate: 1, duration: 1s }", "budget.rate"),
            (
                "budget: { requests: 1, rate: 1/s, duration: 1s, records: 5 }",
                "budget.records: requests are counted",
            ),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(sentence), "{text}: {error}");
        }
    }

    #[test]
    fn load_that_may_leave_this_machine_stops_by_itself() {
        assert_eq!(read("").unwrap().stop_on, []);
        let local = "stack: { kafka: { kind: external, bootstrap: 'localhost:1,[::1]:2' } }";
        assert_eq!(read(local).unwrap().stop_on, []);
        for away in [
            "stack: { kafka: { kind: external, bootstrap: 'localhost:1,k:2' } }\nallow_hosts: [k]",
            "stack: { proxy: { kind: external, url: 'http://k' }, kafka: { port: 9092 } }\nallow_hosts: [k]",
            "stack: { gateway: { kind: external, url: 'https://k/prod' }, idp: none, kafka: { kind: external, \
             bootstrap: 'localhost:1' } }\nallow_hosts: [k]",
        ] {
            let scenario = read(away).unwrap();
            assert_eq!(scenario.stop_on, StopRule::USUAL, "{away}");
            assert_eq!(scenario.stack.hosts_away(), ["k"]);
            assert_eq!(read(&format!("{away}\nstop_on: none")).unwrap().stop_on, []);
            let own = read(&format!("{away}\nstop_on: {{ 503: 0.5% }}")).unwrap().stop_on;
            assert_eq!(own, [StopRule { on: Statuses::One(503), percent: 0.5 }]);
        }
    }

    #[test]
    fn statuses_and_shares_have_their_limits() {
        for (text, sentence) in [
            ("stop_on: { 200: 1% }", "stop_on.200: `200` is neither a status"),
            ("stop_on: { 3xx: 1% }", "`3xx` is neither a status"),
            ("stop_on: { 5xx: 5 }", "stop_on.5xx"),
            ("stop_on: { 5xx: 101% }", "must be at most 100%"),
            ("stop_on: often", "stop_on: must be a mapping"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(sentence), "{text}: {error}");
        }
        let both = read("stop_on: { 4xx: 10%, 5xx: null }").unwrap().stop_on;
        assert_eq!(both, [StopRule { on: Statuses::Class(4), percent: 10.0 }]);
    }
}
