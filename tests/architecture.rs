//! The import rule of ARCHITECTURE.md, held against the `use` declarations and paths of the code itself.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use syn::visit::Visit;
use syn::{Attribute, Item, ItemFn, ItemImpl, ItemMod, ItemUse, UseTree};

/// The floors, from the top. A room may import rooms of lower floors, and no other of its own.
const FLOORS: &[&[&str]] = &[
    &["cli"],
    &["app"],
    &["stack", "doubles", "load", "verify", "conform", "judge", "report"],
    &["ledger", "schedule", "stats", "engine"],
    &["result", "scenario", "record", "wire", "kafka", "api"],
    &["jose", "tls"],
    &["secret"],
];

/// The one import that is allowed within a floor.
const EXCEPTION: (&str, &str) = ("stack", "doubles");

/// Rooms without I/O, without clocks, without tasks.
const PURE: &[&str] = &[
    "ledger", "schedule", "stats", "judge", "conform", "report", "result", "record", "wire", "api", "secret",
];

/// What makes a room impure. Of libraries that only calculate but for a few functions, it is these.
const IMPURE: &[&str] = &[
    "tokio",
    "hyper",
    "rdkafka",
    "rustix",
    "std::fs",
    "std::net",
    "std::io",
    "std::env",
    "std::process",
    "std::thread",
    "std::time::Instant",
    "std::time::SystemTime",
    "jiff::Timestamp::now",
    "Timestamp::now",
    "jiff::Zoned::now",
    "Zoned::now",
    "jiff::tz",
    "uuid::Uuid",
    "rand",
];

/// Parts of these that are as pure as can be: times as text, and what unpacks bytes from memory.
const PURE_PARTS: &[&str] = &["jiff::fmt", "std::io::Read"];

/// The paths that a file names, each as segments from the crate's root or an external crate's name on.
struct Paths {
    /// The file's own module path.
    module: Vec<String>,
    found: Vec<(usize, Vec<String>)>,
}

impl Paths {
    /// Resolves `crate`, `self` and `super`.
    fn add(&mut self, line: usize, segments: &[String]) {
        let mut path: Vec<String> = Vec::new();
        let mut inside = false;
        for (index, segment) in segments.iter().enumerate() {
            match (index, segment.as_str()) {
                (0, "crate") => inside = true,
                (0, "self") => (inside, path) = (true, self.module.clone()),
                (0, "super") => {
                    (inside, path) = (true, self.module.clone());
                    path.pop();
                }
                (_, "super") if inside => drop(path.pop()),
                _ => path.push(segment.clone()),
            }
        }
        if inside {
            path.insert(0, "crate".into());
        }
        self.found.push((line, path));
    }

    fn tree(&mut self, line: usize, prefix: &[String], tree: &UseTree) {
        let with = |name: String| [prefix, &[name]].concat();
        match tree {
            UseTree::Path(path) => self.tree(line, &with(path.ident.to_string()), &path.tree),
            UseTree::Name(name) => self.add(line, &with(name.ident.to_string())),
            UseTree::Rename(rename) => self.add(line, &with(rename.ident.to_string())),
            UseTree::Glob(_) => self.add(line, prefix),
            UseTree::Group(group) => group.items.iter().for_each(|item| self.tree(line, prefix, item)),
        }
    }
}

fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        syn::Meta::List(list) if list.path.is_ident("cfg") => list.tokens.to_string() == "test",
        meta => meta.path().is_ident("test"),
    })
}

impl<'ast> Visit<'ast> for Paths {
    fn visit_item(&mut self, item: &'ast Item) {
        let attributes: &[Attribute] = match item {
            Item::Mod(ItemMod { attrs, .. })
            | Item::Fn(ItemFn { attrs, .. })
            | Item::Use(ItemUse { attrs, .. })
            | Item::Impl(ItemImpl { attrs, .. }) => attrs,
            _ => &[],
        };
        if !is_test(attributes) {
            syn::visit::visit_item(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        let line = item.use_token.span.start().line;
        self.tree(line, &[], &item.tree);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let line = path.segments.first().map_or(0, |segment| segment.ident.span().start().line);
        let segments: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if segments.len() > 1 {
            self.add(line, &segments);
        }
        syn::visit::visit_path(self, path);
    }
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("the folder can be read").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// A file of a room, and the paths that it names, each with its line.
type File = (String, PathBuf, Vec<(usize, Vec<String>)>);

fn files_of_rooms() -> Vec<File> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&source, &mut files);
    let of_rooms = files.into_iter().filter_map(|file| {
        let relative = file.strip_prefix(&source).expect("it lies under src").with_extension("");
        let mut module: Vec<String> =
            relative.iter().map(|part| part.to_string_lossy().into_owned()).collect();
        if module.last().is_some_and(|last| last == "mod") {
            module.pop();
        }
        let room = module.first()?.clone();
        if room == "main" || room == "lib" {
            return None;
        }
        let text = std::fs::read_to_string(&file).expect("a source file can be read");
        let parsed = syn::parse_file(&text).expect("the code parses");
        let mut paths = Paths { module, found: Vec::new() };
        paths.visit_file(&parsed);
        Some((room, relative, paths.found))
    });
    of_rooms.collect()
}

fn floor(room: &str) -> Option<usize> {
    FLOORS.iter().position(|rooms| rooms.contains(&room))
}

#[test]
fn every_folder_is_a_room_of_the_table() {
    let unknown: BTreeSet<String> =
        files_of_rooms().into_iter().map(|(room, ..)| room).filter(|room| floor(room).is_none()).collect();
    assert!(unknown.is_empty(), "no floor holds {unknown:?}");
}

#[test]
fn imports_point_down() {
    let mut wrong = Vec::new();
    let mut seen = 0;
    for (room, file, paths) in files_of_rooms() {
        for (line, path) in paths {
            let [start, target, ..] = path.as_slice() else { continue };
            if start != "crate" || target == &room || floor(target).is_none() {
                continue;
            }
            seen += 1;
            let allowed = floor(&room) < floor(target) || (room.as_str(), target.as_str()) == EXCEPTION;
            if !allowed {
                wrong.push(format!("src/{}.rs:{line}: {room} imports {target}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(seen > 50, "the rule saw {seen} imports only: it does not look at the code any more");
}

#[test]
fn pure_rooms_do_no_io_and_read_no_clock() {
    let mut wrong = Vec::new();
    for (room, file, paths) in files_of_rooms().into_iter().filter(|(room, ..)| PURE.contains(&room.as_str()))
    {
        for (line, path) in paths {
            let text = path.join("::");
            let within = |outer: &&&str| text == **outer || text.starts_with(&format!("{outer}::"));
            let pure = PURE_PARTS.iter().any(|part| within(&part));
            let impure = IMPURE.iter().find(within).filter(|_| !pure);
            if let Some(banned) = impure {
                wrong.push(format!("src/{}.rs:{line}: {room} is pure and uses {banned}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
