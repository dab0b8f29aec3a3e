//! The box proxy: embedded, in containers, or external.

use std::collections::BTreeSet;

use super::adapters::read_adapter;
use super::balancer::read_balancer;
use super::boxes::{BoxKind, NONE, OF_EMBEDDED, OF_EXTERNAL, Ports, of_containers, read_tls_of};
use super::decode::{Fields, Item};
use super::error::Problems;
use super::extends::Load;
use super::hosts::read_url;
use super::idp::Around;
use super::images::{ImageDefaults, read_env, read_image, read_resources, read_start_within};
use super::model::{ProxyContainer, ProxyRelease, ProxySpec, Resources, TlsSettings};
use super::registry::{read_contained_registry, read_registry};
use super::role::Role;

/// The proxies that the embedded one can stand for.
const RELEASES: [(&str, ProxyRelease); 4] = {
    let all = ProxyRelease::ALL;
    [(all[0].name(), all[0]), (all[1].name(), all[1]), (all[2].name(), all[2]), (all[3].name(), all[3])]
};

/// What is asked of one replica of a proxy where nothing is said: what a deployment gives it.
const REPLICA: Resources = Resources { cpus: Some(0.5), memory: Some(1 << 30) };

/// The proxy; where it could not be read, any value.
pub(super) fn read_proxy(
    opened: Option<(BoxKind, Fields<'_>)>,
    (around, images): (Around<'_>, &ImageDefaults),
    ports: &mut Ports,
    problems: &mut Problems,
) -> ProxySpec {
    let Some((kind, mut fields)) = opened else {
        return ProxySpec::External { url: String::new(), tls: TlsSettings::default(), cluster_id: None };
    };
    if kind == BoxKind::None {
        let options = ["url", "tls", "cluster_id"];
        let all = ["port", "replicas", "profile", "idempotence", "balancer", "registry", "blocked"];
        fields.finish(&options.into_iter().chain(all).map(|name| (name, NONE)).collect::<Vec<_>>(), problems);
        return ProxySpec::None;
    }
    if kind == BoxKind::External {
        let url = fields
            .required("url", "http://127.0.0.1:8082", problems)
            .and_then(|item| read_url(&item, around.allowed, problems))
            .unwrap_or_default();
        let tls = read_tls_of(&url, &mut fields, problems);
        let cluster_id = fields.optional("cluster_id").and_then(|item| read_cluster_id(&item, problems));
        let options = ["port", "replicas", "profile", "idempotence", "balancer", "registry", "blocked"];
        let options = options.map(|name| (name, OF_EMBEDDED));
        fields.finish(&[options.as_slice(), &of_containers(&CONTAINER_FIELDS)].concat(), problems);
        return ProxySpec::External { url, tls, cluster_id };
    }
    if kind == BoxKind::Container {
        return match read_proxy_container(fields, around.load, images, ports, problems) {
            Some(container) => ProxySpec::Container(Box::new(container)),
            // What is wrong has been told; any other value will do.
            None => ProxySpec::External { url: String::new(), tls: TlsSettings::default(), cluster_id: None },
        };
    }
    let port = ports.read("proxy", &mut fields, problems);
    let replicas =
        fields.optional("replicas").and_then(|item| item.integer(&(1..=16), problems)).unwrap_or(2);
    let profile =
        fields.optional("profile").and_then(|item| item.choice(&RELEASES, problems)).unwrap_or_default();
    let idempotence = fields.optional("idempotence").and_then(|item| item.flag(problems)).unwrap_or(false);
    let balancer = fields.optional("balancer").map(|item| read_balancer(&item, problems)).unwrap_or_default();
    let registry =
        fields.optional("registry").and_then(|item| read_registry(&item, around.allowed, ports, problems));
    let blocked = fields.optional("blocked").map(|item| read_blocked(&item, problems)).unwrap_or_default();
    let options = ["url", "tls", "cluster_id"].map(|name| (name, OF_EXTERNAL));
    fields.finish(&[options.as_slice(), &of_containers(&CONTAINER_FIELDS)].concat(), problems);
    ProxySpec::Embedded { port, replicas, profile, idempotence, balancer, registry, blocked }
}

/// The fields that a proxy has in containers only.
const CONTAINER_FIELDS: [&str; 6] = ["adapter", "image", "cpus", "memory", "env", "start_within"];

fn read_proxy_container(
    mut fields: Fields<'_>,
    load: Load<'_>,
    images: &ImageDefaults,
    ports: &mut Ports,
    problems: &mut Problems,
) -> Option<ProxyContainer> {
    let port = ports.read("proxy", &mut fields, problems);
    let replicas = fields.optional("replicas").and_then(|item| item.integer(&(1..=4), problems)).unwrap_or(2);
    let adapter = read_adapter(fields.optional("adapter").as_ref(), Role::Proxy, load, problems);
    let profile =
        fields.optional("profile").and_then(|item| item.choice(&RELEASES, problems)).unwrap_or_default();
    let image_item = fields.optional("image");
    let usual = adapter.as_ref().map(|adapter| adapter.image.replace("{release}", profile.latest()));
    let image = usual.and_then(|usual| read_image(image_item.as_ref(), Some(&usual), images, problems));
    let balancer = fields.optional("balancer").map(|item| read_balancer(&item, problems)).unwrap_or_default();
    let registry = fields
        .optional("registry")
        .and_then(|item| read_contained_registry(&item, profile, (load, images), problems));
    let resources = read_resources(&mut fields, REPLICA, problems);
    let env = read_env(&mut fields, problems);
    let start_within = read_start_within(&mut fields, problems);
    let embedded = ["idempotence", "blocked"].map(|name| (name, OF_EMBEDDED));
    let external = ["url", "tls", "cluster_id"].map(|name| (name, OF_EXTERNAL));
    fields.finish(&[embedded.as_slice(), &external].concat(), problems);
    Some(ProxyContainer {
        port,
        replicas,
        adapter: adapter?,
        image: image?,
        profile,
        balancer,
        registry,
        resources,
        env,
        start_within,
    })
}

/// Names of endpoints as the real proxy's `api.endpoints.blocklist` has them.
fn read_blocked(item: &Item<'_>, problems: &mut Problems) -> BTreeSet<String> {
    let items = item.list(problems).unwrap_or_default();
    let names = items.iter().filter_map(|item| {
        let name = item.name(problems)?;
        if is_endpoint(name) {
            return Some(name.to_owned());
        }
        let remedy = "write for instance `api.v2.topics.list`, or `api.v3.topics.*` for all of a kind";
        item.suggest(problems, "must be the name of an endpoint", remedy);
        None
    });
    names.collect()
}

/// `api.v2` or `api.v3`, and parts of small letters and hyphens behind; the last may be `*`.
fn is_endpoint(name: &str) -> bool {
    let is_part = |part: &str| !part.is_empty() && part.bytes().all(|c| c.is_ascii_lowercase() || c == b'-');
    let Some(rest) = name.strip_prefix("api.v2.").or_else(|| name.strip_prefix("api.v3.")) else {
        return false;
    };
    rest == "*" || rest.strip_suffix(".*").unwrap_or(rest).split('.').all(is_part)
}

/// A cluster's id, as it stands in paths.
pub(super) fn read_cluster_id(item: &Item<'_>, problems: &mut Problems) -> Option<String> {
    let id = item.name(problems)?;
    if id.chars().any(|c| c.is_whitespace() || c.is_control() || c == '/') {
        let remedy = "write it as `GET /v3/clusters` shows it";
        item.suggest(problems, "must be the cluster's id, without white space and slashes", remedy);
        return None;
    }
    Some(id.to_owned())
}
