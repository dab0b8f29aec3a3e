//! Adapters: those that ship, and files that people write.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::boxes::duration_or;
use super::decode::{Fields, Item};
use super::error::{Origin, Problems, listed, nearest, quoted};
use super::extends::{Load, has_known_version};
use super::images::is_variable;
use super::model::{ADAPTER_PLACEHOLDERS, Adapter, ImageRef, Ready, Template};
use super::shipped::Shipped;
use super::tree::{self, Kind};

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

/// The adapter of the identity provider.
const PROVIDER: (&str, &str) = ("mock-oauth2", include_str!("../../fixtures/adapters/mock-oauth2.yaml"));

/// The names of the adapters that ship for REST proxies.
pub const ADAPTERS: [&str; 4] = [PROXIES[0].0, PROXIES[1].0, PROXIES[2].0, PROXIES[3].0];

/// The names of the adapters that ship for schema registries.
pub const REGISTRY_ADAPTERS: [&str; 4] = [REGISTRIES[0].0, REGISTRIES[1].0, REGISTRIES[2].0, REGISTRIES[3].0];

/// A field that names an adapter of a REST proxy: one that ships, or a file; `None`: the first that ships.
pub(super) fn read_proxy_adapter(
    item: Option<&Item<'_>>,
    load: Load<'_>,
    problems: &mut Problems,
) -> Option<Adapter> {
    read_adapter(item, &PROXIES, load, problems)
}

/// The same of a schema registry. One that does not say how one knows that it can be used answers `GET /subjects` then.
pub(super) fn read_registry_adapter(
    item: Option<&Item<'_>>,
    load: Load<'_>,
    problems: &mut Problems,
) -> Option<Adapter> {
    let adapter = read_adapter(item, &REGISTRIES, load, problems)?;
    let subjects = format!("{}/subjects", adapter.path.as_deref().unwrap_or_default());
    // Nobody writes records through a registry.
    let ready = if adapter.ready == Ready::Produce { Ready::Http(subjects) } else { adapter.ready };
    Some(Adapter { ready, ..adapter })
}

fn read_adapter(
    item: Option<&Item<'_>>,
    files: &'static [(&'static str, &'static str)],
    load: Load<'_>,
    problems: &mut Problems,
) -> Option<Adapter> {
    let Some(item) = item else { return read_text(files[0].1, Path::new(files[0].0), problems) };
    let text = item.name(problems)?;
    let shipped = Shipped { what: "adapter", files };
    let (text, file) = shipped.text(text, (item.at(), &item.path), load, problems)?;
    read_text(&text, &file, problems)
}

/// The adapter of the identity provider.
pub(super) fn provider_adapter(problems: &mut Problems) -> Option<Adapter> {
    read_text(PROVIDER.1, Path::new(PROVIDER.0), problems)
}

/// The adapter that a file's text says.
fn read_text(text: &str, file: &Path, problems: &mut Problems) -> Option<Adapter> {
    let root = tree::parse(text, &Arc::new(Origin::File(file.to_owned())), problems)?;
    let item = Item { node: &root, path: String::new() };
    // Its fields are none of the scenario's.
    #[cfg(test)]
    return super::asked::apart(|| read_root(&item, problems));
    #[cfg(not(test))]
    read_root(&item, problems)
}

fn read_root(item: &Item<'_>, problems: &mut Problems) -> Option<Adapter> {
    let before = problems.count();
    let mut fields = item.fields(problems)?;
    if !has_known_version(&mut fields, problems) {
        return None;
    }
    let name = fields.required("name", "our-proxy", problems).and_then(|item| item.name(problems));
    let image = fields
        .required("image", "registry.example.com/our-proxy:1.4", problems)
        .and_then(|item| read_image(&item, problems));
    let port =
        fields.required("port", "8082", problems).and_then(|item| item.integer(&(1..=u16::MAX), problems));
    let env = read_env(fields.optional("env").as_ref(), problems);
    let files = read_files(fields.optional("files").as_ref(), problems);
    let entrypoint = fields.optional("entrypoint").and_then(|item| read_words(&item, problems));
    let command = fields.optional("command").and_then(|item| read_words(&item, problems));
    let ready = fields.optional("ready").map_or(Some(Ready::Produce), |item| read_ready(&item, problems));
    let stop_signal = fields.optional("stop_signal").and_then(|item| read_signal(&item, problems));
    // The engine's client waits no longer than two minutes for anything.
    let range = (Duration::from_secs(1), Duration::from_secs(100));
    let stop_within = duration_or(&mut fields, "stop_within", Duration::from_secs(10), range, problems);
    let profile = fields.optional("profile").and_then(|item| read_profile(&item, problems));
    let issuer = fields
        .optional("issuer")
        .and_then(|item| read_path(&item, "write for instance `/partners`", problems));
    let path = fields
        .optional("path")
        .and_then(|item| read_path(&item, "write for instance `/apis/ccompat/v7`", problems));
    let box_s = "is the scenario's: write it at `stack.proxy`";
    fields.finish(
        &[("replicas", box_s), ("cpus", box_s), ("memory", box_s), ("start_within", box_s), ("pull", box_s)],
        problems,
    );
    (problems.count() == before).then_some(Adapter {
        name: name?.to_owned(),
        image: image?,
        port: port?,
        env,
        files,
        entrypoint,
        command,
        ready: ready?,
        stop_signal,
        stop_within,
        profile,
        issuer,
        path,
    })
}

/// The profile by which conformance is judged. A file of people's own lies beside the adapter's.
fn read_profile(item: &Item<'_>, problems: &mut Problems) -> Option<String> {
    let text = item.name(problems)?;
    let (name, release) = text.split_once('@').map_or((text, None), |(name, release)| (name, Some(release)));
    if !Path::new(name).extension().is_some_and(|of| of == "yaml" || of == "yml") {
        return Some(text.to_owned());
    }
    let file = item.at().resolve(name);
    let release = release.map(|release| format!("@{release}")).unwrap_or_default();
    Some(format!("{}{release}", file.display()))
}

/// A path from the root on, without a slash at its end.
fn read_path(item: &Item<'_>, remedy: &str, problems: &mut Problems) -> Option<String> {
    let path = item.text(problems)?;
    if !path.starts_with('/') {
        item.suggest(problems, "must be a path that begins with a slash", remedy);
    }
    Some(path.trim_end_matches('/').to_owned())
}

/// An image's name, in which `{release}` may stand.
fn read_image(item: &Item<'_>, problems: &mut Problems) -> Option<String> {
    let text = item.name(problems)?;
    if ImageRef::parse(&text.replace("{release}", "1")).is_none() {
        let remedy = "write for instance `registry.example.com/our-proxy:1.4`; `{release}` may stand in it";
        item.suggest(problems, format!("{} is no image", quoted(text)), remedy);
        return None;
    }
    Some(text.to_owned())
}

/// A template; a placeholder that there is not is told.
fn read_template(item: &Item<'_>, problems: &mut Problems) -> Option<Template> {
    let Some(text) = item.written() else {
        item.fail(problems, format!("must be text, and is {}", item.node.describe()));
        return None;
    };
    match Template::parse(text) {
        Ok(template) => Some(template),
        Err(unknown) => {
            let message = format!("there is no placeholder `{{{unknown}}}`");
            let known = nearest(&unknown, ADAPTER_PLACEHOLDERS);
            item.suggest(problems, message, format!("{known}; double braces stand for themselves"));
            None
        }
    }
}

fn read_env(item: Option<&Item<'_>>, problems: &mut Problems) -> BTreeMap<String, Template> {
    let mut env = BTreeMap::new();
    for (name, item) in entries(item, problems) {
        if !is_variable(&name) {
            item.suggest(problems, "is no name of an environment variable", "use letters, digits and `_`");
        } else if let Some(template) = read_template(&item, problems) {
            env.insert(name, template);
        }
    }
    env
}

fn read_files(item: Option<&Item<'_>>, problems: &mut Problems) -> BTreeMap<String, Template> {
    let mut files = BTreeMap::new();
    for (path, item) in entries(item, problems) {
        let parts = || path.split('/').skip(1);
        if !path.starts_with('/') || parts().any(|part| part.is_empty() || part == "." || part == "..") {
            let remedy = "write for instance `/etc/our-proxy/config.json`";
            item.suggest(problems, "must be the path of a file in the container, from its root on", remedy);
        } else if let Some(template) = read_template(&item, problems) {
            files.insert(path, template);
        }
    }
    files
}

/// The members of a mapping whose names are people's own.
fn entries<'t>(item: Option<&Item<'t>>, problems: &mut Problems) -> Vec<(String, Item<'t>)> {
    let fields: Option<Fields<'t>> = item.and_then(|item| item.fields(problems));
    let all = fields.map(|fields| fields.all()).unwrap_or_default();
    all.into_iter().map(|(entry, item)| (entry.key.clone(), item)).collect()
}

fn read_words(item: &Item<'_>, problems: &mut Problems) -> Option<Vec<Template>> {
    let items = item.list(problems)?;
    items.iter().map(|item| read_template(item, problems)).collect()
}

fn read_ready(item: &Item<'_>, problems: &mut Problems) -> Option<Ready> {
    const NAMES: [&str; 3] = ["produce", "tcp", "{ http: /path }"];
    if matches!(item.node.kind, Kind::Mapping(_)) {
        let mut fields = item.fields(problems)?;
        let path = fields.required("http", "/", problems)?;
        fields.finish(&[], problems);
        let text = path.text(problems)?;
        if !text.starts_with('/') || !text.bytes().all(|c| (0x21..0x7f).contains(&c)) {
            let message = "must be a path of visible ASCII that begins with a slash";
            path.suggest(problems, message, "write for instance `/`");
            return None;
        }
        return Some(Ready::Http(text.to_owned()));
    }
    match item.text(problems)? {
        "produce" => Some(Ready::Produce),
        "tcp" => Some(Ready::Tcp),
        other => {
            item.suggest(problems, format!("{} is not possible", quoted(other)), listed(&NAMES));
            None
        }
    }
}

fn read_signal(item: &Item<'_>, problems: &mut Problems) -> Option<String> {
    let text = item.name(problems)?;
    let legal = text.strip_prefix("SIG").is_some_and(|rest| {
        !rest.is_empty()
            && rest.bytes().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || b"+-".contains(&c))
    });
    if !legal {
        item.suggest(problems, format!("{} is no signal", quoted(text)), "write for instance `SIGTERM`");
    }
    legal.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn adapter(text: &str) -> Result<Adapter, String> {
        let mut problems = Problems::default();
        match read_text(text, Path::new("a.yaml"), &mut problems) {
            Some(adapter) => problems.or(adapter).map_err(|error| error.to_string()),
            None => Err(problems.into_error().to_string()),
        }
    }

    #[test]
    fn those_that_ship_can_be_read() {
        for (name, text) in PROXIES {
            let adapter = adapter(text).unwrap();
            assert_eq!((adapter.name.as_str(), adapter.ready), (name, Ready::Produce));
        }
    }

    #[test]
    fn one_of_ones_own() {
        let read = adapter(
            "version: 1\nname: ours\nimage: r.example.com/ours:{release}\nport: 80\nenv: { A.B: '{bootstrap}', N: 1 }\n\
             files: { /etc/x.json: '{\"a\": {\"b\": \"{registry}\"}}' }\ncommand: [serve, --id, '{replica}']\n\
             ready: { http: /health }\nstop_signal: SIGINT\nstop_within: 30s\n",
        )
        .unwrap();
        assert_eq!(read.ready, Ready::Http("/health".into()));
        assert!(read.env["A.B"].uses("bootstrap") && read.files["/etc/x.json"].uses("registry"));
        assert_eq!(read.command.unwrap().len(), 3);
        assert_eq!(
            (read.stop_signal.as_deref(), read.stop_within),
            (Some("SIGINT"), Duration::from_secs(30))
        );
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        let base = "version: 1\nname: a\nimage: a/b:1\nport: 80\n";
        for (more, sentence) in [
            ("env: { A: '{bootstrp}' }", "a.yaml:5:11: env.A: there is no placeholder `{bootstrp}`"),
            ("env: { A: '{bootstrp}' }", "bootstrap"),
            ("env: { 1A: x }", "is no name of an environment variable"),
            ("files: { etc/x: y }", "from its root on"),
            ("files: { /etc/../x: y }", "from its root on"),
            ("command: serve", "must be a list"),
            ("ready: soon", "`soon` is not possible"),
            ("ready: { http: health }", "ready.http: must be a path"),
            ("stop_signal: TERM", "`TERM` is no signal"),
            ("replicas: 2", "is the scenario's"),
            ("comand: []", "unknown field"),
        ] {
            let error = adapter(&format!("{base}{more}\n")).unwrap_err();
            assert!(error.contains(sentence), "{more}: {error}");
        }
        let error = adapter("version: 1\nname: a\nimage: A b\nport: 0\n").unwrap_err();
        assert_eq!(error.lines().count(), 2, "{error}");
    }
}
