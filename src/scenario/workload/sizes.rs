//! How many records each request holds.

use crate::scenario::decode::Item;
use crate::scenario::error::{Problems, quoted};
use crate::scenario::model::RecordsPerRequest;

/// The most records of a request.
const MOST: u32 = 10_000;

/// The largest weight.
const HEAVIEST: u32 = 1_000_000;

/// What people may expect here, and what there is instead.
const REFUSED: [(&str, &str); 2] = [
    ("fixed", "write the number alone: `records_per_request: 10`"),
    ("constant", "write the number alone: `records_per_request: 10`"),
];

/// Reads a number of records, or a distribution of it.
pub(super) fn read_sizes(item: &Item<'_>, problems: &mut Problems) -> Option<RecordsPerRequest> {
    if !item.node.is_mapping() {
        return item.integer(&(1..=MOST), problems).map(RecordsPerRequest::Fixed);
    }
    let mut fields = item.fields(problems)?;
    let names = ["uniform", "poisson", "weighted"];
    let said: Vec<(&str, Item<'_>)> =
        names.into_iter().filter_map(|name| Some((name, fields.optional(name)?))).collect();
    fields.finish(&REFUSED, problems);
    match said.as_slice() {
        [("uniform", value)] => read_uniform(value, problems),
        [("poisson", value)] => {
            let mean = value.number(&(0.01..=f64::from(MOST)), problems)?;
            Some(RecordsPerRequest::Poisson { mean })
        }
        [(_, value)] => read_weighted(value, problems),
        [] => {
            let example = "write for instance `records_per_request: 10` or `{ uniform: [1, 20] }`";
            item.suggest(problems, "does not say how many records a request has", example);
            None
        }
        [(first, _), (_, second), ..] => {
            let message = format!("cannot stand beside {}", quoted(first));
            second.suggest(problems, message, "remove one of the two");
            None
        }
    }
}

fn read_uniform(item: &Item<'_>, problems: &mut Problems) -> Option<RecordsPerRequest> {
    const EXAMPLE: &str = "write for instance `uniform: [1, 20]`";
    let items = item.list(problems)?;
    let [from, to] = items.as_slice() else {
        let message = format!("must be the least and the most, and has {} items", items.len());
        item.suggest(problems, message, EXAMPLE);
        return None;
    };
    let mut read = |item: &Item<'_>| item.integer(&(1..=MOST), problems);
    let (from, to) = (read(from), read(to));
    let (from, to) = (from?, to?);
    if from > to {
        item.suggest(problems, format!("must go up, and goes from {from} to {to}"), EXAMPLE);
        return None;
    }
    Some(RecordsPerRequest::Uniform { from, to })
}

fn read_weighted(item: &Item<'_>, problems: &mut Problems) -> Option<RecordsPerRequest> {
    const EXAMPLE: &str =
        "write numbers with their weights, for instance `weighted: { 1: 70, 10: 25, 100: 5 }`";
    let fields = item.fields(problems)?;
    let before = problems.count();
    let mut sizes: Vec<(u32, u32)> = Vec::new();
    for (entry, item) in fields.all().into_iter().filter(|(entry, _)| !entry.value.is_null()) {
        let digits = entry.key.bytes().all(|b| b.is_ascii_digit());
        let size = entry.key.parse::<u32>().ok().filter(|size| digits && (1..=MOST).contains(size));
        let weight = item.integer(&(1..=HEAVIEST), problems);
        match (size, weight) {
            (None, _) => {
                let message = format!("is no number of records from 1 to {MOST}");
                problems.suggest(&entry.key_at, &item.path, message, EXAMPLE);
            }
            (Some(size), _) if sizes.iter().any(|(other, _)| *other == size) => {
                problems.add(&entry.key_at, &item.path, format!("the number {size} stands here twice"));
            }
            (Some(size), Some(weight)) => sizes.push((size, weight)),
            (Some(_), None) => {}
        }
    }
    if problems.count() > before {
        return None;
    }
    if sizes.is_empty() {
        item.suggest(problems, "has no numbers", EXAMPLE);
        return None;
    }
    Some(RecordsPerRequest::Weighted(sizes))
}

#[cfg(test)]
mod tests {
    use super::super::tests::with;
    use super::*;

    fn sizes(text: &str) -> Result<RecordsPerRequest, String> {
        with(&format!("    records_per_request: {text}\n")).map(|workload| workload.records_per_request)
    }

    #[test]
    fn a_number_or_a_distribution() {
        use RecordsPerRequest::{Fixed, Poisson, Uniform, Weighted};
        for (text, expected, several) in [
            ("null", Fixed(1), false),
            ("10", Fixed(10), true),
            ("{ uniform: [1, 20] }", Uniform { from: 1, to: 20 }, true),
            ("{ uniform: [1, 1] }", Uniform { from: 1, to: 1 }, false),
            ("{ poisson: 5 }", Poisson { mean: 5.0 }, true),
            ("{ poisson: 0.5 }", Poisson { mean: 0.5 }, true),
            ("{ weighted: { 1: 70, 10: 25, '100': 5 } }", Weighted(vec![(1, 70), (10, 25), (100, 5)]), true),
            ("{ weighted: { 1: 70, 10: null } }", Weighted(vec![(1, 70)]), false),
        ] {
            assert_eq!(expected.may_be_several(), several, "{text}");
            assert_eq!(sizes(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_neither_says_why() {
        for (text, sentence) in [
            ("0", "must be a whole number from 1 to 10000, and is 0"),
            ("[1, 2]", "must be a whole number from 1 to 10000, and is a list"),
            ("{}", "does not say how many"),
            ("{ fixed: 3 }", "write the number alone"),
            ("{ poisson: 5, uniform: [1, 2] }", "poisson: cannot stand beside `uniform`"),
            ("{ uniform: 3 }", "uniform: must be a list"),
            ("{ uniform: [3] }", "has 1 items"),
            ("{ uniform: [3, 2] }", "must go up, and goes from 3 to 2"),
            ("{ uniform: [0, 2] }", "uniform[0]: must be a whole number"),
            ("{ uniform: [1, 10001] }", "uniform[1]: must be a whole number"),
            ("{ poisson: 0 }", "poisson: must be a number from 0.01 to 10000, and is 0"),
            ("{ poisson: 10001 }", "must be a number from 0.01 to 10000"),
            ("{ poisson: .nan }", "must be a number from 0.01 to 10000, and is no finite number"),
            ("{ weighted: {} }", "weighted: has no numbers"),
            ("{ weighted: { one: 1 } }", "weighted.one: is no number of records from 1 to 10000"),
            ("{ weighted: { 0: 1 } }", "weighted.0: is no number of records"),
            ("{ weighted: { +1: 1 } }", "is no number of records"),
            ("{ weighted: { 10001: 1 } }", "is no number of records"),
            ("{ weighted: { 1: 1, 01: 1 } }", "weighted.01: the number 1 stands here twice"),
            ("{ weighted: { 1: 0 } }", "weighted.1: must be a whole number from 1 to 1000000"),
            ("{ weighted: { 1: 70% } }", "weighted.1: must be a whole number"),
        ] {
            let error = sizes(text).expect_err(text);
            assert!(error.contains(sentence), "{text}: {error}");
        }
    }
}
