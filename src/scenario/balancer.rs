//! The balancer of the embedded proxies, as a field of theirs.

use std::time::Duration;

use super::boxes::duration_or;
use super::decode::Item;
use super::error::Problems;
use super::model::{BalancerSpec, HealthCheckSpec};

pub(super) fn read_balancer(item: &Item<'_>, problems: &mut Problems) -> BalancerSpec {
    const CHOICES: [(&str, bool); 2] = [("round", false), ("by-source", true)];
    let mut spec = BalancerSpec::default();
    let Some(mut fields) = item.fields(problems) else { return spec };
    if let Some(by_source) = fields.optional("choice").and_then(|item| item.choice(&CHOICES, problems)) {
        spec.by_source = by_source;
    }
    spec.health_check = fields.optional("health_check").and_then(|item| read_health_check(&item, problems));
    let idle = (Duration::from_secs(1), Duration::from_mins(100));
    spec.idle_timeout = duration_or(&mut fields, "idle_timeout", BalancerSpec::IDLE_TIMEOUT, idle, problems);
    if let Some(scale) =
        fields.optional("time_scale").and_then(|item| item.number(&(1.0..=10_000.0), problems))
    {
        spec.time_scale = scale;
    }
    fields.finish(&[], problems);
    spec
}

/// Network Load Balancers' own limits and what a deployment begins with (Elastic Load Balancing, "Health checks for target
/// groups").
fn read_health_check(item: &Item<'_>, problems: &mut Problems) -> Option<HealthCheckSpec> {
    let mut fields = item.fields(problems)?;
    let path = fields.optional("path").and_then(|item| {
        let path = item.text(problems)?;
        let legal = path.starts_with('/') && path.bytes().all(|b| (0x21..0x7f).contains(&b));
        if !legal {
            item.suggest(
                problems,
                "must be a path of visible ASCII that begins with a slash",
                "write for instance `/`",
            );
        }
        legal.then(|| path.to_owned())
    });
    let mut threshold = |name| {
        let read = fields.optional(name).and_then(|item| item.integer(&(2..=10_u32), problems));
        read.unwrap_or(7)
    };
    let (healthy_threshold, unhealthy_threshold) =
        (threshold("healthy_threshold"), threshold("unhealthy_threshold"));
    let interval = (Duration::from_secs(5), Duration::from_mins(5));
    let interval = duration_or(&mut fields, "interval", Duration::from_secs(15), interval, problems);
    let timeout = (Duration::from_secs(2), Duration::from_mins(2));
    let timeout = duration_or(&mut fields, "timeout", Duration::from_secs(5), timeout, problems);
    fields.finish(&[("port", "the replicas are checked at the port that they serve")], problems);
    Some(HealthCheckSpec { path, healthy_threshold, unhealthy_threshold, interval, timeout })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::model::ProxySpec;
    use std::path::Path;

    fn balancer(text: &str) -> Result<BalancerSpec, String> {
        let text = format!(
            "version: 1\nname: x\ntopics: [{{ name: t }}]\npartners: [{{ name: p, secret: generated }}]\n\
             workload: [{{ partner: p, topic: t, format: v2-json, payload: {{ file: r }}, \
             arrivals: {{ constant: 1/s }}, for: 1s }}]\nstack: {{ proxy: {{ balancer: {text} }} }}\n"
        );
        crate::scenario::parse(&text, Path::new("x"), &[], &|_| unreachable!("extends nothing"))
            .map(|scenario| match scenario.stack.proxy {
                ProxySpec::Embedded { balancer, .. } => balancer,
                ProxySpec::External { .. } | ProxySpec::None => panic!("it is embedded"),
            })
            .map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_left_out_is_as_network_load_balancers_have_it() {
        assert_eq!(balancer("{}"), Ok(BalancerSpec::default()));
        let checked = balancer("{ choice: by-source, health_check: {}, time_scale: 100 }").unwrap();
        let health_check = HealthCheckSpec {
            path: None,
            healthy_threshold: 7,
            unhealthy_threshold: 7,
            interval: Duration::from_secs(15),
            timeout: Duration::from_secs(5),
        };
        assert!(checked.by_source && (checked.time_scale - 100.0).abs() < f64::EPSILON);
        assert_eq!(
            (checked.health_check, checked.idle_timeout),
            (Some(health_check), Duration::from_secs(350))
        );
    }

    #[test]
    fn limits_hold() {
        for (text, sentence) in [
            ("{ choice: random }", "stack.proxy.balancer.choice"),
            ("{ time_scale: 0.5 }", "stack.proxy.balancer.time_scale"),
            ("{ health_check: { path: health } }", "must be a path"),
            ("{ health_check: { healthy_threshold: 1 } }", "from 2 to 10"),
            ("{ health_check: { interval: 1s } }", "from 5s to 5m"),
            ("{ health_check: { port: 1 } }", "checked at the port that they serve"),
        ] {
            let error = balancer(text).unwrap_err();
            assert!(error.contains(sentence), "{text}: {error}");
        }
    }
}
