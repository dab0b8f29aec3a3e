//! The network of a stack: its containers know each other by their boxes' names, and nobody else's.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};

use bollard::models::NetworkCreateRequest;

use super::error::{EngineError, sentence};
use super::{Belonging, Engine};

/// Whether this process has begun to make a stack: then there may be something to take away.
pub static MADE_STACKS: AtomicBool = AtomicBool::new(false);

/// A network of the engine's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    /// Its name.
    pub name: String,
    /// Where those within it reach the engine's machine, where the engine tells.
    pub gateway: Option<IpAddr>,
}

/// The name of a stack's network, with which those of its containers begin.
pub(super) fn network_name(stack: &str) -> String {
    format!("landfall-{stack}")
}

impl Network {
    /// Makes a network.
    ///
    /// # Errors
    /// [`EngineError::Network`] where the engine cannot.
    pub async fn create(engine: &Engine, belonging: &Belonging) -> Result<Self, EngineError> {
        MADE_STACKS.store(true, Ordering::Release);
        let name = network_name(&belonging.stack);
        let request = NetworkCreateRequest {
            name: name.clone(),
            labels: Some(belonging.labels()),
            ..NetworkCreateRequest::default()
        };
        if let Err(error) = engine.docker.create_network(request).await {
            return Err(EngineError::Network { reason: sentence(&error) });
        }
        let made = engine.docker.inspect_network(&name, None).await.ok();
        let configs = made.and_then(|made| made.ipam?.config).unwrap_or_default();
        // Some engines write the length of the network's prefix behind it.
        let address = |gateway: String| gateway.split('/').next()?.parse().ok();
        let gateway = configs.into_iter().find_map(|config| address(config.gateway?));
        Ok(Self { name, gateway })
    }
}
