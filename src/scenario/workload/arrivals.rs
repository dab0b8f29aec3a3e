//! How requests arrive.

use std::time::Duration;

use crate::scenario::decode::{Fields, Item};
use crate::scenario::error::{Problems, quoted};
use crate::scenario::model::{Arrivals, Shape, Spacing};
use crate::scenario::quantity::{format_duration, parse_rate};

/// The most requests a second that a workload may ask for.
const FASTEST: f64 = 1_000_000.0;

/// The most steps of a phase.
const MOST_STEPS: usize = 1000;

/// Requests that one closed workload may have under way at once.
pub(super) const MOST_WORKERS: u16 = 1000;

const EXAMPLE: &str = "write for instance `arrivals: { constant: 400/s }`";

/// What people may expect among arrivals, and what there is instead.
const REFUSED: [(&str, &str); 6] = [
    ("burst", "a burst is called `spike`: write `spike: { base: 100/s, peak: 1000/s, at: 10s, for: 5s }`"),
    (
        "linear",
        "a rate that changes in a straight line is called `ramp`: write `ramp: { from: 10/s, to: 500/s }`",
    ),
    ("rate", "a rate that stays the same is called `constant`: write `constant: 400/s`"),
    ("trace", "recorded arrivals are called `replay`: write `replay: { file: times.csv }`"),
    (
        "uniform",
        "a rate that stays the same is called `constant`, and is evenly spaced if nothing else is said",
    ),
    (
        "users",
        "a fixed number of clients that wait for answers is called `closed`: write `closed: { workers: 8 }`",
    ),
];

/// Reads the arrivals of a phase that lasts `duration`.
pub(super) fn read_arrivals(
    item: &Item<'_>,
    duration: Option<Duration>,
    problems: &mut Problems,
) -> Option<Arrivals> {
    const SPACINGS: [(&str, Spacing); 2] = [("even", Spacing::Even), ("poisson", Spacing::Poisson)];
    if let Some(rate) = item.written() {
        let suggestion = match parse_rate(rate) {
            Ok(_) => format!("write `arrivals: {{ constant: {rate} }}`"),
            Err(_) => EXAMPLE.to_owned(),
        };
        item.suggest(problems, "must be a mapping that says how requests arrive", suggestion);
        return None;
    }
    let mut fields = item.fields(problems)?;
    let names = ["constant", "poisson", "ramp", "steps", "spike", "day", "replay", "closed"];
    let said: Vec<(&str, Item<'_>)> =
        names.into_iter().filter_map(|name| Some((name, fields.optional(name)?))).collect();
    let spacing = fields.optional("spacing");
    let before = problems.count();
    fields.finish(&REFUSED, problems);
    let [(name, value)] = said.as_slice() else {
        match said.as_slice() {
            [(first, _), (_, second), ..] => {
                let message = format!("cannot stand beside {}", quoted(first));
                second.suggest(problems, message, "requests arrive in one way; remove one of the two");
            }
            // Where it was tried with another name, that has been answered.
            _ if problems.count() > before => {}
            _ => item.suggest(problems, "does not say how requests arrive", EXAMPLE),
        }
        return None;
    };
    if let (Some(spacing), "poisson" | "replay" | "closed") = (&spacing, *name) {
        let message = format!("has no meaning beside {}, which spaces requests by itself", quoted(name));
        spacing.suggest(problems, message, "remove it");
        return None;
    }
    let shape = match *name {
        "replay" => return read_replay(value, problems),
        "closed" => return read_closed(value, problems),
        "constant" | "poisson" => read_rate(value, Least::AboveZero, problems).map(Shape::Constant),
        "ramp" => read_ramp(value, problems),
        "steps" => read_steps(value, problems),
        "spike" => read_spike(value, duration, problems),
        _ => read_day(value, problems),
    };
    let spacing = match (*name, spacing) {
        ("poisson", _) => Some(Spacing::Poisson),
        (_, Some(item)) => item.choice(&SPACINGS, problems),
        (_, None) => Some(Spacing::Even),
    };
    Some(Arrivals::Open { shape: shape?, spacing: spacing? })
}

/// Whether a rate may be zero.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Least {
    Zero,
    AboveZero,
}

fn read_rate(item: &Item<'_>, least: Least, problems: &mut Problems) -> Option<f64> {
    let rate = item.quantity("a rate such as 400/s", parse_rate, problems)?;
    if least == Least::AboveZero && rate <= 0.0 {
        item.fail(problems, "must be above 0 and at most 1000000 requests a second");
        return None;
    }
    if rate > FASTEST {
        item.fail(problems, "must be at most 1000000 requests a second");
        return None;
    }
    Some(rate)
}

/// Reports rates that are all zero.
fn some_rate(item: &Item<'_>, rates: &[f64], problems: &mut Problems) -> Option<()> {
    if rates.iter().all(|rate| *rate <= 0.0) {
        item.suggest(problems, "is zero at all times, so nothing would be sent", "raise a rate above 0");
        return None;
    }
    Some(())
}

fn rate_field(
    fields: &mut Fields<'_>,
    name: &'static str,
    example: &str,
    problems: &mut Problems,
) -> Option<f64> {
    fields.required(name, example, problems).and_then(|item| read_rate(&item, Least::Zero, problems))
}

fn read_ramp(item: &Item<'_>, problems: &mut Problems) -> Option<Shape> {
    let mut fields = item.fields(problems)?;
    let from = rate_field(&mut fields, "from", "10/s", problems);
    let to = rate_field(&mut fields, "to", "500/s", problems);
    fields.finish(&[], problems);
    let (from, to) = (from?, to?);
    some_rate(item, &[from, to], problems)?;
    Some(Shape::Ramp { from, to })
}

fn read_steps(item: &Item<'_>, problems: &mut Problems) -> Option<Shape> {
    let items = item.list(problems)?;
    if !(1..=MOST_STEPS).contains(&items.len()) {
        let message = format!("must have 1 to {MOST_STEPS} rates, and has {}", items.len());
        item.suggest(problems, message, "write for instance `steps: [100/s, 200/s, 400/s]`");
        return None;
    }
    let before = problems.count();
    let rates: Vec<f64> = items.iter().filter_map(|item| read_rate(item, Least::Zero, problems)).collect();
    if problems.count() > before {
        return None;
    }
    some_rate(item, &rates, problems)?;
    Some(Shape::Steps(rates))
}

fn read_spike(item: &Item<'_>, phase: Option<Duration>, problems: &mut Problems) -> Option<Shape> {
    let day = Duration::from_hours(24);
    let mut fields = item.fields(problems)?;
    let base = rate_field(&mut fields, "base", "100/s", problems);
    let peak_item = fields.required("peak", "1000/s", problems);
    let peak = peak_item.as_ref().and_then(|item| read_rate(item, Least::AboveZero, problems));
    let at = fields
        .required("at", "10s", problems)
        .and_then(|item| item.duration(&(Duration::ZERO..=day), problems));
    let length = fields
        .required("for", "5s", problems)
        .and_then(|item| item.duration(&(Duration::from_millis(1)..=day), problems));
    fields.finish(&[], problems);
    let (base, peak, at, length) = (base?, peak?, at?, length?);
    if peak <= base {
        let at_peak = peak_item.as_ref().unwrap_or(item);
        at_peak.suggest(problems, "must be above `base`", "a rate that drops is written with `steps`");
        return None;
    }
    let ends = at.saturating_add(length);
    if let Some(phase) = phase.filter(|phase| ends > *phase) {
        let [ends, phase] = [ends, phase].map(format_duration);
        let message = format!("ends after {ends}, and these arrivals last {phase} only");
        item.suggest(problems, message, "let it begin earlier or last shorter, or lengthen the other `for`");
        return None;
    }
    Some(Shape::Spike { base, peak, at, length })
}

fn read_day(item: &Item<'_>, problems: &mut Problems) -> Option<Shape> {
    const EXAMPLE: &str = "write times from 00:00 to 23:59, for instance `\"09:00\": 400/s`";
    let fields = item.fields(problems)?;
    let before = problems.count();
    let mut points = Vec::new();
    for (entry, item) in fields.all().into_iter().filter(|(entry, _)| !entry.value.is_null()) {
        match time_of_day(&entry.key) {
            Some(time) => points.extend(read_rate(&item, Least::Zero, problems).map(|rate| (time, rate))),
            None => problems.suggest(&entry.key_at, &item.path, "is no time of day", EXAMPLE),
        }
    }
    if problems.count() > before {
        return None;
    }
    if points.is_empty() {
        item.suggest(problems, "has no times", EXAMPLE);
        return None;
    }
    points.sort_by_key(|(time, _)| *time);
    some_rate(item, &points.iter().map(|(_, rate)| *rate).collect::<Vec<_>>(), problems)?;
    Some(Shape::Day(points))
}

/// A time of day as `HH:MM`, since midnight.
fn time_of_day(text: &str) -> Option<Duration> {
    let (hours, minutes) = text.split_once(':')?;
    let number = |text: &str, end: u64| {
        let digits = text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
        text.parse::<u64>().ok().filter(|number| digits && *number < end)
    };
    Some(Duration::from_secs(number(hours, 24)? * 3600 + number(minutes, 60)? * 60))
}

fn read_replay(item: &Item<'_>, problems: &mut Problems) -> Option<Arrivals> {
    let mut fields = item.fields(problems)?;
    let file = fields
        .required("file", "times.csv", problems)
        .and_then(|item| Some(item.at().resolve(item.name(problems)?)));
    let column_item = fields.optional("column");
    let column = column_item.as_ref().and_then(|item| item.name(problems));
    let speed = match fields.optional("speed") {
        Some(item) => item.number(&(0.001..=1000.0), problems),
        None => Some(1.0),
    };
    fields.finish(&[], problems);
    if column_item.is_some() && column.is_none() {
        return None;
    }
    Some(Arrivals::Replay { file: file?, column: column.map(str::to_owned), speed: speed? })
}

fn read_closed(item: &Item<'_>, problems: &mut Problems) -> Option<Arrivals> {
    let mut fields = item.fields(problems)?;
    let workers = fields
        .required("workers", "8", problems)
        .and_then(|item| item.integer(&(1..=MOST_WORKERS), problems));
    let think = match fields.optional("think") {
        Some(item) => item.duration(&(Duration::ZERO..=Duration::from_hours(1)), problems),
        None => Some(Duration::ZERO),
    };
    fields.finish(&[], problems);
    Some(Arrivals::Closed { workers: workers?, think: think? })
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use super::super::tests::{overridden, workload};
    use super::*;

    const PAYLOAD: &str = "    payload: { file: r }\n";

    fn read(arrivals: &str) -> Result<Arrivals, String> {
        workload(arrivals, "60s", PAYLOAD).map(|workload| workload.phases[0].arrivals.clone())
    }

    fn even(shape: Shape) -> Arrivals {
        Arrivals::Open { shape, spacing: Spacing::Even }
    }

    #[track_caller]
    fn refused(arrivals: &str, sentence: &str) {
        let error = read(arrivals).expect_err(arrivals);
        assert!(error.contains(sentence) && error.lines().count() == 1, "{arrivals}: {error}");
    }

    #[test]
    fn each_shape_is_read() {
        let s = Duration::from_secs;
        assert_eq!(read("{ constant: 400/s }"), Ok(even(Shape::Constant(400.0))));
        assert_eq!(read("{ constant: 30/min }"), Ok(even(Shape::Constant(0.5))));
        assert_eq!(read("{ constant: 1000000/s }"), Ok(even(Shape::Constant(1_000_000.0))));
        assert_eq!(
            read("{ ramp: { from: 0/s, to: 500/s } }"),
            Ok(even(Shape::Ramp { from: 0.0, to: 500.0 }))
        );
        assert_eq!(read("{ steps: [100/s, 0/s, 2/s] }"), Ok(even(Shape::Steps(vec![100.0, 0.0, 2.0]))));
        assert_eq!(
            read("{ spike: { base: 100/s, peak: 1000/s, at: 55s, for: 5s } }"),
            Ok(even(Shape::Spike { base: 100.0, peak: 1000.0, at: s(55), length: s(5) }))
        );
        // Keys need no quotes, and no order.
        for day in ["{ 18:00: 150/s, 09:30: 0/s }", "{ \"09:30\": 0/s, '18:00': 150/s, '20:00': null }"] {
            assert_eq!(
                read(&format!("{{ day: {day} }}")),
                Ok(even(Shape::Day(vec![(s(34_200), 0.0), (s(64_800), 150.0)])))
            );
        }
        let poisson = Ok(Arrivals::Open { shape: Shape::Constant(4.0), spacing: Spacing::Poisson });
        assert_eq!(read("{ poisson: 4/s }"), poisson);
        assert_eq!(read("{ constant: 4/s, spacing: poisson }"), poisson);
        assert_eq!(read("{ constant: 4/s, spacing: even }"), Ok(even(Shape::Constant(4.0))));
        let replay = |column: Option<&str>, speed| {
            let column = column.map(str::to_owned);
            Ok(Arrivals::Replay { file: Path::new("a/t.csv").into(), column, speed })
        };
        assert_eq!(read("{ replay: { file: t.csv } }"), replay(None, 1.0));
        assert_eq!(read("{ replay: { file: t.csv, column: when, speed: 2 } }"), replay(Some("when"), 2.0));
        assert_eq!(read("{ replay: { file: t.csv, speed: 0.5 } }"), replay(None, 0.5));
        let closed = |millis| Ok(Arrivals::Closed { workers: 8, think: Duration::from_millis(millis) });
        assert_eq!(read("{ closed: { workers: 8 } }"), closed(0));
        assert_eq!(read("{ closed: { workers: 8, think: 100ms } }"), closed(100));
    }

    #[test]
    fn what_cannot_be_sent_says_why() {
        for (arrivals, sentence) in [
            ("400/s", "write `arrivals: { constant: 400/s }`"),
            ("fast", "write for instance `arrivals: { constant: 400/s }`"),
            ("[1/s]", "arrivals: must be a mapping of fields, and is a list"),
            ("{}", "arrivals: does not say how requests arrive"),
            ("{ constant: }", "arrivals: does not say how requests arrive"),
            ("{ constant: 1/s, poisson: 2/s }", "arrivals.poisson: cannot stand beside `constant`"),
            ("{ constant: 0/s }", "arrivals.constant: must be above 0"),
            ("{ constant: 1000001/s }", "arrivals.constant: must be at most 1000000"),
            ("{ ramp: { from: 0/s, to: 0/min } }", "arrivals.ramp: is zero at all times"),
            ("{ ramp: { from: 0/s, to: 1000001/s } }", "arrivals.ramp.to: must be at most"),
            ("{ ramp: 4/s }", "arrivals.ramp: must be a mapping of fields"),
            ("{ steps: [] }", "arrivals.steps: must have 1 to 1000 rates, and has 0"),
            ("{ steps: [0/s, 0/s] }", "arrivals.steps: is zero at all times"),
            ("{ steps: [1/s, 2] }", "arrivals.steps[1]: has no unit"),
            ("{ spike: { base: 5/s, peak: 5/s, at: 1s, for: 1s } }", "spike.peak: must be above `base`"),
            (
                "{ spike: { base: 5/s, peak: 6/s, at: 59s, for: 1001ms } }",
                "arrivals.spike: ends after 1m1ms, and these arrivals last 1m only",
            ),
            ("{ spike: { base: 5/s, peak: 6/s, at: 59s, for: 0s } }", "arrivals.spike.for: must be from"),
            ("{ day: {} }", "arrivals.day: has no times"),
            ("{ day: { 12:00: 0/s } }", "arrivals.day: is zero at all times"),
            ("{ day: { noon: 1/s } }", "arrivals.day.noon: is no time of day"),
            ("{ day: { '24:00': 1/s } }", "arrivals.day[24:00]: is no time of day"),
            ("{ day: { '9:00': 1/s } }", "arrivals.day[9:00]: is no time of day"),
            ("{ day: { '09:60': 1/s } }", "arrivals.day[09:60]: is no time of day"),
            ("{ day: { '09:00': 1 } }", "arrivals.day[09:00]: has no unit"),
            ("{ replay: { speed: 2 } }", "arrivals.replay.file: is missing"),
            (
                "{ replay: { file: t, speed: 0 } }",
                "arrivals.replay.speed: must be a number from 0.001 to 1000",
            ),
            ("{ replay: { file: t, column: 3 } }", "arrivals.replay.column: must be text"),
            ("{ replay: { file: t }, spacing: even }", "spacing: has no meaning beside `replay`"),
            ("{ poisson: 1/s, spacing: poisson }", "spacing: has no meaning beside `poisson`"),
            ("{ closed: { workers: 0 } }", "arrivals.closed.workers: must be a whole number from 1 to 1000"),
            ("{ closed: { workers: 1, think: 61m } }", "arrivals.closed.think: must be from"),
            ("{ constant: 1/s, spacing: odd }", "arrivals.spacing: `odd` is not possible"),
            ("{ constant: 1/s, burst: 2 }", "a burst is called `spike`"),
            ("{ step: [1/s] }", "arrivals.step: unknown field; did you mean `steps`?"),
        ] {
            let error = read(arrivals).expect_err(arrivals);
            assert!(error.contains(sentence), "{arrivals}: {error}");
        }
        refused("{ constant: 1/s, poisson: 2/s }", "remove one of the two");
        refused("{ steps: [1/s, 2] }", "has no unit");
    }

    #[test]
    fn single_values_can_be_set() {
        let with = |arrivals, set: &str| {
            overridden(arrivals, "60s", PAYLOAD, &[set.to_owned()])
                .map(|workload| workload.phases[0].arrivals.clone())
        };
        let constant = "{ constant: 4/s }";
        assert_eq!(with(constant, "workload[0].arrivals.constant=8/s"), Ok(even(Shape::Constant(8.0))));
        assert_eq!(
            with(constant, "workload[0].arrivals={poisson: 8/s}"),
            Ok(Arrivals::Open { shape: Shape::Constant(8.0), spacing: Spacing::Poisson })
        );
        assert!(
            with(constant, "workload[0].arrivals.poisson=8/s").unwrap_err().contains("cannot stand beside")
        );
        assert_eq!(
            with("{ day: { '09:00': 4/s } }", "workload[0].arrivals.day[09:00]=8/s"),
            Ok(even(Shape::Day(vec![(Duration::from_hours(9), 8.0)])))
        );
        assert_eq!(
            with("{ steps: [4/s] }", "workload[0].arrivals.steps[0]=8/s"),
            Ok(even(Shape::Steps(vec![8.0])))
        );
    }
}
