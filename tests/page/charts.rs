//! The figures that charts show are those of the result: read back from what is drawn, by the labels of the axes alone.

use landfall::report::html;
use landfall::result::{Quantiles, RunResult, Stretch};
use roxmltree::Document;

use crate::harness::{found, hours, ten_minutes};

/// A chart as it stands in the page.
fn chart<'p>(page: &'p str, id: &str) -> Document<'p> {
    let begins = page.find(&format!("<svg class=\"chart\" id=\"{id}\"")).unwrap_or_else(|| panic!("no {id}"));
    let ends = begins + page[begins..].find("</svg>").expect("it ends") + "</svg>".len();
    Document::parse(&page[begins..ends]).expect("a chart is XML")
}

/// A line by its name, and the figure that it shows.
type Line<F> = (&'static str, F);
type OfTimes = Line<fn(Quantiles) -> u64>;
type OfStretch = Line<fn(&Stretch) -> f64>;

/// What a label of an axis says: times in microseconds, counts, per cent or seconds.
fn figure(label: &str) -> f64 {
    let number = |text: &str| text.replace(',', "").parse::<f64>().unwrap_or_else(|_| panic!("{label}"));
    match label.rsplit_once(' ') {
        Some((hours, "h")) => {
            let (hours, minutes) = hours.split_once(':').expect("hours and minutes");
            number(hours) * 3_600.0 + number(minutes) * 60.0
        }
        Some((minutes, "min")) => {
            let (minutes, seconds) = minutes.split_once(':').expect("minutes and seconds");
            number(minutes) * 60.0 + number(seconds)
        }
        Some((text, "ms")) => number(text) * 1e3,
        Some((text, "µs" | "s")) => number(text),
        _ => number(label),
    }
}

/// The labels of one axis: places with their figures. `x` or `y` by the anchor of their text.
fn ticks(chart: &Document<'_>, anchor: &str, seconds: bool) -> Vec<(f64, f64)> {
    let texts = chart.descendants().filter(|node| {
        node.has_tag_name("text")
            && node.attribute("text-anchor") == Some(anchor)
            && node.attribute("class") != Some("name")
    });
    texts
        .map(|text| {
            let place = text.attribute(if anchor == "end" { "y" } else { "x" }).expect("a place");
            // Labels of the upright axis stand a little below their line.
            let place: f64 = place.parse().expect("a number");
            let label = text.text().expect("a label");
            let figure = match label.strip_suffix(" s") {
                Some(text) if !seconds => text.parse::<f64>().expect("seconds") * 1e6,
                _ => figure(label),
            };
            (if anchor == "end" { place - 4.0 } else { place }, figure)
        })
        .collect()
}

/// Reads a figure at a place from two labels, on an axis that is even, or one by the logarithm.
fn at(ticks: &[(f64, f64)], place: f64, log: bool) -> f64 {
    let [(from, low), .., (to, high)] = ticks else { panic!("{ticks:?}") };
    let share = (place - from) / (to - from);
    if log { low * (high / low).powf(share) } else { low + share * (high - low) }
}

/// The points of a line, as it is drawn.
fn points(chart: &Document<'_>, series: &str) -> Vec<(f64, f64)> {
    let path = chart
        .descendants()
        .find(|node| node.attribute("data-series") == Some(series))
        .unwrap_or_else(|| panic!("no {series}"));
    let d = path.attribute("d").expect("it is drawn").replace("h0", "");
    let numbers: Vec<f64> = d
        .split(['M', ' '])
        .filter(|text| !text.is_empty())
        .map(|text| text.parse().expect("a place"))
        .collect();
    numbers.chunks(2).map(|pair| (pair[0], pair[1])).collect()
}

/// A hundredth of a pixel is what drawing may lose.
fn assert_close(seen: f64, figure: f64, span: f64, what: &str) {
    assert!((seen - figure).abs() <= span, "{what}: drawn {seen}, and the result says {figure}");
}

fn check_times(result: &RunResult, id: &str, times: fn(&Stretch) -> Quantiles) {
    let page = html(result);
    let chart = chart(&page, id);
    let (x, y) = (ticks(&chart, "middle", true), ticks(&chart, "end", false));
    let quantiles: [OfTimes; 2] = [("p99", |times| times.p99), ("max", |times| times.max)];
    let stretches = &result.timeline.as_ref().expect("there is one").stretches;
    for (series, quantile) in quantiles {
        let shown = stretches.iter().filter(|stretch| times(stretch).count > 0);
        let drawn = points(&chart, series);
        assert_eq!(drawn.len(), shown.clone().count(), "{id} {series}");
        for (stretch, (at_x, at_y)) in shown.zip(drawn) {
            let step = f64::from(result.timeline.as_ref().expect("there is one").stretch_s);
            let second = f64::from(stretch.at_s) + step / 2.0;
            assert_close(at(&x, at_x, false), second, 0.02 * step, id);
            let micros = exact(quantile(times(stretch)));
            // A pixel of a logarithmic axis is a share of what it shows.
            assert_close(at(&y, at_y, true), micros, micros * 0.002, &format!("{id} {series} at {second}"));
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "read from a chart")]
fn exact(count: u64) -> f64 {
    count as f64
}

#[test]
fn times_over_time_are_those_of_the_result() {
    for result in [found(), ten_minutes(), hours()] {
        check_times(&result, "latency-over-time", |stretch| stretch.latency_us);
        check_times(&result, "blocked-over-time", |stretch| stretch.blocked_us);
        check_times(&result, "lag-over-time", |stretch| stretch.generator_lag_us);
    }
}

#[test]
fn rates_and_queues_are_those_of_the_result() {
    for result in [found(), ten_minutes(), hours()] {
        let page = html(&result);
        let stretches = &result.timeline.as_ref().expect("there is one").stretches;
        let checks: [(&str, OfStretch); 5] = [
            ("rate-over-time", ("due", |stretch| stretch.due / f64::from(stretch.seconds))),
            ("rate-over-time", ("begun", |stretch| exact(stretch.begun) / f64::from(stretch.seconds))),
            (
                "rate-over-time",
                ("accepted", |stretch| exact(stretch.attempts.accepted) / f64::from(stretch.seconds)),
            ),
            ("queue-over-time", ("under way", |stretch| exact(stretch.in_flight))),
            ("queue-over-time", ("waiting for a connection", |stretch| exact(stretch.waiting))),
        ];
        for (id, (series, figure)) in checks {
            let chart = chart(&page, id);
            let y = ticks(&chart, "end", false);
            let drawn = points(&chart, series);
            assert_eq!(drawn.len(), stretches.len());
            for (stretch, (_, at_y)) in stretches.iter().zip(drawn) {
                assert_close(
                    at(&y, at_y, false),
                    figure(stretch),
                    0.05,
                    &format!("{series} at {}", stretch.at_s),
                );
            }
        }
    }
}

#[test]
fn percentiles_are_those_of_the_result() {
    let result = found();
    let page = html(&result);
    let chart = chart(&page, "by-percentile");
    let y = ticks(&chart, "end", false);
    // The last label is that of the greatest value; the others stand at 0, 50, 90, 99, 99.9 %.
    let labels = chart.descendants().filter(|node| node.attribute("text-anchor") == Some("middle"));
    let labels: Vec<(f64, &str)> =
        labels.filter_map(|node| Some((node.attribute("x")?.parse().ok()?, node.text()?))).collect();
    let place_of = |label| labels.iter().find(|(_, text)| *text == label).expect("the label is there").0;
    let (first, ninety, last) = (place_of("0 %"), place_of("90 %"), place_of("max"));
    let spectra = result.spectra.as_ref().expect("there are some");
    for (series, spectrum) in [("latency", &spectra.latency), ("readable", &spectra.readable)] {
        let drawn = points(&chart, series);
        assert_eq!(drawn.len(), spectrum.0.len(), "{series}");
        for ((percentile, micros), (at_x, at_y)) in spectrum.0.iter().zip(drawn) {
            assert_close(at(&y, at_y, true), exact(*micros), exact(*micros) * 0.002, series);
            if *percentile >= 100.0 {
                assert_close(at_x, last, 0.01, series);
            } else {
                // As far again as from 0 to 90 % leaves a tenth.
                let left = 10_f64.powf(-(at_x - first) / (ninety - first));
                assert_close(100.0 * (1.0 - left), *percentile, 0.03, series);
            }
        }
    }
}

#[test]
fn outcomes_lie_upon_each_other_as_the_result_counts_them() {
    for result in [ten_minutes(), hours()] {
        check_outcomes(&result);
    }
}

fn check_outcomes(result: &RunResult) {
    let page = html(result);
    let chart = chart(&page, "outcomes-over-time");
    let y = ticks(&chart, "end", false);
    let stretches = &result.timeline.as_ref().expect("there is one").stretches;
    for (place, series) in ["accepted", "refused", "failed", "reset", "timed out"].into_iter().enumerate() {
        let a_second =
            |stretch: &Stretch| exact(stretch.attempts.outcomes()[place].1) / f64::from(stretch.seconds);
        let counts: Vec<f64> = stretches.iter().map(a_second).collect();
        let drawn = chart.descendants().find(|node| node.attribute("data-series") == Some(series));
        let Some(drawn) = drawn else {
            assert!(counts.iter().all(|count| *count <= 0.0), "{series}");
            continue;
        };
        let d = drawn.attribute("d").expect("it is drawn");
        let boxes: Vec<&str> = d.split('z').filter(|text| !text.is_empty()).collect();
        let shown: Vec<f64> = counts.into_iter().filter(|count| *count > 0.0).collect();
        assert_eq!(boxes.len(), shown.len(), "{series}");
        for (text, count) in boxes.into_iter().zip(shown) {
            // M left bottom V top H right V bottom
            let numbers: Vec<f64> =
                text[1..].split(['V', 'H', ' ']).map(|text| text.parse().expect("a place")).collect();
            let height = at(&y, numbers[2], false) - at(&y, numbers[1], false);
            assert_close(height, count, 0.2, series);
        }
    }
}

#[test]
fn the_heat_map_has_every_latency() {
    let result = ten_minutes();
    let page = html(&result);
    let chart = chart(&page, "latency-spread");
    let cells: usize = chart
        .descendants()
        .filter_map(|node| node.attribute("data-shade").and(node.attribute("d")))
        .map(|d| d.matches('z').count())
        .sum();
    // 635 seconds, six in a column, and 36 sizes in each.
    assert_eq!(cells, 635_usize.div_ceil(6) * 36);
}

#[test]
fn a_line_does_not_bridge_what_is_missing() {
    let page = html(&hours());
    let chart = chart(&page, "rate-over-time");
    let line =
        chart.descendants().find(|node| node.attribute("data-series") == Some("begun")).expect("it is drawn");
    assert_eq!(line.attribute("d").map(|d| d.matches('M').count()), Some(2));
}

#[test]
fn the_figures_beside_a_chart_are_a_second_too() {
    let result = hours();
    let page = html(&result);
    let at = page.find("id=\"outcomes-over-time\"").expect("it is there");
    let first = &page[at..][page[at..].find("<tbody>").expect("there are figures")..];
    let accepted = result.timeline.as_ref().expect("there is one").stretches[0].attempts.accepted;
    let cell = format!("<th scope=\"row\">0</th><td>{:.1}</td>", exact(accepted) / 60.0);
    assert!(first.starts_with(&format!("<tbody><tr>{cell}")), "{}", &first[..120]);
}

#[test]
fn the_flow_counts_every_record() {
    let result = found();
    let page = html(&result);
    let chart = chart(&page, "ledger");
    let shown: Vec<(u64, String)> = chart
        .descendants()
        .filter(|node| node.has_tag_name("text"))
        .map(|node| {
            let parts: Vec<&str> =
                node.descendants().filter_map(|part| part.is_text().then(|| part.text()).flatten()).collect();
            (parts[0].replace(',', "").parse().expect("a count"), parts[1].to_owned())
        })
        .collect();
    let r = &result.records;
    let expected = [
        (r.landed, "landed"),
        (r.lost, "lost"),
        (r.unverifiable, "unverifiable"),
        (r.acked, "acknowledged"),
        (r.absent, "absent, as it should be"),
        (r.leaked, "leaked"),
        (r.refused, "refused"),
        (r.unknown_landed, "unknown, landed"),
        (r.unknown_absent, "unknown, absent"),
        (r.unknown, "unknown"),
        (r.sent, "sent"),
    ];
    assert_eq!(shown, expected.map(|(count, name)| (count, name.to_owned())));
    assert!(r.lost > 0);
}
