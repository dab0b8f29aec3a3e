//! The schema registry behind the proxy: within the embedded proxy's process, in a container beside proxies in containers, or one
//! that runs already.

use super::adapters::read_adapter;
use super::boxes::{BoxKind, NONE, OF_CONTAINER, OF_EMBEDDED, OF_EXTERNAL, Ports, open_item};
use super::decode::Item;
use super::error::Problems;
use super::extends::Load;
use super::hosts::read_url;
use super::images::{ImageDefaults, read_env, read_image, read_resources, read_start_within};
use super::model::{ProxyRelease, RegistryContainer, RegistrySpec, Resources};
use super::role::Role;

/// The kinds that it may have; which of them it can have follows from the proxy's.
const KINDS: [(&str, BoxKind); 4] = [
    ("embedded", BoxKind::Embedded),
    ("container", BoxKind::Container),
    ("external", BoxKind::External),
    ("none", BoxKind::None),
];

const CONTAINER_FIELDS: [&str; 6] = ["adapter", "image", "cpus", "memory", "env", "start_within"];

/// The registry of the embedded proxy.
pub(super) fn read_registry(
    item: &Item<'_>,
    allowed: &[String],
    ports: &mut Ports,
    problems: &mut Problems,
) -> Option<RegistrySpec> {
    let (kind, mut fields) = open_item(item, ("registry", &KINDS, BoxKind::Embedded), problems)?;
    let of_container = CONTAINER_FIELDS.map(|name| (name, OF_CONTAINER));
    match kind {
        BoxKind::Container => {
            item.suggest(
                problems,
                "cannot be a container: the embedded proxy asks the embedded registry, within its process",
                "write `registry: embedded`; or make the proxy a container, too",
            );
            None
        }
        BoxKind::None => {
            let all = [("port", NONE), ("url", NONE)];
            fields.finish(&[all.as_slice(), &of_container].concat(), problems);
            None
        }
        BoxKind::Embedded => {
            let port = ports.read("registry", &mut fields, problems);
            fields.finish(&[[("url", OF_EXTERNAL)].as_slice(), &of_container].concat(), problems);
            Some(RegistrySpec::Embedded { port })
        }
        BoxKind::External => {
            let url = fields.required("url", "http://127.0.0.1:8081", problems);
            let url = url.and_then(|item| {
                let url = read_url(&item, allowed, problems)?;
                if url.starts_with("https://") {
                    item.suggest(
                        problems,
                        "must start with `http://`: the embedded proxy speaks no TLS to a registry",
                        "name one that is reached without TLS",
                    );
                }
                Some(url)
            });
            fields.finish(&[[("port", OF_EMBEDDED)].as_slice(), &of_container].concat(), problems);
            url.map(|url| RegistrySpec::External { url })
        }
    }
}

/// The registry of proxies in containers, which are of this release.
pub(super) fn read_contained_registry(
    item: &Item<'_>,
    release: ProxyRelease,
    (load, images): (Load<'_>, &ImageDefaults),
    problems: &mut Problems,
) -> Option<RegistryContainer> {
    let (kind, mut fields) = open_item(item, ("registry", &KINDS, BoxKind::Container), problems)?;
    match kind {
        BoxKind::None => {
            fields.finish(&CONTAINER_FIELDS.map(|name| (name, NONE)), problems);
            return None;
        }
        BoxKind::Embedded | BoxKind::External => {
            item.suggest(
                problems,
                "must be a container where the proxy is one, which reaches it by their network",
                "write `registry: container`; or tell the proxy of another one by `env`",
            );
            return None;
        }
        BoxKind::Container => {}
    }
    let adapter = read_adapter(fields.optional("adapter").as_ref(), Role::Registry, load, problems);
    let image_item = fields.optional("image");
    let usual = adapter.as_ref().map(|adapter| adapter.image.replace("{release}", release.latest()));
    let image = usual.and_then(|usual| read_image(image_item.as_ref(), Some(&usual), images, problems));
    let resources = read_resources(&mut fields, Resources::default(), problems);
    let env = read_env(&mut fields, problems);
    let start_within = read_start_within(&mut fields, problems);
    fields.finish(&[("port", OF_EMBEDDED), ("url", OF_EXTERNAL)], problems);
    Some(RegistryContainer {
        adapter: adapter?,
        image: image?,
        release: release.latest(),
        resources,
        env,
        start_within,
    })
}
