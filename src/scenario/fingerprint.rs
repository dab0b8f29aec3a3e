//! A short name for what a scenario says, so that two results tell whether they are of the same one.

use std::fmt::Write as _;

use aws_lc_rs::digest::{SHA256, digest};

use super::scalar::Resolved;
use super::tree::{Kind, Node};

/// The first 16 hex digits of the SHA-256 of the canonical form of `root`.
pub(super) fn fingerprint(root: &Node) -> String {
    let mut canonical = String::new();
    dump(root, &mut canonical);
    let digest = digest(&SHA256, canonical.as_bytes());
    hex::encode(&digest.as_ref()[..8])
}

/// Writes `node` as JSON, with members in the order of their names: neither comments nor the order of
/// fields nor the style of scalars makes a difference.
fn dump(node: &Node, out: &mut String) {
    match &node.kind {
        Kind::Scalar(scalar) => match scalar.resolve() {
            Resolved::Null => out.push_str("null"),
            Resolved::Bool(flag) => out.push_str(if flag { "true" } else { "false" }),
            Resolved::Integer(number) => out.push_str(&number.to_string()),
            Resolved::Float(number) => {
                let _ = write!(out, "{number:?}");
            }
            Resolved::Text(text) => dump_text(text, out),
        },
        Kind::List(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                dump(item, out);
            }
            out.push(']');
        }
        Kind::Mapping(entries) => {
            let mut sorted: Vec<_> = entries.iter().collect();
            sorted.sort_by(|a, b| a.key.cmp(&b.key));
            out.push('{');
            for (index, entry) in sorted.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                dump_text(&entry.key, out);
                out.push(':');
                dump(&entry.value, out);
            }
            out.push('}');
        }
    }
}

fn dump_text(text: &str, out: &mut String) {
    out.push_str(&serde_json::Value::from(text).to_string());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::error::{Origin, Problems};
    use crate::scenario::tree::parse;
    use std::sync::Arc;

    fn of(text: &str) -> String {
        fingerprint(&parse(text, &Arc::new(Origin::File("x".into())), &mut Problems::default()).unwrap())
    }

    #[test]
    fn only_what_is_said_counts() {
        let same = of("a: 8\nb: [x, 'y']\n");
        assert_eq!(same.len(), 16);
        assert_eq!(of("# comment\nb:\n  - 'x'\n  - y\na: 0x8\n"), same);
        assert_ne!(of("a: '8'\nb: [x, y]\n"), same);
        assert_ne!(of("a: 8\nb: [y, x]\n"), same);
    }

    #[test]
    fn it_is_the_sha_256_of_the_canonical_json() {
        // printf '{"a":8,"b":["x"]}' | sha256sum
        assert_eq!(of("{b: [x], a: 8}"), "be15d3012ec5d9bf");
    }
}
