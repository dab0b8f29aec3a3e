//! Requests by what became of them, and by the box that answered.

use maud::{Markup, html};

use super::table::share;
use crate::report::text::grouped;
use crate::result::{AnswerCount, RunResult};

pub(super) fn section(result: &RunResult) -> Markup {
    let q = &result.requests;
    let attempts = &result.attempts;
    html! {
        section #requests aria-labelledby="requests-h" {
            h2 id="requests-h" { "Requests" }
            p {
                (grouped(q.sent)) " sent: " (grouped(q.accepted)) " accepted, " (grouped(q.refused)) " refused, "
                (grouped(q.failed)) " failed, " (grouped(q.reset)) " reset, " (grouped(q.timed_out)) " timed out, "
                (grouped(q.malformed)) " malformed. " (grouped(q.wrongly_refused)) " were refused wrongly, "
                (grouped(q.wrongly_admitted)) " admitted wrongly."
            }
            @if attempts.retries > 0 && result.recovery.is_none() {
                p { "They took " (grouped(attempts.total)) " attempts, of which " (grouped(attempts.retries)) " are retries." }
            }
            @if !result.answers.is_empty() { (answers(&result.answers, q.sent)) }
        }
    }
}

fn answers(answers: &[AnswerCount], sent: u64) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Requests by answer" {
            table {
                caption { "By the answer to the last attempt, and the box that gave it, where the answer tells" }
                thead {
                    tr {
                        th.text scope="col" { "outcome" } th.text scope="col" { "answered by" } th scope="col" { "status" }
                        th scope="col" { "requests" } th.text scope="col" { "share" } th.text scope="col" { "the first was told" }
                    }
                }
                tbody {
                    @for answer in answers {
                        tr {
                            th.text scope="row" { (answer.outcome.replace('_', " ")) }
                            td.text { (answer.hop.as_deref().unwrap_or("–")) }
                            td { @match answer.status { Some(status) => (status), None => "–" } }
                            td { (grouped(answer.requests)) }
                            td.text { (share(answer.requests, sent)) }
                            td.text.long { @if let Some(said) = &answer.said { code { (said) } } }
                        }
                    }
                }
            }
        }
    }
}
