//! The page that says, fact by fact, how the gateway holds what is known of API Gateway; and that the tests which it
//! names are there.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

use crate::markdown::{add, anchor, code, heading, row};
use crate::{keep, made_from, read, repository};

const FACTS: &str = "fixtures/gateway/fidelity.yaml";
const PAGE: &str = "docs/src/gateway-fidelity.md";
/// Marks that a fact may have, with what they mean.
const MARKS: [(&str, &str); 7] = [
    ("A", "AWS documents it"),
    ("R", "it was recorded from live APIs, or quoted from them in public reports"),
    ("E", "single reports, or emulators, say so"),
    ("?", "sources disagree, or say nothing"),
    ("source", "it was read in code that API Gateway calls, or that calls it"),
    ("derived", "it follows from other facts"),
    ("std", "a standard says so"),
];

/// All facts.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Facts {
    sections: Vec<Section>,
}

/// Facts of one kind.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Section {
    /// For instance `1.4`.
    #[serde(rename = "section")]
    number: String,
    title: String,
    /// Where its facts come from.
    sources: String,
    rows: Vec<Fact>,
}

/// A fact, and how it is held.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fact {
    id: String,
    /// One mark or several, with slashes between them.
    mark: String,
    #[serde(rename = "fact")]
    text: String,
    /// Functions that hold it, or what is done in its place.
    #[serde(default)]
    tests: Vec<String>,
    out_of_scope: Option<String>,
    differs: Option<String>,
    chosen: Option<String>,
}

/// How a fact is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Held<'f> {
    Tested,
    OutOfScope(&'f str),
    Differs(&'f str),
    Chosen(&'f str),
}

impl Fact {
    /// How it is held.
    ///
    /// # Errors
    /// What is wrong with it.
    fn held(&self) -> Result<Held<'_>, String> {
        let said = [
            self.out_of_scope.as_deref().map(Held::OutOfScope),
            self.differs.as_deref().map(Held::Differs),
            self.chosen.as_deref().map(Held::Chosen),
        ];
        let said: Vec<Held<'_>> = said.into_iter().flatten().collect();
        match said[..] {
            [] if self.tests.is_empty() => Err(format!("{} is not held at all", self.id)),
            [] => Ok(Held::Tested),
            [Held::OutOfScope(_)] if !self.tests.is_empty() => {
                Err(format!("{} is out of scope, and tested", self.id))
            }
            [Held::Chosen(_)] if self.is_known() || !self.marks().any(|mark| mark == "?") => {
                Err(format!("{} is known, so nothing is chosen", self.id))
            }
            [one] => Ok(one),
            _ => Err(format!("{} is held in several ways", self.id)),
        }
    }

    fn marks(&self) -> impl Iterator<Item = &str> {
        self.mark.split('/')
    }

    /// Whether AWS documents it, or it was recorded.
    fn is_known(&self) -> bool {
        self.marks().any(|mark| mark == "A" || mark == "R")
    }
}

fn facts() -> Facts {
    serde_saphyr::from_str(&read(&repository(FACTS))).expect("the facts are YAML of this form")
}

/// The page for these facts.
fn page(facts: &Facts) -> String {
    let rows = || facts.sections.iter().flat_map(|section| &section.rows);
    let count = |of: &dyn Fn(&Fact) -> bool| rows().filter(|fact| of(fact)).count().to_string();
    let is = |fact: &Fact, kind: &str| match fact.held() {
        Ok(Held::Tested) => kind == "tested",
        Ok(Held::OutOfScope(_)) => kind == "out of scope",
        Ok(Held::Differs(_)) => kind == "differs",
        Ok(Held::Chosen(_)) => kind == "chosen",
        Err(_) => false,
    };
    let mut page = made_from(FACTS);
    add(
        &mut page,
        "# How true the gateway is\n\nlandfall's gateway stands in for a REST API of Amazon API Gateway. This page lists what is known of \
         such APIs, from authorizers and validation to headers and limits, and says of each fact how the gateway holds it. What a \
         run finds behind the gateway is worth as much as these facts are.\n\nFacts have numbers (`GW-1.4-07` is the seventh of section 1.4), by which tests, issues and \
         other pages name them; a number stays with its fact. The mark says how sure the fact is:\n\n",
    );
    page.push_str(&heading(&["mark", "means"]));
    for (mark, meaning) in MARKS {
        page.push_str(&row(&[&code(mark), meaning]));
    }
    add(
        &mut page,
        "\nWith two marks, a part of the fact is less sure than the rest. How it is held:\n\n\
         - a list of tests, as `FILE::FUNCTION` below `tests/`, or `lib:MODULE::FUNCTION` in `src/`: the gateway does so, and these \
         tests fail where it does not;\n\
         - *differs*: it does something else, for the reason that is given; tests beside it hold that;\n\
         - *out of scope*: it has no place in landfall, for the reason that is given;\n\
         - *chosen*: nobody knows, and this is what landfall does; tests beside it hold that.\n\n",
    );
    page.push_str(&heading(&["facts", "in all", "tested", "differs", "out of scope", "chosen"]));
    for (title, known) in [("`A` or `R`", true), ("others", false)] {
        let of = |kind: &'static str| {
            count(&|fact: &Fact| fact.is_known() == known && (kind.is_empty() || is(fact, kind)))
        };
        let counts = ["", "tested", "differs", "out of scope", "chosen"].map(of);
        let cells: Vec<&str> = std::iter::once(title).chain(counts.iter().map(String::as_str)).collect();
        page.push_str(&row(&cells));
    }
    page.push('\n');
    for section in &facts.sections {
        let title = title(section);
        add(&mut page, &format!("- [{title}](#{})\n", anchor(&title)));
    }
    for section in &facts.sections {
        add(&mut page, &format!("\n## {}\n\nSources: {}.\n\n", title(section), section.sources));
        page.push_str(&heading(&["id", "mark", "fact", "how it is held"]));
        for fact in &section.rows {
            page.push_str(&row(&[&fact.id, &code(&fact.mark), &fact.text, &how(fact)]));
        }
    }
    page
}

fn title(section: &Section) -> String {
    format!("{} {}", section.number, section.title)
}

fn how(fact: &Fact) -> String {
    let tests: Vec<String> = fact.tests.iter().map(|test| code(test)).collect();
    let tests = tests.join(", ");
    let (kind, text) = match fact.held() {
        Ok(Held::Tested) | Err(_) => return tests,
        Ok(Held::OutOfScope(text)) => ("out of scope", text),
        Ok(Held::Differs(text)) => ("differs", text),
        Ok(Held::Chosen(text)) => ("chosen", text),
    };
    if tests.is_empty() { format!("*{kind}*: {text}") } else { format!("*{kind}*: {text}; {tests}") }
}

#[test]
fn the_page_of_facts_is_made_from_them() {
    keep(PAGE, &page(&facts()));
}

#[test]
fn facts_are_numbered_in_order_and_marked() {
    for section in facts().sections {
        for (index, fact) in section.rows.iter().enumerate() {
            assert_eq!(fact.id, format!("GW-{}-{:02}", section.number, index + 1));
            for mark in fact.marks() {
                assert!(MARKS.iter().any(|(known, _)| *known == mark), "{}: {mark}", fact.id);
            }
        }
    }
    let numbers: Vec<String> = facts().sections.into_iter().map(|section| section.number).collect();
    let expected = ["1.1", "1.2", "1.3", "1.4", "1.5", "2", "3.1", "3.2", "3.3", "3.4", "3.5"];
    assert_eq!(numbers, expected);
}

#[test]
fn each_fact_is_held_in_one_way() {
    for fact in facts().sections.iter().flat_map(|section| &section.rows) {
        if let Err(wrong) = fact.held() {
            panic!("{wrong}");
        }
        assert!(!fact.text.ends_with('.') && !fact.text.is_empty(), "{}", fact.id);
    }
}

/// The files that a test's name may mean, with the modules in them that lead to it, and the function's own name.
fn places(name: &str) -> (Vec<(PathBuf, Vec<String>)>, String) {
    let (path, function) = name.rsplit_once("::").expect("a test is named with its file");
    if let Some(modules) = path.strip_prefix("lib:") {
        let modules: Vec<&str> = modules.split("::").collect();
        let files = (1..=modules.len()).rev().flat_map(|length| {
            let inner: Vec<String> = modules[length..].iter().map(|module| (*module).to_owned()).collect();
            let stem = format!("src/{}", modules[..length].join("/"));
            [format!("{stem}.rs"), format!("{stem}/mod.rs")].map(|file| (repository(&file), inner.clone()))
        });
        return (files.collect(), function.to_owned());
    }
    let mut parts = path.split("::");
    let file = format!("tests/{}.rs", parts.next().unwrap_or_default());
    (vec![(repository(&file), parts.map(str::to_owned).collect())], function.to_owned())
}

/// The tests of a file, or of a module in it.
fn tests_in(items: &[syn::Item], modules: &[String]) -> Vec<String> {
    let Some((first, rest)) = modules.split_first() else {
        let is_test = |attribute: &syn::Attribute| {
            attribute.path().segments.last().is_some_and(|segment| segment.ident == "test")
        };
        let test = |item: &syn::Item| match item {
            syn::Item::Fn(function) if function.attrs.iter().any(is_test) => {
                Some(function.sig.ident.to_string())
            }
            _ => None,
        };
        return items.iter().filter_map(test).collect();
    };
    let content = items.iter().find_map(|item| match item {
        syn::Item::Mod(module) if module.ident == first => module.content.as_ref(),
        _ => None,
    });
    content.map(|(_, items)| tests_in(items, rest)).unwrap_or_default()
}

/// Whether there is such a test. Files are read once.
fn is_there(name: &str, parsed: &mut BTreeMap<PathBuf, syn::File>) -> bool {
    let (files, function) = places(name);
    let Some((file, modules)) = files.into_iter().find(|(file, _)| file.is_file()) else { return false };
    let parsed =
        parsed.entry(file.clone()).or_insert_with(|| syn::parse_file(&read(&file)).expect("it compiles"));
    tests_in(&parsed.items, &modules).contains(&function)
}

#[test]
fn every_test_that_is_named_is_there() {
    let mut parsed = BTreeMap::new();
    let facts = facts();
    let named = facts.sections.iter().flat_map(|section| &section.rows).flat_map(|fact| &fact.tests);
    let missing: Vec<&String> = named.filter(|name| !is_there(name, &mut parsed)).collect();
    assert!(missing.is_empty(), "not there: {missing:#?}");
    for wrong in [
        "docs/fidelity::facts",
        "docs/fidelity::nowhere",
        "docs/nowhere::facts",
        "lib:doubles::gateway::policy::tests::statement",
        "lib:doubles::gateway::policy::wildcards",
    ] {
        assert!(!is_there(wrong, &mut parsed), "{wrong}");
    }
}
