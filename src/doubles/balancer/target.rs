//! A target as the balancer knows it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use super::fault::Setting;
use super::flow::{Aftermath, Flow};
use super::health::{Health, Record};

/// What there is to see of a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TargetState {
    /// Where it listens.
    pub address: SocketAddr,
    /// What is known of it.
    pub health: Health,
    /// It gets no new connections, and its deregistration delay runs.
    pub draining: bool,
    /// Connections that are open now.
    pub open: usize,
    /// Connections that it has been given so far.
    pub connections: u64,
}

/// Why a target cannot be controlled so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// Nobody added it.
    #[error("{0} is no target of the load balancer; add it first")]
    Unknown(SocketAddr),
    /// It cannot be added twice.
    #[error("{0} is a target of the load balancer already; restore it if it is out of service")]
    Known(SocketAddr),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    In,
    Draining,
    Out,
}

/// A target's entry in the group's table.
pub(super) struct Target {
    pub(super) address: SocketAddr,
    pub(super) service: Service,
    /// How often it has come into service or begun to leave it: what was begun in another term counts no more.
    pub(super) term: u64,
    pub(super) record: Record,
    pub(super) fault: Option<Setting>,
    pub(super) flows: BTreeMap<u64, Arc<Flow>>,
    pub(super) connections: u64,
}

impl Target {
    pub(super) fn new(address: SocketAddr, checked: bool) -> Self {
        Self {
            address,
            service: Service::In,
            term: 0,
            record: Record::new(checked),
            fault: None,
            flows: BTreeMap::new(),
            connections: 0,
        }
    }

    pub(super) fn is_healthy(&self) -> bool {
        self.service == Service::In && self.record.health() == Health::Healthy
    }

    pub(super) fn enter(&mut self, service: Service) {
        self.service = service;
        self.term += 1;
    }

    pub(super) fn reset_flows(&mut self, after: &mut Aftermath) {
        for flow in std::mem::take(&mut self.flows).into_values() {
            flow.reset(after);
        }
    }

    pub(super) fn state(&self) -> TargetState {
        TargetState {
            address: self.address,
            health: if self.service == Service::Out { Health::Unused } else { self.record.health() },
            draining: self.service == Service::Draining,
            open: self.flows.len(),
            connections: self.connections,
        }
    }
}
