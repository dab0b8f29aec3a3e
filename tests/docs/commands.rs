//! A page for each command, made from the command line itself.

use clap::{Arg, ArgAction, Command};

use crate::markdown::{add, code, heading, row};
use crate::{keep, made_from};

fn help(text: Option<&clap::builder::StyledStr>) -> String {
    text.map(ToString::to_string).unwrap_or_default()
}

fn signature(arg: &Arg) -> String {
    let value = arg.get_value_names().and_then(|names| names.first()).map(|name| format!("<{name}>"));
    let takes = matches!(arg.get_action(), ArgAction::Set | ArgAction::Append);
    match (arg.get_long(), value.filter(|_| takes)) {
        (Some(long), Some(value)) => format!("--{long} {value}"),
        (Some(long), None) => format!("--{long}"),
        (None, value) => value.unwrap_or_default(),
    }
}

fn meaning(arg: &Arg) -> String {
    let mut meaning = help(arg.get_help());
    let values = arg.get_possible_values();
    if !values.is_empty() && matches!(arg.get_action(), ArgAction::Set | ArgAction::Append) {
        let values = values.iter().map(|value| match value.get_help() {
            Some(about) => format!("{}: {about}", code(value.get_name())),
            None => code(value.get_name()),
        });
        add(&mut meaning, &format!(". Possible: {}", values.collect::<Vec<_>>().join("; ")));
    }
    meaning
}

fn arguments<'a>(page: &mut String, level: usize, title: &str, args: impl Iterator<Item = &'a Arg>) {
    let args: Vec<&Arg> = args.filter(|arg| !arg.is_hide_set() && arg.get_id() != "help").collect();
    if args.is_empty() {
        return;
    }
    let mark = "#".repeat(level);
    add(page, &format!("\n{mark} {title}\n\n{}", heading(&["", "default", "meaning"])));
    for arg in args {
        let defaults: Vec<String> =
            arg.get_default_values().iter().map(|value| code(&value.to_string_lossy())).collect();
        let takes = matches!(arg.get_action(), ArgAction::Set | ArgAction::Append);
        let default = if arg.is_required_set() { "required".to_owned() } else { defaults.join(", ") };
        let default = if takes { default } else { String::new() };
        page.push_str(&row(&[&code(&signature(arg)), &default, &meaning(arg)]));
    }
}

/// The command and those below it, under a heading of this level.
fn describe(command: &mut Command, level: usize, page: &mut String) {
    let name = command.get_bin_name().unwrap_or_else(|| command.get_name()).to_owned();
    let usage = command.render_usage().to_string();
    let usage = usage.trim_start_matches("Usage:").trim();
    let about = help(command.get_about());
    let mark = "#".repeat(level);
    add(page, &format!("{mark} {name}\n\n{}.\n\n```text\n{usage}\n```\n", about.trim_end_matches('.')));
    arguments(page, level + 1, "Arguments", command.get_positionals());
    let options = || command.get_arguments().filter(|arg| !arg.is_positional());
    let mut titles: Vec<&str> = Vec::new();
    for title in options().map(title) {
        if !titles.contains(&title) {
            titles.push(title);
        }
    }
    // Those with a heading of their own come last, as in the terminal.
    titles.sort_by_key(|title| *title != OPTIONS);
    for wanted in titles {
        arguments(page, level + 1, wanted, options().filter(|arg| title(arg) == wanted));
    }
    if let Some(more) = command.get_after_help() {
        add(page, &format!("\n{}\n", more.to_string().replace('\n', " ")));
    }
    for below in command.get_subcommands_mut().filter(|below| below.get_name() != "help") {
        page.push('\n');
        describe(below, level + 1, page);
    }
}

const OPTIONS: &str = "Options";

fn title(arg: &Arg) -> &str {
    arg.get_help_heading().unwrap_or(OPTIONS)
}

#[test]
fn the_pages_of_commands_are_made_from_the_command_line() {
    let mut landfall = landfall::cli::command();
    landfall.build();
    let mut overview = format!(
        "{}# Commands\n\n{}.\n\n{}",
        made_from("the command line"),
        help(landfall.get_about()).trim_end_matches('.'),
        heading(&["command", "what it does"])
    );
    let codes = help(landfall.get_after_help());
    for command in landfall.get_subcommands_mut().filter(|command| command.get_name() != "help") {
        let name = command.get_name().to_owned();
        overview.push_str(&row(&[&format!("[landfall {name}]({name}.md)"), &help(command.get_about())]));
        let mut page = made_from("the command line");
        describe(command, 1, &mut page);
        keep(&format!("docs/src/commands/{name}.md"), &page);
    }
    add(&mut overview, &format!("\n{}\n", codes.replace('\n', " ")));
    overview.push_str("\n`landfall COMMAND --help` says the same in the terminal.\n");
    keep("docs/src/commands/index.md", &overview);
}
