//! Attempts as bytes, to be told once more: blocks that each stand for themselves, delta-coded, with their length and
//! CRC-32C in front, so that what a crash has cut off is noticed and everything before it is still good.

use std::collections::HashMap;

use super::{Answer, End, Expected, Hop, NEVER, Note, RecordAnswer, RequestId, Sent, UNANSWERED, varint};

/// Bytes of a block's head: its length and its CRC-32C, each as four bytes, the lowest first.
pub const BLOCK_HEAD: usize = 8;

/// Payload bytes of the longest block.
const BLOCK_MOST: usize = 1 << 26;

/// Answers of an attempt that can be told: far more than a request has records. A few bytes can claim any number.
const ANSWERS_MOST: usize = 1 << 20;

/// Writes attempts.
#[derive(Debug, Default)]
pub struct JournalWriter {
    block: Vec<u8>,
    deltas: Deltas,
}

/// What numbers are told relative to; each block begins anew.
#[derive(Debug, Default)]
struct Deltas {
    written_us: u64,
    token_expires_us: u64,
    /// Of each producer: the index and the first sequence of the next request, if it follows the last.
    producers: HashMap<u16, (u64, u64)>,
    /// Of each producer and partition: the next offset.
    offsets: HashMap<(u16, i32), i64>,
}

/// Why a block cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// Its sum is another.
    #[error("a block of the journal is damaged: its check sum is another")]
    Sum,
    /// It is no block of this version.
    #[error("a block of the journal does not hold what it should")]
    Content,
}

// How the answers of an attempt are told.
const UNKNOWN: u64 = 0;
const REFUSED: u64 = 1;
const ACKED: u64 = 2;
const ACKED_PARTLY: u64 = 3;

impl JournalWriter {
    /// Appends an attempt to the block.
    pub fn attempt(&mut self, sent: &Sent, answer: &Answer<'_>) {
        let out = &mut self.block;
        if out.is_empty() {
            out.resize(BLOCK_HEAD, 0);
        }
        let deltas = &mut self.deltas;
        let producer = sent.request.producer;
        let (index, sequence) = deltas.producers.get(&producer).copied().unwrap_or_default();
        let (end, status) = match answer.end {
            End::Status(status) => (0, Some(status)),
            End::TimedOut => (1, None),
            End::Reset => (2, None),
            End::Malformed => (3, None),
        };
        let expect = match sent.expect {
            Expected::Accept => 0,
            Expected::Refuse => 1,
            Expected::Either => 2,
        };
        let expires = sent.token_expires_us != NEVER;
        out.push(
            end | expect << 2
                | u8::from(sent.again) << 4
                | u8::from(answer.note.is_some()) << 5
                | u8::from(expires) << 6
                | u8::from(answer.answered_us != UNANSWERED) << 7,
        );
        varint::push(out, producer);
        varint::push_delta(out, sent.request.index, index);
        varint::push(out, sent.attempt);
        varint::push_delta(out, sent.first_sequence, sequence);
        varint::push(out, sent.records);
        varint::push_delta(out, sent.written_us, deltas.written_us);
        if answer.answered_us != UNANSWERED {
            varint::push_delta(out, answer.answered_us, sent.written_us);
        }
        if expires {
            varint::push_delta(out, sent.token_expires_us, deltas.token_expires_us);
            deltas.token_expires_us = sent.token_expires_us;
        }
        if let Some(status) = status {
            varint::push(out, status);
        }
        if let Some(Note { by, text }) = &answer.note {
            out.push(by.map_or(0, |by| 1 + u8::from(by == Hop::Proxy)));
            varint::push(out, text.len());
            out.extend_from_slice(text.as_bytes());
        }
        push_answers(out, producer, answer.answers, &mut deltas.offsets);
        deltas.written_us = sent.written_us;
        deltas
            .producers
            .insert(producer, (sent.request.index + 1, sent.first_sequence + u64::from(sent.records)));
    }

    /// Bytes of the block so far.
    #[must_use]
    pub fn block_len(&self) -> usize {
        self.block.len()
    }

    /// Ends the block and gives it out, empty where it holds nothing; the next attempt begins another.
    #[must_use]
    pub fn end_block(&mut self) -> Vec<u8> {
        self.deltas = Deltas::default();
        let mut block = std::mem::take(&mut self.block);
        if let Some((head, payload)) = block.split_first_chunk_mut::<BLOCK_HEAD>() {
            let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
            head[..4].copy_from_slice(&length.to_le_bytes());
            head[4..].copy_from_slice(&crc32c::crc32c(payload).to_le_bytes());
        }
        block
    }
}

fn push_answers(
    out: &mut Vec<u8>,
    producer: u16,
    answers: &[RecordAnswer],
    offsets: &mut HashMap<(u16, i32), i64>,
) {
    varint::push(out, answers.len());
    let mut rest = answers;
    while let Some(first) = rest.first() {
        // Equal answers, and offsets that follow one another, are told once.
        let run = match first {
            RecordAnswer::Acked { partition, offset: Some(offset) } => (1_i64..)
                .zip(&rest[1..])
                .take_while(|(ahead, next)| {
                    let offset = offset.checked_add(*ahead);
                    offset.is_some() && **next == RecordAnswer::Acked { partition: *partition, offset }
                })
                .count(),
            _ => rest[1..].iter().take_while(|next| *next == first).count(),
        } + 1;
        rest = &rest[run..];
        let mut tag = |kind: u64| varint::push(out, ((run as u64) << 2) | kind);
        match first {
            RecordAnswer::Unknown => tag(UNKNOWN),
            RecordAnswer::Refused => tag(REFUSED),
            RecordAnswer::Acked { partition: Some(partition), offset: Some(offset) } => {
                tag(ACKED);
                let next = offsets.entry((producer, *partition)).or_default();
                varint::push(out, *partition);
                varint::push_delta(out, offset.cast_unsigned(), next.cast_unsigned());
                *next = offset.wrapping_add_unsigned(run as u64);
            }
            RecordAnswer::Acked { partition, offset } => {
                tag(ACKED_PARTLY);
                out.push(u8::from(partition.is_some()) << 1 | u8::from(offset.is_some()));
                if let Some(partition) = partition {
                    varint::push(out, *partition);
                }
                if let Some(offset) = offset {
                    varint::push(out, *offset);
                }
            }
        }
    }
}

/// Reads a block's head: the length of its payload, if it can be one.
#[must_use]
pub fn payload_len(head: [u8; BLOCK_HEAD]) -> Option<usize> {
    let [a, b, c, d, ..] = head;
    let length = u32::from_le_bytes([a, b, c, d]) as usize;
    (1..=BLOCK_MOST).contains(&length).then_some(length)
}

/// Tells the attempts of a block.
///
/// # Errors
/// [`JournalError`] where the block is damaged. Of one whose sum is right nothing but what was written is told.
pub fn tell_block(
    head: [u8; BLOCK_HEAD],
    payload: &[u8],
    each: &mut dyn FnMut(&Sent, &Answer<'_>),
) -> Result<(), JournalError> {
    let [.., a, b, c, d] = head;
    if u32::from_le_bytes([a, b, c, d]) != crc32c::crc32c(payload) {
        return Err(JournalError::Sum);
    }
    let mut rest = payload;
    let mut deltas = Deltas::default();
    let mut answers = Vec::new();
    while !rest.is_empty() {
        let (sent, answered_us, end, note) =
            take_attempt(&mut rest, &mut deltas, &mut answers).ok_or(JournalError::Content)?;
        each(&sent, &Answer { answered_us, end, note, answers: &answers });
    }
    Ok(())
}

type Head = (Sent, u64, End, Option<Note>);

fn take_attempt(rest: &mut &[u8], deltas: &mut Deltas, answers: &mut Vec<RecordAnswer>) -> Option<Head> {
    let (flags, bytes) = rest.split_first()?;
    *rest = bytes;
    let producer: u16 = varint::take(rest)?;
    let (index, sequence) = deltas.producers.get(&producer).copied().unwrap_or_default();
    let index = varint::take_delta(rest, index)?;
    let attempt = varint::take(rest)?;
    let first_sequence = varint::take_delta(rest, sequence)?;
    let records: u32 = varint::take(rest)?;
    let written_us = varint::take_delta(rest, deltas.written_us)?;
    let answered_us = if flags & 1 << 7 == 0 { UNANSWERED } else { varint::take_delta(rest, written_us)? };
    let token_expires_us = if flags & 1 << 6 == 0 {
        NEVER
    } else {
        deltas.token_expires_us = varint::take_delta(rest, deltas.token_expires_us)?;
        deltas.token_expires_us
    };
    let end = match flags & 3 {
        0 => End::Status(varint::take(rest)?),
        1 => End::TimedOut,
        2 => End::Reset,
        _ => End::Malformed,
    };
    let expect = match flags >> 2 & 3 {
        0 => Expected::Accept,
        1 => Expected::Refuse,
        2 => Expected::Either,
        _ => return None,
    };
    let note = if flags & 1 << 5 == 0 {
        None
    } else {
        let (by, bytes) = rest.split_first()?;
        let by = match by {
            0 => None,
            1 => Some(Hop::Gateway),
            2 => Some(Hop::Proxy),
            _ => return None,
        };
        *rest = bytes;
        let length = varint::take(rest)?;
        let (text, bytes) = rest.split_at_checked(length)?;
        *rest = bytes;
        Some(Note { by, text: String::from_utf8(text.to_vec()).ok()? })
    };
    take_answers(rest, producer, answers, &mut deltas.offsets)?;
    deltas.written_us = written_us;
    deltas
        .producers
        .insert(producer, (index.checked_add(1)?, first_sequence.checked_add(u64::from(records))?));
    let sent = Sent {
        request: RequestId { producer, index },
        attempt,
        first_sequence,
        records,
        written_us,
        expect,
        token_expires_us,
        again: flags & 1 << 4 != 0,
    };
    Some((sent, answered_us, end, note))
}

fn take_answers(
    rest: &mut &[u8],
    producer: u16,
    answers: &mut Vec<RecordAnswer>,
    offsets: &mut HashMap<(u16, i32), i64>,
) -> Option<()> {
    answers.clear();
    let count = varint::take(rest).filter(|count| *count <= ANSWERS_MOST)?;
    while answers.len() < count {
        let tag: u64 = varint::take(rest)?;
        let run = tag >> 2;
        if run == 0 || run > (count - answers.len()) as u64 {
            return None;
        }
        match tag & 3 {
            UNKNOWN => (0..run).for_each(|_| answers.push(RecordAnswer::Unknown)),
            REFUSED => (0..run).for_each(|_| answers.push(RecordAnswer::Refused)),
            ACKED => {
                let partition = varint::take(rest)?;
                let next = offsets.entry((producer, partition)).or_default();
                let first = varint::take_delta(rest, next.cast_unsigned())?.cast_signed();
                for ahead in 0..run {
                    let offset = Some(first.wrapping_add_unsigned(ahead));
                    answers.push(RecordAnswer::Acked { partition: Some(partition), offset });
                }
                *next = first.wrapping_add_unsigned(run);
            }
            _ => {
                let (named, bytes) = rest.split_first()?;
                *rest = bytes;
                let partition = if named & 2 == 0 { None } else { Some(varint::take(rest)?) };
                let first: Option<i64> = if named & 1 == 0 { None } else { Some(varint::take(rest)?) };
                for ahead in 0..run {
                    let offset = first.map(|first| first.wrapping_add_unsigned(ahead));
                    answers.push(RecordAnswer::Acked { partition, offset });
                }
            }
        }
    }
    Some(())
}

#[cfg(test)]
mod tests;
