//! Protocol Buffers: definitions as Confluent's registry prints them, and JSON as messages of them.
//!
//! `protox` reads and links definitions in Rust alone, with Google's own at hand; `prost-reflect`, on which it stands, knows what
//! the well-known types make of JSON. Everything else is encoded here, since map entries must keep their order, and the words
//! for what does not fit must be Java's.

mod encode;
mod text;

use std::path::Path;

use protox::Compiler;
use protox::file::{ChainFileResolver, File, FileResolver, GoogleFileResolver};
use protox::prost_reflect::MessageDescriptor;

use super::Misfit;

/// It is no definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::doubles::registry) struct Invalid;

/// What the one file is called.
const NAME: &str = "default.proto";

/// How deep definitions and their options may be nested. Messages are counted by the parser as well; options are read by a
/// parser that would go as deep as they do.
const DEPTH: usize = 64;

/// Definitions, of which the first message is meant.
#[derive(Debug)]
pub(in crate::doubles::registry) struct Schema {
    message: Option<MessageDescriptor>,
}

/// Knows the one file.
struct Given(File);

impl FileResolver for Given {
    fn resolve_path(&self, _: &Path) -> Option<String> {
        None
    }

    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        if name == NAME {
            let file = self.0.file_descriptor_proto().clone();
            return Ok(File::from_file_descriptor_proto(file));
        }
        Err(protox::Error::file_not_found(name))
    }
}

impl Schema {
    /// The definitions that `text` holds, and how the registry prints them.
    pub(in crate::doubles::registry) fn parse(text: &str) -> Result<(Self, String), Invalid> {
        if depth(text) > DEPTH {
            return Err(Invalid);
        }
        let file = File::from_source(NAME, text).map_err(|_| Invalid)?;
        let printed = text::print(file.file_descriptor_proto());
        let mut resolver = ChainFileResolver::new();
        resolver.add(Given(file));
        resolver.add(GoogleFileResolver::new());
        let mut compiler = Compiler::with_file_resolver(resolver);
        compiler.include_imports(true);
        compiler.open_file(NAME).map_err(|_| Invalid)?;
        let file = compiler.descriptor_pool().get_file_by_name(NAME).ok_or(Invalid)?;
        let message = file.messages().next();
        Ok((Self { message }, printed))
    }

    /// The full name of the first message.
    pub(in crate::doubles::registry) fn name(&self) -> Option<String> {
        self.message.as_ref().map(|message| message.full_name().to_owned())
    }

    /// The first message's index, and `data` as such a message.
    ///
    /// # Errors
    /// [`Misfit`], where they do not fit.
    pub(in crate::doubles::registry) fn encode(&self, data: &[u8]) -> Result<Vec<u8>, Misfit> {
        let message = self.message.as_ref().ok_or(Misfit::Unexpected)?;
        let data = serde_json::from_slice(data).map_err(|_| Misfit::Unexpected)?;
        // The path to the first message is written as a single zero.
        let mut out = vec![0];
        encode::message(message, &data, &mut out)?;
        Ok(out)
    }
}

/// How deep brackets of any kind are nested, but for those in texts and comments.
fn depth(text: &str) -> usize {
    let (mut depth, mut most) = (0_usize, 0);
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match (character, characters.peek()) {
            ('{' | '[' | '<', _) => {
                depth += 1;
                most = most.max(depth);
            }
            ('}' | ']' | '>', _) => depth = depth.saturating_sub(1),
            ('/', Some('/')) | ('#', _) => while characters.next().is_some_and(|next| next != '\n') {},
            ('/', Some('*')) => {
                let mut before = ' ';
                characters.next();
                while let Some(next) = characters.next().filter(|next| before != '*' || *next != '/') {
                    before = next;
                }
            }
            (quote @ ('"' | '\''), _) => {
                while let Some(next) = characters.next().filter(|next| *next != quote && *next != '\n') {
                    if next == '\\' {
                        characters.next();
                    }
                }
            }
            _ => {}
        }
    }
    most
}
