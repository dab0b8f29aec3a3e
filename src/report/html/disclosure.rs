//! What was run, with what, and where: all that it takes to run it once more.

use maud::{Markup, html};

use super::table::facts;
use crate::result::{BoxReport, Machine, RunResult};
use crate::stats::{bytes_text, time_text};

pub(super) fn section(result: &RunResult) -> Markup {
    let scenario = &result.scenario;
    let mut rows = vec![
        ("scenario", html! { (scenario.name) }),
        ("hash of the effective scenario", html! { code { (scenario.hash) } }),
        ("seed", html! { (scenario.seed) }),
        ("run", html! { code { (result.run) } }),
        ("begun", html! { (result.started) }),
    ];
    if !scenario.sets.is_empty() {
        let sets = html! { @for set in &scenario.sets { div { code { "--set '" (set) "'" } } } };
        rows.push(("changed on the command line", sets));
    }
    for file in &scenario.payloads {
        rows.push(("payload (SHA-256)", html! { code { (file.path) } " " code { (file.sha256) } }));
    }
    for (name, version) in &result.versions {
        rows.push(("version", html! { (name) " " (version) }));
    }
    rows.extend(machine(&result.machine));
    html! {
        section #origin aria-labelledby="origin-h" {
            h2 id="origin-h" { "What was run, and where" }
            (boxes(&result.boxes))
            @if result.recovery.is_some() {
                p { "Version and machine are those of the recovery, not of the run." }
            }
            (facts("Disclosure", &rows))
            @for file in &scenario.files {
                details {
                    summary { "Scenario file " code { (file.path) } }
                    pre tabindex="0" { (file.text.replace("\r\n", "\n")) }
                }
            }
        }
    }
}

fn machine(machine: &Machine) -> Vec<(&'static str, Markup)> {
    vec![
        ("system", html! { (machine.system) ", " (machine.architecture) }),
        ("processors", html! { (machine.cpus) @if let Some(name) = &machine.processor { ", " (name) } }),
        (
            "memory",
            html! {
                @match machine.memory_bytes {
                    Some(bytes) => (bytes_text(bytes)),
                    None => "not known on this system",
                }
            },
        ),
    ]
}

fn boxes(boxes: &[BoxReport]) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Boxes of the path" {
            table {
                caption { "Boxes of the path" }
                thead {
                    tr {
                        th.text scope="col" { "box" } th.text scope="col" { "kind" } th.text scope="col" { "endpoint" }
                        th scope="col" { "took to start" }
                    }
                }
                tbody {
                    @for part in boxes {
                        tr {
                            th.text scope="row" { (part.name) }
                            td.text { (part.kind) }
                            td.text { @if let Some(endpoint) = &part.endpoint { code { (endpoint) } } @else { "–" } }
                            td { (time_text(part.start_us)) }
                        }
                    }
                }
            }
        }
    }
}
