//! The reference of results, made from their schema.

use serde_json::Value;

use crate::markdown::{add, anchor, code, heading, row};
use crate::{keep, made_from};

/// What a member is, in the words of a table.
fn kind(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|reference| reference.strip_prefix("#/$defs/")) {
        return format!("[{name}](#{})", anchor(name));
    }
    if let Some(constant) = schema.get("const") {
        return code(&constant.to_string());
    }
    let parts = ["anyOf", "oneOf", "allOf"].iter().find_map(|group| schema[*group].as_array());
    if let Some(parts) = parts {
        return parts.iter().map(kind).collect::<Vec<_>>().join(" or ");
    }
    let one = |name: &str| match name {
        "object" => match schema["additionalProperties"].as_object() {
            Some(_) => format!("members of any name: {}", kind(&schema["additionalProperties"])),
            None => "object".to_owned(),
        },
        "array" => format!("list of: {}", kind(&schema["items"])),
        "integer" => "whole number".to_owned(),
        "boolean" => "`true` or `false`".to_owned(),
        "string" => "text".to_owned(),
        other => other.to_owned(),
    };
    match &schema["type"] {
        Value::String(name) => one(name),
        Value::Array(names) => {
            names.iter().filter_map(Value::as_str).map(one).collect::<Vec<_>>().join(" or ")
        }
        _ => "anything".to_owned(),
    }
}

fn section(schema: &Value, page: &mut String) {
    if let Some(description) = schema["description"].as_str() {
        add(page, &format!("{}\n\n", description.replace('\n', " ")));
    }
    if let Some(members) = schema["properties"].as_object() {
        page.push_str(&heading(&["member", "what", "meaning"]));
        for (name, member) in members {
            let optional =
                !schema["required"].as_array().is_some_and(|all| all.iter().any(|one| one == name));
            let may_lack = if optional { ", may be missing" } else { "" };
            let meaning = member["description"].as_str().unwrap_or_default();
            page.push_str(&row(&[&code(name), &format!("{}{may_lack}", kind(member)), meaning]));
        }
    }
    for word in schema["oneOf"].as_array().into_iter().flatten() {
        let meaning = word["description"].as_str().unwrap_or_default();
        add(page, &format!("- {}: {meaning}\n", code(word["const"].as_str().unwrap_or_default())));
    }
}

fn page(title: &str, intro: &str, schema: &Value) -> String {
    let mut page = format!("{}# {title}\n\n{intro}\n\n", made_from("the code"));
    section(schema, &mut page);
    for (name, definition) in schema["$defs"].as_object().into_iter().flatten() {
        add(&mut page, &format!("\n## {name}\n\n"));
        section(definition, &mut page);
    }
    page
}

#[test]
fn the_references_of_results_are_made_from_the_code() {
    const READERS: &str = "Members may be added; a reader should pass over those it does not know. Times are microseconds where \
                           their names end with `_us`.";
    let intro = format!("What `result.json` holds; [results](../results.md) says how to read it. {READERS}");
    keep(
        "docs/src/reference/result.md",
        &page("Result reference", &intro, &landfall::result::result_schema()),
    );
    let intro = format!("What `selftest.json` holds, which `landfall selftest` writes. {READERS}");
    let schema = landfall::result::selftest_schema();
    keep("docs/src/reference/selftest.md", &page("Self-test reference", &intro, &schema));
    let intro = format!("What `conformance.json` holds, which `landfall conform` writes. {READERS}");
    let schema = landfall::result::conformance_schema();
    keep("docs/src/reference/conformance.md", &page("Conformance reference", &intro, &schema));
}
