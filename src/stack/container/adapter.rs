//! Adapters filled in: what a container is told, with everything that is known when the path comes up.

use std::collections::BTreeMap;

use super::StackError;
use super::inside::PASSWORD_FILE;
use super::kafka::CA_FILE;
use crate::engine::{ContainerSpec, Limits, PlacedFile, ResolvedImage};
use crate::scenario::{Adapter, Template};
use crate::secret::Secret;

/// What stands for an adapter's placeholders; `None`: there is no such thing in this stack, and what speaks of it is left out.
pub(super) type Values = BTreeMap<&'static str, Option<Secret>>;

/// Why a template cannot be filled in.
enum Gap {
    /// A box of this kind knows nothing of the kind.
    Unknown(&'static str),
    /// There is none in this stack.
    Without,
}

/// The text; `None` where something stands in it that this stack does not have.
fn fill(template: &Template, values: &Values) -> Result<Option<Secret>, StackError> {
    let filled = template.fill(|name| match values.get(name) {
        Some(Some(value)) => Ok(value.clone()),
        Some(None) => Err(Gap::Without),
        None => Err(Gap::Unknown(name)),
    });
    match filled {
        Ok(text) => Ok(Some(text)),
        Err(Gap::Without) => Ok(None),
        Err(Gap::Unknown(name)) => Err(StackError::Placeholder { name: name.to_owned() }),
    }
}

/// The container of the box `name` that an adapter makes of an image, with its environment; what stands in `own` goes before the
/// adapter's.
pub(super) fn filled(
    adapter: &Adapter,
    name: &str,
    (image, limits): (&ResolvedImage, Limits),
    (values, authority): (&Values, Option<&str>),
    own: &[(String, Secret)],
) -> Result<ContainerSpec, StackError> {
    Ok(ContainerSpec {
        name: name.to_owned(),
        image: image.id.clone(),
        entrypoint: words(adapter.entrypoint.as_deref(), values)?,
        command: words(adapter.command.as_deref(), values)?,
        env: variables(adapter, values, own)?,
        files: files(adapter, values, authority)?,
        ports: Vec::new(),
        limits,
        stop_signal: adapter.stop_signal.clone(),
    })
}

/// A command's words. They are seen by everybody on the machine; an adapter with a secret in them is not read.
fn words(templates: Option<&[Template]>, values: &Values) -> Result<Option<Vec<String>>, StackError> {
    let Some(templates) = templates else { return Ok(None) };
    let word = |template: &Template| Ok(fill(template, values)?.map(|word| word.expose().to_owned()));
    let words = templates.iter().filter_map(|template| word(template).transpose());
    words.collect::<Result<_, _>>().map(Some)
}

/// The adapter's variables, and over them the scenario's.
fn variables(
    adapter: &Adapter,
    values: &Values,
    own: &[(String, Secret)],
) -> Result<Vec<(String, Secret)>, StackError> {
    let mut env = BTreeMap::new();
    for (name, template) in &adapter.env {
        if let Some(value) = fill(template, values)? {
            env.insert(name.clone(), value);
        }
    }
    env.extend(own.iter().cloned());
    Ok(env.into_iter().collect())
}

/// The adapter's files, without the lines that speak of what there is not; and the certificate of the authority to trust and the
/// password, where there is one.
fn files(adapter: &Adapter, values: &Values, authority: Option<&str>) -> Result<Vec<PlacedFile>, StackError> {
    let mut files = Vec::new();
    for (path, template) in &adapter.files {
        let lines: Vec<Option<Secret>> =
            template.lines().iter().map(|line| fill(line, values)).collect::<Result<_, _>>()?;
        let whole = lines.iter().all(Option::is_some);
        let content: String = lines.iter().flatten().map(Secret::expose).collect();
        if whole || !content.trim().is_empty() {
            files.push(PlacedFile { path: path.clone(), content: Secret::new(content) });
        }
    }
    if let Some(authority) = authority {
        let content = Secret::new(authority);
        files.push(PlacedFile { path: CA_FILE.into(), content });
    }
    if let Some(Some(password)) = values.get("sasl.password").filter(|_| adapter.uses("sasl.password.file")) {
        files.push(PlacedFile { path: PASSWORD_FILE.into(), content: password.clone() });
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::kafka::Access;
    use crate::scenario::{KAFKA_PLACEHOLDERS, PROXY_PLACEHOLDERS, Ready};
    use crate::stack::container::inside::Inside;

    fn template(text: &str) -> Template {
        Template::parse(text, &[KAFKA_PLACEHOLDERS, PROXY_PLACEHOLDERS].concat()).unwrap()
    }

    fn adapter() -> Adapter {
        Adapter {
            name: "a".into(),
            image: "a".into(),
            port: 1,
            env: [("A".to_owned(), template("{bootstrap}")), ("B".to_owned(), template("x{registry}"))]
                .into(),
            files: [
                ("/a".to_owned(), template("one={bootstrap}\ntwo={registry}\nthree\n")),
                ("/b".to_owned(), template("{registry}\n")),
            ]
            .into(),
            entrypoint: None,
            command: Some(vec![template("run"), template("--registry={registry}"), template("{bootstrap}")]),
            ready: Ready::Tcp,
            stop_signal: None,
            stop_within: Duration::ZERO,
            profile: None,
            issuer: None,
            token_profile: None,
            path: None,
        }
    }

    #[test]
    fn a_registrys_placeholders_are_those_that_it_is_told() {
        let access = Access::plain("k:9092".into());
        let (inside, _) = Inside::elsewhere(&access, &["k".into()], (("t".into(), 1), false)).unwrap();
        let mut told: Vec<&str> = inside.values().into_keys().chain(["name", "port", "release"]).collect();
        told.sort_unstable();
        assert_eq!(told, KAFKA_PLACEHOLDERS);
    }

    #[test]
    fn what_speaks_of_something_that_is_not_there_is_left_out() {
        let values: Values = [("bootstrap", Some(Secret::new("k:1"))), ("registry", None)].into();
        let adapter = adapter();
        let env: Vec<String> =
            variables(&adapter, &values, &[]).unwrap().into_iter().map(|(name, _)| name).collect();
        assert_eq!(env, ["A"]);
        let words = words(adapter.command.as_deref(), &values).unwrap().unwrap();
        assert_eq!(words, ["run", "k:1"]);
        let files = files(&adapter, &values, Some("PEM")).unwrap();
        let files: Vec<(&str, &str)> =
            files.iter().map(|file| (file.path.as_str(), file.content.expose())).collect();
        assert_eq!(files, [("/a", "one=k:1\nthree\n"), (CA_FILE, "PEM")]);
        // What a box of its kind never has is a mistake.
        let values: Values = [("bootstrap", None)].into();
        assert!(matches!(variables(&adapter, &values, &[]), Err(StackError::Placeholder { .. })));
    }
}
