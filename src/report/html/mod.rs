//! The report of a run as a page: verdict first, then what was found, then everything that it rests on.
//!
//! | file | what it shows |
//! |---|---|
//! | `page` | the page around it, with its style and script |
//! | `verdict` | verdict, reasons and key figures |
//! | `checks`, `findings` | rules with what was seen; what was found wrong, with evidence |
//! | `records`, `requests` | what became of them |
//! | `latency`, `load` | times by percentile and over time; rate, and what landfall itself did |
//! | `containers` | what containers used, and how they ended |
//! | `figure`, `table` | a chart with its figures; tables |
//! | `disclosure` | what was run, where |
//! | `comparison` | several results beside each other |

mod checks;
mod comparison;
mod containers;
mod disclosure;
mod figure;
mod findings;
mod latency;
mod load;
mod page;
mod records;
mod requests;
mod table;
mod verdict;

use maud::html;

use crate::result::RunResult;

pub use comparison::html_of;
pub(super) use page::Page;

/// The report as one self-contained page of HTML.
#[must_use]
pub fn html(result: &RunResult) -> String {
    let title = format!("{} · {} · landfall", result.verdict.as_str().to_uppercase(), result.scenario.name);
    let sections: Vec<(&str, &str)> = [
        ("verdict", "Verdict"),
        ("checks", "Checks"),
        ("findings", "Findings"),
        ("records", "Records"),
        ("requests", "Requests"),
        ("latency", "Latency"),
        ("load", "Load"),
        ("generator", "Generator"),
        ("containers", "Containers"),
        ("origin", "What was run"),
    ]
    .into_iter()
    .filter(|(id, _)| *id != "containers" || containers::are_there(result))
    .collect();
    let body = html! {
        (verdict::section(result))
        (checks::section(result))
        (findings::section(result))
        (records::section(result))
        (requests::section(result))
        (latency::section(result))
        (load::section(result))
        (load::generator(result))
        (containers::section(result))
        (disclosure::section(result))
    };
    Page { title: &title, sections: &sections, body }.render()
}
