//! A schema registry of any image, configured by an adapter.

use std::net::{Ipv4Addr, SocketAddr};

use super::adapter::filled;
use super::inside::Inside;
use super::ready::{try_ready, until_ready};
use super::{Containers, Running, StackError, report};
use crate::result::ContainerReport;
use crate::scenario::RegistryContainer;
use crate::secret::Secret;
use crate::stack::secrets::hidden;

/// Its name, by which proxies reach it.
const NAME: &str = "registry";

impl Containers {
    /// Starts the registry, and returns when it can be used: with where this machine reaches it, and what results say of it.
    pub(in crate::stack) async fn start_registry(
        &mut self,
        spec: &RegistryContainer,
        env: &[(String, Secret)],
    ) -> Result<(String, ContainerReport), StackError> {
        self.hide(hidden(&spec.env, env));
        let image = self.image(NAME, &spec.image).await?;
        let limits = self.check_limits(NAME, spec.resources)?;
        let adapter = &spec.adapter;
        let inside = self.inside_of_registry.clone().or_else(|| self.inside.clone());
        let mut values = inside.as_ref().map(Inside::values).unwrap_or_default();
        let text = |text: &str| Some(Secret::new(text));
        values.extend([
            ("name", text(NAME)),
            ("port", text(&adapter.port.to_string())),
            ("release", text(spec.release)),
        ]);
        let authority = inside.as_ref().and_then(|inside| inside.authority.as_deref());
        let made = filled(adapter, NAME, (&image, limits), (&values, authority), env)?;
        let Running { container, port } = self.run((adapter.port, true), |_| Ok(made.clone())).await?;
        let address: SocketAddr = (Ipv4Addr::LOCALHOST, port).into();
        let ready = &adapter.ready;
        until_ready(&container, spec.start_within, &self.redaction, || try_ready(ready, address)).await?;
        let path = adapter.path.as_deref().unwrap_or_default();
        self.registry_itself = Some(container);
        self.registry = Some(format!("http://{NAME}:{}{path}", adapter.port));
        Ok((format!("http://{address}{path}"), report(&image, spec.resources)))
    }
}
