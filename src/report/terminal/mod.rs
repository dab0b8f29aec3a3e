//! The summary that people read after a run: what happened, what was found, what was checked.

mod containers;

use std::fmt::{self, Write as _};

use super::text::{self, grouped, mark, percent_of, plain, quantiles, rate};
use crate::result::{Evidence, Finding, HopTimes, Part, RunResult, Tokens};
use crate::stats::time_text;

/// Examples shown of each finding; the JSON has more.
const EXAMPLES: usize = 2;

/// The summary as plain text. `report` is where the report stands, if it was written.
#[must_use]
pub fn summary(result: &RunResult, report: Option<&str>) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write_summary(&mut text, result, report);
    text
}

fn write_summary(out: &mut String, result: &RunResult, report: Option<&str>) -> fmt::Result {
    writeln!(
        out,
        "{}  run {}  seed {}",
        plain(&result.scenario.name),
        plain(&result.run),
        result.scenario.seed
    )?;
    writeln!(out)?;
    let path: Vec<String> = result
        .boxes
        .iter()
        .map(|b| if b.kind == "embedded" { b.name.clone() } else { format!("{} ({})", b.name, b.kind) })
        .collect();
    writeln!(out, "  path      {}", plain(&path.join(" · ")))?;
    for note in &result.notes {
        writeln!(out, "            {}", plain(note))?;
    }
    write_counts(out, result)?;
    // Of a run that was killed, no times are known.
    if result.recovery.is_none() {
        write_times(out, result)?;
    }
    if result.phases.len() > 1 {
        write_parts(out, "phases", &result.phases)?;
    }
    if result.partners.len() > 1 {
        write_parts(out, "partners", &result.partners)?;
    }
    containers::write_containers(out, &result.boxes)?;
    if result.recovery.is_none() {
        write_generator(out, result)?;
    }
    write_checks(out, result)?;
    for finding in &result.findings {
        write_finding(out, finding)?;
    }
    for fault in &result.faults {
        let expected = plain(fault.expected_finding.as_deref().unwrap_or("no finding"));
        writeln!(
            out,
            "  fault     {}/{} took effect {} (expected: {expected})",
            plain(&fault.box_name),
            plain(&fault.kind),
            text::times(fault.injected)
        )?;
    }
    writeln!(out)?;
    let verdict = result.verdict.as_str().to_uppercase();
    match &result.incomplete {
        Some(reason) => writeln!(out, "  {verdict}  (incomplete: {})", plain(reason))?,
        None => writeln!(out, "  {verdict}")?,
    }
    for reason in &result.reasons {
        writeln!(out, "    {}", plain(reason))?;
    }
    if let Some(report) = report {
        writeln!(out, "  report    {}", plain(report))?;
    }
    Ok(())
}

fn write_counts(out: &mut String, result: &RunResult) -> fmt::Result {
    let q = &result.requests;
    writeln!(
        out,
        "  requests  {} sent: {} accepted, {} refused, {} failed, {} reset, {} timed out, {} malformed",
        grouped(q.sent),
        grouped(q.accepted),
        grouped(q.refused),
        grouped(q.failed),
        grouped(q.reset),
        grouped(q.timed_out),
        grouped(q.malformed)
    )?;
    let attempts = &result.attempts;
    if attempts.retries > 0 {
        writeln!(
            out,
            "  attempts  {}, of which {} retries",
            grouped(attempts.total),
            grouped(attempts.retries)
        )?;
    }
    let r = &result.records;
    writeln!(out, "  records   {} sent", grouped(r.sent))?;
    let row = |out: &mut String, count: u64, name: &str, parts: &[(u64, &str)]| {
        let parts: Vec<String> =
            parts.iter().map(|(count, name)| format!("{} {name}", grouped(*count))).collect();
        writeln!(out, "  {:>16} {name:<9} = {}", grouped(count), parts.join(" + "))
    };
    row(out, r.acked, "acked", &[(r.landed, "landed"), (r.lost, "lost"), (r.unverifiable, "unverifiable")])?;
    row(out, r.refused, "refused", &[(r.absent, "absent"), (r.leaked, "leaked")])?;
    row(out, r.unknown, "unknown", &[(r.unknown_landed, "landed"), (r.unknown_absent, "absent")])?;
    let flags = [
        (r.duplicated, "duplicated"),
        (r.corrupted, "corrupted"),
        (r.misplaced, "misplaced"),
        (r.reordered, "reordered"),
        (r.rewritten, "rewritten"),
        (r.foreign, "foreign"),
    ];
    let flags: Vec<String> =
        flags.iter().map(|(count, name)| format!("{} {name}", grouped(*count))).collect();
    writeln!(out, "            of those found: {}", flags.join(", "))?;
    writeln!(out, "            {}", plain(&result.horizon.statement))
}

fn write_times(out: &mut String, result: &RunResult) -> fmt::Result {
    let latency = result.latency_us;
    let censored = match latency.censored {
        0 => String::new(),
        count => format!(", {} of them lower bounds", grouped(count)),
    };
    writeln!(out, "  latency   {}  from due to answered{censored}", quantiles(latency.quantiles()))?;
    writeln!(out, "  service   {}  from written to answered", quantiles(result.service_us))?;
    writeln!(out, "  blocked   {}  waiting for a connection, part of latency", quantiles(result.blocked_us))?;
    writeln!(out, "  readable  {}  from written to seen in the topic", quantiles(result.readable_us))?;
    write_hops(out, &result.hops)?;
    writeln!(out, "  rate      {}", rate(result.rate.achieved_per_s, result.rate.target_per_s))?;
    if result.generator.closed {
        writeln!(
            out,
            "  closed    workers wait for answers before they send again: the latency leaves out the waiting that a \
             stalled system causes"
        )?;
    }
    write_tokens(out, result.tokens)
}

/// Where the time goes behind the gateway: each hop's share of it, and its median.
fn write_hops(out: &mut String, hops: &[HopTimes]) -> fmt::Result {
    let whole: u64 = hops.iter().map(|hop| hop.total_us).sum();
    if whole == 0 {
        return Ok(());
    }
    let told: Vec<String> = hops
        .iter()
        .map(|hop| {
            let share = percent_of(hop.total_us, whole);
            let requests = if hop.us.count == 1 { "request" } else { "requests" };
            let (p50, count) = (time_text(hop.us.p50), grouped(hop.us.count));
            format!("{} {share} (p50 {p50}, {count} {requests})", hop.name)
        })
        .collect();
    writeln!(out, "  hops      {}", told.join("   "))
}

/// A row for each phase or partner.
fn write_parts(out: &mut String, what: &str, parts: &[Part]) -> fmt::Result {
    let names: Vec<String> = parts.iter().map(|part| plain(&part.name)).collect();
    let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    let rates: Vec<String> = parts.iter().map(|part| rate(part.achieved_per_s, part.target_per_s)).collect();
    let rate_width = rates.iter().map(String::len).max().unwrap_or(0);
    for (index, part) in parts.iter().enumerate() {
        let label = if index == 0 { what } else { "" };
        let times = if part.measured {
            quantiles(part.latency_us.quantiles())
        } else {
            "warming up, not measured".to_owned()
        };
        let (name, rate) = (&names[index], &rates[index]);
        writeln!(out, "  {label:<9} {name:<width$}  {rate:<rate_width$}  {}", times.trim_end())?;
    }
    Ok(())
}

/// The self-audit: what the generator did, and what it is known to be able to do.
fn write_generator(out: &mut String, result: &RunResult) -> fmt::Result {
    let generator = &result.generator;
    let threads = if generator.threads == 1 {
        format!("1 thread, {:.0} % of a CPU", generator.cpu_share * 100.0)
    } else {
        format!("{} threads, the busiest {:.0} % of a CPU", generator.threads, generator.cpu_share * 100.0)
    };
    let waited = match generator.run_queue_share {
        Some(share) => format!(", waited for one {:.1} % of the time", share * 100.0),
        None => String::new(),
    };
    writeln!(
        out,
        "  generator {threads}{waited}; lag p99 {}, max {}",
        time_text(result.generator_lag_us.p99),
        time_text(result.generator_lag_us.max)
    )?;
    writeln!(
        out,
        "            {} unsent, at most {} waiting for a connection, {} socket errors",
        grouped(generator.unsent),
        grouped(generator.backlog_peak),
        grouped(generator.socket_errors)
    )?;
    for limit in &generator.exceeded {
        writeln!(out, "            times {}: {}", limit.effect(), plain(&limit.sentence))?;
    }
    if generator.local_errors > 0 {
        let last = generator.local_error.as_deref().unwrap_or("no reason was given");
        writeln!(
            out,
            "            {} of them for want of something on this machine: {}",
            grouped(generator.local_errors),
            plain(last)
        )?;
    }
    if let Some(calibration) = &generator.calibration {
        writeln!(
            out,
            "            calibrated {}: wakes up within {} (p99), keeps its times up to {:.0}/s",
            plain(&calibration.when),
            time_text(calibration.wakeup_p99_us),
            calibration.honest_rate_per_s
        )?;
    }
    Ok(())
}

/// Says nothing where each partner had its first token to the end.
fn write_tokens(out: &mut String, tokens: Tokens) -> fmt::Result {
    if tokens.storms == 0 {
        return Ok(());
    }
    let refused = match tokens.replaced {
        0 => String::new(),
        replaced => format!("; {} because a token was refused", grouped(replaced)),
    };
    let without = match tokens.unarmed_us {
        0 => String::new(),
        time => format!("; a partner had no valid one for {}", time_text(time)),
    };
    writeln!(
        out,
        "  tokens    {} fetched, in {} at most; {} renewals failed; up to {} begun within a second{refused}{without}",
        grouped(tokens.fetched),
        time_text(tokens.fetch_us.max),
        grouped(tokens.failed),
        grouped(tokens.storms)
    )
}

fn write_checks(out: &mut String, result: &RunResult) -> fmt::Result {
    writeln!(out)?;
    let width = result.checks.iter().map(|check| check.name.len()).max().unwrap_or(0);
    for check in &result.checks {
        let mark = mark(check.verdict);
        writeln!(
            out,
            "  {mark}  {:<width$}  {}  (limit {})",
            plain(&check.name),
            plain(&check.seen),
            plain(&check.limit)
        )?;
    }
    Ok(())
}

fn write_finding(out: &mut String, finding: &Finding) -> fmt::Result {
    writeln!(out)?;
    writeln!(
        out,
        "  FOUND     {} {}: {}",
        grouped(finding.count),
        plain(&finding.kind),
        plain(&finding.meaning)
    )?;
    for example in finding.examples.iter().take(EXAMPLES) {
        write_example(out, example)?;
    }
    let shown = finding.examples.len().min(EXAMPLES) as u64;
    if finding.count > shown {
        writeln!(out, "            and {} more", grouped(finding.count - shown))?;
    }
    Ok(())
}

fn write_example(out: &mut String, example: &Evidence) -> fmt::Result {
    writeln!(out, "            {}", text::example(example))?;
    writeln!(out, "              {}", plain(&example.detail))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::result::{
        Attempts, BoxReport, Calibration, CheckResult, FaultReport, Generator, HopTimes, Horizon, Latency,
        Machine, Quantiles, Rate, Records, Requests, SCHEMA, ScenarioRef, Verdict,
    };

    fn tokens(fetch_us: Quantiles) -> Tokens {
        Tokens {
            fetched: 1_203,
            replaced: 0,
            failed: 3,
            fetch_us,
            storms: 200,
            unarmed_us: 1_900_000,
            unarmed: 1,
            key_fetches: None,
        }
    }

    /// A run that has lost a record.
    pub(in crate::report) fn result() -> RunResult {
        let times = Quantiles { p50: 912, p90: 2_040, p99: 5_120, p999: 9_000, max: 12_345, count: 4_000 };
        RunResult {
            schema: SCHEMA,
            run: "a1b2c3".into(),
            verdict: Verdict::Fail,
            incomplete: None,
            reasons: vec!["records.lost is 1, limit == 0".into()],
            scenario: ScenarioRef {
                name: "quickstart".into(),
                hash: "0123456789abcdef".into(),
                seed: 42,
                ..ScenarioRef::default()
            },
            started: "2026-01-01T00:00:00Z".into(),
            elapsed_us: 10_400_000,
            requests: Requests { sent: 4_050, accepted: 4_000, refused: 50, ..Requests::default() },
            records: Records {
                sent: 40_050,
                acked: 40_000,
                refused: 50,
                landed: 39_999,
                lost: 1,
                absent: 50,
                ..Records::default()
            },
            answers: Vec::new(),
            spectra: None,
            timeline: None,
            recovery: None,
            latency_us: Latency::new(times, 3),
            service_us: times,
            blocked_us: times,
            generator_lag_us: times,
            readable_us: times,
            attempts: Attempts { total: 4_050, accepted: 4_000, refused: 50, ..Attempts::default() },
            hops: [("gateway", 1_000, 40), ("proxy", 9_000, 360)]
                .map(|(name, total_us, p50)| HopTimes {
                    name: name.into(),
                    us: Quantiles { p50, count: 25, ..Quantiles::default() },
                    total_us,
                })
                .into(),
            rate: Rate { target_per_s: 400.0, achieved_per_s: 399.96 },
            tokens: tokens(times),
            phases: vec![Part { name: "steady".into(), measured: true, ..Part::default() }],
            partners: vec![Part { name: "seismic".into(), measured: true, ..Part::default() }],
            generator: Generator { threads: 1, cpu_share: 0.123, ..Generator::default() },
            memory: None,
            horizon: Horizon {
                statement: "everything was read".into(),
                waited_us: 1,
                complete: true,
                compacted: 0,
                unattributed: 0,
                order_unchecked: 0,
            },
            checks: vec![CheckResult {
                name: "records.lost".into(),
                verdict: Verdict::Fail,
                seen: "1".into(),
                limit: "== 0".into(),
                because: None,
            }],
            faults: vec![FaultReport {
                box_name: "proxy".into(),
                kind: "drop-after-ack".into(),
                injected: 1,
                expected_finding: Some("records.lost".into()),
            }],
            findings: vec![Finding {
                kind: "records.lost".into(),
                count: 3,
                meaning: "acknowledged, but not in the topic".into(),
                examples: vec![Evidence {
                    request: "0.17".into(),
                    record: Some("0.170".into()),
                    attempts: 1,
                    written_us: 142_000,
                    answered_us: Some(145_000),
                    answer: "acked at quakes/2@77".into(),
                    found: vec!["quakes/3@1".into()],
                    detail: "hostile \u{1b}[31m\u{202e}text\n".into(),
                    ..Evidence::default()
                }],
            }],
            boxes: [("gateway", "embedded"), ("proxy", "external")].map(part_of_path).into(),
            machine: Machine { system: "x".into(), architecture: "x".into(), cpus: 2, ..Machine::default() },
            versions: std::collections::BTreeMap::new(),
            notes: vec!["embedded boxes share this machine with the load: figures are not capacity".into()],
        }
    }

    #[test]
    fn a_summary_says_what_happened_and_why() {
        insta::assert_snapshot!(summary(&result(), Some("reports/a1b2c3/result.json")));
    }

    #[test]
    fn a_summary_shows_phases_partners_and_what_the_generator_confesses() {
        let mut result = result();
        let part = |name: &str, measured, rate: f64| Part {
            name: name.into(),
            measured,
            target_per_s: rate,
            achieved_per_s: rate * 0.99,
            latency_us: if measured { result.latency_us } else { Latency::default() },
            ..Part::default()
        };
        result.phases = vec![part("warm-up", false, 50.0), part("steady\u{1b}", true, 1_400.0)];
        result.partners = vec![part("seismic", true, 400.0), part("z", true, 0.0)];
        result.attempts.retries = 1_234;
        result.generator = Generator {
            threads: 2,
            cpu_share: 0.5,
            run_queue_share: Some(0.0123),
            socket_errors: 9,
            local_errors: 2,
            local_error: Some("Too many open files".into()),
            backlog_peak: 1_000,
            closed: true,
            calibration: Some(Calibration {
                when: "2026-01-01T00:00:00Z".into(),
                wakeup_p99_us: 81,
                honest_rate_per_s: 21_000.0,
                machine: result.machine.clone(),
            }),
            ..Generator::default()
        };
        insta::assert_snapshot!(summary(&result, None));
    }

    fn part_of_path((name, kind): (&str, &str)) -> BoxReport {
        BoxReport {
            name: name.into(),
            kind: kind.into(),
            endpoint: None,
            start_us: 10,
            since_ms: None,
            container: None,
        }
    }

    #[test]
    fn a_result_of_an_older_landfall_is_read() {
        let mut old = serde_json::to_value(result()).unwrap();
        for member in ["phases", "partners", "attempts"] {
            assert!(old.as_object_mut().unwrap().remove(member).is_some(), "{member}");
        }
        let generator = old["generator"].as_object_mut().unwrap();
        generator
            .retain(|name, _| ["threads", "cpu_share", "socket_errors", "unsent"].contains(&name.as_str()));
        let read: RunResult = serde_json::from_value(old).unwrap();
        assert_eq!((read.phases.len(), read.generator.run_queue_share), (0, None));
    }

    #[test]
    fn the_json_reads_back_as_the_same_result() {
        let text = super::super::json(&result()).unwrap();
        assert_eq!(serde_json::from_str::<RunResult>(&text).unwrap(), result());
    }
}
