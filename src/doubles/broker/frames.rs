//! Frames: a length of 32 bits, then a header, then a body (Kafka protocol, "Protocol Primitive Types").

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, BufMut, Bytes, BytesMut};

/// Longest request, as Kafka's default for `socket.request.max.bytes`.
pub(super) const MAX_FRAME: usize = 100 * 1024 * 1024;

/// A frame that cannot be one: its length is negative or beyond what is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BadLength;

/// Takes the first frame off `received`, without its length, of `longest` bytes at most; `None` where it has not arrived
/// whole.
///
/// # Errors
/// [`BadLength`].
pub(super) fn take(received: &mut BytesMut, longest: usize) -> Result<Option<Bytes>, BadLength> {
    let Some(length) = received.first_chunk::<4>() else { return Ok(None) };
    let length = usize::try_from(i32::from_be_bytes(*length)).map_err(|_| BadLength)?;
    if length > longest {
        return Err(BadLength);
    }
    if received.len() - 4 < length {
        return Ok(None);
    }
    received.advance(4);
    Ok(Some(received.split_to(length).freeze()))
}

/// A response as it goes over the wire, in pieces that need not be copied together.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    pieces: VecDeque<Bytes>,
    length: usize,
}

impl Pieces {
    /// Adds a piece.
    pub(super) fn push(&mut self, piece: Bytes) {
        if !piece.is_empty() {
            self.length += piece.len();
            self.pieces.push_back(piece);
        }
    }

    /// Puts the length of all pieces before them.
    ///
    /// # Errors
    /// [`BadLength`] where it does not fit into 31 bits.
    pub(super) fn framed(mut self) -> Result<Self, BadLength> {
        let length = i32::try_from(self.length).map_err(|_| BadLength)?;
        let mut prefix = BytesMut::with_capacity(4);
        prefix.put_i32(length);
        self.length += 4;
        self.pieces.push_front(prefix.freeze());
        Ok(self)
    }
}

impl Buf for Pieces {
    fn remaining(&self) -> usize {
        self.length
    }

    fn chunk(&self) -> &[u8] {
        self.pieces.front().map_or(&[], |piece| piece)
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let filled = slices.iter_mut().zip(&self.pieces);
        filled.map(|(slice, piece)| *slice = IoSlice::new(piece)).count()
    }

    fn advance(&mut self, mut count: usize) {
        self.length -= count;
        while count > 0 {
            let Some(first) = self.pieces.front_mut() else { return };
            if first.len() > count {
                first.advance(count);
                return;
            }
            count -= first.len();
            self.pieces.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_taken_when_they_are_whole() {
        let mut received = BytesMut::from(&[0, 0, 0, 2, 7, 8, 0, 0, 0, 0, 0, 0][..]);
        assert_eq!(take(&mut received, 2), Ok(Some(Bytes::from_static(&[7, 8]))));
        assert_eq!(take(&mut received, 2), Ok(Some(Bytes::new())));
        assert_eq!(take(&mut received, 2), Ok(None));
        let claim = |length: [u8; 4]| take(&mut BytesMut::from(&length[..]), MAX_FRAME);
        assert_eq!(claim([0xff, 0xff, 0xff, 0xff]), Err(BadLength));
        assert_eq!(claim([0x06, 0x40, 0, 1]), Err(BadLength));
        assert_eq!(claim([0x06, 0x40, 0, 0]), Ok(None));
    }

    #[test]
    fn pieces_come_out_whole_however_they_are_read() {
        let make = || {
            let mut pieces = Pieces::default();
            for piece in [&b"abc"[..], b"", b"d", b"efgh"] {
                pieces.push(Bytes::from_static(piece));
            }
            pieces.framed().unwrap()
        };
        for step in 1..=12 {
            let mut pieces = make();
            let mut seen = Vec::new();
            while pieces.has_remaining() {
                let mut slices = [IoSlice::new(&[]); 3];
                let filled = pieces.chunks_vectored(&mut slices);
                let joined: Vec<u8> =
                    slices[..filled].iter().flat_map(|slice| slice.iter().copied()).collect();
                let count = step.min(joined.len());
                seen.extend_from_slice(&joined[..count]);
                pieces.advance(count);
            }
            assert_eq!(seen, b"\0\0\0\x08abcdefgh", "in steps of {step}");
        }
    }
}
