//! Metrics of the boxes that run in containers: the worst of all replicas.

use super::metric::Metric;
use crate::result::{BoxFigures, RunResult};
use crate::stats::TREND_SECONDS;

/// A container, and what is known of it.
struct Known<'a> {
    name: &'a str,
    /// Whether it came while the load ran.
    late: bool,
    figures: Option<&'a BoxFigures>,
}

/// The containers of a box: `proxy-1`, `proxy-2`, … for `proxy`.
fn containers<'a>(result: &'a RunResult, family: &'a str) -> impl Iterator<Item = Known<'a>> {
    let own = move |name: &str| name.strip_prefix(family).is_some_and(|rest| rest.starts_with('-'));
    result.boxes.iter().filter(move |part| own(&part.name)).filter_map(|part| {
        let telemetry = part.container.as_ref()?.telemetry.as_ref();
        let figures = telemetry.map(|telemetry| &telemetry.figures);
        Some(Known { name: &part.name, late: part.since_ms.is_some(), figures })
    })
}

/// The metric `member` of a box; `None` where it is not known of every replica, since that one might be the worst. One that came
/// while the load ran counts as far as it is known: it may have come too late for it.
pub(super) fn metric(result: &RunResult, family: &str, member: &str) -> Option<Metric> {
    let all: Vec<Known<'_>> = containers(result, family).collect();
    let most = |figure: fn(&BoxFigures) -> Option<u64>| known(&all, figure)?.into_iter().max();
    let greatest =
        |figure: fn(&BoxFigures) -> Option<f64>| known(&all, figure)?.into_iter().max_by(f64::total_cmp);
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

/// A figure of each container; `None` where it is not known of one that was there from the beginning.
fn known<T>(all: &[Known<'_>], figure: fn(&BoxFigures) -> Option<T>) -> Option<Vec<T>> {
    let figures = all.iter().map(|known| (known.late, known.figures.and_then(figure)));
    figures.filter(|(late, figure)| !late || figure.is_some()).map(|(_, figure)| figure).collect()
}

/// Why a result has no such metric.
pub(super) fn missing(result: &RunResult, name: &str) -> String {
    let unknown = || "this result has no such metric".to_owned();
    let Some((family @ ("proxy" | "kafka"), member)) = name.split_once('.') else { return unknown() };
    let from_the_beginning = containers(result, family).filter(|known| !known.late);
    let known: Vec<(&str, &BoxFigures)> =
        from_the_beginning.filter_map(|known| Some((known.name, known.figures?))).collect();
    let short = known.iter().find(|(_, of)| of.measured_s < TREND_SECONDS);
    match (member, short) {
        _ if known.is_empty() => unknown(),
        ("rss.slope", Some((name, of))) => format!(
            "of {name} memory is known of {} seconds of the measured phases, and a slope needs {TREND_SECONDS}",
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
            since_ms: None,
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
    fn a_replica_that_came_later_counts_as_far_as_it_is_known() {
        let of = |slope: Option<f64>, rss: u64| BoxFigures {
            measured_s: if slope.is_some() { 60 } else { 12 },
            rss_slope_bytes_per_min: slope,
            rss_max_bytes: Some(rss),
            ..BoxFigures::default()
        };
        let late = |figures| BoxReport { since_ms: Some(40_000), ..part("proxy-2", figures) };
        let slope = |boxes: &[BoxReport]| judged(boxes, "proxy.rss.slope", Limit::BytesPerMinute(10.0)).0;
        let first = part("proxy-1", Some(of(Some(1.0), 5)));
        assert_eq!(slope(&[first.clone(), late(Some(of(None, 9)))]), Verdict::Pass);
        assert_eq!(slope(&[first.clone(), late(Some(of(Some(11.0), 9)))]), Verdict::Fail);
        assert_eq!(slope(&[first.clone(), late(None)]), Verdict::Pass);
        let short = part("proxy-2", Some(of(None, 9)));
        assert_eq!(slope(&[first.clone(), short]), Verdict::Inconclusive, "it was there from the beginning");
        assert_eq!(slope(&[late(Some(of(None, 9)))]), Verdict::Inconclusive, "nothing is known at all");
        let memory = judged(&[first, late(Some(of(None, 9)))], "proxy.rss.max", Limit::Bytes(8));
        assert_eq!(memory.0, Verdict::Fail);
    }

    #[test]
    fn what_is_not_known_decides_nothing_and_says_why() {
        let few = BoxFigures { measured_s: 12, ..BoxFigures::default() };
        let boxes = [part("proxy-1", Some(few))];
        let (verdict, sentence) = judged(&boxes, "proxy.rss.slope", Limit::BytesPerMinute(1.0));
        assert_eq!(verdict, Verdict::Inconclusive);
        assert!(
            sentence.contains(
                "of proxy-1 memory is known of 12 seconds of the measured phases, and a slope needs 30"
            ),
            "{sentence}"
        );
        assert!(judged(&boxes, "proxy.fds.max", Limit::Count(1)).1.contains("root"));
        let none = judged(&[], "proxy.cpu.throttled", Limit::Percent(1.0));
        assert_eq!(none.0, Verdict::Inconclusive);
        assert!(none.1.contains("no such metric"), "{}", none.1);
    }
}
