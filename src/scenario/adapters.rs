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
use super::model::{Adapter, ImageRef, Ready, SECRET_PLACEHOLDERS, Template};
use super::profiles::read_profile;
use super::role::Role;
use super::secrets::may_be_secret;
use super::shipped::Shipped;
use super::tree::{self, Kind};

/// Signals that a process may be asked to stop with (signal(7)).
const SIGNALS: [&str; 11] = [
    "SIGTERM", "SIGINT", "SIGQUIT", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGWINCH", "SIGABRT", "SIGALRM",
    "SIGPWR", "SIGKILL",
];

/// A field that names an adapter: one that ships, or a file; `None`: the first that ships.
pub(super) fn read_adapter(
    item: Option<&Item<'_>>,
    role: Role,
    load: Load<'_>,
    problems: &mut Problems,
) -> Option<Adapter> {
    let files = role.shipped();
    let Some(item) = item else {
        return read_text(files[0].1, Path::new(files[0].0), (role, load), problems);
    };
    let text = item.name(problems)?;
    let shipped = Shipped { what: "adapter", files };
    let (text, file) = shipped.text(text, (item.at(), &item.path), load, problems)?;
    read_text(&text, &file, (role, load), problems)
}

/// The adapter that a file's text says.
fn read_text(text: &str, file: &Path, of: (Role, Load<'_>), problems: &mut Problems) -> Option<Adapter> {
    let root = tree::parse(text, &Arc::new(Origin::File(file.to_owned())), problems)?;
    let item = Item { node: &root, path: String::new() };
    // Its fields are none of the scenario's.
    #[cfg(test)]
    return super::asked::apart(|| read_root(&item, of, problems));
    #[cfg(not(test))]
    read_root(&item, of, problems)
}

fn read_root(item: &Item<'_>, (role, load): (Role, Load<'_>), problems: &mut Problems) -> Option<Adapter> {
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
    let env = read_env(fields.optional("env").as_ref(), role, problems);
    let files = read_files(fields.optional("files").as_ref(), role, problems);
    let entrypoint = fields.optional("entrypoint").and_then(|item| read_words(&item, role, problems));
    let command = fields.optional("command").and_then(|item| read_words(&item, role, problems));
    let stop_signal = fields.optional("stop_signal").and_then(|item| read_signal(&item, problems));
    // The engine's client waits no longer than two minutes for anything.
    let range = (Duration::from_secs(1), Duration::from_secs(100));
    let stop_within = duration_or(&mut fields, "stop_within", Duration::from_secs(10), range, problems);
    let profile = fields.optional("profile").and_then(|item| read_judge(&item, problems));
    let token_profile = fields.optional("token_profile").and_then(|item| read_profile(&item, load, problems));
    let issuer = fields
        .optional("issuer")
        .and_then(|item| read_path(&item, "write for instance `/partners`", problems));
    let path = fields
        .optional("path")
        .and_then(|item| read_path(&item, "write for instance `/apis/ccompat/v7`", problems));
    let ready = match fields.optional("ready") {
        Some(item) => read_ready(&item, role, problems),
        None => Some(role.usual_ready(path.as_deref())),
    };
    let box_s = role.scenarios();
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
        token_profile,
        path,
    })
}

/// The profile by which conformance is judged. A file of people's own lies beside the adapter's.
fn read_judge(item: &Item<'_>, problems: &mut Problems) -> Option<String> {
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
fn read_template(item: &Item<'_>, role: Role, problems: &mut Problems) -> Option<Template> {
    let Some(text) = item.written() else {
        item.fail(problems, format!("must be text, and is {}", item.node.describe()));
        return None;
    };
    let placeholders = role.placeholders();
    match Template::parse(text, &placeholders) {
        Ok(template) => Some(template),
        Err(unknown) => {
            let message = format!("there is no placeholder `{{{unknown}}}` for {}", role.name());
            let known = nearest(&unknown, &placeholders);
            item.suggest(problems, message, format!("{known}; double braces stand for themselves"));
            None
        }
    }
}

fn read_env(item: Option<&Item<'_>>, role: Role, problems: &mut Problems) -> BTreeMap<String, Template> {
    let mut env = BTreeMap::new();
    for (name, item) in entries(item, problems) {
        if !is_variable(&name) {
            item.suggest(problems, "is no name of an environment variable", "use letters, digits and `_`");
        } else if let Some(template) = read_template(&item, role, problems) {
            if !template.has_placeholder() && may_be_secret(&name, item.written().unwrap_or_default()) {
                let message =
                    "holds a secret, which must not stand in an adapter (its value is not shown here)";
                item.suggest(problems, message, "give it by reference in the scenario, as `env` of the box");
            }
            env.insert(name, template);
        }
    }
    env
}

fn read_files(item: Option<&Item<'_>>, role: Role, problems: &mut Problems) -> BTreeMap<String, Template> {
    let mut files = BTreeMap::new();
    for (path, item) in entries(item, problems) {
        let parts = || path.split('/').skip(1);
        if !path.starts_with('/') || parts().any(|part| part.is_empty() || part == "." || part == "..") {
            let remedy = "write for instance `/etc/our-proxy/config.json`";
            item.suggest(problems, "must be the path of a file in the container, from its root on", remedy);
        } else if let Some(template) = read_template(&item, role, problems) {
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

fn read_words(item: &Item<'_>, role: Role, problems: &mut Problems) -> Option<Vec<Template>> {
    let items = item.list(problems)?;
    let words: Option<Vec<Template>> = items.iter().map(|item| read_template(item, role, problems)).collect();
    for (item, word) in items.iter().zip(words.iter().flatten()) {
        if let Some(secret) = SECRET_PLACEHOLDERS.iter().find(|secret| word.uses(secret)) {
            let message =
                format!("holds a secret, `{{{secret}}}`, and everybody on the machine sees commands");
            item.suggest(problems, message, "put it into a file or a variable");
        }
    }
    words
}

fn read_ready(item: &Item<'_>, role: Role, problems: &mut Problems) -> Option<Ready> {
    const NAMES: [&str; 3] = ["tcp", "{ http: /path }", "produce"];
    let names = if role == Role::Proxy { &NAMES[..] } else { &NAMES[..2] };
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
        "produce" if role == Role::Proxy => Some(Ready::Produce),
        "tcp" => Some(Ready::Tcp),
        other => {
            item.suggest(problems, format!("{} is not possible", quoted(other)), listed(names));
            None
        }
    }
}

fn read_signal(item: &Item<'_>, problems: &mut Problems) -> Option<String> {
    let text = item.name(problems)?;
    let real_time = ["SIGRTMIN", "SIGRTMAX"].iter().any(|base| {
        let rest = text.strip_prefix(base);
        rest.is_some_and(|rest| {
            rest.is_empty()
                || rest.strip_prefix(['+', '-']).is_some_and(|n| n.parse::<u8>().is_ok_and(|n| n <= 30))
        })
    });
    let legal = real_time || SIGNALS.contains(&text);
    if !legal {
        let remedy = format!("{}, and `SIGRTMIN+3` and the like", listed(&SIGNALS));
        item.suggest(problems, format!("{} is no signal", quoted(text)), remedy);
    }
    legal.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn adapter(text: &str) -> Result<Adapter, String> {
        adapter_of(Role::Proxy, text)
    }

    fn adapter_of(role: Role, text: &str) -> Result<Adapter, String> {
        let mut problems = Problems::default();
        let load: Load<'_> = &|_| unreachable!("it names no file");
        match read_text(text, Path::new("a.yaml"), (role, load), &mut problems) {
            Some(adapter) => problems.or(adapter).map_err(|error| error.to_string()),
            None => Err(problems.into_error().to_string()),
        }
    }

    #[test]
    fn those_that_ship_can_be_read() {
        for (name, text) in Role::Proxy.shipped() {
            let adapter = adapter(text).unwrap();
            assert_eq!((adapter.name.as_str(), adapter.ready), (*name, Ready::Produce));
        }
        for (name, text) in Role::Registry.shipped() {
            let adapter = adapter_of(Role::Registry, text).unwrap();
            assert_eq!(adapter.name, *name);
            assert!(matches!(adapter.ready, Ready::Http(_)));
        }
        for (name, text) in Role::Provider.shipped() {
            let adapter = adapter_of(Role::Provider, text).unwrap();
            assert_eq!(adapter.name, *name);
            assert!(matches!(adapter.ready, Ready::Http(_)) && adapter.issuer.is_some());
        }
    }

    #[test]
    fn an_identity_provider_is_told_other_things_than_a_proxy() {
        let base = "version: 1\nname: a\nimage: a/b:1\nport: 80\n";
        let read = adapter_of(
            Role::Provider,
            &format!("{base}files: {{ /r: '{{clients.keycloak}}' }}\ntoken_profile: okta\n"),
        )
        .unwrap();
        assert_eq!(read.token_profile.unwrap().name, "okta");
        assert_eq!(read.ready, Ready::Tcp);
        for (role, more, sentence) in [
            (
                Role::Provider,
                "env: { A: '{bootstrap}' }",
                "a.yaml:5:11: env.A: there is no placeholder `{bootstrap}` for an identity",
            ),
            (
                Role::Proxy,
                "command: ['{clients.keycloak}']",
                "a.yaml:5:11: command[0]: there is no placeholder",
            ),
            (
                Role::Registry,
                "env: { A: '{topic}{release}', B: '{replica}', C: '{registry.host}' }",
                "a.yaml:5:34: env.B: there is no placeholder `{replica}` for a schema registry",
            ),
            (Role::Provider, "ready: produce", "`produce` is not possible"),
            (Role::Provider, "token_profile: otka", "no profile `otka` ships"),
            (Role::Provider, "cpus: 1", "write it at `stack.idp`"),
        ] {
            let error = adapter_of(role, &format!("{base}{more}\n")).unwrap_err();
            assert!(error.contains(sentence), "{more}: {error}");
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
            (
                "env: { API_TOKEN: hunter2 }",
                "env.API_TOKEN: holds a secret, which must not stand in an adapter",
            ),
            ("files: { etc/x: y }", "from its root on"),
            ("files: { /etc/../x: y }", "from its root on"),
            ("command: serve", "must be a list"),
            ("ready: soon", "`soon` is not possible"),
            ("ready: { http: health }", "ready.http: must be a path"),
            ("stop_signal: TERM", "`TERM` is no signal"),
            ("stop_signal: SIGFOO", "`SIGFOO` is no signal"),
            ("command: [run, '{sasl.password}']", "command[1]: holds a secret, `{sasl.password}`"),
            ("replicas: 2", "is the scenario's"),
            ("comand: []", "unknown field"),
        ] {
            let error = adapter(&format!("{base}{more}\n")).unwrap_err();
            assert!(error.contains(sentence) && !error.contains("hunter2"), "{more}: {error}");
        }
        let error = adapter("version: 1\nname: a\nimage: A b\nport: 0\n").unwrap_err();
        assert_eq!(error.lines().count(), 2, "{error}");
    }
}
