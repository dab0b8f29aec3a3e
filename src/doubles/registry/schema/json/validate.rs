//! Whether data fit a schema, told in everit's words: the violation, or how many there are.

use std::cmp::Ordering;

use serde_json::{Map, Value};

use super::{Additional, ArrayRule, Criterion, NumberRule, ObjectRule, Ref, Rule, Schema, StringRule, shown};

/// How deep data may be nested.
const DEPTH: usize = 400;

/// A violation, or what stands for several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    /// Behind the `#`.
    pointer: String,
    message: String,
    /// How many it stands for.
    count: usize,
}

impl Failure {
    fn new(message: impl Into<String>) -> Self {
        Self { pointer: String::new(), message: message.into(), count: 1 }
    }

    fn of_type(expected: &str, subject: &Value) -> Self {
        Self::new(format!("expected type: {expected}, found: {}", class(subject)))
    }

    fn within(mut self, step: &str) -> Self {
        self.pointer = format!("/{}{}", step.replace('~', "~0").replace('/', "~1"), self.pointer);
        self
    }

    fn standing_for(self, causes: &[Self]) -> Self {
        Self { count: causes.iter().map(|cause| cause.count).sum::<usize>().max(1), ..self }
    }

    pub(super) fn told(&self) -> String {
        format!("#{}: {}", self.pointer, self.message)
    }
}

/// The class that Java has for a value.
fn class(value: &Value) -> &'static str {
    match value {
        Value::Null => "Null",
        Value::Bool(_) => "Boolean",
        Value::String(_) => "String",
        Value::Array(_) => "JSONArray",
        Value::Object(_) => "JSONObject",
        Value::Number(number) => {
            let text = number.to_string();
            if text.contains(['.', 'e', 'E']) {
                "Double"
            } else if text.parse::<i32>().is_ok() {
                "Integer"
            } else if text.parse::<i64>().is_ok() {
                "Long"
            } else {
                "BigInteger"
            }
        }
    }
}

/// What is wrong with `subject`; where nothing is, members that are missing get what the schema has for them.
pub(super) fn validate(schema: &Schema, subject: &mut Value) -> Option<Failure> {
    Validator { schema, depth: 0 }.failure(schema.root, subject)
}

struct Validator<'s> {
    schema: &'s Schema,
    depth: usize,
}

impl Validator<'_> {
    /// One failure for all.
    fn failure(&mut self, at: Ref, subject: &mut Value) -> Option<Failure> {
        if self.depth == DEPTH {
            return Some(Failure::new("nested too deep"));
        }
        self.depth += 1;
        let mut failures = Vec::new();
        self.visit(at, subject, &mut failures);
        self.depth -= 1;
        match failures.len() {
            0 | 1 => failures.pop(),
            _ => {
                let all = Failure::new("").standing_for(&failures);
                Some(Failure { message: format!("{} schema violations found", all.count), ..all })
            }
        }
    }

    fn visit(&mut self, at: Ref, subject: &mut Value, failures: &mut Vec<Failure>) {
        let schema = self.schema;
        match &schema.nodes[at].rule {
            Rule::Anything => {}
            Rule::Nothing => failures.push(Failure::new("false schema always fails")),
            Rule::Enum(values) => {
                if !values.iter().any(|value| equal(value, subject)) {
                    failures.push(Failure::new(format!("{} is not a valid enum value", shown(subject))));
                }
            }
            Rule::Const(value) => {
                if !equal(value, subject) {
                    failures.push(Failure::new(""));
                }
            }
            Rule::Not(not, text) => {
                if self.failure(*not, subject).is_none() {
                    failures.push(Failure::new(format!("subject must not be valid against schema {text}")));
                }
            }
            Rule::Reference(target) => failures.extend(self.failure(*target, subject)),
            Rule::Boolean => {
                if !subject.is_boolean() {
                    failures.push(Failure::of_type("Boolean", subject));
                }
            }
            Rule::Null => {
                if !subject.is_null() {
                    failures.push(Failure::new(format!("expected: null, found: {}", class(subject))));
                }
            }
            Rule::Number(rule) => number(rule, subject, failures),
            Rule::String(rule) => string(rule, subject, failures),
            Rule::Array(rule) => self.array(rule, subject, failures),
            Rule::Object(rule) => self.object(rule, subject, failures),
            Rule::Combined(criterion, parts) => self.combined(*criterion, parts, subject, failures),
            Rule::Conditional { condition, then, otherwise } => {
                let condition = self.failure(*condition, subject);
                let branch = if condition.is_none() { then } else { otherwise };
                let Some(failure) = branch.and_then(|branch| self.failure(branch, subject)) else { return };
                failures.push(match condition {
                    None => {
                        Failure::new("input is invalid against the \"then\" schema").standing_for(&[failure])
                    }
                    Some(condition) => {
                        Failure::new("input is invalid against both the \"if\" and \"else\" schema")
                            .standing_for(&[condition, failure])
                    }
                });
            }
        }
    }

    fn combined(
        &mut self,
        criterion: Criterion,
        parts: &[Ref],
        subject: &mut Value,
        failures: &mut Vec<Failure>,
    ) {
        let found: Vec<Failure> = parts.iter().filter_map(|part| self.failure(*part, subject)).collect();
        let (of, matching) = (parts.len(), parts.len() - found.len());
        let message = match criterion {
            Criterion::All if matching < of => format!("only {matching} subschema matches out of {of}"),
            Criterion::Any if matching == 0 => {
                format!("no subschema matched out of the total {of} subschemas")
            }
            Criterion::One if matching != 1 => format!("{matching} subschemas matched instead of one"),
            _ => return,
        };
        // Everit puts the pointer in front twice.
        failures.push(Failure::new(format!("#: {message}")).standing_for(&found));
    }

    fn array(&mut self, rule: &ArrayRule, subject: &mut Value, failures: &mut Vec<Failure>) {
        let Value::Array(items) = subject else {
            if rule.required {
                failures.push(Failure::of_type("JSONArray", subject));
            }
            return;
        };
        let count = items.len();
        if let Some(least) = rule.min_items.filter(|least| count < *least) {
            failures.push(Failure::new(format!("expected minimum item count: {least}, found: {count}")));
        }
        if let Some(most) = rule.max_items.filter(|most| count > *most) {
            failures.push(Failure::new(format!("expected maximum item count: {most}, found: {count}")));
        }
        if rule.unique
            && (1..count).any(|later| items[..later].iter().any(|earlier| equal(earlier, &items[later])))
        {
            failures.push(Failure::new("array items are not unique"));
        }
        if let (Some(tuple), Some(Additional::Allowed(false))) = (&rule.tuple, rule.additional)
            && count > tuple.len()
        {
            let message = format!("expected: [{}] array items, found: [{count}]", tuple.len());
            failures.push(Failure::new(message));
        }
        for (index, item) in items.iter_mut().enumerate() {
            let schema = match (rule.all, &rule.tuple, rule.additional) {
                (Some(all), ..) => Some(all),
                (None, Some(tuple), additional) => tuple.get(index).copied().or(match additional {
                    Some(Additional::Schema(schema)) => Some(schema),
                    _ => None,
                }),
                _ => None,
            };
            let failure = schema.and_then(|schema| self.failure(schema, item));
            failures.extend(failure.map(|failure| failure.within(&index.to_string())));
        }
        if let Some(contains) = rule.contains
            && !items.iter_mut().any(|item| self.failure(contains, item).is_none())
        {
            failures.push(Failure::new("expected at least one array item to match 'contains' schema"));
        }
    }

    fn object(&mut self, rule: &ObjectRule, subject: &mut Value, failures: &mut Vec<Failure>) {
        let Value::Object(members) = subject else {
            if rule.required {
                failures.push(Failure::of_type("JSONObject", subject));
            }
            return;
        };
        let count = members.len();
        for key in rule.required_keys.iter().filter(|key| !members.contains_key(*key)) {
            failures.push(Failure::new(format!("required key [{key}] not found")));
        }
        if let Some(names) = rule.names {
            for name in members.keys() {
                let failure = self.failure(names, &mut Value::from(name.as_str()));
                failures.extend(failure.map(|failure| failure.within(name)));
            }
        }
        if let Some(least) = rule.min_properties.filter(|least| count < *least) {
            failures.push(Failure::new(format!("minimum size: [{least}], found: [{count}]")));
        }
        if let Some(most) = rule.max_properties.filter(|most| count > *most) {
            failures.push(Failure::new(format!("maximum size: [{most}], found: [{count}]")));
        }
        for (_, needs) in rule.dependencies.iter().filter(|(name, _)| members.contains_key(name)) {
            for need in needs.iter().filter(|need| !members.contains_key(*need)) {
                failures.push(Failure::new(format!("property [{need}] is required")));
            }
        }
        self.additional(rule, members, failures);
        for (pattern, schema) in &rule.patterns {
            for (name, value) in members.iter_mut().filter(|(name, _)| finds(pattern, name)) {
                let failure = self.failure(*schema, value);
                failures.extend(failure.map(|failure| failure.within(name)));
            }
        }
        let dependent: Vec<Ref> = rule
            .schema_dependencies
            .iter()
            .filter(|(name, _)| members.contains_key(name))
            .map(|(_, schema)| *schema)
            .collect();
        let before = failures.len();
        let mut added = Vec::new();
        for (name, schema) in &rule.properties {
            if let Some(value) = members.get_mut(name) {
                let failure = self.failure(*schema, value);
                failures.extend(failure.map(|failure| failure.within(name)));
            } else if let Some(default) = &self.schema.nodes[*schema].default {
                members.insert(name.clone(), default.clone());
                added.push(name);
            }
        }
        if failures.len() > before {
            members.retain(|name, _| !added.contains(&name));
        }
        for schema in dependent {
            failures.extend(self.failure(schema, subject));
        }
    }

    fn additional(
        &mut self,
        rule: &ObjectRule,
        members: &mut Map<String, Value>,
        failures: &mut Vec<Failure>,
    ) {
        let is_additional = |name: &str| {
            !rule.properties.iter().any(|(known, _)| known == name)
                && !rule.patterns.iter().any(|(pattern, _)| finds(pattern, name))
        };
        for (name, value) in members.iter_mut().filter(|(name, _)| is_additional(name)) {
            match rule.additional {
                Some(Additional::Allowed(false)) => {
                    failures.push(Failure::new(format!("extraneous key [{name}] is not permitted")));
                }
                Some(Additional::Schema(schema)) => {
                    let failure = self.failure(schema, value);
                    failures.extend(failure.map(|failure| failure.within(name)));
                }
                _ => {}
            }
        }
    }
}

fn finds(pattern: &fancy_regex::Regex, text: &str) -> bool {
    pattern.is_match(text).unwrap_or(false)
}

fn number(rule: &NumberRule, subject: &Value, failures: &mut Vec<Failure>) {
    let fits = subject.is_number() && !(rule.integer && class(subject) == "Double");
    if !fits {
        if rule.required {
            let expected = if rule.integer { "Integer" } else { "Number" };
            failures.push(Failure::of_type(expected, subject));
        }
        return;
    }
    let mut check = |limit: &Option<Value>, breaks: fn(Ordering) -> bool, words: &str| {
        if let Some(limit) = limit
            && breaks(compare(subject, limit))
        {
            failures.push(Failure::new(format!("{} {words} {}", shown(subject), shown(limit))));
        }
    };
    check(&rule.minimum, Ordering::is_lt, "is not greater or equal to");
    check(&rule.exclusive_minimum, Ordering::is_le, "is not greater than");
    check(&rule.maximum, Ordering::is_gt, "is not less or equal to");
    check(&rule.exclusive_maximum, Ordering::is_ge, "is not less than");
    if let Some(of) = &rule.multiple_of
        && !is_multiple(subject, of)
    {
        failures.push(Failure::new(format!("{} is not a multiple of {}", shown(subject), shown(of))));
    }
}

fn string(rule: &StringRule, subject: &Value, failures: &mut Vec<Failure>) {
    let Value::String(text) = subject else {
        if rule.required {
            failures.push(Failure::of_type("String", subject));
        }
        return;
    };
    let length = text.chars().count();
    if let Some(least) = rule.min_length.filter(|least| length < *least) {
        failures.push(Failure::new(format!("expected minLength: {least}, actual: {length}")));
    }
    if let Some(most) = rule.max_length.filter(|most| length > *most) {
        failures.push(Failure::new(format!("expected maxLength: {most}, actual: {length}")));
    }
    if let Some((pattern, _)) = rule.pattern.as_ref().filter(|(_, regex)| !finds(regex, text)) {
        failures.push(Failure::new(format!("string [{text}] does not match pattern {pattern}")));
    }
    if let Some((format, validator)) = &rule.format
        && !validator.is_valid(subject)
        && let Some(words) = format_words(format)
    {
        failures.push(Failure::new(format!("[{text}] is not a valid {words}")));
    }
}

/// What a text should be that is not of a format; `None`: everit does not look.
fn format_words(format: &str) -> Option<&'static str> {
    Some(match format {
        "email" => "email address",
        "hostname" => "hostname",
        "ipv4" => "ipv4 address",
        "ipv6" => "ipv6 address",
        "uri" => "URI",
        "uri-reference" => "URI reference",
        "uri-template" => "URI template",
        "json-pointer" => "JSON pointer",
        "relative-json-pointer" => "relative JSON Pointer",
        "regex" => "regular expression",
        "date" => "date. Expected [yyyy-MM-dd]",
        "time" => {
            "time. Expected [HH:mm:ssZ, HH:mm:ss.[0-9]{1,9}Z, HH:mm:ss[+-]HH:mm, HH:mm:ss.[0-9]{1,9}[+-]HH:mm]"
        }
        "date-time" => {
            "date-time. Expected [yyyy-MM-dd'T'HH:mm:ssZ, yyyy-MM-dd'T'HH:mm:ss.[0-9]{1,9}Z, \
             yyyy-MM-dd'T'HH:mm:ss[+-]HH:mm, yyyy-MM-dd'T'HH:mm:ss.[0-9]{1,9}[+-]HH:mm]"
        }
        _ => return None,
    })
}

/// Numbers are compared by what they amount to.
fn equal(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(_), Value::Number(_)) => compare(one, other) == Ordering::Equal,
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| equal(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            let same =
                |(name, value): (&String, &Value)| other.get(name).is_some_and(|other| equal(value, other));
            one.len() == other.len() && one.iter().all(same)
        }
        (one, other) => one == other,
    }
}

fn compare(one: &Value, other: &Value) -> Ordering {
    let exact = || {
        let ((first, scale), (second, other_scale)) = (scaled(one)?, scaled(other)?);
        let common = scale.max(other_scale);
        let first = first.checked_mul(10_i128.checked_pow(common - scale)?)?;
        let second = second.checked_mul(10_i128.checked_pow(common - other_scale)?)?;
        Some(first.cmp(&second))
    };
    exact().unwrap_or_else(|| double(one).total_cmp(&double(other)))
}

fn double(value: &Value) -> f64 {
    value.as_f64().unwrap_or(f64::NAN)
}

/// A number as its digits and how many of them stand behind the point, where both are few.
fn scaled(value: &Value) -> Option<(i128, u32)> {
    let text = value.as_number()?.to_string();
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa.to_owned(), exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((&mantissa, ""));
    let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
    let scale = i32::try_from(fraction.len()).ok()?.checked_sub(exponent)?;
    if scale < 0 {
        let raised = digits.checked_mul(10_i128.checked_pow(scale.unsigned_abs())?)?;
        return Some((raised, 0));
    }
    Some((digits, scale.unsigned_abs()))
}

fn is_multiple(subject: &Value, of: &Value) -> bool {
    let exact = || {
        let ((one, scale), (other, other_scale)) = (scaled(subject)?, scaled(of)?);
        let common = scale.max(other_scale);
        let one = one.checked_mul(10_i128.checked_pow(common - scale)?)?;
        let other = other.checked_mul(10_i128.checked_pow(common - other_scale)?)?;
        Some(one.checked_rem(other)? == 0)
    };
    exact().unwrap_or_else(|| double(subject) % double(of) == 0.0)
}
