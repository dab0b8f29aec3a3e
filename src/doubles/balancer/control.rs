//! What happens to targets while the balancer runs: by order, by their checks and by time.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::time::{MissedTickBehavior, interval, sleep};

use super::fault::{FaultScope, Setting};
use super::flow::{Aftermath, Flow};
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

    /// Sets a fault, or lifts the one that is set. With `open`, one that befalls only new connections by its nature
    /// resets those that are open, too.
    pub(super) fn set_fault(
        &self,
        scope: FaultScope,
        setting: Option<Setting>,
        open: bool,
    ) -> Result<(), TargetError> {
        let mut after = Aftermath::default();
        let mut bring = |flow: &Arc<Flow>, setting: Option<&Setting>| match setting {
            Some(setting) if open && !setting.fault.is_of_bytes() => flow.strike(setting, &mut after),
            setting => flow.meet(setting, &mut after),
        };
        let mut table = self.lock();
        match scope {
            FaultScope::Target(address) => {
                let of_all = table.fault.clone();
                let target = table.target(address)?;
                target.fault.clone_from(&setting);
                let meets = setting.or(of_all);
                target.flows.values().for_each(|flow| bring(flow, meets.as_ref()));
            }
            FaultScope::All => {
                table.fault.clone_from(&setting);
                let befallen = table.targets.iter().filter(|target| target.fault.is_none());
                befallen
                    .flat_map(|target| target.flows.values())
                    .for_each(|flow| bring(flow, setting.as_ref()));
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
