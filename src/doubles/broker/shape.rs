//! Whether all that a request claims to hold has arrived, by its shape.
//!
//! The decoder of `kafka-protocol` reserves memory for as many elements as an array claims to have; a
//! few bytes of a broken client could so end the whole process. Each request is therefore walked through
//! first, without reserving anything.

use kafka_protocol::messages::ApiKey;

use super::shapes::Holds::{self, Blob, Fixed, Items, Structs, Text};
use super::shapes::{Field, shape};

/// A request that ends before what it claims to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Truncated;

/// Walks through the body of a request, behind its header.
///
/// # Errors
/// [`Truncated`], also for a request that has no shape here.
pub(super) fn walk(api: ApiKey, version: i16, body: &[u8]) -> Result<(), Truncated> {
    let shape = shape(api).ok_or(Truncated)?;
    let mut walk = Walk { rest: body, version, flexible: version >= shape.flexible_from };
    walk.structure(shape.fields)
}

struct Walk<'a> {
    rest: &'a [u8],
    version: i16,
    flexible: bool,
}

impl Walk<'_> {
    fn structure(&mut self, fields: &'static [Field]) -> Result<(), Truncated> {
        for field in fields {
            if (field.from..=field.to).contains(&self.version) {
                self.value(field.holds)?;
            }
        }
        if self.flexible {
            for _ in 0..self.varint()? {
                self.varint()?;
                let length = self.varint()?;
                self.skip(usize::try_from(length).map_err(|_| Truncated)?)?;
            }
        }
        Ok(())
    }

    fn value(&mut self, holds: Holds) -> Result<(), Truncated> {
        match holds {
            Fixed(length) => self.skip(length),
            Text => {
                let length = if self.flexible { self.compact_length()? } else { self.length::<2>()? };
                self.skip(length)
            }
            Blob => {
                let length = if self.flexible { self.compact_length()? } else { self.length::<4>()? };
                self.skip(length)
            }
            Items(item) => self.array(|walk| walk.value(*item)),
            Structs(fields) => self.array(|walk| walk.structure(fields)),
        }
    }

    fn array(
        &mut self,
        mut element: impl FnMut(&mut Self) -> Result<(), Truncated>,
    ) -> Result<(), Truncated> {
        let count = if self.flexible { self.compact_length()? } else { self.length::<4>()? };
        for _ in 0..count {
            element(self)?;
        }
        Ok(())
    }

    fn skip(&mut self, length: usize) -> Result<(), Truncated> {
        self.rest = self.rest.get(length..).ok_or(Truncated)?;
        Ok(())
    }

    /// A big-endian length of `N` bytes. Negative ones stand for null here; where a field may not be
    /// null, the decoder says so.
    fn length<const N: usize>(&mut self) -> Result<usize, Truncated> {
        let (bytes, rest) = self.rest.split_first_chunk::<N>().ok_or(Truncated)?;
        self.rest = rest;
        if bytes[0] & 0x80 != 0 {
            return Ok(0);
        }
        Ok(bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)))
    }

    /// A compact length: one more than it says, so that 0 stands for null.
    fn compact_length(&mut self) -> Result<usize, Truncated> {
        usize::try_from(self.varint()?.saturating_sub(1)).map_err(|_| Truncated)
    }

    /// An unsigned variable-length number of five bytes at most.
    fn varint(&mut self) -> Result<u32, Truncated> {
        let mut value = 0;
        for shift in (0..35).step_by(7) {
            let (byte, rest) = self.rest.split_first().ok_or(Truncated)?;
            self.rest = rest;
            value |= u32::from(byte & 0x7f) << shift;
            if *byte < 0x80 {
                break;
            }
        }
        Ok(value)
    }
}

#[cfg(test)]
pub(super) mod samples {
    //! Requests made at random from the shapes.

    use super::super::shapes::Holds::{self, Blob, Fixed, Items, Structs, Text};
    use super::super::shapes::{Field, shape};
    use kafka_protocol::messages::ApiKey;

    /// A source of random numbers below a bound.
    pub(crate) type Dice<'a> = &'a mut dyn FnMut(usize) -> usize;

    /// A body of `api` in `version` that holds all it claims.
    pub(crate) fn body(api: ApiKey, version: i16, dice: Dice<'_>) -> Vec<u8> {
        let shape = shape(api).unwrap();
        let mut writer = Writer { out: Vec::new(), version, flexible: version >= shape.flexible_from, dice };
        writer.structure(shape.fields);
        writer.out
    }

    struct Writer<'a> {
        out: Vec<u8>,
        version: i16,
        flexible: bool,
        dice: Dice<'a>,
    }

    impl Writer<'_> {
        fn structure(&mut self, fields: &'static [Field]) {
            for field in fields {
                if (field.from..=field.to).contains(&self.version) {
                    self.value(field.holds);
                }
            }
            if self.flexible {
                // Tag 100 is nobody's.
                let tags: &[u8] = if (self.dice)(4) == 0 { &[1, 100, 2, 9, 9] } else { &[0] };
                self.out.extend_from_slice(tags);
            }
        }

        fn value(&mut self, holds: Holds) {
            match holds {
                Fixed(length) => {
                    let small = (self.dice)(3) > 0;
                    for at in 0..length {
                        let byte = if small && at + 1 < length { 0 } else { (self.dice)(256) };
                        self.out.push(u8::try_from(byte).unwrap());
                    }
                }
                Text => self.bytes(2, b"tuvwxyz"),
                Blob => self.bytes(4, &[0; 70]),
                Items(item) => {
                    let count = self.count();
                    (0..count).for_each(|_| self.value(*item));
                }
                Structs(fields) => {
                    let count = self.count();
                    (0..count).for_each(|_| self.structure(fields));
                }
            }
        }

        fn bytes(&mut self, width: usize, from: &[u8]) {
            let length = (self.dice)(from.len() + 1);
            self.length(width, length);
            self.out.extend_from_slice(&from[..length]);
        }

        fn count(&mut self) -> usize {
            let count = (self.dice)(4);
            self.length(4, count);
            count
        }

        fn length(&mut self, width: usize, length: usize) {
            if self.flexible {
                self.out.push(u8::try_from(length + 1).unwrap());
            } else {
                self.out.extend(&length.to_be_bytes()[8 - width..]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::versions::SERVED;
    use super::*;
    use bytes::Bytes;
    use proptest::prelude::*;

    /// What the decoder leaves over of a body, or `None` where it refuses it.
    fn left_by_decoder(api: ApiKey, version: i16, body: &[u8]) -> Option<usize> {
        use kafka_protocol::protocol::Decodable;
        let mut bytes = Bytes::copy_from_slice(body);
        macro_rules! decode {
            ($($name:ident => $request:ident),* $(,)?) => {
                match api {
                    $(ApiKey::$name => {
                        kafka_protocol::messages::$request::decode(&mut bytes, version).ok().map(drop)
                    })*
                    other => panic!("{other:?} is served without a shape"),
                }
            };
        }
        decode!(
            Produce => ProduceRequest,
            Fetch => FetchRequest,
            ListOffsets => ListOffsetsRequest,
            Metadata => MetadataRequest,
            CreateTopics => CreateTopicsRequest,
            DeleteTopics => DeleteTopicsRequest,
            CreatePartitions => CreatePartitionsRequest,
            DescribeConfigs => DescribeConfigsRequest,
            InitProducerId => InitProducerIdRequest,
            FindCoordinator => FindCoordinatorRequest,
            DescribeCluster => DescribeClusterRequest,
            OffsetForLeaderEpoch => OffsetForLeaderEpochRequest,
            JoinGroup => JoinGroupRequest,
            SyncGroup => SyncGroupRequest,
            Heartbeat => HeartbeatRequest,
            LeaveGroup => LeaveGroupRequest,
            OffsetCommit => OffsetCommitRequest,
            OffsetFetch => OffsetFetchRequest,
            DescribeGroups => DescribeGroupsRequest,
            ListGroups => ListGroupsRequest,
            DeleteGroups => DeleteGroupsRequest,
            SaslHandshake => SaslHandshakeRequest,
            SaslAuthenticate => SaslAuthenticateRequest,
            ApiVersions => ApiVersionsRequest,
        )?;
        Some(bytes.len())
    }

    proptest! {
        /// The shapes are the decoder's: what is made from them is decoded to the last byte, and cut
        /// anywhere it is refused by the walk.
        #[test]
        fn shapes_and_decoder_agree(rolls in proptest::collection::vec(any::<u16>(), 32..256)) {
            let mut at = 0;
            let mut dice = |bound: usize| {
                at += 1;
                usize::from(rolls[at % rolls.len()]) % bound
            };
            for served in SERVED {
                for version in served.oldest..=served.newest {
                    let body = samples::body(served.api, version, &mut dice);
                    prop_assert_eq!(walk(served.api, version, &body), Ok(()));
                    let left = left_by_decoder(served.api, version, &body);
                    prop_assert_eq!(left, Some(0), "{:?} {}: {:?}", served.api, version, body);
                    for length in 0..body.len() {
                        prop_assert_eq!(walk(served.api, version, &body[..length]), Err(Truncated));
                    }
                }
            }
        }
    }

    #[test]
    fn claims_of_a_billion_elements_are_refused_unread() {
        let mut body = vec![0x7f, 0xff, 0xff, 0xff];
        body.extend([0; 8]);
        assert_eq!(walk(ApiKey::Metadata, 1, &body), Err(Truncated));
        assert_eq!(walk(ApiKey::Metadata, 12, &[0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0]), Err(Truncated));
        assert_eq!(walk(ApiKey::AddPartitionsToTxn, 0, &[0; 100]), Err(Truncated));
    }
}
