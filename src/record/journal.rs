//! Attempts as bytes, to be told once more: blocks that each stand for themselves, delta-coded, with their length and
//! CRC-32C in front, so that what a crash has cut off is noticed and everything before it is still good.

use std::collections::HashMap;

use super::{Answer, End, Expected, NEVER, RecordAnswer, RequestId, Sent, UNANSWERED, varint};

/// Bytes of a block's head: its length and its CRC-32C, each as four bytes, the lowest first.
pub const BLOCK_HEAD: usize = 8;

/// Payload bytes of the longest block.
pub const BLOCK_MOST: usize = 1 << 26;

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
        varint::push(out, producer.into());
        varint::push_delta(out, sent.request.index, index);
        varint::push(out, sent.attempt.into());
        varint::push_delta(out, sent.first_sequence, sequence);
        varint::push(out, sent.records.into());
        varint::push_delta(out, sent.written_us, deltas.written_us);
        if answer.answered_us != UNANSWERED {
            varint::push_delta(out, answer.answered_us, sent.written_us);
        }
        if expires {
            varint::push_delta(out, sent.token_expires_us, deltas.token_expires_us);
            deltas.token_expires_us = sent.token_expires_us;
        }
        if let Some(status) = status {
            varint::push(out, status.into());
        }
        if let Some(note) = &answer.note {
            varint::push(out, note.len() as u64);
            out.extend_from_slice(note.as_bytes());
        }
        push_answers(out, producer, answer.answers, &mut deltas.offsets);
        deltas.written_us = sent.written_us;
        deltas
            .producers
            .insert(producer, (sent.request.index + 1, sent.first_sequence + u64::from(sent.records)));
    }

    /// Bytes of the block so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.block.len()
    }

    /// Whether the block holds nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.block.is_empty()
    }

    /// Ends the block and hands it to `write`; the next attempt begins another. An empty block is none.
    ///
    /// # Errors
    /// That of `write`; the block is gone then.
    pub fn end_block<E>(&mut self, write: impl FnOnce(&[u8]) -> Result<(), E>) -> Result<(), E> {
        if self.block.is_empty() {
            return Ok(());
        }
        let sum = crc32c::crc32c(&self.block[BLOCK_HEAD..]);
        let length = u32::try_from(self.block.len() - BLOCK_HEAD).unwrap_or(u32::MAX);
        self.block[..4].copy_from_slice(&length.to_le_bytes());
        self.block[4..BLOCK_HEAD].copy_from_slice(&sum.to_le_bytes());
        let written = write(&self.block);
        self.block.clear();
        self.deltas = Deltas::default();
        written
    }
}

fn push_answers(
    out: &mut Vec<u8>,
    producer: u16,
    answers: &[RecordAnswer],
    offsets: &mut HashMap<(u16, i32), i64>,
) {
    varint::push(out, answers.len() as u64);
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
                varint::push(out, u64::from(partition.cast_unsigned()));
                varint::push_delta(out, offset.cast_unsigned(), next.cast_unsigned());
                *next = offset.wrapping_add_unsigned(run as u64);
            }
            RecordAnswer::Acked { partition, offset } => {
                tag(ACKED_PARTLY);
                varint::push(out, partition.map_or(0, |partition| u64::from(partition.cast_unsigned()) + 1));
                out.push(u8::from(offset.is_some()));
                if let Some(offset) = offset {
                    varint::push(out, offset.cast_unsigned());
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

type Head = (Sent, u64, End, Option<String>);

fn take_attempt(rest: &mut &[u8], deltas: &mut Deltas, answers: &mut Vec<RecordAnswer>) -> Option<Head> {
    let (flags, bytes) = rest.split_first()?;
    *rest = bytes;
    let producer = u16::try_from(varint::take(rest)?).ok()?;
    let (index, sequence) = deltas.producers.get(&producer).copied().unwrap_or_default();
    let index = varint::take_delta(rest, index)?;
    let attempt = u32::try_from(varint::take(rest)?).ok()?;
    let first_sequence = varint::take_delta(rest, sequence)?;
    let records = u32::try_from(varint::take(rest)?).ok()?;
    let written_us = varint::take_delta(rest, deltas.written_us)?;
    let answered_us = if flags & 1 << 7 == 0 { UNANSWERED } else { varint::take_delta(rest, written_us)? };
    let token_expires_us = if flags & 1 << 6 == 0 {
        NEVER
    } else {
        deltas.token_expires_us = varint::take_delta(rest, deltas.token_expires_us)?;
        deltas.token_expires_us
    };
    let end = match flags & 3 {
        0 => End::Status(u16::try_from(varint::take(rest)?).ok()?),
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
        let length = usize::try_from(varint::take(rest)?).ok()?;
        let (text, bytes) = rest.split_at_checked(length)?;
        *rest = bytes;
        Some(String::from_utf8(text.to_vec()).ok()?)
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
    let count = usize::try_from(varint::take(rest)?).ok()?;
    while answers.len() < count {
        let tag = varint::take(rest)?;
        let run = tag >> 2;
        if run == 0 || run > (count - answers.len()) as u64 {
            return None;
        }
        match tag & 3 {
            UNKNOWN => (0..run).for_each(|_| answers.push(RecordAnswer::Unknown)),
            REFUSED => (0..run).for_each(|_| answers.push(RecordAnswer::Refused)),
            ACKED => {
                let partition = u32::try_from(varint::take(rest)?).ok()?.cast_signed();
                let next = offsets.entry((producer, partition)).or_default();
                let first = varint::take_delta(rest, next.cast_unsigned())?.cast_signed();
                for ahead in 0..run {
                    let offset = Some(first.wrapping_add_unsigned(ahead));
                    answers.push(RecordAnswer::Acked { partition: Some(partition), offset });
                }
                *next = first.wrapping_add_unsigned(run);
            }
            _ => {
                let partition = varint::take(rest)?.checked_sub(1);
                let partition = match partition {
                    Some(number) => Some(u32::try_from(number).ok()?.cast_signed()),
                    None => None,
                };
                let (has_offset, bytes) = rest.split_first()?;
                *rest = bytes;
                let first = if *has_offset == 1 { Some(varint::take(rest)?.cast_signed()) } else { None };
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
