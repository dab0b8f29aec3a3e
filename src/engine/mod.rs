//! The container engine: what landfall starts in it, how that is told apart from everybody else's, and how it goes away
//! again on every way out.
//!
//! | file | what it holds |
//! |---|---|
//! | `connection` | which engine, and what it can do |
//! | `image` | getting images |
//! | `container` | one container: made, started, faulted, looked at |
//! | `network` | the network of a stack |
//! | `logs` | what containers print, kept in files without secrets |
//! | `owner` | whose a stack is, and whether that process lives |
//! | `leftovers` | stacks whose owner is gone, and taking stacks away |
//! | `vitals/` | what a container uses, and what limits it in truth |
//! | `error` | what can go wrong, each with its remedy |

mod connection;
mod container;
mod error;
mod image;
mod leftovers;
mod logs;
mod network;
mod owner;
mod vitals;

pub use connection::{Capabilities, Engine};
pub use container::{Container, ContainerSpec, ContainerState, Limits, PlacedFile};
pub use error::EngineError;
pub use image::ResolvedImage;
pub use leftovers::{Fate, FoundStack, remove_stack, stacks};
pub use logs::{LogFile, Redaction};
pub use network::{MADE_STACKS, Network};
pub use owner::Owner;
pub use vitals::{Bounds, Vitals, VitalsError};

use std::collections::HashMap;

/// The label with the id of the stack that a container or network belongs to.
pub(crate) const STACK_LABEL: &str = "io.landfall.stack";
/// The label with the stack's owner, as [`Owner`] writes it.
pub(crate) const OWNER_LABEL: &str = "io.landfall.owner";
/// The label with the name of the box.
pub(crate) const BOX_LABEL: &str = "io.landfall.box";

/// Whose a container or network is: the id of its stack, and the process that has started it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Belonging {
    /// The stack's id; no two stacks have the same.
    pub stack: String,
    /// The process; `None` where the system does not tell enough to know it again.
    pub owner: Option<Owner>,
}

impl Belonging {
    /// The labels that say so.
    fn labels(&self) -> HashMap<String, String> {
        let owner = self.owner.as_ref().map(|owner| (OWNER_LABEL.to_owned(), owner.to_string()));
        owner.into_iter().chain([(STACK_LABEL.to_owned(), self.stack.clone())]).collect()
    }
}
