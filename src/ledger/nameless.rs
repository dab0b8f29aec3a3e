//! Records that carry no identity which could be read: whose they are, the acks may tell.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::content::{Comparison, compare, distance, timestamps_differ};
use super::excerpt::Quotes;
use super::place::Place;
use crate::record::{Catalogue, Content, Format, Landed, RecordId, Stream};

/// Bytes of such records that are kept whole; of more there is only a digest each.
const KEPT: usize = 64 << 20;

/// Records without a readable identity, by place.
#[derive(Debug, Default)]
pub(super) struct Nameless {
    records: BTreeMap<Place, Found>,
    bytes: usize,
}

/// One of them.
#[derive(Debug)]
pub(super) struct Found {
    readable_us: u64,
    content: Kept,
}

#[derive(Debug)]
enum Kept {
    Whole(Box<Landed>),
    /// What stands for key, value and headers; and the timestamp.
    Digest(u64, Option<i64>),
}

impl Nameless {
    pub(super) fn add(&mut self, landed: &Landed) {
        let bytes = size(landed);
        let content = if self.bytes + bytes <= KEPT {
            self.bytes += bytes;
            Kept::Whole(Box::new(landed.clone()))
        } else {
            Kept::Digest(digest_landed(landed), landed.created_ms)
        };
        self.records.insert(Place::of(landed), Found { readable_us: landed.readable_us, content });
    }

    pub(super) fn has(&self, place: Place) -> bool {
        !self.records.is_empty() && self.records.contains_key(&place)
    }

    /// Takes out the record at `place` if it is what `id` holds: how it compares, and when it was seen.
    pub(super) fn take_if_same(
        &mut self,
        place: Place,
        id: RecordId,
        catalogue: &Catalogue,
        quotes: &Quotes,
    ) -> Option<(Comparison, u64)> {
        let found = self.records.get(&place)?;
        let readable_us = found.readable_us;
        let comparison = found.compare(&catalogue.content(id)?, format_of(catalogue, id), quotes);
        if matches!(comparison, Comparison::Different(_)) {
            return None;
        }
        if let Some(Found { content: Kept::Whole(landed), .. }) = self.records.remove(&place) {
            self.bytes -= size(&landed);
        }
        Some((comparison, readable_us))
    }

    /// Takes in those that another has.
    pub(super) fn merge(&mut self, other: Self) {
        self.bytes += other.bytes;
        self.records.extend(other.records);
    }

    /// Each with its place.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = (Place, Found)> {
        self.bytes = 0;
        std::mem::take(&mut self.records).into_iter()
    }
}

impl Found {
    /// Whether only its digest was kept, so that nothing is known of it but whether it is the same.
    pub(super) fn is_vague(&self) -> bool {
        matches!(self.content, Kept::Digest(..))
    }

    /// What stands for its content, but for its timestamp.
    pub(super) fn digest(&self) -> u64 {
        match &self.content {
            Kept::Whole(landed) => digest_landed(landed),
            Kept::Digest(digest, _) => *digest,
        }
    }

    /// Of several records acked at this place, the one whose content is closest to what stands there.
    pub(super) fn closest(&self, claimants: &[RecordId], catalogue: &Catalogue) -> Option<RecordId> {
        let apart = |id: &RecordId| {
            let content = catalogue.content(*id)?;
            let apart = match &self.content {
                Kept::Whole(landed) => distance(&content, landed),
                Kept::Digest(digest, _) => usize::from(*digest != digest_of(&content)),
            };
            Some((apart, *id))
        };
        claimants.iter().filter_map(apart).min().map(|(_, id)| id)
    }

    /// How it compares with what `id` holds.
    pub(super) fn compare_with(
        &self,
        id: RecordId,
        catalogue: &Catalogue,
        quotes: &Quotes,
    ) -> Option<Comparison> {
        Some(self.compare(&catalogue.content(id)?, format_of(catalogue, id), quotes))
    }

    /// What was found, as far as it was kept.
    pub(super) fn landed(&self) -> Option<&Landed> {
        match &self.content {
            Kept::Whole(landed) => Some(landed),
            Kept::Digest(..) => None,
        }
    }

    fn compare(&self, content: &Content, format: Format, quotes: &Quotes) -> Comparison {
        match &self.content {
            Kept::Whole(landed) => compare(format, content, landed, quotes),
            Kept::Digest(digest, created_ms) if *digest == digest_of(content) => {
                match timestamps_differ(content.timestamp_ms, *created_ms) {
                    Some(detail) => Comparison::Different(detail),
                    None => Comparison::Same,
                }
            }
            Kept::Digest(..) => Comparison::Different("another content, which was not kept".into()),
        }
    }
}

fn format_of(catalogue: &Catalogue, id: RecordId) -> Format {
    catalogue.stream(id.producer).map_or(Format::Binary, Stream::format)
}

fn size(landed: &Landed) -> usize {
    let of = |bytes: &Option<bytes::Bytes>| bytes.as_ref().map_or(0, bytes::Bytes::len);
    let headers = landed.headers.iter().map(|(name, value)| name.len() + of(value));
    of(&landed.key) + of(&landed.value) + headers.sum::<usize>() + size_of::<Landed>()
}

fn digest_landed(landed: &Landed) -> u64 {
    let headers = landed.headers.iter().map(|(name, value)| (name.as_str(), value.as_deref()));
    digest(landed.key.as_deref(), landed.value.as_deref(), headers)
}

/// What stands for the content of a record that was sent.
pub(super) fn digest_of(content: &Content) -> u64 {
    let headers = content.headers.iter().map(|(name, value)| (name.as_str(), value.as_deref()));
    digest(content.key.as_deref(), content.value.as_deref(), headers)
}

fn digest<'c>(
    key: Option<&[u8]>,
    value: Option<&[u8]>,
    headers: impl Iterator<Item = (&'c str, Option<&'c [u8]>)>,
) -> u64 {
    let mut hasher = DefaultHasher::new();
    (key, value).hash(&mut hasher);
    headers.for_each(|header| header.hash(&mut hasher));
    hasher.finish()
}
