//! When requests arrive.

use crate::scenario::decode::Item;
use crate::scenario::error::Problems;
use crate::scenario::quantity::parse_rate;

/// The most requests a second that a workload may ask for.
const FASTEST: f64 = 1_000_000.0;

pub(super) fn read_arrivals(item: &Item<'_>, problems: &mut Problems) -> Option<f64> {
    const ONLY: &str = "arrivals are constant only: write `arrivals: { constant: 400/s }`";
    if let Some(rate) = item.written() {
        let suggestion = match parse_rate(rate) {
            Ok(_) => format!("write `arrivals: {{ constant: {rate} }}`"),
            Err(_) => "write for instance `arrivals: { constant: 400/s }`".to_owned(),
        };
        item.suggest(problems, "must be a mapping that says how requests arrive", suggestion);
        return None;
    }
    let mut fields = item.fields(problems)?;
    let constant = fields.required("constant", "400/s", problems);
    let others = ["poisson", "ramp", "step", "steps", "burst", "closed", "trace", "linear", "uniform"];
    fields.finish(&others.map(|name| (name, ONLY)), problems);
    let constant = constant?;
    let rate = constant.quantity("a rate such as 400/s", parse_rate, problems)?;
    if rate <= 0.0 || rate > FASTEST {
        constant.fail(problems, "must be above 0 and at most 1000000 requests a second");
        return None;
    }
    Some(rate)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::tests::workload;

    #[test]
    fn arrivals_and_duration() {
        let read = |arrivals, duration| workload(arrivals, duration, "    payload: { file: r }\n");
        let read_rate = |text| read(text, "1s").map(|workload| workload.rate_per_s);
        assert_eq!(read_rate("{ constant: 400/s }"), Ok(400.0));
        assert_eq!(read_rate("{ constant: 30/min }"), Ok(0.5));
        assert_eq!(read_rate("{ constant: 1000000/s }"), Ok(1_000_000.0));
        for bad in [
            "400/s",
            "{ constant: 0/s }",
            "{ constant: 1000001/s }",
            "{ poisson: 1/s }",
            "{}",
            "[1/s]",
            "{ constant: }",
        ] {
            assert!(read_rate(bad).is_err(), "{bad}");
        }
        let read_duration = |text| read("{ constant: 1/s }", text).map(|workload| workload.duration);
        assert_eq!(read_duration("24h"), Ok(Duration::from_hours(24)));
        for bad in ["0s", "24h1ms", "10", "forever"] {
            assert!(read_duration(bad).is_err(), "{bad}");
        }
    }
}
