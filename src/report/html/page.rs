//! The page around a report: one file that asks nothing of any network, and runs nothing but its own script.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::report::text::acts;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// A page and its parts.
pub(in crate::report) struct Page<'a> {
    /// As windows and lists of files show it.
    pub(in crate::report) title: &'a str,
    /// What can be jumped to: id and name.
    pub(in crate::report) sections: &'a [(&'a str, &'a str)],
    pub(in crate::report) body: Markup,
}

impl Page<'_> {
    /// The page as text. Whatever was put into it, no character is left in it that acts on the reader or turns the
    /// direction of text; and what should have escaped escaping could run nothing, since only the page's own script and
    /// style are let through, by their digests (Content Security Policy, Level 3).
    pub(in crate::report) fn render(self) -> String {
        let Self { title, sections, body } = self;
        let policy = format!(
            "default-src 'none'; style-src '{}'; script-src '{}'; img-src data:; base-uri 'none'; form-action 'none'",
            hash(STYLE),
            hash(SCRIPT)
        );
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta http-equiv="Content-Security-Policy" content=(policy);
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="generator" content=(concat!("landfall ", env!("CARGO_PKG_VERSION")));
                    title { (title) }
                    // Else a browser asks for one.
                    link rel="icon" href="data:,";
                    style { (PreEscaped(STYLE)) }
                }
                body {
                    a.skip href="#main" { "Skip to the report" }
                    header.bar {
                        div.bar-inner {
                            nav aria-label="Sections" tabindex="0" {
                                ul { @for (id, name) in sections { li { a href=(format!("#{id}")) { (name) } } } }
                            }
                            button #theme type="button" aria-label="Switch between light and dark" hidden { "Dark" }
                        }
                    }
                    main id="main" { (body) }
                    footer {
                        "Made by landfall " (env!("CARGO_PKG_VERSION")) ". This page is complete in itself and loads nothing."
                    }
                    script { (PreEscaped(SCRIPT)) }
                }
            }
        };
        page.into_string()
            .chars()
            .map(|c| if acts(c) && !matches!(c, '\n' | '\t') { '\u{fffd}' } else { c })
            .collect()
    }
}

/// A source of a Content Security Policy: the digest of what is let through.
fn hash(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(digest(&SHA256, text.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn style_and_script_end_where_they_should() {
        for text in [STYLE, SCRIPT] {
            assert!(!text.contains("</") && !text.contains("<!--"), "it would end its element");
            assert!(
                text.chars().all(|c| matches!(c, '\n' | '\t') || !acts(c)),
                "its digest would be another"
            );
        }
    }

    #[test]
    fn nothing_acts_on_the_reader() {
        let body = html! { p { "a\u{0}b\u{202e}c\u{1b}[31m<script>" } };
        let page = Page { title: "t\u{2066}", sections: &[], body }.render();
        assert!(page.contains("<p>a\u{fffd}b\u{fffd}c\u{fffd}[31m&lt;script&gt;</p>"), "{page}");
        assert!(page.contains("<title>t\u{fffd}</title>"));
    }
}
