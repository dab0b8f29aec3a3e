//! Metrics of the boxes that run in containers: the worst of all replicas.

use super::metric::Metric;
use crate::result::{BoxFigures, RunResult};
use crate::stats::TREND_SECONDS;

/// The figures of the containers of a box: `proxy-1`, `proxy-2`, … for `proxy`.
fn figures<'a>(result: &'a RunResult, family: &'a str) -> impl Iterator<Item = Option<&'a BoxFigures>> {
    let own = move |name: &str| name.strip_prefix(family).is_some_and(|rest| rest.starts_with('-'));
    let containers = result.boxes.iter().filter(move |part| own(&part.name));
    containers
        .filter_map(|part| part.container.as_ref())
        .map(|container| container.telemetry.as_ref().map(|telemetry| &telemetry.figures))
}

/// The metric `member` of a box; `None` where it is not known of every replica, since that one might be the worst.
pub(super) fn metric(result: &RunResult, family: &str, member: &str) -> Option<Metric> {
    let all: Vec<BoxFigures> =
        figures(result, family).map(Option::<&BoxFigures>::copied).collect::<Option<_>>()?;
    let most = |figure: fn(&BoxFigures) -> Option<u64>| {
        all.iter().map(figure).collect::<Option<Vec<_>>>()?.into_iter().max()
    };
    let greatest = |figure: fn(&BoxFigures) -> Option<f64>| {
        all.iter().map(figure).collect::<Option<Vec<_>>>()?.into_iter().max_by(f64::total_cmp)
    };
    let count = |count| Metric::Count { count, landing: false };
    match member {
        "rss.max" => most(|of| of.rss_max_bytes).map(Metric::Bytes),
        "rss.slope" => greatest(|of| of.rss_slope_bytes_per_min).map(Metric::Growth),
        "cpu.max" => greatest(|of| of.cpu_max).map(Metric::Share),
        "cpu.throttled" => greatest(|of| of.cpu_throttled).map(Metric::Share),
        "threads.max" => most(|of| of.threads_max).map(count),
        "fds.max" => most(|of| of.fds_max).map(count),
        "restarts" => most(|of| Some(of.restarts)).map(count),
        _ => None,
    }
}

/// Why a result has no such metric.
pub(super) fn missing(result: &RunResult, name: &str) -> String {
    let unknown = || "this result has no such metric".to_owned();
    let Some((family @ ("proxy" | "kafka"), member)) = name.split_once('.') else { return unknown() };
    let known: Vec<&BoxFigures> = figures(result, family).flatten().collect();
    let short = known.iter().find(|of| of.measured_s < TREND_SECONDS);
    match (member, short) {
        _ if known.is_empty() => unknown(),
        ("rss.slope", Some(of)) => format!(
            "memory is known of {} seconds of the measured phases, and a slope needs {TREND_SECONDS}",
            of.measured_s
        ),
        ("fds.max", _) => {
            "descriptors are told to the container's user and root only; run landfall as root for that"
                .to_owned()
        }
        _ => "it is not known of every container".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::tests::{check, good};
    use crate::judge::{Judgement, judge};
    use crate::result::{BoxReport, ContainerReport, Telemetry, Verdict};
    use crate::scenario::{Comparison, Limit};

    fn part(name: &str, figures: Option<BoxFigures>) -> BoxReport {
        BoxReport {
            name: name.into(),
            kind: "container".into(),
            endpoint: None,
            start_us: 0,
            container: Some(ContainerReport {
                image: "i".into(),
                image_id: "i".into(),
                telemetry: figures.map(|figures| Telemetry { figures, ..Telemetry::default() }),
                ..ContainerReport::default()
            }),
        }
    }

    fn judged(boxes: &[BoxReport], metric: &str, limit: Limit) -> (Verdict, String) {
        let mut result = good();
        result.boxes = boxes.to_vec();
        let Judgement { checks, .. } = judge(&result, &[check(metric, Comparison::Less, limit)]);
        (checks[0].verdict, checks[0].sentence())
    }

    #[test]
    fn the_worst_replica_decides() {
        let of = |slope: f64, cpu: f64| BoxFigures {
            measured_s: 60,
            rss_slope_bytes_per_min: Some(slope),
            cpu_max: Some(cpu),
            restarts: 1,
            ..BoxFigures::default()
        };
        let boxes = [
            part("proxy-1", Some(of(-3.0, 0.2))),
            part("proxy-2", Some(of(2_097_152.0, 0.9))),
            part("kafka-1", None),
        ];
        let slope = judged(&boxes, "proxy.rss.slope", Limit::BytesPerMinute(1_048_576.0));
        assert_eq!(slope.0, Verdict::Fail);
        assert_eq!(slope.1, "proxy.rss.slope is 2.00MiB/min, limit < 1.00MiB/min");
        assert_eq!(
            judged(&boxes, "proxy.cpu.max", Limit::Percent(80.0)).1,
            "proxy.cpu.max is 90.0 %, limit < 80 %"
        );
        assert_eq!(judged(&boxes, "proxy.cpu.max", Limit::Percent(91.0)).0, Verdict::Pass);
        assert_eq!(judged(&boxes, "proxy.restarts", Limit::Count(1)).0, Verdict::Fail);
        assert_eq!(judged(&boxes, "kafka.restarts", Limit::Count(1)).0, Verdict::Inconclusive);
    }

    #[test]
    fn what_is_not_known_decides_nothing_and_says_why() {
        let few = BoxFigures { measured_s: 12, ..BoxFigures::default() };
        let boxes = [part("proxy-1", Some(few))];
        let (verdict, sentence) = judged(&boxes, "proxy.rss.slope", Limit::BytesPerMinute(1.0));
        assert_eq!(verdict, Verdict::Inconclusive);
        assert!(
            sentence.contains("of 12 seconds of the measured phases, and a slope needs 30"),
            "{sentence}"
        );
        assert!(judged(&boxes, "proxy.fds.max", Limit::Count(1)).1.contains("root"));
        let none = judged(&[], "proxy.cpu.throttled", Limit::Percent(1.0));
        assert_eq!(none.0, Verdict::Inconclusive);
        assert!(none.1.contains("no such metric"), "{}", none.1);
    }
}
