//! What containers are started from, and how much of the machine they may have.

use super::boxes::duration_or;
use super::decode::{Fields, Item};
use super::error::{Problems, quoted};
use super::model::{ImageRef, ImageSpec, Pull, Resources, Value};
use super::secrets::read_named_value;
use super::tree::Kind;
use std::collections::BTreeMap;
use std::time::Duration;

const PULLS: [(&str, Pull); 3] =
    [("missing", Pull::Missing), ("never", Pull::Never), ("always", Pull::Always)];
const EXAMPLE: &str = "write for instance `apache/kafka:4.1.1`";

/// What holds for the images of all boxes: `stack.images`.
#[derive(Debug, Clone, Default)]
pub(super) struct ImageDefaults {
    /// The registry, with a path, that takes the place of Docker Hub.
    registry: Option<String>,
    pull: Pull,
}

pub(super) fn read_defaults(item: &Item<'_>, problems: &mut Problems) -> ImageDefaults {
    let Some(mut fields) = item.fields(problems) else { return ImageDefaults::default() };
    let registry = fields.optional("registry").and_then(|item| read_registry(&item, problems));
    let pull = fields.optional("pull").and_then(|item| item.choice(&PULLS, problems)).unwrap_or_default();
    fields.finish(&[], problems);
    ImageDefaults { registry, pull }
}

fn read_registry(item: &Item<'_>, problems: &mut Problems) -> Option<String> {
    let text = item.name(problems)?;
    let registry = text.trim_end_matches('/');
    let probe = ImageRef::parse(&format!("{registry}/x"));
    if probe.is_none_or(|probe| !probe.names_registry()) {
        let remedy = "write its host, with port and path where it has them: `mirror.example.com/hub`";
        item.suggest(problems, "must be a registry's host, without a scheme", remedy);
        return None;
    }
    Some(registry.to_owned())
}

/// The image that `item` names, as text or by its parts; `usual` where it names none. Without a usual one, it must.
pub(super) fn read_image(
    item: Option<&Item<'_>>,
    usual: Option<&str>,
    defaults: &ImageDefaults,
    problems: &mut Problems,
) -> Option<ImageSpec> {
    let usual = usual.and_then(ImageRef::parse);
    let mut pull = defaults.pull;
    let mut registry = defaults.registry.clone();
    let mut image = match item {
        Some(item) if matches!(item.node.kind, Kind::Mapping(_)) => {
            let mut fields = item.fields(problems)?;
            let name = match usual {
                Some(_) => fields.optional("name"),
                None => Some(fields.required("name", "registry.example.com/authorizer", problems)?),
            };
            let mut image = match name {
                Some(item) => read_reference(&item, problems)?,
                None => usual?,
            };
            if let Some(item) = fields.optional("tag") {
                image.tag = Some(item.written().unwrap_or_default().to_owned());
                image.digest = None;
            }
            if let Some(item) = fields.optional("digest") {
                image.digest = Some(item.text(problems)?.to_owned());
            }
            if let Some(item) = fields.optional("registry") {
                registry = Some(read_registry(&item, problems)?);
            }
            if let Some(of_box) = fields.optional("pull").and_then(|item| item.choice(&PULLS, problems)) {
                pull = of_box;
            }
            fields.finish(&[], problems);
            if ImageRef::parse(&image.to_string()).is_none() {
                let remedy =
                    "a tag is made of letters, digits, `.`, `_` and `-`; a digest is `sha256:` and 64 digits";
                item.suggest(problems, "has a tag or a digest that is none", remedy);
                return None;
            }
            image
        }
        Some(item) => read_reference(item, problems)?,
        None => usual?,
    };
    if let Some(registry) = registry {
        image = image.at_registry(&registry);
    }
    Some(ImageSpec { image, pull })
}

fn read_reference(item: &Item<'_>, problems: &mut Problems) -> Option<ImageRef> {
    let text = item.name(problems)?;
    let image = ImageRef::parse(text);
    if image.is_none() {
        item.suggest(problems, format!("{} is no image", quoted(text)), EXAMPLE);
    }
    image
}

/// `cpus` and `memory`; `unlimited` is a value of both.
pub(super) fn read_resources(
    fields: &mut Fields<'_>,
    usual: Resources,
    problems: &mut Problems,
) -> Resources {
    let mut resources = usual;
    if let Some(item) = fields.optional("cpus") {
        resources.cpus = match item.written() {
            Some("unlimited") => None,
            _ => item.number(&(0.05..=256.0), problems),
        };
    }
    if let Some(item) = fields.optional("memory") {
        resources.memory = match item.written() {
            Some("unlimited") => None,
            // Docker's own least.
            _ => item.size(&(6 * 1024 * 1024..=1 << 50), problems),
        };
    }
    resources
}

/// `start_within`.
pub(super) fn read_start_within(fields: &mut Fields<'_>, problems: &mut Problems) -> Duration {
    let range = (Duration::from_secs(1), Duration::from_hours(1));
    duration_or(fields, "start_within", Duration::from_mins(2), range, problems)
}

/// `env`: variables besides those that landfall sets itself.
pub(super) fn read_env(fields: &mut Fields<'_>, problems: &mut Problems) -> BTreeMap<String, Value> {
    let Some(env) = fields.optional("env").and_then(|item| item.fields(problems)) else {
        return BTreeMap::new();
    };
    let mut read = BTreeMap::new();
    for (entry, item) in env.all() {
        if !is_variable(&entry.key) {
            item.suggest(problems, "is no name of an environment variable", "use letters, digits and `_`");
        } else if !item.node.is_null()
            && let Some(value) = read_named_value(&entry.key, &item, problems)
        {
            read.insert(entry.key.clone(), value);
        }
    }
    read
}

/// Whether this can be the name of an environment variable. Java's properties come with dots in them at times.
pub(super) fn is_variable(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_' || c == b'.')
}
