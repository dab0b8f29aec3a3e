//! The steady state of the load engine: what a request allocates, and whether memory grows with their number.
//!
//! `cargo bench --bench steady [-- --requests N]` sends as fast as it can to a server in the same process that does
//! nothing, and looks at the whole process each second. It fails where a request allocates, or memory grows.

mod plan;

use std::alloc::System;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use landfall::doubles::null::NullServer;
use landfall::load::{Interval, Sink, Stop, run};
use landfall::record::{Answer, Sent};
use landfall::scenario::Protocol;
use plan::{Shape, as_fast_as_can_be, plan};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Requests by which buffers have grown to their size.
const WARM: u64 = 100_000;
/// Allocations a request that count as none: the seconds themselves cost a few.
const NONE: f64 = 0.001;
/// Growth of memory between the first million and the end that counts as none.
const FLAT: u64 = 10 * 1024 * 1024;

/// The process at one moment.
#[derive(Debug, Clone, Copy)]
struct Look {
    requests: u64,
    allocations: usize,
    resident: u64,
}

/// Looks at the process each second, and stops the load when there were enough requests.
struct Watch {
    requests: u64,
    enough: u64,
    stop: Stop,
    looks: Arc<Mutex<Vec<Look>>>,
}

impl Sink for Watch {
    fn attempt(&mut self, _sent: &Sent, answer: Answer<'_>) {
        self.requests += u64::from(answer.answers.iter().all(|answer| answer.is_acked()));
    }

    fn idle(&mut self) {}

    fn second(&mut self, interval: Box<Interval>) -> Box<Interval> {
        let allocations = ALLOCATOR.stats().allocations;
        let look = Look { requests: self.requests, allocations, resident: resident() };
        if let Ok(mut looks) = self.looks.lock() {
            looks.push(look);
        }
        if self.requests >= self.enough {
            self.stop.stop();
        }
        interval
    }
}

/// Memory that the process holds, in bytes (`proc(5)`, `statm`).
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = statm.split_ascii_whitespace().nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0);
    pages * 4096
}

fn main() -> Result<(), String> {
    let words: Vec<String> = std::env::args().collect();
    let asked = words.iter().position(|word| word == "--requests").and_then(|at| words.get(at + 1));
    let requests: u64 =
        asked.map_or(Ok(2_000_000), |text| text.parse()).map_err(|_| "--requests N".to_owned())?;
    let server = NullServer::start().map_err(|error| error.to_string())?;
    let url = format!("http://{}", server.address());
    let phases = vec![as_fast_as_can_be("main", true, Duration::from_hours(1), 64)];
    let plan = plan(Shape {
        url: &url,
        phases,
        protocol: Protocol::Http1,
        connections: 64,
        streams: 1,
        threads: 1,
        bytes: 200,
    })?;
    let looks: Arc<Mutex<Vec<Look>>> = Arc::default();
    // Its growth is no request's.
    looks.lock().map_err(|error| error.to_string())?.reserve(3_600);
    let stop = Stop::default();
    let began = Instant::now();
    let watch = |_| Watch { requests: 0, enough: requests, stop: stop.clone(), looks: looks.clone() };
    let report = run(&plan, watch, &stop).map_err(|error| error.to_string())?;
    let looks = looks.lock().map_err(|error| error.to_string())?.clone();
    let warm = looks.iter().find(|look| look.requests >= WARM).ok_or("too few requests to warm up")?;
    let million = looks.iter().find(|look| look.requests >= 1_000_000).unwrap_or(warm);
    let last = looks.last().ok_or("nothing was sent")?;
    let allocations = last.allocations - warm.allocations;
    #[expect(clippy::cast_precision_loss, reason = "no bench has 2^53 of them")]
    let each = allocations as f64 / (last.requests - warm.requests).max(1) as f64;
    let growth = last.resident.saturating_sub(million.resident);
    println!(
        "{} requests in {:.1} s, {:.0} a second; {allocations} allocations by the whole process after the first {}, {each:.6} a request; memory {:.1} MiB at {} requests, {:.1} MiB at the end",
        last.requests,
        began.elapsed().as_secs_f64(),
        report.overall.achieved_per_s(),
        warm.requests,
        mebibytes(million.resident),
        million.requests,
        mebibytes(last.resident),
    );
    if each > NONE {
        return Err(format!("a request allocates {each:.4} times"));
    }
    if growth > FLAT {
        return Err(format!("memory has grown by {:.1} MiB", mebibytes(growth)));
    }
    Ok(())
}

fn mebibytes(bytes: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
    let bytes = bytes as f64;
    bytes / 1024.0 / 1024.0
}
