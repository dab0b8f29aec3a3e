//! Readers of the formats that nobody here wrote, and where there is none at hand, a strict one.

use std::collections::HashMap;
use std::path::Path;
use std::process::Command;

/// Holds JUnit's XML against Jenkins' schema, if `xmllint` (Debian: `libxml2-utils`) is there.
pub(crate) fn validate_junit(file: &Path) {
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schemas/junit-10.xsd");
    let output = Command::new("xmllint").args(["--noout", "--schema"]).arg(schema).arg(file).output();
    let Ok(output) = output else {
        let demanded = std::env::var_os("LANDFALL_REQUIRE_TOOLS").is_some();
        assert!(!demanded, "LANDFALL_REQUIRE_TOOLS is set, and there is no xmllint");
        println!("did not run: there is no xmllint");
        return;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// An element of an XML file: name, attributes, text within.
#[derive(Debug, Default)]
pub(crate) struct Element {
    pub(crate) name: String,
    pub(crate) attributes: HashMap<String, String>,
    pub(crate) text: String,
    /// Name of the element around it, and that one's `name`.
    pub(crate) within: (String, String),
}

/// All elements of an XML file, in their order.
pub(crate) fn elements(text: &str) -> Vec<Element> {
    use quick_xml::events::Event;
    let mut reader = quick_xml::Reader::from_str(text);
    let (mut all, mut open): (Vec<Element>, Vec<usize>) = (Vec::new(), Vec::new());
    loop {
        let event = reader.read_event().expect("it is XML");
        match &event {
            Event::Start(tag) | Event::Empty(tag) => {
                let attributes = tag.attributes().map(|attribute| {
                    let attribute = attribute.expect("it is XML");
                    let value = std::str::from_utf8(&attribute.value).expect("UTF-8");
                    let value = quick_xml::escape::unescape(value).expect("it is XML").into_owned();
                    (String::from_utf8(attribute.key.as_ref().to_vec()).expect("UTF-8"), value)
                });
                let around = open.last().map(|index: &usize| &all[*index]);
                let within = around.map(|element| {
                    (element.name.clone(), element.attributes.get("name").cloned().unwrap_or_default())
                });
                let name = String::from_utf8(tag.name().as_ref().to_vec()).expect("UTF-8");
                let element = Element {
                    name,
                    attributes: attributes.collect(),
                    text: String::new(),
                    within: within.unwrap_or_default(),
                };
                all.push(element);
                if matches!(event, Event::Start(_)) {
                    open.push(all.len() - 1);
                }
            }
            Event::Text(text) => {
                if let Some(index) = open.last() {
                    all[*index].text += &text.decode().expect("UTF-8");
                }
            }
            Event::GeneralRef(reference) => {
                let index = *open.last().expect("a reference stands in an element");
                let name = format!("&{};", reference.decode().expect("UTF-8"));
                all[index].text += &quick_xml::escape::unescape(&name).expect("it is XML");
            }
            Event::End(_) => drop(open.pop()),
            Event::Eof => return all,
            _ => {}
        }
    }
}

/// The rows of a CSV file by column.
pub(crate) fn rows(text: &str) -> Vec<HashMap<String, String>> {
    csv::Reader::from_reader(text.as_bytes()).deserialize().map(|row| row.expect("it is CSV")).collect()
}

/// A sample of a file of metrics.
#[derive(Debug)]
pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) labels: Vec<(String, String)>,
    pub(crate) value: f64,
}

/// Reads OpenMetrics as its grammar has it: families together, each announced once, labels quoted, an end. And with
/// Prometheus' Python client, where `LANDFALL_PYTHON` names an interpreter that has it.
pub(crate) fn metrics(file: &Path) -> Vec<Sample> {
    let text = std::fs::read_to_string(file).expect("it can be read");
    let body = text.strip_suffix("# EOF\n").expect("it ends so");
    let (mut samples, mut families) = (Vec::new(), Vec::new());
    for line in body.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let name = rest.strip_suffix(" gauge").expect("there is nothing but gauges").to_owned();
            assert!(!families.contains(&name), "{name} twice");
            families.push(name);
        } else if !line.starts_with("# HELP ") {
            let sample = sample(line).unwrap_or_else(|| panic!("no sample: {line}"));
            assert_eq!(Some(&sample.name), families.last(), "{line}");
            samples.push(sample);
        }
    }
    let series: Vec<(&String, &Vec<(String, String)>)> =
        samples.iter().map(|sample| (&sample.name, &sample.labels)).collect();
    for (index, one) in series.iter().enumerate() {
        assert!(!series[..index].contains(one), "{one:?} twice");
    }
    if let Some(read) = read_by_python(file) {
        assert_eq!(read, samples.len());
    }
    samples
}

/// `name{label="value",…} number`.
fn sample(line: &str) -> Option<Sample> {
    let (name, mut rest) = line.split_once('{')?;
    let mut labels = Vec::new();
    loop {
        let (label, after) = rest.split_once("=\"")?;
        let (mut value, mut characters) = (String::new(), after.char_indices());
        let end = loop {
            match characters.next()? {
                (at, '"') => break at,
                (_, '\\') => value.push(match characters.next()?.1 {
                    'n' => '\n',
                    escaped @ ('"' | '\\') => escaped,
                    _ => return None,
                }),
                (_, c) => value.push(c),
            }
        };
        labels.push((label.to_owned(), value));
        rest = &after[end + 1..];
        match rest.strip_prefix(',') {
            Some(next) => rest = next,
            None => break,
        }
    }
    let value = rest.strip_prefix("} ")?.parse().ok()?;
    Some(Sample { name: name.to_owned(), labels, value })
}

/// How many samples the Python client finds; `None` where there is none.
fn read_by_python(file: &Path) -> Option<usize> {
    let demanded = std::env::var_os("LANDFALL_REQUIRE_TOOLS").is_some();
    let Some(python) = std::env::var_os("LANDFALL_PYTHON") else {
        assert!(!demanded, "LANDFALL_REQUIRE_TOOLS is set, and LANDFALL_PYTHON names no interpreter");
        println!("did not run: LANDFALL_PYTHON names no interpreter with prometheus-client");
        return None;
    };
    let there = Command::new(&python).args(["-c", "import prometheus_client"]).output().expect("python runs");
    if !there.status.success() {
        assert!(!demanded, "LANDFALL_REQUIRE_TOOLS is set, and LANDFALL_PYTHON has no prometheus-client");
        println!("did not run: LANDFALL_PYTHON has no prometheus-client");
        return None;
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/openmetrics.py");
    let output = Command::new(python).arg(script).arg(file).output().expect("python runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8_lossy(&output.stdout).lines().count())
}
