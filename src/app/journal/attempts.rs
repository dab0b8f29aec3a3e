//! Every attempt of the run on disk, at most a tenth of a second late, to be told again when the run is settled.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::time::{Duration, Instant};

use crate::record::{Answer, BLOCK_HEAD, JournalError, JournalWriter, Sent, payload_len, tell_block};

/// A block goes to the disk when it is so long, in bytes.
const FULL: usize = 64 * 1024;
/// More than so much of a block, in bytes, is never left unfinished: one is written when it is full, and an attempt is short.
const CUT_OFF: u64 = 4 * FULL as u64;
/// Or when so much time has passed.
pub(in crate::app) const LATE: Duration = Duration::from_millis(100);

/// The journal of a run.
#[derive(Debug)]
pub(in crate::app) struct Journal {
    file: File,
    writer: JournalWriter,
    written: Instant,
    /// Bytes of whole blocks in the file.
    len: u64,
    /// Blocks that the disk did not take, or was not to take.
    unsaved: Vec<Vec<u8>>,
    /// Why the disk takes no more.
    failed: Option<String>,
    /// Whether the file is that of a run which was killed: it stays as it is.
    sealed: bool,
}

impl Journal {
    /// A journal in an empty file that can be read and written.
    pub(in crate::app) fn new(file: File) -> Self {
        Self {
            file,
            writer: JournalWriter::default(),
            written: Instant::now(),
            len: 0,
            unsaved: Vec::new(),
            failed: None,
            sealed: false,
        }
    }

    /// The journal of a run that was killed, as far as it is whole; what is appended to it stays in memory. Tells `each`
    /// attempt, and why the rest cannot be read, if there is more than a block that was being written.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub(in crate::app) fn of_killed(
        file: File,
        each: &mut dyn FnMut(&Sent, &Answer<'_>),
    ) -> io::Result<(Self, Option<JournalError>)> {
        let mut journal = Self { sealed: true, ..Self::new(file) };
        journal.file.seek(SeekFrom::Start(0))?;
        let size = journal.file.metadata()?.len();
        let mut blocks = Blocks::new(&journal.file);
        let mut damage = None;
        while let Some((head, payload)) = blocks.next()? {
            // Of a block that is not what it should be nothing is told.
            if let Err(error) = tell_block(head, payload, &mut |_, _| {}) {
                damage = Some(error);
                break;
            }
            let _ = tell_block(head, payload, each);
            journal.len += (BLOCK_HEAD + payload.len()) as u64;
        }
        // A block that was being written when the run was killed is no damage.
        if size.saturating_sub(journal.len) > CUT_OFF {
            damage = damage.or(Some(JournalError::Content));
        }
        Ok((journal, damage))
    }

    /// Appends an attempt.
    pub(in crate::app) fn attempt(&mut self, sent: &Sent, answer: &Answer<'_>) {
        self.writer.attempt(sent, answer);
        if self.writer.block_len() >= FULL {
            self.write();
        }
    }

    /// Writes what has gathered, if it has waited long enough.
    pub(in crate::app) fn write_if_late(&mut self) {
        if self.written.elapsed() >= LATE {
            self.write();
        }
    }

    /// Writes what has gathered. What the disk does not take stays in memory.
    pub(in crate::app) fn write(&mut self) {
        self.written = Instant::now();
        let block = self.writer.end_block();
        if block.is_empty() {
            return;
        }
        if self.failed.is_none() && !self.sealed {
            match self.file.write_all(&block) {
                Ok(()) => {
                    self.len += block.len() as u64;
                    return;
                }
                Err(error) => self.failed = Some(error.to_string()),
            }
        }
        self.unsaved.push(block);
    }

    /// Why the disk takes no more, if it does not.
    pub(in crate::app) fn failed(&self) -> Option<&str> {
        self.failed.as_deref()
    }

    /// Tells every attempt once more.
    ///
    /// # Errors
    /// Where the file cannot be read, or does not hold what was written.
    pub(in crate::app) fn replay(&mut self, each: &mut dyn FnMut(&Sent, &Answer<'_>)) -> io::Result<()> {
        self.write();
        self.file.seek(SeekFrom::Start(0))?;
        let mut blocks = Blocks::new((&self.file).take(self.len));
        let mut told = 0;
        while let Some((head, payload)) = blocks.next()? {
            tell_block(head, payload, each).map_err(io::Error::other)?;
            told += (BLOCK_HEAD + payload.len()) as u64;
        }
        if told != self.len {
            return Err(io::ErrorKind::InvalidData.into());
        }
        self.file.seek(SeekFrom::Start(self.len))?;
        for block in &self.unsaved {
            if let Some((head, payload)) = block.split_first_chunk() {
                tell_block(*head, payload, each).map_err(io::Error::other)?;
            }
        }
        Ok(())
    }
}

/// The blocks of a journal, up to where one is not there whole.
struct Blocks<R> {
    file: io::BufReader<R>,
    payload: Vec<u8>,
}

impl<R: io::Read> Blocks<R> {
    fn new(file: R) -> Self {
        Self { file: io::BufReader::with_capacity(FULL, file), payload: Vec::new() }
    }

    fn next(&mut self) -> io::Result<Option<([u8; BLOCK_HEAD], &[u8])>> {
        let mut head = [0; BLOCK_HEAD];
        if !whole(self.file.read_exact(&mut head))? {
            return Ok(None);
        }
        let Some(length) = payload_len(head) else { return Ok(None) };
        self.payload.resize(length, 0);
        let there = whole(self.file.read_exact(&mut self.payload))?;
        Ok(there.then_some((head, self.payload.as_slice())))
    }
}

/// Whether reading came to its end before the file did.
fn whole(read: io::Result<()>) -> io::Result<bool> {
    match read {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{End, Expected, NEVER, RecordAnswer, RequestId};

    fn write(journal: &mut Journal, indices: std::ops::Range<u64>) {
        for index in indices {
            let sent = Sent {
                request: RequestId { producer: 0, index },
                attempt: 1,
                first_sequence: index,
                records: 1,
                written_us: index,
                expect: Expected::Accept,
                token_expires_us: NEVER,
                again: false,
            };
            let answers = &[RecordAnswer::Unknown];
            let note = Some("x".repeat(100).into());
            journal.attempt(&sent, &Answer { answered_us: index, end: End::TimedOut, note, answers });
        }
    }

    fn told(journal: &mut Journal) -> Vec<u64> {
        let mut told = Vec::new();
        journal.replay(&mut |sent, _| told.push(sent.request.index)).unwrap();
        told
    }

    #[test]
    fn all_is_told_as_often_as_asked_and_writing_goes_on() {
        let mut journal = Journal::new(tempfile::tempfile().unwrap());
        assert!(told(&mut journal).is_empty());
        write(&mut journal, 0..5000);
        assert!(journal.len > FULL as u64);
        assert!(told(&mut journal).into_iter().eq(0..5000));
        write(&mut journal, 5000..5001);
        assert!(told(&mut journal).into_iter().eq(0..5001));
        assert!(told(&mut journal).into_iter().eq(0..5001));
    }

    #[test]
    fn a_journal_is_good_up_to_where_it_was_cut_off() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut journal = Journal::new(file.reopen().unwrap());
        write(&mut journal, 0..1000);
        journal.write();
        let first = journal.len;
        write(&mut journal, 1000..1100);
        journal.write();
        let read = |len: u64, damaged: Option<u64>| {
            let bytes = std::fs::read(file.path()).unwrap();
            let copy = tempfile::NamedTempFile::new().unwrap();
            let mut bytes = bytes[..usize::try_from(len).unwrap()].to_vec();
            if let Some(at) = damaged {
                bytes[usize::try_from(at).unwrap()] ^= 1;
            }
            std::fs::write(copy.path(), bytes).unwrap();
            let mut seen = 0;
            let (mut killed, damage) =
                Journal::of_killed(copy.reopen().unwrap(), &mut |_, _| seen += 1).unwrap();
            // What is appended is told, and not written.
            write(&mut killed, 5000..5002);
            let again = told(&mut killed);
            assert_eq!(again.len(), seen + 2);
            assert_eq!(again.last(), Some(&5001));
            assert_eq!(std::fs::metadata(copy.path()).unwrap().len(), len);
            (seen, damage)
        };
        assert_eq!(read(journal.len, None), (1100, None));
        for len in [first, first + 3, first + BLOCK_HEAD as u64, journal.len - 1] {
            assert_eq!(read(len, None), (1000, None), "{len}");
        }
        assert_eq!(read(journal.len, Some(first + 20)), (1000, Some(JournalError::Sum)));
        assert_eq!(read(0, None), (0, None));
        // A hole in the middle is none that a kill leaves.
        write(&mut journal, 1100..9000);
        journal.write();
        let bytes = std::fs::read(file.path()).unwrap();
        let copy = tempfile::NamedTempFile::new().unwrap();
        let mut holed = bytes;
        holed[usize::try_from(first).unwrap()..][..4].fill(0);
        std::fs::write(copy.path(), holed).unwrap();
        let mut seen = 0;
        let (_, damage) = Journal::of_killed(copy.reopen().unwrap(), &mut |_, _| seen += 1).unwrap();
        assert_eq!((seen, damage), (1000, Some(JournalError::Content)));
    }

    #[test]
    fn a_disk_that_takes_no_more_loses_nothing_and_is_told() {
        let file = tempfile::NamedTempFile::new().unwrap();
        // A file that can only be read stands for a full disk.
        let mut journal = Journal::new(File::open(file.path()).unwrap());
        write(&mut journal, 0..2000);
        assert!(journal.failed().is_some());
        assert!(told(&mut journal).into_iter().eq(0..2000));
    }
}
