//! What happens to targets while the balancer runs: by order, by their checks and by time.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::time::{MissedTickBehavior, interval, sleep};

use super::fault::{FaultScope, Setting};
use super::flow::Aftermath;
use super::group::Group;
use super::health::{HealthCheck, Record};
use super::probe;
use super::target::{Service, Target, TargetError, TargetState};

impl Group {
    pub(super) fn add(self: &Arc<Self>, address: SocketAddr) -> Result<(), TargetError> {
        let checked = self.rules.health.is_some();
        let mut table = self.lock();
        if table.target(address).is_ok() {
            return Err(TargetError::Known(address));
        }
        table.targets.push(Target::new(address, checked));
        drop(table);
        if let Some(check) = self.rules.health.clone() {
            let group = self.clone();
            self.spawn(async move { group.watch(address, check).await });
        }
        Ok(())
    }

    pub(super) fn drain(self: &Arc<Self>, address: SocketAddr) -> Result<(), TargetError> {
        let mut table = self.lock();
        let target = table.target(address)?;
        if target.service != Service::In {
            return Ok(());
        }
        target.enter(Service::Draining);
        let term = target.term;
        drop(table);
        let group = self.clone();
        self.spawn(async move {
            sleep(group.rules.deregistration_delay).await;
            group.deregister(address, term);
        });
        Ok(())
    }

    /// A target's deregistration delay is over.
    fn deregister(&self, address: SocketAddr, term: u64) {
        let mut after = Aftermath::default();
        let mut table = self.lock();
        if let Ok(target) = table.target(address)
            && target.term == term
        {
            target.enter(Service::Out);
            if self.rules.terminate_on_deregistration {
                target.reset_flows(&mut after);
            }
        }
    }

    pub(super) fn kill(&self, address: SocketAddr) -> Result<(), TargetError> {
        let mut after = Aftermath::default();
        let mut table = self.lock();
        let target = table.target(address)?;
        target.enter(Service::Out);
        target.reset_flows(&mut after);
        Ok(())
    }

    pub(super) fn restore(&self, address: SocketAddr) -> Result<(), TargetError> {
        let checked = self.rules.health.is_some();
        let mut table = self.lock();
        let target = table.target(address)?;
        if target.service != Service::In {
            target.enter(Service::In);
            target.record = Record::new(checked);
        }
        Ok(())
    }

    pub(super) fn targets(&self) -> Vec<TargetState> {
        self.lock().targets.iter().map(Target::state).collect()
    }

    /// Sets faults, or lifts those that are set, all at once: each connection meets only what is set in the end. With `open`,
    /// one that befalls only new connections by its nature resets those that are open, too.
    ///
    /// # Errors
    /// [`TargetError::Unknown`] where a target is not known; nothing is changed then.
    pub(super) fn set_faults(
        &self,
        changes: Vec<(FaultScope, Option<Setting>)>,
        open: bool,
    ) -> Result<(), TargetError> {
        let mut after = Aftermath::default();
        let mut table = self.lock();
        for (scope, _) in &changes {
            if let FaultScope::Target(address) = scope {
                table.target(*address)?;
            }
        }
        let of_all = table.fault.clone();
        let before: Vec<Option<Setting>> =
            table.targets.iter().map(|target| target.fault.clone().or_else(|| of_all.clone())).collect();
        for (scope, setting) in changes {
            match scope {
                FaultScope::All => table.fault = setting,
                FaultScope::Target(address) => table.target(address)?.fault = setting,
            }
        }
        for (target, before) in table.targets.iter().zip(before) {
            let now = target.fault.as_ref().or(table.fault.as_ref());
            let is_same = match (&before, now) {
                (Some(before), Some(now)) => before.is(now),
                (before, now) => before.is_none() && now.is_none(),
            };
            for flow in target.flows.values().filter(|_| !is_same) {
                match now {
                    Some(setting) if open && !setting.fault.is_of_bytes() => flow.strike(setting, &mut after),
                    setting => flow.meet(setting, &mut after),
                }
            }
        }
        Ok(())
    }

    /// Checks a target for ever.
    async fn watch(&self, address: SocketAddr, check: HealthCheck) {
        let mut turns = interval(check.interval);
        turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first is over at once, and no check belongs to it.
        turns.tick().await;
        loop {
            turns.tick().await;
            let term = match self.lock().target(address) {
                Ok(target) if target.service == Service::In => target.term,
                _ => continue,
            };
            let passed = probe::passes(address, &check).await;
            self.checked(address, term, passed, &check);
        }
    }

    /// Enters a check's result. Connections to a target that becomes unhealthy are reset if the rules say so, unless that
    /// makes the group fail open (Elastic Load Balancing, "Health checks for Network Load Balancer target groups").
    fn checked(&self, address: SocketAddr, term: u64, passed: bool, check: &HealthCheck) {
        let mut after = Aftermath::default();
        let mut table = self.lock();
        let Ok(target) = table.target(address) else { return };
        if target.term != term || !target.record.enter(passed, check) || !self.rules.reset_unhealthy {
            return;
        }
        if table.targets.iter().any(Target::is_healthy)
            && let Ok(target) = table.target(address)
        {
            target.reset_flows(&mut after);
        }
    }
}
