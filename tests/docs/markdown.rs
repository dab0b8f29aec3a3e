//! Markdown: writing tables, and reading headings, links and blocks of code.

use std::collections::HashMap;

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

/// Goes on with a page.
pub(crate) fn add(page: &mut String, text: &str) {
    page.push_str(text);
}

/// A row of a table.
pub(crate) fn row(cells: &[&str]) -> String {
    let cells: Vec<String> =
        cells.iter().map(|cell| cell.replace('|', "\\|").replace(['\n', '\r'], " ")).collect();
    format!("| {} |\n", cells.join(" | "))
}

/// The heading of a table.
pub(crate) fn heading(cells: &[&str]) -> String {
    format!("{}|{}\n", row(cells), "---|".repeat(cells.len()))
}

/// `text` as code, whatever it holds.
pub(crate) fn code(text: &str) -> String {
    if text.contains('`') { format!("`` {text} ``") } else { format!("`{text}`") }
}

/// The name by which a heading is linked to (mdbook's, and GitHub's).
pub(crate) fn anchor(heading: &str) -> String {
    let of = |c: char| match c {
        c if c.is_alphanumeric() || c == '_' || c == '-' => Some(c.to_ascii_lowercase()),
        c if c.is_whitespace() => Some('-'),
        _ => None,
    };
    heading.chars().filter_map(of).collect()
}

/// What a page has that can be checked.
#[derive(Debug, Default)]
pub(crate) struct Page {
    /// The names of its headings.
    pub(crate) anchors: Vec<String>,
    /// Where its links and images lead.
    pub(crate) links: Vec<String>,
    /// Its blocks of code, each with what it says of its language; nothing where it is indented.
    pub(crate) blocks: Vec<(String, String)>,
}

impl Page {
    pub(crate) fn parse(text: &str) -> Self {
        let mut page = Self::default();
        let mut seen: HashMap<String, usize> = HashMap::new();
        let (mut title, mut block): (Option<String>, Option<(String, String)>) = (None, None);
        for event in Parser::new_ext(text, Options::ENABLE_TABLES) {
            match event {
                Event::Start(Tag::Heading { .. }) => title = Some(String::new()),
                Event::End(TagEnd::Heading(_)) => {
                    let name = anchor(&title.take().unwrap_or_default());
                    let count = seen.entry(name.clone()).or_default();
                    page.anchors.push(if *count == 0 { name } else { format!("{name}-{count}") });
                    *count += 1;
                }
                Event::Start(Tag::CodeBlock(kind)) => {
                    let language = match kind {
                        CodeBlockKind::Fenced(language) => language.to_string(),
                        CodeBlockKind::Indented => String::new(),
                    };
                    block = Some((language, String::new()));
                }
                Event::End(TagEnd::CodeBlock) => page.blocks.extend(block.take()),
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    page.links.push(dest_url.to_string());
                }
                Event::Text(text) | Event::Code(text) => {
                    if let Some((_, content)) = &mut block {
                        content.push_str(&text);
                    } else if let Some(title) = &mut title {
                        title.push_str(&text);
                    }
                }
                _ => {}
            }
        }
        page
    }
}

#[test]
fn a_page_is_taken_apart() {
    let text = "# A `b.c` [d](e.md#f)\n\n## Twice\n\n## Twice\n\n    $ x\n\n```sh\ny\n```\n\n| a |\n|---|\n| [g](h) |\n";
    let page = Page::parse(text);
    assert_eq!(page.anchors, ["a-bc-d", "twice", "twice-1"]);
    assert_eq!(page.links, ["e.md#f", "h"]);
    let blocks = [("", "$ x\n"), ("sh", "y\n")];
    assert_eq!(page.blocks, blocks.map(|(language, text)| (language.to_owned(), text.to_owned())));
    assert_eq!(row(&["a|b", "c\nd"]), "| a\\|b | c d |\n");
}
