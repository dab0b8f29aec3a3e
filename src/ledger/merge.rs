//! Several accounts of one run as one: processes that share the load, the reading or both.

use super::Ledger;
use super::account::Account;
use super::place::StoreError;

impl Ledger {
    /// Takes in the account of another process of the same run. Of each request one process has told all attempts, and
    /// each offset of a partition one process has read. What one has claimed and the other has found meets here. From now
    /// on the attempts of both must be told where this ledger asks for them.
    ///
    /// The sum is the ledger that one process would have that had been told everything; for the order of its records, all
    /// claims are sorted by place once more.
    ///
    /// # Errors
    /// [`StoreError`] where what the other had put aside cannot be read back.
    pub fn merge(&mut self, other: Self) -> Result<(), StoreError> {
        let Self { accounts, requests, findings, join, nameless, foreign, damage, highest_acked, .. } = other;
        for (mine, theirs) in self.accounts.iter_mut().zip(&accounts) {
            mine.merge(theirs);
        }
        self.requests.merge(requests);
        self.findings.merge(findings);
        self.join.merge(join)?;
        self.nameless.merge(nameless);
        self.foreign += foreign;
        for (id, damage) in damage {
            self.damage.entry(id).or_insert(damage);
        }
        while self.damage.len() > self.quotes.examples {
            self.damage.pop_last();
        }
        for (at, offset) in highest_acked {
            let highest = self.highest_acked.entry(at).or_insert(offset);
            *highest = (*highest).max(offset);
        }
        Ok(())
    }
}

impl Account {
    /// Takes in what another process knows of the same producer.
    fn merge(&mut self, other: &Self) {
        let Self { attempts, acked, refused, doubted, copies, corrupted, rewritten, strayed, .. } = other;
        self.attempts.reach_also(attempts);
        self.copies.add_all(copies);
        for (mine, theirs) in [
            (&mut self.acked, acked),
            (&mut self.refused, refused),
            (&mut self.doubted, doubted),
            (&mut self.corrupted, corrupted),
            (&mut self.rewritten, rewritten),
            (&mut self.strayed, strayed),
            (&mut self.swapped, &other.swapped),
            (&mut self.denied, &other.denied),
            (&mut self.denied_starts, &other.denied_starts),
            (&mut self.nowhere, &other.nowhere),
            (&mut self.perhaps, &other.perhaps),
        ] {
            *mine |= theirs;
        }
    }
}
