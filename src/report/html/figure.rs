//! Charts of the load over time: with their figures in a table, and a cursor that reads them.

use maud::{Markup, html};

use crate::report::chart::{Axis, Caption, Plot, Series, lines};
use crate::report::figures::float;
use crate::result::{Quantiles, Spectrum, Stretch, Timeline};

/// A line through one quantile: its name, the class of its colour, and the quantile.
pub(super) type QuantileLine = (&'static str, &'static str, fn(Quantiles) -> u64);

/// The load's time, as charts have it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Time<'a> {
    pub(super) timeline: &'a Timeline,
    /// Length of a stretch, and when the last one ends, in seconds.
    step: f64,
    to: f64,
}

impl<'a> Time<'a> {
    /// `None` where nothing is known.
    pub(super) fn of(timeline: Option<&'a Timeline>) -> Option<Self> {
        let timeline = timeline?;
        let step = f64::from(timeline.stretch_s.max(1));
        let to = f64::from(timeline.stretches.last()?.at_s) + step;
        Some(Self { timeline, step, to })
    }

    pub(super) fn axis(&self) -> Axis {
        Axis::seconds(self.to)
    }

    pub(super) fn step(&self) -> f64 {
        self.step
    }

    pub(super) fn to(&self) -> f64 {
        self.to
    }

    /// Where each stretch begins and ends.
    pub(super) fn steps(&self) -> Vec<(f64, f64)> {
        let bounds = |stretch: &Stretch| (f64::from(stretch.at_s), f64::from(stretch.at_s) + self.step);
        self.timeline.stretches.iter().map(bounds).collect()
    }

    /// A line through a figure in the middle of each stretch; where there is none, it is broken, and so it is where
    /// stretches are missing.
    pub(super) fn points(&self, figure: impl Fn(&Stretch) -> Option<f64>) -> Vec<Option<(f64, f64)>> {
        let mut points = Vec::new();
        let mut next = None;
        for stretch in &self.timeline.stretches {
            if next.is_some_and(|next| next != stretch.at_s) {
                points.push(None);
            }
            next = Some(stretch.at_s + self.timeline.stretch_s);
            points.push(figure(stretch).map(|value| (f64::from(stretch.at_s) + self.step / 2.0, value)));
        }
        points
    }

    /// Lines through quantiles of a time.
    pub(super) fn quantiles(
        &self,
        times: impl Fn(&Stretch) -> Quantiles,
        lines: &[QuantileLine],
    ) -> Vec<Series<'static>> {
        let line = |(name, class, quantile): &QuantileLine| Series {
            name,
            class,
            points: self.points(|stretch| {
                let times = times(stretch);
                (times.count > 0).then(|| float(quantile(times)))
            }),
        };
        lines.iter().map(line).collect()
    }

    /// The axis for quantiles of a time, from the least to the most that there is.
    pub(super) fn micros(&self, name: &'static str, times: impl Fn(&Stretch) -> Quantiles) -> Axis {
        let times = || self.timeline.stretches.iter().map(&times).filter(|times| times.count > 0);
        let least = times().map(|times| times.p50).min().unwrap_or(1);
        let most = times().map(|times| times.max).max().unwrap_or(1);
        Axis::micros(name, least, most)
    }

    /// The chart with a heading, its figures, and a cursor. A row of figures belongs to each stretch.
    pub(super) fn figure(
        &self,
        caption: Caption<'_>,
        chart: &Markup,
        columns: &[&str],
        row: impl Fn(&Stretch) -> Vec<String>,
    ) -> Markup {
        let rows = self.timeline.stretches.iter().map(|stretch| (stretch.at_s.to_string(), row(stretch)));
        framed(caption, chart, (self.to, self.step), columns, &rows.collect::<Vec<_>>())
    }
}

/// A chart with a heading, its figures, and a cursor: rows of `step` seconds up to `to`, each with its second.
pub(super) fn framed(
    caption: Caption<'_>,
    chart: &Markup,
    (to, step): (f64, f64),
    columns: &[&str],
    rows: &[(String, Vec<String>)],
) -> Markup {
    let Plot { left, right, top, bottom } = Plot::of_charts();
    html! {
        figure data-to=(to) data-step=(step) data-left=(left) data-right=(right) data-top=(top)
            data-bottom=(bottom)
        {
            figcaption { (caption.title) p { (caption.says) } }
            (chart)
            div.cursor-row hidden {
                input type="range" min="0" max="0" value="0" aria-label=(format!("Time in: {}", caption.title));
                output {}
            }
            details data-quiet {
                summary { "Figures" }
                div.scroll.tall tabindex="0" role="region" aria-label=(format!("Figures of: {}", caption.title)) {
                    table {
                        thead {
                            tr {
                                th scope="col" { "second" }
                                @for column in columns { th scope="col" { (column) } }
                            }
                        }
                        tbody {
                            @for (second, figures) in rows {
                                tr {
                                    th scope="row" { (second) }
                                    @for figure in figures { td { (figure) } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// A chart of times by percentile: each with its name and the class of its colour. There is one value at least.
pub(super) fn spectra_chart(
    caption: Caption<'_>,
    name: &'static str,
    spectra: &[(&str, &'static str, &Spectrum)],
) -> Markup {
    let points = || spectra.iter().flat_map(|(_, _, Spectrum(points))| points);
    let micros = || points().map(|point| point.1);
    let below = points().map(|point| point.0).filter(|percentile| *percentile < 100.0);
    let x = Axis::percentiles(below.fold(0.0, f64::max));
    let y = Axis::micros(name, micros().min().unwrap_or(1), micros().max().unwrap_or(1));
    let line = |(_, _, Spectrum(points)): &(&str, &'static str, &Spectrum)| {
        points.iter().map(|(percentile, micros)| Some((*percentile, float(*micros)))).collect::<Vec<_>>()
    };
    let series: Vec<Series<'_>> = spectra
        .iter()
        .map(|spectrum| Series { name: spectrum.0, class: spectrum.1, points: line(spectrum) })
        .collect();
    lines(caption, &x, &y, &series)
}
