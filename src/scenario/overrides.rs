//! `--set path=value`: single values replaced from the command line.
//!
//! A path is made of member names parted by dots, with positions or names of list items in brackets:
//! `workload[0].for`, `workload.0.for`, `topics[quakes].partitions`. A name that holds dots stands in
//! brackets too: `stack.kafka.properties[socket.timeout.ms]`. Members that are missing are made; whether the
//! scenario has such a field is checked with all other fields.

use std::sync::Arc;

use super::error::{Origin, Place, Problems, nearest, quoted};
use super::scalar::{Resolved, Scalar};
use super::tree::{self, DEEPEST, Entry, Kind, Node};

/// Applies `set`, the argument of one `--set`, to `root`. The value is never repeated in a message: it may
/// be a secret.
pub(super) fn apply(root: &mut Node, set: &str, problems: &mut Problems) {
    let Some(equals) = find_equals(set) else {
        let at = Place::whole(&Arc::new(Origin::Set(harmless_start(set))));
        problems.suggest(&at, "", "has no value", "write `--set path=value`");
        return;
    };
    let path = set[..equals].trim();
    let origin = Arc::new(Origin::Set(path.to_owned()));
    let at = Place::whole(&origin);
    let Some(steps) = parse_path(path) else {
        let example = "a path looks like `workload[0].for` or `topics[quakes].partitions`";
        problems.suggest(&at, path, "is no path of a field", example);
        return;
    };
    if steps.len() > DEEPEST {
        let at = Place::whole(&Arc::new(Origin::Set(format!("{}…", harmless_start(path)))));
        let message = format!("is a path of more than {DEEPEST} steps, and no field is nested so deep");
        problems.add(&at, "", message);
        return;
    }
    if steps.first().is_some_and(|step| step.name == "extends") {
        problems.add(&at, path, "cannot be set, the files have been put together before");
        return;
    }
    let text = set[equals + 1..].trim();
    let value = if text.is_empty() {
        Node { kind: Kind::Scalar(Scalar { text: String::new(), plain: true }), at: at.clone() }
    } else {
        match tree::parse(text, &origin, problems) {
            Some(value) => value,
            None => return,
        }
    };
    if let Err(refusal) = put(root, &steps, value, &at, "") {
        let Refusal { message, suggestion } = refusal;
        match suggestion {
            Some(suggestion) => problems.suggest(&at, path, message, suggestion),
            None => problems.add(&at, path, message),
        }
    }
}

/// One step of a path.
#[derive(Debug, PartialEq, Eq)]
struct Step {
    name: String,
    /// Written in brackets, where dots are part of the name.
    bracketed: bool,
}

/// The first `=` outside brackets.
fn find_equals(set: &str) -> Option<usize> {
    let mut depth = 0_usize;
    set.char_indices().find_map(|(index, c)| {
        match c {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            '=' if depth == 0 => return Some(index),
            _ => {}
        }
        None
    })
}

/// The part of a `--set` without `=` that looks like a path, so that no value is shown.
fn harmless_start(set: &str) -> String {
    set.chars().take_while(|c| c.is_ascii_alphanumeric() || "_-.[]".contains(*c)).take(60).collect()
}

fn parse_path(path: &str) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        if let Some(inner) = rest.strip_prefix('[') {
            let (name, after) = inner.split_once(']')?;
            steps.push(Step { name: name.trim().to_owned(), bracketed: true });
            rest = after;
        } else {
            if !steps.is_empty() {
                rest = rest.strip_prefix('.')?;
            }
            let (name, after) = rest.split_at(rest.find(['.', '[']).unwrap_or(rest.len()));
            steps.push(Step { name: name.trim().to_owned(), bracketed: false });
            rest = after;
        }
        if steps.last().is_some_and(|step| step.name.is_empty()) {
            return None;
        }
    }
    (!steps.is_empty() && !steps[0].bracketed).then_some(steps)
}

struct Refusal {
    message: String,
    suggestion: Option<String>,
}

/// Puts `value` where `steps` lead to from `node`, whose own path is `so_far`.
fn put(node: &mut Node, steps: &[Step], value: Node, at: &Place, so_far: &str) -> Result<(), Refusal> {
    let Some((step, rest)) = steps.split_first() else {
        *node = value;
        return Ok(());
    };
    if node.is_null() {
        *node = Node::empty_mapping(at.clone());
    }
    let described = node.describe();
    let path = match (so_far.is_empty(), step.bracketed) {
        (true, _) => step.name.clone(),
        (false, true) => format!("{so_far}[{}]", step.name),
        (false, false) => format!("{so_far}.{}", step.name),
    };
    match &mut node.kind {
        Kind::Mapping(entries) => {
            let index = entries.iter().position(|entry| entry.key == step.name).unwrap_or_else(|| {
                let value = Node::empty_mapping(at.clone());
                entries.push(Entry { key: step.name.clone(), key_at: at.clone(), value });
                entries.len() - 1
            });
            put(&mut entries[index].value, rest, value, at, &path)
        }
        Kind::List(items) => {
            let index = find_item(items, &step.name, so_far)?;
            put(&mut items[index], rest, value, at, &path)
        }
        Kind::Scalar(_) => Err(Refusal {
            message: format!("leads nowhere: {} is {described} and has no parts", quoted(so_far)),
            suggestion: None,
        }),
    }
}

/// The index of the item that `name` stands for: its position, or else its member `name`.
fn find_item(items: &[Node], name: &str, list: &str) -> Result<usize, Refusal> {
    let names: Vec<&str> = items.iter().filter_map(item_name).collect();
    if let Ok(position) = name.parse::<usize>() {
        if position < items.len() {
            return Ok(position);
        }
        let suggestion = match items.len() {
            0 => format!("set the whole list: `--set '{list}=[…]'`"),
            count => format!("positions go from 0 to {}", count - 1),
        };
        let count = if items.len() == 1 { "1 item".to_owned() } else { format!("{} items", items.len()) };
        let message = format!("leads nowhere: the list {} has {count}", quoted(list));
        return Err(Refusal { message, suggestion: Some(suggestion) });
    }
    if let Some(index) = items.iter().position(|item| item_name(item) == Some(name)) {
        return Ok(index);
    }
    let message = format!("leads nowhere: the list {} has no item named {}", quoted(list), quoted(name));
    let suggestion = if names.is_empty() {
        "name the item by its position, from 0".to_owned()
    } else {
        nearest(name, &names)
    };
    Err(Refusal { message, suggestion: Some(suggestion) })
}

fn item_name(item: &Node) -> Option<&str> {
    match &item.member("name")?.value.kind {
        Kind::Scalar(scalar) if scalar.resolve() != Resolved::Null => Some(&scalar.text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::fingerprint::fingerprint;
    use proptest::prelude::*;

    const FILE: &str = "name: x\ntopics: [{name: quakes, partitions: 6}, {name: a.b}]\n\
                        workload: [{for: 10s, arrivals: {constant: 4/s}}]\nchecks: []\ngrace:\n";

    fn tree(text: &str) -> Node {
        tree::parse(text, &Arc::new(Origin::File("x.yaml".into())), &mut Problems::default()).unwrap()
    }

    fn after(set: &str) -> Result<Node, String> {
        let mut problems = Problems::default();
        let mut root = tree(FILE);
        apply(&mut root, set, &mut problems);
        problems.or(root).map_err(|error| error.to_string())
    }

    #[test]
    fn values_are_put_where_the_path_leads() {
        for (set, old, new) in [
            ("name=y", "name: x", "name: y"),
            (" name = y ", "name: x", "name: y"),
            ("workload[0].for=30s", "for: 10s", "for: 30s"),
            ("workload.0.for=30s", "for: 10s", "for: 30s"),
            ("workload[0].arrivals.constant=9/s", "4/s", "9/s"),
            ("topics[quakes].partitions=3", "partitions: 6", "partitions: 3"),
            ("topics[a.b].partitions=3", "{name: a.b}", "{name: a.b, partitions: 3}"),
            ("checks=[a == 1, b]", "checks: []", "checks: [a == 1, b]"),
            ("grace=", "grace:", "grace: null"),
            ("grace.x=1", "grace:", "grace: {x: 1}"),
            ("stack.proxy.replicas=3", "name: x\n", "name: x\nstack: {proxy: {replicas: 3}}\n"),
            ("p[a.b=c]=d", "name: x\n", "name: x\np: {'a.b=c': d}\n"),
        ] {
            let expected = FILE.replacen(old, new, 1);
            assert_eq!(after(set).map(|root| fingerprint(&root)), Ok(fingerprint(&tree(&expected))), "{set}");
        }
    }

    #[test]
    fn a_path_into_nothing_names_the_place() {
        for (set, expected) in [
            ("name", "--set name: has no value; write `--set path=value`"),
            ("sasl.password:hunter2", "--set sasl.password: has no value; write `--set path=value`"),
            ("=1", "--set : is no path of a field"),
            ("a..b=1", "--set a..b: is no path of a field"),
            ("a[b=1", "--set a[b: has no value"),
            ("[0]=1", "--set [0]: is no path of a field"),
            ("name.x=1", "--set name.x: leads nowhere: `name` is text and has no parts"),
            ("workload[1].for=1s", "the list `workload` has 1 item; positions go from 0 to 0"),
            ("workload[a].for=1s", "has no item named `a`; name the item by its position, from 0"),
            ("topics[quaks].partitions=1", "no item named `quaks`; did you mean `quakes`?"),
            ("checks[0]=a", "the list `checks` has 0 items; set the whole list"),
            ("extends=a", "--set extends: cannot be set"),
            ("name=[", "--set name: this is not valid YAML"),
        ] {
            let error = after(set).unwrap_err();
            assert!(error.contains(expected), "{set}: {error}");
        }
    }

    #[test]
    fn a_path_has_its_limit() {
        let path = |steps: usize| format!("{}=1", vec!["a"; steps].join("."));
        assert!(after(&path(64)).is_ok());
        for steps in [65, 200_000] {
            let error = after(&path(steps)).unwrap_err();
            assert!(error.ends_with(": is a path of more than 64 steps, and no field is nested so deep"));
            assert!(error.len() < 300, "{} characters", error.len());
        }
    }

    #[test]
    fn a_value_is_not_shown() {
        for set in ["name=[hunter2", "name.x=hunter2", "name:hunter2", "name hunter2"] {
            let error = after(set).unwrap_err();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn no_argument_panics(text in any::<String>(), near in "[a-z.\\[\\]0-9]{0,12}=?[a-z0-9\\[{: ]{0,6}") {
            let _ = (after(&text), after(&near));
        }
    }
}
