//! What a run would send, for a terminal.

use std::fmt::Write as _;
use std::time::Duration;

use super::text::{grouped, plain};
use crate::result::{Preview, WorkloadPreview};
use crate::scenario::duration_text;
use crate::stats::bytes_text;

/// What a run would send.
#[must_use]
pub fn preview(preview: &Preview) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(out, "{}  nothing is sent\n", plain(&preview.scenario));
    for found in &preview.boxes {
        let place = found.place.as_deref().map(|place| format!("  {}", plain(place))).unwrap_or_default();
        let _ = writeln!(out, "  {:<9} {}{place}", found.name, found.kind);
    }
    let away = match preview.hosts_away.as_slice() {
        [] => "load stays on this machine".to_owned(),
        hosts => format!("load may leave this machine, for {}", plain(&hosts.join(", "))),
    };
    let _ = writeln!(out, "  {away}\n");
    for workload in &preview.workloads {
        of_workload(&mut out, workload);
    }
    whole(&mut out, preview);
    for workload in &preview.workloads {
        let _ = writeln!(out, "\n  the first request of workload[{}]\n", workload.workload);
        for line in workload.first_request.lines() {
            let _ = writeln!(out, "    {}", plain(line));
        }
    }
    for refused in &preview.refused {
        let _ = writeln!(out, "\n  NOT POSSIBLE: {}", plain(refused));
    }
    out
}

fn of_workload(out: &mut String, workload: &WorkloadPreview) {
    let WorkloadPreview { workload: place, partner, members, topic, .. } = workload;
    let members = if *members > 1 { format!(" ({} members)", grouped(*members)) } else { String::new() };
    let _ = writeln!(out, "  workload[{place}]  {}{members} to {}", plain(partner), plain(topic));
    let duration = duration_text(Duration::from_millis(workload.duration_ms));
    let each = bytes_text(workload.bytes_per_request);
    match (workload.requests, workload.records, workload.body_bytes, workload.peak_per_s) {
        (Some(requests), Some(records), Some(bytes), Some(peak)) => {
            let _ = writeln!(
                out,
                "    {} requests, {} records, about {} (bodies of about {each}); at most {}/s, for {duration}",
                grouped(requests),
                grouped(records),
                bytes_text(bytes),
                grouped(peak)
            );
        }
        _ => {
            let _ =
                writeln!(out, "    as many requests as are answered, bodies of about {each}, for {duration}");
        }
    }
    if workload.attempts > 1 {
        let _ = writeln!(out, "    each up to {} times", workload.attempts);
    }
}

fn whole(out: &mut String, preview: &Preview) {
    let and = if preview.closed { ", and what closed workloads send" } else { "" };
    let duration = duration_text(Duration::from_millis(preview.duration_ms));
    let _ = writeln!(
        out,
        "\n  in all     {} requests{and}, {} with all further attempts; {} records, about {}",
        grouped(preview.requests),
        grouped(preview.most_requests),
        grouped(preview.records),
        bytes_text(preview.body_bytes)
    );
    let _ = writeln!(out, "  peak       {}/s, for {duration} at most", grouped(preview.peak_per_s));
    let _ = writeln!(
        out,
        "             {} of the 10,000/s that API Gateway lets an account send, {} of the 5,000 at once",
        percent(preview.share_of_account_rate),
        percent(preview.share_of_account_burst)
    );
    let renewals = if preview.token_requests > 0 { ", and renewals; no budget counts them" } else { "" };
    let _ =
        writeln!(out, "  tokens     {} requests before the load{renewals}", grouped(preview.token_requests));
    let budget = match &preview.budget {
        None => "none".to_owned(),
        Some(budget) => format!(
            "{} requests, {}/s, {}; {}",
            grouped(budget.requests),
            budget.rate_per_s,
            duration_text(Duration::from_millis(budget.duration_ms)),
            match u64::try_from(budget.requests_left) {
                Ok(left) => format!("{} requests are left", grouped(left)),
                Err(_) => format!("{} requests are missing", budget.requests_left.unsigned_abs()),
            }
        ),
    };
    let _ = writeln!(out, "  budget     {budget}");
}

fn percent(share: f64) -> String {
    format!("{:.1}%", share * 100.0)
}
