//! Faults that the balancer is told to show: each is set when its window begins, and lifted when that ends.
//!
//! What befalls only new connections by its nature resets those that are open, too: whoever keeps connections might open none
//! while the window lasts, and would never meet it.
//!
//! Where the windows of two overlap that befall the same, the first one is shown, as at any box.

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

    /// The target that it takes out of service, and whether at once.
    fn takes_out(&self) -> Option<(SocketAddr, bool)> {
        match self.how {
            How::Drain(target) => Some((target, false)),
            How::Kill(target) => Some((target, true)),
            _ => None,
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
    let mut open = vec![false; faults.len()];
    for turn in turns {
        sleep_until(turn.into()).await;
        let before = std::mem::replace(
            &mut open,
            windows.iter().map(|(from, to)| (*from..*to).contains(&turn)).collect(),
        );
        Turn { group: &group, faults: &faults, before: &before, now: &open }.come();
    }
}

/// A time at which windows begin or end.
struct Turn<'a> {
    group: &'a Arc<Group>,
    faults: &'a [Befalling],
    /// Whose windows were open before.
    before: &'a [bool],
    /// And whose are from now on.
    now: &'a [bool],
}

impl Turn<'_> {
    /// Does what is to be done. Targets stay known for ever, so that nothing here can fail but what is there already.
    fn come(&self) {
        for (place, fault) in self.faults.iter().enumerate() {
            if let Some(scope) = fault.scope() {
                let first = |open| self.first(open, |other| other.scope() == Some(scope));
                let (before, now) = (first(self.before), first(self.now));
                if before != now && now.or(before) == Some(place) {
                    let setting = now.and_then(|now| self.faults[now].setting());
                    let _ = self.group.set_fault(scope, setting, true);
                }
            } else if let Some((target, _)) = fault.takes_out() {
                self.take_out(place, target);
            } else if let Some(target) = fault.late() {
                if self.now[place] && !self.before[place] {
                    fault.injector.took_effect(1);
                } else if self.before[place] && !self.now[place] {
                    let _ = self.group.add(target);
                }
            }
        }
    }

    /// The first fault that `is_meant` and whose window is open.
    fn first(&self, open: &[bool], is_meant: impl Fn(&Befalling) -> bool) -> Option<usize> {
        (0..self.faults.len()).find(|place| open[*place] && is_meant(&self.faults[*place]))
    }

    /// The same for those that take `target` out of service.
    fn take_out(&self, place: usize, target: SocketAddr) {
        let of_target = |fault: &Befalling| fault.takes_out().is_some_and(|(of, _)| of == target);
        let (before, now) = (self.first(self.before, of_target), self.first(self.now, of_target));
        if before == now || now.or(before) != Some(place) {
            return;
        }
        match now {
            None => {
                let _ = self.group.restore(target);
            }
            Some(now) => {
                let at_once = self.faults[now].takes_out().is_some_and(|(_, at_once)| at_once);
                let taken = if at_once { self.group.kill(target) } else { self.group.drain(target) };
                if taken.is_ok() {
                    self.faults[now].injector.took_effect(1);
                }
            }
        }
    }
}
