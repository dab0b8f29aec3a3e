//! A token, looked at, for a terminal.

use std::fmt::Write as _;

use console::measure_text_width;

use super::text::{grouped, padded, plain, short};
use crate::result::{Inspection, RefusalReport, Said, SignatureCheck, Verification};

/// Characters of a value that are shown in a row.
const VALUE: usize = 44;
/// Characters of a sentence.
const SENTENCE: usize = 600;

/// What a token says, what that means, and why it would be refused.
#[must_use]
pub fn inspection(inspection: &Inspection) -> String {
    let Inspection { header, claims, topics, refusals, .. } = inspection;
    let mut out = String::new();
    section(&mut out, "header", header.as_deref());
    section(&mut out, "claims", claims.as_deref());
    let bytes = u64::try_from(inspection.bytes).unwrap_or(u64::MAX);
    let client = inspection.client.as_deref().map_or("not told".to_owned(), |client| short(client, VALUE));
    // Writing to a string cannot fail.
    let _ = writeln!(out, "client     {client}");
    let topics = if topics.is_empty() { "no topic".to_owned() } else { topics.join(", ") };
    let _ = writeln!(out, "may write  {}", short(&topics, SENTENCE));
    let _ = writeln!(out, "signature  {}", signature(inspection.signature));
    let _ = writeln!(out, "size       {} bytes\n", grouped(bytes));
    out.push_str(&verdict(inspection));
    for refusal in refusals {
        let RefusalReport { status, about, reason } = refusal;
        let _ = writeln!(out, "  {status}  {}: {}", short(about, VALUE), short(reason, SENTENCE));
    }
    for note in notes(inspection) {
        let _ = writeln!(out, "  note: {note}");
    }
    out
}

/// By which key a token is signed, in a line.
#[must_use]
pub fn verification(verification: &Verification) -> String {
    let sentence = match verification {
        Verification::Good { kid: Some(kid), algorithm } => {
            format!("good: the key `{kid}` has signed it, by {algorithm}")
        }
        Verification::Good { kid: None, algorithm } => {
            format!("good: a key without a name has signed it, by {algorithm}")
        }
        Verification::Bad(reason) => format!("bad: {reason}"),
    };
    format!("{}\n", short(&sentence, SENTENCE))
}

fn section(out: &mut String, title: &str, members: Option<&[Said]>) {
    let Some(members) = members else {
        let _ = writeln!(out, "{title}     cannot be read\n");
        return;
    };
    let _ = writeln!(out, "{title}");
    let rows: Vec<(String, String)> =
        members.iter().map(|said| (short(&said.name, VALUE), short(&value(said), VALUE))).collect();
    let widest = |column: fn(&(String, String)) -> &String| {
        rows.iter().map(|row| measure_text_width(column(row))).max().unwrap_or_default()
    };
    let (names, values) = (widest(|row| &row.0), widest(|row| &row.1));
    for (said, (name, value)) in members.iter().zip(&rows) {
        let (name, value) = (padded(name, names), padded(value, values));
        let _ = writeln!(out, "  {name}  {value}  {}", short(&said.meaning, SENTENCE));
    }
    out.push('\n');
}

/// A value: text as it is, everything else as JSON.
fn value(said: &Said) -> String {
    said.value.as_str().map_or_else(|| said.value.to_string(), str::to_owned)
}

fn signature(check: SignatureCheck) -> &'static str {
    match check {
        SignatureCheck::NotChecked => "not checked; `--jwks FILE|URL` names the issuer's keys",
        SignatureCheck::NotCheckable => "cannot be checked, because of the token itself",
        SignatureCheck::Good => "good",
        SignatureCheck::Bad => "not good",
    }
}

fn verdict(inspection: &Inspection) -> String {
    let profile = plain(&inspection.profile);
    let at = plain(&inspection.at);
    match inspection.refusals.len() {
        0 => format!("would be ACCEPTED at {at}, by the profile `{profile}`\n"),
        1 => format!("would be REFUSED at {at}, by the profile `{profile}`\n"),
        count => format!("would be REFUSED at {at}, by the profile `{profile}`, for {count} reasons\n"),
    }
}

/// What was not held against anything.
fn notes(inspection: &Inspection) -> Vec<&'static str> {
    let mut notes = Vec::new();
    if inspection.signature == SignatureCheck::NotChecked {
        notes.push("the signature was not checked: nothing says that these claims are the issuer's");
    }
    if inspection.issuer.is_none() && inspection.claims.is_some() {
        notes.push("any issuer would do; `--issuer URL` names the right one");
    }
    if inspection.audience.is_none() && inspection.claims.is_some() {
        notes.push("any audience would do; `--audience NAME` names the right one");
    }
    notes
}
