//! A run that is under way as Prometheus and its kin read it: the text format of `OpenMetrics` 1.0.

use std::fmt;
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use super::figures::{self, float};
use super::progress::Progress;
use crate::record::Class;
use crate::result::Quantiles;

/// The content type of what [`exposition`] makes.
pub const EXPOSITION_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The metrics of a run. Counters count from the run's start; times are in seconds.
///
/// The format has no quantiles but those of a summary, which this library does not encode; they are gauges with the
/// label that a summary's would have, and `over` tells whether they are those of the run so far or of the last second.
#[must_use]
pub fn exposition(progress: &Progress) -> String {
    let mut registry = Registry::with_prefix("landfall");
    registry.register_collector(Box::new(Snapshot(progress.clone())));
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = text::encode(&mut out, &registry);
    out
}

#[derive(Debug)]
struct Snapshot(Progress);

impl Collector for Snapshot {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Progress { last, so_far, .. } = &self.0;
        let out = &mut encoder;
        info(out, &self.0)?;
        counter(out, "requests_begun", "Requests begun, each counted once", so_far.begun)?;
        attempts(out, so_far.attempts)?;
        counter(out, "retries", "Attempts that were not the first of their request", so_far.retries)?;
        counter(out, "connections_opened", "Connections opened", so_far.opened)?;
        counter(
            out,
            "connection_errors",
            "Connections that could not be opened or broke",
            so_far.socket_errors,
        )?;
        counter(out, "records_sent", "Records of which an attempt has ended", so_far.sent)?;
        counter(out, "records_acked", "Acks of records received", so_far.acked)?;
        counter(out, "records_landed", "Records read back from the topics", so_far.landed)?;
        gauge(out, "load_seconds", "Time since the schedules' start", self.0.elapsed.as_secs_f64())?;
        gauge(out, "requests_due_per_second", "Requests due in the last second", last.due)?;
        gauge(out, "requests_in_flight", "Requests under way", float(last.in_flight))?;
        gauge(
            out,
            "requests_waiting",
            "Requests that are due and wait for a connection",
            float(last.waiting),
        )?;
        gauge(
            out,
            "oldest_request_seconds",
            "How long the measured request has been due that is under way for longest",
            Duration::from_micros(last.oldest_us).as_secs_f64(),
        )?;
        gauge(out, "generator_cpu_share", "CPU share of the busiest load thread", last.cpu_share)?;
        if let Some(share) = last.run_queue_share {
            let help = "Share of the time that a load thread waited for a CPU";
            gauge(out, "generator_run_queue_share", help, share)?;
        }
        let stage = [[("stage", self.0.stage.name())]];
        marks(out, "stage", "What the run is about", &stage)?;
        let phases: Vec<_> = self.0.phases.iter().map(|phase| [("phase", phase.name.as_str())]).collect();
        marks(out, "phase", "Phases under way", &phases)?;
        for ((name, run), (_, second)) in so_far.times.named().into_iter().zip(last.times.named()) {
            times(out, name, run, second)?;
        }
        Ok(())
    }
}

fn info(out: &mut DescriptorEncoder<'_>, progress: &Progress) -> fmt::Result {
    let info = Info::new([("run", progress.run.clone()), ("scenario", progress.name.clone())]);
    info.encode(out.encode_descriptor("run", "The run", None, MetricType::Info)?)
}

fn counter(out: &mut DescriptorEncoder<'_>, name: &str, help: &str, count: u64) -> fmt::Result {
    ConstCounter::new(count).encode(out.encode_descriptor(name, help, None, MetricType::Counter)?)
}

fn gauge(out: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: f64) -> fmt::Result {
    ConstGauge::new(value).encode(out.encode_descriptor(name, help, None, MetricType::Gauge)?)
}

fn attempts(out: &mut DescriptorEncoder<'_>, attempts: [u64; Class::ALL.len()]) -> fmt::Result {
    let mut family =
        out.encode_descriptor("attempts", "Attempts by what became of them", None, MetricType::Counter)?;
    for (class, count) in Class::ALL.iter().zip(attempts) {
        let labels = [("class", class.name())];
        ConstCounter::new(count).encode(family.encode_family(&labels)?)?;
    }
    Ok(())
}

/// Things that are so now: a gauge of 1 for each.
fn marks(
    out: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    labels: &[impl EncodeLabelSet],
) -> fmt::Result {
    let mut family = out.encode_descriptor(name, help, None, MetricType::Gauge)?;
    for labels in labels {
        ConstGauge::new(1_i64).encode(family.encode_family(labels)?)?;
    }
    Ok(())
}

fn times(out: &mut DescriptorEncoder<'_>, name: &str, run: Quantiles, second: Quantiles) -> fmt::Result {
    let help = match name {
        "latency" => "From when a request was due to its answer",
        "service" => "From a request's first byte written to its answer",
        "blocked" => "Wait for a free connection",
        _ => "How late landfall itself sent",
    };
    let name = format!("{name}_seconds");
    let mut family = out.encode_descriptor(&name, help, None, MetricType::Gauge)?;
    for (over, quantiles) in [("run", run), ("second", second)] {
        if quantiles.count == 0 {
            continue;
        }
        for (_, quantile, micros) in figures::quantiles(quantiles) {
            let labels = [("quantile", quantile), ("over", over)];
            ConstGauge::new(float(micros) / 1e6).encode(family.encode_family(&labels)?)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::live::tests::progress;

    #[test]
    fn the_exposition_has_every_figure() {
        insta::assert_snapshot!(exposition(&progress()));
    }
}
