//! Definitions as Confluent's `ProtobufSchemaUtils` prints them: without comments, messages before enums, two spaces a level.

use std::fmt::Write as _;

use protox::prost_reflect::prost_types::field_descriptor_proto::{Label, Type};
use protox::prost_reflect::prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto, MessageOptions,
    MethodDescriptorProto, ServiceDescriptorProto, UninterpretedOption,
};

/// The path of `syntax` in a file's descriptor.
const SYNTAX: i32 = 12;

/// The text of a file as it was parsed, before its options and names were resolved.
pub(super) fn print(file: &FileDescriptorProto) -> String {
    let mut out = String::new();
    let is_said = file.source_code_info.iter().flat_map(|info| &info.location).any(|at| at.path == [SYNTAX]);
    let syntax = file.syntax.as_deref().or(is_said.then_some("proto2"));
    let is_proto3 = syntax == Some("proto3");
    if let Some(syntax) = syntax {
        let _ = writeln!(out, "syntax = \"{syntax}\";");
    }
    if let Some(package) = &file.package {
        let _ = writeln!(out, "package {package};");
    }
    if !file.dependency.is_empty() {
        out.push('\n');
        let is_public =
            |index: usize| file.public_dependency.iter().any(|at| usize::try_from(*at) == Ok(index));
        for (public, word) in [(false, ""), (true, "public ")] {
            let some = file.dependency.iter().enumerate().filter(|(index, _)| is_public(*index) == public);
            for (_, name) in some {
                let _ = writeln!(out, "import {word}\"{name}\";");
            }
        }
    }
    let options = file.options.as_ref().map_or(&[][..], |options| &options.uninterpreted_option);
    statements(options, true, &mut out);
    if !file.message_type.is_empty() || !file.enum_type.is_empty() {
        out.push('\n');
    }
    for message in &file.message_type {
        out.push_str(&self::message(message, is_proto3));
    }
    for enumeration in &file.enum_type {
        out.push_str(&self::enumeration(enumeration));
    }
    let extends = extends(&file.extension, is_proto3);
    if !extends.is_empty() {
        out.push('\n');
        out.push_str(&extends);
    }
    if !file.service.is_empty() {
        out.push('\n');
    }
    for service in &file.service {
        out.push_str(&self::service(service));
    }
    out
}

fn indented(text: &str, out: &mut String) {
    for line in text.trim_end_matches('\n').split('\n') {
        let _ = writeln!(out, "  {line}");
    }
}

/// Options, each a statement; within something they are indented.
fn statements(options: &[UninterpretedOption], outermost: bool, out: &mut String) {
    if !options.is_empty() && outermost {
        out.push('\n');
    }
    for option in options {
        let statement = format!("option {};\n", self::option(option));
        if outermost {
            out.push_str(&statement);
        } else {
            indented(&statement, out);
        }
    }
}

fn message(message: &DescriptorProto, is_proto3: bool) -> String {
    let mut out = format!("message {} {{", message.name());
    let begin = |out: &mut String| out.push('\n');
    if !message.reserved_range.is_empty() || !message.reserved_name.is_empty() {
        begin(&mut out);
        let ranges: Vec<String> = message
            .reserved_range
            .iter()
            .map(|range| match (range.start(), range.end() - 1) {
                (start, end) if start == end => start.to_string(),
                (start, end) => format!("{start} to {end}"),
            })
            .collect();
        let names: Vec<String> = message.reserved_name.iter().map(|name| format!("\"{name}\"")).collect();
        for list in [ranges, names] {
            if !list.is_empty() {
                indented(&format!("reserved {};", list.join(", ")), &mut out);
            }
        }
    }
    let options = message.options.as_ref().map_or(&[][..], |options| &options.uninterpreted_option);
    if !options.is_empty() {
        begin(&mut out);
        statements(options, false, &mut out);
    }
    let print = |field: &FieldDescriptorProto| self::field(field, message, is_proto3);
    let in_oneof = |field: &FieldDescriptorProto| {
        field.oneof_index.filter(|_| !field.proto3_optional()).and_then(|index| usize::try_from(index).ok())
    };
    let plain: Vec<_> = message.field.iter().filter(|field| in_oneof(field).is_none()).collect();
    if !plain.is_empty() {
        begin(&mut out);
        for field in plain {
            indented(&print(field), &mut out);
        }
    }
    let mut oneofs = String::new();
    for (index, oneof) in message.oneof_decl.iter().enumerate() {
        let fields: Vec<_> = message.field.iter().filter(|field| in_oneof(field) == Some(index)).collect();
        if fields.is_empty() {
            // Made for an optional field.
            continue;
        }
        let mut text = format!("oneof {} {{\n", oneof.name());
        let options = oneof.options.as_ref().map_or(&[][..], |options| &options.uninterpreted_option);
        if !options.is_empty() {
            statements(options, false, &mut text);
            text.push('\n');
        }
        for field in fields {
            indented(&print(field), &mut text);
        }
        text.push_str("}\n");
        indented(&text, &mut oneofs);
    }
    if !oneofs.is_empty() {
        begin(&mut out);
        out.push_str(&oneofs);
    }
    if !message.extension_range.is_empty() {
        begin(&mut out);
        for range in &message.extension_range {
            indented(&format!("extensions {} to {};", range.start(), range.end() - 1), &mut out);
        }
    }
    let is_entry =
        |nested: &&DescriptorProto| !nested.options.as_ref().is_some_and(MessageOptions::map_entry);
    let nested: Vec<&DescriptorProto> = message.nested_type.iter().filter(is_entry).collect();
    if !nested.is_empty() || !message.enum_type.is_empty() {
        begin(&mut out);
    }
    for nested in nested {
        indented(&self::message(nested, is_proto3), &mut out);
    }
    for nested in &message.enum_type {
        indented(&enumeration(nested), &mut out);
    }
    let extends = extends(&message.extension, is_proto3);
    if !extends.is_empty() {
        begin(&mut out);
        indented(&extends, &mut out);
    }
    out.push_str("}\n");
    out
}

/// Extensions, of which those of one message that stand together are in one block.
fn extends(extensions: &[FieldDescriptorProto], is_proto3: bool) -> String {
    let mut out = String::new();
    for block in extensions.chunk_by(|one, other| one.extendee == other.extendee) {
        let _ = writeln!(out, "extend {} {{", block.first().map_or("", |field| field.extendee()));
        for field in block {
            indented(&self::field(field, &DescriptorProto::default(), is_proto3), &mut out);
        }
        out.push_str("}\n");
    }
    out
}

fn field(field: &FieldDescriptorProto, of: &DescriptorProto, is_proto3: bool) -> String {
    let entry = of.nested_type.iter().find(|nested| {
        nested.options.as_ref().is_some_and(MessageOptions::map_entry)
            && field.type_name().rsplit('.').next() == Some(nested.name())
    });
    let label = match (field.label(), entry) {
        (_, Some(_)) => "",
        (Label::Repeated, _) => "repeated ",
        (Label::Required, _) => "required ",
        (Label::Optional, _) if field.proto3_optional() => "optional ",
        (Label::Optional, _) if !is_proto3 && field.oneof_index.is_none() => "optional ",
        (Label::Optional, _) => "",
    };
    let kind = match entry {
        Some(entry) => {
            let kinds: Vec<&str> = entry.field.iter().map(kind).collect();
            format!("map<{}>", kinds.join(", "))
        }
        None => kind(field).to_owned(),
    };
    let options = field.options.as_ref().map_or(&[][..], |options| &options.uninterpreted_option);
    let mut all: Vec<String> = options.iter().map(option).collect();
    if let Some(default) = &field.default_value {
        all.push(match field.r#type.map(|_| field.r#type()) {
            Some(Type::String) => format!("default = \"{}\"", escaped(default)),
            _ => format!("default = {default}"),
        });
    }
    if let Some(name) = field.json_name.as_deref().filter(|name| *name != camel_case(field.name())) {
        all.push(format!("json_name = \"{}\"", escaped(name)));
    }
    format!("{label}{kind} {} = {}{};\n", field.name(), field.number(), bracketed(&all))
}

/// The name of a field in JSON, where nobody says another.
fn camel_case(name: &str) -> String {
    let mut out = String::new();
    let mut upper = false;
    for c in name.chars() {
        if c == '_' {
            upper = true;
        } else if std::mem::take(&mut upper) {
            out.push(c.to_ascii_uppercase());
        } else {
            out.push(c);
        }
    }
    out
}

fn kind(field: &FieldDescriptorProto) -> &str {
    if field.type_name.is_some() {
        return field.type_name();
    }
    match field.r#type() {
        Type::Double => "double",
        Type::Float => "float",
        Type::Int64 => "int64",
        Type::Uint64 => "uint64",
        Type::Int32 => "int32",
        Type::Fixed64 => "fixed64",
        Type::Fixed32 => "fixed32",
        Type::Bool => "bool",
        Type::String => "string",
        Type::Bytes => "bytes",
        Type::Uint32 => "uint32",
        Type::Sfixed32 => "sfixed32",
        Type::Sfixed64 => "sfixed64",
        Type::Sint32 => "sint32",
        Type::Sint64 => "sint64",
        Type::Group | Type::Message | Type::Enum => "",
    }
}

fn bracketed(options: &[String]) -> String {
    match options {
        [] => String::new(),
        [one] => format!(" [{one}]"),
        more => {
            let mut out = " [\n".to_owned();
            indented(&more.join(",\n"), &mut out);
            out.push(']');
            out
        }
    }
}

fn enumeration(enumeration: &EnumDescriptorProto) -> String {
    let mut out = format!("enum {} {{\n", enumeration.name());
    let ranges: Vec<String> = enumeration
        .reserved_range
        .iter()
        .map(|range| match (range.start(), range.end()) {
            (start, end) if start == end => start.to_string(),
            (start, i32::MAX) => format!("{start} to max"),
            (start, end) => format!("{start} to {end}"),
        })
        .collect();
    let names: Vec<String> = enumeration.reserved_name.iter().map(|name| format!("\"{name}\"")).collect();
    for list in [&ranges, &names] {
        if !list.is_empty() {
            indented(&format!("reserved {};", list.join(", ")), &mut out);
        }
    }
    if !ranges.is_empty() || !names.is_empty() {
        out.push('\n');
    }
    let options = enumeration.options.as_ref().map_or(&[][..], |options| &options.uninterpreted_option);
    statements(options, false, &mut out);
    for value in &enumeration.value {
        let options = value.options.as_ref().map_or(&[][..], |options| &options.uninterpreted_option);
        let options: Vec<String> = options.iter().map(option).collect();
        indented(&format!("{} = {}{};", value.name(), value.number(), bracketed(&options)), &mut out);
    }
    out.push_str("}\n");
    out
}

fn service(service: &ServiceDescriptorProto) -> String {
    let mut out = format!("service {} {{", service.name());
    let options = service.options.as_ref().map_or(&[][..], |options| &options.uninterpreted_option);
    if !options.is_empty() {
        out.push('\n');
        statements(options, false, &mut out);
    }
    if !service.method.is_empty() {
        out.push('\n');
    }
    for method in &service.method {
        indented(&self::method(method), &mut out);
    }
    out.push_str("}\n");
    out
}

fn method(method: &MethodDescriptorProto) -> String {
    let stream = |is: bool| if is { "stream " } else { "" };
    let mut out = format!(
        "rpc {} ({}{}) returns ({}{})",
        method.name(),
        stream(method.client_streaming()),
        method.input_type(),
        stream(method.server_streaming()),
        method.output_type()
    );
    let options = method.options.as_ref().map_or(&[][..], |options| &options.uninterpreted_option);
    if !options.is_empty() {
        out.push_str(" {\n");
        statements(options, false, &mut out);
        out.push('}');
    }
    out.push_str(";\n");
    out
}

fn option(option: &UninterpretedOption) -> String {
    let names: Vec<String> = option
        .name
        .iter()
        .map(|part| if part.is_extension { format!("({})", part.name_part) } else { part.name_part.clone() })
        .collect();
    let value = if let Some(name) = &option.identifier_value {
        name.clone()
    } else if let Some(number) = option.positive_int_value {
        number.to_string()
    } else if let Some(number) = option.negative_int_value {
        number.to_string()
    } else if let Some(number) = option.double_value {
        number.to_string()
    } else if let Some(text) = &option.string_value {
        format!("\"{}\"", escaped(&String::from_utf8_lossy(text)))
    } else {
        let mut value = "{\n".to_owned();
        indented(option.aggregate_value(), &mut value);
        value.push('}');
        value
    };
    format!("{} = {value}", names.join("."))
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{b}' => out.push_str("\\v"),
            '\\' | '\'' | '"' => out.extend(['\\', c]),
            other => out.push(other),
        }
    }
    out
}
