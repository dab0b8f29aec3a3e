//! Results for Prometheus and its kin after the run: for node-exporter's textfile collector and GitLab's reports of
//! metrics. The text format of `OpenMetrics` 1.0, of gauges alone, so that readers of Prometheus' older format take it too.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use super::Named;
use super::figures::{attempts, dispositions, elapsed_us, flags, float, quantiles, requests, times};
use super::text::plain;
use crate::result::{RunResult, Verdict};

/// Gauges of each result, `landfall_result_…`, in seconds, counts and counts a second. The label `scenario` is the
/// result's name, and there is none for the run: so the series of one scenario go on from run to run.
#[must_use]
pub fn openmetrics(results: &[Named<'_>]) -> String {
    let mut families = Families::default();
    for Named { name, result } in results {
        add(&mut families, &plain(name), result);
    }
    let mut registry = Registry::with_prefix("landfall_result");
    registry.register_collector(Box::new(families));
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = text::encode(&mut out, &registry);
    out
}

type Label = (&'static str, String);

/// Gauges of one name.
#[derive(Debug)]
struct Family {
    name: String,
    help: &'static str,
    samples: Vec<(Vec<Label>, f64)>,
}

/// All of them, each name once, in the order of their first appearance.
#[derive(Debug, Default)]
struct Families(Vec<Family>);

impl Families {
    fn add(&mut self, name: &str, help: &'static str, labels: &[(&'static str, &str)], value: f64) {
        let labels = labels.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        match self.0.iter_mut().find(|family| family.name == name) {
            Some(family) => family.samples.push((labels, value)),
            None => self.0.push(Family { name: name.to_owned(), help, samples: vec![(labels, value)] }),
        }
    }
}

impl Collector for Families {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for Family { name, help, samples } in &self.0 {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for (labels, value) in samples {
                ConstGauge::new(*value).encode(family.encode_family(labels)?)?;
            }
        }
        Ok(())
    }
}

fn add(to: &mut Families, scenario: &str, result: &RunResult) {
    let this = ("scenario", scenario);
    for verdict in [Verdict::Pass, Verdict::Inconclusive, Verdict::Invalid, Verdict::Fail] {
        let is = f64::from(u8::from(verdict == result.verdict));
        to.add("verdict", "1 for the verdict that it is", &[this, ("verdict", verdict.as_str())], is);
    }
    let incomplete = f64::from(u8::from(result.incomplete.is_some()));
    to.add("incomplete", "1 where the run did not go to its end", &[this], incomplete);
    if let Ok(started) = result.started.parse::<jiff::Timestamp>() {
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of any year that runs take place in")]
        let seconds = started.as_millisecond() as f64 / 1e3;
        to.add("started_timestamp_seconds", "When the run began", &[this], seconds);
    }
    if let Some(micros) = elapsed_us(result) {
        to.add(
            "elapsed_seconds",
            "From the run's beginning to the end of settling",
            &[this],
            seconds(micros),
        );
    }
    // Sums stand apart from what they are sums of, so that adding up a family counts nothing twice.
    for (name, count) in requests(&result.requests) {
        let count = float(count);
        match name {
            "sent" => to.add("requests_sent", "Requests begun", &[this], count),
            "wrongly_refused" | "wrongly_admitted" => {
                to.add(
                    "requests_flagged",
                    "Requests that went against what was expected",
                    &[this, ("flag", name)],
                    count,
                );
            }
            _ => to.add("requests", "Requests by outcome", &[this, ("outcome", name)], count),
        }
    }
    for (name, count) in attempts(&result.attempts) {
        let count = float(count);
        match name {
            "total" => to.add("attempts_sent", "Attempts", &[this], count),
            "retries" => to.add("retries", "Attempts that were not the first", &[this], count),
            _ => to.add("attempts", "Attempts by outcome", &[this, ("outcome", name)], count),
        }
    }
    for (name, count) in dispositions(&result.records) {
        let count = float(count);
        match name {
            "sent" => to.add("records_sent", "Records of which an attempt was begun", &[this], count),
            "acked" | "refused" | "unknown" => {
                to.add("records_answered", "Records by answer", &[this, ("answer", name)], count);
            }
            _ => to.add("records", "Records by disposition", &[this, ("disposition", name)], count),
        }
    }
    for (name, count) in flags(&result.records) {
        to.add(
            "records_flagged",
            "What was counted on records besides",
            &[this, ("flag", name)],
            float(count),
        );
    }
    for (time, known) in times(result) {
        let help = match time {
            "latency" => "From when a request was due to its answer",
            "service" => "From a request's first byte written to its answer",
            "blocked" => "Wait for a free connection",
            "generator_lag" => "How late landfall itself sent",
            _ => "From written to seen in the topic",
        };
        for (_, quantile, micros) in known.into_iter().flat_map(quantiles) {
            to.add(&format!("{time}_seconds"), help, &[this, ("quantile", quantile)], seconds(micros));
        }
    }
    if result.recovery.is_none() {
        let rate = result.rate;
        to.add("rate_per_second", "Requests accepted a second", &[this], rate.achieved_per_s);
        to.add(
            "rate_target_per_second",
            "Requests a second that the schedule asked for",
            &[this],
            rate.target_per_s,
        );
    }
}

fn seconds(micros: u64) -> f64 {
    float(micros) / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::terminal::tests::result;

    #[test]
    fn every_figure_is_a_gauge_of_its_scenario() {
        insta::assert_snapshot!(openmetrics(&[Named { name: "quickstart", result: &result() }]));
    }

    #[test]
    fn families_stay_together_and_labels_within_their_quotes() {
        let (mut one, two) = (result(), result());
        one.recovery = Some(crate::result::Recovery::default());
        let hostile = "a\"} 1\n\\x{\u{0}";
        let text = openmetrics(&[Named { name: hostile, result: &one }, Named { name: "b", result: &two }]);
        let sample = "landfall_result_records_sent{scenario=\"a\\\"} 1\u{fffd}\\\\x{\u{fffd}\"} 40050";
        assert!(text.lines().any(|line| line.starts_with(sample)), "{text}");
        let names: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect();
        let distinct: std::collections::BTreeSet<&&str> = names.iter().collect();
        assert_eq!(distinct.len(), names.len());
        assert_eq!(text.matches("landfall_result_elapsed_seconds{").count(), 1, "{text}");
        assert!(text.ends_with("# EOF\n"));
    }
}
