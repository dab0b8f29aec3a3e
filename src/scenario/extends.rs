//! `extends: base.yaml`: a scenario that says only how it differs from another.
//!
//! Mappings are merged member by member, all else is replaced, and every part keeps the place where it was
//! written.

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use super::decode::{Fields, Item};
use super::error::{Origin, Place, Problems, Unreadable, quoted};
use super::scalar::Resolved;
use super::tree::{self, Entry, Kind, Node};

/// Files that may follow one from another, the first included.
const LONGEST_CHAIN: usize = 8;

/// The only version of the file's shape.
const VERSION: i128 = 1;

/// Gives the text of a file that a scenario extends.
pub(super) type Load<'a> = &'a dyn Fn(&Path) -> Result<String, Unreadable>;

/// The tree of `text` and all that it extends. `None` if it cannot be had, which has then been reported.
pub(super) fn read_merged(
    text: &str,
    origin: &Path,
    load: Load<'_>,
    problems: &mut Problems,
) -> Option<Node> {
    let mut merged = read_one(text, origin, problems)?;
    let mut seen = vec![normal(origin)];
    while let Some(extends) = take_extends(&mut merged) {
        let item = Item { node: &extends.value, path: "extends".to_owned() };
        let base_path = item.at().resolve(item.name(problems)?);
        let shown = base_path.display().to_string();
        if seen.contains(&normal(&base_path)) {
            item.fail(problems, format!("leads back to {}, so that it would never end", quoted(&shown)));
            return None;
        }
        if seen.len() >= LONGEST_CHAIN {
            item.fail(problems, format!("is the {LONGEST_CHAIN}th in a chain, which is too long to follow"));
            return None;
        }
        seen.push(normal(&base_path));
        let base_text = match load(&base_path) {
            Ok(text) => text,
            Err(error) if error.line > 0 => {
                let origin = Arc::new(Origin::File(base_path));
                problems.add(&Place { origin, line: error.line, column: error.column }, "", error.message);
                return None;
            }
            Err(error) => {
                item.fail(problems, format!("{} {}", quoted(&shown), error.message));
                return None;
            }
        };
        let base = read_one(&base_text, &base_path, problems)?;
        merged = merge(base, merged);
    }
    Some(merged)
}

/// The tree of one file: a mapping, of a version that is known.
fn read_one(text: &str, path: &Path, problems: &mut Problems) -> Option<Node> {
    let root = tree::parse(text, &Arc::new(Origin::File(path.to_owned())), problems)?;
    if !matches!(root.kind, Kind::Mapping(_)) {
        let message = format!("a scenario is a mapping of fields, and this is {}", root.describe());
        problems.suggest(&root.at, "", message, "start with `version: 1`");
        return None;
    }
    // The fields of another version may mean something else, so nothing more is said about them.
    if let Some(version) = root.member("version")
        && let Kind::Scalar(scalar) = &version.value.kind
        && let Resolved::Integer(number) = scalar.resolve()
        && number != VERSION
    {
        problems.add(&version.value.at, "version", unknown_version(number));
        return None;
    }
    Some(root)
}

/// The field `version` of a file of people's own. False where it is one that is not known: its fields may mean something else,
/// so nothing more is said about them.
pub(super) fn has_known_version(fields: &mut Fields<'_>, problems: &mut Problems) -> bool {
    let Some(version) = fields.required("version", "1", problems) else { return true };
    match version.integer(&(i128::from(i64::MIN)..=i128::from(i64::MAX)), problems) {
        Some(number) if number != VERSION => {
            version.fail(problems, unknown_version(number));
            false
        }
        _ => true,
    }
}

/// What to say about a version that is not [`VERSION`].
fn unknown_version(number: i128) -> String {
    format!("the version {number} is unknown, this landfall reads version {VERSION}")
}

fn take_extends(root: &mut Node) -> Option<Entry> {
    let Kind::Mapping(entries) = &mut root.kind else { return None };
    let index = entries.iter().position(|entry| entry.key == "extends")?;
    Some(entries.remove(index)).filter(|entry| !entry.value.is_null())
}

/// `over` laid upon `base`.
fn merge(base: Node, over: Node) -> Node {
    match (base.kind, over.kind) {
        (Kind::Mapping(mut entries), Kind::Mapping(news)) => {
            for new in news {
                match entries.iter_mut().find(|entry| entry.key == new.key) {
                    Some(entry) => {
                        let old =
                            std::mem::replace(&mut entry.value, Node::empty_mapping(new.key_at.clone()));
                        entry.value = merge(old, new.value);
                        entry.key_at = new.key_at;
                    }
                    None => entries.push(new),
                }
            }
            Node { kind: Kind::Mapping(entries), at: over.at }
        }
        (_, kind) => Node { kind, at: over.at },
    }
}

/// `path` without `.` and with `..` applied, to tell whether two paths mean one file. Links can hide that
/// they do; the limit of the chain ends such a circle.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir if matches!(normal.components().next_back(), Some(Component::Normal(_))) => {
                normal.pop();
            }
            other => normal.push(other),
        }
    }
    normal
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    fn merged(files: &[(&str, &str)]) -> Result<Node, String> {
        let files: HashMap<PathBuf, String> =
            files.iter().map(|(path, text)| (normal(Path::new(path)), (*text).to_owned())).collect();
        let load = |path: &Path| {
            files.get(&normal(path)).cloned().ok_or(Unreadable {
                line: 0,
                column: 0,
                message: "cannot be opened".into(),
            })
        };
        let mut problems = Problems::default();
        let tree = read_merged(&files[Path::new("a/x.yaml")], Path::new("a/x.yaml"), &load, &mut problems);
        problems.or(tree).map_err(|error| error.to_string()).map(|tree| tree.unwrap())
    }

    #[test]
    fn mappings_merge_and_all_else_is_replaced() {
        let tree = merged(&[
            ("a/x.yaml", "extends: ../b/base.yaml\nm: { two: 22, three: 3 }\nl: [9]\n"),
            ("b/base.yaml", "m: { one: 1, two: 2 }\nl: [1, 2]\nk: v\n"),
        ])
        .unwrap();
        let expected = tree::parse(
            "{m: {one: 1, two: 22, three: 3}, l: [9], k: v}",
            &Arc::new(Origin::File("x".into())),
            &mut Problems::default(),
        )
        .unwrap();
        let fingerprint = crate::scenario::fingerprint::fingerprint;
        assert_eq!(fingerprint(&tree), fingerprint(&expected));
        let m = &tree.member("m").unwrap().value;
        let place = |name: &str| {
            let at = &m.member(name).unwrap().value.at;
            format!("{}:{}", at.origin, at.line)
        };
        assert_eq!((place("one"), place("two")), ("a/../b/base.yaml:1".into(), "a/x.yaml:2".into()));
        assert!(tree.member("extends").is_none());
    }

    #[test]
    fn a_circle_and_a_long_chain_are_refused() {
        let error =
            merged(&[("a/x.yaml", "extends: y.yaml"), ("a/y.yaml", "k: v\nextends: ./x.yaml")]).unwrap_err();
        assert_eq!(error, "a/y.yaml:2:10: extends: leads back to `a/./x.yaml`, so that it would never end");

        let name = |index| if index == 0 { "a/x.yaml".to_owned() } else { format!("a/{index}.yaml") };
        let chain = |length: usize| {
            let files: Vec<(String, String)> = (0..length)
                .map(|i| {
                    (name(i), if i + 1 < length { format!("extends: {}.yaml", i + 1) } else { "k: v".into() })
                })
                .collect();
            merged(&files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect::<Vec<_>>())
        };
        assert!(chain(8).is_ok());
        assert!(chain(9).unwrap_err().contains("too long to follow"));
    }

    #[test]
    fn a_base_must_be_a_readable_scenario() {
        for (base, expected) in [
            ("- 1", "a/b.yaml:1:1: a scenario is a mapping of fields, and this is a list"),
            ("version: 2", "a/b.yaml:1:10: version: the version 2 is unknown"),
            ("a: [", "a/b.yaml:"),
        ] {
            let error =
                merged(&[("a/x.yaml", "version: 1\nextends: b.yaml"), ("a/b.yaml", base)]).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
        let error = merged(&[("a/x.yaml", "extends: b.yaml")]).unwrap_err();
        assert_eq!(error, "a/x.yaml:1:10: extends: `a/b.yaml` cannot be opened");
        let error = merged(&[("a/x.yaml", "extends: [b.yaml]")]).unwrap_err();
        assert_eq!(error, "a/x.yaml:1:10: extends: must be text, and is a list");
    }
}
