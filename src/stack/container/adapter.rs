//! Adapters filled in: what a container is told, with everything that is known when the path comes up.

use std::collections::BTreeMap;

use super::StackError;
use super::kafka::CA_FILE;
use crate::engine::{ContainerSpec, Limits, PlacedFile, ResolvedImage};
use crate::scenario::{Adapter, SECRET_PLACEHOLDERS, Template};
use crate::secret::Secret;

/// What stands for an adapter's placeholders.
pub(super) type Values = BTreeMap<&'static str, Secret>;

fn fill(template: &Template, values: &Values) -> Result<Secret, StackError> {
    template.fill(|name| {
        values.get(name).cloned().ok_or_else(|| StackError::Placeholder { name: name.to_owned() })
    })
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

/// A command's words. They are seen by everybody on the machine, so no secret may stand in them.
fn words(templates: Option<&[Template]>, values: &Values) -> Result<Option<Vec<String>>, StackError> {
    let Some(templates) = templates else { return Ok(None) };
    let word = |template: &Template| {
        if SECRET_PLACEHOLDERS.iter().any(|name| template.uses(name)) {
            return Err(StackError::SecretInCommand);
        }
        fill(template, values).map(|word| word.expose().to_owned())
    };
    templates.iter().map(word).collect::<Result<_, _>>().map(Some)
}

/// The adapter's variables, and over them the scenario's.
fn variables(
    adapter: &Adapter,
    values: &Values,
    own: &[(String, Secret)],
) -> Result<Vec<(String, Secret)>, StackError> {
    let mut env = BTreeMap::new();
    for (name, template) in &adapter.env {
        env.insert(name.clone(), fill(template, values)?);
    }
    env.extend(own.iter().cloned());
    Ok(env.into_iter().collect())
}

/// The adapter's files, and the certificate of the authority to trust, where there is one.
fn files(adapter: &Adapter, values: &Values, authority: Option<&str>) -> Result<Vec<PlacedFile>, StackError> {
    let mut files = Vec::new();
    for (path, template) in &adapter.files {
        files.push(PlacedFile { path: path.clone(), content: fill(template, values)? });
    }
    if let Some(authority) = authority {
        let content = Secret::new(authority);
        files.push(PlacedFile { path: CA_FILE.into(), content });
    }
    Ok(files)
}
