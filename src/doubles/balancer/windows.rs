//! Faults that the balancer is told to show: each is set when its window begins, and lifted when that ends.
//!
//! What befalls only new connections by its nature resets those that are open, too: whoever keeps connections might open none
//! while the window lasts, and would never meet it.
//!
//! Where the windows of two overlap that befall the same, the first one is shown, as at any box.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use tokio::time::sleep_until;

use super::fault::{ConnectionFault, FaultScope, Setting};
use super::group::Group;
use crate::doubles::fault::Injector;
use crate::scenario::{Amount, FaultKind};

/// A fault, and what it befalls.
pub(super) struct Befalling {
    injector: Arc<Injector>,
    how: How,
}

#[derive(Clone, Copy)]
enum How {
    Network(FaultScope, ConnectionFault),
    Drain(SocketAddr),
    Kill(SocketAddr),
    Late(SocketAddr),
}

impl Befalling {
    /// Of `targets`, by their places.
    fn of(injector: &Arc<Injector>, targets: &[SocketAddr]) -> Option<Self> {
        let (kind, fault) = (injector.kind(), injector.fault());
        fault.window?;
        let named = match fault.replica {
            Some(replica) => Some(*targets.get(usize::from(replica).checked_sub(1)?)?),
            None => None,
        };
        let how = match kind {
            FaultKind::DrainTarget => How::Drain(named.or_else(|| targets.first().copied())?),
            FaultKind::KillTarget => How::Kill(named.or_else(|| targets.first().copied())?),
            FaultKind::LateTarget => How::Late(named.or_else(|| targets.last().copied())?),
            _ => {
                let scope = named.map_or(FaultScope::All, FaultScope::Target);
                How::Network(scope, of_network(kind, fault.amount)?)
            }
        };
        Some(Self { injector: injector.clone(), how })
    }

    /// The target that it keeps out of service at first.
    pub(super) fn late(&self) -> Option<SocketAddr> {
        match self.how {
            How::Late(target) => Some(target),
            _ => None,
        }
    }

    fn scope(&self) -> Option<FaultScope> {
        match self.how {
            How::Network(scope, _) => Some(scope),
            _ => None,
        }
    }

    /// The target that it keeps or takes out of service.
    fn out(&self) -> Option<SocketAddr> {
        match self.how {
            How::Drain(target) | How::Kill(target) | How::Late(target) => Some(target),
            How::Network(..) => None,
        }
    }

    fn setting(&self) -> Option<Setting> {
        match self.how {
            How::Network(_, fault) => Some(Setting { fault, counter: Some(self.injector.clone()) }),
            _ => None,
        }
    }
}

/// A fault of the network as connections meet it; `None` if it is none.
fn of_network(kind: FaultKind, amount: Option<Amount>) -> Option<ConnectionFault> {
    Some(match (kind, amount.or(kind.usual_amount())) {
        (FaultKind::NetworkDelay, Some(Amount::EachWay(each_way))) => ConnectionFault::Delay { each_way },
        (FaultKind::NetworkStall, _) => ConnectionFault::Stall,
        (FaultKind::NetworkReset, Some(Amount::AfterBytes(bytes))) => {
            ConnectionFault::Reset { after_bytes: Some(bytes) }
        }
        (FaultKind::BlackHole, _) => ConnectionFault::BlackHole,
        (FaultKind::RefuseConnections, _) => ConnectionFault::Refuse,
        (FaultKind::NetworkThrottle, Some(Amount::BytesPerSecond(bytes_per_s))) => {
            ConnectionFault::Throttle { bytes_per_s }
        }
        _ => return None,
    })
}

/// Those of `injectors` that a balancer over `targets` shows, in their order.
pub(super) fn of_balancer(injectors: &[Arc<Injector>], targets: &[SocketAddr]) -> Vec<Befalling> {
    injectors.iter().filter_map(|injector| Befalling::of(injector, targets)).collect()
}

/// Shows `faults` within their windows, until the last has ended.
pub(super) async fn show(group: Arc<Group>, faults: Vec<Befalling>) {
    let mut windows = Vec::with_capacity(faults.len());
    for fault in &faults {
        windows.push(fault.injector.window().await);
    }
    let mut turns: Vec<Instant> = windows.iter().flat_map(|(from, to)| [*from, *to]).collect();
    turns.sort();
    turns.dedup();
    let mut shown = Shown::default();
    for turn in turns {
        sleep_until(turn.into()).await;
        let open: Vec<bool> = windows.iter().map(|(from, to)| (*from..*to).contains(&turn)).collect();
        shown.turn(&group, &faults, &open);
    }
}

/// What is shown, by the places of faults.
#[derive(Default)]
struct Shown {
    /// Of the network, by what each befalls.
    network: BTreeMap<FaultScope, usize>,
    /// By the target that each keeps out of service.
    out: BTreeMap<SocketAddr, usize>,
    /// Those that have kept a target out of service before.
    counted: BTreeSet<usize>,
}

impl Shown {
    /// Shows, of those faults whose windows are `open`, the first that befalls each, and lifts all others. Every target is
    /// known, those that come late too, so that nothing here can fail.
    fn turn(&mut self, group: &Arc<Group>, faults: &[Befalling], open: &[bool]) {
        let (mut network, mut out) = (BTreeMap::new(), BTreeMap::new());
        for (place, fault) in faults.iter().enumerate().filter(|(place, _)| open[*place]) {
            if let Some(scope) = fault.scope() {
                network.entry(scope).or_insert(place);
            }
            if let Some(target) = fault.out() {
                out.entry(target).or_insert(place);
            }
        }
        // Two windows that meet leave no time between them.
        let scopes: BTreeSet<FaultScope> = self.network.keys().chain(network.keys()).copied().collect();
        let changes = scopes
            .into_iter()
            .map(|scope| (scope, network.get(&scope).and_then(|place| faults[*place].setting())));
        let _ = group.set_faults(changes.collect(), true);
        let targets: BTreeSet<SocketAddr> = self.out.keys().chain(out.keys()).copied().collect();
        for target in targets {
            let (before, now) = (self.out.get(&target), out.get(&target));
            let _ = match now {
                _ if before == now => Ok(()),
                None => group.restore(target),
                Some(place) if matches!(faults[*place].how, How::Drain(_)) => group.drain(target),
                Some(_) => group.kill(target),
            };
            if let Some(place) = now.filter(|place| self.counted.insert(**place)) {
                faults[*place].injector.took_effect(1);
            }
        }
        (self.network, self.out) = (network, out);
    }
}
