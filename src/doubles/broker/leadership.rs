//! Who leads a partition, and where in its log each leadership began (KIP-101, KIP-320).

use kafka_protocol::ResponseError;

use super::refusal::Refusal;

/// A partition's leader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Leader {
    /// Broker id.
    pub(super) id: i32,
    /// Goes up by one with every change, from 0.
    pub(super) epoch: i32,
}

/// The leader, and the epochs that have left records.
#[derive(Debug)]
pub(super) struct Leadership {
    leader: Leader,
    /// Epochs and the offsets at which they began; both ascend. Never empty.
    began: Vec<(i32, i64)>,
}

impl Leadership {
    /// The first leader of an empty log.
    pub(super) fn new(id: i32) -> Self {
        Self { leader: Leader { id, epoch: 0 }, began: vec![(0, 0)] }
    }

    /// Who leads now.
    pub(super) fn leader(&self) -> Leader {
        self.leader
    }

    /// Lets the broker `id` lead a log that ends at `end`.
    pub(super) fn change(&mut self, id: i32, end: i64) {
        self.leader = Leader { id, epoch: self.leader.epoch.saturating_add(1) };
        // An epoch without records leaves no trace.
        self.began.retain(|(_, began)| *began < end);
        self.began.push((self.leader.epoch, end));
    }

    /// Whether the broker `node` leads.
    ///
    /// # Errors
    /// `NOT_LEADER_OR_FOLLOWER`.
    pub(super) fn led_by(&self, node: i32) -> Result<(), Refusal> {
        if self.leader.id == node {
            return Ok(());
        }
        Err(Refusal::new(ResponseError::NotLeaderOrFollower, "another broker leads this partition"))
    }

    /// Whether a client that knows the leader of epoch `known` is up to date; -1 is any.
    ///
    /// # Errors
    /// `FENCED_LEADER_EPOCH` for an older epoch, `UNKNOWN_LEADER_EPOCH` for one that has not begun.
    pub(super) fn check(&self, known: i32) -> Result<(), Refusal> {
        let epoch = self.leader.epoch;
        if known < 0 || known == epoch {
            return Ok(());
        }
        let error =
            if known < epoch { ResponseError::FencedLeaderEpoch } else { ResponseError::UnknownLeaderEpoch };
        Err(Refusal::new(error, format!("the leader epoch is {epoch}, not {known}")))
    }

    /// Where the records of `epoch` end in a log that ends at `end`, with the epoch that the last of them are of
    /// (the newest up to `epoch`); `None` where it has not begun. As Kafka's `LeaderEpochFileCache.endOffsetFor`.
    pub(super) fn end_of(&self, epoch: i32, end: i64) -> Option<(i32, i64)> {
        if epoch == self.leader.epoch {
            return Some((epoch, end));
        }
        let later = self.began.partition_point(|(began, _)| *began <= epoch);
        let (_, end) = self.began.get(later).copied()?;
        let known = later.checked_sub(1).and_then(|before| self.began.get(before));
        Some((known.map_or(epoch, |(known, _)| *known), end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_change_begins_an_epoch_at_the_end_of_the_log() {
        let mut leadership = Leadership::new(1);
        assert_eq!(leadership.end_of(0, 7), Some((0, 7)));
        leadership.change(2, 10);
        leadership.change(3, 10);
        leadership.change(1, 30);
        assert_eq!(leadership.leader(), Leader { id: 1, epoch: 3 });
        for (epoch, expected) in
            [(0, Some((0, 10))), (1, Some((0, 10))), (2, Some((2, 30))), (3, Some((3, 40))), (4, None)]
        {
            assert_eq!(leadership.end_of(epoch, 40), expected, "{epoch}");
        }
    }

    #[test]
    fn who_knows_another_leader_is_told_so() {
        let mut leadership = Leadership::new(1);
        leadership.change(2, 0);
        assert_eq!((leadership.check(-1), leadership.check(1)), (Ok(()), Ok(())));
        assert_eq!(leadership.check(0).unwrap_err().error, ResponseError::FencedLeaderEpoch);
        assert_eq!(leadership.check(2).unwrap_err().error, ResponseError::UnknownLeaderEpoch);
        assert_eq!(leadership.led_by(2), Ok(()));
        assert_eq!(leadership.led_by(1).unwrap_err().error, ResponseError::NotLeaderOrFollower);
    }
}
