//! What is written by hand: links lead somewhere, every chapter is listed, scenarios are valid, commands parse.

use std::path::{Component, Path, PathBuf};

use crate::markdown::Page;
use crate::{is_making, read, repository};

/// The Markdown files of a folder of the repository, and of those in it.
fn pages_in(folder: &str) -> Vec<String> {
    let mut pages = Vec::new();
    for entry in std::fs::read_dir(repository(folder)).expect("the folder is there") {
        let name = entry.expect("the folder can be listed").file_name().to_string_lossy().into_owned();
        let path = format!("{folder}/{name}");
        if repository(&path).is_dir() {
            pages.extend(pages_in(&path));
        } else if Path::new(&path).extension().is_some_and(|extension| extension == "md") {
            pages.push(path);
        }
    }
    pages.sort();
    pages
}

/// Every page that people read.
fn pages() -> Vec<String> {
    let top =
        ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "fixtures/payloads/README.md"];
    top.map(str::to_owned).into_iter().chain(pages_in("docs/src")).collect()
}

fn page(path: &str) -> Page {
    Page::parse(&read(&repository(path)))
}

/// `link` as it stands in the page `from`, as a path of the repository.
fn followed(from: &str, link: &str) -> PathBuf {
    let mut path = Path::new(from).parent().expect("a page lies in a folder").to_owned();
    for part in Path::new(link).components() {
        match part {
            Component::ParentDir => drop(path.pop()),
            Component::CurDir => {}
            other => path.push(other),
        }
    }
    path
}

#[test]
fn every_link_leads_somewhere() {
    if is_making() {
        return;
    }
    let (mut broken, mut seen) = (Vec::new(), 0);
    for from in pages() {
        let here = page(&from);
        for link in here.links.iter().filter(|link| !link.contains("://")) {
            seen += 1;
            let (target, anchor) =
                link.split_once('#').map_or((link.as_str(), None), |(to, at)| (to, Some(at)));
            let target = if target.is_empty() { PathBuf::from(&from) } else { followed(&from, target) };
            let file = repository(&target.to_string_lossy());
            if !file.exists() {
                broken.push(format!("{from}: {link}: there is no such file"));
            } else if let Some(anchor) = anchor
                && !Page::parse(&read(&file)).anchors.iter().any(|there| there == anchor)
            {
                broken.push(format!("{from}: {link}: there is no such heading"));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    assert!(seen > 100, "{seen} links only");
}

#[test]
fn every_chapter_is_listed() {
    if is_making() {
        return;
    }
    let summary = page("docs/src/SUMMARY.md");
    let mut listed: Vec<String> = summary
        .links
        .iter()
        .map(|link| followed("docs/src/SUMMARY.md", link).to_string_lossy().into_owned())
        .collect();
    let mut chapters = pages_in("docs/src");
    chapters.retain(|chapter| chapter != "docs/src/SUMMARY.md");
    listed.sort();
    assert_eq!(listed, chapters);
}

#[test]
fn every_scenario_that_is_shown_is_valid() {
    let mut shown = 0;
    for from in pages() {
        for (language, text) in page(&from).blocks {
            let whole = text.lines().any(|line| line.starts_with("version:"));
            if language != "yaml" || !whole {
                continue;
            }
            shown += 1;
            let load = landfall::scenario::load_file;
            if let Err(error) = landfall::scenario::parse(&text, &repository(&from), &[], &load) {
                panic!("{from}: {error}");
            }
        }
    }
    assert!(shown > 2, "{shown} scenarios only");
}

/// What a shell would run of a line, up to a pipe or a redirection, where it is landfall that is called.
fn call(line: &str) -> Option<Vec<String>> {
    let line = line.trim();
    let line = line.strip_prefix("$ ").unwrap_or(line);
    // A step of a workflow.
    let line = line.strip_prefix("- ").unwrap_or(line);
    let line = line.strip_prefix("run: ").unwrap_or(line);
    let rest = line
        .strip_prefix("landfall ")
        .or_else(|| line.strip_prefix("cargo run --release -- "))
        .or_else(|| line.strip_prefix("target/release/landfall "))?;
    // Pictures have words in them that look like calls, and arrows.
    let words = shlex::split(rest).filter(|_| line.is_ascii())?;
    let ends = |word: &String| ["|", ">", "2>", "&&", "||", ";", "&"].contains(&word.as_str());
    let words = words.into_iter().take_while(|word| !ends(word));
    Some(std::iter::once("landfall".to_owned()).chain(words).collect())
}

#[test]
fn every_command_that_is_shown_parses() {
    let mut shown = 0;
    for from in pages() {
        let blocks = page(&from).blocks.into_iter();
        for (language, text) in
            blocks.filter(|(language, _)| ["", "sh", "console", "yaml", "yml"].contains(&language.as_str()))
        {
            let text = text.replace("\\\n", " ");
            // Of a session, only what was typed.
            let typed = |line: &&str| match language.as_str() {
                "console" => line.starts_with("$ "),
                _ => !line.trim_start().starts_with("landfall:"),
            };
            for words in text.lines().filter(typed).filter_map(call) {
                shown += 1;
                if let Err(error) = landfall::cli::command().try_get_matches_from(&words) {
                    assert!(!error.use_stderr(), "{from}: {}: {error}", words.join(" "));
                }
            }
        }
    }
    assert!(shown > 15, "{shown} commands only");
}

/// Each metric that a run can fail with is explained: times by their family.
#[test]
fn every_metric_is_explained() {
    let page = read(&repository("docs/src/findings.md"));
    for metric in landfall::scenario::METRICS.iter().chain(landfall::scenario::ABORT_METRICS) {
        let (family, member) = metric.rsplit_once('.').expect("metrics have two parts");
        let explained = if ["p50", "p90", "p99", "p999", "max"].contains(&member) {
            page.contains(&format!("`{family}`")) || page.contains(&format!("`{family}.p50`"))
        } else {
            page.contains(&format!("`{metric}`"))
        };
        assert!(explained, "the page does not explain {metric}");
    }
}
