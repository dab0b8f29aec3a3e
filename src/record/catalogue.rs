//! All streams of a run: makes any record's content, and tells whose a landed record is.

use std::sync::Arc;

use super::{Content, ContentBuf, Landed, RecordId, RunId, Stream};

/// Whose a landed record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Identified {
    /// This run's.
    Ours(RecordId),
    /// Another run's: its identity is whole and names another run.
    AnotherRun,
    /// It carries no identity that could be read.
    Unreadable,
}

/// All streams of a run: makes any record's content again, and tells whose a landed record is.
#[derive(Debug, Clone)]
pub struct Catalogue {
    run: RunId,
    seed: u64,
    streams: Arc<[Stream]>,
}

impl Catalogue {
    /// The catalogue of `run`; a stream's place in the list is its producer number. All that is drawn in contents
    /// is drawn from `seed`.
    #[must_use]
    pub fn new(run: RunId, seed: u64, streams: Vec<Stream>) -> Self {
        Self { run, seed, streams: streams.into() }
    }

    /// The run.
    #[must_use]
    pub fn run(&self) -> &RunId {
        &self.run
    }

    /// The stream of a producer.
    #[must_use]
    pub fn stream(&self, producer: u16) -> Option<&Stream> {
        self.streams.get(usize::from(producer))
    }

    /// The streams, by producer number.
    #[must_use]
    pub fn streams(&self) -> &[Stream] {
        &self.streams
    }

    /// Makes what the record holds in `buf`, in place of what was there; allocates nothing once `buf` has grown.
    /// False for a producer that the run does not have.
    pub fn content_into(&self, id: RecordId, buf: &mut ContentBuf) -> bool {
        let Some(stream) = self.stream(id.producer) else { return false };
        stream.content_into(&self.run, self.seed, id, buf);
        true
    }

    /// What the record holds. `None` for a producer that the run does not have.
    #[must_use]
    pub fn content(&self, id: RecordId) -> Option<Content> {
        let mut buf = ContentBuf::default();
        self.content_into(id, &mut buf).then(|| buf.to_content())
    }

    /// Whose a landed record is. Streams of the topic where it stands are tried first, then the others, so that a
    /// record in the wrong topic is known too.
    #[must_use]
    pub fn identify(&self, landed: &Landed) -> Identified {
        let mut another = false;
        let here = |stream: &&Stream| stream.topic() == landed.at.topic;
        let elsewhere = self.streams.iter().filter(|stream| !here(stream));
        for stream in self.streams.iter().filter(here).chain(elsewhere) {
            let Some(text) = stream.identity_of(landed) else { continue };
            match RecordId::decode(&text) {
                Some((run, id)) if run == self.run.as_str() && self.stream(id.producer).is_some() => {
                    return Identified::Ours(id);
                }
                Some(_) => another = true,
                None => {}
            }
        }
        if another { Identified::AnotherRun } else { Identified::Unreadable }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Feed, Format, IdentityPlace, TopicPartition};

    fn catalogue(format: Format, place: IdentityPlace, feed: &str) -> Catalogue {
        let feed = Feed::parse(feed.as_bytes()).unwrap();
        let stream = Stream::new(0, format, place, None, &feed).unwrap();
        Catalogue::new(RunId::new("r").unwrap(), 0, vec![stream])
    }

    fn id(sequence: u64) -> RecordId {
        RecordId { producer: 0, sequence }
    }

    fn landed(content: Content) -> Landed {
        Landed {
            at: TopicPartition { topic: 0, partition: 0 },
            offset: 0,
            key: content.key.map(Into::into),
            value: content.value.map(Into::into),
            headers: content.headers.into_iter().map(|(name, value)| (name, value.map(Into::into))).collect(),
            created_ms: content.timestamp_ms,
            readable_us: 0,
        }
    }

    fn of_value(value: &str) -> Landed {
        landed(Content {
            key: None,
            value: Some(value.as_bytes().to_vec()),
            headers: Vec::new(),
            timestamp_ms: None,
        })
    }

    #[test]
    fn every_place_and_format_is_read_back() {
        let member = || IdentityPlace::Member("_landfall".into());
        let places = [
            (Format::Json, member()),
            (Format::Json, IdentityPlace::Pointer("/s/0".into())),
            (Format::Json, IdentityPlace::Key),
            (Format::Json, IdentityPlace::Header("landfall".into())),
            (Format::Binary, member()),
            (Format::Binary, IdentityPlace::Key),
            (Format::Binary, IdentityPlace::Header("h".into())),
            (Format::Text, member()),
            (Format::Text, IdentityPlace::Key),
        ];
        for (format, place) in places {
            let catalogue = catalogue(format, place.clone(), "{\"s\":[\"x\",\"identity-0\"]}");
            let landed = landed(catalogue.content(id(77)).unwrap());
            assert_eq!(catalogue.identify(&landed), Identified::Ours(id(77)), "{format:?} {place:?}");
        }
    }

    #[test]
    fn a_rewritten_object_is_still_read() {
        let catalogue = catalogue(Format::Json, IdentityPlace::Member("_landfall".into()), "{\"a\":1}");
        let identity = id(5).encode(catalogue.run());
        let value = format!("{{ \"_landfall\" : \"{identity}\", \"a\": 1 }}");
        assert_eq!(catalogue.identify(&of_value(&value)), Identified::Ours(id(5)));
    }

    #[test]
    fn other_runs_and_strangers_are_told_apart() {
        let catalogue = catalogue(Format::Json, IdentityPlace::Member("_landfall".into()), "{}");
        let other = format!("{{\"_landfall\":\"{}\"}}", id(5).encode(&RunId::new("other").unwrap()));
        assert_eq!(catalogue.identify(&of_value(&other)), Identified::AnotherRun);
        let damaged = other.replace("other.0.5", "r.0.5");
        assert_eq!(catalogue.identify(&of_value(&damaged)), Identified::Unreadable);
        let nothing = landed(Content { key: None, value: None, headers: Vec::new(), timestamp_ms: None });
        assert_eq!(catalogue.identify(&nothing), Identified::Unreadable);
    }

    #[test]
    fn a_buffer_is_emptied_before_it_is_used_again() {
        let streams = [("{\"a\":1}", IdentityPlace::Header("h".into())), ("null", IdentityPlace::None)];
        let streams = streams.map(|(feed, place)| {
            let feed = Feed::parse(feed.as_bytes()).unwrap();
            Stream::new(0, Format::Json, place, None, &feed).unwrap()
        });
        let catalogue = Catalogue::new(RunId::new("r").unwrap(), 0, streams.into());
        let mut buf = ContentBuf::default();
        assert!(catalogue.content_into(id(0), &mut buf));
        assert_eq!((buf.value().is_some(), buf.headers().count()), (true, 1));
        assert!(catalogue.content_into(RecordId { producer: 1, sequence: 0 }, &mut buf));
        assert_eq!((buf.key(), buf.value(), buf.headers().count()), (None, None, 0));
        assert!(!catalogue.content_into(RecordId { producer: 2, sequence: 0 }, &mut buf));
    }
}
