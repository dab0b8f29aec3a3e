//! The phases of a workload, or its arrivals where it has no phases.

use std::time::Duration;

use super::arrivals::read_arrivals;
use crate::scenario::decode::{Fields, Item};
use crate::scenario::error::{Problems, quoted};
use crate::scenario::model::{Arrivals, Phase, Shape, Spacing};
use crate::scenario::quantity::format_duration;

/// The name of the only phase where the scenario names none.
const ONLY: &str = "main";

/// The most phases of a workload.
const MOST_PHASES: usize = 100;

/// Characters a phase's name may have.
const LONGEST_NAME: usize = 40;

const SHORTEST: Duration = Duration::from_millis(1);
/// The longest that requests may be due.
const LONGEST: Duration = Duration::from_hours(24);

/// What people may expect in a phase, and what there is instead.
const REFUSED: [(&str, &str); 3] = [
    ("duration", "the duration is called `for`: write `for: 10s`"),
    ("measured", "phases are measured, but for those that warm up: write `warmup: true`"),
    ("connections", "connections belong to the workload as a whole; write them beside `phases`"),
];

/// Reads `phases`, or else `arrivals` and `for`. Values that have been reported are filled with anything.
pub(super) fn read_phases(fields: &mut Fields<'_>, problems: &mut Problems) -> Vec<Phase> {
    let Some(list) = fields.optional("phases") else {
        return vec![read_timing(fields, ONLY.to_owned(), true, problems)];
    };
    for name in ["arrivals", "for"] {
        if let Some(item) = fields.optional(name) {
            let message = "cannot stand beside `phases`, each of which has its own";
            item.suggest(problems, message, "remove it, or `phases`");
        }
    }
    let Some(items) = list.list(problems) else { return Vec::new() };
    if !(1..=MOST_PHASES).contains(&items.len()) {
        let message = format!("must have 1 to {MOST_PHASES} phases, and has {}", items.len());
        let example =
            "write for instance `phases: [{ name: steady, arrivals: { constant: 400/s }, for: 30s }]`";
        list.suggest(problems, message, example);
        return Vec::new();
    }
    let before = problems.count();
    let mut phases: Vec<Phase> = Vec::new();
    for item in &items {
        phases.extend(read_phase(item, &phases, problems));
    }
    if problems.count() == before {
        check_together(&list, &items, &phases, problems);
    }
    phases
}

fn read_phase(item: &Item<'_>, others: &[Phase], problems: &mut Problems) -> Option<Phase> {
    let mut fields = item.fields(problems)?;
    let name_item = fields.required("name", "steady", problems);
    let name = name_item.as_ref().and_then(|item| read_name(item, others, problems));
    let warmup = fields.optional("warmup").and_then(|item| item.flag(problems)).unwrap_or(false);
    let phase = read_timing(&mut fields, name.unwrap_or_default(), !warmup, problems);
    fields.finish(&REFUSED, problems);
    Some(phase)
}

fn read_name(item: &Item<'_>, others: &[Phase], problems: &mut Problems) -> Option<String> {
    let name = item.name(problems)?;
    if name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
        item.fail(problems, format!("must be one line of at most {LONGEST_NAME} characters"));
    } else if others.iter().any(|other| other.name == name) {
        item.fail(problems, format!("the phase {} is named twice in this workload", quoted(name)));
    } else {
        return Some(name.to_owned());
    }
    None
}

/// Reads `arrivals` and `for`.
fn read_timing(fields: &mut Fields<'_>, name: String, measured: bool, problems: &mut Problems) -> Phase {
    let arrivals = fields.required("arrivals", "{ constant: 400/s }", problems);
    let duration = fields
        .required("for", "10s", problems)
        .and_then(|item| item.duration(&(SHORTEST..=LONGEST), problems));
    let arrivals = arrivals
        .and_then(|item| read_arrivals(&item, duration, problems))
        .unwrap_or(Arrivals::Open { shape: Shape::Constant(1.0), spacing: Spacing::Even });
    Phase { name, measured, arrivals, duration: duration.unwrap_or(SHORTEST) }
}

/// What the phases of a workload must be like together.
fn check_together(list: &Item<'_>, items: &[Item<'_>], phases: &[Phase], problems: &mut Problems) {
    let closed = |phase: &Phase| matches!(phase.arrivals, Arrivals::Closed { .. });
    if let [first, rest @ ..] = phases
        && let Some(other) = rest.iter().position(|phase| closed(phase) != closed(first))
    {
        let message = "the phases of a workload are all closed, or none is";
        items[other + 1].suggest(problems, message, "move it to a workload of its own");
    }
    if phases.iter().all(|phase| !phase.measured) {
        list.suggest(problems, "has no phase that is measured", "remove a `warmup: true`");
    }
    let total: Duration = phases.iter().map(|phase| phase.duration).sum();
    if total > LONGEST {
        let [total, longest] = [total, LONGEST].map(format_duration);
        list.fail(problems, format!("must last {longest} at most, and last {total} together"));
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{bare, workload};
    use super::*;

    fn phases(text: &str, sets: &[&str]) -> Result<Vec<Phase>, String> {
        let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
        bare(&format!("    payload: {{ file: r }}\n    phases: {text}\n"), &sets)
            .map(|workload| workload.phases)
    }

    #[track_caller]
    fn refused(text: &str, sets: &[&str], sentence: &str) {
        let error = phases(text, sets).expect_err(text);
        assert!(error.contains(sentence) && error.lines().count() == 1, "{text}: {error}");
    }

    fn constant(name: &str, measured: bool, rate: f64, seconds: u64) -> Phase {
        let arrivals = Arrivals::Open { shape: Shape::Constant(rate), spacing: Spacing::Even };
        Phase { name: name.into(), measured, arrivals, duration: Duration::from_secs(seconds) }
    }

    const TWO: &str = "[{ name: warm, warmup: true, arrivals: { constant: 1/s }, for: 5s }, \
        { name: steady, arrivals: { constant: 400/s }, for: 30s }]";

    #[test]
    fn a_workload_without_phases_has_one() {
        let read = |duration| workload("{ constant: 4/s }", duration, "    payload: { file: r }\n");
        assert_eq!(
            read("24h").map(|workload| workload.phases),
            Ok(vec![constant("main", true, 4.0, 86_400)])
        );
        for bad in ["0s", "24h1ms", "10", "forever"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn phases_are_read_in_sequence_and_can_be_set_by_name() {
        let [warm, steady] = [constant("warm", false, 1.0, 5), constant("steady", true, 400.0, 30)];
        assert_eq!(phases(TWO, &[]), Ok(vec![warm.clone(), steady]));
        for path in ["phases[steady]", "phases[1]", "phases.1"] {
            let set = format!("workload[0].{path}.arrivals.constant=800/s");
            let faster = constant("steady", true, 800.0, 30);
            assert_eq!(phases(TWO, &[&set]), Ok(vec![warm.clone(), faster]), "{path}");
        }
    }

    #[test]
    fn phases_must_fit_together() {
        refused("[]", &[], "phases: must have 1 to 100 phases, and has 0");
        refused(TWO, &["workload[0].phases[0].name=steady"], "the phase `steady` is named twice");
        refused(TWO, &["workload[0].phases[0].name="], "phases[0].name: is empty");
        refused(
            TWO,
            &["workload[0].phases[0].name=aaaaaaaaaabbbbbbbbbbccccccccccddddddddddd"],
            "one line of at most 40",
        );
        refused(TWO, &["workload[0].phases[0].warmup=yes"], "must be true or false");
        refused(TWO, &["workload[0].phases[1].warmup=true"], "phases: has no phase that is measured");
        refused(TWO, &["workload[0].phases[1].for=24h"], "must last 24h at most, and last 24h5s together");
        refused(TWO, &["workload[0].phases[1].measured=true"], "write `warmup: true`");
        let closed = "workload[0].phases[1].arrivals={closed: {workers: 2}}";
        refused(TWO, &[closed], "workload[0].phases[1]: the phases of a workload are all closed, or none is");
        assert!(phases(TWO, &[closed, "workload[0].phases[0].arrivals={closed: {workers: 1}}"]).is_ok());
        refused(TWO, &["workload[0].for=5s"], "for: cannot stand beside `phases`");
        refused(TWO, &["workload[0].arrivals.constant=5/s"], "arrivals: cannot stand beside `phases`");
        let late = "{spike: {base: 1/s, peak: 2/s, at: 4s, for: 2s}}";
        refused(TWO, &[&format!("workload[0].phases[0].arrivals={late}")], "these arrivals last 5s only");
    }
}
