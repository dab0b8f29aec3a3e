//! Before the load: whether this machine can hold the connections that it needs.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use super::{LoadPlan, StreamPlan};
use crate::schedule::{Arrivals, Phase};

/// Descriptors besides those of connections: pollers, files, Kafka clients, what opens while a run goes on.
const MARGIN: u64 = 128;
/// How long a port stays taken after this side has closed its connection (Linux, `TCP_TIMEWAIT_LEN`).
const TIME_WAIT: Duration = Duration::from_mins(1);
/// How long it does where it may be taken again early (Linux, `tcp_tw_reuse`).
const TIME_WAIT_REUSED: Duration = Duration::from_secs(1);

/// The least time that an answer plausibly takes.
const ANSWER: Duration = Duration::from_millis(1);

/// What this machine cannot give.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PreflightError {
    /// File descriptors.
    #[error(
        "the load needs about {needed} file descriptors, and this process may have {limit}; raise the limit \
         (`ulimit -n {needed}`, or `LimitNOFILE=` of the service), or use fewer connections"
    )]
    Descriptors {
        /// How many are needed.
        needed: u64,
        /// How many there may be, at most.
        limit: u64,
    },
    /// Ports.
    #[error(
        "the load needs {needed} connections to {address}, and this machine has {ports} ports for them; widen the \
         range (`sysctl -w net.ipv4.ip_local_port_range=\"1024 65535\"`), or use fewer connections"
    )]
    Ports {
        /// Where to.
        address: SocketAddr,
        /// How many are needed.
        needed: u64,
        /// How many there are.
        ports: u64,
    },
}

/// What this machine has.
#[derive(Debug, Clone, Copy)]
struct Machine {
    /// Descriptors that are open now.
    open: u64,
    /// The most that there may be.
    limit: u64,
    /// Ports for outgoing connections, where the system tells.
    ports: Option<u64>,
    /// `net.ipv4.tcp_tw_reuse`, where the system tells: 1 everywhere, 2 on loopback.
    reuse: Option<u64>,
}

/// Looks whether the load has what it needs, and raises the limit of open files as far as it may. `boxes` says how
/// many further descriptors each connection costs in this process, where doubles live in it too. Returns what may
/// become scarce, in sentences.
///
/// # Errors
/// [`PreflightError`], each saying what to change.
pub fn preflight(plan: &LoadPlan, boxes: u64) -> Result<Vec<String>, PreflightError> {
    let needed = descriptors(plan, boxes, open_descriptors());
    let machine = Machine {
        open: open_descriptors(),
        limit: raise_descriptors(needed),
        ports: port_range(),
        reuse: read_number("/proc/sys/net/ipv4/tcp_tw_reuse"),
    };
    judge(plan, boxes, machine)
}

fn judge(plan: &LoadPlan, boxes: u64, machine: Machine) -> Result<Vec<String>, PreflightError> {
    let needed = descriptors(plan, boxes, machine.open);
    if needed > machine.limit {
        return Err(PreflightError::Descriptors { needed, limit: machine.limit });
    }
    let Some(ports) = machine.ports else { return Ok(Vec::new()) };
    let mut by_address: BTreeMap<SocketAddr, (u64, f64)> = BTreeMap::new();
    for stream in &plan.streams {
        let Some(address) = stream.target.addresses.first() else { continue };
        let (connections, churn) = by_address.entry(*address).or_default();
        *connections += u64::from(stream.connections.count);
        *churn += opened_per_second(stream);
    }
    let mut warnings = Vec::new();
    for (address, (needed, churn)) in by_address {
        if needed > ports {
            return Err(PreflightError::Ports { address, needed, ports });
        }
        let reused = match machine.reuse {
            Some(1) => true,
            Some(2) => address.ip().is_loopback(),
            _ => false,
        };
        let waits = if reused { TIME_WAIT_REUSED } else { TIME_WAIT };
        #[expect(clippy::cast_precision_loss, reason = "there are fewer than 2^16 ports")]
        let (taken, ports_there) = (needed as f64 + churn * waits.as_secs_f64(), ports as f64);
        if taken > ports_there {
            warnings.push(format!(
                "connections to {address} are opened {churn:.0} times a second, and a port stays taken for {} s after \
                 each: {ports} ports may not be enough; use connections longer, or set `net.ipv4.tcp_tw_reuse` to 1",
                waits.as_secs()
            ));
        }
    }
    Ok(warnings)
}

fn descriptors(plan: &LoadPlan, boxes: u64, open: u64) -> u64 {
    let connections: u64 = plan.streams.iter().map(|stream| u64::from(stream.connections.count)).sum();
    open + descriptors_needed(connections, boxes, plan.threads as u64)
}

/// About how many file descriptors a load needs: for each of its connections one, and `boxes` more in doubles of the same
/// process.
#[must_use]
pub fn descriptors_needed(connections: u64, boxes: u64, threads: u64) -> u64 {
    // A poller, its waker and its timer, for each thread.
    connections * (1 + boxes) + threads * 4 + MARGIN
}

/// How many connections a second a stream opens because it is told to use none for long.
fn opened_per_second(stream: &StreamPlan) -> f64 {
    let length = stream.schedule.duration().as_secs_f64().max(1e-9);
    let open = stream.schedule.expected_before(stream.schedule.duration()) / length;
    let rate = stream.schedule.phases().iter().map(closed_rate).fold(open, f64::max);
    let worn = stream.connections.requests_each.map_or(0.0, |most| rate / f64::from(most.max(1)));
    let aged = stream
        .connections
        .life
        .map_or(0.0, |life| f64::from(stream.connections.count) / life.as_secs_f64().max(1e-3));
    // None can be opened more often than it is used.
    worn.max(aged.min(rate))
}

/// The most that closed workers may send in a second, where an answer takes the least time that one plausibly does.
fn closed_rate(phase: &Phase) -> f64 {
    match &phase.arrivals {
        Arrivals::Closed { workers, think } => f64::from(*workers) / (*think + ANSWER).as_secs_f64(),
        _ => 0.0,
    }
}

fn open_descriptors() -> u64 {
    std::fs::read_dir("/proc/self/fd").map_or(0, |entries| entries.count() as u64)
}

/// Raises the soft limit towards `needed`, and tells what it is then.
fn raise_descriptors(needed: u64) -> u64 {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let (soft, hard) = (current.unwrap_or(u64::MAX), maximum.unwrap_or(u64::MAX));
    if soft >= needed {
        return soft;
    }
    let raised = needed.min(hard);
    match setrlimit(Resource::Nofile, Rlimit { current: Some(raised), maximum }) {
        Ok(()) => raised,
        Err(_) => soft,
    }
}

fn port_range() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").ok()?;
    let mut bounds = text.split_ascii_whitespace().map(str::parse::<u64>);
    let (first, last) = (bounds.next()?.ok()?, bounds.next()?.ok()?);
    (last + 1).checked_sub(first)
}

fn read_number(path: &str) -> Option<u64> {
    std::fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// A load of one request, for tests.
#[cfg(test)]
pub(super) fn plan_of_one() -> LoadPlan {
    tests::plan(1, None, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    use crate::load::Target;
    use crate::record::{Catalogue, RunId};
    use crate::scenario::Connections;
    use crate::schedule::{Intensity, Schedule, Spacing};

    pub(super) fn plan(count: u16, requests_each: Option<u32>, rate: f64) -> LoadPlan {
        let second = Duration::from_secs(1);
        let arrivals =
            Arrivals::Open { intensity: Intensity::constant(rate, second), spacing: Spacing::Poisson };
        let phase = Phase { name: "main".into(), measured: true, duration: second, arrivals };
        let target = Target {
            addresses: vec![([127, 0, 0, 1], 80).into()],
            authority: "127.0.0.1".into(),
            base_path: String::new(),
            tls: None,
        };
        let plain = StreamPlan::plain(target, "t", Schedule::new(1, vec![phase]));
        let stream =
            StreamPlan { connections: Connections { count, requests_each, ..plain.connections }, ..plain };
        LoadPlan {
            streams: vec![stream],
            catalogue: Catalogue::new(RunId::new("r").unwrap(), 0, Vec::new()),
            tokens: Vec::new(),
            threads: 1,
            drain: second,
            origin: Instant::now(),
            start: Instant::now(),
        }
    }

    const MACHINE: Machine = Machine { open: 20, limit: 1_024, ports: Some(28_000), reuse: Some(0) };

    #[test]
    fn descriptors_are_counted_with_those_of_the_boxes() {
        assert_eq!(judge(&plan(800, None, 1.0), 0, MACHINE), Ok(vec![]));
        let error = judge(&plan(800, None, 1.0), 3, MACHINE).unwrap_err();
        assert_eq!(error, PreflightError::Descriptors { needed: 20 + 3_200 + 4 + 128, limit: 1_024 });
    }

    #[test]
    fn ports_run_out_by_number_or_by_churn() {
        let roomy = Machine { limit: 1_000_000, ..MACHINE };
        let few = Machine { ports: Some(500), ..roomy };
        assert!(matches!(
            judge(&plan(800, None, 1.0), 0, few),
            Err(PreflightError::Ports { ports: 500, .. })
        ));
        let churning = plan(8, Some(1), 1_000.0);
        assert_eq!(judge(&churning, 0, roomy).unwrap().len(), 1);
        // On loopback, Linux takes such ports again after a second.
        assert_eq!(judge(&churning, 0, Machine { reuse: Some(2), ..roomy }), Ok(vec![]));
        assert_eq!(judge(&plan(8, Some(100), 1_000.0), 0, roomy), Ok(vec![]));
        let mut closed = plan(8, Some(1), 1.0);
        let schedule = |think| {
            let arrivals = Arrivals::Closed { workers: 8, think };
            let duration = Duration::from_secs(1);
            Schedule::new(1, vec![Phase { name: "main".into(), measured: true, duration, arrivals }])
        };
        closed.streams[0].schedule = schedule(Duration::ZERO);
        assert_eq!(judge(&closed, 0, roomy).unwrap().len(), 1);
        closed.streams[0].schedule = schedule(Duration::from_secs(1));
        assert_eq!(judge(&closed, 0, roomy), Ok(vec![]));
    }

    #[test]
    fn this_machine_can_be_asked() {
        assert!(preflight(&plan(1, None, 1.0), 0).is_ok());
    }
}
