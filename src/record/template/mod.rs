//! Templates: a JSON value with generators in it, compiled once into pieces, and written out for each record
//! without allocating.
//!
//! Lines of feeds are templates without generators: what follows here has one way to make a record.

mod choice;
mod compile;
mod error;
mod float;
mod generator;
mod parameters;
mod text;
mod time;

use rand_xoshiro::SplitMix64;

use super::key::KeyDrawer;
use super::{RecordId, RunId};
use generator::Generator;

pub(super) use compile::{Compiler, Marks};
pub use error::{Problem as TemplateProblem, TemplateError};

/// How the values of records are made.
#[derive(Debug)]
pub(super) struct Template {
    pieces: Vec<Piece>,
}

/// A part of a record's value.
#[derive(Debug)]
enum Piece {
    /// These bytes, in every record.
    Literal(Box<[u8]>),
    /// The record's identity.
    Identity,
    /// What stands between the two marks is the record's key.
    KeyBegins,
    /// See [`Piece::KeyBegins`].
    KeyEnds,
    /// What the generator makes of the record.
    Generated(Generator),
}

impl Template {
    /// These bytes, in every record.
    pub(super) fn literal(bytes: &[u8]) -> Self {
        Self { pieces: vec![Piece::Literal(bytes.into())] }
    }

    /// The same behind `before`, the record's identity, and `between`.
    pub(super) fn behind_identity(self, before: &[u8], between: &[u8]) -> Self {
        let identity = [Piece::Literal(before.into()), Piece::Identity, Piece::Literal(between.into())];
        Self { pieces: identity.into_iter().chain(self.pieces).collect() }
    }
}

/// A record that is being made.
pub(super) struct Making<'a> {
    pub(super) run: &'a RunId,
    pub(super) id: RecordId,
    /// The stream's drawer of keys and the number that it has drawn for the record.
    pub(super) key: Option<(&'a KeyDrawer, u64)>,
    /// The record's own randomness.
    pub(super) draws: SplitMix64,
    /// Where in the buffer the key stands, if the value holds it.
    pub(super) key_at: Option<(usize, usize)>,
}

impl Making<'_> {
    /// Appends the record's value.
    pub(super) fn write(&mut self, template: &Template, out: &mut Vec<u8>) {
        self.write_pieces(&template.pieces, out);
    }

    fn write_pieces(&mut self, pieces: &[Piece], out: &mut Vec<u8>) {
        for piece in pieces {
            match piece {
                Piece::Literal(bytes) => out.extend_from_slice(bytes),
                Piece::Identity => self.id.encode_into(self.run, out),
                Piece::KeyBegins => self.key_at = Some((out.len(), out.len())),
                Piece::KeyEnds => self.key_at = self.key_at.map(|(start, _)| (start, out.len())),
                Piece::Generated(generator) => generator.write(self, out),
            }
        }
    }
}

#[cfg(test)]
mod tests;
