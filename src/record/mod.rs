//! Records: who they are, what they hold, and the events of their life.
//!
//! A record's content is a pure function of seed, stream and sequence number, so nothing that was sent has to be
//! remembered: the reader makes it again and compares.
//!
//! | file | what it holds |
//! |---|---|
//! | `identity`, `identify` | a record's name; reading it back from what landed |
//! | `content` | what a record holds, and the buffer that it is made in |
//! | `feed`, `csv` | payloads from files |
//! | `template/` | payloads from templates with generators |
//! | `key`, `draws` | drawn keys; the randomness of a record |
//! | `stream`, `catalogue` | the records of a workload, and of a run |
//! | `event` | what happens to records |
//! | `journal`, `varint` | attempts as bytes, to be told once more |

mod catalogue;
mod content;
mod csv;
mod draws;
mod event;
mod expected;
mod feed;
mod identify;
mod identity;
mod journal;
mod json;
mod key;
mod nearest;
mod stream;
mod template;
mod timestamps;
pub mod varint;

pub use catalogue::{Catalogue, Identified};
pub use content::{Content, ContentBuf, Format, Header};
pub use csv::{Cell, ColumnType};
pub use event::{
    Answer, Class, End, Hop, Landed, NEVER, Note, PartitionRead, RecordAnswer, RequestId, Sent,
    TopicPartition, UNANSWERED,
};
pub use expected::{Expected, Validity, expectation};
pub use feed::{Feed, FeedError};
pub use identity::{RecordId, RunId, RunIdError};
pub use journal::{BLOCK_HEAD, JournalError, JournalWriter, payload_len, tell_block};
pub use key::{Key, KeySpread, KeySpreadError};
pub use stream::{IdentityPlace, Payload, Stream, StreamError};
pub use template::{TemplateError, TemplateProblem};
pub use timestamps::Timestamps;
