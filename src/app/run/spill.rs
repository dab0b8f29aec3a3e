//! What the ledger puts aside, on disk: runs of acks and copies that wait for each other, one after another in a file
//! without a name, which is gone when the run is over, however it ends.

use std::fs::File;
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use crate::ledger::{Run, Store, StoreError, Unmatched};

/// Of how many a part of a run consists: what is read at once.
const PART: usize = 4096;

/// A file of runs.
#[derive(Debug)]
pub(super) struct Spill {
    file: File,
    /// Where each run begins and ends.
    runs: Vec<(u64, u64)>,
}

impl Spill {
    /// An empty one; its file takes space in `folder`, and has no name there.
    pub(super) fn new(folder: &Path) -> io::Result<Self> {
        let path = folder.join(".unmatched");
        let file = File::options().read(true).write(true).create_new(true).open(&path)?;
        std::fs::remove_file(&path)?;
        Ok(Self { file, runs: Vec::new() })
    }

    fn write(&mut self, run: &[Unmatched]) -> io::Result<()> {
        let begins = self.runs.last().map_or(0, |(_, end)| *end);
        self.file.seek(SeekFrom::Start(begins))?;
        let mut ends = begins;
        for part in run.chunks(PART) {
            let bytes = Unmatched::encode(part);
            let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
            self.file.write_all(&length.to_le_bytes())?;
            self.file.write_all(&bytes)?;
            ends += 4 + u64::from(length);
        }
        self.runs.push((begins, ends));
        Ok(())
    }
}

impl Store for Spill {
    fn keep(&mut self, run: Vec<Unmatched>) -> Result<(), Vec<Unmatched>> {
        match self.write(&run) {
            Ok(()) => {
                tracing::info!(unmatched = run.len(), runs = self.runs.len(), "acks and copies put aside");
                Ok(())
            }
            Err(error) => {
                tracing::warn!(%error, "the disk does not take what the ledger puts aside: it stays in memory");
                Err(run)
            }
        }
    }

    fn runs(&mut self) -> Vec<Run<'_>> {
        let file = &self.file;
        let parts = |(begins, ends): &(u64, u64)| Parts { file, at: *begins, ends: *ends };
        self.runs.iter().map(|run| Box::new(parts(run).flat_map(flat)) as Run<'_>).collect()
    }

    fn clear(&mut self) {
        // What follows is written over what stood there.
        self.runs.clear();
    }
}

/// The parts of a run.
struct Parts<'f> {
    file: &'f File,
    at: u64,
    ends: u64,
}

impl Parts<'_> {
    fn read(&mut self) -> io::Result<Vec<Unmatched>> {
        let mut length = [0; 4];
        self.file.read_exact_at(&mut length, self.at)?;
        let mut bytes = vec![0; u32::from_le_bytes(length) as usize];
        self.file.read_exact_at(&mut bytes, self.at + 4)?;
        self.at += 4 + bytes.len() as u64;
        Unmatched::decode(&bytes).ok_or_else(|| io::ErrorKind::InvalidData.into())
    }
}

impl Iterator for Parts<'_> {
    type Item = Result<Vec<Unmatched>, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.ends {
            return None;
        }
        let part = self.read().map_err(|error| StoreError(error.to_string()));
        if part.is_err() {
            self.at = self.ends;
        }
        Some(part)
    }
}

fn flat(part: Result<Vec<Unmatched>, StoreError>) -> Box<dyn Iterator<Item = Result<Unmatched, StoreError>>> {
    match part {
        Ok(part) => Box::new(part.into_iter().map(Ok)),
        Err(error) => Box::new(std::iter::once(Err(error))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{Place, Side};
    use crate::record::{RecordId, TopicPartition};

    fn run(records: u64) -> Vec<Unmatched> {
        let at = TopicPartition { topic: 0, partition: 3 };
        let unmatched = |sequence: u64| {
            let place = Place { at, offset: sequence.cast_signed() };
            let side = if sequence.is_multiple_of(2) { Side::Claim } else { Side::Landing };
            Unmatched::new(place, RecordId { producer: 1, sequence }, side)
        };
        (0..records).map(unmatched).collect()
    }

    #[test]
    fn runs_come_back_as_they_were_and_leave_no_name() {
        let folder = tempfile::tempdir().unwrap();
        let mut spill = Spill::new(folder.path()).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        let kept = [run(PART as u64 * 2 + 1), run(0), run(5)];
        for run in &kept {
            spill.keep(run.clone()).unwrap();
        }
        let runs: Vec<Vec<Unmatched>> =
            spill.runs().into_iter().map(|run| run.map(Result::unwrap).collect()).collect();
        assert_eq!(runs, kept);
    }

    #[test]
    fn a_full_disk_gives_the_run_back_and_what_was_kept_stays() {
        let mut spill =
            Spill { file: File::options().write(true).open("/dev/full").unwrap(), runs: Vec::new() };
        assert_eq!(spill.keep(run(3)), Err(run(3)));
        assert!(spill.runs().is_empty());
    }

    #[test]
    fn what_cannot_be_read_back_is_an_error_and_no_end() {
        let folder = tempfile::tempdir().unwrap();
        let mut spill = Spill::new(folder.path()).unwrap();
        spill.keep(run(PART as u64 + 1)).unwrap();
        spill.file.set_len(20).unwrap();
        let read: Vec<_> = spill.runs().remove(0).collect();
        assert!(matches!(read.as_slice(), [Err(_)]), "{} came", read.len());
    }
}
