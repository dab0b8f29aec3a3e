//! Adapters filled in: what a container is told, with everything that is known when the path comes up.

use std::collections::BTreeMap;

use super::StackError;
use super::kafka::CA_FILE;
use crate::engine::PlacedFile;
use crate::scenario::{Adapter, Template};
use crate::secret::Secret;

/// What stands for an adapter's placeholders.
pub(super) type Values = BTreeMap<&'static str, Secret>;

fn fill(template: &Template, values: &Values) -> Result<Secret, StackError> {
    template.fill(|name| {
        values.get(name).cloned().ok_or_else(|| StackError::Placeholder { name: name.to_owned() })
    })
}

/// A command's words. They are seen by everybody on the machine, so no secret may stand in them.
pub(super) fn words(
    templates: Option<&[Template]>,
    values: &Values,
) -> Result<Option<Vec<String>>, StackError> {
    let Some(templates) = templates else { return Ok(None) };
    let word = |template: &Template| {
        if template.uses("sasl.password") || template.uses("sasl.jaas") {
            return Err(StackError::SecretInCommand);
        }
        fill(template, values).map(|word| word.expose().to_owned())
    };
    templates.iter().map(word).collect::<Result<_, _>>().map(Some)
}

/// The adapter's variables, and over them the scenario's.
pub(super) fn variables(
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
pub(super) fn files(
    adapter: &Adapter,
    values: &Values,
    authority: Option<&str>,
) -> Result<Vec<PlacedFile>, StackError> {
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
