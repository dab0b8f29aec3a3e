//! Where the code of a gateway's authorizers runs.

use std::collections::BTreeMap;
use std::time::Duration;

use super::boxes::duration_or;
use super::decode::{Fields, Item};
use super::error::{Problems, listed, nearest, quoted};
use super::gateway::{entries, texts};
use super::hosts::read_url;
use super::images::{ImageDefaults, is_variable, read_image};
use super::model::{AuthorizerSpec, FunctionContainer, IDP_PLACEHOLDERS, LambdaSpec, PolicyAnswer, Value};
use super::secrets::read_named_value;

const RUNS: [&str; 5] = ["builtin", "lambda", "container", "rie", "policy"];

/// Where the code of an authorizer runs.
pub(super) fn read_authorizer(
    item: &Item<'_>,
    (allowed, images): (&[String], &ImageDefaults),
    problems: &mut Problems,
) -> Option<AuthorizerSpec> {
    let mut fields = item.fields(problems)?;
    let run = fields.required("run", "builtin", problems)?;
    let spec = match run.written().unwrap_or_default() {
        "builtin" => Some(AuthorizerSpec::Builtin),
        "lambda" => {
            read_lambda(item, &mut fields, problems).map(|spec| AuthorizerSpec::Lambda(Box::new(spec)))
        }
        "container" => read_container(&mut fields, images, problems)
            .map(|spec| AuthorizerSpec::Container(Box::new(spec))),
        "rie" => read_rie(&mut fields, allowed, problems),
        "policy" => Some(read_policy(&mut fields, problems)),
        other => {
            run.suggest(problems, format!("no code runs as {}", quoted(other)), listed(&RUNS));
            return None;
        }
    };
    let refused = [
        ("url", "belongs to `run: rie`"),
        ("command", "belongs to `run: lambda` and `run: container`"),
        ("image", "belongs to `run: container`"),
    ];
    fields.finish(&refused, problems);
    spec
}

fn read_container(
    fields: &mut Fields<'_>,
    images: &ImageDefaults,
    problems: &mut Problems,
) -> Option<FunctionContainer> {
    let image = fields.required("image", "registry.example.com/authorizer:1", problems);
    let handler = fields.optional("handler");
    let command = fields.optional("command");
    let environment = fields.optional("environment");
    let timeout_item = fields.optional("timeout");
    let workers = fields.optional("workers").and_then(|item| item.integer(&(1..=16_usize), problems));
    let memory_mb = fields.optional("memory_mb").and_then(|item| item.integer(&(128..=10_240_u32), problems));
    let port = fields.optional("port").and_then(|item| item.integer(&(1..=u16::MAX), problems));
    let image = read_image(Some(&image?), None, images, problems);
    let timeout = timeout_item.and_then(|item| {
        let timeout = item.duration(&(Duration::from_secs(1)..=Duration::from_mins(15)), problems)?;
        if timeout.subsec_nanos() > 0 {
            item.suggest(
                problems,
                "must be whole seconds, as the emulator takes them",
                "write for instance `3s`",
            );
        }
        Some(timeout)
    });
    let command = match (handler, command) {
        (Some(_), Some(item)) => {
            item.suggest(problems, "cannot stand beside `handler`", "remove one of the two");
            None
        }
        // Lambda's images take the handler as their command.
        (Some(item), None) => item.name(problems).map(|handler| vec![handler.to_owned()]),
        (None, Some(item)) => read_words(&item, "[app.handler]", problems),
        (None, None) => None,
    };
    let mut variables = BTreeMap::new();
    for (name, item) in entries(environment, problems) {
        if !is_variable(&name) {
            item.suggest(problems, "is no name of an environment variable", "use letters, digits and `_`");
            continue;
        }
        let value = read_variable(&name, &item, problems);
        variables.extend(value.map(|value| (name, value)));
    }
    Some(FunctionContainer {
        image: image?,
        command,
        environment: variables,
        timeout: timeout.unwrap_or(Duration::from_secs(3)),
        workers: workers.unwrap_or(1),
        memory_mb: memory_mb.unwrap_or(128),
        port: port.unwrap_or(8080),
    })
}

/// A command's words.
fn read_words(item: &Item<'_>, example: &str, problems: &mut Problems) -> Option<Vec<String>> {
    let words = item.list(problems)?;
    let words: Option<Vec<String>> = words.iter().map(|word| word.written().map(str::to_owned)).collect();
    let words = words.filter(|words| !words.is_empty());
    if words.is_none() {
        let remedy = format!("write for instance `command: {example}`");
        item.suggest(problems, "needs a program and its arguments, as words", remedy);
    }
    words
}

fn read_lambda(item: &Item<'_>, fields: &mut Fields<'_>, problems: &mut Problems) -> Option<LambdaSpec> {
    const EXAMPLE: &str = "[python3, -m, awslambdaric, handler.handler]";
    let command = fields.required("command", EXAMPLE, problems);
    let directory = fields.optional("directory");
    let handler = fields.optional("handler");
    let environment = fields.optional("environment");
    let timeout = (Duration::from_millis(100), Duration::from_mins(15));
    let timeout = duration_or(fields, "timeout", Duration::from_secs(3), timeout, problems);
    let workers = fields.optional("workers").and_then(|item| item.integer(&(1..=64_usize), problems));
    let memory_mb = fields.optional("memory_mb").and_then(|item| item.integer(&(128..=10_240_u32), problems));
    let command = read_words(&command?, EXAMPLE, problems)?;
    let mut variables = BTreeMap::new();
    for (name, item) in entries(environment, problems) {
        let value = read_variable(&name, &item, problems);
        variables.extend(value.map(|value| (name, value)));
    }
    let directory = directory.map(|item| item.name(problems).map(|path| item.at().resolve(path)));
    Some(LambdaSpec {
        command,
        directory: directory.unwrap_or_else(|| Some(item.at().resolve("."))),
        handler: handler.and_then(|item| item.name(problems).map(str::to_owned)),
        environment: variables,
        timeout,
        workers: workers.unwrap_or(1),
        memory_mb: memory_mb.unwrap_or(128),
    })
}

/// An environment variable: text, in which something may stand for the identity provider, or a reference to a secret.
fn read_variable(name: &str, item: &Item<'_>, problems: &mut Problems) -> Option<Value> {
    let text = item.written().unwrap_or_default();
    // However the variable is called, that is no secret.
    if IDP_PLACEHOLDERS.contains(&text) {
        return Some(Value::Plain(text.to_owned()));
    }
    let value = read_named_value(name, item, problems)?;
    for (at, _) in text.match_indices("${idp.") {
        let rest = &text[at..];
        let written = rest.split_inclusive('}').next().unwrap_or(rest);
        if !IDP_PLACEHOLDERS.contains(&written) {
            let message = format!("{} stands for nothing of the identity provider", quoted(written));
            item.suggest(problems, message, nearest(written, &IDP_PLACEHOLDERS));
            return None;
        }
    }
    Some(value)
}

fn read_rie(fields: &mut Fields<'_>, allowed: &[String], problems: &mut Problems) -> Option<AuthorizerSpec> {
    const EXAMPLE: &str = "http://127.0.0.1:9000";
    const PATH: &str = "/2015-03-31/functions/function/invocations";
    let url = fields.required("url", EXAMPLE, problems);
    let concurrency = fields.optional("concurrency").and_then(|item| item.integer(&(1..=1000), problems));
    let item = url?;
    let url = read_url(&item, allowed, problems)?;
    if !url.starts_with("http://") {
        item.suggest(problems, "must be an http URL", format!("write for instance `url: {EXAMPLE}`"));
        return None;
    }
    // The emulator has one path only.
    let has_path = url.split_once("://").is_some_and(|(_, rest)| rest.contains('/'));
    let url = if has_path { url } else { format!("{url}{PATH}") };
    Some(AuthorizerSpec::Rie { url, concurrency: concurrency.unwrap_or(1) })
}

fn read_policy(fields: &mut Fields<'_>, problems: &mut Problems) -> AuthorizerSpec {
    const ANSWERS: [(&str, PolicyAnswer); 5] = [
        ("allow", PolicyAnswer::Allow),
        ("deny", PolicyAnswer::Deny),
        ("silent", PolicyAnswer::Silent),
        ("unauthorized", PolicyAnswer::Unauthorized),
        ("error", PolicyAnswer::Error),
    ];
    let answer = fields.required("answer", "allow", problems);
    let answer = answer.and_then(|item| item.choice(&ANSWERS, problems)).unwrap_or(PolicyAnswer::Deny);
    let principal = fields.optional("principal").and_then(|item| item.name(problems).map(str::to_owned));
    let context = fields.optional("context").map(|item| texts(&item, problems)).unwrap_or_default();
    AuthorizerSpec::Policy { answer, principal: principal.unwrap_or_else(|| "policy".to_owned()), context }
}
