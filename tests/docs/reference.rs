//! The reference of scenario files, made from their schema.

use std::collections::{BTreeMap, VecDeque};

use serde_json::Value;

use crate::markdown::{add, anchor, code, heading, row};
use crate::{keep, made_from};

const PAGE: &str = "docs/src/reference/scenario.md";

/// Kinds of values that have a section of their own, each with its definition in the schema.
const QUANTITIES: [(&str, &str); 12] = [
    ("duration", "duration"),
    ("size", "size"),
    ("rate", "rate"),
    ("rateAboveZero", "rate above zero"),
    ("probability", "probability"),
    ("pointer", "JSON pointer"),
    ("time", "time"),
    ("host", "host"),
    ("header", "header"),
    ("check", "check"),
    ("abortRule", "rule that ends the load"),
    ("long", "whole number of 64 bits"),
];

/// How many words with their meanings fit into a row of a table.
const FEW_WORDS: usize = 3;

/// What may stand at one place.
#[derive(Default)]
struct Shape<'s> {
    /// Words, each with its meaning, and the definition that they belong to, where it has a title.
    words: Vec<(&'s str, &'s str, Option<&'s str>)>,
    /// Mappings, each with its title.
    mappings: Vec<&'s Value>,
    /// What else: in words for people.
    others: Vec<String>,
    /// What the items of a list are.
    items: Option<&'s Value>,
    /// What the members of any name are.
    members: Option<&'s Value>,
    /// The first of the words' schemas.
    first_word: Option<*const Value>,
}

impl Shape<'_> {
    /// What its section is known by, where it deserves one: its first mapping, or its words.
    fn key(&self) -> Option<*const Value> {
        let mapping = self.mappings.first().map(|mapping| std::ptr::from_ref::<Value>(mapping));
        mapping.or(self.first_word.filter(|_| self.words.len() > FEW_WORDS))
    }
}

struct Reference<'s> {
    root: &'s Value,
    /// The places that have a section already, by the address of what is described there.
    places: BTreeMap<*const Value, String>,
    waiting: VecDeque<(String, &'s Value)>,
    page: String,
}

/// Whether a definition only says what may be left out or must be there.
fn is_about_presence(part: &Value) -> bool {
    part.get("required").is_some() && part.get("type").is_none()
}

impl<'s> Reference<'s> {
    fn resolve(&self, schema: &'s Value) -> Option<(&'s str, &'s Value)> {
        let name = schema["$ref"].as_str()?.strip_prefix("#/$defs/")?;
        Some((name, &self.root["$defs"][name]))
    }

    fn shape(&self, schema: &'s Value) -> Shape<'s> {
        let mut shape = Shape::default();
        self.add(schema, None, &mut shape);
        shape
    }

    fn add(&self, schema: &'s Value, title: Option<&'s str>, shape: &mut Shape<'s>) {
        if let Some((name, definition)) = self.resolve(schema) {
            match QUANTITIES.iter().find(|(definition, _)| *definition == name) {
                Some((definition, text)) => {
                    shape.others.push(format!("[{text}](#{})", anchor(quantity_title(definition))));
                }
                None if name == "template" => {
                    shape.others.push("[JSON with generators](#templates)".to_owned());
                }
                None => self.add(definition, definition["title"].as_str(), shape),
            }
            return;
        }
        if let Some(word) = schema["const"].as_str() {
            shape.first_word.get_or_insert(std::ptr::from_ref(schema));
            shape.words.push((word, schema["description"].as_str().unwrap_or_default(), title));
        } else if let Some(constant) = schema.get("const") {
            shape.others.push(code(&constant.to_string()));
        }
        for part in ["anyOf", "oneOf", "allOf"].iter().filter_map(|group| schema[*group].as_array()).flatten()
        {
            if !is_about_presence(part) {
                self.add(part, title, shape);
            }
        }
        let types: Vec<&str> = match &schema["type"] {
            Value::String(one) => vec![one],
            Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        let alternatives = ["anyOf", "oneOf", "allOf"].iter().any(|group| {
            schema[*group].as_array().is_some_and(|parts| parts.iter().any(|part| !is_about_presence(part)))
        });
        for kind in types {
            match kind {
                "object" if schema.get("properties").is_some() => shape.mappings.push(schema),
                "object" if alternatives => {}
                "object" => {
                    let named =
                        schema["patternProperties"].as_object().into_iter().flat_map(|named| named.values());
                    let any = Some(&schema["additionalProperties"]).filter(|any| any.is_object());
                    shape.members = named.chain(any).find(|member| member["$ref"] != "#/$defs/emptied");
                    if shape.members.is_none() {
                        shape.others.push("mapping".to_owned());
                    }
                }
                "array" => shape.items = schema.get("items"),
                "integer" => shape.others.push(format!("whole number{}", range(schema))),
                "number" => shape.others.push(format!("number{}", range(schema))),
                "boolean" => shape.others.push("`true` or `false`".to_owned()),
                "string" if !alternatives => shape.others.push("text".to_owned()),
                _ => {}
            }
        }
        shape.others.dedup();
    }

    /// What may stand there, in the words of a table.
    fn kinds(&self, place: &str, schema: &'s Value) -> String {
        let shape = self.shape(schema);
        let mut kinds: Vec<String> = Vec::new();
        let at = shape.key().and_then(|key| self.places.get(&key)).map_or(place, String::as_str);
        let section = format!("(#{})", anchor(at));
        if shape.words.len() > FEW_WORDS {
            kinds.push(format!("[a word]{section}"));
        } else {
            kinds.extend(shape.words.iter().map(|(word, ..)| code(word)));
        }
        let range = schema["x-range"].as_array().map(|ends| {
            let ends: Vec<&str> = ends.iter().filter_map(Value::as_str).collect();
            format!(", {}", ends.join(" to "))
        });
        kinds.extend(
            shape.others.iter().map(|other| format!("{other}{}", range.as_deref().unwrap_or_default())),
        );
        if !shape.mappings.is_empty() {
            kinds.push(format!("[mapping]{section}"));
        }
        if let Some(items) = shape.items {
            kinds.push(format!("list of: {}", self.kinds(&format!("{place}[]"), items)));
        }
        if let Some(members) = shape.members {
            kinds.push(format!("mapping with members: {}", self.kinds(&format!("{place}.*"), members)));
        }
        kinds.join(" or ")
    }

    fn row(&mut self, place: &str, name: &str, schema: &'s Value, required: bool) {
        let child = if place.is_empty() { name.to_owned() } else { format!("{place}.{name}") };
        self.wait_for(&child, schema);
        let kinds = self.kinds(&child, schema);
        let definition = self.resolve(schema).map(|(_, definition)| definition);
        let of = |member: &str| schema.get(member).or_else(|| definition.and_then(|found| found.get(member)));
        let default = match (of("default"), schema["x-default"].as_str(), required) {
            (Some(default), ..) => code(&yaml(default)),
            (None, Some(text), _) => text.to_owned(),
            (None, None, true) => "required".to_owned(),
            (None, None, false) => String::new(),
        };
        let mut meaning = of("description").and_then(Value::as_str).unwrap_or_default().to_owned();
        let words = self.shape(schema).words;
        if words.len() <= FEW_WORDS && self.shape(schema).mappings.is_empty() {
            let own = meaning.clone();
            for (word, description, _) in
                words.iter().filter(|(_, description, _)| !description.is_empty() && *description != own)
            {
                add(&mut meaning, &format!(" {}: {}", code(word), lower_first(description)));
            }
        }
        self.page.push_str(&row(&[&code(name), &kinds, &default, &meaning]));
    }

    /// Puts what deserves a section into the queue, but for what has one.
    fn wait_for(&mut self, place: &str, schema: &'s Value) {
        let shape = self.shape(schema);
        if let Some(key) = shape.key()
            && !self.places.contains_key(&key)
        {
            self.places.insert(key, place.to_owned());
            self.waiting.push_back((place.to_owned(), schema));
        }
        if let Some(items) = shape.items {
            self.wait_for(&format!("{place}[]"), items);
        }
        if let Some(members) = shape.members {
            self.wait_for(&format!("{place}.*"), members);
        }
    }

    fn sections(&mut self) {
        while let Some((place, schema)) = self.waiting.pop_front() {
            let others = self.waiting.len();
            self.section(&place, schema);
            // What it leads to comes before what follows it.
            self.waiting.rotate_left(others);
        }
    }

    /// Templates stand apart: they hold themselves, and nothing else does.
    fn templates(&mut self) {
        let generator = &self.root["$defs"]["generator"];
        let description = generator["description"].as_str().expect("generators are described");
        add(
            &mut self.page,
            &format!(
                "\n## Templates\n\nA template is a JSON value, in which everything stays as it is, numbers digit for digit, but for \
             generators. {description}\n"
            ),
        );
        for (name, schema) in generator["properties"].as_object().into_iter().flatten() {
            self.waiting.push_back((name.clone(), schema));
        }
        self.sections();
    }

    fn section(&mut self, place: &str, schema: &'s Value) {
        let shape = self.shape(schema);
        add(&mut self.page, &format!("\n## {}\n", code(place)));
        let definition = self.resolve(schema).map(|(_, definition)| definition);
        let described =
            schema.get("description").or_else(|| definition.and_then(|found| found.get("description")));
        if let Some(description) = described.and_then(Value::as_str) {
            add(&mut self.page, &format!("\n{description}\n"));
        }
        let example = schema.get("examples").or_else(|| definition.and_then(|found| found.get("examples")));
        let example = example.or_else(|| shape.mappings.iter().find_map(|mapping| mapping.get("examples")));
        if let Some(example) = example.and_then(|examples| examples.get(0)) {
            let name = place.trim_end_matches("[]").rsplit('.').next().unwrap_or(place);
            let shown = if place.ends_with("[]") {
                format!("- {}", yaml(example))
            } else {
                format!("{name}: {}", yaml(example))
            };
            add(&mut self.page, &format!("\n```yaml\n{shown}\n```\n"));
        }
        let mut group = None;
        if !shape.words.is_empty() {
            self.page.push('\n');
        }
        for (index, (word, description, title)) in shape.words.iter().enumerate() {
            if index == 0 || group != *title {
                group = *title;
                let gap = if index == 0 { "" } else { "\n" };
                add(&mut self.page, &format!("{gap}{}", heading(&[title.unwrap_or("word"), "meaning"])));
            }
            self.page.push_str(&row(&[&code(word), description]));
        }
        let several = shape.mappings.len() > 1;
        for mapping in shape.mappings {
            let title = mapping["title"].as_str().filter(|_| several);
            if let Some(title) = title {
                add(&mut self.page, &format!("\nWith `kind: {title}`:\n"));
            }
            self.page.push('\n');
            self.fields(place, mapping);
        }
    }

    fn fields(&mut self, place: &str, mapping: &'s Value) {
        self.page.push_str(&heading(&["field", "what", "default", "meaning"]));
        let required: Vec<&str> =
            mapping["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let top = &self.root["$defs"]["whole"]["required"];
        let on_top = |name: &str| {
            place.is_empty() && top.as_array().is_some_and(|all| all.iter().any(|one| one == name))
        };
        for (name, schema) in mapping["properties"].as_object().into_iter().flatten() {
            let must = required.contains(&name.as_str()) || on_top(name) || is_needed(mapping, name);
            self.row(place, name, schema, must);
        }
    }
}

/// What an external box must have, which the schema asks for where nothing is extended.
fn is_needed(mapping: &Value, name: &str) -> bool {
    mapping["title"] == "external" && ["kind", "url", "bootstrap"].contains(&name)
}

fn quantity_title(definition: &str) -> &'static str {
    match definition {
        "duration" => "Durations",
        "size" => "Sizes",
        "rate" => "Rates",
        "rateAboveZero" => "Rates above zero",
        "probability" => "Probabilities",
        "pointer" => "JSON pointers",
        "time" => "Times",
        "host" => "Hosts",
        "header" => "Headers",
        "check" => "Checks",
        "abortRule" => "Rules that end the load",
        _ => "Whole numbers of 64 bits",
    }
}

fn lower_first(text: &str) -> String {
    // An acronym stays one.
    if text.chars().nth(1).is_some_and(|second| second.is_ascii_uppercase()) {
        return text.to_owned();
    }
    let mut characters = text.chars();
    let first = characters.next().map(|first| first.to_ascii_lowercase());
    first.into_iter().chain(characters).collect()
}

fn range(schema: &Value) -> String {
    match (schema.get("minimum"), schema.get("maximum")) {
        (Some(least), Some(most)) if most.as_u64() == Some(u64::MAX) => format!(", {least} or more"),
        (Some(least), Some(most)) => format!(", {least} to {most}"),
        (Some(least), None) => format!(", {least} or more"),
        _ if schema.get("exclusiveMinimum").is_some() => ", above 0".to_owned(),
        _ => String::new(),
    }
}

/// A value as YAML in one line.
fn yaml(value: &Value) -> String {
    match value {
        Value::Object(members) if members.is_empty() => "{}".to_owned(),
        Value::Object(members) => {
            let members: Vec<String> =
                members.iter().map(|(name, value)| format!("{}: {}", yaml_text(name), yaml(value))).collect();
            format!("{{ {} }}", members.join(", "))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(yaml).collect::<Vec<_>>().join(", ")),
        Value::String(text) => yaml_text(text),
        other => other.to_string(),
    }
}

fn yaml_text(text: &str) -> String {
    let plain = text.starts_with(|c: char| c.is_ascii_alphanumeric() || "/$_".contains(c))
        && text.chars().all(|c| c.is_ascii_alphanumeric() || " /$_.-%<>=+".contains(c));
    let number = text.parse::<f64>().is_ok() && !text.contains(' ');
    if plain && (!number || text.len() < 4) { text.to_owned() } else { format!("\"{text}\"") }
}

fn page(root: &Value) -> String {
    let mut reference =
        Reference { root, places: BTreeMap::new(), waiting: VecDeque::new(), page: String::new() };
    let description = root["description"].as_str().expect("the schema is described");
    reference.page = format!(
        "{}# Scenario reference\n\n{description}\n\nThe [guide](../scenario.md) says how the parts work together; \
         [editors](../editors.md) can check and complete scenarios as you write. Files are named relative to the \
         scenario.\n\n",
        made_from("docs/schemas/scenario.schema.json")
    );
    reference.fields("", root);
    reference.sections();
    reference.templates();
    reference.page.push_str("\n## How values are written\n");
    for (definition, _) in QUANTITIES {
        let schema = &root["$defs"][definition];
        let description = schema["description"].as_str().expect("it is described");
        let examples = schema["examples"].as_array().map(|examples| {
            let shown: Vec<String> = examples.iter().map(|example| code(&yaml(example))).collect();
            format!(" For instance {}.", shown.join(", "))
        });
        let title = quantity_title(definition);
        add(
            &mut reference.page,
            &format!("\n### {title}\n\n{description}{}\n", examples.unwrap_or_default()),
        );
    }
    reference.page
}

#[test]
fn the_reference_of_scenarios_is_made_from_their_schema() {
    let schema: Value = serde_json::from_str(landfall::scenario::SCHEMA).expect("the schema is JSON");
    keep(PAGE, &page(&schema));
}
