//! Who answered how: requests by what became of them, the box that answered, and the status of its response.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::excerpt::Quotes;
use crate::record::{Class, End, Hop, Note, RequestId};
use crate::result::AnswerCount;

/// Counts of requests. There are as many kinds as there are pairs of class and status, times the boxes: few.
#[derive(Debug, Default)]
pub(super) struct Outcomes(BTreeMap<(Class, Option<Hop>, Option<u16>), Kind>);

#[derive(Debug)]
struct Kind {
    requests: u64,
    /// The request of the least name, and what it was told.
    first: RequestId,
    said: Option<Note>,
}

impl Outcomes {
    /// A request came to its end.
    pub(super) fn add(&mut self, request: RequestId, class: Class, end: End, note: Option<&Note>) {
        let status = if let End::Status(status) = end { Some(status) } else { None };
        let hop = note.and_then(|note| note.by);
        match self.0.entry((class, hop, status)) {
            Entry::Vacant(entry) => {
                entry.insert(Kind { requests: 1, first: request, said: note.cloned() });
            }
            Entry::Occupied(mut entry) => {
                let kind = entry.get_mut();
                kind.requests += 1;
                if request < kind.first {
                    (kind.first, kind.said) = (request, note.cloned());
                }
            }
        }
    }

    /// Takes in the counts of other requests.
    pub(super) fn merge(&mut self, other: Self) {
        for (key, kind) in other.0 {
            match self.0.entry(key) {
                Entry::Vacant(entry) => {
                    entry.insert(kind);
                }
                Entry::Occupied(mut entry) => {
                    let mine = entry.get_mut();
                    mine.requests += kind.requests;
                    if kind.first < mine.first {
                        (mine.first, mine.said) = (kind.first, kind.said);
                    }
                }
            }
        }
    }

    /// The commonest first.
    pub(super) fn into_list(self, quotes: &Quotes) -> Vec<AnswerCount> {
        let count = |((class, hop, status), kind): ((Class, Option<Hop>, Option<u16>), Kind)| AnswerCount {
            outcome: class.name().to_owned(),
            hop: hop.map(|hop| hop.name().to_owned()),
            status,
            said: kind.said.as_ref().and_then(|note| quotes.note(note)).map(str::to_owned),
            requests: kind.requests,
        };
        let mut list: Vec<AnswerCount> = self.0.into_iter().map(count).collect();
        list.sort_by_key(|answer| std::cmp::Reverse(answer.requests));
        list
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(by: Hop, text: &str) -> Note {
        Note { by: Some(by), text: text.into() }
    }

    fn id(index: u64) -> RequestId {
        RequestId { producer: 0, index }
    }

    #[test]
    fn the_first_of_each_kind_is_quoted_whatever_the_order() {
        let denied = |text| note(Hop::Gateway, text);
        let mut outcomes = Outcomes::default();
        outcomes.add(id(9), Class::Refused, End::Status(403), Some(&denied("late")));
        outcomes.add(id(3), Class::Refused, End::Status(403), Some(&denied("early")));
        outcomes.add(id(4), Class::Accepted, End::Status(200), None);
        let mut other = Outcomes::default();
        other.add(id(1), Class::Refused, End::Status(403), Some(&denied("first")));
        other.add(id(2), Class::Refused, End::Status(403), Some(&note(Hop::Proxy, "40301 no")));
        other.add(id(5), Class::TimedOut, End::TimedOut, None);
        outcomes.merge(other);
        let list = outcomes.into_list(&Quotes::default());
        let seen: Vec<_> = list
            .iter()
            .map(|a| (a.requests, a.outcome.as_str(), a.hop.as_deref(), a.status, a.said.as_deref()))
            .collect();
        assert_eq!(
            seen,
            [
                (3, "refused", Some("gateway"), Some(403), Some("first")),
                (1, "accepted", None, Some(200), None),
                (1, "refused", Some("proxy"), Some(403), Some("40301 no")),
                (1, "timed_out", None, None, None),
            ]
        );
    }
}
