//! The ledger: what became of every record.

use maud::{Markup, html};

use crate::report::chart::{Caption, Flow, flow};
use crate::report::text::grouped;
use crate::result::{Records, RunResult};

pub(super) fn section(result: &RunResult) -> Markup {
    let r = &result.records;
    let says = format!(
        "{} sent. {} acknowledged: {} landed, {} lost, {} unverifiable. {} refused: {} absent, {} leaked. \
         {} unknown: {} landed, {} absent.",
        r.sent,
        r.acked,
        r.landed,
        r.lost,
        r.unverifiable,
        r.refused,
        r.absent,
        r.leaked,
        r.unknown,
        r.unknown_landed,
        r.unknown_absent
    );
    let caption = Caption { id: "ledger", title: "Records by answer and by what was found", says: &says };
    html! {
        section #records aria-labelledby="records-h" {
            h2 id="records-h" { "Records" }
            figure {
                figcaption {
                    "From sent to found"
                    p {
                        "Each record has one place at the right. Lost and leaked ones speak against the path; what else may be wrong \
                         with those that were found stands in the table below."
                    }
                }
                (flow(caption, &ledger(result)))
            }
            (flags(r))
            p { "How absence was established: " (result.horizon.statement) "." }
            @if result.horizon.unattributed > 0 {
                p { (grouped(result.horizon.unattributed)) " records that were found have no owner: their workloads carry no identity." }
            }
            @if result.horizon.order_unchecked > 0 {
                p { "The order of " (grouped(result.horizon.order_unchecked)) " records was not checked: too many were out of order." }
            }
            @if let Some(recovery) = &result.recovery {
                p {
                    "This run was killed and recovered from its journal: up to " (grouped(recovery.unjournaled_requests))
                    " requests with " (grouped(recovery.unjournaled_records))
                    " records may have been sent of which nothing was written down; they count as unknown, and "
                    (grouped(recovery.unjournaled_landed)) " of them were found."
                }
            }
        }
    }
}

fn ledger(result: &RunResult) -> Flow<'static> {
    let r = &result.records;
    // Where not everything could be read, nobody looked everywhere.
    let looked = result.horizon.complete && result.horizon.compacted == 0;
    let absent = if looked { "absent, as it should be" } else { "not found in what could be read" };
    let end = |name, count, class| Flow { name, count, class, parts: Vec::new() };
    Flow {
        name: "sent",
        count: r.sent,
        class: "plain",
        parts: vec![
            Flow {
                name: "acknowledged",
                count: r.acked,
                class: "good",
                parts: vec![
                    end("landed", r.landed, "good"),
                    end("lost", r.lost, "bad"),
                    end("unverifiable", r.unverifiable, "doubt"),
                ],
            },
            Flow {
                name: "refused",
                count: r.refused,
                class: "plain",
                parts: vec![end(absent, r.absent, "plain"), end("leaked", r.leaked, "bad")],
            },
            Flow {
                name: "unknown",
                count: r.unknown,
                class: "doubt",
                parts: vec![
                    end("unknown, landed", r.unknown_landed, "doubt"),
                    end("unknown, absent", r.unknown_absent, "doubt"),
                ],
            },
        ],
    }
}

fn flags(r: &Records) -> Markup {
    let flags = [
        ("duplicated", r.duplicated, "found more than once"),
        (
            "… beyond attempts",
            r.duplicated_beyond_attempts,
            "more often than they were sent: the path made the copy",
        ),
        ("corrupted", r.corrupted, "found with other content"),
        ("misplaced", r.misplaced, "not where the answer said, or not where the request asked"),
        ("reordered", r.reordered, "before an earlier record of their key and partition"),
        ("rewritten", r.rewritten, "equal as JSON, with other bytes; fails nothing by itself"),
        (
            "unpositioned",
            r.unpositioned,
            "acknowledged without a position, so that nothing can be said of their place",
        ),
        ("foreign", r.foreign, "in the topics, and not of this run"),
    ];
    html! {
        div.scroll tabindex="0" role="region" aria-label="Flags" {
            table {
                caption { "Of the records that were found" }
                thead { tr { th.text scope="col" { "flag" } th scope="col" { "records" } th.text scope="col" { "means" } } }
                tbody {
                    @for (name, count, means) in flags {
                        tr { th.text scope="row" { (name) } td { (grouped(count)) } td.text { (means) } }
                    }
                }
            }
        }
    }
}
