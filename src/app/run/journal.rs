//! The journal: every attempt of the run on disk, at most a tenth of a second late, to be told again when the run is
//! settled.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::time::{Duration, Instant};

use crate::record::{Answer, BLOCK_HEAD, JournalWriter, Sent, payload_len, tell_block};

/// A block goes to the disk when it is so long, in bytes.
const FULL: usize = 64 * 1024;
/// Or when so much time has passed.
pub(super) const LATE: Duration = Duration::from_millis(100);

/// The journal of a run.
#[derive(Debug)]
pub(super) struct Journal {
    file: File,
    writer: JournalWriter,
    written: Instant,
    /// Bytes of whole blocks in the file.
    len: u64,
    /// Blocks that the disk did not take, and why not.
    unsaved: Vec<Vec<u8>>,
    failed: Option<String>,
}

impl Journal {
    /// A journal in an empty file that can be read and written.
    pub(super) fn new(file: File) -> Self {
        Self {
            file,
            writer: JournalWriter::default(),
            written: Instant::now(),
            len: 0,
            unsaved: Vec::new(),
            failed: None,
        }
    }

    /// Appends an attempt.
    pub(super) fn attempt(&mut self, sent: &Sent, answer: &Answer<'_>) {
        self.writer.attempt(sent, answer);
        if self.writer.block_len() >= FULL {
            self.write();
        }
    }

    /// Writes what has gathered, if it has waited long enough.
    pub(super) fn write_if_late(&mut self) {
        if self.written.elapsed() >= LATE {
            self.write();
        }
    }

    /// Writes what has gathered. What the disk does not take stays in memory.
    pub(super) fn write(&mut self) {
        self.written = Instant::now();
        let block = self.writer.end_block();
        if self.failed.is_none() {
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
    pub(super) fn failed(&self) -> Option<&str> {
        self.failed.as_deref()
    }

    /// Tells every attempt once more.
    ///
    /// # Errors
    /// Where the file cannot be read, or does not hold what was written.
    pub(super) fn replay(&mut self, each: &mut dyn FnMut(&Sent, &Answer<'_>)) -> io::Result<()> {
        self.write();
        self.file.seek(SeekFrom::Start(0))?;
        let mut blocks = io::BufReader::with_capacity(FULL, (&self.file).take(self.len));
        let mut payload = Vec::new();
        let mut rest = self.len;
        while rest > 0 {
            let mut head = [0; BLOCK_HEAD];
            blocks.read_exact(&mut head)?;
            let length = payload_len(head).ok_or(io::ErrorKind::InvalidData)?;
            payload.resize(length, 0);
            blocks.read_exact(&mut payload)?;
            tell_block(head, &payload, each).map_err(io::Error::other)?;
            rest = rest.saturating_sub((BLOCK_HEAD + length) as u64);
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
            let note = Some("x".repeat(100));
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
    fn a_disk_that_takes_no_more_loses_nothing_and_is_told() {
        let file = tempfile::NamedTempFile::new().unwrap();
        // A file that can only be read stands for a full disk.
        let mut journal = Journal::new(File::open(file.path()).unwrap());
        write(&mut journal, 0..2000);
        assert!(journal.failed().is_some());
        assert!(told(&mut journal).into_iter().eq(0..2000));
    }
}
