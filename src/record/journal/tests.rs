//! What is written is told again, and nothing else is.

use super::*;
use proptest::prelude::*;

#[derive(Debug, Clone, PartialEq)]
struct Event {
    sent: Sent,
    answered_us: u64,
    end: End,
    note: Option<Note>,
    answers: Vec<RecordAnswer>,
}

impl Event {
    fn answer(&self) -> Answer<'_> {
        let Self { answered_us, end, note, answers, .. } = self;
        Answer { answered_us: *answered_us, end: *end, note: note.clone(), answers }
    }
}

fn block(events: &[Event]) -> Vec<u8> {
    let mut writer = JournalWriter::default();
    for event in events {
        writer.attempt(&event.sent, &event.answer());
    }
    let block = writer.end_block();
    assert!(writer.end_block().is_empty());
    block
}

fn told(block: &[u8]) -> Result<Vec<Event>, JournalError> {
    let head = *block.first_chunk().unwrap();
    assert_eq!(payload_len(head), Some(block.len() - BLOCK_HEAD));
    let mut events = Vec::new();
    tell_block(head, &block[BLOCK_HEAD..], &mut |sent, answer| {
        events.push(Event {
            sent: *sent,
            answered_us: answer.answered_us,
            end: answer.end,
            note: answer.note.clone(),
            answers: answer.answers.to_vec(),
        });
    })?;
    Ok(events)
}

fn answers() -> impl Strategy<Value = Vec<RecordAnswer>> {
    let acked = (prop::option::of(0..3_i32), prop::option::of(prop_oneof![0..5_i64, Just(i64::MAX)]));
    let one = prop_oneof![
        Just(RecordAnswer::Unknown),
        Just(RecordAnswer::Refused),
        acked.prop_map(|(partition, offset)| RecordAnswer::Acked { partition, offset }),
    ];
    prop::collection::vec(one, 0..12)
}

fn event() -> impl Strategy<Value = Event> {
    let ends = prop_oneof![
        any::<u16>().prop_map(End::Status),
        Just(End::TimedOut),
        Just(End::Reset),
        Just(End::Malformed)
    ];
    let expect = prop_oneof![Just(Expected::Accept), Just(Expected::Refuse), Just(Expected::Either)];
    let numbers = (any::<u16>(), 0..u64::MAX / 2, 1..5_u32, 0..u64::MAX / 2, any::<u32>());
    let times = (any::<u64>(), any::<u64>(), any::<u64>());
    (numbers, times, ends, expect, any::<bool>(), any::<Option<String>>(), answers()).prop_map(
        |(numbers, times, end, expect, again, note, answers)| {
            let (producer, index, attempt, first_sequence, records) = numbers;
            let (written_us, answered_us, token_expires_us) = times;
            let request = RequestId { producer, index };
            let sent = Sent {
                request,
                attempt,
                first_sequence,
                records,
                written_us,
                expect,
                token_expires_us,
                again,
            };
            let note = note.map(|text: String| Note {
                by: [None, Some(Hop::Gateway), Some(Hop::Proxy)][text.len() % 3],
                text,
            });
            Event { sent, answered_us, end, note, answers }
        },
    )
}

proptest! {
    #[test]
    fn what_is_written_is_told_again(events in prop::collection::vec(event(), 1..8)) {
        prop_assert_eq!(told(&block(&events)), Ok(events));
    }

    #[test]
    fn damage_is_noticed(
        events in prop::collection::vec(event(), 1..4), at in any::<prop::sample::Index>(), flip in 1..=255_u8,
    ) {
        let mut block = block(&events);
        let payload = &mut block[BLOCK_HEAD..];
        payload[at.index(payload.len())] ^= flip;
        prop_assert_eq!(told(&block), Err(JournalError::Sum));
    }

    #[test]
    fn garbage_with_a_right_sum_is_no_panic(payload in prop::collection::vec(any::<u8>(), 1..60)) {
        let mut head = [0; BLOCK_HEAD];
        head[4..].copy_from_slice(&crc32c::crc32c(&payload).to_le_bytes());
        let _ = tell_block(head, &payload, &mut |_, _| {});
    }
}

#[test]
fn a_claim_of_countless_answers_is_refused_and_not_believed() {
    let mut payload = vec![1, 0, 0, 1, 0, 1, 0];
    varint::push(&mut payload, u64::MAX);
    varint::push(&mut payload, u64::MAX);
    let mut head = [0; BLOCK_HEAD];
    head[4..].copy_from_slice(&crc32c::crc32c(&payload).to_le_bytes());
    assert_eq!(tell_block(head, &payload, &mut |_, _| {}), Err(JournalError::Content));
}

#[test]
fn a_plain_ack_takes_few_bytes() {
    let event = |index: u64| Event {
        sent: Sent {
            request: RequestId { producer: 0, index },
            attempt: 1,
            first_sequence: index * 10,
            records: 10,
            written_us: 1_000_000 + index * 50,
            expect: Expected::Accept,
            token_expires_us: NEVER,
            again: false,
        },
        answered_us: 1_000_000 + index * 50 + 2_000,
        end: End::Status(200),
        note: None,
        answers: (0..10)
            .map(|n| RecordAnswer::Acked { partition: Some(0), offset: Some((index * 10 + n).cast_signed()) })
            .collect(),
    };
    let events: Vec<Event> = (0..1000).map(event).collect();
    let bytes = block(&events).len();
    assert!(bytes < 16 * events.len(), "{bytes} bytes for {} requests", events.len());
}
