//! What an adapter makes of an image: a REST proxy, a schema registry or an identity provider; and the adapters that ship for each.

use super::model::{KAFKA_PLACEHOLDERS, PROVIDER_PLACEHOLDERS, PROXY_PLACEHOLDERS, Ready};

/// The adapters that ship for REST proxies, each with its file's text.
const PROXIES: [(&str, &str); 4] = [
    ("confluent", include_str!("../../fixtures/adapters/confluent.yaml")),
    ("karapace", include_str!("../../fixtures/adapters/karapace.yaml")),
    ("strimzi", include_str!("../../fixtures/adapters/strimzi.yaml")),
    ("landfall", include_str!("../../fixtures/adapters/landfall.yaml")),
];

/// The adapters that ship for schema registries.
const REGISTRIES: [(&str, &str); 4] = [
    ("confluent", include_str!("../../fixtures/adapters/registry/confluent.yaml")),
    ("karapace", include_str!("../../fixtures/adapters/registry/karapace.yaml")),
    ("apicurio", include_str!("../../fixtures/adapters/registry/apicurio.yaml")),
    ("landfall", include_str!("../../fixtures/adapters/registry/landfall.yaml")),
];

/// The adapters that ship for identity providers.
const PROVIDERS: [(&str, &str); 2] = [
    ("mock-oauth2", include_str!("../../fixtures/adapters/mock-oauth2.yaml")),
    ("keycloak", include_str!("../../fixtures/adapters/keycloak.yaml")),
];

/// The names of the adapters that ship for REST proxies.
pub const ADAPTERS: [&str; 4] = [PROXIES[0].0, PROXIES[1].0, PROXIES[2].0, PROXIES[3].0];

/// The names of the adapters that ship for schema registries.
pub const REGISTRY_ADAPTERS: [&str; 4] = [REGISTRIES[0].0, REGISTRIES[1].0, REGISTRIES[2].0, REGISTRIES[3].0];

/// The names of the adapters that ship for identity providers.
pub const PROVIDER_ADAPTERS: [&str; 2] = [PROVIDERS[0].0, PROVIDERS[1].0];

/// What an adapter makes of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// A REST proxy.
    Proxy,
    /// A schema registry behind proxies.
    Registry,
    /// An identity provider.
    Provider,
}

impl Role {
    /// The adapters that ship; the first is the usual one.
    pub(super) fn shipped(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Proxy => &PROXIES,
            Self::Registry => &REGISTRIES,
            Self::Provider => &PROVIDERS,
        }
    }

    /// What may stand in its templates, in the order of the alphabet.
    pub(super) fn placeholders(self) -> Vec<&'static str> {
        let mut all = match self {
            Self::Proxy => [KAFKA_PLACEHOLDERS, PROXY_PLACEHOLDERS].concat(),
            Self::Registry => KAFKA_PLACEHOLDERS.to_vec(),
            Self::Provider => PROVIDER_PLACEHOLDERS.to_vec(),
        };
        all.sort_unstable();
        all
    }

    /// What it is, in words.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Proxy => "a REST proxy",
            Self::Registry => "a schema registry",
            Self::Provider => "an identity provider",
        }
    }

    /// Whose field of the scenario takes what is none of the adapter's.
    pub(super) fn scenarios(self) -> &'static str {
        match self {
            Self::Proxy => "is the scenario's: write it at `stack.proxy`",
            Self::Registry => "is the scenario's: write it at `stack.proxy.registry`",
            Self::Provider => "is the scenario's: write it at `stack.idp`",
        }
    }

    /// How one knows that it can be used, where its adapter does not say; `path` is where its API begins.
    pub(super) fn usual_ready(self, path: Option<&str>) -> Ready {
        match self {
            Self::Proxy => Ready::Produce,
            Self::Registry => Ready::Http(format!("{}/subjects", path.unwrap_or_default())),
            Self::Provider => Ready::Tcp,
        }
    }
}
