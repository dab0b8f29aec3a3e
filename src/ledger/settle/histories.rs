//! Random histories of a run, settled by the ledger and by the definitions of DESIGN themselves, which look at everything
//! at once.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::ledger::Quotes;
use crate::ledger::{Bounds, Run, Store, StreamTerms, Unmatched};
use crate::record::{
    Catalogue, End, Expected, Feed, Format, IdentityPlace, Key, Landed, NEVER, RecordAnswer, RequestId,
    RunId, TopicPartition, UNANSWERED,
};
use proptest::prelude::*;

/// Records that there are at most.
const RECORDS: u64 = 24;

#[derive(Debug, Clone)]
struct Attempt {
    sent: Sent,
    answered_us: u64,
    end: End,
    answers: Vec<RecordAnswer>,
}

impl Attempt {
    fn tell(&self, to: &mut dyn FnMut(&Sent, &Answer<'_>)) {
        let Self { sent, answered_us, end, answers } = self;
        to(sent, &Answer { answered_us: *answered_us, end: *end, note: None, answers });
    }
}

/// What happened: attempts, and which record stands at each offset of each partition.
#[derive(Debug, Clone)]
struct History {
    attempts: Vec<Attempt>,
    topics: [Vec<u64>; 2],
    /// In which order they are told: an attempt, or the next record of a partition.
    told: Vec<Event>,
}

#[derive(Debug, Clone, Copy)]
enum Event {
    Attempt(usize),
    Read(usize),
}

/// A store in memory.
#[derive(Debug, Default)]
struct Runs(Vec<Vec<u8>>);

impl Store for Runs {
    fn keep(&mut self, run: Vec<Unmatched>) -> Result<(), Vec<Unmatched>> {
        assert!(run.is_sorted());
        self.0.push(Unmatched::encode(&run));
        Ok(())
    }

    fn runs(&mut self) -> Vec<Run<'_>> {
        let decoded = |run: &Vec<u8>| Unmatched::decode(run).unwrap().into_iter().map(Ok);
        self.0.iter().map(|run| Box::new(decoded(run)) as Run<'_>).collect()
    }

    fn clear(&mut self) {
        self.0.clear();
    }
}

/// What a path makes of a request.
#[derive(Debug, Clone)]
struct Plan {
    records: u64,
    /// Of each record: how many copies land and in which partitions, and what the answer says of it.
    fates: Vec<(Vec<usize>, Said)>,
    /// How often it is tried again after an answer that leaves all open.
    retries: u32,
    starts: u64,
    takes: u64,
    expect: Expected,
}

#[derive(Debug, Clone, Copy)]
enum Said {
    Truth,
    Off(i64),
    Nowhere,
    Refused,
    Unknown,
}

fn plan() -> impl Strategy<Value = Plan> {
    let said = prop_oneof![
        8 => Just(Said::Truth), 1 => (-1..3_i64).prop_map(Said::Off), 1 => Just(Said::Nowhere),
        1 => Just(Said::Refused), 1 => Just(Said::Unknown),
    ];
    let copies = prop_oneof![
        8 => (0..2_usize).prop_map(|partition| vec![partition]), 1 => Just(vec![]),
        1 => prop::collection::vec(0..2_usize, 2..4),
    ];
    let expect = prop_oneof![3 => Just(Expected::Accept), 1 => Just(Expected::Refuse)];
    (
        prop::collection::vec((copies, said), 1..5),
        prop_oneof![4 => Just(0_u32), 1 => 1..3_u32],
        0..60_u64,
        1..20_u64,
        expect,
    )
        .prop_map(|(fates, retries, starts, takes, expect)| Plan {
            records: fates.len() as u64,
            fates,
            retries,
            starts,
            takes,
            expect,
        })
}

fn history() -> impl Strategy<Value = History> {
    (prop::collection::vec(plan(), 1..9), any::<u64>()).prop_map(|(plans, seed)| make(&plans, seed))
}

/// Plays the plans through. Everything that is drawn is drawn from `seed`.
fn make(plans: &[Plan], mut seed: u64) -> History {
    let mut draw = |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(seed >> 33).unwrap() % below
    };
    // Copies land in the order of their requests, but for some that trade places.
    let mut topics: [Vec<u64>; 2] = Default::default();
    let mut first = 0;
    for plan in plans {
        for (index, (copies, _)) in (0..).zip(&plan.fates) {
            for partition in copies {
                topics[*partition].push(first + index);
            }
        }
        first += plan.records;
    }
    assert!(first <= RECORDS + 8);
    for partition in &mut topics {
        for _ in 0..draw(4) {
            if partition.len() > 1 {
                let (a, b) = (draw(partition.len()), draw(partition.len()));
                partition.swap(a, b);
            }
        }
    }
    let mut attempts = Vec::new();
    let mut first_sequence = 0;
    for (index, plan) in (0..).zip(plans) {
        let mut written_us = plan.starts;
        for attempt in 1..=plan.retries + 1 {
            let again = attempt <= plan.retries;
            // Before the last answer, some records may be acked already.
            let answers = (0..).zip(&plan.fates).map(|(index, (_, said))| {
                let open = again && (draw(2) == 0 || !matches!(said, Said::Truth));
                if open { RecordAnswer::Unknown } else { answer(&topics, first_sequence + index, *said) }
            });
            let answers = answers.collect();
            let answered_us = written_us + plan.takes;
            attempts.push(Attempt {
                sent: Sent {
                    request: RequestId { producer: 0, index },
                    attempt,
                    first_sequence,
                    records: u32::try_from(plan.records).unwrap(),
                    written_us,
                    expect: plan.expect,
                    token_expires_us: NEVER,
                    again,
                },
                answered_us,
                end: if again { End::TimedOut } else { End::Status(200) },
                answers,
            });
            written_us = answered_us + 1;
        }
        first_sequence += plan.records;
    }
    let mut left = [topics[0].len(), topics[1].len()];
    let mut next = 0;
    let mut told = Vec::new();
    while next < attempts.len() || left != [0, 0] {
        match draw(3) {
            2 if next < attempts.len() => {
                told.push(Event::Attempt(next));
                next += 1;
            }
            partition @ 0..2 if left[partition] > 0 => {
                told.push(Event::Read(partition));
                left[partition] -= 1;
            }
            _ => {}
        }
    }
    History { attempts, topics, told }
}

/// What an answer says of a record, whose first copy is meant.
fn answer(topics: &[Vec<u64>; 2], sequence: u64, said: Said) -> RecordAnswer {
    let stands = (0..2).find_map(|partition| {
        let offset = topics[partition].iter().position(|found| *found == sequence)?;
        Some((i32::try_from(partition).unwrap(), i64::try_from(offset).unwrap()))
    });
    let (partition, offset) = stands.unwrap_or((0, 7));
    match said {
        Said::Truth => RecordAnswer::Acked { partition: Some(partition), offset: Some(offset) },
        Said::Off(by) => {
            RecordAnswer::Acked { partition: Some(partition), offset: Some((offset + by).max(0)) }
        }
        Said::Nowhere => RecordAnswer::Acked { partition: Some(partition), offset: None },
        Said::Refused => RecordAnswer::Refused,
        Said::Unknown => RecordAnswer::Unknown,
    }
}

fn catalogue() -> Catalogue {
    // Three keys, one of them null.
    let feed = Feed::parse(b"{\"k\":\"a\"}\n{\"k\":\"b\"}\n{\"k\":null}").unwrap();
    let place = IdentityPlace::Member("_landfall".into());
    let stream =
        crate::record::Stream::new(0, Format::Json, place, Some(Key::Pointer("/k".into())), &feed).unwrap();
    Catalogue::new(RunId::new("r").unwrap(), 0, vec![stream])
}

fn empty(catalogue: &Catalogue, bounds: Bounds) -> Ledger {
    let terms = vec![StreamTerms { partition: None }];
    let store: Option<Box<dyn Store>> = Some(Box::new(Runs::default()));
    Ledger::new(catalogue.clone(), vec!["t".into()], terms, Quotes::default(), bounds, store)
}

fn settle(history: &History, bounds: Bounds) -> Settlement {
    settle_in_parts(history, bounds, &[], &[])
}

/// The history, told to several ledgers and settled by their sum: of each request, `sent_by` says who has sent it, of each
/// partition and stretch of three offsets `read_by` says who has read it.
fn settle_in_parts(history: &History, bounds: Bounds, sent_by: &[usize], read_by: &[usize]) -> Settlement {
    let catalogue = catalogue();
    let parts = sent_by.iter().chain(read_by).max().map_or(1, |last| last + 1);
    let mut ledgers: Vec<Ledger> = (0..parts).map(|_| empty(&catalogue, bounds)).collect();
    let of = |by: &[usize], number: usize| by.get(number % by.len().max(1)).copied().unwrap_or(0);
    let mut read = [0, 0];
    for event in &history.told {
        match event {
            Event::Attempt(index) => {
                let attempt = &history.attempts[*index];
                let part = of(sent_by, usize::try_from(attempt.sent.request.index).unwrap());
                attempt.tell(&mut |sent, answer| ledgers[part].attempt(sent, answer, &mut |_| {}));
            }
            Event::Read(partition) => {
                let sequence = history.topics[*partition][read[*partition]];
                let content = catalogue.content(RecordId { producer: 0, sequence }).unwrap();
                let landed = Landed {
                    at: at(*partition),
                    offset: i64::try_from(read[*partition]).unwrap(),
                    key: content.key.map(Into::into),
                    value: content.value.map(Into::into),
                    headers: Vec::new(),
                    created_ms: None,
                    readable_us: 0,
                };
                let part = of(read_by, 7 * *partition + read[*partition] / 3);
                ledgers[part].landed(&landed, &mut |_| {});
                // A reader that connects anew reads some again.
                ledgers[part].landed(&landed, &mut |_| {});
                read[*partition] += 1;
            }
        }
    }
    let reads = [0, 1].map(|partition| PartitionRead {
        at: at(partition),
        from: 0,
        to: 100,
        high_watermark: 100,
        log_start: 0,
        compacted: false,
        error: None,
    });
    let mut ledgers = ledgers.into_iter();
    let mut sum = ledgers.next().unwrap();
    for part in ledgers {
        sum.merge(part).unwrap();
    }
    let attempts = &history.attempts;
    sum.settle(&reads, &mut |to| attempts.iter().for_each(|attempt| attempt.tell(to))).unwrap()
}

fn at(partition: usize) -> TopicPartition {
    TopicPartition { topic: 0, partition: i32::try_from(partition).unwrap() }
}

/// What is true of one record.
#[derive(Debug, Default)]
struct Truth {
    attempts: u32,
    request: u64,
    index: u32,
    written_us: u64,
    answers: Vec<RecordAnswer>,
    acked_us: Option<u64>,
    copies: BTreeSet<(usize, i64)>,
}

impl Truth {
    fn claim(&self) -> Option<(usize, i64)> {
        self.answers.iter().find_map(|answer| match answer {
            RecordAnswer::Acked { partition: Some(partition), offset: Some(offset) } => {
                Some((usize::try_from(*partition).unwrap(), *offset))
            }
            _ => None,
        })
    }

    fn is_acked(&self) -> bool {
        self.acked_us.is_some()
    }

    fn is_refused(&self) -> bool {
        self.answers.iter().all(|answer| *answer == RecordAnswer::Refused)
    }

    /// Where it stands, as far as order goes.
    fn place(&self) -> Option<(usize, i64)> {
        let met = self.claim().filter(|claim| self.copies.contains(claim));
        met.or_else(|| self.copies.first().copied())
    }
}

/// The definitions, word by word.
fn by_definition(history: &History) -> (Records, BTreeSet<u64>) {
    let mut truths: BTreeMap<u64, Truth> = BTreeMap::new();
    for Attempt { sent, answered_us, answers, .. } in &history.attempts {
        for (index, said) in (0..).zip(answers) {
            let truth = truths
                .entry(sent.first_sequence + u64::from(index))
                .or_insert_with(|| Truth { written_us: sent.written_us, ..Truth::default() });
            truth.attempts = sent.attempt;
            (truth.request, truth.index) = (sent.request.index, index);
            truth.answers.push(*said);
            truth.acked_us = truth.acked_us.or(said.is_acked().then_some(*answered_us));
        }
    }
    for (partition, records) in history.topics.iter().enumerate() {
        for (offset, sequence) in (0..).zip(records) {
            truths.get_mut(sequence).unwrap().copies.insert((partition, offset));
        }
    }
    let mut records = Records::default();
    let mut reordered = BTreeSet::new();
    for (sequence, truth) in &truths {
        let found = !truth.copies.is_empty();
        records.sent += 1;
        let (all, with, without) = if truth.is_acked() {
            (&mut records.acked, &mut records.landed, &mut records.lost)
        } else if truth.is_refused() {
            (&mut records.refused, &mut records.leaked, &mut records.absent)
        } else {
            (&mut records.unknown, &mut records.unknown_landed, &mut records.unknown_absent)
        };
        *all += 1;
        *(if found { with } else { without }) += 1;
        let nowhere = |said: &RecordAnswer| matches!(said, RecordAnswer::Acked { offset: None, .. });
        records.unpositioned += u64::from(truth.answers.iter().any(nowhere));
        let copies = truth.copies.len();
        records.duplicated += u64::from(copies > 1);
        records.duplicated_beyond_attempts += u64::from(copies > 1 && copies > truth.attempts as usize);
        records.misplaced +=
            u64::from(found && truth.claim().is_some_and(|claim| !truth.copies.contains(&claim)));
        let orderly = |truth: &Truth| !(truth.copies.len() > 1 && truth.attempts > 1);
        let overtook = truths.iter().any(|(other, i)| {
            let (Some((mine, offset)), Some((theirs, behind))) = (truth.place(), i.place()) else {
                return false;
            };
            let before = (i.request == truth.request && i.index < truth.index)
                || i.acked_us.unwrap_or(UNANSWERED) < truth.written_us;
            // The feed's keys come in turn.
            mine == theirs && other % 3 == sequence % 3 && behind > offset && before && orderly(i)
        });
        if overtook && orderly(truth) {
            reordered.insert(*sequence);
        }
    }
    records.reordered = reordered.len() as u64;
    (records, reordered)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn the_ledger_says_what_the_definitions_say(history in history()) {
        let (records, reordered) = by_definition(&history);
        let settled = settle(&history, Bounds::default());
        prop_assert_eq!(settled.records, records);
        let shown = settled.findings.iter().find(|finding| finding.kind == "records.reordered");
        let shown: Vec<&str> = shown.iter().flat_map(|f| &f.examples).filter_map(|e| e.record.as_deref()).collect();
        let expected: Vec<String> = reordered.iter().take(5).map(|sequence| format!("0.{sequence}")).collect();
        prop_assert_eq!(shown, expected);
        prop_assert_eq!(settled.order_unverifiable, 0);
    }

    #[test]
    fn how_much_is_held_in_memory_changes_nothing(
        history in history(),
        window in 1..4_usize,
        aside in 1..4_usize,
        apart in 1..6_usize,
    ) {
        let all = settle(&history, Bounds::default());
        // Where too much is out of order, that is said.
        let least = settle(&history, Bounds { window, aside, apart });
        prop_assert!(least.order_unchecked > 0 || least == all, "{least:#?}\n{all:#?}");
        let little = settle(&history, Bounds { window, aside, ..Bounds::default() });
        prop_assert_eq!(little, all);
    }
    #[test]
    fn parts_of_several_processes_sum_up_to_one(
        history in history(),
        sent_by in prop::collection::vec(0..3_usize, 1..9),
        read_by in prop::collection::vec(0..3_usize, 1..9),
        aside in 1..9_usize,
    ) {
        let all = settle(&history, Bounds::default());
        for bounds in [Bounds::default(), Bounds { window: 2, aside, ..Bounds::default() }] {
            prop_assert_eq!(&settle_in_parts(&history, bounds, &sent_by, &read_by), &all);
        }
    }
}
